"""Application forms that are being filled in: started, saved, printed, discarded; never by anybody but their applicant.

A draft states facts and decides nothing: whatever stands here is checked again when it is submitted.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from workbench.cases.facts import IDENTITY_REASONS, CaseFacts, HolderFacts, InvalidFacts, check_facts
from workbench.cases.models import Applicant
from workbench.cases.service import MAX_REMARK, reserve_number
from workbench.cases.words import Category, Channel, Service
from workbench.documents.models import RequiredDocument
from workbench.documents.requirements import effective_documents, versions_for
from workbench.kernel import audit
from workbench.kernel.clock import SHANGHAI, now
from workbench.kernel.codes import identity_problem, normalise_identity
from workbench.kernel.crypto import open_identity, seal_identity
from workbench.kernel.errors import Conflict, Invalid, NotFound
from workbench.kernel.identity import Actor, Scope
from workbench.kernel.messages import N_
from workbench.kernel.parts import Parts
from workbench.organisation.models import Authority, PickupSite
from workbench.portal.drafting.draft_fields import (
    EDITABLE,
    IDENTITY,
    PRINTED,
    TOO_LONG,
    VALUES,
    as_kept,
    asks_reason,
    can_be_kept,
)
from workbench.portal.drafting.printing import PrintedFacts
from workbench.portal.drafting.starting import check_start
from workbench.portal.models import Draft
from workbench.portal.spending import of_applicant, slow_down

MOST_OPEN: Final = 20
"""Unfinished forms an applicant may have at a time: each occupies an application number."""
MOST_A_DAY: Final = 200
"""Forms an applicant may start within 24 hours, discarded ones included: each uses up an application number."""
A_DAY: Final = timedelta(days=1)
MANY_STARTED: Final = N_("You have started very many forms within a day. Please go on later.")
CATEGORIES_ZH: Final[Mapping[Category, str]] = {
    Category.MECHANICAL_ELECTRICAL: "机电类许可证",
    Category.OTHER: "非机电类许可证",
    Category.AGRICULTURAL_QUOTA: "农产品关税配额类许可证",
}
"""As the printed papers name them, which are in Chinese whatever the screen's language."""
_LARGEST_ID: Final = 2**63 - 1


class DraftSubmitted(Conflict):
    """The form was sent in: `number` is the case it became."""

    def __init__(self, number: str) -> None:
        super().__init__(N_("This form has been submitted: it cannot be changed any more."))
        self.number = number


def start_draft(
    session: Session,
    parts: Parts,
    applicant: Applicant,
    service: Service,
    values: Mapping[str, str] | None = None,
    *,
    address: str = "",
) -> Draft:
    """Start a form, prefilled with what the account knows; its application number is reserved.

    One that was started the same way and never touched is given again, so that a double click starts one form.

    Args:
        values: more to prefill, by the names of the form's fields.
        address: where the request came from, for the audit log.

    Raises:
        Conflict: as `starting.check_start`, or too many forms are unfinished.
        TooMany: too many were started within a day.
        Invalid, InvalidFacts: as `save_values`.
    """
    # One start after the other, so that several at once are neither two forms of a double click nor one too many.
    session.scalars(select(Applicant.id).where(Applicant.id == applicant.id).with_for_update(key_share=True)).one()
    unfinished = list_open(session, applicant.id)
    stated = {**_known_of(applicant), **_checked(session, values or {}, {})}
    identity = stated.pop(IDENTITY, "")
    for each in unfinished:
        if (each.service, each.values, each.updated_at) == (service.value, stated, each.created_at) and not identity:
            return each
    if len(unfinished) >= MOST_OPEN:
        raise Conflict(N_("Please finish or discard one of your %(count)d unfinished forms first."), count=MOST_OPEN)
    check_start(parts, applicant, service)
    slow_down(parts, "starts", of_applicant(applicant.id), most=MOST_A_DAY, within=A_DAY, reason=MANY_STARTED)
    at = now()
    draft = Draft(
        applicant_id=applicant.id,
        service=service.value,
        number=reserve_number(session),
        values=stated,
        version=1,
        created_at=at,
        updated_at=at,
    )
    if identity:
        _seal(parts, draft, identity)
    session.add(draft)
    session.flush()
    scope = Scope(applicant_id=applicant.id)
    actor = Actor(kind="enterprise", id=applicant.id, name=applicant.name, scope=scope, address=address)
    told = {"service": service.value, "number": draft.number}
    audit.record(session, "draft.started", actor, subject=f"draft:{draft.id}", after=told)
    return draft


