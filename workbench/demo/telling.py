"""Tells one step of a demo story through the product's own verbs, at the instant it happened, as the person who did it.

Writes no state of its own: what a service refuses stops the load.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from workbench.cases import claims
from workbench.cases import service as cases
from workbench.cases.facts import CaseFacts, HolderFacts
from workbench.cases.models import Submission
from workbench.cases.states import Action
from workbench.cases.words import Category, Channel, Desk, Service, Verdict
from workbench.demo.accounts import logins_of
from workbench.demo.applicants import open_accounts
from workbench.demo.faults import ITEM_OF, UNSEEN, note_of, place_of
from workbench.demo.papers import Document, Fault, PaperFacts, Quirk
from workbench.demo.story import Decision, Round, Step, Story
from workbench.documents import service as documents
from workbench.documents.attachments import list_attachments
from workbench.documents.models import CheckItem
from workbench.documents.preview import Renderer
from workbench.documents.uploads import ExaminedFile
from workbench.kernel.clock import SHANGHAI, clock_at
from workbench.kernel.identity import Actor, Role, Scope, system_actor
from workbench.kernel.parts import Parts
from workbench.organisation.models import Authority, PickupSite, Staff
from workbench.organisation.sign_in import actor_of
from workbench.review import marking, remarks, service
from workbench.review.marks import MarkValue, documents_of
from workbench.review.models import Mark, RemarkTemplate

ADDRESS: Final = "192.0.2.10"
"""Where the demo's people sit: an address set aside for documentation (RFC 5737)."""
_CATEGORY_ON_PAPER: Final[Mapping[Category, str]] = {
    Category.MECHANICAL_ELECTRICAL: "机电产品进出口许可证",
    Category.OTHER: "其他货物进出口许可证",
    Category.AGRICULTURAL_QUOTA: "农产品进口关税配额证",
}
_WITHDRAWAL: Final = "业务调整，暂不办理"
_TURNED: Final = frozenset({Quirk.SIDEWAYS, Quirk.UPSIDE_DOWN})


@dataclass(frozen=True)
class Stage:
    """What every step needs: the installation's parts, a renderer, and who and where the people are."""

    parts: Parts
    renderer: Renderer
    authorities: Mapping[str, tuple[int, str]]
    sites: Mapping[int, int]
    actors: Mapping[str, Actor]
    applicants: Mapping[str, Actor]


def set_stage(parts: Parts, renderer: Renderer, stories: Iterable[Story]) -> Stage:
    """The stage of an installation whose demo staff and places exist; opens the accounts the stories need."""
    newest_first = select(PickupSite).order_by(PickupSite.id.desc())
    with parts.work() as session:
        return Stage(
            parts=parts,
            renderer=renderer,
            authorities={each.code: (each.id, each.name_zh) for each in session.scalars(select(Authority))},
            sites={each.authority_id: each.id for each in session.scalars(newest_first)},
            actors={each.login: actor_of(each, ADDRESS) for each in session.scalars(select(Staff))},
            applicants=open_accounts(session, stories),
        )


def paper_facts(stage: Stage, story: Story, number: str) -> PaperFacts:
    """What the papers of a story say. They are dated by the day before its first submission, in every round."""
    return PaperFacts(
        application_number=number,
        service=story.service.value,
        category_zh=_CATEGORY_ON_PAPER[story.category],
        enterprise_name=story.enterprise.name,
        uscc=story.enterprise.uscc,
        legal_representative=story.enterprise.legal_representative,
        address=story.enterprise.address,
        authority_name=stage.authorities[story.authority][1],
        holder_name=story.holder.name,
        holder_id_number=story.holder.id_number,
        holder_phone=story.holder.phone,
        holder_email=story.holder.email,
        issued_on=story.rounds[0].submitted_at.astimezone(SHANGHAI).date() - timedelta(days=1),
        reason=story.reason,
        prior_key=story.prior_key,
    )


def tell(stage: Stage, step: Step, application_id: int | None, files: Sequence[ExaminedFile]) -> int:
    """Make one step happen in a transaction of its own; returns the case's id.

    Args:
        application_id: None for the first submission, which opens the case.
        files: what a submission sends, examined.
    """
    actor = _actor(stage, step)
    with clock_at(step.at), stage.parts.work(actor.scope) as session:
        if application_id is None:
            facts = _facts(stage, step.story, step.story.rounds[0])
            return documents.submit_case(session, stage.parts, stage.renderer, facts, files, actor).id
        if step.decision is not None:
            _decide(session, step, step.decision, application_id, actor, stage)
        elif step.withdraws:
            cases.advance(session, application_id, Action.WITHDRAW, actor, remark=_WITHDRAWAL)
        else:
            _resubmit(session, stage, step, application_id, files, actor)
        return application_id


def claim_one(stage: Stage, login: str, application_id: int, minutes: int) -> None:
    """Put a waiting case into somebody's hands, now."""
    actor = stage.actors[login]
    with stage.parts.work(actor.scope) as session:
        claims.claim(session, actor, application_id, minutes=minutes)


def _actor(stage: Stage, step: Step) -> Actor:
    """Who makes the step: the deciding clerk, the applicant, or whoever enters the case for its channel."""
    story = step.story
    if step.decision is not None:
        return stage.actors[step.decision.login]
    if story.channel is Channel.PORTAL:
        return stage.applicants[story.enterprise.uscc]
    if story.channel is Channel.COUNTER and not step.withdraws:
        return stage.actors[logins_of(Role.COUNTER_STAFF, story.authority)[0]]
    if story.channel is Channel.FOLDER and not step.withdraws:
        return system_actor("intake")
    scope = Scope(frozenset({stage.authorities[story.authority][0]}))
    return Actor(kind="enterprise", id=None, name=story.enterprise.uscc, scope=scope, address="198.51.100.20")


