"""Reads behind the interface, as its answers: places, lists of documents, a site's own cases with what was decided."""

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from workbench.api import answers
from workbench.api.models import Webhook, WebhookDelivery
from workbench.api.parts import REQUEST_BYTES
from workbench.api.requests import NUMBER, ListQuery
from workbench.cases.facts import FORM_FIELDS
from workbench.cases.models import Application, CaseEvent
from workbench.cases.words import Category, Service, State
from workbench.documents import limits
from workbench.documents.attachments import list_attachments
from workbench.documents.preview import Kind
from workbench.documents.requirements import current_version, effective_documents, versions_for
from workbench.documents.service import current_submission
from workbench.kernel.clock import now
from workbench.kernel.errors import NotFound
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.organisation.models import Authority, PickupSite
from workbench.organisation.queries import list_authorities
from workbench.review.told import ToldDocument, ToldFault, ToldReview, failed_reviews

OVERLAP: Final = timedelta(minutes=1)
"""How far a poll reaches back behind the one before: a case that was being committed then is not missed."""
_NUMBER: Final = re.compile(NUMBER)


def event_name(event_id: int) -> str:
    """What an event is called outside; its webhook message carries it too, however often it is sent."""
    return f"evt_{event_id}"


def authorities(session: Session) -> answers.Authorities:
    """Every authority that takes part, with its open pick-up sites."""
    sites: dict[int, list[PickupSite]] = {}
    for site in session.scalars(select(PickupSite).where(PickupSite.active).order_by(PickupSite.id)):
        sites.setdefault(site.authority_id, []).append(site)
    return answers.Authorities(
        authorities=[
            answers.AuthorityAnswer(
                code=each.code,
                name_zh=each.name_zh,
                name_en=each.name_en,
                short_zh=each.short_zh,
                kind=each.kind,
                pickup_sites=[_site(site) for site in sites.get(each.id, ())],
            )
            for each in list_authorities(session, active_only=True)
        ]
    )


def requirements(session: Session, service: Service, code: str | None) -> answers.Requirements:
    """The documents a service asks for today, with those of an authority when one is named.

    Raises:
        NotFound: there is no such authority, or nothing was published for the service.
    """
    if code is None:
        versions: tuple[int, int | None] = (current_version(session, service).id, None)
    else:
        authority_id = session.scalar(select(Authority.id).where(Authority.code == code, Authority.active))
        if authority_id is None:
            raise NotFound(N_("There is no issuing authority of this code."))
        versions = versions_for(session, service, authority_id)
    return answers.Requirements(
        service=service,
        authority=code,
        documents=[
            answers.DocumentAnswer(
                code=each.code,
                name_zh=each.name_zh,
                name_en=each.name_en,
                bracket_zh=each.bracket_zh,
                bracket_en=each.bracket_en,
                required=each.required,
                original_at_counter=each.original_at_counter,
            )
            for each in effective_documents(session, *versions)
        ],
        limits=answers.FileLimits(
            formats=[kind.value for kind in Kind],
            file_bytes=limits.MAX_FILE_BYTES,
            files_per_document=limits.MAX_FILES_PER_SLOT,
            pages_per_file=limits.MAX_PAGES,
            request_bytes=REQUEST_BYTES,
        ),
    )


def find_by_number(session: Session, actor: Actor, number: str) -> Application:
    """A site's own case.

    Raises:
        NotFound: there is none of this number, or it is another's.
    """
    own = Application.applicant_id == actor.scope.applicant_id
    known = _NUMBER.fullmatch(number) is not None
    application = session.scalar(select(Application).where(Application.number == number, own)) if known else None
    if application is None:
        raise NotFound(N_("There is no such case."))
    return application


def list_cases(session: Session, actor: Actor, asked: ListQuery) -> answers.Cases:
    """A page of a site's own cases by number, which is the order they were made in."""
    at = now()
    statement = (
        select(Application, Authority.code)
        .join(Authority, Authority.id == Application.authority_id)
        .where(Application.applicant_id == actor.scope.applicant_id)
        .order_by(Application.number)
        .limit(asked.limit + 1)
    )
    if asked.state is not None:
        statement = statement.where(Application.state == asked.state.value)
    if asked.updated_since is not None:
        statement = statement.where(Application.state_since >= asked.updated_since)
    if asked.after is not None:
        statement = statement.where(Application.number > asked.after)
    rows = session.execute(statement).all()
    page = rows[: asked.limit]
    return answers.Cases(
        applications=[answers.CaseLine(**_line(row.Application, row.code)) for row in page],
        after=page[-1].Application.number if len(rows) > len(page) else None,
        next_updated_since=at - OVERLAP,
    )


