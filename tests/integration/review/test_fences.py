"""Two authorities never reach each other's rows: by list, search, count, cursor, ORM or plain SQL."""

import pytest
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.exc import DBAPIError

from tests.integration.security import dispatch, production
from tests.support.casework import Office
from workbench.cases.models import Application, CaseDecider, CaseEvent, CaseOwned, Holder, Submission
from workbench.cases.words import Desk, Verdict
from workbench.documents.models import Attachment, Page
from workbench.kernel.identity import Actor, Scope
from workbench.models import Base
from workbench.review import queue
from workbench.review.models import Mark, Review
from workbench.review.queue import QueueFilter

PROVED_ELSEWHERE = {*production.OF_CASE, *dispatch.OF_AUTHORITY}
"""What comes after the desks has its rows, and the same proof, under tests/integration/security."""
FENCED = sorted(
    {
        str(each.local_table.description)
        for each in Base.registry.mappers
        if issubclass(each.class_, CaseOwned | Application)
    }
    - PROVED_ELSEWHERE
)


@pytest.fixture
def two(office: Office) -> tuple[Office, Actor, int, int]:
    """A clerk of the first authority, a case of theirs, and a decided one of the second authority."""
    ours, theirs = office.clerk("ours"), office.clerk("theirs", authority=1)
    own = office.submit(office.facts(enterprise_name="示例我方公司"))
    other = office.submit(office.facts(authority=1, enterprise_name="示例他方公司"))
    office.decide(theirs, other, Verdict.FAILED)
    another = office.submit(office.facts(authority=1, enterprise_name="示例他方公司乙"))
    office.decide(theirs, another, Verdict.PASSED)
    return office, ours, own, other


def test_lists_searches_counts_and_cursors_show_the_own_authority_only(two: tuple[Office, Actor, int, int]) -> None:
    office, clerk, own, other = two
    with office.work() as session:
        number, code = session.execute(
            select(Application.number, Application.uscc).where(Application.id == other)
        ).one()
        stranger = Actor("staff", 0, "示例", office.re_checker().roles, Scope(frozenset({office.authority_ids[1]})))
    with office.work(stranger) as session:
        cursor = queue.page(session, stranger, QueueFilter(), size=1).after
        assert cursor is not None
    with office.work(clerk) as session:
        for wanted in (
            QueueFilter(),
            QueueFilter(desk=Desk.PRE_CHECK),
            QueueFilter(desk=Desk.RE_CHECK),
            QueueFilter(authority_id=office.authority_ids[1]),
            QueueFilter(q="示例"),
            QueueFilter(q="他方"),
            QueueFilter(q=number),
            QueueFilter(q=code),
        ):
            for after in (None, cursor):
                page = queue.page(session, clerk, wanted, after=after)
                assert {row.id for row in page.rows} <= {own}
                assert page.total.n <= 1
        assert queue.counts(session, clerk, Desk.PRE_CHECK).waiting.n == 1
        assert queue.counts(session, clerk, Desk.RE_CHECK).waiting.n == 0


def test_the_orm_reaches_no_foreign_row_by_key_list_update_or_delete(two: tuple[Office, Actor, int, int]) -> None:
    office, clerk, _, _ = two
    models = (Application, Submission, Holder, CaseEvent, CaseDecider, Attachment, Page, Review, Mark)
    with office.work() as session:
        foreign = office.authority_ids[1]
        keys = {
            model: session.execute(select(*model.__table__.primary_key).where(model.authority_id == foreign)).first()
            for model in models
        }
        assert all(keys.values()), "every table needs a foreign row, or this proves nothing"
    with office.work(clerk) as session:
        for model, key in keys.items():
            assert key is not None
            assert session.get(model, tuple(key)) is None
            assert session.scalar(select(func.count()).select_from(model).where(model.authority_id == foreign)) == 0
        for model in (Application, Submission, Review, Mark):
            touched = update(model).values(authority_id=model.authority_id).where(model.authority_id == foreign)
            assert session.scalars(touched.returning(model.authority_id)).all() == []
        gone = delete(Mark).where(Mark.authority_id == foreign).returning(Mark.id)
        assert session.scalars(gone).all() == []


def test_every_table_of_a_case_is_fenced_against_plain_sql(two: tuple[Office, Actor, int, int]) -> None:
    office, clerk, _, other = two
    foreign = office.authority_ids[1]
    with office.work() as session:
        guarded = session.scalars(text("SELECT relname FROM pg_class WHERE relrowsecurity")).all()
        assert {*FENCED, "enterprise", "audit_entry"} <= set(guarded)
    with office.work(clerk) as session:
        for table in FENCED:
            rows = session.execute(
                text(f"SELECT count(*) FROM {table} WHERE authority_id = :a"), {"a": foreign}
            ).scalar()
            assert rows == 0, table
        assert session.execute(text("SELECT count(*) FROM enterprise WHERE name LIKE '%他方%'")).scalar() == 0
        assert session.execute(text("SELECT count(*) FROM audit_entry WHERE case_id = :c"), {"c": other}).scalar() == 0
        assert session.execute(text("SELECT count(*) FROM search_applications('他方', 9)")).scalar() == 0
        touched = text("UPDATE application SET reason = 'x' WHERE id = :c RETURNING id")
        assert session.execute(touched, {"c": other}).all() == []
    with office.work() as session:
        for table in FENCED:
            rows = session.execute(
                text(f"SELECT count(*) FROM {table} WHERE authority_id = :a"), {"a": foreign}
            ).scalar()
            assert rows, f"{table} has no foreign row, so the check above proves nothing"


def test_a_row_cannot_be_written_into_another_authority(two: tuple[Office, Actor, int, int]) -> None:
    office, clerk, own, other = two
    foreign = office.authority_ids[1]
    for attempt in (
        "UPDATE application SET authority_id = :a WHERE id = :own",
        "INSERT INTO case_decider (application_id, authority_id, staff_id, desk) VALUES (:other, :a, :s, 'pre_check')",
        "INSERT INTO case_event (application_id, authority_id, event, state_after, round, at, actor, actor_name)"
        " VALUES (:other, :a, 'x', 'x', 1, now(), 'x', 'x')",
        # the own authority's stamp on the other's case: the composite key refuses it
        "INSERT INTO case_decider (application_id, authority_id, staff_id, desk)"
        " VALUES (:other, :mine, :s, 'pre_check')",
    ):
        values = {"a": foreign, "mine": office.authority_ids[0], "own": own, "other": other, "s": clerk.id}
        with pytest.raises(DBAPIError), office.work(clerk) as session:
            session.execute(text(attempt), values)


def test_a_session_nobody_gave_a_scope_reaches_nothing(two: tuple[Office, Actor, int, int]) -> None:
    office, *_ = two
    with office.engine.connect() as connection:
        for table in [*FENCED, "enterprise", "audit_entry"]:
            assert connection.execute(text(f"SELECT count(*) FROM {table}")).scalar() == 0, table
        assert connection.execute(text("SELECT count(*) FROM search_applications('示例', 9)")).scalar() == 0
