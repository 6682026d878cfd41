"""The bench's screen over HTTP: a bench is taken, a scan begins a key, the five steps follow it, and nothing that goes
wrong loses token or case.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, func, select

from tests.integration.production.bench_floor import ROOT, Floor, data_of, open_floor, words_of
from tests.support.database import Database
from tests.support.tokens import a_name
from workbench.cases.models import Application, CaseDecider
from workbench.cases.words import Service
from workbench.kernel.audit import AuditEntry
from workbench.kernel.identity import Role
from workbench.keys.models import Seal
from workbench.production.models import Making
from workbench.production.tokens.driver import Fault

QUERIES_AT_WORK = 7
"""Of one asking that finds nothing new, a request's own included: more than two a second at each bench."""
QUERIES_IDLE = 14
OFFERED = 'class="button primary" autofocus'
"""The bench that one Enter takes."""


@pytest.fixture
def floor(fresh_database: Database, tmp_path: Path) -> Iterator[Floor]:
    """A maker who has not sat down yet."""
    with open_floor(fresh_database, tmp_path) as floor:
        yield floor


@pytest.fixture
def bench(floor: Floor) -> Floor:
    """A maker who sits at the bench."""
    floor.sit_down()
    return floor


def steps_of(floor: Floor) -> str:
    return words_of(floor.state()["pieces"]["job"].split('class="job-steps">')[1].split("</ol>")[0])


def test_one_bench_that_is_free_and_connected_is_taken_by_one_enter(floor: Floor) -> None:
    assert "Agent not connected" in floor.page()
    assert OFFERED not in floor.page()
    floor.show_agent()
    page = floor.page()
    assert "Agent connected" in page
    assert f'action="{ROOT}/take/{floor.station_id}"' in page
    assert page.count(OFFERED) == 1
    floor.sit_down()
    assert "Scan a token" in floor.page()


def test_a_bench_where_somebody_sits_says_so_and_is_not_offered_by_enter(bench: Floor) -> None:
    _, other = bench.hire("second")
    page = bench.page(other)
    assert "示例bench-maker works here" in page
    assert OFFERED not in page


def test_a_scan_begins_the_most_urgent_case_and_the_steps_follow_the_token(bench: Floor) -> None:
    case = bench.workshop.approved(enterprise_name="示例远航进出口有限公司")
    (serial,) = bench.tokens()
    outcome = bench.scan(serial)
    assert (outcome["tone"], outcome["word"]) == ("ok", serial)
    job = words_of(outcome["state"]["pieces"]["job"])
    assert "示例远航进出口有限公司" in job
    assert serial in job
    assert steps_of(bench).startswith("Token at work Key pair to come")
    bench.agent.turn()
    assert steps_of(bench).startswith("Token finished Key pair at work Certificate to come")
    bench.agent.work()
    told = bench.state()
    assert told["pulse"] == f"made:{bench.making_id(outcome)}"
    assert told["said"]["tone"] == "done"
    assert serial in told["said"]["word"]
    assert told["labels"] == [bench.making_id(outcome)]
    assert bench.workshop.state(case) == "made"
    assert "1 made today" in words_of(told["pieces"]["head"])
    assert serial in told["pieces"]["log"]


def test_without_scripts_a_scan_comes_back_to_the_page(bench: Floor) -> None:
    bench.workshop.approved()
    (serial,) = bench.tokens()
    answer = bench.browser.post(f"{ROOT}/scan", serial=serial)
    assert (answer.status_code, answer.location) == (303, f"{ROOT}/")
    page = bench.page()
    assert f"{serial} · Allocated" in page
    assert "In work" in page
    refused = bench.browser.post(f"{ROOT}/scan", serial="NOSUCH")
    assert refused.status_code == 303
    assert "There is no token NOSUCH in stock." in bench.page()


def test_the_same_scan_twice_is_harmless(bench: Floor) -> None:
    bench.workshop.approved()
    bench.workshop.approved()
    (serial,) = bench.tokens()
    first, second = bench.scan(serial), bench.scan(serial)
    assert (first["tone"], second["tone"]) == ("ok", "repeat")
    assert bench.workshop.read(lambda session: session.scalar(select(func.count()).select_from(Making))) == 1


