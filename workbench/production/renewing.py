"""Carrying out a renewal at its holder's own machine: an approved case gets a one-time code, and an agent that shows it
has the key's certificate renewed where the key is.

Taking an interrupted renewal up again goes on with what was begun: a case never gets a second certificate. The case
moves on only when the new certificate was read back from the key.
"""

import secrets as random
from datetime import timedelta
from typing import Final

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from workbench.cases.models import Applicant, Application
from workbench.cases.service import advance
from workbench.cases.states import CLOSED_STATES, Action
from workbench.cases.words import Service, State
from workbench.kernel import audit, tasks
from workbench.kernel.clock import now
from workbench.kernel.errors import Conflict, NotFound
from workbench.kernel.identity import Actor, Scope
from workbench.kernel.messages import N_
from workbench.kernel.parts import Parts
from workbench.keys.models import Certificate, Seal, Token
from workbench.keys.revocation import RevocationReason
from workbench.keys.service import END_TASK
from workbench.keys.token_states import REFUSALS, TokenState
from workbench.keys.tokens import recognise
from workbench.production import issuing
from workbench.production.faults import WAITING
from workbench.production.journal import record_step
from workbench.production.models import BenchStation, CertificateOrder, Making
from workbench.production.standing import go_on
from workbench.production.stations import create_holder_station

CODE_LASTS: Final = timedelta(hours=2)
"""How long a one-time code opens the agents' door."""
_RENEWABLE: Final = (TokenState.HANDED_OVER.value, TokenState.PERSONALISED.value)
_CLOSED: Final = [state.value for state in CLOSED_STATES]


def begin_renewal(session: Session, parts: Parts, actor: Actor, application_id: int) -> str:
    """A one-time code for the agent at the machine where the key is plugged in; an earlier one opens nothing any more.

    What was begun before goes on where it stood, once the reason it stood still for is gone.

    Args:
        session: one that reaches everything; stations and tokens are the house's.
        actor: the applicant, as the front door knows it.

    Raises:
        NotFound: no such renewal of this applicant's.
        Conflict: it doesn't wait for its certificate, which has ended, or its key can't be renewed any more.
    """
    find_case(session, actor, application_id)
    lock_stations(session, application_id)
    making = find_making(session, application_id, lock=True)
    application = find_case(session, actor, application_id, lock=True)
    if application.state != State.PRODUCTION:
        raise Conflict(N_("This application is not waiting for its certificate to be updated."))
    if making is None:
        making = _begin(session, parts, actor, application)
    elif making.fault not in WAITING:
        go_on(making)
    order = issuing.lock_order(session, application.id)
    if order is not None and order.state in issuing.OPEN:
        order.ask_again_at = None
    station, code = create_holder_station(session, actor, application.id, application.number, CODE_LASTS)
    making.station_id = station.id
    session.flush()
    return code


def try_again(session: Session, actor: Actor, application_id: int) -> None:
    """Take the reason for standing still away: the agent, which goes on asking, is given its order anew.

    Raises:
        NotFound: as `begin_renewal`.
        Conflict: nothing is in work.
    """
    application = find_case(session, actor, application_id)
    making = find_making(session, application.id, lock=True)
    if making is None:
        raise Conflict(N_("Nothing is in work: ask for a one-time code first."))
    if making.fault not in WAITING:
        go_on(making)
    record_step(session, "making.retried", actor, making)


def find_case(session: Session, actor: Actor, application_id: int, *, lock: bool = False) -> Application:
    """A renewal that this applicant made, or that renews the very certificate it signs in with.

    Raises:
        NotFound: there is none.
    """
    statement = select(Application).where(
        Application.id == application_id, Application.service == Service.RENEWAL.value
    )
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    application = session.scalars(statement).one_or_none()
    applicant = session.get(Applicant, actor.id) if actor.kind == "enterprise" and actor.id is not None else None
    if application is None or applicant is None or not _is_of(session, application, applicant):
        raise NotFound(N_("There is no such application."))
    return application


def lock_stations(session: Session, application_id: int) -> None:
    """An agent's turn locks its station, what is in work there and the case, in this order: so must everybody."""
    stations = select(BenchStation.id).where(BenchStation.application_id == application_id).order_by(BenchStation.id)
    session.scalars(stations.with_for_update()).all()


def find_making(session: Session, application_id: int, *, lock: bool = False) -> Making | None:
    """What is in work for a renewal."""
    statement = select(Making).where(Making.application_id == application_id, Making.state == "open")
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return session.scalars(statement).one_or_none()