def get_draft(session: Session, actor: Actor, draft_id: int, *, lock: bool = False, open_only: bool = True) -> Draft:
    """One form of this applicant, locked against other writers when asked.

    Raises:
        NotFound: there is none, it is another's, or it was discarded.
        DraftSubmitted: it was sent in, and only open ones are wanted.
    """
    statement = select(Draft).where(
        Draft.id == min(draft_id, _LARGEST_ID),
        Draft.applicant_id == actor.scope.applicant_id,
        Draft.discarded_at.is_(None),
    )
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    draft = session.scalars(statement).one_or_none()
    if draft is None:
        raise NotFound(N_("There is no such form."))
    if open_only and draft.submitted_at is not None:
        raise DraftSubmitted(draft.number)
    return draft


def list_open(session: Session, applicant_id: int) -> Sequence[Draft]:
    """The applicant's unfinished forms, the one touched last first."""
    return session.scalars(
        select(Draft)
        .where(Draft.applicant_id == applicant_id, Draft.submitted_at.is_(None), Draft.discarded_at.is_(None))
        .order_by(Draft.updated_at.desc(), Draft.id.desc())
    ).all()


def save_values(session: Session, parts: Parts, draft: Draft, values: Mapping[str, str]) -> Draft:
    """Keep what was typed, field by field; what is not named stays. Wrong values are kept too: `problems_of` tells.

    A change of what was printed begins a new version. An empty identity number leaves the sealed one alone.

    Raises:
        Invalid: a field the form does not have, or that this applicant cannot change.
        InvalidFacts: a value that cannot be kept, by field; nothing has been changed then.
    """
    changes = _checked(session, values, draft.values)
    if draft.application_id is not None and changes.get("authority_id", "") != draft.values.get("authority_id", ""):
        changes.pop("authority_id", None)
    if draft.service == Service.RENEWAL:
        changes.pop("prior_key", None)  # the key that signed in; no browser names another
    identity = changes.pop(IDENTITY, "")
    changed = {name for name, value in changes.items() if draft.values.get(name, "") != value}
    if identity and identity != _identity_of(parts, draft):
        _seal(parts, draft, identity)
        changed.add(IDENTITY)
    if not changed:
        return draft
    draft.values = {**draft.values, **changes}
    if changed & PRINTED and draft.printed_version == draft.version:
        draft.version += 1
    draft.updated_at = now()
    session.flush()
    return draft


def discard_draft(session: Session, actor: Actor, draft_id: int) -> Draft:
    """Give a form up; nobody reaches it any more.

    Raises:
        NotFound, DraftSubmitted: as `get_draft`.
    """
    draft = get_draft(session, actor, draft_id, lock=True)
    draft.discarded_at = now()
    audit.record(session, "draft.discarded", actor, subject=f"draft:{draft.id}", after={"number": draft.number})
    session.flush()
    return draft


def mark_printed(session: Session, actor: Actor, draft: Draft, code: str) -> None:
    """Remember that a form of the current version was handed out; a later change voids it.

    Args:
        code: the document, or `all`.
    """
    draft.printed_version = draft.version
    told = {"document": code, "version": draft.version}
    audit.record(session, "draft.printed", actor, subject=f"draft:{draft.id}", after=told)
    session.flush()


