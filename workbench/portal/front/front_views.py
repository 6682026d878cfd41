"""The front page and the pages anybody may read: what to prepare, whom to call, where keys are collected."""

from typing import Final

from flask import abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from workbench.cases.calendar_text import describe_notes
from workbench.cases.words import Service
from workbench.documents.limits import MAX_FILE_BYTES
from workbench.documents.requirements import effective_documents, find_current_version
from workbench.kernel.clock import now
from workbench.kernel.codes import uscc_check_character
from workbench.organisation.session import signed_in_person
from workbench.portal.door import for_strangers, portal
from workbench.portal.front.contacts import address_of, find_telephone, list_contacts
from workbench.portal.front.directory import LONGEST_QUESTION, read_directory
from workbench.portal.front.promises import promises_of
from workbench.shell.context import db
from workbench.shell.i18n import language

GUIDES: Final = {
    "enterprise-code": "portal/guide_enterprise_code.html",
    "registry": "portal/guide_registry.html",
    "certificate": "portal/guide_certificate.html",
    "preparing": "portal/guide_preparing.html",
}
_FIRST_17: Final = "91000000EXAMPLE00"
EXAMPLE_CODE: Final = _FIRST_17 + uscc_check_character(_FIRST_17)
"""A credit code whose check character is right, of a place that does not exist."""


@portal.get("/")
@for_strangers
def front() -> ResponseReturnValue:
    """The three services, what to know before starting, and the sign-in; staff are led to their desk."""
    if signed_in_person() is not None:
        return redirect(url_for("home.index"), code=303)
    session = db()
    version = find_current_version(session, Service.NEW)
    return render_template(
        "portal/front.html",
        promises={service.value: promises_of(session, service) for service in Service},
        today=now(),
        why=lambda due: describe_notes(due.notes, language()),
        documents=effective_documents(session, version.id, None) if version is not None else (),
        most_megabytes=MAX_FILE_BYTES // 1024**2,
        contacts=list_contacts(session),
        address_of=address_of,
    )


@portal.get("/contacts")
@for_strangers
def contacts() -> ResponseReturnValue:
    """Whom to call or write to."""
    return render_template("portal/contacts.html", contacts=list_contacts(db()), address_of=address_of)


@portal.get("/authorities")
@for_strangers
def authorities() -> ResponseReturnValue:
    """The issuing authorities with their pick-up sites."""
    question = request.args.get("q", "").strip()[:LONGEST_QUESTION]
    return render_template(
        "portal/authorities.html",
        entries=read_directory(db(), question),
        question=question,
        to_call=find_telephone(db()),
    )


@portal.get("/guide/<topic>")
@for_strangers
def guide(topic: str) -> ResponseReturnValue:
    """One of the explanations."""
    if topic not in GUIDES:
        abort(404)
    return render_template(
        GUIDES[topic],
        topic=topic,
        example=EXAMPLE_CODE,
        to_call=find_telephone(db()),
        most_megabytes=MAX_FILE_BYTES // 1024**2,
    )
