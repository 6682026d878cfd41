"""A case that came back: the enterprise reads what is wrong and where, corrects that alone, and the desk sees it."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import applying, walking
from tests.browser.pages.portal import FollowPage, HomePage
from tests.browser.pages.portal_form import PapersPage
from tests.browser.pages.review import CasePage, QueuePage
from tests.browser.served import Site
from workbench.demo.papers import Document
from workbench.kernel.identity import Role

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
NOTE = "页面右下方无印章"
ANSWER = "已补盖公章。"


def test_one_document_is_corrected(new_page: Callable[..., Page], site: Site) -> None:
    authority_id = site.next_authority()
    applicant = applying.an_account(site)
    case_id = site.submit(authority_id, applicant=applicant)
    desk = walking.come_in(new_page, site, site.hire(Role.PRE_CHECKER, authority_id))
    remark = _fail(QueuePage(desk).open(site.url).next_case())

    page = applying.come_in(new_page, site, applicant)
    HomePage(page, site.url).open()
    page.get_by_role("link", name="Read what to correct").click()
    follow = FollowPage(page)
    expect(page.get_by_text(remark.splitlines()[0]).first).to_be_visible()
    _check_told(follow.remarked("Business licence"), site)
    expect(page.locator("section.remarked")).to_have_count(1)

    follow.correct()
    papers = PapersPage(page)
    _check_told(follow.remarked("Business licence"), site)
    for document in Document:
        kept = 0 if document is Document.BUSINESS_LICENCE else 1
        expect(papers.slot(document).locator("details.kept")).to_have_count(kept)
    papers.upload(Document.BUSINESS_LICENCE, applying.typed_papers(site, Document.BUSINESS_LICENCE))
    page.get_by_label("Your answer to the remark").fill(ANSWER)
    page.get_by_role("button", name="Save the answer").click()
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    papers.go_on().submit()
    assert site.state(case_id) == "pre_check"

    case = QueuePage(desk).open(site.url).next_case()
    assert case.case_id == case_id
    expect(desk.get_by_text(ANSWER)).to_be_visible()
    expect(case.changes.locator("dt")).to_have_text(["Business licence"])
    expect(case.changes.locator("dd")).to_have_class(["replaced"])


def _fail(case: CasePage) -> str:
    case.show_document("Business licence")
    case.mark("Company seal", "Fault")
    case.note("Company seal", NOTE)
    case.draw_region("Company seal")
    expect(case.item("Company seal").locator("[data-region-show]")).to_be_visible()
    case.tick_open_ones()
    case.template("材料需补正")
    remark = case.remark.input_value()
    case.decide(passed=False)
    case.page.wait_for_url("**/review/pre-check/")
    return remark


def _check_told(remarked: Locator, site: Site) -> None:
    """The clerk's note and the marked place on the page stand beside the document; the picture is one of pixels."""
    expect(remarked).to_contain_text(NOTE)
    expect(remarked.locator("figure.fault-place rect.marked")).to_have_count(1)
    address = remarked.locator("figure.fault-place image").get_attribute("href")
    answer = remarked.page.context.request.get(f"{site.url}{address}")
    assert answer.headers["content-type"] == "image/jpeg"
