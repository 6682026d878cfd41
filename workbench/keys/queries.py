"""Reads of certificates: which an enterprise holds, which one a key bears. They look across all authorities, each in a
short unit of work of its own, because a limit counted within one authority would be no limit.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Select, SQLColumnExpression, false, func, or_, select
from sqlalchemy.orm import Session

from workbench.cases.models import Application
from workbench.cases.words import Service, State
from workbench.kernel.clock import now
from workbench.kernel.codes import normalise_uscc
from workbench.kernel.parts import Parts
from workbench.keys.models import Certificate

LIMIT_OF_KEYS: Final = 3
"""Valid certificates an enterprise may hold at most (DOMAIN: additional key)."""
CLOSED: Final = (State.WITHDRAWN, State.COLLECTED, State.UPDATED, State.KEY_DESTROYED)
"""States in which a case asks for nothing any more."""
UNPROVEN: Final = (State.PRE_CHECK, State.RETURNED, State.RE_CHECK)
"""States in which nobody has confirmed yet that a case is the enterprise's own."""


@dataclass(frozen=True)
class KeysHeld:
    """What an enterprise has: certificates that are valid now, oldest first, and cases that will bring another."""

    certificates: tuple[Certificate, ...]
    in_progress: int

    @property
    def count(self) -> int:
        """Certificates held and asked for, as the limit counts them."""
        return len(self.certificates) + self.in_progress


def keys_held(parts: Parts, uscc: str, applicant_id: int | None = None) -> KeysHeld:
    """The keys an enterprise holds or will get, at whatever authority.

    Cases that no desk has confirmed count only when `applicant_id` made them: credit codes are public, and a stranger's
    applications must not use up an enterprise's keys.
    """
    with parts.work() as session:
        return count_keys(session, uscc, applicant_id)


def count_keys(session: Session, uscc: str, applicant_id: int | None = None) -> KeysHeld:
    """`keys_held` in a session that reaches everything. A case whose certificate was made counts once."""
    code = normalise_uscc(uscc)
    at = now()
    valid = session.scalars(
        select(Certificate)
        .where(Certificate.uscc == code, Certificate.state == "valid", Certificate.not_after > at)
        .order_by(Certificate.not_before, Certificate.id)
    )
    own = false() if applicant_id is None else Application.applicant_id == applicant_id
    made = select(Certificate.id).where(Certificate.application_id == Application.id)
    in_progress = session.scalar(
        select(func.count())
        .select_from(Application)
        .where(
            Application.uscc == code,
            Application.service.in_([Service.NEW.value, Service.ADDITIONAL.value]),
            Application.state.not_in([state.value for state in CLOSED]),
            or_(Application.state.not_in([state.value for state in UNPROVEN]), own),
            ~made.exists(),
        )
    )
    return KeysHeld(tuple(valid), in_progress or 0)


def valid_keys_of(uscc: SQLColumnExpression[str], at: SQLColumnExpression[datetime] | datetime) -> Select[int]:
    """How many certificates of an enterprise are valid at an instant, to be asked within another statement."""
    return (
        select(func.count())
        .select_from(Certificate)
        .where(Certificate.uscc == uscc, Certificate.state == "valid", Certificate.not_after > at)
    )


def find_valid_key(parts: Parts, uscc: str, key_number: str) -> Certificate | None:
    """The enterprise's valid certificate on the key of this number, as it is printed there; None without one."""
    with parts.work() as session:
        return session.scalars(
            select(Certificate)
            .where(
                Certificate.key_number == key_number.strip(),
                Certificate.uscc == normalise_uscc(uscc),
                Certificate.state == "valid",
                Certificate.not_after > now(),
            )
            .order_by(Certificate.not_after.desc())
        ).first()


def find_certificate(parts: Parts, sha256: str) -> Certificate | None:
    """Our record of the certificate with this SHA-256 over its DER form, in hexadecimal, whatever became of it."""
    with parts.work() as session:
        return session.scalars(select(Certificate).where(Certificate.sha256 == sha256)).one_or_none()