def taken(application: Application) -> answers.Taken:
    """A case that was just made or moved."""
    return answers.Taken(
        number=application.number,
        state=State(application.state),
        round=application.round,
        due_at=application.due_at,
        due_provisional=application.due_provisional,
    )


def case(session: Session, application: Application) -> answers.Case:
    """Everything a site may see of its own case."""
    submission = current_submission(session, application)
    holder = submission.holder
    authority = session.get_one(Authority, application.authority_id)
    site = session.get(PickupSite, application.pickup_site_id) if application.pickup_site_id else None
    events = session.scalars(select(CaseEvent).where(CaseEvent.application_id == application.id).order_by(CaseEvent.id))
    return answers.Case(
        **_line(application, authority.code),
        category=Category(application.category),
        pickup_site=_site(site) if site is not None else None,
        enterprise=answers.EnterpriseAnswer(name=application.enterprise_name, uscc=application.uscc),
        holder=answers.HolderAnswer(
            name=holder.name, identity_number_masked=holder.identity_masked, mobile=holder.mobile, email=holder.email
        ),
        form={name: str(submission.form.get(name) or "") for name in FORM_FIELDS},
        reason=application.reason,
        prior_key=application.prior_key,
        answer=submission.answer,
        attachments=[
            answers.AttachmentAnswer(
                id=each.id,
                document=each.document_code,
                name=each.untrusted_name,
                kind=each.kind,
                byte_size=each.byte_size,
                sha256=each.sha256,
                page_count=each.page_count,
                kept=each.carried_from_id is not None,
            )
            for each in list_attachments(session, [submission.id])
        ],
        remarks=[_remark(each) for each in failed_reviews(session, application.id)],
        events=[
            answers.EventAnswer(
                id=event_name(each.id), event=each.event, state=State(each.state_after), round=each.round, at=each.at
            )
            for each in events
        ],
    )


def list_deliveries(
    session: Session, site_id: int, limit: int, below: int | None = None
) -> Sequence[tuple[WebhookDelivery, CaseEvent, str]]:
    """What a site was or is to be told, newest first, with the event and the case's number."""
    statement = (
        select(WebhookDelivery, CaseEvent, Application.number)
        .join(CaseEvent, CaseEvent.id == WebhookDelivery.event_id)
        .join(Application, Application.id == CaseEvent.application_id)
        .where(WebhookDelivery.applicant_id == site_id)
        .order_by(WebhookDelivery.id.desc())
        .limit(limit)
    )
    if below is not None:
        statement = statement.where(WebhookDelivery.id < below)
    return [(row.WebhookDelivery, row.CaseEvent, row.number) for row in session.execute(statement)]


def webhook(found: Webhook) -> answers.WebhookAnswer:
    """Where a site is told."""
    return answers.WebhookAnswer(url=found.url, created_at=found.created_at)


def _line(application: Application, code: str) -> dict[str, Any]:
    return {
        **dict(taken(application)),
        "service": Service(application.service),
        "authority": code,
        "enterprise_name": application.enterprise_name,
        "uscc": application.uscc,
        "submitted_at": application.submitted_at,
        "updated_at": application.state_since,
    }


def _site(site: PickupSite) -> answers.PickupSiteAnswer:
    return answers.PickupSiteAnswer(
        name=site.name,
        address=site.address,
        telephone=site.telephone,
        opening_hours=site.opening_hours,
        note=site.note,
    )


def _remark(told: ToldReview) -> answers.RemarkAnswer:
    return answers.RemarkAnswer(
        round=told.round,
        desk=told.desk,
        remark=told.remark,
        at=told.decided_at,
        documents=[_faulty(each) for each in told.documents],
    )


def _faulty(document: ToldDocument) -> answers.FaultyDocument:
    return answers.FaultyDocument(
        document=document.code,
        name_zh=document.name_zh,
        name_en=document.name_en,
        faults=[
            answers.FaultAnswer(
                item=each.item_code,
                label_zh=each.label_zh,
                label_en=each.label_en,
                fault_zh=each.fault_zh,
                fault_en=each.fault_en,
                note=each.note,
                region=_region(each),
            )
            for each in document.faults
        ],
    )


def _region(fault: ToldFault) -> answers.RegionAnswer | None:
    if fault.region is None or fault.attachment_id is None or fault.page_index is None:
        return None
    return answers.RegionAnswer(attachment=fault.attachment_id, page=fault.page_index + 1, **fault.region)
