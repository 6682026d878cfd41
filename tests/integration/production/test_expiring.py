"""Letters about certificates that expire: one for each threshold, to whoever holds the key, and to nobody twice."""

from datetime import datetime, timedelta
from threading import Barrier, Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text

from tests.support.applicant import a_code
from tests.support.bench import Workshop
from tests.support.casework import SYSTEM
from tests.support.desk import Desk
from tests.support.issued import NAME, certify, mails, record_of
from workbench import create_app
from workbench.cases.models import Applicant, Application
from workbench.cases.words import Service, State
from workbench.kernel.clock import SHANGHAI, clock_at, now
from workbench.kernel.identity import Role
from workbench.keys.models import Certificate
from workbench.keys.service import revoke
from workbench.production import expiring
from workbench.production.expiring import THRESHOLDS, tell_expiring, threshold_of
from workbench.production.letters import days_left

NOON = datetime(2026, 11, 24, 4, 0, tzinfo=SHANGHAI)


@given(st.integers(min_value=-5_000_000, max_value=8_000_000))
def test_a_certificate_is_at_the_smallest_threshold_that_holds_it(seconds: int) -> None:
    found = threshold_of(NOON + timedelta(seconds=seconds), NOON)
    left = seconds / 86_400
    holding = [days for days in THRESHOLDS if 0 < left <= days]
    assert found == (min(holding) if holding else None)


def test_days_are_counted_by_the_calendar_of_shanghai() -> None:
    assert days_left(datetime(2026, 12, 1, 0, 30, tzinfo=SHANGHAI), datetime(2026, 11, 30, 23, 0, tzinfo=SHANGHAI)) == 1
    assert days_left(NOON, NOON) == 0


def in_case(workshop: Workshop, number: int, lasts: timedelta, email: str = "a@example.invalid") -> int:
    """A certificate that was made in a case whose holder has this address."""
    facts = workshop.office.facts(Service.NEW, uscc=a_code(number), enterprise_name=NAME, email=email)
    case = workshop.office.submit(facts)
    return certify(
        workshop.parts,
        f"K-{number}",
        uscc=a_code(number),
        lasts=lasts,
        application_id=case,
        authority_id=workshop.office.authority_ids[0],
    )


def told(workshop: Workshop) -> list[tuple[str, str]]:
    return [(mail.event, mail.recipient) for mail in mails(workshop.parts)]


def test_each_threshold_is_told_once(workshop: Workshop) -> None:
    one = in_case(workshop, 1, timedelta(days=100))
    began, events = now(), []
    for days in (0, 39, 40, 41, 69, 70, 71, 92, 93, 94, 99, 100, 130):
        with clock_at(began + timedelta(days=days, hours=1)):
            tell_expiring(workshop.parts)
            tell_expiring(workshop.parts)
        events.append((days, len(told(workshop))))
    assert events == [
        (0, 0),
        (39, 0),
        (40, 1),
        (41, 1),
        (69, 1),
        (70, 2),
        (71, 2),
        (92, 2),
        (93, 3),
        (94, 3),
        (99, 3),
        (100, 3),
        (130, 3),
    ]
    assert [event for event, _ in told(workshop)] == [f"certificate:{one}:expires:{days}" for days in (60, 30, 7)]


def test_one_seen_for_the_first_time_shortly_before_its_end_is_told_once(workshop: Workshop) -> None:
    one = in_case(workshop, 1, timedelta(days=5))
    assert tell_expiring(workshop.parts) == 1
    assert told(workshop) == [(f"certificate:{one}:expires:7", "a@example.invalid")]


def test_the_letter_says_what_expires_when_and_where_to_renew(workshop: Workshop) -> None:
    one = in_case(workshop, 1, timedelta(days=30))
    tell_expiring(workshop.parts)
    (mail,) = mails(workshop.parts)
    record = record_of(workshop.parts, one)
    last = record.not_after.astimezone(SHANGHAI).strftime("%Y-%m-%d")
    assert mail.subject == f"【电子钥匙】您的电子钥匙证书将于 {last} 到期"
    for words in (NAME, "示例甲", "还有 30 天到期", "expires in 30 days", "/renew", "K-1", last):
        assert words in mail.body, words
    assert record.serial not in mail.body
    assert (mail.case_id, mail.state) == (record.application_id, "waiting")
    jobs = "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'send_message'"
    assert workshop.read(lambda session: session.execute(text(jobs)).scalar_one()) >= 1


def test_what_people_typed_stays_text(workshop: Workshop) -> None:
    case = workshop.office.submit(workshop.office.facts(uscc=a_code(1)))
    certify(
        workshop.parts, "K-1", uscc=a_code(1), name="{{ 7 * 7 }} 示例", lasts=timedelta(days=6), application_id=case
    )
    tell_expiring(workshop.parts)
    (mail,) = mails(workshop.parts)
    assert "{{ 7 * 7 }} 示例" in mail.body
    assert "49" not in mail.subject


