"""The token stock: deliveries come in whole or not at all, and nobody sets aside or destroys what others answer for."""

from collections.abc import Callable, Sequence
from threading import Barrier, Thread

import pytest
from sqlalchemy import func, select

from tests.integration.keys.custody import whole_chain
from tests.integration.production.on_screen import make_key
from tests.support.bench import Workshop
from tests.support.tokens import Bench
from workbench.kernel.audit import AuditEntry
from workbench.kernel.errors import Conflict, Invalid, NotAllowed, NotFound
from workbench.kernel.identity import Actor, Role
from workbench.keys.models import CustodyEntry, Token
from workbench.keys.service import revoke
from workbench.keys.token_states import TokenMove
from workbench.keys.tokens import get_token, move
from workbench.production import making
from workbench.production.stock import DeliveryRefused, destroy, spoil, take_in_delivery
from workbench.production.stock_file import Delivery, Fault, read_list

REMARK = "示例：插入后无法识别"


def delivery(serials: Sequence[str], box: str = "B1") -> Delivery:
    return read_list("清单.csv", "\n".join(serials).encode(), model="示例型号", box=box)


def numbered(first: int, last: int, start: str = "EK") -> list[str]:
    return [f"{start}{n:06d}" for n in range(first, last)]


def take_in(workshop: Workshop, what: Delivery, who: Actor | None = None) -> int:
    with workshop.parts.work() as session:
        return take_in_delivery(session, who or workshop.maker, what)


def set_aside(workshop: Workshop, serial: str, remark: str = REMARK, who: Actor | None = None) -> None:
    with workshop.parts.work() as session:
        spoil(session, who or workshop.maker, serial, remark)


def shred(workshop: Workshop, serials: Sequence[str], remark: str = REMARK) -> int:
    with workshop.parts.work() as session:
        return destroy(session, workshop.maker, serials, remark)


def tokens_held(workshop: Workshop) -> int:
    return workshop.read(lambda session: session.scalar(select(func.count()).select_from(Token)) or 0)


def told(workshop: Workshop, action: str) -> list[AuditEntry]:
    entries = select(AuditEntry).where(AuditEntry.action == action).order_by(AuditEntry.at)
    return workshop.read(lambda session: list(session.scalars(entries)))