def test_what_cannot_be_used_is_refused_by_its_serial_number(bench: Floor) -> None:
    for _ in range(3):
        bench.workshop.approved()
    spoiled, elsewhere, here = bench.tokens(3)
    making = bench.making_id(bench.scan(spoiled))
    assert bench.act(f"makings/{making}/spoil", remark="断裂").status_code == 200
    other, _ = bench.hire("second")
    second = bench.workshop.bench(other, "示例二号台")
    bench.workshop.scan(second, elsewhere, other)
    for serial, said in (
        ("NOSUCH", "There is no token NOSUCH in stock."),
        (spoiled, f"Token {spoiled} was set aside as spoiled."),
        (elsewhere, f"Token {elsewhere} is in work at another bench."),
    ):
        outcome = bench.scan(serial)
        assert (outcome["tone"], outcome["word"], outcome["detail"]) == ("refused", serial, said)
    bench.scan(here)
    assert f"Token {here} is still in work here" in bench.scan(spoiled)["detail"]


def test_a_finished_key_shows_its_case_and_begins_nothing(bench: Floor) -> None:
    (made,) = bench.made()
    serial = (
        bench.workshop.read(lambda session: session.get_one(Making, made).token_id)
        and words_of(bench.state()["pieces"]["log"]).split("MEM")[1].split()[0]
    )
    bench.workshop.approved()
    outcome = bench.scan(f"MEM{serial}")
    assert (outcome["tone"], outcome["shown"]) == ("refused", made)
    assert "is a finished key" in outcome["detail"]
    job = words_of(outcome["state"]["pieces"]["job"])
    assert "Finished on" in job
    assert "Print the label" in job
    assert bench.state(key=made)["pieces"]["job"] == outcome["state"]["pieces"]["job"]
    assert "Finished on" not in words_of(bench.state(key=made + 1)["pieces"]["job"])


@pytest.mark.parametrize(
    ("fault", "call", "words"),
    [
        (Fault.TOKEN_PULLED, "personalise", ("The token was pulled out", "Plug it in again, then retry.")),
        (Fault.TOKEN_FULL, "write_certificate", ("There is no room left", "Set it aside as spoiled")),
    ],
)
def test_a_fault_says_what_happened_and_what_to_do_and_a_retry_goes_on(
    bench: Floor, fault: Fault, call: str, words: tuple[str, str]
) -> None:
    case = bench.workshop.approved()
    (serial,) = bench.tokens()
    making = bench.making_id(bench.scan(serial))
    bench.driver.fail(call, fault)
    bench.agent.work()
    told = bench.state()
    assert told["said"]["tone"] == "refused"
    assert words[0] in told["said"]["word"]
    assert words[1] in told["said"]["detail"]
    job = words_of(told["pieces"]["job"])
    assert words[0] in job
    assert "stopped" in job
    assert 'data-key="F2"' in told["pieces"]["job"]
    assert bench.act(f"makings/{making}/retry").get_json()["tone"] == "ok"
    bench.agent.work()
    assert bench.workshop.making(making).state == "made"
    assert len(bench.workshop.certificates(case)) == 1


