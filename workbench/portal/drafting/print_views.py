"""What an applicant prints, signs and stamps: the forms as PDF, one by one or together.

Opening one is recorded: a change of the form afterwards voids it. The identity number stands in the PDF alone.
"""

from collections.abc import Sequence

from flask import Response, render_template
from flask.typing import ResponseReturnValue

from workbench.cases.words import SERVICE_NAMES
from workbench.documents.models import RequiredDocument
from workbench.kernel.errors import NotFound
from workbench.kernel.messages import N_
from workbench.portal.door import portal
from workbench.portal.drafting import drafts, forms
from workbench.portal.drafting.form_views import get_complete, step_states, void_words
from workbench.portal.drafting.printing import PRINTABLE, print_bundle, print_document
from workbench.portal.models import Draft
from workbench.shell.context import current_actor, db, parts
from workbench.shell.edge import records_access

PDF_POLICY = "default-src 'none'; style-src 'unsafe-inline'; object-src 'self'; frame-ancestors 'none'; sandbox"
ALL = "all"


@portal.get("/drafts/<int:draft_id>/documents")
def documents(draft_id: int) -> ResponseReturnValue:
    """What to print, and what to do with it before it is scanned."""
    draft = drafts.get_draft(db(), current_actor(), draft_id)
    problems = drafts.problems_of(db(), parts(), draft)
    asked = drafts.documents_of(db(), draft)
    return render_template(
        "portal/documents.html",
        draft=draft,
        problems=problems,
        printed=[each for each in asked if each.code in PRINTABLE],
        others=[each for each in asked if each.code not in PRINTABLE],
        steps=forms.STEP_WORDS,
        done=step_states(draft, problems),
        void=void_words(draft),
        service_names=SERVICE_NAMES,
    )


@portal.get("/drafts/<int:draft_id>/documents/<code>.pdf")
@records_access
def document(draft_id: int, code: str) -> ResponseReturnValue:
    """One of the forms, filled in, as it stands now."""
    draft = get_complete(draft_id, lock=True)
    if code not in _codes(drafts.documents_of(db(), draft)):
        raise NotFound(N_("This service does not ask for such a document."))
    content = print_document(parts().secrets, code, drafts.printed_facts(db(), parts(), draft))
    return _pdf(draft, code, content)


@portal.get("/drafts/<int:draft_id>/documents/all.pdf")
@records_access
def bundle(draft_id: int) -> ResponseReturnValue:
    """All forms of the service as one PDF, in the order of the check-list."""
    draft = get_complete(draft_id, lock=True)
    codes = _codes(drafts.documents_of(db(), draft))
    if not codes:
        raise NotFound(N_("This service does not ask for such a document."))
    content = print_bundle(parts().secrets, codes, drafts.printed_facts(db(), parts(), draft))
    return _pdf(draft, ALL, content)


def _codes(asked: Sequence[RequiredDocument]) -> list[str]:
    return [each.code for each in asked if each.code in PRINTABLE]


def _pdf(draft: Draft, code: str, content: bytes) -> Response:
    drafts.mark_printed(db(), current_actor(), draft, code)
    response = Response(content, mimetype="application/pdf")
    response.headers["Content-Disposition"] = f'inline; filename="{draft.number}-v{draft.version}-{code}.pdf"'
    response.headers["Content-Security-Policy"] = PDF_POLICY
    response.headers["Cache-Control"] = "no-store"
    return response
