"""Sending what the outbox holds, each message once. E-mail goes over SMTP, or to files while no server is configured.

A message is marked sent in the transaction that holds its row; a worker killed in between sends it again under the same
Message-ID (SMTP) or the same file name, so that the reader still has it once. A secret is opened for the handing over
alone and erased with the mark; a message that failed keeps it sealed.
"""

import os
import smtplib
import ssl
from contextlib import suppress
from datetime import timedelta
from email.errors import HeaderParseError
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from cryptography.fernet import InvalidToken
from procrastinate import BaseRetryStrategy, RetryDecision
from procrastinate.jobs import Job
from sqlalchemy import select
from sqlalchemy.orm import Session

from workbench.config import Settings
from workbench.kernel import audit, sms, tasks
from workbench.kernel.clock import now
from workbench.kernel.crypto import open_secret
from workbench.kernel.errors import Conflict, NotFound
from workbench.kernel.identity import Actor
from workbench.kernel.outbox import SECRET_PLACE, MessageChannel, MessageState, OutboxMessage, SendFailed
from workbench.kernel.parts import Parts
from workbench.kernel.permissions import Permission, demand

MAX_ATTEMPTS: Final = 8
"""The message counts its attempts itself: those of the job also count workers that died."""
PAUSE_BASE: Final = 4
LONGEST_PAUSE: Final = 6 * 3600
"""Seconds: the pauses between attempts are 4, 16, 64 …, some 11 hours in all."""
SMTP_TIMEOUT: Final = timedelta(seconds=20)


class GrowingPauses(BaseRetryStrategy):
    """Try again after 4, 16, 64 … seconds, never more than six hours later."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision:
        """Always another try: the message itself says when it is given up."""
        return RetryDecision(retry_in={"seconds": min(PAUSE_BASE ** min(job.attempts + 1, 10), LONGEST_PAUSE)})


@tasks.app.task(name="send_message", retry=GrowingPauses())
def send_message(message_id: int) -> None:
    """Send one message unless it has been sent.

    Raises:
        SendFailed: it will be tried again, with growing pauses.
    """
    parts = tasks.parts()
    failure: SendFailed | None = None
    with parts.work() as session:
        message = session.get(OutboxMessage, message_id, with_for_update=True)
        if message is None or message.state != MessageState.WAITING:
            return
        message.attempts += 1
        try:
            deliver(parts.settings, message, _secret_of(parts, message))
        except SendFailed as error:
            message.last_error = str(error)[:500]
            if error.final or message.attempts >= MAX_ATTEMPTS:
                message.state = MessageState.FAILED
            else:
                failure = error
        else:
            message.state = MessageState.SENT
            message.sent_at = now()
            message.secret_ciphertext = None
            message.last_error = None
    if failure is not None:
        raise failure


def send_again(session: Session, message_id: int, actor: Actor) -> None:
    """Give a failed message another round of attempts; recorded.

    Raises:
        NotAllowed, NotFound: no permission, no such message.
        Conflict: it has been sent, or is still being tried.
    """
    demand(actor, Permission.OPERATIONS_MANAGE)
    message = session.get(OutboxMessage, message_id, with_for_update=True)
    if message is None:
        raise NotFound("There is no such message.")
    if message.state != MessageState.FAILED:
        raise Conflict("This message is not among the failed ones any more.")
    message.state = MessageState.WAITING
    message.attempts = 0
    tasks.enqueue(session, "send_message", message_id=message.id)
    audit.record(session, "message.sent_again", actor, subject=f"message:{message.id}", case_id=message.case_id)


def find_failed(session: Session, limit: int = 200) -> list[OutboxMessage]:
    """Messages that were given up, newest first."""
    statement = select(OutboxMessage).where(OutboxMessage.state == MessageState.FAILED)
    return list(session.scalars(statement.order_by(OutboxMessage.id.desc()).limit(limit)))


def _secret_of(parts: Parts, message: OutboxMessage) -> str | None:
    """The secret that goes with a message, in clear.

    Raises:
        SendFailed: no key of this installation opens it; one that is brought back does.
    """
    if message.secret_ciphertext is None:
        return None
    try:
        return open_secret(parts.secrets, message.secret_ciphertext)
    except InvalidToken as error:
        raise SendFailed("no key of this installation opens the secret", final=False) from error


def deliver(settings: Settings, message: OutboxMessage, secret: str | None = None) -> None:
    """Hand the message to whoever carries it on: a short message to its sender, an e-mail to the SMTP server, or to a
    file when none is configured.

    Args:
        secret: in clear; it is put into its place in the body and stands in no error.

    Raises:
        SendFailed: it was not handed over.
    """
    if message.channel == MessageChannel.SMS:
        body = message.body if secret is None else message.body.replace(SECRET_PLACE, secret)
        sms.sender_for(settings).send(f"outbox-{message.id}", message.recipient, body)
        return
    try:
        email = compose(settings, message, secret)
    except (ValueError, HeaderParseError, IndexError) as error:
        raise SendFailed(f"cannot be written as an e-mail: {error}", final=True) from error
    if settings.smtp_url is None:
        _write_file(settings.mail_dir, message.id, email)
    else:
        _send_smtp(settings, email)


def compose(settings: Settings, message: OutboxMessage, secret: str | None = None) -> EmailMessage:
    """The e-mail as it travels. Its Message-ID depends on the message alone, so a second copy is recognisable."""
    email = EmailMessage()
    email["From"] = settings.mail_from
    email["To"] = message.recipient
    email["Subject"] = message.subject
    email["Date"] = format_datetime(message.created_at)
    email["Message-ID"] = f"<outbox-{message.id}@{settings.mail_from.rpartition('@')[2]}>"
    email["Auto-Submitted"] = "auto-generated"
    email.set_content(message.body if secret is None else message.body.replace(SECRET_PLACE, secret))
    return email


def _write_file(folder: Path, message_id: int, email: EmailMessage) -> None:
    """One file per message, whole or not at all; writing it twice leaves it once."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f".{message_id:09d}.{os.getpid()}.part"
        with temporary.open("wb") as file:
            file.write(email.as_bytes())
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(folder / f"{message_id:09d}.eml")
    except OSError as error:
        raise SendFailed(f"cannot write to {folder}: {error.strerror}", final=False) from error


def _send_smtp(settings: Settings, email: EmailMessage) -> None:
    url = settings.smtp_url
    if url is None or url.host is None:
        raise SendFailed("no SMTP server is configured", final=False)
    secure = url.scheme == "smtps"
    seconds = SMTP_TIMEOUT.total_seconds()
    try:
        server = (
            smtplib.SMTP_SSL(url.host, url.port or 465, timeout=seconds, context=ssl.create_default_context())
            if secure
            else smtplib.SMTP(url.host, url.port or 25, timeout=seconds)
        )
        try:
            if not secure and server.has_extn("starttls"):
                server.starttls(context=ssl.create_default_context())
            if url.username:
                server.login(unquote(url.username), unquote(url.password or ""))
            server.send_message(email)
        finally:
            with suppress(smtplib.SMTPException, OSError):
                server.quit()
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        raise SendFailed(f"recipient refused: {codes}", final=all(code >= 500 for code in codes)) from error
    except (smtplib.SMTPException, OSError) as error:
        raise SendFailed(f"{type(error).__name__}: {error}", final=False) from error