def test_what_is_wrong_with_a_tokens_request_is_said_in_chinese(bench: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.workshop.approved()
    bench.scan(bench.tokens()[0])
    sign: Callable[..., bytes] = bench.driver.sign_request
    monkeypatch.setattr(bench.driver, "sign_request", lambda *order: sign(*order[:-1], a_name("示例他人")))
    bench.agent.work()
    assert "names another subject than was ordered" in words_of(bench.state()["pieces"]["job"])
    bench.browser.client.set_cookie("language", "zh")
    assert "证书请求中的主体与要求的不同。" in words_of(bench.state()["pieces"]["job"])


def test_a_token_is_put_back_left_or_set_aside(bench: Floor) -> None:
    case = bench.workshop.approved()
    first, second = bench.tokens(2)
    making = bench.making_id(bench.scan(first))
    outcome = bench.act(f"makings/{making}/put-back").get_json()
    assert (outcome["tone"], bench.workshop.token(first).state) == ("ok", "blank")
    making = bench.making_id(bench.scan(second))
    assert bench.act(f"makings/{making}/leave").get_json()["tone"] == "ok"
    assert bench.workshop.making(making).station_id is None
    assert "left for later" in words_of(bench.state()["pieces"]["log"])
    assert bench.making_id(bench.scan(second)) == making
    refused = bench.act(f"makings/{making}/spoil", remark=" ")
    assert refused.status_code == 400
    assert "Say why" in refused.get_json()["detail"]
    assert bench.act(f"makings/{making}/spoil", remark="断裂").status_code == 200
    assert (bench.workshop.token(second).state, bench.workshop.state(case)) == ("spoiled", "production")


def test_after_the_certificate_was_asked_for_putting_back_is_not_offered(bench: Floor) -> None:
    bench.workshop.approved()
    (serial,) = bench.tokens()
    making = bench.making_id(bench.scan(serial))
    assert "/put-back" in bench.state()["pieces"]["job"]
    bench.driver.fail("write_certificate", Fault.TOKEN_PULLED)
    bench.agent.work()
    assert "/put-back" not in bench.state()["pieces"]["job"]
    assert "/spoil" in bench.state()["pieces"]["job"]
    assert bench.act(f"makings/{making}/put-back").status_code == 409


def test_a_chosen_case_is_shown_and_made_and_one_that_is_gone_counts_as_none(bench: Floor) -> None:
    bench.workshop.approved(enterprise_name="示例甲有限公司")
    wanted = bench.workshop.approved(enterprise_name="示例乙有限公司")
    first, second = bench.tokens(2)
    assert "The next token is for 示例甲有限公司" in words_of(bench.state()["pieces"]["job"])
    assert "Chosen: the next token is for 示例乙有限公司" in words_of(bench.state(case=wanted)["pieces"]["job"])
    assert f'name="case" value="{wanted}"' in bench.page(case=wanted)
    making = bench.making_id(bench.scan(first, case=wanted))
    assert bench.workshop.making(making).application_id == wanted
    bench.agent.work()
    assert "The next token is for 示例甲有限公司" in words_of(bench.state(case=wanted)["pieces"]["job"])
    assert "can't be made now" in bench.scan(second, case=wanted)["detail"]


def test_why_an_old_key_ends_is_preset_and_counts_for_the_case_it_was_said_of(bench: Floor) -> None:
    replaced = bench.workshop.approved(Service.REPLACEMENT, reason="钥匙损坏")
    plain = bench.workshop.approved()
    (first,) = bench.tokens()
    reason = bench.state()["pieces"]["reason"]
    assert 'value="damaged" checked' in reason
    assert f'name="preview" value="{replaced}"' in reason
    making = bench.making_id(bench.scan(first, preview=replaced, because="changed"))
    assert (bench.workshop.making(making).application_id, bench.workshop.making(making).ends_because) == (
        replaced,
        "changed",
    )
    bench.agent.work()
    assert "because" not in bench.state()["pieces"]["reason"]
    (second,) = bench.tokens()
    making = bench.making_id(bench.scan(second, preview=replaced, because="lost"))
    assert (bench.workshop.making(making).application_id, bench.workshop.making(making).ends_because) == (plain, None)


def test_nothing_is_told_twice_and_a_change_is_told_at_once(bench: Floor) -> None:
    bench.workshop.approved()
    (serial,) = bench.tokens()
    bench.show_agent()
    told = data_of(bench.page())
    assert bench.browser.get(f"{ROOT}/state?seen={told['version']}").status_code == 204
    assert told["wait"] == 2000
    outcome = bench.scan(serial)
    assert outcome["state"]["wait"] == 400
    seen = outcome["state"]["version"]
    assert bench.browser.get(f"{ROOT}/state?seen={seen}").status_code == 204
    bench.agent.turn()
    assert bench.browser.get(f"{ROOT}/state?seen={seen}").status_code == 200


def test_an_agent_that_is_gone_is_said_large_with_what_to_do(bench: Floor) -> None:
    assert "does not answer" not in bench.page()
    with bench.workshop.parts.work() as session:
        station = bench.workshop.stations()[0]
        session.merge(station).last_seen_at = None
    head = words_of(bench.state()["pieces"]["head"])
    assert "The bench agent does not answer: nothing can be made here." in head
    assert "workbench bench-agent" in head


def test_who_decided_on_a_case_is_not_offered_it(bench: Floor) -> None:
    case = bench.workshop.approved(enterprise_name="示例甲有限公司")
    with bench.workshop.parts.work() as session:
        authority = session.get_one(Application, case).authority_id
        session.add(CaseDecider(application_id=case, authority_id=authority, staff_id=bench.maker.id, desk="re_check"))
    assert "示例甲有限公司" not in bench.page()
    (serial,) = bench.tokens()
    assert "You have decided on this case at another desk" in bench.scan(serial, case=case)["detail"]


def test_a_seals_picture_is_given_to_makers_alone(bench: Floor) -> None:
    bench.workshop.approved()
    seal = bench.workshop.read(lambda session: session.scalars(select(Seal.id)).one())
    address = f"{ROOT}/seals/{seal}.png"
    assert address in bench.page()
    answer = bench.browser.get(address)
    assert (answer.status_code, answer.mimetype) == (200, "image/png")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "private" in answer.headers["Cache-Control"]
    for role in (Role.VENDOR_SUPERVISOR, Role.RE_CHECKER, Role.AUDITOR):
        _, browser = bench.hire(role.value.replace("_", "-"), role)
        for path in (address, f"{ROOT}/", f"{ROOT}/state"):
            assert browser.get(path).status_code == 403, (role, path)
    assert bench.browser.get(f"{ROOT}/seals/999.png").status_code == 404


def test_acts_on_what_does_not_exist_or_belongs_to_the_past_are_refused(bench: Floor) -> None:
    (made,) = bench.made()
    for act in ("retry", "leave", "put-back", "spoil"):
        assert bench.act(f"makings/{made}/{act}", remark="x").status_code == 409, act
        assert bench.act(f"makings/{10**30}/{act}", remark="x").status_code == 404, act
    assert bench.act("batches/7/stop").status_code == 404
    for value in ("", "0", "-3", "x", "501", "9" * 30):
        assert bench.act("batches", wanted=value).status_code == 400, value


def test_who_sits_nowhere_scans_nothing(floor: Floor) -> None:
    answer = floor.act("scan", serial="X1")
    assert answer.status_code == 409
    assert "You sit at no bench" in answer.get_json()["detail"]
    assert floor.state()["away"] is True


def test_looking_writes_nothing(bench: Floor) -> None:
    (made,) = bench.made()
    bench.workshop.approved()

    def kept() -> tuple[object, ...]:
        return bench.workshop.read(
            lambda session: tuple(
                session.execute(
                    select(
                        select(func.count()).select_from(AuditEntry).scalar_subquery(),
                        select(func.count()).select_from(Making).scalar_subquery(),
                        select(Making.label_printed_at).where(Making.id == made).scalar_subquery(),
                    )
                ).one()
            )
        )

    before = kept()
    for path in ("/", "/state", f"/?key={made}", f"/state?key={made}&case=3", "/?case=x&key=-1"):
        assert bench.browser.get(ROOT + path).status_code == 200
    for path in ("/labels", "/letters", "/letters/sealed", "/scan", "/batches"):
        assert bench.browser.get(ROOT + path).status_code == 405
    assert kept() == before


def test_the_maker_gets_up_only_with_empty_hands(bench: Floor) -> None:
    bench.workshop.approved()
    (serial,) = bench.tokens()
    making = bench.making_id(bench.scan(serial))
    assert bench.browser.post(f"{ROOT}/leave-station").status_code == 303
    assert "A key is in work at 示例一号台" in bench.page()
    bench.act(f"makings/{making}/put-back")
    assert bench.browser.post(f"{ROOT}/leave-station").status_code == 303
    assert "Choose the bench you sit at." in bench.page()


def test_a_day_of_a_key_maker(bench: Floor) -> None:
    bench.made(2)
    bench.workshop.approved()
    bench.workshop.approved(sealed=False)
    page = bench.browser.get("/desk/").text
    card = words_of(page.split('<section class="card wide">')[1].split("</section>")[0])
    assert "Seals to prepare 1" in card
    assert "Ready to make 1" in card
    assert "Made today 2" in card
    assert "PIN letters to close 2" in card
    assert bench.browser.get("/desk/counts").get_json()["bench.index"] == 1


class Statements:
    """How many statements the application sends."""

    def __init__(self, engine: Engine) -> None:
        self.sent: list[str] = []
        event.listen(engine, "before_cursor_execute", lambda *arguments: self.sent.append(arguments[2]))


def test_an_asking_costs_few_statements_however_much_waits(bench: Floor) -> None:
    for _ in range(12):
        bench.workshop.approved()
    tokens = bench.tokens(3)
    bench.show_agent()
    bench.state()
    counted = Statements(bench.workshop.parts.engine)
    version = bench.state(case=3)["version"]
    whole = len(counted.sent)
    counted.sent.clear()
    assert bench.browser.get(f"{ROOT}/state?case=3&seen={version}").status_code == 204
    idle = len(counted.sent)
    bench.scan(tokens[0])
    version = bench.state()["version"]
    counted.sent.clear()
    assert bench.browser.get(f"{ROOT}/state?seen={version}").status_code == 204
    at_work = len(counted.sent)
    assert at_work <= QUERIES_AT_WORK, counted.sent
    assert idle < whole <= QUERIES_IDLE
