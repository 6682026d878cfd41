"""Signing in with an e-key, and the renewal that follows: one account per certificate, one open renewal per key.

What is known of a key lies beyond the applicant's own reach (its record, the case it was made in), so it is read in a
short unit of work of its own; only what belongs to the same enterprise and holder is handed on.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import structlog
from cryptography import x509
from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from workbench.cases.models import Applicant, Application, Holder, Submission
from workbench.cases.words import Service
from workbench.kernel import audit
from workbench.kernel.clock import now
from workbench.kernel.errors import Conflict, NotAllowed
from workbench.kernel.messages import N_
from workbench.kernel.parts import Parts
from workbench.keys.models import Certificate
from workbench.keys.queries import CLOSED, find_certificate
from workbench.keys.service import digest_of
from workbench.keys.trust import Standing, Verdict, judge, load_authorities
from workbench.keys.words import HAPPENED, THEN
from workbench.portal.door import actor_of
from workbench.portal.drafting.drafts import list_open, start_draft
from workbench.portal.models import Draft
from workbench.production import renewing, sm2

_log = structlog.get_logger(__name__)
_OF_FORM = ("legal_representative", "address", "postcode", "telephone", "machinery_account")


class RenewalUnderWay(Conflict):
    """This key is being renewed: `number` is the case, where it is the asking applicant's own."""

    def __init__(self, number: str | None) -> None:
        super().__init__(N_("A renewal of this certificate is already under way."))
        self.number = number


@dataclass(frozen=True)
class EarlierCase:
    """What the case that a certificate was made in tells for its renewal.

    The holder's own data is there only when that case named the same holder.
    """

    values: Mapping[str, str]
    identity_ciphertext: bytes | None = None
    identity_masked: str | None = None


def judge_presented(parts: Parts, certificate: x509.Certificate) -> Verdict:
    """Whether a certificate that came with a request opens the door now."""
    authorities = load_authorities(parts.settings.client_ca)
    return judge(certificate, authorities, now(), lambda sha256: find_certificate(parts, sha256), _verify_sm2)


