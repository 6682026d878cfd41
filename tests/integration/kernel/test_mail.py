"""E-mail: nothing before the commit, once for ever, again after growing pauses, given up where it is seen."""

from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest
from procrastinate.jobs import Job
from pydantic import AnyUrl
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from tests.support.smtp import Mailbox, running_smtp
from workbench.kernel import mail, outbox, tasks
from workbench.kernel.audit import AuditEntry
from workbench.kernel.crypto import open_secret, seal_secret
from workbench.kernel.errors import Conflict, NotAllowed, NotFound
from workbench.kernel.identity import Actor, Role
from workbench.kernel.mail import GrowingPauses, deliver, find_failed, send_again, send_message
from workbench.kernel.outbox import SECRET_PLACE, MessageState, OutboxMessage, SendFailed
from workbench.kernel.parts import Parts
from workbench.kernel.secrets import Secrets

ADMINISTRATOR = Actor("staff", 1, "Administrator", frozenset({Role.ADMINISTRATOR}))
CLERK = Actor("staff", 2, "Clerk", frozenset({Role.PRE_CHECKER}))


def post(
    parts: Parts, recipient: str = "a@example.invalid", event: str = "case:1:returned", subject: str = "退回通知"
) -> int:
    with parts.work() as session:
        outbox.post(session, event=event, recipient=recipient, subject=subject, body="请补正材料。\n.\n见附件\n")
    with parts.work() as session:
        return session.scalars(select(OutboxMessage.id).where(OutboxMessage.event == event)).one()


def message(parts: Parts, message_id: int) -> OutboxMessage:
    with parts.work() as session:
        return session.get_one(OutboxMessage, message_id)


def files(parts: Parts) -> list[Path]:
    return sorted(parts.settings.mail_dir.glob("*")) if parts.settings.mail_dir.exists() else []


def over_smtp(parts: Parts, box: Mailbox) -> Parts:
    settings = parts.settings.model_copy(update={"smtp_url": AnyUrl(f"smtp://127.0.0.1:{box.port}")})
    changed = Parts(settings, parts.engine, parts.session_factory, parts.secrets, parts.blobs)
    tasks.install(changed)
    return changed


def waiting_jobs(parts: Parts) -> list[int]:
    with parts.work() as session:
        return list(
            session.scalars(
                text("SELECT (args->>'message_id')::int FROM procrastinate_jobs WHERE task_name = 'send_message'")
            )
        )


def test_nothing_is_posted_when_the_transaction_is_undone(parts: Parts) -> None:
    with parts.work() as session:
        outbox.post(session, event="e", recipient="a@example.invalid", subject="s", body="b")
        session.rollback()
    assert waiting_jobs(parts) == []
    with parts.work() as session:
        assert session.scalar(text("SELECT count(*) FROM outbox_message")) == 0


def test_one_event_is_told_once(parts: Parts) -> None:
    first = post(parts)
    assert post(parts, recipient="b@example.invalid") == first
    assert message(parts, first).recipient == "a@example.invalid"
    assert waiting_jobs(parts) == [first]


def test_without_a_server_a_message_becomes_one_file_however_often_the_task_runs(parts: Parts) -> None:
    number = post(parts)
    for _ in range(3):
        send_message(number)
    (file,) = files(parts)
    assert file.name == f"{number:09d}.eml"
    read = message_from_bytes(file.read_bytes(), policy=default)
    assert (read["To"], read["Subject"]) == ("a@example.invalid", "退回通知")
    assert read.get_content() == "请补正材料。\n.\n见附件\n"
    sent = message(parts, number)
    assert (sent.state, sent.attempts) == (MessageState.SENT, 1)
    assert sent.sent_at is not None


def test_over_smtp_a_message_arrives_once_and_whole(parts: Parts) -> None:
    with running_smtp() as box:
        parts = over_smtp(parts, box)
        number = post(parts)
        send_message(number)
        send_message(number)
    (received,) = box.received
    assert (received["To"], received["Subject"]) == ("a@example.invalid", "退回通知")
    assert received.get_content().replace("\r\n", "\n") == "请补正材料。\n.\n见附件\n"  # type: ignore[attr-defined]
    assert received["Message-ID"] == f"<outbox-{number}@workbench.invalid>"
    assert files(parts) == []


