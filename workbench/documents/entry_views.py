"""Paper applications at the counter: a clerk enters what the form states and uploads the scans, for the enterprise.

One form that posts without scripts; with scripts each file is examined as soon as it is chosen. What was examined
stays with the form, so a mistake in a field never costs an upload.
"""

from dataclasses import replace
from typing import Any, Final

from flask import jsonify, render_template, request
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_babel import gettext
from sqlalchemy import or_, select

from workbench.cases.calendar import last_day
from workbench.cases.facts import CaseFacts, InvalidFacts, check_facts
from workbench.cases.models import Application, CaseEvent
from workbench.cases.service import get_case
from workbench.cases.words import SERVICE_NAMES, Channel, Service, State
from workbench.documents import limits
from workbench.documents.attachments import check_slots, list_attachments
from workbench.documents.forms import CaseForm, start_from
from workbench.documents.models import RequiredDocument
from workbench.documents.rendering import renderer
from workbench.documents.requirements import effective_documents, find_current_version, versions_for
from workbench.documents.service import (
    current_submission,
    facts_for_resubmission,
    resubmit_case,
    submit_case,
)
from workbench.documents.slots import draft_line, problem_words, sent_files, slots_for
from workbench.documents.uploads import ExaminedFile, FileProblem, IncomingFile, UploadRefused, examine
from workbench.kernel.clock import SHANGHAI, now
from workbench.kernel.errors import Conflict, NotFound
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.kernel.permissions import Permission
from workbench.organisation.models import Authority, PickupSite
from workbench.shell.context import current_actor, db, parts
from workbench.shell.gate import DeskView
from workbench.shell.http import accepts

FORM_BYTES: Final = 160 * limits.MIB
"""A whole application without scripts: every file in one request."""
SHOWN: Final = 50


class ApplicationView(DeskView):
    """Entering, resubmitting, and the receipt for both."""

    permission = Permission.CASE_ENTER

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """Cases that are with their enterprise, for the one who stands at the counter with corrected papers."""
        words = request.args.get("q", "").strip()[:60]
        query = select(Application).where(Application.state == State.RETURNED.value)
        if words:
            columns = (Application.number, Application.uscc, Application.enterprise_name)
            query = query.where(or_(*(column.icontains(words, autoescape=True) for column in columns)))
        found = db.scalars(query.order_by(Application.state_since.desc()).limit(SHOWN)).all()
        return render_template("documents/returned.html", cases=found, words=words, shown=SHOWN, services=SERVICE_NAMES)

    @expose("/new", methods=("GET", "POST"))
    @accepts(FORM_BYTES)
    def new(self) -> ResponseReturnValue:
        """Enter an application; the service is chosen first, because it decides what is asked for."""
        service = _service(request.args.get("service", Service.NEW.value))
        authority = _own_authority(current_actor())
        form = _form(authority.id)
        if request.method == "GET" and find_current_version(db(), service) is None:
            missing = gettext("No list of required documents has been published for this service.")
            return self._show(form, authority, service, [], general=[missing])
        documents = effective_documents(db(), *versions_for(db(), service, authority.id))
        if request.method == "GET":
            return self._show(form, authority, service, slots_for(documents))
        actor = current_actor()
        files, problems = sent_files(parts(), actor, documents)
        facts = form.facts(service, authority.id)
        if _is_complete(form, facts, documents, [file.document_code for file in files], problems):
            application = submit_case(db(), parts(), renderer(), facts, files, actor)
            return self.see_other("applications.receipt", application_id=application.id)
        return self._again(form, authority, service, documents, files, problems)

    @expose("/<int:application_id>/resubmit", methods=("GET", "POST"))
    @accepts(FORM_BYTES)
    def resubmit(self, application_id: int) -> ResponseReturnValue:
        """Enter what the enterprise corrected; what was not faulted is kept."""
        actor = current_actor()
        application = get_case(db(), actor, application_id)
        if application.state != State.RETURNED.value:
            raise Conflict(N_("The case is not with the enterprise, so nothing can be resubmitted."))
        service, authority = Service(application.service), _own_authority(actor)
        documents = effective_documents(db(), *versions_for(db(), service, authority.id))
        earlier = list_attachments(db(), [current_submission(db(), application).id])
        known = facts_for_resubmission(db(), parts(), application, Channel.COUNTER)
        more: dict[str, Any] = {"application": application, "remark": _last_remark(application.id), "answer": ""}
        form = _form(authority.id, known)
        if request.method == "GET":
            keep = {attachment.id for attachment in earlier}
            return self._show(form, authority, service, slots_for(documents, kept=earlier), keep=keep, **more)
        keep = set(request.form.getlist("keep", type=int))
        files, problems = sent_files(parts(), actor, documents)
        facts = _corrected(form.facts(service, authority.id), known)
        slots = [each.document_code for each in earlier if each.id in keep] + [each.document_code for each in files]
        more["answer"] = request.form.get("answer", "")
        if _is_complete(form, facts, documents, slots, problems):
            resubmit_case(db(), parts(), renderer(), application.id, facts, files, sorted(keep), actor, more["answer"])
            return self.see_other("applications.receipt", application_id=application.id)
        return self._again(form, authority, service, documents, files, problems, earlier, keep=keep, **more)

    @expose("/files", methods=("POST",))
    @accepts(limits.MAX_FILE_BYTES + limits.MIB)
    def files(self) -> ResponseReturnValue:
        """Examine one file for one slot, at once: its thumbnail and the word that stands for it, or the problem."""
        service = _service(request.form.get("service", ""))
        authority = _own_authority(current_actor())
        documents = {d.code: d for d in effective_documents(db(), *versions_for(db(), service, authority.id))}
        document, sent = documents.get(request.form.get("slot", "")), request.files.get("file")
        if document is None or sent is None:
            raise NotFound(N_("This service does not ask for such a document."))
        untrusted = IncomingFile(document.code, sent.filename or "", sent.stream.read())
        try:
            file = examine(parts().blobs, renderer(), untrusted, shows_identity=document.shows_identity)
        except UploadRefused as refused:
            return jsonify(problem=" ".join(problem_words(each) for each in refused.problems)), 422
        line = draft_line(parts(), current_actor(), file)
        return jsonify(
            name=line.name,
            size=line.byte_size,
            pages=line.page_count,
            reference=line.reference,
            thumbnail=line.thumbnail,
        )

    @expose("/<int:application_id>/receipt")
    def receipt(self, application_id: int) -> ResponseReturnValue:
        """What the enterprise is told and may take along: the number, what happens next and until when."""
        application = get_case(db(), current_actor(), application_id)
        submission = current_submission(db(), application)
        site = db.get(PickupSite, application.pickup_site_id) if application.pickup_site_id else None
        documents = effective_documents(db(), submission.requirement_version_id, submission.extra_version_id)
        return render_template(
            "documents/receipt.html",
            application=application,
            submission=submission,
            decides_by=last_day(application.due_at) if application.due_at else None,
            site=site,
            slots=slots_for(documents, kept=list_attachments(db(), [submission.id])),
            service_name=gettext(SERVICE_NAMES[Service(application.service)]),
        )

    def _show(self, form: CaseForm, authority: Authority, service: Service, slots: list[Any], **more: Any) -> str:
        values = {"application": None, "keep": set(), "general": (), **more}
        return render_template(
            "documents/application_form.html",
            form=form,
            authority=authority,
            service=service,
            services=SERVICE_NAMES,
            slots=slots,
            limit_mb=limits.MAX_FILE_BYTES // limits.MIB,
            limit_bytes=limits.MAX_FILE_BYTES,
            limit_files=limits.MAX_FILES_PER_SLOT,
            **values,
        )

    def _again(
        self,
        form: CaseForm,
        authority: Authority,
        service: Service,
        documents: list[RequiredDocument],
        files: list[ExaminedFile],
        problems: list[FileProblem],
        earlier: Any = (),
        **more: Any,
    ) -> tuple[str, int]:
        """The same form with every problem beside its field and every good file still in its slot."""
        drafts = [(file.document_code, draft_line(parts(), current_actor(), file)) for file in files]
        general = [problem_words(each) for each in problems if not each.document_code]
        slots = slots_for(documents, drafts, problems, earlier)
        return self._show(form, authority, service, slots, general=general, **more), 400


