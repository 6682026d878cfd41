"""From what a site sent to a case: every problem of facts and files is found first and told at once, then all of it
goes in or none.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from workbench.api.answers import ProblemItem
from workbench.api.parts import SentParts
from workbench.api.problems import BodyRefused, at_pointer
from workbench.api.requests import Correction, File, Holder, NewApplication
from workbench.cases.facts import CaseFacts, HolderFacts, InvalidFacts, check_facts
from workbench.cases.models import Application
from workbench.cases.service import get_case
from workbench.cases.states import ENTERPRISE_STATES
from workbench.cases.words import Category, Channel, Service, State
from workbench.documents.attachments import check_slots, slots_of
from workbench.documents.intake import POINTERS
from workbench.documents.models import RequiredDocument
from workbench.documents.preview import Renderer
from workbench.documents.requirements import current_version, effective_documents, versions_for
from workbench.documents.service import current_submission, facts_for_resubmission, resubmit_case, submit_case
from workbench.documents.uploads import ExaminedFile, FileProblem, IncomingFile, UploadRefused, examine
from workbench.kernel.clock import SHANGHAI, now
from workbench.kernel.errors import Conflict
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.kernel.parts import Parts
from workbench.keys.queries import LIMIT_OF_KEYS, keys_held
from workbench.organisation.models import Authority, PickupSite

UNKNOWN: Final = 0
"""In place of an authority that does not exist, so that everything else can still be looked at."""


def submit(
    session: Session, parts: Parts, renderer: Renderer, wanted: NewApplication, sent: SentParts, actor: Actor
) -> Application:
    """Open a case from what was sent.

    Raises:
        BodyRefused: with every problem found.
        Conflict: the enterprise holds as many keys as it may.
    """
    facts, problems = _facts_of(session, wanted)
    if facts.authority_id == UNKNOWN:
        asked = effective_documents(session, current_version(session, facts.service).id, None)
    else:
        asked = effective_documents(session, *versions_for(session, facts.service, facts.authority_id))
    examined, found = _examine(parts, renderer, asked, wanted.files, sent)
    _refuse([*problems, *found])
    _refuse_further_key(parts, facts, actor)
    return submit_case(session, parts, renderer, facts, examined, actor)


def resubmit(
    session: Session,
    parts: Parts,
    renderer: Renderer,
    application_id: int,
    wanted: Correction,
    sent: SentParts,
    actor: Actor,
) -> Application:
    """Send a returned case in again.

    Raises:
        NotFound: it is not this site's.
        Conflict: the case is not with the enterprise.
        BodyRefused: with every problem found.
    """
    application = get_case(session, actor, application_id, lock=True)
    if State(application.state) not in ENTERPRISE_STATES:
        raise Conflict(N_("The case is no longer where this can be done."))
    facts, problems = _corrected(session, parts, application, wanted)
    asked = effective_documents(session, *versions_for(session, facts.service, application.authority_id))
    slots = slots_of(session, current_submission(session, application).id)
    for place, each in enumerate(wanted.keep):
        if each not in slots:
            problems.append(at_pointer(f"/keep/{place}", gettext(N_("The round before has no such file."))))
    kept = [each for each in dict.fromkeys(wanted.keep) if each in slots]
    examined, found = _examine(parts, renderer, asked, wanted.files, sent, [slots[each] for each in kept])
    _refuse([*problems, *found])
    return resubmit_case(session, parts, renderer, application_id, facts, examined, kept, actor, wanted.answer)


def _facts_of(session: Session, wanted: NewApplication) -> tuple[CaseFacts, list[ProblemItem]]:
    authority = session.scalars(select(Authority).where(Authority.code == wanted.authority, Authority.active)).first()
    authority_id = authority.id if authority is not None else UNKNOWN
    site_id, problems = _pickup_site(session, authority_id, wanted.pickup_site)
    if authority is None:
        problems = [at_pointer("/authority", gettext(N_("There is no issuing authority of this code.")))]
    facts = CaseFacts(
        service=wanted.service,
        category=wanted.category,
        channel=Channel.API,
        authority_id=authority_id,
        enterprise_name=wanted.enterprise.name,
        uscc=wanted.enterprise.uscc,
        holder=_holder(wanted.holder),
        form=wanted.form.model_dump(),
        pickup_site_id=site_id,
        reason=wanted.reason,
        prior_key=wanted.prior_key,
    )
    return facts, [*problems, *_problems_of(facts)]


def _corrected(
    session: Session, parts: Parts, application: Application, wanted: Correction
) -> tuple[CaseFacts, list[ProblemItem]]:
    """The facts of the round before with what the correction says otherwise."""
    before = facts_for_resubmission(session, parts, application, Channel.API)
    site_id, problems = _pickup_site(session, application.authority_id, wanted.pickup_site)
    facts = CaseFacts(
        service=Service(application.service),
        category=wanted.category or Category(application.category),
        channel=Channel.API,
        authority_id=application.authority_id,
        enterprise_name=wanted.enterprise.name if wanted.enterprise else before.enterprise_name,
        uscc=before.uscc,
        holder=_holder(wanted.holder) if wanted.holder else before.holder,
        form=wanted.form.model_dump() if wanted.form else before.form,
        pickup_site_id=before.pickup_site_id if wanted.pickup_site is None else site_id,
        reason=wanted.reason or before.reason,
        prior_key=wanted.prior_key or before.prior_key,
    )
    return facts, [*problems, *_problems_of(facts)]


def _holder(wanted: Holder) -> HolderFacts:
    return HolderFacts(**wanted.model_dump())


def _pickup_site(session: Session, authority_id: int, name: str | None) -> tuple[int | None, list[ProblemItem]]:
    if name is None or authority_id == UNKNOWN:
        return None, []
    found = session.scalars(
        select(PickupSite.id).where(PickupSite.authority_id == authority_id, PickupSite.name == name, PickupSite.active)
    ).first()
    if found is None:
        return None, [at_pointer("/pickup_site", gettext(N_("The authority has no such pick-up site.")))]
    return found, []


def _problems_of(facts: CaseFacts) -> list[ProblemItem]:
    try:
        check_facts(facts.normalised(), now().astimezone(SHANGHAI).date())
    except InvalidFacts as invalid:
        return [at_pointer(POINTERS[name], gettext(reason)) for name, reason in invalid.problems.items()]
    return []


def _examine(
    parts: Parts,
    renderer: Renderer,
    asked: Sequence[RequiredDocument],
    files: Sequence[File],
    sent: SentParts,
    kept: Sequence[str] = (),
) -> tuple[list[ExaminedFile], list[ProblemItem]]:
    """Every file in the sandbox, one after the other so that only one is held in memory, and what is wrong with any."""
    slots = check_slots(asked, [*kept, *(file.document for file in files)])
    problems = [item for problem in slots for item in _items_of_slot(problem, files)]
    known = {document.code: document.shows_identity for document in asked}
    overfull = {problem.document_code for problem in slots}
    examined: list[ExaminedFile] = []
    for place, file in enumerate(files):
        if file.document not in known or file.document in overfull:
            continue
        incoming = IncomingFile(file.document, sent.name_of(file), sent.content_of(file))
        try:
            examined.append(examine(parts.blobs, renderer, incoming, shows_identity=known[file.document]))
        except UploadRefused as refused:
            problems += [at_pointer(f"/files/{place}", _said(each)) for each in refused.problems]
    return examined, problems


def _items_of_slot(problem: FileProblem, files: Sequence[File]) -> list[ProblemItem]:
    places = [place for place, file in enumerate(files) if file.document == problem.document_code]
    if not places:
        return [at_pointer("/files", f"{problem.document_code}: {_said(problem)}")]
    return [at_pointer(f"/files/{place}/document", _said(problem)) for place in places]


def _said(problem: FileProblem) -> str:
    values: Mapping[str, Any] = problem.values
    return str(gettext(problem.reason, **values))


def _refuse(problems: Sequence[ProblemItem]) -> None:
    if problems:
        raise BodyRefused(problems)


def _refuse_further_key(parts: Parts, facts: CaseFacts, actor: Actor) -> None:
    """An enterprise holds at most three valid certificates, those asked for counted too; a replacement adds none."""
    if facts.service not in (Service.NEW, Service.ADDITIONAL):
        return
    if keys_held(parts, facts.uscc, actor.scope.applicant_id).count >= LIMIT_OF_KEYS:
        raise Conflict(
            N_("This enterprise holds or has asked for %(limit)s keys, as many as it may."), limit=LIMIT_OF_KEYS
        )