def test_a_worker_killed_between_sending_and_committing_sends_the_same_message_id_again(parts: Parts) -> None:
    with running_smtp() as box:
        parts = over_smtp(parts, box)
        number = post(parts)
        deliver(parts.settings, message(parts, number))
        send_message(number)
    assert len(box.received) == 2
    assert box.received[0]["Message-ID"] == box.received[1]["Message-ID"]
    assert box.received[0].as_bytes() == box.received[1].as_bytes()


def test_a_worker_killed_before_committing_leaves_one_file(parts: Parts) -> None:
    number = post(parts)
    deliver(parts.settings, message(parts, number))
    before = files(parts)[0].read_bytes()
    send_message(number)
    assert [file.read_bytes() for file in files(parts)] == [before]


def test_a_server_that_is_away_is_tried_again_and_then_given_up(parts: Parts) -> None:
    with running_smtp() as box:
        parts = over_smtp(parts, box)
    number = post(parts)
    for attempt in range(1, mail.MAX_ATTEMPTS):
        with pytest.raises(SendFailed):
            send_message(number)
        now = message(parts, number)
        assert (now.state, now.attempts) == (MessageState.WAITING, attempt)
        assert "ConnectionRefused" in (now.last_error or "")
    send_message(number)
    with parts.work() as session:
        assert [each.id for each in find_failed(session)] == [number]
    assert message(parts, number).attempts == mail.MAX_ATTEMPTS


def test_the_pauses_between_attempts_grow_to_six_hours() -> None:
    def pause(attempts: int) -> float:
        job = Job(id=1, queue="default", lock=None, queueing_lock=None, task_name="send_message", attempts=attempts)
        at = GrowingPauses().get_retry_decision(exception=SendFailed("away", final=False), job=job).retry_at
        assert at is not None
        return (at - at.now(at.tzinfo)).total_seconds()

    assert [round(pause(attempts)) for attempts in (0, 1, 2, 6, 7, 500)] == [4, 16, 64, 16384, 21600, 21600]


def test_a_recipient_refused_for_good_fails_at_once_and_one_refused_for_now_waits(parts: Parts) -> None:
    with running_smtp() as box:
        box.answers = {"gone@example.invalid": "550 no such user", "full@example.invalid": "452 mailbox full"}
        parts = over_smtp(parts, box)
        gone = post(parts, "gone@example.invalid", "e1")
        full = post(parts, "full@example.invalid", "e2")
        send_message(gone)
        with pytest.raises(SendFailed):
            send_message(full)
        send_message(gone)
    assert message(parts, gone).state == MessageState.FAILED
    assert "550" in (message(parts, gone).last_error or "")
    assert message(parts, full).state == MessageState.WAITING
    assert box.recipients_asked == ["gone@example.invalid", "full@example.invalid"]
    assert box.received == []


@pytest.mark.parametrize("changes", [{"subject": "two\nlines"}, {"recipient": "a@b\r\nBcc: c@d"}])
def test_what_cannot_be_an_email_fails_at_once_instead_of_hiding_among_the_waiting(
    parts: Parts, changes: dict[str, str]
) -> None:
    number = post(parts, **changes)
    send_message(number)
    assert message(parts, number).state == MessageState.FAILED
    assert files(parts) == []


def test_a_folder_that_cannot_be_written_is_tried_again(parts: Parts) -> None:
    number = post(parts)
    parts.settings.mail_dir.write_text("a file stands in the way")
    with pytest.raises(SendFailed):
        send_message(number)
    parts.settings.mail_dir.unlink()
    send_message(number)
    assert message(parts, number).state == MessageState.SENT