def is_print_void(draft: Draft) -> bool:
    """Whether what was printed states something else than the form does now."""
    return draft.printed_version is not None and draft.printed_version < draft.version


def facts_of(session: Session, parts: Parts, draft: Draft) -> CaseFacts:
    """What the form states, the identity number in clear: to be checked and submitted, never to be shown."""
    values = {name: str(draft.values.get(name, "")) for name in VALUES}
    service = Service(draft.service)
    category = Category(values["category"]) if values["category"] in set(Category) else Category.OTHER
    form = {name: values[name] for name in ("legal_representative", "address", "postcode", "telephone")}
    if category is Category.MECHANICAL_ELECTRICAL:
        form["machinery_account"] = values["machinery_account"]
    site = _find_site(session, values["pickup_site_id"], values["authority_id"])
    return CaseFacts(
        service=service,
        category=category,
        channel=Channel.PORTAL,
        authority_id=int(values["authority_id"] or 0),
        enterprise_name=values["enterprise_name"],
        uscc=values["uscc"],
        holder=HolderFacts(
            name=values["holder_name"],
            identity_number=_identity_of(parts, draft),
            mobile=values["holder_mobile"],
            email=values["holder_email"],
        ),
        form=form,
        pickup_site_id=site.id if site is not None else None,
        reason=values["reason"] if asks_reason(service) else None,
        prior_key=values["prior_key"] if service in (Service.REPLACEMENT, Service.RENEWAL) else None,
    ).normalised()


def problems_of(session: Session, parts: Parts, draft: Draft) -> dict[str, str]:
    """Why the form cannot be submitted as it stands, by field; empty when it can. The words are msgids."""
    facts = facts_of(session, parts, draft)
    problems: dict[str, str] = {}
    try:
        check_facts(facts, _today())
    except InvalidFacts as invalid:
        problems = dict(invalid.problems)
    if draft.identity_ciphertext is None:
        problems[IDENTITY] = N_("This is needed.")
    if draft.values.get("category", "") not in set(Category):
        problems["category"] = N_("Please choose a category.")
    elif facts.category is Category.MECHANICAL_ELECTRICAL and not facts.form.get("machinery_account"):
        problems["machinery_account"] = N_(
            "Enter the account in the mechanical and electrical system, or choose another category."
        )
    if find_authority(session, draft.values.get("authority_id", "")) is None:
        problems["authority_id"] = N_("Please choose the issuing authority.")
    if len(draft.values.get("answer", "")) > MAX_REMARK:
        problems["answer"] = TOO_LONG
    return problems


def documents_of(session: Session, draft: Draft) -> list[RequiredDocument]:
    """The papers this form asks for: the check-list in force for its service, then its authority's own.

    Raises:
        NotFound: no list has been published for the service.
    """
    authority_id = int(draft.values.get("authority_id") or 0)
    return effective_documents(session, *versions_for(session, Service(draft.service), authority_id))


def find_authority(session: Session, untrusted_id: str) -> Authority | None:
    """The authority of this id, if it takes part."""
    found = session.get(Authority, int(untrusted_id)) if _is_small_id(untrusted_id) else None
    return found if found is not None and found.active else None


def list_sites(session: Session, authority_id: str) -> Sequence[PickupSite]:
    """Where keys of this authority may be collected, by name."""
    if not _is_id(authority_id):
        return ()
    query = select(PickupSite).where(PickupSite.authority_id == int(authority_id), PickupSite.active)
    return session.scalars(query.order_by(PickupSite.name, PickupSite.id)).all()


