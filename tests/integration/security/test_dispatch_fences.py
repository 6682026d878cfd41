"""Counter staff of one authority see, receive and hand over nothing of another: not by its ids, not by verbs, lists,
searches, exports or papers, not by SQL. A misrouted key tells its finder a serial number and where to send it.
"""

import re
from collections.abc import Callable
from io import BytesIO
from typing import Any
from uuid import uuid4

import pdfplumber
import psycopg
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.integration.security.conftest import Prey
from tests.integration.security.dispatch import DELEGATE, OF_AUTHORITY, Travelled
from tests.integration.security.test_isolation import NOBODYS, addresses, connect, shape
from tests.support.casework import DOCUMENTS, actor_of
from tests.support.keys import made_key
from workbench.cases.models import Application
from workbench.collection import disposing, handing, surrenders, telling
from workbench.collection.collectors import Collector, get_hand_over, reveal_delegate
from workbench.collection.originals import Tick
from workbench.collection.receipts import receipt_of
from workbench.collection.words import CollectorKind, Disposal, Stamping
from workbench.dispatch import consignments, packing, receiving, settling
from workbench.kernel.clock import now
from workbench.kernel.errors import NotFound, WorkbenchError
from workbench.kernel.identity import Actor
from workbench.keys import destroying
from workbench.keys.models import Token
from workbench.organisation.models import Authority, Staff

ATTACKERS = ("counter-staff-b", "authority-supervisor-b")


def actor(prey: Prey, login: str) -> Actor:
    """A member of staff as the verbs know them."""
    with prey.desk.office.work() as session:
        return actor_of(session.get_one(Staff, prey.desk.people[login]))


@pytest.mark.parametrize("table", OF_AUTHORITY)
def test_sql_reaches_the_own_authoritys_rows_and_no_other(prey: Prey, table: str) -> None:
    ids = prey.desk.office.authority_ids
    for authority_id in ids:
        with connect(prey, str(authority_id)) as connection:
            assert connection.execute(f"SELECT DISTINCT authority_id FROM {table}").fetchall() == [(authority_id,)]
            foreign = next(each for each in ids if each != authority_id)
            with pytest.raises(psycopg.Error) as refused:
                connection.execute(f"UPDATE {table} SET authority_id = {foreign}")
            assert refused.value.sqlstate in {"42501", "23503"}
            try:
                assert connection.execute(f"DELETE FROM {table} WHERE authority_id = {foreign}").rowcount == 0
            except psycopg.errors.InsufficientPrivilege:
                continue  # nobody deletes here at all
    with connect(prey, "*") as connection:
        assert connection.execute(f"SELECT count(DISTINCT authority_id) FROM {table}").fetchone() == (2,)


@pytest.mark.parametrize("table", [each for each in OF_AUTHORITY if each != "pickup"])
def test_an_applicant_sees_nothing_of_it(prey: Prey, table: str) -> None:
    with connect(prey, "") as connection:
        connection.execute("SELECT set_config('workbench.applicant', '1', false)")
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


@pytest.mark.parametrize("which", ["collected", "waiting", "damaged"])
@pytest.mark.parametrize("login", ATTACKERS)
def test_no_address_tells_another_authoritys_key_from_one_that_does_not_exist(
    prey: Prey, login: str, which: str
) -> None:
    browser, travelled = prey.desk.browser(login), prey.theirs.travelled
    for part in ("signature", "letter"):
        theirs = {**travelled.ids(getattr(travelled, which)), "part": part}
        nobodys = {**dict.fromkeys(theirs, NOBODYS), "part": part}
        for method in ("GET", "POST"):
            pairs = zip(addresses(prey, theirs, method), addresses(prey, nobodys, method), strict=True)
            for (endpoint, there), (_, nowhere) in pairs:
                if part == "letter" and "letter" not in there:
                    continue
                ask = browser.get if method == "GET" else browser.post
                found, missing = ask(there), ask(nowhere)
                assert found.status_code in {400, 403, 404}, (endpoint, found.status_code)
                assert shape(found) == shape(missing), endpoint


def test_the_same_addresses_do_answer_at_home(prey: Prey) -> None:
    """Otherwise the walk proves nothing."""
    browser, own = prey.desk.browser("counter-staff-b"), prey.own.travelled
    answered = set()
    for key in (own.collected, own.waiting):
        for part in ("signature", "letter"):
            ids = {**own.ids(key), "part": part}
            answered |= {
                endpoint for endpoint, address in addresses(prey, ids, "GET") if browser.get(address).status_code == 200
            }
    assert {
        "consignments.show",
        "consignments.packing_list",
        "receiving.parcel",
        "receiving.note",
        "discrepancies.photo",
        "hand_over.show",
        "hand_over.done",
        "hand_over.receipt",
        "hand_over.picture",
        "hand_over.refused",
        "custody_log.export_page",
        "custody_log.export_file",
    } <= answered


