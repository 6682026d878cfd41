"""The application form in four steps: shown, kept as it is typed, given up. Every value is checked again on submission.

Without scripts each step's button saves; with them what was typed is saved field by field.
"""

from collections.abc import Mapping
from typing import Any, Final

from flask import flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from workbench.cases.facts import InvalidFacts
from workbench.cases.words import SERVICE_NAMES, Service
from workbench.kernel.clock import SHANGHAI, now
from workbench.kernel.errors import Invalid
from workbench.kernel.messages import N_
from workbench.keys.models import Certificate
from workbench.keys.queries import keys_held
from workbench.organisation.queries import list_authorities
from workbench.portal.door import current_applicant, portal
from workbench.portal.drafting import drafts, forms
from workbench.portal.drafting.draft_fields import IDENTITY, STEPS, fields_of, step_of, writable_part
from workbench.portal.drafting.starting import LIMIT_AT_SUBMISSION, is_beyond_limit
from workbench.portal.models import Draft
from workbench.shell import failures
from workbench.shell.context import current_actor, db, parts
from workbench.shell.http import accepts

TEMPLATES: Final[Mapping[str, str]] = {
    "enterprise": "portal/step_enterprise.html",
    "place": "portal/step_place.html",
    "holder": "portal/step_holder.html",
    "review": "portal/step_review.html",
}
ORDER: Final = tuple(STEPS)
SAVE_BYTES: Final = 64 * 1024
"""A form saved whole holds a tenth of this."""


@portal.errorhandler(drafts.DraftSubmitted)
def submitted(error: drafts.DraftSubmitted) -> ResponseReturnValue:
    """A form that was sent in leads to the case it became."""
    if failures.wants_json():
        url = url_for("portal.case", number=error.number)
        return failures.answer(409, gettext(error.reason), {"url": url})
    return render_template("portal/start.html", reason=gettext(error.reason), number=error.number), 409


@portal.route("/drafts/<int:draft_id>/<any(enterprise, place, holder, review):step>", methods=["GET", "POST"])
@accepts(SAVE_BYTES)
def step(draft_id: int, step: str) -> ResponseReturnValue:
    """One step of the form; a POST keeps it and leads to the next, or back here when something is missing."""
    if request.method == "GET":
        draft = drafts.get_draft(db(), current_actor(), draft_id)
        return _show(draft, step, asked="check" in request.args)
    draft = drafts.get_draft(db(), current_actor(), draft_id, lock=True)
    _tell_other_window(draft, request.form.get("version", ""))
    typed = _typed(draft, request.form, fields_of(step, Service(draft.service), corrects=_corrects(draft)))
    try:
        drafts.save_values(db(), parts(), draft, typed)
    except InvalidFacts as refused:
        return _show(draft, step, refused=refused.problems, typed=typed), 400
    return _after(draft, step, request.form.get("go", "next"))


@portal.post("/drafts/<int:draft_id>/save")
@accepts(SAVE_BYTES)
def save(draft_id: int) -> ResponseReturnValue:
    """Keep what was typed, and say when, and what is wrong with it. What cannot be kept does not hold up the rest."""
    draft = drafts.get_draft(db(), current_actor(), draft_id, lock=True)
    sent = _json()
    typed = _typed(draft, sent["values"], tuple(sent["values"]))
    seen, refused = draft.version, {}
    try:
        drafts.save_values(db(), parts(), draft, typed)
    except InvalidFacts as invalid:
        refused = invalid.problems
        drafts.save_values(db(), parts(), draft, {name: typed[name] for name in typed if name not in refused})
    problems = {**drafts.problems_of(db(), parts(), draft), **refused}
    return jsonify(
        saved_at=f"{now().astimezone(SHANGHAI):%H:%M}",
        version=draft.version,
        void=void_words(draft),
        stale=_stale_words(draft) if sent["version"] not in (seen, draft.version) else "",
        identity=draft.identity_masked or "",
        problems={name: gettext(problems[name]) if name in problems else "" for name in typed},
    )


@portal.route("/drafts/<int:draft_id>/discard", methods=["GET", "POST"])
def discard(draft_id: int) -> ResponseReturnValue:
    """Ask once, then give the form up."""
    if request.method == "GET":
        draft = drafts.get_draft(db(), current_actor(), draft_id)
        return render_template("portal/start.html", discarding=draft, service_names=SERVICE_NAMES)
    draft = drafts.discard_draft(db(), current_actor(), draft_id)
    flash(gettext("The form %(number)s was discarded.", number=draft.number), "success")
    return redirect(url_for("portal.home"), code=303)


def void_words(draft: Draft) -> str:
    """That the printed forms are void, when they are; otherwise nothing."""
    if not drafts.is_print_void(draft):
        return ""
    return str(
        gettext(
            "You changed the form after printing it: what you printed (version %(old)d) is void. "
            "Please print, sign and stamp version %(new)d.",
            old=draft.printed_version,
            new=draft.version,
        )
    )


def step_states(draft: Draft, problems: Mapping[str, str]) -> dict[str, bool]:
    """Whether each step is done, for the progress bar."""
    open_steps = {step_of(name) for name in problems}
    return {name: name not in open_steps and (name != "review" or not problems) for name in ORDER}


