"""The verbs of a seal: it is prepared while its case waits for a token, and signed when there is a certificate.

A seal is never changed: preparing it anew supersedes the one before. Its picture is kept as a blob and stays out of
the records, which name it by its hash.
"""

import hashlib
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from workbench.cases.claims import barred
from workbench.cases.models import Application
from workbench.cases.service import get_case
from workbench.cases.words import Desk, Service, State
from workbench.documents.models import Page
from workbench.kernel import audit
from workbench.kernel.certificates import read_der
from workbench.kernel.clock import now
from workbench.kernel.errors import Conflict, Invalid, NotAllowed, NotFound
from workbench.kernel.identity import Actor, system_actor
from workbench.kernel.messages import N_
from workbench.kernel.parts import Parts
from workbench.kernel.permissions import Permission, demand
from workbench.keys.models import Seal
from workbench.keys.subject import read_subject
from workbench.organisation.models import Staff
from workbench.production.choosing import BENCH_SERVICES
from workbench.production.models import Making
from workbench.production.seals.cutting import Crop, cut
from workbench.production.seals.queries import find_live, letter_pages
from workbench.production.seals.separation import SealImage
from workbench.production.seals.signing import load_seal_maker
from workbench.production.seals.structure import SealContent, build_seal, verify_seal

SIGNER: Final = system_actor("seal maker")
SECOND_PERSON: Final = N_("You have decided on this case at another desk: a second person has to look at it here.")


def prepare_seal(
    session: Session,
    parts: Parts,
    actor: Actor,
    application_id: int,
    page_id: int,
    crop: Crop,
    *,
    seen_version: int,
    seen_seal_id: int | None = None,
) -> Seal:
    """Cut the case's seal out of its confirmation letter; a seal that was prepared before is superseded.

    Args:
        seen_version: the case's version as the maker saw it.
        seen_seal_id: the seal that stood there when the maker began; None for none.

    Raises:
        NotAllowed: the actor makes no keys, or has decided on the case at another desk.
        NotFound: no such case, or the page is none of its letter's in the current round.
        Conflict: the case has moved, its token is being made, or somebody else has prepared its seal meanwhile.
        Invalid: the frame can't be cut, or no red impression lies in it.
    """
    demand(actor, Permission.KEY_PRODUCE)
    application = get_case(session, actor, application_id, lock=True)
    if application.version != seen_version:
        raise Conflict(N_("The case has changed since this page was opened."))
    refusal = why_not(session, application, actor)
    if refusal is not None:
        raise NotAllowed(refusal) if refusal == SECOND_PERSON else Conflict(refusal)
    page = _page_of_letter(session, actor, application_id, page_id)
    before = find_live(session, application_id, lock=True)
    _refuse_if_prepared_meanwhile(session, before, seen_seal_id)
    crop.check()
    image = cut(parts.blobs, page, crop)
    if before is not None:
        before.superseded_at = now()
        session.flush()
    seal = _new_seal(session, parts, actor, application, page, crop, image)
    session.add(seal)
    session.flush()
    _record(
        session,
        "seal.prepared",
        actor,
        seal,
        before={"serial": before.serial, "sha256": before.image_sha256} if before is not None else None,
        after={
            "serial": seal.serial,
            "sha256": seal.image_sha256,
            "page": page.index,
            "width_mm": image.width_mm,
            "height_mm": image.height_mm,
            "width_stated": crop.width_mm is not None,
        },
    )
    return seal


def why_not(session: Session, application: Application, actor: Actor) -> str | None:
    """Why this person can't prepare the case's seal now, as a msgid; None when nothing stands in the way."""
    if application.state != State.PRODUCTION.value or application.service not in BENCH_SERVICES:
        return N_("This case is not waiting for a seal.")
    if barred(session, application.id, Desk.PRODUCTION, actor.id):
        return SECOND_PERSON
    making = select(Making.id).where(Making.application_id == application.id, Making.state == "open")
    if session.scalar(making) is not None:
        return N_("A token is being made for this case: its seal stays as it is.")
    return None