def find_renewed(session: Session, application: Application) -> Certificate | None:
    """The certificate a case renews: the one its applicant signed in with, else the newest on the key it names."""
    begun = session.scalar(
        select(Making.ends_certificate_id)
        .where(Making.application_id == application.id, Making.ends_certificate_id.is_not(None))
        .order_by(Making.id.desc())
        .limit(1)
    )
    if begun is not None:
        return session.get_one(Certificate, begun)
    account = select(Applicant.certificate_sha256).where(Applicant.id == application.applicant_id).scalar_subquery()
    return session.scalars(
        select(Certificate)
        .where(
            Certificate.uscc == application.uscc,
            or_(Certificate.sha256 == account, Certificate.key_number == (application.prior_key or "").strip()),
        )
        .order_by((Certificate.sha256 == account).is_(True).desc(), (Certificate.state == "valid").desc())
        .order_by(Certificate.not_after.desc())
        .limit(1)
    ).one_or_none()


def find_unfinished(session: Session, record: Certificate) -> Application | None:
    """The renewal that a certificate may still sign in for though it has ended: its successor is issued and not yet on
    the key, or it expired while its renewal was on its way. None for every other certificate.
    """
    renewals = select(Application).where(
        Application.service == Service.RENEWAL.value, Application.state.not_in(_CLOSED), Application.uscc == record.uscc
    )
    if record.state == "replaced":
        begun = select(Making.application_id).where(Making.ends_certificate_id == record.id, Making.state == "open")
        return session.scalars(renewals.where(Application.id.in_(begun))).first()
    if record.state != "valid" or record.not_after > now():
        return None
    account = select(Applicant.id).where(Applicant.certificate_sha256 == record.sha256)
    own = or_(Application.applicant_id.in_(account), Application.prior_key == record.key_number)
    return session.scalars(renewals.where(own).order_by(Application.id.desc())).first()


def find_approved(session: Session, record: Certificate) -> Application | None:
    """The approved renewal of a certificate: one that waits for its key to be plugged in. Also when it has begun, and
    the certificate is the one that was issued.
    """
    account = select(Applicant.id).where(Applicant.certificate_sha256 == record.sha256)
    return session.scalars(
        select(Application)
        .where(
            Application.service == Service.RENEWAL.value,
            Application.state == State.PRODUCTION.value,
            Application.uscc == record.uscc,
            or_(Application.applicant_id.in_(account), Application.prior_key == record.key_number),
        )
        .order_by(Application.id.desc())
        .limit(1)
    ).one_or_none()


def find_successor(session: Session, application_id: int) -> Certificate | None:
    """The certificate that was issued for a renewal and stands."""
    return session.scalars(
        select(Certificate)
        .join(CertificateOrder, CertificateOrder.certificate_id == Certificate.id)
        .where(CertificateOrder.application_id == application_id, CertificateOrder.state == "issued")
    ).one_or_none()


def holder_at(session: Session, making: Making, address: str) -> Actor:
    """Who carries a renewal out: the person or key account that made the case; for cases that a desk or a registration
    site has entered, the enterprise without an account.
    """
    application = session.get_one(Application, making.application_id)
    applicant = session.get(Applicant, application.applicant_id) if application.applicant_id is not None else None
    if applicant is None or applicant.kind == "site":
        scope = Scope(frozenset({application.authority_id}))
        return Actor("enterprise", None, application.enterprise_name, scope=scope, address=address)
    return Actor("enterprise", applicant.id, applicant.name, scope=Scope(applicant_id=applicant.id), address=address)


def finish_renewal(session: Session, parts: Parts, making: Making, actor: Actor) -> None:
    """The new certificate was read back from the key: the case is done, and its clock stops.

    The old certificate ended on our records when the new one was issued; at the CA it expires, or ends now, as is
    configured.

    Raises:
        Conflict: the case is elsewhere by now.
    """
    advance(session, making.application_id, Action.UPDATE_CERTIFICATE, actor)
    making.step, making.state, making.ended_at = "verified", "made", now()
    go_on(making)
    record_step(session, "making.verified", actor, making)
    if parts.settings.renewed_certificate == "revoked" and making.ends_certificate_id is not None:
        old = session.get_one(Certificate, making.ends_certificate_id, with_for_update=True)
        if old.state == "replaced" and old.revocation_reason is None:
            old.revocation_reason = RevocationReason.SUPERSEDED.value
            tasks.enqueue(session, END_TASK, certificate_id=old.id)
    session.flush()


def old_key_id(session: Session, making: Making) -> str | None:
    """The id of the replaced key pair that is still to be taken off the token; None when there is none, when its id is
    not known, or when the token would not let go of it.
    """
    if making.state != "made" or making.old_key_removed_at is not None or making.fault is not None:
        return None
    found = session.scalar(
        select(CertificateOrder.key_id).where(CertificateOrder.certificate_id == making.ends_certificate_id)
    )
    return found if found != making.key_id else None


