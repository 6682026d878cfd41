"""Certificates that are about to expire: which they are, who is told, and the telling, once for each threshold.

Nobody is told of a certificate that has ended, nor of one whose renewal is under way; one that no address is known for
is listed instead.
"""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, String, cast, exists, func, literal, or_, select
from sqlalchemy.orm import Session

from workbench.cases.models import Applicant, Application, Holder, Submission
from workbench.cases.states import CLOSED_STATES
from workbench.cases.words import Service
from workbench.kernel.clock import now
from workbench.kernel.db import site_url_of
from workbench.kernel.outbox import OutboxMessage
from workbench.kernel.parts import Parts
from workbench.keys.models import Certificate
from workbench.production import letters

THRESHOLDS: Final = (7, 30, 60)
"""Days before its end at which the enterprise is told of a certificate (issue: expiring in 60/30/7 days)."""
TOLD_AT_ONCE: Final = 200
"""Letters of one transaction."""
RENEWAL_PATH: Final = "/renew"
"""Where the front door begins a renewal."""
_OPEN_RENEWAL: Final = (
    Application.service == Service.RENEWAL.value,
    Application.state.not_in([state.value for state in CLOSED_STATES]),
)


def threshold_of(not_after: datetime, at: datetime) -> int | None:
    """The threshold a certificate has come to at an instant: the smallest that is not smaller than the days left.

    None while it has more than the largest, and once it has expired.
    """
    if not_after <= at:
        return None
    return next((days for days in THRESHOLDS if not_after <= at + timedelta(days=days)), None)


def expires_within(days: int, at: datetime) -> tuple[ColumnElement[bool], ...]:
    """The conditions that a certificate is valid and expires in at most so many days from an instant."""
    return _between(at, at + timedelta(days=days))


def address_of_holder() -> ColumnElement[str | None]:
    """Where the holder of a certificate is reached: as the case that made it says, or the account that goes with it.

    Credit codes are public, so accounts that merely bear the same one are told nothing.
    """
    of_case = select(Holder.email).join(Submission, Submission.id == Holder.submission_id)
    of_case = of_case.join(Application, Application.id == Submission.application_id).where(
        Submission.round == Application.round
    )
    of_applicant = select(Applicant.email).join(Application, Application.applicant_id == Applicant.id)
    this_case = Application.id == Certificate.application_id
    of_account = select(Applicant.email).where(Applicant.certificate_sha256 == Certificate.sha256)
    found = [
        each.correlate(Certificate).limit(1).scalar_subquery()
        for each in (of_case.where(this_case), of_applicant.where(this_case), of_account)
    ]
    return func.coalesce(*(func.nullif(each, "") for each in found))


def has_open_renewal() -> ColumnElement[bool]:
    """The condition that a renewal of a certificate has been sent in and is not closed."""
    account = select(Applicant.id).where(Applicant.certificate_sha256 == Certificate.sha256).correlate(Certificate)
    renewal = exists().where(
        *_OPEN_RENEWAL,
        Application.uscc == Certificate.uscc,
        or_(Application.prior_key == Certificate.key_number, Application.applicant_id.in_(account)),
    )
    return renewal.correlate(Certificate)


def event_of(certificate_id: int, days: int) -> str:
    """By what the outbox knows that an enterprise was told at a threshold."""
    return f"certificate:{certificate_id}:expires:{days}"


def tell_expiring(parts: Parts) -> int:
    """Tell every enterprise that has come to a threshold and was not told yet; returns how many were.

    What was told is committed piece by piece, and telling again tells nobody twice.
    """
    told, begins = 0, timedelta(0)
    for days in THRESHOLDS:
        ends = timedelta(days=days)
        while (batch := _tell_some(parts, days, begins, ends)) > 0:
            told += batch
        begins = ends
    return told


def _tell_some(parts: Parts, days: int, begins: timedelta, ends: timedelta) -> int:
    at, address = now(), address_of_holder()
    event = literal("certificate:") + cast(Certificate.id, String) + literal(f":expires:{days}")
    untold = (
        select(Certificate, address.label("address"))
        .where(
            *_between(at + begins, at + ends),
            address.is_not(None),
            ~has_open_renewal(),
            ~exists().where(OutboxMessage.event == event).correlate(Certificate),
        )
        .order_by(Certificate.not_after, Certificate.id)
        .limit(TOLD_AT_ONCE)
    )
    with parts.work() as session:
        found = session.execute(untold).all()
        for certificate, recipient in found:
            _tell(session, certificate, str(recipient), days, at)
    return len(found)


def _tell(session: Session, certificate: Certificate, recipient: str, days: int, at: datetime) -> None:
    site_url = site_url_of(session)
    letters.write(
        session,
        "certificate_expiring",
        event=event_of(certificate.id, days),
        recipient=recipient,
        case_id=certificate.application_id,
        certificate=certificate,
        days=letters.days_left(certificate.not_after, at),
        link=f"{site_url}{RENEWAL_PATH}" if site_url else None,
    )


def _between(after: datetime, until: datetime) -> tuple[ColumnElement[bool], ...]:
    return Certificate.state == "valid", Certificate.not_after > after, Certificate.not_after <= until
