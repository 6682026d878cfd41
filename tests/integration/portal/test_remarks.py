"""Remarks beside the papers they speak of: decided ones only, with the marked place, whatever words they hold."""

import re

from sqlalchemy import func, select, text, update

from tests.integration.portal.follow_door import CLERK, Door, door
from tests.support.casework import DOCUMENTS
from workbench.cases.models import Application
from workbench.cases.words import Verdict
from workbench.documents.models import Attachment, Page
from workbench.kernel.audit import AuditEntry
from workbench.portal.remarks.reading import CaseRemarks, remarks_of
from workbench.review.models import Mark, Review

__all__ = ["door"]

REGION = {"x": 0.5, "y": 0.25, "w": 0.2, "h": 0.1}
NASTY = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{7*7}}"
LICENCE = "business_licence"


def remarks(door: Door, number: str) -> CaseRemarks:
    """Under the applicant's own scope."""
    with door.office.work(door.actor) as session:
        return remarks_of(session, session.get_one(Application, door.case_id(number)))


def again(door: Door, number: str) -> None:
    """The applicant sends everything again."""
    with door.office.work(door.actor) as session:
        uscc = session.get_one(Application, door.case_id(number)).uscc
    door.office.submit_again(door.case_id(number), door.office.facts(uscc=uscc), who=door.actor)


def test_a_fault_stands_by_its_document_with_its_place(door: Door) -> None:
    number = door.submit()
    door.fail(number, LICENCE, "请补正执照", "公章不清晰", REGION)
    found = remarks(door, number)
    assert found.faulted == (LICENCE,)
    (told,) = found.current.reviews
    assert told.remark == "请补正执照"
    (fault,) = told.documents[0].faults
    assert (fault.note, fault.region, fault.page_id) == ("公章不清晰", REGION, door.page_id(number, LICENCE))
    page = door.browser(language="zh").open(f"/applications/{number}")
    for said in ("请补正执照", "公章不清晰", "legible不符", "示例business_licence"):
        assert said in page
    # half of 1600, a quarter of 2262, and so on: the place in pixels of the page
    assert '<rect class="marked" x="800.0" y="565.5" width="320.0" height="226.2">' in page


def test_a_turned_page_is_drawn_turned_with_its_place(door: Door) -> None:
    number = door.submit()
    door.fail(number, LICENCE, region=REGION)
    with door.office.work() as session:
        session.get_one(Page, door.page_id(number, LICENCE)).rotation = 90
    page = door.browser().open(f"/applications/{number}")
    assert 'transform="translate(2262 0) rotate(90)"' in page
    # upright: x = (1 - 0.25 - 0.1) * 2262, y = 0.5 * 1600, width and height changed places
    assert '<rect class="marked" x="1470.3" y="800.0" width="226.2" height="320.0">' in page


def test_what_is_not_decided_is_shown_nowhere(door: Door) -> None:
    number = door.submit()
    door.mark_fault(number, LICENCE, "还没有决定", REGION)
    assert remarks(door, number).current.reviews == ()
    page = door.browser(language="zh").open(f"/applications/{number}")
    assert "还没有决定" not in page
    assert 'class="marked"' not in page
    with door.office.work() as session:
        assert session.scalar(select(func.count()).select_from(Mark)) == 6


def test_the_database_hides_what_is_not_decided(door: Door) -> None:
    number = door.submit()
    door.mark_fault(number, LICENCE, "还没有决定", REGION)
    with door.office.work(door.actor) as session:
        assert session.execute(text("SELECT count(*) FROM review")).scalar_one() == 0
        assert session.execute(text("SELECT count(*) FROM mark")).scalar_one() == 0
    other = door.submit()
    door.fail(other, LICENCE)
    with door.office.work(door.actor) as session:
        shown = session.execute(text("SELECT DISTINCT application_id FROM mark")).scalars().all()
        assert list(shown) == [door.case_id(other)]
        assert session.scalars(select(Review.application_id)).all() == [door.case_id(other)]


def test_the_remark_of_a_pass_stays_between_the_desks(door: Door) -> None:
    number = door.submit()
    door.pass_both(number)
    assert remarks(door, number).current.reviews == ()
    assert "内部备注" not in door.browser(language="zh").open(f"/applications/{number}")


def test_earlier_rounds_are_folded_and_the_new_round_starts_clean(door: Door) -> None:
    number = door.submit()
    door.fail(number, LICENCE, "第一次备注", region=REGION)
    again(door, number)
    found = remarks(door, number)
    assert found.current.round == 2
    assert found.current.reviews == ()
    assert [each.round for each in found.older] == [1]
    page = door.browser(language="zh").open(f"/applications/{number}")
    assert "第一次备注" in page.split('<details class="older">')[1]
    assert "remarks-title" not in page
    door.fail(number, DOCUMENTS[0], "第二次备注")
    found = remarks(door, number)
    assert found.faulted == (DOCUMENTS[0],)
    assert [each.round for each in found.older] == [1]
    assert set(found.pages) >= {each.page_id for each in found.older[0].reviews[0].documents[0].faults}


def test_the_re_check_speaks_as_well(door: Door) -> None:
    number = door.submit()
    case_id = door.case_id(number)
    door.office.decide(door.staff[CLERK], case_id, Verdict.PASSED)
    door.office.decide(door.staff["checker"], case_id, Verdict.FAILED, "复核的话")
    (told,) = remarks(door, number).current.reviews
    assert (told.desk.value, told.remark) == ("re_check", "复核的话")


def test_strange_words_stay_words(door: Door) -> None:
    number = door.submit(enterprise_name=f"示例{NASTY}", name="示例<b>甲")
    with door.office.work() as session:
        session.execute(update(Attachment).values(untrusted_name=NASTY))
    door.fail(number, LICENCE, NASTY, NASTY, REGION)
    for path in ("", "/withdraw"):
        page = door.browser().open(f"/applications/{number}{path}")
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "<b>甲" not in page
        assert "49" not in re.findall(r"onerror=alert\(2\)&gt;(.{0,7})", page)
    assert "&lt;script&gt;alert(1)" in page


def test_pictures_are_sent_once_and_looking_is_recorded_once_a_sitting(door: Door) -> None:
    number, browser = door.submit(), door.browser()
    address = f"/applications/{number}/pages/{door.page_id(number)}/image"
    first = browser.client.get(address)
    assert (first.status_code, first.mimetype) == (200, "image/jpeg")
    assert first.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert first.headers["Cache-Control"] == "private, max-age=600"
    tag = first.headers["ETag"]
    assert browser.client.get(address, headers={"If-None-Match": tag}).status_code == 304
    assert browser.client.get(address.replace("/image", "/thumbnail")).mimetype == "image/webp"
    with door.office.work() as session:
        seen = session.scalars(select(AuditEntry.actor).where(AuditEntry.action == "attachment.viewed")).all()
    assert seen == [f"enterprise:{door.applicant.id}"]
