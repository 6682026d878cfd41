"""Signing in: one answer for every refusal, and guessing slows down per account and per address."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from tests.integration.organisation.conftest import PASSWORD, SYSTEM
from workbench.kernel.clock import clock_at, now
from workbench.kernel.db import set_scope
from workbench.kernel.errors import TooMany
from workbench.kernel.identity import EVERYWHERE, Role
from workbench.kernel.parts import Parts
from workbench.organisation import passwords, service
from workbench.organisation.models import SignInAttempt, Staff
from workbench.organisation.sign_in import SignInRefused, sign_in

NOON = datetime(2027, 3, 1, 4, 0, tzinfo=UTC)
LOGIN = "re-checker"


@pytest.fixture
def session(parts: Parts) -> Iterator[Session]:
    """A session that commits like a request; attempts of earlier tests are forgotten."""
    with parts.work() as work:
        work.execute(delete(SignInAttempt))
    with parts.session_factory() as work:
        set_scope(work, EVERYWHERE)
        yield work


def fail(session: Session, times: int, login: str = LOGIN, address: str = "10.0.0.1") -> None:
    for _ in range(times):
        with pytest.raises(SignInRefused):
            sign_in(session, login, "wrong wrong wrong", address)


def wait_of(session: Session, login: str = LOGIN, address: str = "10.0.0.1", password: str = PASSWORD) -> int:
    with pytest.raises(TooMany) as refusal:
        sign_in(session, login, password, address)
    return refusal.value.retry_after


def test_the_right_password_signs_in_and_renews_a_weak_hash(session: Session) -> None:
    person = session.scalars(select(Staff).where(Staff.login == LOGIN)).one()
    person.password_hash = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    session.flush()
    with clock_at(NOON):
        assert sign_in(session, f" {LOGIN.upper()} ", PASSWORD, "10.0.0.1") is person
    assert person.last_signed_in_at == NOON
    assert not passwords.is_outdated(person.password_hash)
    assert passwords.matches(person.password_hash, PASSWORD)


def test_unknown_wrong_and_inactive_get_one_answer(session: Session) -> None:
    gone, password = service.create_staff(session, SYSTEM, login="gone", name="示例", roles={Role.KEY_MAKER})
    service.deactivate(session, SYSTEM, gone.id)
    answers = set()
    for login, attempt in (("nobody-here", PASSWORD), (LOGIN, "wrong wrong wrong"), ("gone", password)):
        with pytest.raises(SignInRefused) as refusal:
            sign_in(session, login, attempt, "10.0.0.1")
        answers.add((type(refusal.value), str(refusal.value), refusal.value.status))
    assert len(answers) == 1


def test_an_account_rests_longer_after_each_further_failure(session: Session) -> None:
    with clock_at(NOON):
        fail(session, 5)
        assert wait_of(session) == pytest.approx(15 * 60, abs=1)
    with clock_at(NOON + timedelta(minutes=14, seconds=58)):
        assert wait_of(session) <= 3
    with clock_at(NOON + timedelta(minutes=15)):
        fail(session, 1)
        assert wait_of(session) == pytest.approx(30 * 60, abs=1)
    with clock_at(NOON + timedelta(minutes=46)):
        sign_in(session, LOGIN, PASSWORD, "10.0.0.1")
    session.commit()
    with clock_at(NOON + timedelta(minutes=47)):
        fail(session, 4)
        sign_in(session, LOGIN, PASSWORD, "10.0.0.1")


def test_an_unknown_login_rests_just_the_same(session: Session) -> None:
    with clock_at(NOON):
        fail(session, 5, login="nobody-here")
        assert wait_of(session, login="nobody-here") == pytest.approx(15 * 60, abs=1)


def test_an_address_is_stopped_across_accounts(session: Session) -> None:
    with clock_at(NOON):
        for number in range(30):
            fail(session, 1, login=f"guess-{number}", address="10.9.9.9")
        assert wait_of(session, address="10.9.9.9") == pytest.approx(15 * 60, abs=1)
        sign_in(session, LOGIN, PASSWORD, "10.0.0.1")
    with clock_at(NOON + timedelta(minutes=15, seconds=1)):
        sign_in(session, LOGIN, PASSWORD, "10.9.9.9")


def test_attempts_survive_the_failure_of_the_request(session: Session) -> None:
    fail(session, 3)
    session.rollback()
    assert len(session.scalars(select(SignInAttempt).where(SignInAttempt.login == LOGIN)).all()) == 3


def test_parallel_guesses_get_no_more_than_five_tries(session: Session, parts: Parts) -> None:
    def guess(_: int) -> str:
        try:
            with parts.work() as work:
                sign_in(work, LOGIN, "wrong wrong wrong", "10.0.0.1")
        except (SignInRefused, TooMany) as refusal:
            return type(refusal).__name__
        return "in"

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(guess, range(12)))
    assert (answers.count("SignInRefused"), answers.count("TooMany")) == (5, 7)


def test_a_reset_password_lets_the_person_in_at_once(session: Session) -> None:
    person = session.scalars(select(Staff).where(Staff.login == "key-maker")).one()
    with clock_at(now() + timedelta(days=1)):
        fail(session, 5, login="key-maker")
        wait_of(session, login="key-maker")
        _, password = service.reset_password(session, SYSTEM, person.id)
        session.commit()
        assert sign_in(session, "key-maker", password, "10.0.0.1").must_change_password
