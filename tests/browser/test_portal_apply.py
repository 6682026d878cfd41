"""A new enterprise on its way from the front page to a case on the clerk's desk, with scripts and without them."""

import re
from collections.abc import Callable
from io import BytesIO

import pypdfium2
import pytest
from playwright.sync_api import Page, expect

from tests.browser import applying, walking
from tests.browser.chromium import forgive
from tests.browser.pages.portal import FrontDoor, HomePage
from tests.browser.pages.portal_form import ENTERPRISE, HOLDER, FormPages, PapersPage, PrintPage
from tests.browser.pages.review import QueuePage
from tests.browser.served import Site
from workbench.kernel.identity import Role

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


def test_a_new_enterprise_applies(new_page: Callable[..., Page], site: Site, complaints: list[str]) -> None:
    authority_id = site.next_authority()
    place = applying.open_pickup_site(site, authority_id)
    stranger = applying.a_stranger(site)
    door = applying.front_door(new_page, site)
    _register(door, site, stranger)
    door.sign_in(stranger.code, stranger.login)

    HomePage(door.page, site.url).open().start("new")
    form = FormPages(door.page)
    _fill_with_autosave(form, authority_id, place)
    forgive(complaints, "/holder")
    papers = PrintPage(door.page).go_on()
    old = applying.scans_of(_print_all(papers)["application_form"], "application_form")
    papers.choose("application_form", old)
    expect(papers.hints("application_form")).to_have_count(0)

    _edit(form)
    papers.page.get_by_role("link", name="Next: upload").click()
    expect(papers.hints("application_form").first).to_contain_text("was printed before the form was changed")
    papers.remove_all("application_form")
    _bring_all(papers, stranger)

    number = papers.go_on().submit()
    receipt = door.page.context.request.get(f"{site.url}/applications/{number}/receipt.pdf")
    text = "".join(pypdfium2.PdfDocument(BytesIO(receipt.body()))[0].get_textpage().get_text_range().split())
    assert number in text
    assert stranger.name in text
    _check_desk(new_page, site, authority_id, stranger.name, number)


def test_everything_works_without_scripts(new_page: Callable[..., Page], site: Site) -> None:
    authority_id = site.next_authority()
    stranger = applying.a_stranger(site)
    door = applying.front_door(new_page, site, java_script_enabled=False)
    _register(door, site, stranger)
    door.sign_in(stranger.code, stranger.login)

    HomePage(door.page, site.url).open().start("new")
    FormPages(door.page).fill_all(authority_id)
    printed = {code.value: PrintPage(door.page).fetch(code.value) for code in applying.PRINTED}
    papers = PrintPage(door.page).go_on()
    wanted = {code: applying.scans_of(content, code) for code, content in printed.items()}
    wanted |= applying.brought_papers(stranger.name, stranger.code)
    for code, files in wanted.items():
        papers.upload_without_scripts(code, files)
    expect(door.page.locator(".hint.stop")).to_have_count(0)
    number = papers.go_on().submit()
    assert number.startswith("EK")


def _register(door: FrontDoor, site: Site, stranger: applying.Enterprise) -> None:
    """From the front page to an activated account, the box for signing in before one's eyes."""
    door.link("Register first").click()
    door.register(code=applying.as_typed(stranger.code), name=stranger.name, login=stranger.login, email=stranger.email)
    link = applying.link_in_mail_to(site, stranger.email)
    assert link.startswith(f"{site.url}/activate/")
    door.activate(link)


def _fill_with_autosave(form: FormPages, authority_id: int, place: str) -> None:
    """Fill in all steps; what was typed is kept before any button is pressed, and the number is masked."""
    form.fill_and_keep(ENTERPRISE)
    form.page.reload()
    for name, value in ENTERPRISE.items():
        expect(form.field(name)).to_have_value(value)
    form.go_on("place")
    form.choose_authority(authority_id)
    form.page.get_by_label(place).check()
    form.go_on("holder")
    form.fill({**HOLDER, "holder_identity_number": "110105194912310021"})
    form.page.locator("main button.primary[name=go]").click()
    expect(form.page.locator("#holder_identity_number-error")).to_be_visible()
    form.fill(HOLDER)
    form.go_on("review")
    expect(form.page.get_by_role("main")).to_contain_text(place)
    assert HOLDER["holder_identity_number"] not in form.page.content()
    form.go_on("documents")


def _print_all(papers: PapersPage) -> dict[str, bytes]:
    """Fetch the current version of every printed paper, and come back to the upload."""
    papers.page.get_by_role("link", name="Back to printing").click()
    page = PrintPage(papers.page)
    printed = {code.value: page.fetch(code.value) for code in applying.PRINTED}
    page.go_on()
    return printed


def _edit(form: FormPages) -> None:
    """Change what was printed, and read that the print is void."""
    form.page.get_by_role("link", name="Back to printing").click()
    form.page.get_by_role("navigation", name="Steps of the form").get_by_role("link", name="Enterprise").click()
    form.fill_and_keep({"telephone": "000-11111111"})
    expect(form.page.locator("[data-void]")).to_contain_text("is void")
    form.go_on("place")
    form.go_on("holder")
    form.go_on("review")
    form.go_on("documents")


def _bring_all(papers: PapersPage, stranger: applying.Enterprise) -> None:
    """Print anew and upload everything: dropped, chosen, and once into the wrong slot, which one click puts right."""
    scans = {code: applying.scans_of(content, code) for code, content in _print_all(papers).items()}
    papers.upload("application_form", scans["application_form"])
    papers.drop("seal_confirmation", scans["seal_confirmation"][0])
    if rest := scans["seal_confirmation"][1:]:
        papers.upload("seal_confirmation", rest)
    papers.upload("user_agreement", scans["authorisation"])
    hint = papers.hints("user_agreement").first
    expect(hint).to_contain_text("This is another paper: Letter of authorisation")
    hint.get_by_role("button", name="Move it there").click()
    expect(papers.files("authorisation")).to_have_count(1)
    expect(papers.files("user_agreement")).to_have_count(0)
    papers.upload("user_agreement", scans["user_agreement"])
    for code, files in applying.brought_papers(stranger.name, stranger.code).items():
        papers.upload(code, files)
    expect(papers.page.locator(".hint.stop")).to_have_count(0)


def _check_desk(new_page: Callable[..., Page], site: Site, authority_id: int, name: str, number: str) -> None:
    clerk = site.hire(Role.PRE_CHECKER, authority_id)
    page = walking.come_in(new_page, site, clerk)
    case = QueuePage(page).open(site.url).open_case(name)
    expect(page.get_by_text(re.compile(number)).first).to_be_visible()
    assert [len(each) for each in walking.pages_of(case)].count(0) == 0
    expect(case.documents).to_have_count(len(applying.PRINTED) + len(applying.BROUGHT))
    case.wait_for_picture()
