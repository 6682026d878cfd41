"""The reckoning that the tests of faults rely on finds what is wrong: each record is made to lie, past every guard."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.support.bench import Agent, Workshop
from tests.support.ca import a_key, an_order, issued
from tests.support.database import Database
from tests.support.reckoning_keys import problems, problems_in, unfinished
from tests.support.tokens import Bench
from workbench.kernel.db import make_engine, set_scope
from workbench.kernel.identity import EVERYWHERE
from workbench.production.algorithms import Algorithm
from workbench.production.batches import start_batch
from workbench.production.ca.choosing import load_authority

GUARDED = ("token", "custody_entry", "audit_entry")
LIES = (
    ("UPDATE certificate SET key_number = 'another'", "bears another, its token"),
    ("UPDATE certificate_order SET state = 'abandoned', certificate_id = NULL", "was never ordered"),
    ("UPDATE trial_entry SET revoked_at = now(), revocation_reason = 'unspecified'", "is valid on our records alone"),
    ("UPDATE token SET custodian = 'courier', custodian_ref = 1", "is not in the hands that its last hand-over"),
    ("UPDATE custody_entry SET state_before = 'lost' WHERE seq = 2", "does not begin where the one before ended"),
    ("DELETE FROM custody_entry WHERE seq = 2", "has a gap"),
    ("UPDATE making SET label_printed_at = ended_at - interval '1 second'", "which nobody had verified"),
    (
        "DELETE FROM audit_entry WHERE action = 'making.verified'; UPDATE making SET label_printed_at = now()",
        "nobody had",
    ),
    ("UPDATE making SET state = 'open', step = 'key', ended_at = NULL", "is open, its case made"),
    ("UPDATE making SET state = 'spoiled', step = 'key'", "what was issued for it is still wanted"),
    ("UPDATE making SET state = 'spoiled', step = 'key'", "is made, and no key of it"),
    ("UPDATE certificate_order SET state = 'abandoned'", "is made at step verified with 0 certificates"),
    ("UPDATE batch SET made = 0", "says 0 keys, and 1 are made"),
    ("UPDATE token SET application_id = NULL", "is on a token of case None"),
)


@pytest.fixture
def case(workshop: Workshop, tokens: Bench) -> int:
    """One key has been made in a batch, and all is well."""
    workshop.stock(*tokens.add(1))
    case, station = workshop.approved(), workshop.bench()
    with workshop.parts.work() as session:
        start_batch(session, workshop.maker, station, 1)
    Agent(workshop.parts, station, tokens.driver).work()
    assert unfinished(workshop.parts, [case]) == []
    return case


@pytest.fixture
def liar(case: int, fresh_database: Database) -> Iterator[Session]:
    """Who owns the database and has switched its guards off, until everything is taken back."""
    engine = make_engine(fresh_database.owner_url)
    with Session(engine) as session:
        set_scope(session, EVERYWHERE)
        for table in GUARDED:
            session.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        yield session
        session.rollback()
    engine.dispose()


def test_each_lie_is_found(liar: Session) -> None:
    assert problems_in(liar) == []
    for lie, words in LIES:
        with liar.begin_nested() as told:
            for each in lie.split(";"):
                liar.execute(text(each))
            liar.expire_all()
            found = problems_in(liar)
            told.rollback()
        assert [each for each in found if words in each], (lie, found)


def test_what_the_ca_issued_behind_our_back_is_found(workshop: Workshop, case: int) -> None:
    stray = an_order(a_key(Algorithm.P_256, workshop.parts.settings.var_dir), Algorithm.P_256)
    issued(load_authority(workshop.parts), stray)
    assert problems(workshop.parts) == ["the CA holds a certificate in force that nobody ordered"]
    assert len(unfinished(workshop.parts, [case])) == 2


def test_a_case_without_a_key_is_not_finished(workshop: Workshop, case: int) -> None:
    other = workshop.approved()
    assert unfinished(workshop.parts, [case, other]) == [f"case {other} is production with 0 valid certificates"]