def test_ended_ones_and_those_under_renewal_are_left_in_peace(workshop: Workshop) -> None:
    ended, renewing, certified, closed = (in_case(workshop, number, timedelta(days=20)) for number in range(1, 5))
    with workshop.parts.work() as session:
        revoke(session, ended, "示例：遗失", SYSTEM)
    office = workshop.office
    office.submit(office.facts(Service.RENEWAL, uscc=a_code(2), prior_key="K-2"))
    account = renewal_by_certificate(workshop, certified, a_code(3))
    done = office.submit(office.facts(Service.RENEWAL, uscc=a_code(4), prior_key="K-4"))
    with workshop.parts.work() as session:
        session.get_one(Application, done).state = State.WITHDRAWN.value
    assert account
    assert tell_expiring(workshop.parts) == 1
    assert told(workshop) == [(f"certificate:{closed}:expires:30", "a@example.invalid")]
    assert renewing != closed


def renewal_by_certificate(workshop: Workshop, certificate_id: int, code: str) -> int:
    """A renewal that names no key, but was made by the account of the certificate."""
    case = workshop.office.submit(workshop.office.facts(Service.RENEWAL, uscc=code))
    with workshop.parts.work() as session:
        applicant = Applicant(
            kind="certificate",
            name=NAME,
            uscc=code,
            certificate_sha256=session.get_one(Certificate, certificate_id).sha256,
            created_at=now(),
        )
        session.add(applicant)
        session.flush()
        session.get_one(Application, case).applicant_id = applicant.id
        return applicant.id


def test_the_letter_goes_to_the_case_s_holder_or_the_key_s_account_and_to_no_namesake(workshop: Workshop) -> None:
    in_case(workshop, 1, timedelta(days=6), email="holder@example.invalid")
    own = certify(workshop.parts, "K-2", uscc=a_code(2), lasts=timedelta(days=6))
    certify(workshop.parts, "K-3", uscc=a_code(3), lasts=timedelta(days=6))
    with workshop.parts.work() as session:
        for name, code, sha256 in (
            ("own", a_code(2), session.get_one(Certificate, own).sha256),
            ("namesake", a_code(3), None),
        ):
            session.add(
                Applicant(
                    kind="certificate" if sha256 else "person",
                    name=NAME,
                    uscc=code,
                    certificate_sha256=sha256,
                    login=None if sha256 else "somebody",
                    password_hash=None if sha256 else "x",
                    email=f"{name}@example.invalid",
                    created_at=now(),
                )
            )
    assert tell_expiring(workshop.parts) == 2
    assert sorted(recipient for _, recipient in told(workshop)) == ["holder@example.invalid", "own@example.invalid"]


def test_those_without_an_address_are_listed_instead(workshop: Workshop) -> None:
    one = certify(workshop.parts, "K-1", uscc=a_code(1), lasts=timedelta(days=6))
    other = in_case(workshop, 2, timedelta(days=6))
    tell_expiring(workshop.parts)
    desk = Desk(create_app(parts=workshop.parts), workshop.parts, workshop.office.authority_ids[0])
    browser = desk.browser(Role.VENDOR_SUPERVISOR)
    listed = browser.open("/desk/certificates/?expiring=7&unreachable=1")
    assert f'href="/desk/certificates/{one}"' in listed
    assert f'href="/desk/certificates/{other}"' not in listed
    assert "No e-mail address</em>" in listed
    assert "written to a@example.invalid" in browser.open(f"/desk/certificates/{other}")
    assert "1 of them without an e-mail address" in browser.open("/desk/")


def test_more_than_one_transaction_takes_are_all_told(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expiring, "TOLD_AT_ONCE", 2)
    for number in range(1, 6):
        in_case(workshop, number, timedelta(days=20))
    assert tell_expiring(workshop.parts) == 5
    assert len(set(told(workshop))) == 5


def test_two_workers_at_once_tell_nobody_twice(workshop: Workshop) -> None:
    for number in range(1, 9):
        in_case(workshop, number, timedelta(days=20))
    ready = Barrier(3)

    def work() -> None:
        ready.wait(20)
        tell_expiring(workshop.parts)

    threads = [Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(told(workshop)) == 8
    jobs = "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'send_message'"
    sent = workshop.read(lambda session: session.execute(text(jobs)).scalar_one())
    every = workshop.read(lambda session: session.execute(text("SELECT count(*) FROM outbox_message")).scalar_one())
    assert sent == every


def test_the_worker_has_the_task_every_hour() -> None:
    from workbench.kernel import tasks
    from workbench.production import tasks as production_tasks

    assert production_tasks.tell_expiring.name == "tell_expiring"
    periodic = [task.cron for task in tasks.app.periodic_registry.periodic_tasks.values() if "tell" in task.task.name]
    assert periodic == ["23 * * * *"]


def test_a_renewal_that_closed_without_success_is_told_of_again(workshop: Workshop) -> None:
    in_case(workshop, 1, timedelta(days=20))
    office = workshop.office
    case = office.submit(office.facts(Service.RENEWAL, uscc=a_code(1), prior_key="K-1"))
    assert tell_expiring(workshop.parts) == 0
    with workshop.parts.work() as session:
        session.scalars(select(Application).where(Application.id == case)).one().state = State.WITHDRAWN.value
    assert tell_expiring(workshop.parts) == 1