def note_removed(session: Session, making: Making, actor: Actor) -> None:
    """The replaced key pair is off the token."""
    making.old_key_removed_at = now()
    record_step(session, "making.old_key_removed", actor, making)
    session.flush()


def find_done(session: Session, station: BenchStation, *, lock: bool = False) -> Making | None:
    """The finished renewal of a holder's station."""
    statement = select(Making).where(
        Making.station_id == station.id,
        Making.application_id == station.application_id,
        Making.state == "made",
        Making.maker_id.is_(None),
    )
    return session.scalars(statement.with_for_update() if lock else statement).one_or_none()


def _begin(session: Session, parts: Parts, actor: Actor, application: Application) -> Making:
    if find_making(session, application.id) is not None:
        raise Conflict(N_("This was begun in another window just now. Please look again."))
    old = find_renewed(session, application)
    if old is None:
        raise Conflict(N_("The certificate to be renewed is not on our records. Please call the service line."))
    if old.state != "valid":
        raise Conflict(N_("The certificate to be renewed has ended meanwhile. Please apply for a replacement instead."))
    token = _token_of(session, actor, old, application)
    making = Making(
        application_id=application.id,
        authority_id=application.authority_id,
        token_id=token.id,
        algorithm=parts.settings.key_algorithm,
        key_id=_key_id(session, parts, old),
        challenge=random.token_hex(32),
        ends_certificate_id=old.id,
        started_at=now(),
    )
    session.add(making)
    session.flush()
    record_step(session, "making.started", actor, making, serial=token.serial)
    _take_seal_over(session, actor, application)
    return making


def _token_of(session: Session, actor: Actor, old: Certificate, application: Application) -> Token:
    """The token a certificate is on, by the number printed on it; one that was never in our stock is recognised."""
    statement = select(Token).where(Token.id == old.token_id if old.token_id else Token.serial == old.key_number)
    token = session.scalars(statement.with_for_update().execution_options(populate_existing=True)).one_or_none()
    if token is None:
        return recognise(
            session,
            actor,
            old.key_number,
            enterprise_id=application.enterprise_id,
            authority_id=application.authority_id,
            application_id=application.id,
        )
    if token.state not in _RENEWABLE:
        raise Conflict(REFUSALS[TokenState(token.state)], serial=token.serial)
    return token


def _key_id(session: Session, parts: Parts, old: Certificate) -> str:
    """The id of the key pair: the certificate's own where that is configured, known and of the right kind, else new."""
    known = None
    if parts.settings.renewal_key == "same":
        known = session.scalar(
            select(CertificateOrder.key_id).where(
                CertificateOrder.certificate_id == old.id,
                CertificateOrder.algorithm == parts.settings.key_algorithm,
            )
        )
    return known or random.token_hex(16)


def _take_seal_over(session: Session, actor: Actor, application: Application) -> None:
    """The impression the enterprise sealed with last, for this case too. One that bears another name is left alone."""
    live = select(Seal.id).where(Seal.application_id == application.id, Seal.superseded_at.is_(None))
    last = session.scalars(
        select(Seal)
        .where(
            Seal.uscc == application.uscc,
            Seal.name == application.enterprise_name,
            Seal.superseded_at.is_(None),
            Seal.application_id != application.id,
            ~live.exists(),
        )
        .order_by(Seal.made_at.desc(), Seal.id.desc())
        .limit(1)
    ).one_or_none()
    if last is None:
        return
    seal = Seal(
        application_id=application.id,
        authority_id=application.authority_id,
        serial=f"{application.number}-1",
        name=last.name,
        uscc=last.uscc,
        page_id=last.page_id,
        crop=last.crop,
        image_sha256=last.image_sha256,
        width_mm=last.width_mm,
        height_mm=last.height_mm,
        maker_id=last.maker_id,
        made_at=now(),
    )
    session.add(seal)
    session.flush()
    audit.record(
        session,
        "seal.taken_over",
        actor,
        subject=f"seal:{seal.id}",
        case_id=application.id,
        authority_id=application.authority_id,
        before={"serial": last.serial},
        after={"serial": seal.serial, "sha256": seal.image_sha256},
    )


def _is_of(session: Session, application: Application, applicant: Applicant) -> bool:
    if application.applicant_id == applicant.id:
        return True
    if applicant.certificate_sha256 is None:
        return False
    certificates = (find_renewed(session, application), find_successor(session, application.id))
    return any(each is not None and each.sha256 == applicant.certificate_sha256 for each in certificates)