def _verify_sm2(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """As `sm2.verify`; what can't be checked opens nothing."""
    try:
        return sm2.verify(public_key, message, signature)
    except (sm2.OpensslMissing, sm2.OpensslFailed) as error:
        _log.error("key_not_checked", reason=str(error))
        return False


def sign_in_with_key(session: Session, parts: Parts, verdict: Verdict, address: str) -> Applicant:
    """The account of a certificate that was found good, made at its first sign-in. Records the sign-in.

    A certificate that has ended over its own renewal signs in to finish that.

    Raises:
        NotAllowed: the certificate does not open the door, with what happened to it, or the account is closed.
    """
    record = _record_to_open_with(parts, verdict)
    if record is None:
        raise NotAllowed(HAPPENED[verdict.standing])
    applicant = _account_of(session, record, _earlier_case(parts, record))
    if not applicant.active:
        raise NotAllowed(N_("This account has been closed."))
    applicant.name = record.enterprise_name
    applicant.last_signed_in_at = now()
    session.flush()
    audit.record(
        session,
        "applicant.signed_in_with_key",
        actor_of(applicant, address),
        subject=f"applicant:{applicant.id}",
        authority_id=record.authority_id,
        after={"key_number": record.key_number, "sha256": digest_of(verdict.certificate)},
    )
    return applicant


def unfinished_renewal(parts: Parts, verdict: Verdict) -> str | None:
    """The number of the renewal that a certificate may still sign in for though it opens nothing else any more: the one
    that has replaced it and is not yet on the key, or the one it expired over. None for every other certificate.
    """
    if verdict.record is None or verdict.standing not in (Standing.REPLACED, Standing.EXPIRED):
        return None
    with parts.work() as session:
        found = renewing.find_unfinished(session, verdict.record)
    return found.number if found is not None else None


def number_to_update(parts: Parts, certificate: Certificate) -> str | None:
    """The number of the approved renewal of a certificate, which waits for its key to be plugged in."""
    with parts.work() as session:
        found = renewing.find_approved(session, certificate)
    return found.number if found is not None else None


def _record_to_open_with(parts: Parts, verdict: Verdict) -> Certificate | None:
    """The record whose account a certificate opens. The account of a renewed certificate goes on as its successor's."""
    if verdict.opens or verdict.record is None:
        return verdict.record
    with parts.work() as session:
        unfinished = None
        if verdict.standing in (Standing.REPLACED, Standing.EXPIRED):
            unfinished = renewing.find_unfinished(session, verdict.record)
        if unfinished is None:
            return None
        return renewing.find_successor(session, unfinished.id) or verdict.record


def find_own_certificate(parts: Parts, applicant: Applicant) -> Certificate | None:
    """Our record of the certificate an applicant signs in with; None for those who sign in otherwise."""
    return find_certificate(parts, applicant.certificate_sha256) if applicant.certificate_sha256 else None


def find_open_draft(session: Session, applicant: Applicant) -> Draft | None:
    """The renewal form this applicant has begun and not sent in."""
    drafts = list_open(session, applicant.id)
    return next((each for each in drafts if each.service == Service.RENEWAL and each.application_id is None), None)


def find_renewal(parts: Parts, applicant: Applicant, certificate: Certificate) -> RenewalUnderWay | None:
    """A renewal of this key that has been sent in and is not closed, by whomever."""
    with parts.work() as session:
        found = session.execute(
            select(Application.number, Application.applicant_id)
            .where(
                Application.service == Service.RENEWAL.value,
                Application.state.not_in([state.value for state in CLOSED]),
                Application.uscc == certificate.uscc,
                or_(Application.prior_key == certificate.key_number, Application.applicant_id == applicant.id),
            )
            .order_by(Application.id.desc())
        ).first()
    if found is None:
        return None
    return RenewalUnderWay(found.number if found.applicant_id == applicant.id else None)


def start_renewal(session: Session, parts: Parts, applicant: Applicant, address: str) -> Draft:
    """The renewal form of the certificate an applicant signed in with, prefilled; the one begun before is continued.

    Raises:
        NotAllowed: the applicant signed in otherwise, or the certificate has ended since.
        RenewalUnderWay: it has been sent in already.
        Conflict: as `drafts.start_draft`.
    """
    certificate = find_own_certificate(parts, applicant)
    if certificate is None:
        raise NotAllowed(N_("A renewal starts with the e-key: sign in with its certificate."))
    if certificate.state != "valid" or certificate.not_after <= now():
        raise NotAllowed(N_("This certificate has ended since you signed in: it cannot be renewed any more."))
    # Two starts at once wait here, so that the second finds what the first began.
    session.scalars(select(Applicant.id).where(Applicant.id == applicant.id).with_for_update()).one()
    draft = find_open_draft(session, applicant)
    if draft is not None:
        return draft
    under_way = find_renewal(parts, applicant, certificate)
    if under_way is not None:
        raise under_way
    earlier = _earlier_case(parts, certificate)
    known = {
        **earlier.values,
        "enterprise_name": certificate.enterprise_name,
        "holder_name": certificate.holder_name,
        "prior_key": certificate.key_number,
    }
    if certificate.authority_id is not None:
        known.setdefault("authority_id", str(certificate.authority_id))
    draft = start_draft(session, parts, applicant, Service.RENEWAL, known, address=address)
    draft.identity_ciphertext, draft.identity_masked = earlier.identity_ciphertext, earlier.identity_masked
    session.flush()
    return draft


def _account_of(session: Session, certificate: Certificate, earlier: EarlierCase) -> Applicant:
    """The certificate's account; of two first sign-ins at once the second finds the first one's."""
    session.execute(
        insert(Applicant)
        .values(
            kind="certificate",
            name=certificate.enterprise_name,
            uscc=certificate.uscc,
            category=earlier.values.get("category"),
            machinery_account=earlier.values.get("machinery_account") or None,
            email=earlier.values.get("holder_email"),
            certificate_sha256=certificate.sha256,
            created_at=now(),
        )
        .on_conflict_do_nothing(index_elements=["certificate_sha256"])
    )
    return session.scalars(
        select(Applicant).where(Applicant.certificate_sha256 == certificate.sha256).with_for_update()
    ).one()


def _earlier_case(parts: Parts, certificate: Certificate) -> EarlierCase:
    """The newest submission of the case the certificate was made in; nothing when no case of ours made it."""
    if certificate.application_id is None:
        return EarlierCase({})
    with parts.work() as session:
        application, submission, holder = session.execute(
            select(Application, Submission, Holder)
            .join(Submission, Submission.application_id == Application.id)
            .join(Holder, Holder.submission_id == Submission.id)
            .where(Application.id == certificate.application_id, Application.uscc == certificate.uscc)
            .order_by(Submission.round.desc())
            .limit(1)
        ).one()
        values = {name: str(submission.form.get(name) or "") for name in _OF_FORM}
        values |= {"category": application.category, "authority_id": str(application.authority_id)}
        if application.pickup_site_id is not None:
            values["pickup_site_id"] = str(application.pickup_site_id)
        if holder.name != certificate.holder_name:
            return EarlierCase(values)
        values |= {"holder_mobile": holder.mobile, "holder_email": holder.email}
        return EarlierCase(values, holder.identity_ciphertext, holder.identity_masked)


def advice_on(verdict: Verdict) -> tuple[str, str]:
    """What became of a certificate and what to do now, as msgids."""
    return HAPPENED[verdict.standing], THEN[verdict.standing]