LISTS = (
    "/desk/collection/",
    "/desk/collection/telling/",
    "/desk/collection/waiting/",
    "/desk/collection/returned/",
    "/desk/dispatch/receiving/",
    "/desk/dispatch/consignments/",
    "/desk/dispatch/differences/",
    "/desk/custody/",
    "/desk/custody/discrepancies",
    "/desk/statement/",
    "/desk/statement/statement.pdf",
    "/desk/board/",
)


@pytest.mark.parametrize("login", ATTACKERS)
def test_lists_searches_and_papers_show_nothing_of_it(prey: Prey, login: str) -> None:
    browser, travelled = prey.desk.browser(login), prey.theirs.travelled
    foreign = prey.desk.office.authority_ids[1]
    with prey.desk.office.work() as session:
        case = session.get_one(Application, travelled.waiting.application_id)
    marks = {*travelled.marks, case.number, case.uscc, case.enterprise_name}
    month = now().strftime("%Y-%m")
    shown = 0
    for path in LISTS:
        queries = ["", f"authority={foreign}&month={month}", f"settled=1&authority={foreign}"]
        for query in [*queries, *(f"q={word}&authority={foreign}" for word in sorted(marks))]:
            answer = browser.get(f"{path}?{query}", follow_redirects=True)
            typed = {word for word in marks if f"q={word}" in query}
            seen = {word for word in marks - typed if word in _words(answer.data, answer.mimetype)}
            assert seen == set(), (path, query)
            shown += answer.status_code == 200
    assert shown > len(LISTS)


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_an_export_holds_nothing_of_it(prey: Prey, kind: str) -> None:
    foreign = prey.desk.office.authority_ids[1]
    for query in ("", f"?authority={foreign}", f"?q={prey.theirs.travelled.waiting.serial}"):
        answer = prey.desk.browser("counter-staff-b").post(f"/desk/custody/export{query}", format=kind)
        said = _words(answer.data, answer.mimetype)
        assert not any(mark in said for mark in prey.theirs.travelled.marks), query
        if not query and kind == "csv":
            assert prey.own.travelled.waiting.serial in said


def _words(content: bytes, mimetype: str | None) -> str:
    """What a reader finds in a page, a PDF or a workbook."""
    if mimetype == "application/pdf":
        with pdfplumber.open(BytesIO(content)) as paper:
            return "".join(page.extract_text() for page in paper.pages)
    if content[:2] == b"PK":
        from openpyxl import load_workbook

        sheet = load_workbook(BytesIO(content), read_only=True).active
        assert sheet is not None
        return "\n".join(str(row) for row in sheet.iter_rows(values_only=True))
    return content.decode("utf-8", "replace")


Verb = Callable[[Session, Actor, Prey, Travelled], object]


def _attend(session: Session, who: Actor, prey: Prey, there: Travelled) -> object:
    ticks = tuple(Tick(code, True) for code in DOCUMENTS)
    comparison = handing.Comparison(uuid4(), now(), ticks, Stamping.PASSED, "x")
    giving = handing.Giving(there.waiting.serial, Collector(CollectorKind.HOLDER), 1, signature_sha256="a" * 64)
    return handing.attend(session, prey.desk.office.secrets, who, there.waiting.application_id, comparison, giving)


def _surrender_at_home(session: Session, who: Actor, prey: Prey, there: Travelled) -> object:
    return surrenders.surrender(session, who, prey.own.travelled.waiting.application_id, there.collected.serial)


VERBS: dict[str, Verb] = {
    "find_parcel": lambda s, a, _, t: receiving.find_parcel(s, a, t.number),
    "find_parcel by waybill": lambda s, a, _, t: receiving.find_parcel(s, a, t.waybill),
    "arrive": lambda s, a, _, t: receiving.arrive(s, a, t.consignment),
    "open_parcel": lambda s, a, _, t: receiving.open_parcel(s, a, t.consignment),
    "scan_key": lambda s, a, _, t: receiving.scan_key(s, a, t.consignment, t.missing.serial),
    "close_parcel": lambda s, a, _, t: receiving.close_parcel(s, a, t.consignment, complete=True),
    "send_on": lambda s, a, _, t: settling.send_on(s, a, t.missed, "sf", "SF9999999999999"),
    "keep_extra": lambda s, a, _, t: settling.keep_extra(s, a, t.missed),
    "settle_in_words": lambda s, a, _, t: settling.settle_in_words(s, a, t.missed, "x"),
    "notify": lambda s, a, _, t: telling.notify(s, a, t.missing.application_id),
    "attend": _attend,
    "surrender": lambda s, a, _, t: surrenders.surrender(s, a, t.waiting.application_id, t.collected.serial),
    "surrender at home": _surrender_at_home,
    "propose": lambda s, a, _, t: disposing.propose_disposal(s, a, t.pickup, Disposal.DESTROY, "x", uncollected_days=0),
    "sign": lambda s, a, _, t: disposing.sign_disposal(s, a, t.pickup),
    "withdraw": lambda s, a, _, t: disposing.withdraw_disposal(s, a, t.pickup),
    "propose_destruction": lambda s, a, _, t: destroying.propose_destruction(s, a, t.damaged.serial, "x"),
    "sign_destruction": lambda s, a, _, t: destroying.sign_destruction(s, a, t.destruction),
    "withdraw_proposal": lambda s, a, _, t: destroying.withdraw_proposal(s, a, t.destruction),
    "receipt": lambda s, a, p, t: receipt_of(s, p.desk.parts.blobs, a, t.collected.application_id),
    "get_hand_over": lambda s, a, _, t: get_hand_over(s, a, t.collected.application_id),
    "reveal": lambda s, a, p, t: reveal_delegate(s, p.desk.office.secrets, a, t.collected.application_id, "x"),
    "get_consignment": lambda s, a, _, t: consignments.get_consignment(s, a, t.consignment),
}


