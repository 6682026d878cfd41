"""The administrator's screens of required documents: what is asked for now, since when and why, and the next version.

Nothing is edited in place: publishing makes a new version, and cases that are under way keep the one they came under.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import flash, render_template, request
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_babel import gettext
from sqlalchemy import select

from workbench.cases.words import SERVICE_NAMES, Service
from workbench.documents.drafts import COMPARABLE, DocumentDraft, InvalidRequirements
from workbench.documents.models import RequirementVersion
from workbench.documents.requirement_forms import EMPTY_DOCUMENT, read_documents, rearrange
from workbench.documents.requirements import (
    drafts_of,
    effective_documents,
    find_current_version,
    list_versions,
    publish_version,
)
from workbench.kernel.errors import Invalid, NotFound
from workbench.kernel.messages import N_
from workbench.kernel.permissions import Permission
from workbench.organisation.models import Authority
from workbench.organisation.queries import list_authorities
from workbench.shell.context import current_actor, db
from workbench.shell.gate import DeskView


class RequirementView(DeskView):
    """Required documents and their check items, per service and per authority."""

    permission = Permission.CHECKLIST_MANAGE

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """What each service asks for now, and which authorities ask for more."""
        rows = [(service, *self._current(service)) for service in Service]
        extras = db.execute(
            select(RequirementVersion, Authority)
            .join(Authority, Authority.id == RequirementVersion.authority_id)
            .order_by(Authority.position, RequirementVersion.service, RequirementVersion.version.desc())
        ).all()
        newest: dict[tuple[int, str], Any] = {}
        for row in extras:
            newest.setdefault((row.Authority.id, row.RequirementVersion.service), row)
        return render_template(
            "documents/requirements.html",
            rows=rows,
            extras=list(newest.values()),
            authorities=list_authorities(db()),
            services=SERVICE_NAMES,
        )

    @expose("/<service>/")
    def show(self, service: str) -> ResponseReturnValue:
        """The version in force, or an earlier one, and the history. `authority` is a code, `version` a number."""
        known, authority = _service(service), _authority()
        versions = list_versions(db(), known, authority.id if authority else None)
        wanted = request.args.get("version", type=int)
        chosen = next((each for each in versions if wanted in (None, each.version)), None)
        if wanted is not None and chosen is None:
            raise NotFound(N_("There is no such version."))
        documents = effective_documents(db(), chosen.id, None) if chosen else []
        return render_template(
            "documents/requirement_version.html",
            service=known,
            service_name=gettext(SERVICE_NAMES[known]),
            authority=authority,
            versions=versions,
            chosen=chosen,
            documents=documents,
            comparable=COMPARABLE,
        )

    @expose("/<service>/edit", methods=("GET", "POST"))
    def edit(self, service: str) -> ResponseReturnValue:
        """Start from the version in force, change, publish. Every button but the last only rearranges the form."""
        known, authority = _service(service), _authority()
        authority_id = authority.id if authority else None
        if request.method == "GET":
            latest = find_current_version(db(), known, authority_id)
            documents = drafts_of(db(), latest) or [EMPTY_DOCUMENT]
            return self._form(known, authority, documents, seen=latest.version if latest else 0)
        documents = read_documents(request.form)
        seen, note = request.form.get("seen", 0, type=int), request.form.get("note", "")
        action = request.form.get("action", "")
        if action != "publish":
            return self._form(known, authority, rearrange(documents, action), seen=seen, note=note)
        try:
            version = publish_version(db(), current_actor(), known, authority_id, documents, note, seen_version=seen)
        except InvalidRequirements as invalid:
            return self._form(known, authority, documents, seen=seen, note=note, problems=invalid.problems), 400
        except Invalid as invalid:
            problems = {"note": gettext(invalid.reason, **invalid.values)}
            return self._form(known, authority, documents, seen=seen, note=note, problems=problems), 400
        flash(gettext("Version %(number)d is in force from now on.", number=version.version), "success")
        return self.see_other("requirements.show", service=known.value, authority=authority.code if authority else None)

    def _current(self, service: Service) -> tuple[RequirementVersion | None, Sequence[Any]]:
        version = find_current_version(db(), service)
        return version, effective_documents(db(), version.id, None) if version else []

    def _form(
        self,
        service: Service,
        authority: Authority | None,
        documents: Sequence[DocumentDraft],
        *,
        seen: int,
        note: str = "",
        problems: Mapping[str, str] | None = None,
    ) -> str:
        return render_template(
            "documents/requirement_form.html",
            service=service,
            service_name=gettext(SERVICE_NAMES[service]),
            authority=authority,
            documents=documents,
            seen=seen,
            note=note,
            problems={place: gettext(reason) for place, reason in (problems or {}).items()},
            comparable=COMPARABLE,
        )


def _service(untrusted: str) -> Service:
    if untrusted not in set(Service):
        raise NotFound(N_("There is no such service."))
    return Service(untrusted)


def _authority() -> Authority | None:
    """The authority in the address; none means what the service asks for everywhere."""
    code = request.args.get("authority", "")
    if not code:
        return None
    authority = db.scalars(select(Authority).where(Authority.code == code)).one_or_none()
    if authority is None:
        raise NotFound(N_("There is no such authority."))
    return authority
