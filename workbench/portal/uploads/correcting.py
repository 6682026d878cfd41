"""Correcting a returned case: a draft of its next round that holds everything but what was faulted.

The identity number is copied as it is sealed, never opened. A second start leads to the draft that is open already.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from workbench.cases.facts import FORM_FIELDS
from workbench.cases.models import Application, Submission
from workbench.cases.service import get_case
from workbench.cases.words import Service, State
from workbench.documents.attachments import list_attachments
from workbench.documents.models import Attachment
from workbench.documents.requirements import effective_documents, versions_for
from workbench.documents.service import current_submission
from workbench.kernel import audit
from workbench.kernel.clock import now
from workbench.kernel.errors import Conflict
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.kernel.parts import Parts
from workbench.portal.drafting.drafts import get_draft, save_values
from workbench.portal.models import Draft
from workbench.portal.remarks.reading import CaseRemarks, remarks_of
from workbench.portal.uploads import papers


@dataclass(frozen=True)
class Correction:
    """What a correction's pages show: the case, what was said of it, and the answer as it stands."""

    application: Application
    remarks: CaseRemarks
    answer: str


def start_correction(session: Session, parts: Parts, application_id: int, actor: Actor) -> Draft:
    """The open draft of a returned case's next round, made when there is none.

    Documents that were faulted are empty in it, the others stand for the files of the round before. A draft of an
    earlier round, which somebody entered at a counter meanwhile, gives way to a new one.

    Raises:
        NotFound: no such case of this applicant.
        Conflict: the case is not with the enterprise.
    """
    application = get_case(session, actor, application_id, lock=True)
    if application.state != State.RETURNED:
        raise Conflict(N_("This application is not waiting for corrections."))
    submission = current_submission(session, application)
    found = find_open(session, application.id)
    if found is not None and found.created_at >= submission.submitted_at:
        return found
    if found is not None:  # of a round that came in another way: what it kept is not of the round before any more
        found.discarded_at = now()
        session.flush()
    draft = _new_draft(session, application, submission)
    session.add(draft)
    session.flush()
    papers.keep_attachments(session, draft, _attachments_to_keep(session, application, submission))
    audit.record(
        session,
        "draft.correction_started",
        actor,
        subject=f"draft:{draft.id}",
        case_id=application.id,
        authority_id=application.authority_id,
        after={"round": application.round + 1},
    )
    return draft


def find_open(session: Session, application_id: int) -> Draft | None:
    """The correction of a case that was started and neither sent nor discarded."""
    return session.scalars(
        select(Draft).where(
            Draft.application_id == application_id, Draft.submitted_at.is_(None), Draft.discarded_at.is_(None)
        )
    ).one_or_none()


def correction_of(session: Session, actor: Actor, draft: Draft) -> Correction | None:
    """What a draft corrects; None for one that opens a case.

    Raises:
        NotFound: the case is not this applicant's.
    """
    if draft.application_id is None:
        return None
    application = get_case(session, actor, draft.application_id)
    return Correction(application, remarks_of(session, application), str(draft.values.get("answer", "")))


def keep_answer(session: Session, parts: Parts, application_id: int, answer: str, actor: Actor) -> Draft:
    """Keep what is said to the remark with the open correction; it goes out with it.

    Raises:
        NotFound: no such case of this applicant.
        Conflict: no correction is open.
        InvalidFacts: the answer is too long.
    """
    application = get_case(session, actor, application_id)
    found = find_open(session, application.id)
    if found is None:
        raise Conflict(N_("This application is not waiting for corrections."))
    draft = get_draft(session, actor, found.id, lock=True)
    return save_values(session, parts, draft, {"answer": answer})


def _new_draft(session: Session, application: Application, submission: Submission) -> Draft:
    """The draft as the round before stated it. Its version goes on from that round's printed forms, so that a form that
    was printed before a change is told from one printed after it."""
    holder, form = submission.holder, submission.form
    before = session.scalars(
        select(Draft).where(Draft.result_id == application.id).order_by(Draft.submitted_at.desc()).limit(1)
    ).one_or_none()
    at = now()
    return Draft(
        applicant_id=application.applicant_id,
        application_id=application.id,
        service=application.service,
        number=application.number,
        values={
            **{name: str(form.get(name) or "") for name in FORM_FIELDS},
            "enterprise_name": application.enterprise_name,
            "uscc": application.uscc,
            "category": application.category,
            "authority_id": str(application.authority_id),
            "pickup_site_id": str(application.pickup_site_id or ""),
            "reason": application.reason or "",
            "prior_key": application.prior_key or "",
            "holder_name": holder.name,
            "holder_mobile": holder.mobile,
            "holder_email": holder.email,
            "answer": "",
        },
        identity_ciphertext=holder.identity_ciphertext,
        identity_masked=holder.identity_masked,
        version=before.version if before is not None else 1,
        printed_version=before.printed_version if before is not None else None,
        created_at=at,
        updated_at=at,
    )


def _attachments_to_keep(session: Session, application: Application, submission: Submission) -> Sequence[Attachment]:
    """The files of documents that were not faulted and are still asked for."""
    faulted = set(remarks_of(session, application).faulted)
    versions = versions_for(session, Service(application.service), application.authority_id)
    asked = {document.code for document in effective_documents(session, *versions)}
    return [
        each
        for each in list_attachments(session, [submission.id])
        if each.document_code in asked and each.document_code not in faulted
    ]