@pytest.mark.parametrize("verb", VERBS)
def test_no_verb_moves_it_even_past_the_database(prey: Prey, verb: str) -> None:
    """With the database open wide, the verb alone still refuses: the fences hold one by one."""
    who = actor(prey, "counter-staff-b")
    before = _trace(prey)
    for reach in (who, None):
        with pytest.raises(WorkbenchError) as refused, prey.desk.office.work(*([reach] if reach else [])) as session:
            VERBS[verb](session, who, prey, prey.theirs.travelled)
        if verb != "surrender at home":
            assert isinstance(refused.value, NotFound), refused.value
    assert _trace(prey) == before


def _trace(prey: Prey) -> list[tuple[Any, ...]]:
    """Every key of the other authority as it stands."""
    with prey.desk.office.work() as session:
        stands = select(Token.id, Token.custody_seq, Token.custodian, Token.custodian_ref, Token.state)
        foreign = prey.desk.office.authority_ids[1]
        return [tuple(row) for row in session.execute(stands.where(Token.authority_id == foreign).order_by(Token.id))]


def test_a_misrouted_key_tells_its_serial_and_its_authority_only(prey: Prey) -> None:
    desk, own = prey.desk, prey.own.travelled
    browser, foreign = desk.browser("counter-staff-b"), prey.desk.office.authority_ids[1]
    secret = "示例不可说有限公司"
    key = made_key(desk.office, 1, enterprise_name=secret)
    with desk.office.work() as session:
        case = session.get_one(Application, key.application_id)
        name = session.get_one(Authority, foreign).name_en
    assert browser.post(f"/desk/dispatch/receiving/{own.consignment}/open").status_code == 303
    scan = f"/desk/dispatch/receiving/{own.consignment}/scan"
    answers = [
        browser.client.post(
            scan, data={"csrf_token": browser.token, "serial": key.serial}, headers={"Accept": "application/json"}
        ),
        browser.get(f"/desk/dispatch/receiving/{own.consignment}"),
        browser.get("/desk/dispatch/differences/"),
        browser.get(f"/desk/collection/?q={key.serial}"),
        browser.get(f"/desk/custody/?q={key.serial}"),
    ]
    assert key.serial in answers[1].text
    assert name in answers[1].text
    with desk.office.work(actor(prey, "counter-staff-b")) as session:
        finding = receiving.scan_key(session, actor(prey, "counter-staff-b"), own.consignment, key.serial)
        assert (finding.repeated, finding.enterprise, finding.belongs_to_id) == (True, None, foreign)
        assert session.scalars(select(Token).where(Token.serial == key.serial)).all() == []
        assert session.scalars(select(Application).where(Application.id == case.id)).all() == []
    for answer in answers:
        assert answer.status_code == 200
        for word in (secret, case.number, case.uscc, DELEGATE):
            assert word not in answer.text, word


def test_a_serial_with_marks_of_searching_finds_nothing_more(prey: Prey) -> None:
    browser = prey.desk.browser("counter-staff-b")
    for word in ("%", "_", "VK%", "SF%", "*", "' OR 1=1 --"):
        for path in LISTS[:7]:
            text = browser.get(path, query_string={"q": word}, follow_redirects=True).text
            assert not re.search("|".join(map(re.escape, prey.theirs.travelled.marks)), text), (path, word)


def test_packing_verbs_are_no_counters(prey: Prey) -> None:
    who, there = actor(prey, "counter-staff-b"), prey.theirs.travelled
    with prey.desk.office.work(who) as session:
        for verb in (packing.pack, packing.unpack):
            with pytest.raises(WorkbenchError, match=r"."):
                verb(session, who, there.consignment, there.missing.serial)


def test_a_key_that_lies_at_its_own_authority_is_not_taken_by_typing_its_number(prey: Prey) -> None:
    """Nobody can have it in hand who opens a parcel elsewhere; and whoever holds it must be able to hand it over."""
    desk, own, there = prey.desk, prey.own.travelled, prey.theirs.travelled
    who, before = actor(prey, "counter-staff-b"), _trace(prey)
    with desk.office.work(who) as session:
        receiving.open_parcel(session, who, own.consignment)
        for serial in (there.waiting.serial, there.collected.serial):
            seen = receiving.scan_key(session, who, own.consignment, serial)
            assert (seen.finding.value, seen.enterprise, seen.belongs_to_id) == ("unknown", None, None)
    assert _trace(prey) == before