def both_at_once(*acts: Callable[[], object]) -> list[object]:
    """What came of acts done at the same moment: an answer or an exception each."""
    start = Barrier(len(acts))
    outcomes: list[object] = [None] * len(acts)

    def run(place: int) -> None:
        start.wait()
        try:
            outcomes[place] = acts[place]()
        except Exception as error:
            outcomes[place] = error

    threads = [Thread(target=run, args=(place,)) for place in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def test_a_delivery_is_in_stock_and_told_of_once(workshop: Workshop) -> None:
    content = "序列号,型号,箱号\nEK001,示例-A,B2\nEK002,示例-A,B1\nEK003,示例-B,B1\n".encode()
    what = read_list("清单.csv", content)
    assert take_in(workshop, what) == 3
    with workshop.parts.work() as session:
        for serial, model, box in (("EK001", "示例-A", "B2"), ("EK002", "示例-A", "B1"), ("EK003", "示例-B", "B1")):
            token = get_token(session, serial)
            assert (token.model, token.box, token.state, token.custodian) == (model, box, "blank", "vendor_stock")
            (entry,) = whole_chain(session, token.id)
            assert (entry.event, entry.actor) == ("imported", workshop.maker.label)
    (entry_of_all,) = told(workshop, "delivery.taken_in")
    assert entry_of_all.actor == workshop.maker.label
    assert entry_of_all.after == {"count": 3, "boxes": ["B1", "B2"], "name": "清单.csv", "sha256": what.sha256}
    assert told(workshop, "token.imported") == []


def test_what_has_a_problem_is_not_taken_in_at_all(workshop: Workshop) -> None:
    for bad in (delivery(["EK001", "EK002", "EK001"]), read_list("x", b"\x00")):
        with pytest.raises(DeliveryRefused) as refused:
            take_in(workshop, bad)
        assert refused.value.delivery.problems == bad.problems
    assert tokens_held(workshop) == 0
    assert told(workshop, "delivery.taken_in") == []


def test_a_serial_that_is_known_names_its_box_and_keeps_the_others_out(workshop: Workshop) -> None:
    take_in(workshop, delivery(numbered(0, 3), "示例箱7"))
    with pytest.raises(DeliveryRefused) as refused:
        take_in(workshop, delivery(["EK000009", "EK000002", "EK000000"], "B8"))
    problems = refused.value.delivery.problems
    assert [(each.line, each.serial, each.fault) for each in problems] == [
        (2, "EK000002", Fault.IN_STOCK),
        (3, "EK000000", Fault.IN_STOCK),
    ]
    assert {each.values["box"] for each in problems} == {"示例箱7"}
    assert tokens_held(workshop) == 3


def test_the_same_tokens_delivered_twice_at_once_are_taken_in_once(workshop: Workshop) -> None:
    """In opposite orders, which would lock each other out if they were taken in as they come."""
    one = delivery(numbered(0, 1_500), "B1")
    other = delivery(list(reversed(numbered(700, 2_300))), "B2")
    outcomes = both_at_once(lambda: take_in(workshop, one), lambda: take_in(workshop, other))
    (won,) = [each for each in outcomes if isinstance(each, int)]
    (lost,) = [each for each in outcomes if isinstance(each, DeliveryRefused)]
    assert len(lost.delivery.problems) == 800
    assert {each.fault for each in lost.delivery.problems} == {Fault.IN_STOCK}
    assert tokens_held(workshop) == won
    assert len(told(workshop, "delivery.taken_in")) == 1


def test_ten_thousand_tokens_are_taken_in_each_with_its_entry(workshop: Workshop) -> None:
    assert take_in(workshop, delivery(numbered(0, 10_000))) == 10_000
    assert workshop.read(lambda session: session.scalar(select(func.count()).select_from(CustodyEntry))) == 10_000


@pytest.mark.parametrize("role", [Role.DISPATCHER, Role.RE_CHECKER, Role.AUDITOR, Role.ADMINISTRATOR])
def test_who_does_not_keep_the_stock_changes_nothing_in_it(workshop: Workshop, role: Role) -> None:
    stranger = workshop.office.hire("stranger", role)
    workshop.stock("EK001")
    for act in (
        lambda: take_in(workshop, delivery(["EK002"]), stranger),
        lambda: set_aside(workshop, "EK001", who=stranger),
    ):
        with pytest.raises(NotAllowed):
            act()
    with pytest.raises(NotAllowed), workshop.parts.work() as session:
        destroy(session, stranger, ["EK001"], REMARK)


def test_a_blank_token_is_set_aside_with_a_remark_and_once(workshop: Workshop) -> None:
    workshop.stock("EK001")
    for nothing in ("", "   "):
        with pytest.raises(Invalid):
            set_aside(workshop, "EK001", nothing)
    set_aside(workshop, " EK001 ")
    assert workshop.token("EK001").state == "spoiled"
    with pytest.raises(Conflict):
        set_aside(workshop, "EK001")
    with pytest.raises(NotFound):
        set_aside(workshop, "EK002")


def test_a_token_in_work_is_set_aside_at_the_bench(workshop: Workshop) -> None:
    workshop.stock("EK001")
    case, station = workshop.approved(), workshop.bench()
    in_work = workshop.scan(station, "EK001")
    with pytest.raises(Conflict, match="bench") as refused:
        set_aside(workshop, "EK001")
    assert refused.value.values["number"]
    with workshop.parts.work() as session:
        making.leave(session, workshop.maker, in_work)
    with pytest.raises(Conflict, match="bench"):
        set_aside(workshop, "EK001")
    with workshop.parts.work() as session:
        making.put_back(session, workshop.maker, in_work)
    set_aside(workshop, "EK001")
    assert (workshop.token("EK001").state, workshop.state(case)) == ("spoiled", "production")


def test_a_key_with_a_good_certificate_is_revoked_first_and_stays_known_to_its_case(
    workshop: Workshop, tokens: Bench
) -> None:
    case, certificate = make_key(workshop, tokens)
    (made,) = workshop.read(lambda session: session.scalars(select(Token)).all())
    with pytest.raises(Conflict, match="revoke"):
        set_aside(workshop, made.serial)
    with workshop.parts.work() as session:
        revoke(session, certificate, "示例：损坏", workshop.office.hire("boss", Role.VENDOR_SUPERVISOR))
    set_aside(workshop, made.serial)
    spoiled = workshop.token(made.serial)
    assert (spoiled.state, spoiled.application_id, spoiled.authority_id) == ("spoiled", case, made.authority_id)
    (entry,) = told(workshop, "token.spoiled")
    assert (entry.case_id, entry.authority_id) == (case, made.authority_id)


def test_a_key_in_other_hands_is_not_the_stocks_to_set_aside_or_destroy(workshop: Workshop, tokens: Bench) -> None:
    _, certificate = make_key(workshop, tokens)
    (made,) = workshop.read(lambda session: session.scalars(select(Token)).all())
    with workshop.parts.work() as session:
        revoke(session, certificate, "示例", workshop.office.hire("boss", Role.VENDOR_SUPERVISOR))
        move(session, made.id, TokenMove.PACK, workshop.maker, to_ref=workshop.maker.id)
    with pytest.raises(Conflict):
        set_aside(workshop, made.serial)
    with pytest.raises(Conflict):
        shred(workshop, [made.serial])


def test_what_was_set_aside_is_destroyed_all_or_nothing(workshop: Workshop) -> None:
    workshop.stock("EK001", "EK002", "EK003")
    for serial in ("EK001", "EK002"):
        set_aside(workshop, serial)
    for wanted, refusal in (
        (["EK001", "EK003"], Conflict),
        (["EK001", "EK009"], NotFound),
        ([], Invalid),
        ([f"EK{n:04d}" for n in range(501)], Invalid),
    ):
        with pytest.raises(refusal):
            shred(workshop, wanted)
    with pytest.raises(Invalid):
        shred(workshop, ["EK001"], " ")
    assert workshop.token("EK001").state == "spoiled"
    assert shred(workshop, ["EK002", "EK001", "EK002"]) == 2
    assert {workshop.token(each).state for each in ("EK001", "EK002")} == {"destroyed"}
    assert {each.after and each.after["remark"] for each in told(workshop, "token.destroyed")} == {REMARK}
    with pytest.raises(Conflict):
        shred(workshop, ["EK001"])


def test_two_who_destroy_the_same_tokens_at_once_destroy_them_once(workshop: Workshop) -> None:
    serials = numbered(0, 40)
    workshop.stock(*serials)
    for each in serials:
        set_aside(workshop, each)
    outcomes = both_at_once(
        lambda: shred(workshop, serials),
        lambda: shred(workshop, list(reversed(serials))),
        lambda: shred(workshop, serials),
    )
    assert [each for each in outcomes if not isinstance(each, Conflict)] == [40]
    assert len(told(workshop, "token.destroyed")) == 40
