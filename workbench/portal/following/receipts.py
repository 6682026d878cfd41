"""The receipt of a submission: what came in when, and until when it will be looked at. In Chinese, like all printed
papers.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from workbench.cases.calendar import due_date
from workbench.cases.calendar_text import describe
from workbench.cases.clocks import ClockKind
from workbench.cases.deadlines import days_of, load_calendar
from workbench.cases.models import Application, Submission
from workbench.cases.words import Category, Service
from workbench.documents.attachments import list_attachments
from workbench.documents.service import current_submission
from workbench.kernel.clock import SHANGHAI, now
from workbench.organisation.models import Authority, PickupSite
from workbench.portal.drafting.drafts import CATEGORIES_ZH
from workbench.portal.drafting.printing import PrintedFacts, print_receipt
from workbench.review.marks import documents_of

_NEXT: Final = "由发证机构预审；核验通过后由电子钥匙服务商复核。如需补正，将以电子邮件通知。"


def receipt_of(session: Session, application: Application) -> bytes:
    """The receipt of a case's newest round as a PDF. The identity number is passed on masked, and not printed."""
    submission = current_submission(session, application)
    return print_receipt(
        _facts(session, application, submission),
        submitted_at_words=_instant(submission.submitted_at),
        documents=_documents(session, submission),
        next_words=_NEXT,
        due_words=_due_words(session, application, submission),
    )


def _due_words(session: Session, application: Application, submission: Submission) -> str:
    """Until when the pre-check of this round is due: the same words whenever the receipt is printed."""
    days = days_of(session, Service(application.service), ClockKind.PRE_CHECK)
    due = due_date(submission.submitted_at, days, load_calendar(session))
    return f"预审 {days} 个工作日，提交当日不计：至 {describe(due, 'zh')}"


def _documents(session: Session, submission: Submission) -> Sequence[tuple[str, int]]:
    """Name and number of pages of each document that came, in the order of the check-list."""
    pages: dict[str, int] = {}
    for each in list_attachments(session, [submission.id]):
        pages[each.document_code] = pages.get(each.document_code, 0) + each.page_count
    return [(each.name_zh, pages[each.code]) for each in documents_of(session, submission) if each.code in pages]


def _facts(session: Session, application: Application, submission: Submission) -> PrintedFacts:
    form, holder = submission.form, submission.holder
    site_id = application.pickup_site_id
    site = session.get(PickupSite, site_id) if site_id is not None else None
    return PrintedFacts(
        number=application.number,
        version=submission.round,
        service=application.service,
        category_zh=CATEGORIES_ZH[Category(application.category)],
        authority_name=session.get_one(Authority, application.authority_id).name_zh,
        pickup_site=f"{site.name} {site.address}" if site is not None else None,
        enterprise_name=application.enterprise_name,
        uscc=application.uscc,
        address=str(form.get("address") or ""),
        legal_representative=str(form.get("legal_representative") or ""),
        postcode=str(form.get("postcode") or ""),
        telephone=str(form.get("telephone") or ""),
        machinery_account=str(form.get("machinery_account") or "") or None,
        holder_name=holder.name,
        holder_identity_number=holder.identity_masked,
        holder_mobile=holder.mobile,
        holder_email=holder.email,
        reason=application.reason,
        prior_key=application.prior_key,
        printed_on=now().astimezone(SHANGHAI).date(),
    )


def _instant(at: datetime) -> str:
    local = at.astimezone(SHANGHAI)
    return f"{local.year} 年 {local.month} 月 {local.day} 日 {local:%H:%M}（北京时间）"
