"""A holder updates the certificate, on a page as narrow as a telephone: code, program, a wrong PIN, done, by itself."""

import re
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from tests.browser import applying
from tests.browser.served import HOLDER, Site
from tests.browser.test_accessibility import GRAVE, OPTIONS, words_of
from tests.browser.test_portal_accessibility import PHONE, TOO_WIDE
from tests.support.holder import HolderAgent
from tests.support.issued import certify
from tests.support.tokens import Bench
from tests.support.tokens_in_memory import in_memory_bench
from workbench.cases.facts import CaseFacts, HolderFacts
from workbench.cases.models import Applicant, Application
from workbench.cases.words import Category, Channel, Service, Verdict
from workbench.documents.rendering import renderer
from workbench.documents.service import submit_case
from workbench.kernel.identity import Role
from workbench.portal.door import actor_of
from workbench.production.algorithms import Algorithm

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
PIN = "271828"


def approved(site: Site, applicant: Applicant, key_number: str) -> str:
    """A renewal of this key by this applicant, with papers that both desks have passed; its number."""
    authority_id = site.next_authority()
    facts = CaseFacts(
        service=Service.RENEWAL,
        category=Category.OTHER,
        channel=Channel.PORTAL,
        authority_id=authority_id,
        enterprise_name=applicant.name,
        uscc=applicant.uscc or "",
        holder=HolderFacts(HOLDER.name, HOLDER.id_number, HOLDER.phone, HOLDER.email),
        form={"legal_representative": "示例法人", "address": "示例路 1 号", "telephone": "000-00000000"},
        prior_key=key_number,
    )
    files = [file for each in site.mended.values() for file in each]
    enterprise = actor_of(applicant, "198.51.100.20")
    with site.parts.work(enterprise.scope) as session:
        case = submit_case(session, site.parts, renderer(), facts, files, enterprise).id
    for role, place in ((Role.PRE_CHECKER, authority_id), (Role.RE_CHECKER, None)):
        site.decide(site.hire(role, place), case, Verdict.PASSED)
    return site.read(lambda session: session.get_one(Application, case).number)


@pytest.fixture
def bench() -> Bench:
    """The holder's token."""
    return in_memory_bench(Algorithm.RSA_2048)


def now_at(page: Page) -> Locator:
    return page.locator("[data-step][aria-current]")


def is_sound(page: Page, language: str) -> None:
    """Nothing is cut off at this width, and nothing grave under axe."""
    assert page.evaluate(TOO_WIDE) == [], language
    grave = [each for each in Axe().run(page, options=OPTIONS).response["violations"] if each["impact"] in GRAVE]
    assert not grave, [words_of(each) for each in grave]


def test_a_certificate_is_updated_from_code_to_done(new_page: Callable[..., Page], site: Site, bench: Bench) -> None:
    applicant = applying.an_account(site)
    (serial,) = bench.add(1)
    bench.driver.personalise(serial, label="示例", user_pin=PIN)
    certify(site.parts, serial, uscc=applicant.uscc or "", name=applicant.name)
    number = approved(site, applicant, serial)
    page = applying.come_in(new_page, site, applicant, viewport=PHONE)
    page.get_by_role("button", name="中文").click()
    page.goto(f"{site.url}/applications/{number}")
    expect(page.get_by_role("main")).to_contain_text("现在可以更新证书")
    page.get_by_role("link", name="更新证书").click()
    expect(now_at(page)).to_contain_text("获取一次性口令")
    is_sound(page, "zh")

    page.get_by_role("button", name="获取一次性口令").click()
    shown = page.locator(".one-time").inner_text()
    code = re.search(r"wbs_[A-Za-z0-9_-]{43}", shown)
    assert code is not None
    is_sound(page, "zh")
    page.goto(f"{site.url}/applications/{number}/update")
    expect(page.locator(".one-time")).to_have_count(0)
    page.get_by_role("button", name="English").click()
    expect(now_at(page)).to_contain_text("Start the update program")
    is_sound(page, "en")
    page.get_by_role("button", name="中文").click()

    bench.pull(serial)
    agent = HolderAgent(site.parts, code.group(), bench.driver, "000000")
    agent.turn()
    expect(now_at(page)).to_contain_text("插入电子钥匙")
    bench.plug(serial)
    agent.turn()
    expect(now_at(page)).to_contain_text("PIN")
    agent.turn()
    expect(page.get_by_role("main")).to_contain_text("PIN 码不正确")
    is_sound(page, "zh")
    page.get_by_role("button", name="重试").click()
    expect(page.locator("[data-fault]")).to_be_hidden()

    agent.pin = PIN
    assert agent.run().done
    expect(page.get_by_role("main")).to_contain_text("完成：钥匙中的证书已更新")
    is_sound(page, "zh")
    page.goto(f"{site.url}/applications/{number}")
    expect(page.get_by_role("main")).to_contain_text("证书已更新")
    assert site.read(lambda session: session.query(Application).filter_by(number=number).one().state) == "updated"