def _is_complete(
    form: CaseForm,
    facts: CaseFacts,
    documents: list[RequiredDocument],
    slots: list[str],
    problems: list[FileProblem],
) -> bool:
    """Whether the form can go in; otherwise every reason stands beside its field or in `problems`."""
    problems += [
        problem
        for problem in check_slots(documents, slots)
        if not any(known.document_code == problem.document_code for known in problems)
    ]
    try:
        check_facts(facts.normalised(), now().astimezone(SHANGHAI).date())
    except InvalidFacts as invalid:
        form.say(invalid.problems)
        return False
    return not problems and form.validate()


def _corrected(entered: CaseFacts, known: CaseFacts) -> CaseFacts:
    """What was entered, with the identity number that need not be typed again and the code that cannot change."""
    number = entered.holder.identity_number.strip() or known.holder.identity_number
    return replace(entered, uscc=known.uscc, holder=replace(entered.holder, identity_number=number))


def _form(authority_id: int, known: CaseFacts | None = None) -> CaseForm:
    form = CaseForm(
        request.form if request.method == "POST" else None, data=start_from(known) if known is not None else None
    )
    form.offer(
        db.scalars(
            select(PickupSite)
            .where(PickupSite.authority_id == authority_id, PickupSite.active)
            .order_by(PickupSite.name)
        ).all(),
        identity_known=known is not None,
    )
    return form


def _service(untrusted: str) -> Service:
    if untrusted not in set(Service):
        raise NotFound(N_("There is no such service."))
    return Service(untrusted)


def _own_authority(actor: Actor) -> Authority:
    """The authority whose counter this is: whoever enters cases works at exactly one."""
    (authority_id,) = actor.scope.authority_ids
    return db.get_one(Authority, authority_id)


def _last_remark(application_id: int) -> str:
    return (
        db.scalars(
            select(CaseEvent.remark)
            .where(CaseEvent.application_id == application_id, CaseEvent.remark.is_not(None))
            .order_by(CaseEvent.id.desc())
            .limit(1)
        ).one_or_none()
        or ""
    )