def _facts(stage: Stage, story: Story, now_stated: Round) -> CaseFacts:
    authority_id = stage.authorities[story.authority][0]
    mechanical = story.category is Category.MECHANICAL_ELECTRICAL
    return CaseFacts(
        service=Service(story.service),
        category=story.category,
        channel=story.channel,
        authority_id=authority_id,
        enterprise_name=story.enterprise.name,
        uscc=story.enterprise.uscc,
        holder=HolderFacts(
            story.holder.name, story.holder.id_number, mobile=story.holder.phone, email=story.holder.email
        ),
        form={
            "legal_representative": story.enterprise.legal_representative,
            "address": story.enterprise.address,
            "postcode": "000000",
            "telephone": now_stated.telephone,
            **({"machinery_account": f"SHILI{story.index:05d}"} if mechanical else {}),
        },
        pickup_site_id=stage.sites.get(authority_id),
        reason=story.reason,
        prior_key=story.prior_key,
    )


def _resubmit(
    session: Session, stage: Stage, step: Step, application_id: int, files: Sequence[ExaminedFile], actor: Actor
) -> None:
    this = step.story.rounds[step.round]
    earlier = _submission(session, application_id, step.round)
    sent = {document.value for document in this.sent}
    kept = [each.id for each in list_attachments(session, [earlier.id]) if each.document_code not in sent]
    documents.resubmit_case(
        session,
        stage.parts,
        stage.renderer,
        application_id,
        _facts(stage, step.story, this),
        files,
        kept,
        actor,
        answer=this.answer,
    )


def _decide(session: Session, step: Step, decision: Decision, application_id: int, actor: Actor, stage: Stage) -> None:
    """Open the case, mark every item, then say the verdict; the minutes between are spread over the documents."""
    opened_at = decision.at - timedelta(minutes=decision.minutes)
    with clock_at(opened_at):
        application = claims.claim(session, actor, application_id, minutes=stage.parts.settings.claim_minutes)
        review = service.open_review(session, actor, application_id, decision.desk)
    submission = _submission(session, application_id, step.round + 1)
    carried = set(session.scalars(select(Mark.check_item_id).where(Mark.review_id == review.id)))
    asked = documents_of(session, submission)
    pages = _pages(session, submission)
    for number, document in enumerate(asked):
        code = Document(document.code)
        found = {ITEM_OF[code, fault]: fault for fault in decision.found.get(code, frozenset())}
        said = [
            _finding(step, code, item, found, pages[document.code])
            for item in document.items
            if document.code in pages and (item.code in found or item.id not in carried)
        ]
        with clock_at(opened_at + timedelta(minutes=decision.minutes * (number + 0.5) / len(asked))):
            if said:
                marking.mark(session, actor, application_id, said, seen_version=application.version)
    marks = {each.check_item_id: each for each in session.scalars(select(Mark).where(Mark.review_id == review.id))}
    verdict = Verdict.PASSED if decision.passed else Verdict.FAILED
    template = _template(session, decision, verdict, step.round)
    remark = remarks.compose(service.faults_of(session, asked, marks), template.text, "zh")
    service.decide(session, actor, application_id, verdict, remark, seen_version=application.version)


def _finding(
    step: Step, document: Document, item: CheckItem, found: Mapping[str, Fault], page_ids: Sequence[int]
) -> marking.Finding:
    """What a desk says about one item: value, note, and the place on the page where something is missing."""
    fault = found.get(item.code)
    if fault is None:
        unseen = any(item.code in UNSEEN.get(each, ()) for each in found.values())
        return marking.Finding(item.id, MarkValue.NOT_APPLICABLE if unseen else MarkValue.OK)
    enterprise, holder = step.story.enterprise, step.story.holder
    note = note_of(document, fault, enterprise_name=enterprise.name, holder_name=holder.name, uscc=enterprise.uscc)
    place = place_of(document, fault)
    turned = step.story.rounds[step.round].papers[document].quirk in _TURNED
    if place is None or turned or place.page >= len(page_ids):
        return marking.Finding(item.id, MarkValue.FAULT, note)
    region = {"page_id": page_ids[place.page], "x": place.x, "y": place.y, "w": place.w, "h": place.h}
    return marking.Finding(item.id, MarkValue.FAULT, note, region)


def _template(session: Session, decision: Decision, verdict: Verdict, round_index: int) -> RemarkTemplate:
    """The first template for what was found; after a correction, the one that says so."""
    offered = remarks.templates(session, decision.desk, verdict)
    if decision.passed:
        return offered[min(round_index, 1)]
    faults = {fault for each in decision.found.values() for fault in each}
    if decision.desk is Desk.RE_CHECK or not faults & {Fault.TOO_DARK, Fault.CUT_OFF, Fault.WRONG_NAME}:
        return offered[0]
    return offered[2 if Fault.WRONG_NAME in faults else 1]


def _submission(session: Session, application_id: int, round_number: int) -> Submission:
    return session.scalars(
        select(Submission).where(Submission.application_id == application_id, Submission.round == round_number)
    ).one()


def _pages(session: Session, submission: Submission) -> dict[str, list[int]]:
    """The ids of each document's pages, counted through all its files."""
    found: dict[str, list[int]] = {}
    for attachment in list_attachments(session, [submission.id]):
        found.setdefault(attachment.document_code, []).extend(page.id for page in attachment.pages)
    return found
