"""Enterprises that hold keys: a lost one is replaced under the limit of three, an expiring one renews itself."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import select

from tests.browser import applying
from tests.browser.pages.portal import FrontDoor, HomePage
from tests.browser.pages.portal_form import ENTERPRISE, HOLDER, FormPages, PapersPage
from tests.browser.served import Site
from tests.support.applicant import a_code
from tests.support.casework import SYSTEM
from tests.support.certificates import PASSWORD, ClientKey, issue
from workbench.cases.models import Application
from workbench.cases.words import Service
from workbench.keys.service import register_certificate

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
REASON = "示例：电子钥匙在搬迁中遗失。"


def test_a_lost_key_is_replaced_though_no_further_one_is_given(new_page: Callable[..., Page], site: Site) -> None:
    applicant = applying.an_account(site)
    numbers = [f"示例钥匙-{applicant.id}-{each}" for each in range(3)]
    for number in numbers:
        _key(site, applicant.uscc or "", applicant.name, number)
    page = applying.come_in(new_page, site, applicant)

    home = HomePage(page, site.url).open()
    expect(page.get_by_role("main")).to_contain_text("3 of at most 3")
    for service in ("new", "additional"):
        full = home.door(service)
        if full.count():
            expect(full).to_contain_text("as many e-keys as it may")
            expect(full.get_by_role("button")).to_have_count(0)

    home.start("replacement")
    form = FormPages(page)
    form.fill(ENTERPRISE)
    form.go_on("place")
    form.choose_authority(site.next_authority())
    form.go_on("holder")
    page.get_by_role("radio", name=numbers[1][-4:]).check()
    form.fill({**HOLDER, "reason": REASON})
    form.go_on("review")
    expect(page.get_by_role("main")).to_contain_text(numbers[1][-4:])
    form.go_on("documents")
    page.get_by_role("link", name="Next: upload").click()
    number = _send_all(PapersPage(page), site)
    case = _case(site, number)
    assert (case.service, case.prior_key, case.reason) == (Service.REPLACEMENT, numbers[1], REASON)


def test_a_key_renews_its_own_certificate(new_page: Callable[..., Page], site: Site) -> None:
    name, code = "示例更新第1进出口有限公司", a_code(9001)
    key = _key(site, code, name, "示例钥匙-9001")
    page = new_page(
        client_certificates=[{"origin": site.key_url, "pfx": key.p12, "passphrase": PASSWORD}],
        ignore_https_errors=True,
    )
    FrontDoor(page, site.url, site.parts.secrets).choose_language("en").open()
    page.get_by_role("link", name="Plug the key in and sign in with it").click()
    _sign_in_with_key(page, name)
    expect(page).to_have_url(f"{site.url}/renew")
    expect(page.get_by_role("main")).to_contain_text("within 3 working days")
    last_day = _last_day_in(page.get_by_text("Sent in now, that is by"))
    page.get_by_role("button", name="Start the renewal").click()

    form = FormPages(page)
    expect(form.field("enterprise_name")).to_have_value(name)
    page.get_by_role("radio", name="Other licences").check()
    form.fill(ENTERPRISE)
    form.go_on("place")
    form.choose_authority(site.next_authority())
    form.go_on("holder")
    expect(form.field("holder_name")).to_have_value("示例甲")
    form.fill({field: value for field, value in HOLDER.items() if field != "holder_name"})
    form.go_on("review")
    form.go_on("documents")
    page.get_by_role("link", name="Next: upload").click()
    number = _send_all(PapersPage(page), site)
    case = _case(site, number)
    assert (case.service, case.uscc) == (Service.RENEWAL, code)
    progress = page.get_by_role("region", name="Progress").get_by_role("listitem")
    assert _last_day_in(progress.filter(has_text="Certificate is updated").get_by_text("at the latest")) == last_day


def _sign_in_with_key(page: Page, name: str) -> None:
    """Show the certificate and sign in. The test tool shakes hands in the browser's place, and when the machine is busy
    it loses a connection now and then: the browser says so, and as people do one goes back and tries again."""
    start = page.url
    for _ in range(3):
        page.goto(start)
        page.get_by_role("link", name="The key is plugged in: go on").click()
        expect(page.get_by_role("main")).to_contain_text(name)
        page.get_by_role("button", name="Sign in and renew").click()
        page.wait_for_url(re.compile("/renew$|^chrome-error:"), wait_until="commit")
        if page.url.endswith("/renew"):
            return


def _last_day_in(place: Locator) -> str:
    found = re.search(r"[A-Z][a-z]{2} \d{1,2} [A-Z][a-z]{2}", place.inner_text())
    assert found
    return found.group()


def _case(site: Site, number: str) -> Application:
    return site.read(lambda session: session.scalars(select(Application).where(Application.number == number)).one())


def _key(site: Site, code: str, name: str, number: str) -> ClientKey:
    """A key of an enterprise, issued and on the records."""
    key = issue(site.key_issuer, site.parts.settings.var_dir / "issued", uscc=code, enterprise_name=name)
    with site.parts.work() as session:
        register_certificate(
            session,
            key.issued.certificate,
            key_number=number,
            holder_name="示例甲",
            uscc=code,
            enterprise_name=name,
            authority_id=None,
            application_id=None,
            actor=SYSTEM,
        )
    return key


def _send_all(papers: PapersPage, site: Site) -> str:
    """Upload what the slots ask for, not printed from this form but by a word processor, and submit."""
    papers.page.wait_for_url("**/papers")
    for section in papers.page.locator("[data-slot]").all():
        code = str(section.get_attribute("data-slot"))
        papers.upload(code, applying.typed_papers(site, code))
    return papers.go_on().submit()
