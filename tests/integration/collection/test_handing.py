"""The hand-over: what passes, what is refused, and that a capture is written once, whoever sends it how often."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.integration.collection.conftest import SIGNATURE, Counter, comparison, giving
from tests.support.casework import IDENTITY, OTHER_IDENTITY
from workbench.cases.models import CaseDecider
from workbench.collection.collectors import Collector, get_hand_over, reveal_delegate
from workbench.collection.handing import Attended, Comparison
from workbench.collection.models import HandOver, StampingAttempt
from workbench.collection.originals import Tick
from workbench.collection.words import CollectorKind, Stamping
from workbench.kernel.audit import AuditEntry
from workbench.kernel.errors import Conflict, Invalid, NotAllowed, NotFound, WorkbenchError
from workbench.kernel.identity import Role
from workbench.kernel.outbox import OutboxMessage
from workbench.keys.models import Certificate
from workbench.keys.service import revoke

DELEGATE = Collector(CollectorKind.DELEGATE, "示例代领", OTHER_IDENTITY, "b" * 64)


def _count(session: Session, table: type[HandOver] | type[StampingAttempt]) -> int:
    return session.scalar(select(func.count()).select_from(table)) or 0


def test_a_key_is_handed_to_its_enterprise_and_the_wait_ends(counter: Counter) -> None:
    key = counter.waiting()
    done = counter.attend(key, comparison(), giving(key.serial))
    token, pickup = counter.token(key), counter.pickup(key)
    assert done.hand_over is not None
    assert (done.hand_over.collector, done.hand_over.collector_name) == ("holder", "示例甲")
    assert (token.state, token.custodian) == ("handed_over", "enterprise")
    assert counter.state(key) == "collected"
    assert pickup.ended_because == "collected"


def test_a_difference_refuses_keeps_the_key_and_tells_what_to_bring(counter: Counter) -> None:
    key = counter.waiting()
    done = counter.attend(key, comparison(business_licence="公章不清"))
    token, pickup = counter.token(key), counter.pickup(key)
    mail = counter.read(
        lambda session: session.scalars(
            select(OutboxMessage.body).where(OutboxMessage.event.endswith("final_stamping_refused"))
        ).one()
    )
    assert (done.attempt.outcome, done.hand_over) == ("refused", None)
    assert (token.custodian, counter.state(key), pickup.ended_at) == ("authority", "awaiting_collection", None)
    assert "公章不清" in mail
    assert f"{pickup.code[:4]} {pickup.code[4:]}" in mail
    # The next attempt starts afresh and may pass.
    assert counter.attend(key, comparison(), giving(key.serial)).hand_over is not None


def test_the_same_capture_again_changes_nothing(counter: Counter) -> None:
    key, what = counter.waiting(), comparison()
    first = counter.attend(key, what, giving(key.serial))
    again = counter.attend(key, what, giving(key.serial), who=counter.second)
    assert (first.repeated, again.repeated) == (False, True)
    assert again.hand_over is not None
    assert first.hand_over is not None
    assert again.hand_over.id == first.hand_over.id


@pytest.mark.parametrize(
    "otherwise",
    [
        {"given": giving("VK404")},
        {"given": None},
        {"collector": DELEGATE},
        {"surrendered": "VK404"},
        {"differ": {"business_licence": "公章不清"}},
    ],
)
def test_the_same_capture_with_other_content_is_refused(counter: Counter, otherwise: dict[str, Any]) -> None:
    key, what = counter.waiting(), comparison()
    counter.attend(key, what, giving(key.serial))
    differ, given = otherwise.pop("differ", {}), otherwise.pop("given", giving(key.serial))
    given = replace(given, **otherwise) if otherwise else given
    with pytest.raises(Conflict, match="other content"):
        counter.attend(key, comparison(what.client_id, **differ), given)


def test_a_pass_under_the_id_of_a_refusal_is_refused_and_not_lost(counter: Counter) -> None:
    key, what = counter.waiting(), comparison(business_licence="公章不清")
    counter.attend(key, what)
    assert counter.attend(key, what).repeated
    with pytest.raises(Conflict, match="other content"):
        counter.attend(key, comparison(what.client_id), giving(key.serial))
    assert counter.state(key) == "awaiting_collection"
    assert counter.attend(key, comparison(), giving(key.serial)).hand_over is not None


@pytest.mark.parametrize("other", [replace(DELEGATE, name="示例他人"), replace(DELEGATE, identity_number=IDENTITY)])
def test_another_delegate_under_the_same_id_is_refused(counter: Counter, other: Collector) -> None:
    key, what = counter.waiting(), comparison()
    counter.attend(key, what, giving(key.serial, collector=DELEGATE))
    assert counter.attend(key, what, giving(key.serial, collector=DELEGATE)).repeated
    with pytest.raises(Conflict, match="other content"):
        counter.attend(key, what, giving(key.serial, collector=other))


def _at_once(*calls: tuple[Counter, dict[str, object]]) -> list[Attended | WorkbenchError]:
    barrier = Barrier(len(calls))

    def run(call: tuple[Counter, dict[str, object]]) -> Attended | WorkbenchError:
        counter, named = call
        barrier.wait()
        try:
            return counter.attend(**named)  # type: ignore[arg-type]  # as the tests name them
        except WorkbenchError as error:
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_one_capture_sent_by_several_lines_at_once_is_one_hand_over(counter: Counter) -> None:
    key, what = counter.waiting(), comparison()
    call: dict[str, object] = {"key": key, "what": what, "given": giving(key.serial)}
    answers = _at_once(*[(counter, call)] * 4)
    assert all(isinstance(each, Attended) for each in answers)
    assert sorted(each.repeated for each in answers if isinstance(each, Attended)) == [False, True, True, True]
    assert counter.read(lambda session: (_count(session, HandOver), _count(session, StampingAttempt))) == (1, 1)


def test_of_two_people_at_one_key_one_hands_it_over(counter: Counter) -> None:
    key = counter.waiting()
    calls: list[tuple[Counter, dict[str, object]]] = [
        (counter, {"key": key, "what": comparison(), "given": giving(key.serial), "who": who})
        for who in (counter.clerk, counter.second)
    ]
    answers = _at_once(*calls)
    assert sum(isinstance(each, Attended) for each in answers) == 1
    assert sum(isinstance(each, Conflict) for each in answers) == 1
    # What the loser had begun left nothing behind.
    assert counter.read(lambda session: (_count(session, HandOver), _count(session, StampingAttempt))) == (1, 1)


def test_a_capture_of_another_case_is_refused(counter: Counter) -> None:
    key, other, what = counter.waiting(), counter.waiting(), comparison()
    counter.attend(key, what, giving(key.serial))
    with pytest.raises(Conflict, match="another case"):
        counter.attend(other, what, giving(other.serial))
    far = counter.waiting(1)
    with pytest.raises(Conflict, match="another case"):
        counter.attend(far, what, giving(far.serial), who=counter.stranger)


def test_only_the_keys_own_serial_is_handed_over(counter: Counter) -> None:
    key, other = counter.waiting(), counter.waiting()
    with pytest.raises(Conflict, match="not the key of case"):
        counter.attend(key, comparison(), giving(other.serial))
    assert counter.state(key) == "awaiting_collection"


def test_a_key_without_a_valid_certificate_stays(counter: Counter) -> None:
    key = counter.waiting()
    with counter.office.work() as session:
        number = session.scalars(select(Certificate.id).where(Certificate.key_number == key.serial)).one()
        revoke(session, number, "示例", counter.clerk)
    with pytest.raises(Conflict, match="no valid certificate"):
        counter.attend(key, comparison(), giving(key.serial))


def test_whoever_decided_at_another_desk_hands_nothing_over(counter: Counter) -> None:
    key = counter.waiting()
    both = counter.office.hire(
        "both", Role.PRE_CHECKER, Role.COUNTER_STAFF, authority_id=counter.office.authority_ids[0]
    )
    with counter.office.work() as session:
        own = {"application_id": key.application_id, "authority_id": counter.office.authority_ids[0]}
        session.add(CaseDecider(**own, staff_id=both.id, desk="pre_check"))
    with pytest.raises(NotAllowed, match="another desk"):
        counter.attend(key, comparison(), giving(key.serial), who=both)


def test_another_authoritys_key_is_not_found(counter: Counter) -> None:
    key = counter.waiting()
    with pytest.raises(NotFound):
        counter.attend(key, comparison(), giving(key.serial), who=counter.stranger)
    with pytest.raises(NotFound):
        counter.do(get_hand_over, counter.collected().application_id, who=counter.stranger)


def test_roles_without_the_counter_hand_nothing_over(counter: Counter) -> None:
    key = counter.waiting()
    with pytest.raises(NotAllowed):
        counter.attend(key, comparison(), giving(key.serial), who=counter.office.clerk())


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (replace(comparison(), ticks=()), "every original"),
        (replace(comparison(), ticks=(*comparison().ticks, Tick("extra", True))), "every original"),
        (replace(comparison(business_licence="异"), stamping=Stamping.PASSED), "only be refused"),
        (replace(comparison(), stamping=Stamping.REFUSED), "Mark the original"),
        (replace(comparison(), remark=" "), "how the final stamping ended"),
        (comparison(business_licence=" "), "what is different"),
    ],
)
def test_half_comparisons_are_refused(counter: Counter, what: Comparison, words: str) -> None:
    key = counter.waiting()
    with pytest.raises(Invalid, match=words):
        counter.attend(key, replace(what, client_id=uuid4()), giving(key.serial))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"signature_sha256": None}, "signs on the screen"),
        ({"slip_sha256": SIGNATURE}, "signs on the screen"),
        *(
            ({"collector": replace(DELEGATE, name=name)}, "name")
            for name in (" ", "\u200b", "\u202e", "\u3164\u3164", "示", "示\u200b", "12", "示\n例", "示" * 61)
        ),
        ({"collector": replace(DELEGATE, identity_number=OTHER_IDENTITY[:-1] + "2")}, "mistyped"),
        ({"collector": replace(DELEGATE, letter_sha256=None)}, "letter"),
    ],
)
def test_half_proofs_are_refused(counter: Counter, more: dict[str, object], words: str) -> None:
    key = counter.waiting()
    with pytest.raises(Invalid, match=words):
        counter.attend(key, comparison(), giving(key.serial, **more))
    assert counter.read(lambda session: _count(session, StampingAttempt)) == 0


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("\u202e示例\u200b代领 ", "示例代领"), ("Li Na", "Li Na"), ("阿·买", "阿·买"), ("示\ue000", "示\ue000")],
)
def test_a_delegates_name_is_kept_as_it_can_be_seen(counter: Counter, typed: str, kept: str) -> None:
    key = counter.waiting()
    done = counter.attend(key, comparison(), giving(key.serial, collector=replace(DELEGATE, name=typed)))
    assert done.hand_over is not None
    assert done.hand_over.collector_name == kept


def test_a_serial_in_wide_characters_is_the_keys_own(counter: Counter) -> None:
    key = counter.waiting()
    wide = "".join(chr(ord(each) + 0xFEE0) for each in key.serial)
    assert counter.attend(key, comparison(), giving(f"{wide}\u3000")).hand_over is not None


def test_a_delegates_number_is_sealed_masked_and_revealed_for_a_reason_only(counter: Counter) -> None:
    key = counter.waiting()
    counter.attend(key, comparison(), giving(key.serial, collector=DELEGATE))
    kept = counter.do(get_hand_over, key.application_id)
    assert kept.identity_ciphertext is not None
    assert OTHER_IDENTITY.encode() not in kept.identity_ciphertext
    assert kept.identity_masked == f"1{'*' * 16}1"
    with counter.office.work(counter.clerk) as session:
        with pytest.raises(Invalid):
            reveal_delegate(session, counter.office.secrets, counter.clerk, key.application_id, " ")
        said = reveal_delegate(session, counter.office.secrets, counter.clerk, key.application_id, "示例理由")
    assert said == OTHER_IDENTITY
    entries = counter.read(lambda session: session.scalars(select(AuditEntry)).all())
    told = [each for each in entries if each.action == "identity.revealed"]
    assert [each.after for each in told] == [{"reason": "示例理由"}]
    assert not any(OTHER_IDENTITY in str(each.after) for each in entries)


def test_what_was_attempted_and_handed_over_cannot_be_edited(counter: Counter) -> None:
    key = counter.collected()
    for statement in ("UPDATE hand_over SET collector_name = 'x'", "DELETE FROM stamping_attempt"):
        with pytest.raises(DBAPIError), counter.office.work(counter.clerk) as session:
            session.execute(text(statement))
    assert counter.state(key) == "collected"
