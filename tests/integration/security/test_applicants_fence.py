"""Two applicants of the same enterprise code, and what each reaches by verbs, by ORM and by plain SQL: its own."""

from dataclasses import dataclass, replace

import pytest
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.support.casework import SYSTEM, Office, whole
from workbench.cases.models import Applicant, Application, CaseEvent, Holder, Submission
from workbench.cases.service import advance, get_case, open_case
from workbench.cases.states import Action
from workbench.cases.words import Desk, State, Verdict
from workbench.documents.models import Attachment, Page
from workbench.kernel.clock import now
from workbench.kernel.db import set_scope, unit_of_work
from workbench.kernel.errors import NotFound
from workbench.kernel.identity import Actor, Scope
from workbench.portal.models import Draft, DraftFile, Upload
from workbench.review.models import Mark, Review
from workbench.review.service import open_review

OF_CASE = (Application, Submission, Holder, CaseEvent, Attachment, Page, Review, Mark)
DRAFTED = (Draft, DraftFile, Upload)


@dataclass
class Pair:
    """An office with two applicants, a case of each, and one that came over the counter."""

    office: Office
    mine: Actor
    theirs: Actor
    my_case: int
    their_case: int
    paper_case: int


@pytest.fixture
def pair(office: Office) -> Pair:
    """All three cases are of one enterprise; theirs was returned once, and is being looked at by a clerk again."""
    facts = office.facts()
    actors = []
    for login in ("mine", "theirs"):
        with office.work() as session:
            applicant = Applicant(
                kind="person", name="示例", uscc=facts.uscc, login=login, password_hash="x", created_at=now()
            )
            session.add(applicant)
            session.flush()
            actors.append(Actor("enterprise", applicant.id, "示例", scope=Scope(applicant_id=applicant.id)))
    mine, theirs = actors
    cases = [office.submit(facts, whole(), who) for who in (mine, theirs, SYSTEM)]
    clerk = office.clerk()
    for case in cases[:2]:
        office.decide(clerk, case, Verdict.FAILED)
        office.submit_again(case, facts, whole(), who=mine if case == cases[0] else theirs)
        with office.work(clerk) as session:
            opened = open_review(session, clerk, case, Desk.PRE_CHECK)
            assert opened.verdict is None
            office.mark_all(session, clerk, case, Verdict.FAILED)
    return Pair(office, mine, theirs, *cases)


def counts(session: Session) -> dict[str, int]:
    """How many rows of each fenced table a session sees."""
    tables = (*OF_CASE, *DRAFTED)
    return {table.__tablename__: session.scalar(select(func.count()).select_from(table)) or 0 for table in tables}


def test_an_applicant_opens_and_finds_the_own_case_alone(pair: Pair) -> None:
    with pair.office.work(pair.mine) as session:
        assert get_case(session, pair.mine, pair.my_case).applicant_id == pair.mine.id
        assert list(session.scalars(select(Application.id))) == [pair.my_case]
        for other in (pair.their_case, pair.paper_case):
            with pytest.raises(NotFound):
                get_case(session, pair.mine, other)
        assert set(session.scalars(select(Holder.application_id))) == {pair.my_case}
        assert set(session.scalars(select(CaseEvent.application_id))) == {pair.my_case}


def test_the_rule_holds_when_the_statement_is_known_already(pair: Pair) -> None:
    """Statements are cached: a second applicant must not get the first one's rows."""
    for who, case in ((pair.mine, pair.my_case), (pair.theirs, pair.their_case), (pair.mine, pair.my_case)):
        with pair.office.work(who) as session:
            assert list(session.scalars(select(Submission.application_id).distinct())) == [case]


def test_each_fence_alone_holds_the_other_applicants_rows_back(pair: Pair) -> None:
    with pair.office.work(pair.mine) as session:
        both = counts(session)
        session.info["scope"] = Scope(everything=True)  # the middle fence is down; the database was told otherwise
        inner = counts(session)
    assert both == inner
    assert both["application"] == 1
    assert both["attachment"] == 6


def test_marks_of_an_undecided_review_are_not_told(pair: Pair) -> None:
    with pair.office.work() as session:
        everything = counts(session)
        undecided = session.scalar(select(func.count()).select_from(Review).where(Review.verdict.is_(None)))
    assert undecided == 2
    with pair.office.work(pair.mine) as session:
        counts(session)  # begins the transaction, under the applicant's scope
        session.info["scope"] = Scope(everything=True)
        assert session.scalars(select(Review.verdict)).all() == ["failed"]
        assert session.scalar(select(func.count()).select_from(Mark)) == everything["mark"] / 4


def test_an_applicant_cannot_write_into_anothers_case(pair: Pair) -> None:
    with pytest.raises(DBAPIError, match="row-level security"), pair.office.work(pair.mine) as session:
        session.execute(
            insert(CaseEvent).values(
                application_id=pair.their_case,
                authority_id=pair.office.authority_ids[0],
                event="withdrawn",
                state_after="withdrawn",
                round=1,
                at=now(),
                actor="x",
                actor_name="x",
            )
        )
    with pair.office.work(pair.mine) as session:
        changed = session.execute(text("UPDATE application SET state = 'withdrawn'"))
        assert changed.rowcount == 1  # type: ignore[attr-defined]  # one's own
        session.rollback()
    with pytest.raises(DBAPIError, match="row-level security"), pair.office.work(pair.mine) as session:
        session.execute(text("UPDATE application SET applicant_id = :other"), {"other": pair.theirs.id})
    with pair.office.work(pair.mine) as session, pytest.raises(NotFound):
        advance(session, pair.their_case, Action.WITHDRAW, pair.mine)


def test_an_applicant_writes_no_review(pair: Pair) -> None:
    with pair.office.work(pair.mine) as session:
        assert session.execute(text("UPDATE review SET remark = 'x'")).rowcount == 0  # type: ignore[attr-defined]
        assert session.execute(text("UPDATE mark SET value = 'ok'")).rowcount == 0  # type: ignore[attr-defined]


def test_an_applicant_may_turn_to_any_authority_and_owns_the_case(pair: Pair) -> None:
    facts = replace(pair.office.facts(authority=1))
    with pair.office.work(pair.mine) as session:
        application, _ = open_case(
            session, pair.office.secrets, facts, pair.mine, requirement_version_id=pair.office.versions[facts.service]
        )
        assert (application.applicant_id, application.state) == (pair.mine.id, State.PRE_CHECK)


def test_drafts_are_seen_by_their_applicant_and_by_no_authority(pair: Pair) -> None:
    with pair.office.work() as session:
        for owner in (pair.mine, pair.theirs):
            session.add(
                Draft(applicant_id=owner.id, service="new", number="x", values={}, created_at=now(), updated_at=now())
            )
    with pair.office.work(pair.mine) as session:
        assert [each.applicant_id for each in session.scalars(select(Draft))] == [pair.mine.id]
    clerk = pair.office.clerk("another")
    for scope in (clerk.scope, Scope()):
        with unit_of_work(pair.office.factory, scope) as session:
            assert counts(session)["draft"] == 0
            session.info["scope"] = Scope(everything=True)
            assert counts(session)["draft"] == 0


def test_a_scope_that_is_changed_leaves_nothing_of_the_one_before(pair: Pair) -> None:
    with pair.office.work(pair.mine) as session:
        assert counts(session)["application"] == 1
        set_scope(session, Scope())
        session.info["scope"] = Scope(everything=True)
        assert counts(session)["application"] == 0
