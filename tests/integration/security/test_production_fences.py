"""Production's tables under the application's role: an authority reaches what is made for its own cases and nothing of
the house, an applicant nothing at all; and no table of the database stands unfenced without a reason.
"""

from typing import Final

import psycopg
import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

import workbench.models  # noqa: F401 - every table
from tests.integration.security.conftest import Prey
from tests.integration.security.production import OF_CASE, OF_HOUSE
from tests.integration.security.test_isolation import connect
from workbench.kernel.clock import now
from workbench.kernel.db import Base
from workbench.kernel.identity import Scope
from workbench.kernel.scope import AuthorityScoped
from workbench.keys.models import CustodyEntry, Seal, Token
from workbench.production.models import CertificateOrder, Making

FENCED: Final = (Token, CustodyEntry, Seal, Making, CertificateOrder)
UNFENCED: Final = {
    "alembic_version": "which migrations have run",
    "audit_checkpoint": "hashes and signatures",
    "audit_head": "hashes",
    "authority": "public",
    "calendar_exception": "public",
    "calendar_year": "public",
    "carrier": "public",
    "check_item": "public",
    "contact": "public",
    "ended_session": "hashes of sign-ins that are over",
    "enterprise_record": "a public registry",
    "hand_over_terms": "what everybody who collects a key is shown",
    "job_failure": "names of tasks",
    "pickup_site": "public",
    "procrastinate_events": "the machinery's own",
    "procrastinate_jobs": "the machinery's own",
    "procrastinate_periodic_defers": "the machinery's own",
    "procrastinate_workers": "the machinery's own",
    "remark_template": "the house's phrases",
    "required_document": "public",
    "requirement_version": "public",
    "service_deadline": "public",
    "sign_in_attempt": "read before anybody has signed in",
}
"""Tables every session may read, and why."""


def test_every_table_is_fenced_or_there_is_a_reason(prey: Prey) -> None:
    with connect(prey, "*") as connection:
        open_tables = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' "
            "AND NOT relrowsecurity"
        ).fetchall()
    assert {name for (name,) in open_tables} - UNFENCED.keys() == set()


def test_the_orm_narrows_what_the_database_fences_by_authority() -> None:
    scoped = {each.class_ for each in Base.registry.mappers if issubclass(each.class_, AuthorityScoped)}
    assert set(FENCED) <= scoped


@pytest.mark.parametrize("table", OF_CASE)
def test_an_authority_sees_what_is_made_for_its_own_cases(prey: Prey, table: str) -> None:
    ids = prey.desk.office.authority_ids
    for authority_id in ids:
        with connect(prey, str(authority_id)) as connection:
            found = connection.execute(f"SELECT DISTINCT authority_id FROM {table}").fetchall()
            assert found == [(authority_id,)]
    with connect(prey, "*") as connection:
        everything = connection.execute(f"SELECT count(DISTINCT authority_id) FROM {table}").fetchone()
        assert everything == (len(ids),)


@pytest.mark.parametrize("table", OF_HOUSE)
def test_no_authority_sees_the_houses_own(prey: Prey, table: str) -> None:
    for reach, sees in (("*", True), *((str(each), False) for each in prey.desk.office.authority_ids)):
        with connect(prey, reach) as connection:
            found = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
            assert found is not None
            assert (found[0] > 0) is sees
            if not sees:
                assert connection.execute(f"DELETE FROM {table}").rowcount == 0


@pytest.mark.parametrize("table", [*OF_CASE, *OF_HOUSE])
def test_an_applicant_sees_nothing_of_production(prey: Prey, table: str) -> None:
    for applicant in ("1", "0", "-1"):
        with connect(prey, "") as connection:
            connection.execute("SELECT set_config('workbench.applicant', %s, false)", [applicant])
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


def test_each_fence_alone_holds_another_authoritys_rows_back(prey: Prey) -> None:
    mine = _scope(prey.desk.office.authority_ids[0])
    for scope, sees in ((mine, 1), (Scope(applicant_id=1), 0), (Scope(), 0)):
        for down in ("neither", "middle", "inner"):
            with prey.desk.office.work(Scope(everything=True) if down == "inner" else scope) as session:
                session.connection()  # begins the transaction, and with it the database's own fence
                session.info["scope"] = Scope(everything=True) if down == "middle" else scope
                for table in FENCED:
                    owners = session.scalar(select(func.count(table.authority_id.distinct())))
                    assert owners == sees, (table.__name__, scope, down)


@pytest.mark.parametrize("table", ["seal", "making", "certificate_order"])
def test_rows_of_production_are_not_moved_elsewhere(prey: Prey, table: str) -> None:
    mine, theirs = prey.desk.office.authority_ids
    with connect(prey, str(mine)) as connection:
        with pytest.raises(psycopg.Error) as refused:
            connection.execute(f"UPDATE {table} SET authority_id = {theirs}")
        assert refused.value.sqlstate in {"42501", "23503"}
        assert connection.execute(f"UPDATE {table} SET authority_id = authority_id").rowcount == 1
    with connect(prey, str(theirs)) as connection:
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (1,)


def test_no_token_is_planted_elsewhere(prey: Prey) -> None:
    mine, theirs = prey.desk.office.authority_ids
    for authority_id in (theirs, None):
        with pytest.raises(DBAPIError, match="row-level security"), prey.desk.office.work(_scope(mine)) as session:
            session.add(
                Token(
                    serial="EK-PLANTED",
                    model="x",
                    box="x",
                    imported_at=now(),
                    moved_at=now(),
                    authority_id=authority_id,
                )
            )


def _scope(authority_id: int) -> Scope:
    return Scope(frozenset({authority_id}))
