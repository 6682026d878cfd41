"""Ending a certificate from its screen: revoked for a reason, the holder told, and its CA asked until it has answered.

A certificate ends on our records at once, whether or not its CA can be reached; what has ended never comes back.
"""

import secrets
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from workbench.cases.models import Application
from workbench.cases.words import State
from workbench.kernel import tasks
from workbench.kernel.clock import now
from workbench.kernel.db import site_url_of
from workbench.kernel.errors import Conflict, Invalid
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.kernel.parts import Parts
from workbench.kernel.permissions import Permission, demand
from workbench.keys.models import Certificate
from workbench.keys.revocation import RevocationReason
from workbench.keys.service import END_TASK, lock_certificate, record_certificate
from workbench.production import issuing, letters, renewing, revoking
from workbench.production.expiring import address_of_holder
from workbench.production.models import RevocationOrder
from workbench.production.renewal_ending import end_renewal

MAX_REMARK: Final = 300
"""Characters; the holder reads it in an e-mail and where the key is refused."""
APPLYING_PATH: Final = "/entrance"
CONTACTS_PATH: Final = "/contacts"


class RevokedBecause(StrEnum):
    """Why somebody ends a certificate by hand."""

    LOST = "lost"
    DAMAGED = "damaged"
    CHANGED = "changed"
    OTHER = "other"


REASONS: Final[Mapping[RevokedBecause, RevocationReason]] = {
    RevokedBecause.LOST: RevocationReason.KEY_COMPROMISE,
    RevokedBecause.DAMAGED: RevocationReason.CESSATION_OF_OPERATION,
    RevokedBecause.CHANGED: RevocationReason.AFFILIATION_CHANGED,
    RevokedBecause.OTHER: RevocationReason.UNSPECIFIED,
}
"""As the CA is told (RFC 5280 section 5.3.1). A damaged key is superseded only where another takes its place."""
BECAUSE_NAMES: Final[Mapping[RevokedBecause, str]] = {
    RevokedBecause.LOST: N_("The key is lost"),
    RevokedBecause.DAMAGED: N_("The key is damaged"),
    RevokedBecause.CHANGED: N_("Enterprise or holder has changed"),
    RevokedBecause.OTHER: N_("Another reason"),
}


def revoke_certificate(
    session: Session, parts: Parts, actor: Actor, certificate_id: int, because: RevokedBecause, remark: str
) -> bool:
    """End a certificate for good; whoever signed in with it is signed out, and its CA is asked after the commit. Its
    approved renewal ends with it.

    Args:
        remark: what our record and the holder are told.

    Returns:
        Whether the holder is told by e-mail; False where no address is known.

    Raises:
        NotAllowed: the actor does not revoke certificates.
        NotFound: no such certificate.
        Invalid: no remark, or one that is too long.
        Conflict: it has ended before.
    """
    demand(actor, Permission.CERTIFICATE_REVOKE)
    remark = _checked(remark)
    _end_its_renewal(session, actor, certificate_id, remark)
    revoking.order_revocation(session, parts, certificate_id, REASONS[because], remark, actor)
    return _tell_holder(session, certificate_id, because, remark)


def ask_again(session: Session, actor: Actor, certificate_id: int) -> None:
    """Ask the CA once more to end a certificate that has ended on our records: it refused, or has not answered.

    Raises:
        NotAllowed, NotFound: as `revoke_certificate`.
        Conflict: it has not ended, the CA has confirmed already, or never has to.
    """
    record = _get_unconfirmed(session, actor, certificate_id)
    order = _find_order(session, certificate_id)
    if order is not None:
        if order.state == "rejected":
            # Under the old transaction the CA would only repeat its answer.
            order.state, order.transaction_id = "stored", secrets.token_hex(16)
        order.ask_again_at = None
    session.flush()
    record_certificate(session, "certificate.end_asked_again", actor, record)
    tasks.enqueue(session, END_TASK, certificate_id=record.id)


def confirm_end(session: Session, actor: Actor, certificate_id: int, remark: str) -> None:
    """Note that the CA has ended a certificate without our asking: by its operator, or because it is another CA's.

    Raises:
        NotAllowed, NotFound, Conflict: as `ask_again`.
        Invalid: as `revoke_certificate`.
    """
    record = _get_unconfirmed(session, actor, certificate_id)
    remark = _checked(remark)
    at, order = now(), _find_order(session, certificate_id)
    if order is not None:
        order.state, order.done_at = "done", at
    record.revoked_by_ca_at = at
    session.flush()
    record_certificate(session, "certificate.end_confirmed", actor, record, remark=remark)


def _end_its_renewal(session: Session, actor: Actor, certificate_id: int, remark: str) -> None:
    """While the CA has not answered, the renewal waits: what it issues then is refused, and ends the renewal."""
    record = session.get(Certificate, certificate_id)
    found = renewing.find_approved(session, record) if record is not None else None
    if found is None:
        return
    renewing.lock_stations(session, found.id)
    making = renewing.find_making(session, found.id, lock=True)
    application = session.get_one(Application, found.id, with_for_update=True, populate_existing=True)
    if application.state != State.PRODUCTION or issuing.is_being_asked(session, application.id):
        return
    order = issuing.lock_order(session, application.id)
    if order is not None:
        order.state = "abandoned"
    end_renewal(session, actor, application.id, making, remark)


def _get_unconfirmed(session: Session, actor: Actor, certificate_id: int) -> Certificate:
    demand(actor, Permission.CERTIFICATE_REVOKE)
    record = lock_certificate(session, certificate_id)
    if record.state == "valid":
        raise Conflict(N_("This certificate has not ended: revoke it first."))
    if record.revoked_by_ca_at is not None:
        raise Conflict(N_("The CA has confirmed this certificate's end already."))
    if record.revocation_reason is None:
        raise Conflict(N_("This certificate was replaced; the CA lets it expire."))
    return record


def _find_order(session: Session, certificate_id: int) -> RevocationOrder | None:
    return session.scalars(
        select(RevocationOrder)
        .where(RevocationOrder.certificate_id == certificate_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()


def _checked(remark: str) -> str:
    remark = remark.strip()
    if not 0 < len(remark) <= MAX_REMARK:
        raise Invalid(N_("Say why, in at most %(limit)s characters: the holder reads it."), limit=MAX_REMARK)
    return remark


def _tell_holder(session: Session, certificate_id: int, because: RevokedBecause, remark: str) -> bool:
    certificate, address = session.execute(
        select(Certificate, address_of_holder()).where(Certificate.id == certificate_id)
    ).one()
    if address is None:
        return False
    site_url = site_url_of(session)
    letters.write(
        session,
        "certificate_revoked",
        event=f"certificate:{certificate.id}:revoked",
        recipient=address,
        case_id=certificate.application_id,
        certificate=certificate,
        because=because.value,
        remark=remark,
        link=f"{site_url}{APPLYING_PATH}" if site_url else None,
        contacts_link=f"{site_url}{CONTACTS_PATH}" if site_url else None,
    )
    return True