def printed_facts(session: Session, parts: Parts, draft: Draft) -> PrintedFacts:
    """What the printed forms state, the identity number in clear: never to be kept."""
    facts = facts_of(session, parts, draft)
    authority = find_authority(session, str(facts.authority_id))
    site = session.get(PickupSite, facts.pickup_site_id) if facts.pickup_site_id is not None else None
    return PrintedFacts(
        number=draft.number,
        version=draft.version,
        service=facts.service.value,
        category_zh=CATEGORIES_ZH[facts.category],
        authority_name=authority.name_zh if authority is not None else "",
        pickup_site=f"{site.name} {site.address}" if site is not None else None,
        enterprise_name=facts.enterprise_name,
        uscc=facts.uscc,
        address=facts.form["address"],
        legal_representative=facts.form["legal_representative"],
        postcode=facts.form["postcode"],
        telephone=facts.form["telephone"],
        machinery_account=facts.form.get("machinery_account") or None,
        holder_name=facts.holder.name,
        holder_identity_number=facts.holder.identity_number,
        holder_mobile=facts.holder.mobile,
        holder_email=facts.holder.email,
        reason=facts.reason,
        prior_key=facts.prior_key,
        printed_on=_today(),
    )


def _checked(session: Session, values: Mapping[str, str], before: Mapping[str, str]) -> dict[str, str]:
    """The values as they are to be kept; ids are those of places that exist, the site one of the authority's."""
    if not set(values) <= EDITABLE or not all(isinstance(each, str) for each in values.values()):
        raise Invalid(N_("The form has no such value."))
    problems = {name: TOO_LONG for name, text in values.items() if not can_be_kept(name, as_kept(text))}
    kept = {name: as_kept(text) for name, text in values.items() if name not in problems}
    if kept.get("authority_id") and find_authority(session, kept["authority_id"]) is None:
        problems["authority_id"] = N_("Please choose the issuing authority.")
    if kept.get("category") and kept["category"] not in set(Category):
        problems["category"] = N_("Please choose a category.")
    if kept.get(IDENTITY):
        kept[IDENTITY] = normalise_identity(kept[IDENTITY])
        found = identity_problem(kept[IDENTITY], _today())
        if found is not None:
            problems[IDENTITY] = IDENTITY_REASONS[found]
    if problems:
        raise InvalidFacts(problems)
    authority = kept.get("authority_id", before.get("authority_id", ""))
    site = kept.get("pickup_site_id", before.get("pickup_site_id", ""))
    if site and _find_site(session, site, authority) is None:
        kept["pickup_site_id"] = ""
    return kept


def _known_of(applicant: Applicant) -> dict[str, str]:
    """An empty form with what the account knows."""
    known = {
        "enterprise_name": applicant.name,
        "uscc": applicant.uscc,
        "category": applicant.category,
        "machinery_account": applicant.machinery_account,
        "holder_email": applicant.email,
    }
    return {name: known.get(name) or "" for name in VALUES}


def _seal(parts: Parts, draft: Draft, number: str) -> None:
    sealed = seal_identity(parts.secrets, number)
    draft.identity_ciphertext = sealed.ciphertext
    draft.identity_masked = sealed.masked


def _identity_of(parts: Parts, draft: Draft) -> str:
    return open_identity(parts.secrets, draft.identity_ciphertext) if draft.identity_ciphertext else ""


def _find_site(session: Session, untrusted_id: str, authority_id: str) -> PickupSite | None:
    """The site of this id, if it is open and belongs to the authority."""
    if not (_is_id(untrusted_id) and _is_id(authority_id)):
        return None
    return session.scalars(
        select(PickupSite).where(
            PickupSite.id == int(untrusted_id), PickupSite.authority_id == int(authority_id), PickupSite.active
        )
    ).one_or_none()


def _is_id(untrusted: str) -> bool:
    return untrusted.isascii() and untrusted.isdigit() and len(untrusted) <= 18


def _is_small_id(untrusted: str) -> bool:
    """An authority's id is a SMALLINT."""
    return _is_id(untrusted) and int(untrusted) < 2**15


def _today() -> date:
    return now().astimezone(SHANGHAI).date()