def test_sending_again_is_recorded_and_starts_anew(parts: Parts) -> None:
    with running_smtp() as box:
        box.answers = {"a@example.invalid": "550 no"}
        parts = over_smtp(parts, box)
        number = post(parts)
        send_message(number)
        box.answers = {}
        with parts.work() as session:
            send_again(session, number, ADMINISTRATOR)
        assert waiting_jobs(parts) == [number, number]
        send_message(number)
    assert len(box.received) == 1
    with parts.work() as session:
        assert session.scalars(select(AuditEntry.action)).all() == ["message.sent_again"]
        with pytest.raises(Conflict):
            send_again(session, number, ADMINISTRATOR)
        with pytest.raises(NotFound):
            send_again(session, 999, ADMINISTRATOR)
        with pytest.raises(NotAllowed):
            send_again(session, number, CLERK)


PIN = "40718263"


def post_secret(parts: Parts) -> int:
    with parts.work() as session:
        sealed = seal_secret(parts.secrets, PIN)
        body = f"PIN: {SECRET_PLACE}\n"
        outbox.post(
            session, event="pin", recipient="a@example.invalid", subject="s", body=body, secret_ciphertext=sealed
        )
    with parts.work() as session:
        return session.scalars(select(OutboxMessage.id).where(OutboxMessage.event == "pin")).one()


def everything_kept(parts: Parts) -> str:
    """What whoever reads the database finds of messages, their jobs and the log of actions."""
    with parts.work() as session:
        return " ".join(
            session.scalars(
                text(
                    "SELECT t::text FROM outbox_message t UNION ALL SELECT t::text FROM procrastinate_jobs t "
                    "UNION ALL SELECT t::text FROM audit_entry t"
                )
            )
        )


def test_a_secret_is_put_in_its_place_on_the_way_out_and_erased_with_the_mark(parts: Parts) -> None:
    number = post_secret(parts)
    assert PIN not in everything_kept(parts)
    send_message(number)
    (file,) = files(parts)
    assert message_from_bytes(file.read_bytes(), policy=default).get_content() == f"PIN: {PIN}\n"
    sent = message(parts, number)
    assert (sent.state, sent.secret_ciphertext, sent.body) == (MessageState.SENT, None, f"PIN: {SECRET_PLACE}\n")
    assert PIN not in everything_kept(parts)


def test_a_failed_message_keeps_its_secret_sealed_for_the_next_try(parts: Parts) -> None:
    with running_smtp() as box:
        box.answers = {"a@example.invalid": "550 no"}
        parts = over_smtp(parts, box)
        number = post_secret(parts)
        send_message(number)
        failed = message(parts, number)
        assert failed.state == MessageState.FAILED
        assert failed.secret_ciphertext is not None
        assert open_secret(parts.secrets, failed.secret_ciphertext) == PIN
        assert PIN not in everything_kept(parts)
        box.answers = {}
        with parts.work() as session:
            send_again(session, number, ADMINISTRATOR)
        send_message(number)
    assert PIN in box.received[0].get_content()  # type: ignore[attr-defined]
    assert message(parts, number).secret_ciphertext is None


def test_a_secret_no_key_opens_waits_for_the_key(parts: Parts, tmp_path: Path) -> None:
    number = post_secret(parts)
    tasks.install(replace(parts, secrets=Secrets.load_or_create(tmp_path / "other keys")))
    with pytest.raises(SendFailed):
        send_message(number)
    assert message(parts, number).state == MessageState.WAITING
    tasks.install(parts)
    send_message(number)
    assert PIN in message_from_bytes(files(parts)[0].read_bytes(), policy=default).get_content()


def test_a_secret_without_a_place_is_refused_and_a_place_without_a_secret_means_nothing(parts: Parts) -> None:
    with parts.work() as session, pytest.raises(ValueError, match="place"):
        outbox.post(
            session, event="e", recipient="a@example.invalid", subject="s", body="PIN", secret_ciphertext=b"sealed"
        )
    number = post(parts, subject=f"{SECRET_PLACE}有限公司")
    send_message(number)
    assert message(parts, number).state == MessageState.SENT


def test_the_database_refuses_a_sent_message_with_a_secret(parts: Parts) -> None:
    number = post_secret(parts)
    with parts.work() as session, pytest.raises(IntegrityError, match="secret_gone_when_sent"):
        session.execute(
            text("UPDATE outbox_message SET state = 'sent', sent_at = now() WHERE id = :id"), {"id": number}
        )