def _show(
    draft: Draft,
    step: str,
    *,
    asked: bool = False,
    refused: Mapping[str, str] | None = None,
    typed: Mapping[str, str] | None = None,
) -> str:
    """A step's page. Problems of fields that are still empty are told only when somebody wanted to go on."""
    fields = fields_of(step, Service(draft.service), corrects=_corrects(draft))
    problems = drafts.problems_of(db(), parts(), draft)
    told = {name: msgid for name, msgid in problems.items() if asked or _has_value(draft, name)}
    told.update(refused or {})
    shown = {name: writable_part(name, text) for name, text in (typed or {}).items() if name != IDENTITY}
    if step == "review" and is_beyond_limit(parts(), current_applicant(), draft):
        problems["service"] = LIMIT_AT_SUBMISSION
    form = forms.form_for(draft, fields, list_authorities(db(), active_only=True), told, shown)
    certificates = _certificates(draft)
    sites = drafts.list_sites(db(), str(form.authority_id.data or ""))
    chosen = next((each for each in sites if str(each.id) == draft.values.get("pickup_site_id")), None)
    authority = drafts.find_authority(db(), str(draft.values.get("authority_id", "")))
    keys = forms.known_keys(draft, certificates)
    return render_template(
        TEMPLATES[step],
        draft=draft,
        step=step,
        form=form,
        fields=fields,
        steps=forms.STEP_WORDS,
        done=step_states(draft, problems),
        void=void_words(draft),
        service_names=SERVICE_NAMES,
        guidance=forms.CATEGORY_GUIDANCE,
        authority=authority,
        sites=sites,
        site_id=str(form.data.get("pickup_site_id") or draft.values.get("pickup_site_id", "")),
        keys=keys,
        another_key=forms.ANOTHER_KEY,
        unknown_key=_is_unknown_key(draft, certificates),
        problems={name: gettext(msgid) for name, msgid in problems.items()},
        shown=forms.shown_values(draft, authority, chosen, keys) if step == "review" else {},
        step_fields={name: fields_of(name, Service(draft.service), corrects=_corrects(draft)) for name in ORDER[:-1]},
        earlier=ORDER[ORDER.index(step) - 1] if step != ORDER[0] else None,
    )


def _after(draft: Draft, step: str, go: str) -> ResponseReturnValue:
    """Where a saved step leads: back, here again, or on when nothing of it is missing."""
    here = ORDER.index(step)
    if go == "stay":
        return redirect(url_for("portal.step", draft_id=draft.id, step=step), code=303)
    if go == "back":
        return redirect(url_for("portal.step", draft_id=draft.id, step=ORDER[max(here - 1, 0)]), code=303)
    open_fields = set(drafts.problems_of(db(), parts(), draft))
    if step == "review":
        if not open_fields:
            return redirect(url_for("portal.documents", draft_id=draft.id), code=303)
        return redirect(url_for("portal.step", draft_id=draft.id, step="review", check=1), code=303)
    missing = open_fields & set(fields_of(step, Service(draft.service), corrects=_corrects(draft)))
    if missing and go != "later":
        return redirect(url_for("portal.step", draft_id=draft.id, step=step, check=1), code=303)
    return redirect(url_for("portal.step", draft_id=draft.id, step=ORDER[here + 1]), code=303)


def _typed(draft: Draft, sent: Mapping[str, Any], fields: tuple[str, ...]) -> dict[str, str]:
    """The fields as they were sent; a key chosen from our records becomes its number, known to the server alone."""
    typed = {name: sent[name] for name in fields if name in sent and name != "prior_choice"}
    choice = sent.get("prior_choice", forms.ANOTHER_KEY)
    if choice != forms.ANOTHER_KEY:
        numbers = {str(each.id): each.key_number for each in _certificates(draft)}
        if choice not in numbers:
            raise Invalid(N_("The form has no such value."))
        typed["prior_key"] = numbers[choice]
    elif "prior_choice" in sent and "prior_key" not in typed:
        typed["prior_key"] = ""
    return typed


def _json() -> dict[str, Any]:
    """What a script sent: the values by field and the version it saw.

    Raises:
        Invalid: it is something else.
    """
    try:
        sent = request.get_json(silent=True)
    except RecursionError:
        sent = None
    if not isinstance(sent, dict) or not isinstance(sent.get("values"), dict):
        raise Invalid(N_("The form has no such value."))
    if not all(isinstance(each, str) for each in sent["values"].values()):
        raise Invalid(N_("The form has no such value."))
    return {"values": sent["values"], "version": sent.get("version")}


def _certificates(draft: Draft) -> tuple[Certificate, ...]:
    """The enterprise's keys of our records, where the service names one."""
    if draft.service != Service.REPLACEMENT:
        return ()
    return keys_held(parts(), current_applicant().uscc or "").certificates


def _is_unknown_key(draft: Draft, certificates: tuple[Certificate, ...]) -> bool:
    number = draft.values.get("prior_key", "")
    return bool(number) and number not in {each.key_number for each in certificates}


def _has_value(draft: Draft, name: str) -> bool:
    if name == IDENTITY:
        return draft.identity_ciphertext is not None
    return bool(draft.values.get(name))


def _corrects(draft: Draft) -> bool:
    return draft.application_id is not None


def _tell_other_window(draft: Draft, seen: str) -> None:
    if seen and seen != str(draft.version):
        flash(_stale_words(draft), "warning")


def _stale_words(draft: Draft) -> str:
    return str(
        gettext(
            "This form was changed in another window after it was printed. It is version %(version)d now; "
            "what you see here was saved over it.",
            version=draft.version,
        )
    )


def get_complete(draft_id: int, *, lock: bool = False) -> Draft:
    """The applicant's open form, when nothing is missing in it.

    Raises:
        NotFound, DraftSubmitted: as `drafts.get_draft`.
        Invalid: something is missing still.
    """
    draft = drafts.get_draft(db(), current_actor(), draft_id, lock=lock)
    if drafts.problems_of(db(), parts(), draft):
        raise Invalid(N_("Please complete the form first: the review lists what is missing."))
    return draft
