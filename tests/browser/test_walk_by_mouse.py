"""The same way of a case from the first look to both verdicts, with the mouse."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser import walking
from tests.browser.pages.review import CasePage, QueuePage
from tests.browser.served import Site
from workbench.kernel.identity import Role

pytestmark = pytest.mark.browser


def test_a_case_goes_through_both_desks_with_the_mouse(new_page: Callable[..., Page], site: Site) -> None:
    authority_id = site.next_authority()
    clerk, checker = site.hire(Role.PRE_CHECKER, authority_id), site.hire(Role.RE_CHECKER)
    case_id = site.submit(authority_id)

    page = walking.come_in(new_page, site, clerk)
    case = QueuePage(page).open(site.url).next_case()
    assert case.case_id == case_id
    _look_at_everything(case)
    _fail(case)
    expect(case.said).to_contain_text("nothing else is waiting")
    walking.check_failed(site, case_id)

    site.resubmit(case_id, walking.RESENT, telephone=walking.TELEPHONE, answer=walking.ANSWER)
    case = QueuePage(page).next_case()
    walking.check_second_round(case, case.show_document)
    case.compare()
    expect(page.get_by_text("Last round", exact=True).first).to_be_visible()
    _pass(case, "材料齐全")
    expect(case.said).to_contain_text("nothing else is waiting")
    assert site.state(case_id) == "re_check"

    page = walking.come_in(new_page, site, checker)
    case = QueuePage(page, "re-check").open(site.url).next_case()
    assert case.case_id == case_id
    expect(case.items.first).to_contain_text("Pre-check ✓")
    _pass(case, "复核无误")
    expect(case.said).to_contain_text("nothing else is waiting")
    walking.check_done(site, case_id)


def _look_at_everything(case: CasePage) -> None:
    for document, pages in enumerate(walking.pages_of(case)):
        case.documents.nth(document).click()
        for number, address in enumerate(pages):
            if number:
                case.page.get_by_role("button", name=f"Page {number + 1}").click()
            expect(case.picture).to_have_attribute("src", re.compile(re.escape(address.split("/", 3)[3])))
            case.wait_for_picture()


def _fail(case: CasePage) -> None:
    case.show_document("Business licence")
    case.mark("Company seal", "Fault")
    case.note("Company seal", "页面右下方无印章")
    case.draw_region("Company seal")
    expect(case.item("Company seal").locator("[data-region-show]")).to_be_visible()
    case.show_document("Letter of authorisation")
    case.mark("Enterprise name matches", "Fault")
    case.tick_open_ones()
    case.template("材料需补正")
    expect(case.remark).to_have_value(re.compile("未加盖公章.*页面右下方无印章", re.S))
    case.decide(passed=False)
    case.page.wait_for_url("**/review/pre-check/")


def _pass(case: CasePage, template: str) -> None:
    case.tick_open_ones()
    case.template(template)
    case.decide(passed=True)
    case.page.wait_for_url(f"**/review/{case.desk}/")
