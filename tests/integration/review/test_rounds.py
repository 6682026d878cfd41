"""A case that comes back: what changed is shown, what was ticked on untouched papers holds, the rest starts open."""

from datetime import UTC, datetime

from sqlalchemy import select

from tests.support.casework import OTHER_IDENTITY, SYSTEM, Office, whole
from workbench.cases import claims
from workbench.cases.words import Desk, Verdict
from workbench.kernel.clock import clock_at
from workbench.kernel.identity import Actor, Role
from workbench.review import service as review
from workbench.review import workload
from workbench.review.case_file import CaseFile, load
from workbench.review.case_parts import DocumentStatus
from workbench.review.diff import DocumentChangeKind
from workbench.review.marking import Finding, mark
from workbench.review.marks import MarkValue
from workbench.review.models import Mark, RemarkTemplate
from workbench.review.remarks import templates
from workbench.review.seed import seed_templates


def _open(office: Office, actor: Actor, case: int, desk: Desk = Desk.PRE_CHECK) -> CaseFile:
    with office.work(actor) as session:
        review.open_review(session, actor, case, desk)
    with office.work(actor) as session:
        return load(session, actor, case, desk, "zh")


def _returned(office: Office, clerk: Actor, name: str) -> tuple[int, dict[str, int]]:
    """A case failed by the pre-check: one fault with a place on the ID card, everything else ok."""
    facts = office.facts(enterprise_name=name)
    case = office.submit(facts)
    file = _open(office, clerk, case)
    card = next(each for each in file.documents if each.code == "user_id_card")
    items = {f"{document.code}.{item.code}": item.id for document in file.documents for item in document.items}
    region = {"page_id": card.attachments[0].pages[0].id, "x": 0.1, "y": 0.1, "w": 0.2, "h": 0.2}
    with office.work(clerk) as session:
        office.mark_all(session, clerk, case, Verdict.PASSED)
        finding = Finding(items["user_id_card.legible"], MarkValue.FAULT, "反光", region)
        mark(session, clerk, case, [finding], seen_version=1)
        review.decide(session, clerk, case, Verdict.FAILED, "请补正", seen_version=1)
    return case, items


def test_ticks_on_untouched_documents_are_carried_and_touched_ones_start_open(office: Office) -> None:
    clerk, other = office.clerk(), office.clerk("other")
    facts = office.facts()
    case = office.submit(facts)
    office.decide(clerk, case, Verdict.FAILED)
    office.submit_again(case, facts, whole(business_licence=["新的执照"]))
    file = _open(office, other, case)
    marks = {document.code: [item.mark for item in document.items if item.required] for document in file.documents}
    assert marks["business_licence"] == [None, None]
    assert [(each.value, each.carried, each.by_name) for each in marks["user_id_card"] if each] == [
        (MarkValue.OK, True, "示例clerk"),
        (MarkValue.OK, True, "示例clerk"),
    ]
    assert [each.value for each in marks["application_form"] if each] == [MarkValue.FAULT, MarkValue.OK]
    statuses = {document.code: document.status for document in file.documents}
    assert statuses == {
        "application_form": DocumentStatus.FAULT,
        "business_licence": DocumentStatus.CHANGED,
        "user_id_card": DocumentStatus.OK,
    }


def test_a_changed_form_value_opens_the_document_it_is_compared_with(office: Office) -> None:
    clerk = office.clerk()
    facts = office.facts()
    case = office.submit(facts)
    office.decide(clerk, case, Verdict.FAILED)
    corrected = office.facts(uscc=facts.uscc, enterprise_name="示例改名有限公司", identity_number=OTHER_IDENTITY)
    office.submit_again(case, corrected, carried=("application_form", "business_licence", "user_id_card"))
    file = _open(office, clerk, case)
    carried = {document.code: any(item.mark for item in document.items) for document in file.documents}
    assert carried == {"application_form": True, "business_licence": False, "user_id_card": True}
    assert file.diff is not None
    assert [(each.name, each.old, each.new) for each in file.diff.fields] == [
        ("enterprise_name", facts.enterprise_name, "示例改名有限公司"),
        ("holder_identity_number", "1****************8", "1****************1"),
    ]
    assert {each.kind for each in file.diff.documents} == {DocumentChangeKind.KEPT}
    assert file.rounds[1].answer == "已补正"
    assert [each.remark for each in file.rounds[0].verdicts] == ["示例批语"]