def seal_for(session: Session, parts: Parts, application_id: int, certificate: bytes) -> bytes | None:
    """The case's signed seal for this certificate (DER): built at the first call, the same bytes at every other.

    A renewal whose case has no seal of its own keeps the one on the token: None.

    Raises:
        NotFound: there is no such case.
        Conflict: no seal has been prepared, or nobody can sign it as configured.
        Invalid: the certificate names another enterprise.
        BlobDamaged: the impression or the structure is no longer what was kept.
    """
    seal = find_live(session, application_id, lock=True)
    if seal is None:
        application = session.get(Application, application_id)
        if application is None:
            raise NotFound(N_("There is no such case."))
        if application.service == Service.RENEWAL.value:
            return None
        raise Conflict(N_("No seal has been prepared for this case."))
    digest = hashlib.sha256(certificate).hexdigest()
    if seal.structure_sha256 is not None and seal.certificate_sha256 == digest:
        return parts.blobs.get(seal.structure_sha256)
    return _sign(session, parts, seal, certificate, digest)


def find_structure(session: Session, parts: Parts, application_id: int, certificate_sha256: str) -> bytes | None:
    """The signed seal that was built for a case and its certificate; None when there is none."""
    seal = find_live(session, application_id)
    if seal is None or seal.structure_sha256 is None or seal.certificate_sha256 != certificate_sha256:
        return None
    return parts.blobs.get(seal.structure_sha256)


def _sign(session: Session, parts: Parts, seal: Seal, certificate: bytes, digest: str) -> bytes:
    try:
        read = read_der(certificate)
    except ValueError as error:
        raise Invalid(N_("The certificate can't be read.")) from error
    if read_subject(read).uscc != seal.uscc:
        raise Invalid(N_("This certificate names another enterprise."))
    maker = load_seal_maker(parts.settings)
    content = SealContent(
        serial=seal.serial,
        name=seal.name,
        certificates=(certificate,),
        made_at=seal.made_at,
        valid_from=read.not_valid_before_utc,
        valid_until=read.not_valid_after_utc,
        png=parts.blobs.get(seal.image_sha256),
        width_mm=round(seal.width_mm),
        height_mm=round(seal.height_mm),
    )
    structure = build_seal(content, maker)
    verify_seal(structure, maker.certificate)
    before = {"structure": seal.structure_sha256, "certificate": seal.certificate_sha256}
    seal.structure_sha256, seal.certificate_sha256 = parts.blobs.put(structure), digest
    seal.algorithm = maker.algorithm.value
    seal.valid_from, seal.valid_until = content.valid_from, content.valid_until
    session.flush()
    _record(
        session,
        "seal.signed",
        SIGNER,
        seal,
        before=before if before["structure"] is not None else None,
        after={
            "serial": seal.serial,
            "sha256": seal.image_sha256,
            "structure": seal.structure_sha256,
            "certificate": digest,
            "trial": maker.is_trial,
        },
    )
    return structure


def _new_seal(
    session: Session,
    parts: Parts,
    actor: Actor,
    application: Application,
    page: Page,
    crop: Crop,
    image: SealImage,
) -> Seal:
    assert actor.id is not None  # permission to make keys is a person's; the product itself cuts no seals
    return Seal(
        application_id=application.id,
        authority_id=application.authority_id,
        serial=f"{application.number}-{_count(session, application.id) + 1}",
        name=application.enterprise_name,
        uscc=application.uscc,
        page_id=page.id,
        crop=crop.kept(),
        image_sha256=parts.blobs.put(image.png),
        width_mm=image.width_mm,
        height_mm=image.height_mm,
        maker_id=actor.id,
        made_at=now(),
    )


def _page_of_letter(session: Session, actor: Actor, application_id: int, page_id: int) -> Page:
    for each in letter_pages(session, actor, application_id):
        if each.page.id == page_id:
            return each.page
    raise NotFound(N_("This is no page of the case's seal confirmation letter."))


def _refuse_if_prepared_meanwhile(session: Session, live: Seal | None, seen_seal_id: int | None) -> None:
    if live is not None and live.id != seen_seal_id:
        name = session.get_one(Staff, live.maker_id).name
        raise Conflict(N_("%(name)s has prepared this seal meanwhile."), name=name)


def _count(session: Session, application_id: int) -> int:
    return session.scalar(select(func.count()).where(Seal.application_id == application_id)) or 0


def _record(
    session: Session, action: str, actor: Actor, seal: Seal, *, before: dict[str, Any] | None, after: dict[str, Any]
) -> None:
    audit.record(
        session,
        action,
        actor,
        subject=f"seal:{seal.id}",
        case_id=seal.application_id,
        authority_id=seal.authority_id,
        before=before,
        after=after,
    )
