"""The receipt of a submission: what came, when, until when it is looked at, and nothing that must not be printed."""

import io
from datetime import datetime

import pdfplumber
from sqlalchemy import update

from tests.integration.portal.follow_door import CLERK, Door, door
from tests.support.casework import IDENTITY
from workbench.cases.calendar import last_day
from workbench.cases.models import Application, Submission
from workbench.cases.words import Verdict

__all__ = ["door"]


def text_of(door: Door, number: str) -> str:
    """The receipt's text without blanks."""
    answer = door.browser().client.get(f"/applications/{number}/receipt.pdf")
    assert answer.mimetype == "application/pdf"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{number}.pdf"'
    with pdfplumber.open(io.BytesIO(answer.data)) as pdf:
        return "".join("".join(page.extract_text().split()) for page in pdf.pages)


def test_it_says_what_came_when_and_until_when(door: Door) -> None:
    number = door.submit()
    with door.office.work() as session:
        application = session.get_one(Application, door.case_id(number))
    assert application.due_at is not None
    due = last_day(application.due_at)
    printed = text_of(door, number)
    wanted = (number, application.enterprise_name, application.uscc, "示例机构1", "示例服务大厅")
    for each in (*wanted, "示例application_form", "示例user_id_card", f"{due.month}月{due.day}日"):
        assert each in printed
    assert IDENTITY not in printed


def test_it_stays_the_same_when_the_case_goes_on(door: Door) -> None:
    number = door.submit()
    before = text_of(door, number)
    door.office.decide(door.staff[CLERK], door.case_id(number), Verdict.PASSED)
    assert text_of(door, number) == before


def test_the_time_is_that_of_beijing(door: Door) -> None:
    number = door.submit()
    with door.office.work() as session:
        session.execute(update(Submission).values(submitted_at=datetime.fromisoformat("2026-11-19T17:30:00+00:00")))
    printed = text_of(door, number)
    assert "2026年11月20日01:30" in printed
    assert "11月24日" in printed  # two working days after Friday the 20th


def test_the_page_after_submission_names_number_day_and_receipt(door: Door) -> None:
    number = door.submit()
    shown = door.browser().open(f"/applications/{number}?received=1")
    assert "We have received your application" in shown
    assert f"/applications/{number}/receipt.pdf" in shown
    assert "working days left" in shown
    assert "We have received" not in door.browser().open(f"/applications/{number}")
