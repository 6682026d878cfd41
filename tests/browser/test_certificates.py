"""The certificates screen in a browser: found, revoked after one question, and the CA's answer shows by itself."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, ViewportSize, expect

from tests.browser.pages.entrance import Entrance
from tests.browser.served import PASSWORD, Site
from tests.browser.test_accessibility import GRAVE, OPTIONS, words_of
from tests.support.applicant import a_code
from tests.support.casework import SYSTEM
from tests.support.issued import certify, record_of
from workbench.kernel.identity import Role
from workbench.keys.service import revoke
from workbench.production import revoking

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
COUNTER: ViewportSize = {"width": 1024, "height": 720}
TOO_WIDE = "document.scrollingElement.scrollWidth > innerWidth"


def come_in(new_page: Callable[..., Page], site: Site, language: str) -> Page:
    """The vendor's supervisor on a narrow screen."""
    page = new_page(viewport=COUNTER)
    supervisor = site.hire(Role.VENDOR_SUPERVISOR)
    Entrance(page, site.url).choose_language(language).open().sign_in(site.login_of(supervisor), PASSWORD)
    return page


def test_a_lost_key_is_revoked_after_one_question(new_page: Callable[..., Page], site: Site) -> None:
    one = certify(site.parts, "示例钥匙-7001", uscc=a_code(7001), name="示例吊销第1进出口有限公司")
    page = come_in(new_page, site, "zh")
    page.goto(f"{site.url}/desk/certificates/")
    page.get_by_role("searchbox", name="序列号").fill(record_of(site.parts, one).serial.lower())
    page.get_by_role("button", name="搜索").click()
    page.get_by_role("link", name="示例吊销第1").click()

    page.get_by_role("radio", name="钥匙遗失").check()
    page.get_by_label("说明").fill("示例：办公室被盗")
    page.get_by_role("button", name="吊销").click()
    question = page.get_by_role("dialog")
    expect(question).to_contain_text("示例吊销第1进出口有限公司")
    expect(question).to_contain_text("示例钥匙-7001")
    question.get_by_role("button", name="取消").click()
    assert record_of(site.parts, one).state == "valid", "asking is not doing"
    page.get_by_role("button", name="吊销").click()
    question.get_by_role("button", name="吊销").click()

    ending = page.get_by_role("region", name="终止情况")
    expect(ending).to_contain_text("已请求 CA，尚未确认")
    revoking.end_at_ca(site.parts, one)
    expect(ending).to_contain_text("CA 已确认终止", timeout=20_000)
    expect(ending.get_by_role("button")).to_have_count(0)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_nothing_serious_is_wrong_with_the_screens(new_page: Callable[..., Page], site: Site, language: str) -> None:
    number = 7010 if language == "zh" else 7020
    soon = certify(site.parts, f"示例钥匙-{number}", uscc=a_code(number), lasts=timedelta(days=5))
    ended = certify(site.parts, f"示例钥匙-{number + 1}", uscc=a_code(number + 1))
    with site.parts.work() as session:
        revoke(session, ended, "示例：遗失", SYSTEM)
    page = come_in(new_page, site, language)
    found = []
    for path in ("", "?q=nowhere", "?expiring=7", "?state=revoked", str(soon), str(ended)):
        page.goto(f"{site.url}/desk/certificates/{path}")
        assert not page.evaluate(TOO_WIDE), path
        results = Axe().run(page, options=OPTIONS).response["violations"]
        found += [f"{path}: {words_of(each)}" for each in results if each["impact"] in GRAVE]
    assert not found, "\n".join(found)
