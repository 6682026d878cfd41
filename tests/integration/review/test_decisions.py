"""Verdicts on real cases: decided once, by one person, with a remark, with the mail in the same commit."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, func, select, text
from sqlalchemy.exc import IntegrityError

from tests.support.casework import Office, whole
from workbench.cases import claims
from workbench.cases.models import Application, CaseEvent
from workbench.cases.words import Desk, State, Verdict
from workbench.kernel.clock import clock_at
from workbench.kernel.db import set_scope
from workbench.kernel.errors import Conflict, Invalid, NotAllowed, NotFound
from workbench.kernel.outbox import OutboxMessage
from workbench.review import service as review
from workbench.review.case_file import load
from workbench.review.hand import Stale
from workbench.review.marking import Finding, mark
from workbench.review.marks import MarkValue
from workbench.review.models import Mark, Review
from workbench.review.service import NotYet


def test_a_case_walks_to_both_verdicts(office: Office) -> None:
    clerk, checker = office.clerk(), office.re_checker()
    case = office.submit()
    office.decide(clerk, case, Verdict.PASSED, "材料齐全")
    office.decide(checker, case, Verdict.PASSED, "同意制作")
    with office.work() as session:
        application = session.get_one(Application, case)
        assert application.state == State.PRODUCTION
        assert (application.pre_checked_by_id, application.re_checked_by_id) == (clerk.id, checker.id)
        remarks = session.scalars(select(Review.remark).order_by(Review.id)).all()
        assert remarks == ["材料齐全", "同意制作"]


def test_a_failed_case_tells_the_enterprise_remark_and_faults(office: Office) -> None:
    clerk = office.clerk()
    case = office.submit()
    office.decide(clerk, case, Verdict.FAILED, "请补正")
    with office.work() as session:
        mail = session.scalars(
            select(OutboxMessage).where(
                OutboxMessage.case_id == case, OutboxMessage.event.endswith(":pre_check_failed")
            )
        ).one()
        assert "请补正" in mail.body
        assert "1. 示例application_form：legible不符" in mail.body


def test_the_first_verdict_is_kept_when_two_threads_decide(office: Office) -> None:
    clerk = office.clerk()
    case = office.submit()
    with office.work(clerk) as session:
        review.open_review(session, clerk, case, Desk.PRE_CHECK)
        office.mark_all(session, clerk, case, Verdict.FAILED)
    together, problems = threading.Barrier(4), []

    def press() -> None:
        try:
            together.wait(10)
            with office.work(clerk) as session:
                answer = review.decide(session, clerk, case, Verdict.FAILED, "请补正", seen_version=1)
                assert answer.state == State.RETURNED
        except Exception as error:
            problems.append(error)

    presses = [threading.Thread(target=press) for _ in range(4)]
    for each in presses:
        each.start()
    for each in presses:
        each.join(30)
    assert problems == []
    with office.work() as session:
        assert session.scalar(select(func.count()).where(CaseEvent.event == "pre_check_failed")) == 1
        assert session.scalar(select(func.count()).where(Review.verdict.is_not(None))) == 1
        mails = session.scalar(select(func.count()).where(OutboxMessage.event.endswith("pre_check_failed")))
        jobs = session.execute(
            text("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'send_message'")
        ).scalar()
        assert (mails, jobs) == (1, 3)  # with the short message of it, and the news that the case was received


def test_a_decision_rolled_back_leaves_no_mail_and_no_job(office: Office) -> None:
    clerk = office.clerk()
    case = office.submit()
    with office.work() as session:
        before = session.execute(text("SELECT count(*) FROM procrastinate_jobs")).scalar()
    with office.factory() as session:
        set_scope(session, clerk.scope)
        review.open_review(session, clerk, case, Desk.PRE_CHECK)
        office.mark_all(session, clerk, case, Verdict.FAILED)
        review.decide(session, clerk, case, Verdict.FAILED, "请补正", seen_version=1)
        assert session.scalar(select(func.count()).where(OutboxMessage.event.endswith("pre_check_failed"))) == 1
        session.rollback()
    with office.work() as session:
        assert session.scalar(select(func.count()).where(OutboxMessage.event.endswith("pre_check_failed"))) == 0
        assert session.execute(text("SELECT count(*) FROM procrastinate_jobs")).scalar() == before
        assert session.get_one(Application, case).state == State.PRE_CHECK


def test_a_stale_page_is_told_what_happened(office: Office) -> None:
    clerk, other = office.clerk(), office.clerk("other")
    facts = office.facts()
    case = office.submit(facts)
    office.decide(clerk, case, Verdict.FAILED)
    office.submit_again(case, facts)
    with pytest.raises(Stale) as stale, office.work(other) as session:
        review.decide(session, other, case, Verdict.FAILED, "请补正", seen_version=1)
    assert [each.event for each in stale.value.events] == ["pre_check_failed", "resubmitted"]


def test_the_opposite_verdict_of_a_decided_case_is_stale(office: Office) -> None:
    clerk = office.clerk()
    case = office.submit()
    office.decide(clerk, case, Verdict.PASSED)
    with pytest.raises(Stale), office.work(clerk) as session:
        review.decide(session, clerk, case, Verdict.FAILED, "请补正", seen_version=1)


def test_a_pass_waits_for_every_required_item_and_a_fail_for_a_fault(office: Office) -> None:
    clerk = office.clerk()
    case = office.submit()
    with office.work(clerk) as session:
        items = office.items(session, case)
        for item in items[:-1]:
            mark(session, clerk, case, [Finding(item, value=MarkValue.OK)], seen_version=1)
    with pytest.raises(NotYet) as refused, office.work(clerk) as session:
        review.decide(session, clerk, case, Verdict.PASSED, "齐全", seen_version=1)
    assert [each.check_item_id for each in refused.value.blockers] == [items[-1]]
    with pytest.raises(NotYet, match="at least one fault"), office.work(clerk) as session:
        review.decide(session, clerk, case, Verdict.FAILED, "请补正", seen_version=1)
    with office.work(clerk) as session:
        mark(session, clerk, case, [Finding(items[-1], value=MarkValue.NOT_APPLICABLE)], seen_version=1)
        file = load(session, clerk, case, Desk.PRE_CHECK, "zh")
        assert review.blockers(file, Verdict.PASSED) == []
        assert [each.check_item_id for each in review.blockers(file, Verdict.FAILED)] == [None]
        review.decide(session, clerk, case, Verdict.PASSED, "齐全", seen_version=1)


def test_a_pass_is_refused_while_a_fault_stands(office: Office) -> None:
    clerk = office.clerk()
    case = office.submit()
    with office.work(clerk) as session:
        office.mark_all(session, clerk, case, Verdict.FAILED)
    with pytest.raises(NotYet, match="marked as a fault"), office.work(clerk) as session:
        review.decide(session, clerk, case, Verdict.PASSED, "齐全", seen_version=1)


@pytest.mark.parametrize("remark", ["", "  \n", "长" * 2001])
def test_a_verdict_needs_a_remark_of_sane_length(office: Office, remark: str) -> None:
    clerk = office.clerk()
    case = office.submit()
    with office.work(clerk) as session:
        office.mark_all(session, clerk, case, Verdict.PASSED)
    with pytest.raises(Invalid), office.work(clerk) as session:
        review.decide(session, clerk, case, Verdict.PASSED, remark, seen_version=1)


def test_only_the_holder_marks_and_the_refusal_names_who_it_is(office: Office) -> None:
    clerk, other = office.clerk(), office.clerk("other")
    case = office.submit()
    with office.work(clerk) as session:
        claims.claim(session, clerk, case, minutes=20)
        item = office.items(session, case)[0]
    for verb in (
        lambda s: mark(s, other, case, [Finding(item, value=MarkValue.OK)], seen_version=1),
        lambda s: review.save_draft(s, other, case, "草稿", seen_version=1),
        lambda s: review.decide(s, other, case, Verdict.FAILED, "请补正", seen_version=1),
    ):
        with pytest.raises(Conflict, match="示例clerk"), office.work(other) as session:
            verb(session)


def test_marks_extend_the_claim_change_and_go(office: Office) -> None:
    clerk = office.clerk()
    case = office.submit()
    start = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
    with clock_at(start), office.work(clerk) as session:
        item = office.items(session, case)[0]
        mark(session, clerk, case, [Finding(item, value=MarkValue.FAULT, note=" 看不清\x00 ")], seen_version=1)
    with clock_at(start + timedelta(minutes=15)), office.work(clerk) as session:
        mark(session, clerk, case, [Finding(item, value=MarkValue.OK)], seen_version=1)
        found = session.scalars(select(Mark)).one()
        assert (found.value, found.note, found.carried) == ("ok", None, False)
        ends_at = session.get_one(Application, case).claim_ends_at
        assert ends_at is not None
        assert ends_at > start + timedelta(minutes=30)
        mark(session, clerk, case, [Finding(item, value=None)], seen_version=1)
        assert session.scalars(select(Mark)).all() == []


def test_a_mark_belongs_to_this_submissions_list_and_pages(office: Office) -> None:
    clerk = office.clerk()
    case, another = office.submit(), office.submit()
    with office.work(clerk) as session:
        item = office.items(session, case)[0]
        ours = load(session, clerk, case, None, "zh").documents[0].attachments[0].pages[0].id
        theirs = load(session, clerk, another, None, "zh").documents[0].attachments[0].pages[0].id
        good = {"page_id": ours, "x": 0.1, "y": 0.2, "w": 0.3, "h": 0.1}
        mark(session, clerk, case, [Finding(item, value=MarkValue.FAULT, region=good)], seen_version=1)
        assert session.scalars(select(Mark)).one().region == good
    for region in (
        {**good, "page_id": theirs},
        {**good, "x": 0.9},
        {**good, "w": 0},
        {**good, "y": "nan"},
        {"page_id": ours},
        {**good, "page_id": 2**70},
    ):
        with pytest.raises(Invalid), office.work(clerk) as session:
            mark(session, clerk, case, [Finding(item, value=MarkValue.FAULT, region=region)], seen_version=1)
    with pytest.raises(Invalid), office.work(clerk) as session:
        mark(session, clerk, case, [Finding(10**9, value=MarkValue.OK)], seen_version=1)


def test_another_authoritys_clerk_finds_no_such_case(office: Office) -> None:
    stranger = office.clerk("stranger", authority=1)
    case = office.submit()
    for verb in (
        lambda s: review.open_review(s, stranger, case, Desk.PRE_CHECK),
        lambda s: review.decide(s, stranger, case, Verdict.FAILED, "x", seen_version=1),
        lambda s: claims.claim(s, stranger, case, minutes=20),
        lambda s: load(s, stranger, case, Desk.PRE_CHECK, "zh"),
    ):
        with pytest.raises(NotFound), office.work(stranger) as session:
            verb(session)


def test_a_re_checker_does_not_decide_a_pre_check(office: Office) -> None:
    checker = office.re_checker()
    case = office.submit()
    with pytest.raises(NotAllowed), office.work(checker) as session:
        review.open_review(session, checker, case, Desk.PRE_CHECK)


@pytest.mark.parametrize("missing", ["remark", "decided_by_id", "decided_at"])
def test_the_database_refuses_half_a_decision(office: Office, missing: str) -> None:
    clerk = office.clerk()
    case = office.submit()
    with office.work(clerk) as session:
        review.open_review(session, clerk, case, Desk.PRE_CHECK)
        session.execute(
            text(
                "INSERT INTO case_decider (application_id, authority_id, staff_id, desk) "
                "VALUES (:c, :a, :s, 'pre_check')"
            ),
            {"c": case, "a": office.authority_ids[0], "s": clerk.id},
        )
    parts = {"verdict": "'passed'", "remark": "'好'", "decided_by_id": str(clerk.id), "decided_at": "now()"}
    whole_decision = ", ".join(f"{name} = {value}" for name, value in parts.items())
    half = ", ".join(f"{name} = {value}" for name, value in parts.items() if name != missing)
    with pytest.raises(IntegrityError), office.work(clerk) as session:
        session.execute(text(f"UPDATE review SET {half}"))
    with office.work(clerk) as session:
        session.execute(text(f"UPDATE review SET {whole_decision}"))


def test_the_case_file_takes_as_many_queries_for_many_rounds_as_for_two(office: Office) -> None:
    clerk = office.clerk()
    facts = office.facts()
    case = office.submit(facts)
    numbers: list[int] = []

    def count(*_: object) -> None:
        numbers[-1] += 1

    event.listen(office.engine, "before_cursor_execute", count)
    for texts in (["一"], ["二", "三"], ["四", "五", "六", "七"]):
        numbers.append(0)
        office.decide(clerk, case, Verdict.FAILED)
        office.submit_again(case, facts, whole(business_licence=texts))
        with office.work(clerk) as session:
            numbers[-1] = 0
            load(session, clerk, case, Desk.PRE_CHECK, "zh")
    assert len(set(numbers)) == 1
    assert numbers[0] <= 25
