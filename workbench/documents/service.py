"""Sending a case in with its papers, at the counter, by folder or from outside: all of it or none of it.

Every file is opened in the sandbox before the case exists; problems of all files are told at once.
"""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from workbench.cases import service as cases
from workbench.cases.facts import CaseFacts, HolderFacts, check_facts
from workbench.cases.models import Application, Submission
from workbench.cases.words import Category, Channel, Service
from workbench.documents.attachments import attach, carry_over, check_slots, slots_of
from workbench.documents.models import RequiredDocument
from workbench.documents.preview import Renderer
from workbench.documents.requirements import effective_documents, versions_for
from workbench.documents.uploads import ExaminedFile, FileProblem, IncomingFile, UploadRefused, examine
from workbench.kernel.blobs import BlobStore
from workbench.kernel.clock import SHANGHAI, now
from workbench.kernel.crypto import open_identity
from workbench.kernel.identity import Actor
from workbench.kernel.parts import Parts

Files = Sequence[IncomingFile | ExaminedFile]


def submit_case(
    session: Session,
    parts: Parts,
    renderer: Renderer,
    facts: CaseFacts,
    files: Files,
    actor: Actor,
    *,
    number: str | None = None,
) -> Application:
    """Open a case with its papers under the requirements in force; it goes to the pre-check.

    Args:
        files: in the order they are to have in their slots. What was examined before is taken as it is.
        number: as `cases.service.open_case`.

    Raises:
        InvalidFacts: with a reason per field.
        UploadRefused: a file is not acceptable, a slot is unknown or a required document is missing.
        NotAllowed, NotFound: as `cases.service.open_case`; NotFound also when no requirements are published.
    """
    check_facts(facts.normalised(), now().astimezone(SHANGHAI).date())
    base_id, extra_id = versions_for(session, facts.service, facts.authority_id)
    documents = effective_documents(session, base_id, extra_id)
    examined = examine_all(parts.blobs, renderer, documents, files)
    application, submission = cases.open_case(
        session, parts.secrets, facts, actor, requirement_version_id=base_id, extra_version_id=extra_id, number=number
    )
    attach(session, submission, examined, actor)
    return application


def resubmit_case(
    session: Session,
    parts: Parts,
    renderer: Renderer,
    application_id: int,
    facts: CaseFacts,
    files: Files,
    kept: Sequence[int],
    actor: Actor,
    answer: str | None = None,
) -> Application:
    """Send a returned case in again: what was faulted anew, the rest carried over from the round before.

    The requirements in force today apply. A file that is sent again unchanged is an attachment of its own, so that the
    desk can call it an identical re-upload.

    Args:
        kept: ids of attachments of the round before that stay as they are; they stand before new files of their slot.
        answer: what the enterprise says to the remark.

    Raises:
        As `submit_case`; Conflict: the case is not with the enterprise; Invalid: a kept file is not of that round.
    """
    application = cases.get_case(session, actor, application_id, lock=True)
    check_facts(facts.normalised(), now().astimezone(SHANGHAI).date())
    earlier = current_submission(session, application)
    base_id, extra_id = versions_for(session, facts.service, application.authority_id)
    documents = effective_documents(session, base_id, extra_id)
    slots = slots_of(session, earlier.id)
    examined = examine_all(parts.blobs, renderer, documents, files, [slots[each] for each in kept if each in slots])
    application, submission = cases.resubmit(
        session,
        parts.secrets,
        application_id,
        facts,
        actor,
        requirement_version_id=base_id,
        extra_version_id=extra_id,
        answer=answer,
    )
    carry_over(session, submission, earlier, kept, actor)
    attach(session, submission, examined, actor)
    return application


def examine_all(
    blobs: BlobStore,
    renderer: Renderer,
    documents: Sequence[RequiredDocument],
    files: Files,
    kept_slots: Sequence[str] = (),
) -> list[ExaminedFile]:
    """Examine every file and every slot, telling all problems together.

    Raises:
        UploadRefused: with each problem found.
    """
    problems: list[FileProblem] = check_slots(documents, [*kept_slots, *(file.document_code for file in files)])
    unknown = {problem.document_code for problem in problems} - {document.code for document in documents}
    with_identity = {document.code for document in documents if document.shows_identity}
    examined = []
    for file in files:
        if isinstance(file, ExaminedFile):
            examined.append(file)
        elif file.document_code not in unknown:
            try:
                examined.append(examine(blobs, renderer, file, shows_identity=file.document_code in with_identity))
            except UploadRefused as refused:
                problems += refused.problems
    if problems:
        raise UploadRefused(problems)
    return examined


def current_submission(session: Session, application: Application) -> Submission:
    """The case's newest round, with its holder."""
    return session.scalars(
        select(Submission)
        .where(Submission.application_id == application.id, Submission.round == application.round)
        .options(joinedload(Submission.holder))
    ).one()


def facts_for_resubmission(session: Session, parts: Parts, application: Application, channel: Channel) -> CaseFacts:
    """What the current round states, as the start of the next one.

    Holds the identity number in clear so that it need not be typed again: never to be shown; showing it is
    `cases.service.reveal_identity`, which is recorded.
    """
    submission = current_submission(session, application)
    holder = submission.holder
    return CaseFacts(
        service=Service(application.service),
        category=Category(application.category),
        channel=channel,
        authority_id=application.authority_id,
        enterprise_name=application.enterprise_name,
        uscc=application.uscc,
        holder=HolderFacts(
            name=holder.name,
            identity_number=open_identity(parts.secrets, holder.identity_ciphertext),
            mobile=holder.mobile,
            email=holder.email,
        ),
        form={key: str(value) for key, value in submission.form.items() if value is not None},
        pickup_site_id=application.pickup_site_id,
        reason=application.reason,
        prior_key=application.prior_key,
    )