def test_a_carried_fault_keeps_its_note_and_its_place_on_the_new_page(office: Office) -> None:
    clerk = office.clerk()
    case, items = _returned(office, clerk, "示例甲有限公司")
    with office.work() as session:
        code = load(session, SYSTEM, case, None, "zh").application.uscc
    office.submit_again(case, office.facts(uscc=code, enterprise_name="示例甲有限公司"))
    file = _open(office, clerk, case)
    card = next(each for each in file.documents if each.code == "user_id_card")
    fault = next(item.mark for item in card.items if item.id == items["user_id_card.legible"])
    assert fault is not None
    assert (fault.value, fault.note, fault.carried) == (MarkValue.FAULT, "反光", True)
    assert fault.region is not None
    assert fault.region["page_id"] == card.attachments[0].pages[0].id
    assert file.diff is not None
    assert {each.kind for each in file.diff.documents} == {DocumentChangeKind.IDENTICAL_REUPLOAD}


def test_opening_twice_carries_once_and_a_changed_mark_is_no_longer_carried(office: Office) -> None:
    clerk = office.clerk()
    facts = office.facts()
    case = office.submit(facts)
    office.decide(clerk, case, Verdict.FAILED)
    office.submit_again(case, facts)
    file = _open(office, clerk, case)
    assert _open(office, clerk, case).lines == file.lines
    item = file.documents[0].items[0].id
    with office.work(clerk) as session:
        mark(session, clerk, case, [Finding(item, value=MarkValue.OK)], seen_version=file.version)
        own = select(Mark).where(Mark.review_id == file.review_id, Mark.check_item_id == item)
        assert session.scalars(own).one().carried is False


def test_the_re_checker_sees_the_pre_checkers_marks_beside_the_own(office: Office) -> None:
    clerk, checker = office.clerk(), office.re_checker()
    case = office.submit()
    office.decide(clerk, case, Verdict.PASSED)
    file = _open(office, checker, case, Desk.RE_CHECK)
    item = file.documents[0].items[0]
    assert item.mark is None
    assert item.previous is not None
    assert (item.previous.value, item.previous.by_name) == (MarkValue.OK, "示例clerk")
    assert file.bar is None
    with office.work(clerk) as session:
        read = load(session, clerk, case, Desk.PRE_CHECK, "zh")
        assert (read.desk, read.bar) == (None, "The case is not at this desk any more.")


def test_the_expected_value_is_found_on_the_page(office: Office) -> None:
    clerk = office.clerk()
    facts = office.facts()
    name = facts.enterprise_name
    case = office.submit(facts, whole(business_licence=[f"名称 {name[:4]} {name[4:]} 类型"]))
    file = _open(office, clerk, case)
    licence = next(each for each in file.documents if each.code == "business_licence")
    compared = next(item for item in licence.items if item.compares)
    assert compared.expected == name
    assert {box.check_item_id for box in licence.attachments[0].pages[0].boxes} == {compared.id}


def test_templates_are_seeded_once_and_offered_per_desk(office: Office) -> None:
    with office.work() as session:
        assert seed_templates(session, SYSTEM) > 0
        assert seed_templates(session, SYSTEM) == 0
        offered = templates(session, Desk.RE_CHECK, Verdict.FAILED)
        assert [each.title for each in offered] == ["复核退回", "签章图样不可用"]
        session.scalars(select(RemarkTemplate).where(RemarkTemplate.id == offered[0].id)).one().active = False
        session.flush()
        assert len(templates(session, Desk.RE_CHECK, Verdict.FAILED)) == 1


def test_a_supervisor_sees_who_has_how_much_and_each_their_own_day(office: Office) -> None:
    clerk, other = office.clerk(), office.clerk("other")
    boss = office.hire("boss", Role.AUTHORITY_SUPERVISOR, authority_id=office.authority_ids[0])
    with clock_at(datetime(2026, 3, 2, 2, 0, tzinfo=UTC)):
        done, first, _ = office.submit(), office.submit(), office.submit()
        office.decide(clerk, done, Verdict.PASSED)
        with office.work(other) as session:
            claims.claim(session, other, first, minutes=20)
        with office.work(boss) as session:
            found = workload.load_workload(session, boss)
            assert {each.name: (each.in_hand, each.decided_today) for each in found.people} == {
                "示例clerk": (0, 1),
                "示例other": (1, 0),
            }
            urgent = found.most_urgent[Desk.PRE_CHECK]
            assert urgent is not None
            assert urgent.id == first
        with office.work(clerk) as session:
            day = workload.my_day(session, clerk)
        assert day is not None
        assert (day.waiting.n, day.in_hand.n, day.done_today) == (2, 0, 1)
        assert [(each.received, each.decided) for each in day.days] == [(0, 0)] * 13 + [(3, 1)]
