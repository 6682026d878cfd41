"""How the user PIN of a made key reaches its holder: in a sealed letter that the maker prints, or in an e-mail.

A PIN is opened for the printing or the sending alone, and kept sealed no longer than that takes: until the letter is
closed or the e-mail written, seven days at most. It never stands in an address, a log or the audit log.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from cryptography.fernet import InvalidToken
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from workbench.cases.models import Application
from workbench.kernel import outbox
from workbench.kernel.clock import SHANGHAI, ago, now
from workbench.kernel.codes import group4
from workbench.kernel.crypto import open_secret
from workbench.kernel.errors import Conflict, NotFound
from workbench.kernel.identity import Actor, system_actor
from workbench.kernel.messages import N_
from workbench.kernel.parts import Parts
from workbench.kernel.permissions import Permission, demand
from workbench.kernel.typesetting import typeset
from workbench.keys.models import Token
from workbench.organisation.models import Authority
from workbench.production import letters
from workbench.production.journal import record_making
from workbench.production.making import refuse_decider
from workbench.production.models import Making
from workbench.production.subjects import holder_of

KEPT_FOR: Final = timedelta(days=7)
"""From the making of the key: how long a letter may wait to be printed and closed."""
EMAIL: Final = "email"
ERASE_TASK: Final = "erase_old_pins"
MOST_LETTERS: Final = 500
"""Of one printing: as many as a batch makes keys."""


def waiting_letters(actor: Actor, *, printed: bool | None = None) -> Select[Making]:
    """The keys this person made whose PIN still waits for its letter to be closed, the oldest first.

    Args:
        printed: only those whose letter has been printed, or only those whose letter has not.
    """
    found = (
        select(Making)
        .where(Making.state == "made", Making.pin_ciphertext.is_not(None), Making.maker_id == actor.id)
        .order_by(Making.ended_at, Making.id)
    )
    if printed is None:
        return found
    return found.where(Making.pin_printed_at.is_not(None) if printed else Making.pin_printed_at.is_(None))


def count_letters(session: Session, actor: Actor) -> int:
    """How many letters `waiting_letters` stands for."""
    return session.scalar(select(func.count()).select_from(waiting_letters(actor).order_by(None).subquery())) or 0


def read_letters(session: Session, actor: Actor) -> tuple[int, tuple[int, ...]]:
    """How many letters `waiting_letters` stands for, and the keys of those that have been printed, as many as can be
    closed at once."""
    columns = (Making.id, Making.pin_printed_at.is_not(None))
    rows = session.execute(waiting_letters(actor).with_only_columns(*columns)).all()
    return len(rows), tuple(making_id for making_id, is_printed in rows if is_printed)[:MOST_LETTERS]


def print_letters(session: Session, parts: Parts, actor: Actor, making_ids: Sequence[int]) -> bytes:
    """The letters of these keys as one PDF, a page each; recorded, the first time and every other time.

    Raises:
        NotAllowed: the actor doesn't make keys, or has decided on a case at another desk.
        NotFound: no such key.
        Conflict: a key is not made, its PIN has been delivered or erased, or can't be opened any more.
    """
    demand(actor, Permission.KEY_PRODUCE)
    printed = []
    for making in _lock_made(session, actor, making_ids):
        printed.append(_facts_of(session, parts, making))
        again = making.pin_printed_at is not None
        making.pin_printed_at = making.pin_printed_at or now()
        _record(session, "pin.letter_printed", actor, making, again=again)
    session.flush()
    return typeset("pin_letter", {"letters": printed})


def confirm_sealed(session: Session, actor: Actor, making_ids: Sequence[int]) -> None:
    """The maker has closed these letters: their PINs are erased, and nobody can print them again.

    Raises:
        NotAllowed, NotFound: as `print_letters`.
        Conflict: as there, or a letter has not been printed.
    """
    demand(actor, Permission.KEY_PRODUCE)
    for making in _lock_made(session, actor, making_ids):
        if making.pin_printed_at is None:
            raise Conflict(
                N_("The PIN letter of %(serial)s has not been printed yet."), serial=_serial_of(session, making)
            )
        making.pin_ciphertext, making.pin_delivered_at = None, now()
        _record(session, "pin.letter_sealed", actor, making)
    session.flush()


def deliver_made(session: Session, parts: Parts, making: Making, actor: Actor) -> None:
    """Hand the PIN of a key that was just made to the outbox, where e-mail is how PINs travel; letters wait."""
    if parts.settings.pin_delivery != EMAIL or making.pin_ciphertext is None:
        return
    application = session.get_one(Application, making.application_id)
    holder = holder_of(session, application)
    letters.write(
        session,
        "pin",
        event=f"pin:{making.id}",
        recipient=holder.email,
        case_id=application.id,
        secret_ciphertext=making.pin_ciphertext,
        application=application,
        holder=holder.name,
        serial=_serial_of(session, making),
        pin=outbox.SECRET_PLACE,
    )
    making.pin_ciphertext, making.pin_delivered_at = None, now()
    _record(session, "pin.mailed", actor, making)
    session.flush()


def erase_old(session: Session) -> int:
    """Erase the PINs of letters that nobody closed in time; returns how many. The key itself then needs another one."""
    overdue = select(Making).where(
        Making.state == "made", Making.pin_ciphertext.is_not(None), Making.ended_at < ago(days=KEPT_FOR.days)
    )
    found = session.scalars(overdue.order_by(Making.id).with_for_update(skip_locked=True)).all()
    for making in found:
        making.pin_ciphertext = None
        _record(session, "pin.erased", system_actor("production"), making)
    session.flush()
    return len(found)


def _lock_made(session: Session, actor: Actor, making_ids: Sequence[int]) -> Sequence[Making]:
    """These keys in the order they were made, locked; each is made and its PIN still here."""
    wanted = set(making_ids[:MOST_LETTERS])
    found = session.scalars(
        select(Making)
        .where(Making.id.in_(wanted))
        .order_by(Making.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    if not found or len(found) < len(wanted):
        raise NotFound(N_("There is no such key."))
    for making in found:
        if making.state != "made":
            raise Conflict(N_("Token %(serial)s is no finished key."), serial=_serial_of(session, making))
        refuse_decider(session, making.application_id, actor)
        _refuse_without_pin(session, making)
    return found


def _refuse_without_pin(session: Session, making: Making) -> None:
    if making.pin_ciphertext is not None:
        return
    serial = _serial_of(session, making)
    if making.pin_delivered_at is not None:
        raise Conflict(N_("The PIN of %(serial)s has been delivered; nobody can print it again."), serial=serial)
    raise Conflict(
        N_("The PIN of %(serial)s was erased because its letter was not closed within %(days)s days."),
        serial=serial,
        days=KEPT_FOR.days,
    )


def _facts_of(session: Session, parts: Parts, making: Making) -> dict[str, Any]:
    """What a letter says, the PIN in clear: for the typesetter and nobody else."""
    application = session.get_one(Application, making.application_id)
    serial = _serial_of(session, making)
    try:
        pin = open_secret(parts.secrets, making.pin_ciphertext or b"")
    except InvalidToken as error:
        raise Conflict(N_("No key of this installation opens the PIN of %(serial)s."), serial=serial) from error
    return {
        "number": application.number,
        "enterprise_name": application.enterprise_name,
        "holder_name": holder_of(session, application).name,
        "authority_name": session.get_one(Authority, making.authority_id).name_zh,
        "serial": serial,
        "pin": group4(pin),
        "made_on": making.ended_at.astimezone(SHANGHAI).date().isoformat() if making.ended_at else "",
    }


def _serial_of(session: Session, making: Making) -> str:
    return session.get_one(Token, making.token_id).serial


def _record(session: Session, action: str, actor: Actor, making: Making, **after: bool) -> None:
    record_making(session, action, actor, making, serial=_serial_of(session, making), **after)
