"""A maker prepares seals as on any day: mostly by Enter, sometimes moving the frame by keys or by mouse."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from sqlalchemy import select

from tests.browser.pages.entrance import Entrance
from tests.browser.pages.preparing import PreparingList, PreparingPage
from tests.browser.served import ENTERPRISE, HOLDER, PASSWORD, Site
from tests.browser.test_accessibility import GRAVE, OPTIONS, words_of
from tests.support.paper_facts import facts_of
from workbench.cases.models import Application
from workbench.cases.words import Verdict
from workbench.demo.papers import Document, Form, Quirk, make_paper
from workbench.documents.models import Attachment
from workbench.documents.rendering import renderer
from workbench.documents.uploads import IncomingFile, examine
from workbench.kernel.audit import AuditEntry
from workbench.kernel.identity import Role
from workbench.keys.models import Seal

pytestmark = pytest.mark.browser
_CALLS = count()


def cases_with_letters(site: Site, *letters: tuple[Form, Quirk]) -> list[int]:
    """Cases that both review desks have passed, each with a letter captured in another way; more urgent than all that
    other tests have left in the list."""
    authority = site.next_authority()
    clerk, checker = site.hire(Role.PRE_CHECKER, authority), site.hire(Role.RE_CHECKER)
    found: list[int] = []
    for seed, (form, quirk) in enumerate(letters):
        (paper,) = make_paper(
            Document.SEAL_CONFIRMATION, facts_of(ENTERPRISE, HOLDER), seed=seed, form=form, quirk=quirk
        )
        incoming = IncomingFile(Document.SEAL_CONFIRMATION.value, paper.file_name, paper.content)
        examined = examine(site.parts.blobs, renderer(), incoming, shows_identity=False)
        case_id = site.submit(authority, {**site.mended, Document.SEAL_CONFIRMATION: [examined]})
        site.decide(clerk, case_id, Verdict.PASSED)
        site.decide(checker, case_id, Verdict.PASSED)
        found.append(case_id)
    with site.parts.work() as session:
        begins = datetime(2020, 1, 1, tzinfo=UTC) - timedelta(days=next(_CALLS))
        for place, case_id in enumerate(found):
            session.get_one(Application, case_id).due_at = begins + timedelta(minutes=place)
    return found


def sign_in(site: Site, page: Page) -> PreparingList:
    """A new maker of keys, at the list."""
    Entrance(page, site.url).choose_language("en").open().sign_in(site.login_of(site.hire(Role.KEY_MAKER)), PASSWORD)
    return PreparingList(page, site.url).open()


def open_case(site: Site, page: Page, case_id: int) -> PreparingPage:
    """One case's page, its letter painted."""
    page.goto(f"{site.url}/desk/production/seals/{case_id}")
    opened = PreparingPage(page).ready()
    opened.wait_for_letter()
    page.wait_for_load_state()
    return opened


def live_seal(site: Site, case_id: int) -> Seal | None:
    """The seal that counts for a case."""
    return site.read(
        lambda session: session.scalars(
            select(Seal).where(Seal.application_id == case_id, Seal.superseded_at.is_(None))
        ).one_or_none()
    )


def test_enter_accepts_one_case_after_the_other(site: Site, page: Page) -> None:
    cases = cases_with_letters(site, (Form.PDF, Quirk.NONE), (Form.SCAN_PDF, Quirk.NONE), (Form.PHOTO, Quirk.SIDEWAYS))
    numbers = site.read(lambda session: [session.get_one(Application, each).number for each in cases])
    desk = sign_in(site, page)
    assert desk.numbers[:3] == numbers
    current = desk.begin_by_key()
    for case_id in cases:
        assert current.case_id == case_id
        expect(current.picture).to_be_visible()
        expect(current.size).to_have_text(re.compile(r"^(39|4[0-3]) × (39|4[0-3]) mm$"))
        current.accept_by_key()
    expect(current.said).to_contain_text(f"{numbers[-1]}: seal prepared")
    for case_id in cases:
        seal = live_seal(site, case_id)
        assert seal is not None
        assert site.parts.blobs.get(seal.image_sha256).startswith(b"\x89PNG")
    desk.open(prepared=True)
    assert desk.numbers[:3] == numbers


def test_the_frame_is_moved_and_resized_by_keys(site: Site, page: Page) -> None:
    (case_id,) = cases_with_letters(site, (Form.SCAN_PDF, Quirk.NONE))
    sign_in(site, page)
    current = open_case(site, page, case_id)
    x0, y0, x1, y1 = current.frame
    current.press("ArrowRight", "ArrowRight", "ArrowDown")
    assert current.frame == pytest.approx((x0 + 1 / 210, y0 + 0.5 / 297, x1 + 1 / 210, y1 + 0.5 / 297), abs=2e-5)
    current.press("Shift+ArrowRight", "Shift+ArrowUp")
    wide, tall = 0.5 / 210, 0.5 / 297
    assert current.frame == pytest.approx(
        (x0 + 1 / 210 - wide, y0 - tall + 0.5 / 297, x1 + 1 / 210 + wide, y1 + tall + 0.5 / 297), abs=4e-5
    )
    tilt = current.value("tilt")
    current.press("]", "]")
    assert current.value("tilt") == pytest.approx(tilt + 2)
    current.press(*["ArrowUp"] * 200)
    expect(current.problem).to_have_text("There is no red impression in the frame.")
    expect(current.accept_button).to_be_disabled()
    current.press("f")
    expect(current.problem).to_be_hidden()
    assert current.frame == pytest.approx((x0, y0, x1, y1), abs=2e-5)
    current.accept_by_key()
    assert live_seal(site, case_id) is not None


def test_the_frame_is_dragged_by_mouse_and_drawn_anew(site: Site, page: Page) -> None:
    (case_id,) = cases_with_letters(site, (Form.SCAN_PDF, Quirk.NONE))
    sign_in(site, page)
    current = open_case(site, page, case_id)
    x0, y0, x1, y1 = current.frame
    size = current.size.inner_text()
    middle = ((x0 + x1) / 2, (y0 + y1) / 2)
    current.drag(middle, (middle[0] + 0.05, middle[1]))
    assert current.frame == pytest.approx((x0 + 0.05, y0, x1 + 0.05, y1), abs=3e-3)
    expect(current.warnings).to_contain_text("The frame cuts the impression")
    current.drag((x0 + 0.05, middle[1]), (x0 - 0.01, middle[1]))
    assert current.frame == pytest.approx((x0 - 0.01, y0, x1 + 0.05, y1), abs=3e-3)
    expect(current.warnings).to_be_hidden()
    current.drag((x0 - 0.03, y0 - 0.02), (x1 + 0.01, y1 + 0.01))
    assert current.frame == pytest.approx((x0 - 0.03, y0 - 0.02, x1 + 0.01, y1 + 0.01), abs=3e-3)
    expect(current.size).to_have_text(size)


def test_turning_the_page_keeps_the_frame_on_the_seal(site: Site, page: Page) -> None:
    (case_id,) = cases_with_letters(site, (Form.SCAN_PDF, Quirk.UPSIDE_DOWN))
    sign_in(site, page)
    current = open_case(site, page, case_id)
    assert current.value("rotation") == 180
    tilt, size = current.value("tilt"), current.size.inner_text()
    current.press("r")
    assert current.value("rotation") == 270
    assert current.value("tilt") == pytest.approx(tilt - 90)
    expect(current.size).to_have_text(size)
    expect(current.problem).to_be_hidden()


def test_a_stated_width_gives_the_seal_its_size(site: Site, page: Page) -> None:
    (case_id,) = cases_with_letters(site, (Form.SCAN_PDF, Quirk.NONE))
    sign_in(site, page)
    current = open_case(site, page, case_id)
    page.get_by_label("Width on paper").fill("45")
    expect(current.size).to_have_text("45 × 45 mm")
    current.wait_until_settled()
    current.accept_by_key()
    seal = live_seal(site, case_id)
    assert seal is not None
    assert (seal.width_mm, seal.height_mm) == (45, 45)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("width", [1024, 1280])
def test_nothing_serious_is_wrong_for_readers_and_nothing_is_cut_off(
    site: Site, new_page: Callable[..., Page], language: str, width: int
) -> None:
    (case_id,) = cases_with_letters(site, (Form.PHOTO, Quirk.NONE))
    page = new_page(viewport={"width": width, "height": 720})
    sign_in(site, page)
    Entrance(page, site.url).choose_language(language)
    for address in ("", f"{case_id}"):
        page.goto(f"{site.url}/desk/production/seals/{address}")
        page.wait_for_load_state("networkidle")
        found = Axe().run(page, options=OPTIONS).response["violations"]
        assert not [words_of(each) for each in found if each["impact"] in GRAVE]
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    button = page.locator("[data-accept]").bounding_box()
    assert button is not None
    assert button["x"] + button["width"] <= width
    assert button["y"] + button["height"] <= 720


def test_sending_a_letter_back_begins_in_the_remark(site: Site, page: Page) -> None:
    (case_id,) = cases_with_letters(site, (Form.PDF, Quirk.NONE))
    sign_in(site, page)
    open_case(site, page, case_id)
    page.get_by_role("button", name="Return", exact=True).click()
    expect(page.get_by_role("textbox", name="Remark")).to_be_focused()


def test_a_black_and_white_copy_says_so_and_can_only_be_skipped(site: Site, page: Page) -> None:
    fax, other = cases_with_letters(site, (Form.SCAN_PDF, Quirk.FAX), (Form.PDF, Quirk.NONE))
    sign_in(site, page)
    current = open_case(site, page, fax)
    expect(current.problem).to_contain_text("black-and-white copy")
    expect(current.accept_button).to_be_disabled()
    page.keyboard.press("Enter")
    page.keyboard.press("n")
    page.wait_for_url(f"**/{other}")
    assert live_seal(site, fax) is None


def test_looking_is_recorded_once_and_a_colleague_is_not_overruled(site: Site, new_page: Callable[..., Page]) -> None:
    (case_id,) = cases_with_letters(site, (Form.PDF, Quirk.NONE))
    mine, theirs = new_page(), new_page()
    for each in (mine, theirs):
        sign_in(site, each)
    first, second = open_case(site, mine, case_id), open_case(site, theirs, case_id)
    first.press("ArrowRight")
    first.accept_by_key()
    seal = live_seal(site, case_id)
    assert seal is not None
    second.accept_by_key()
    expect(second.said).to_contain_text("has prepared this seal meanwhile")
    after = live_seal(site, case_id)
    assert after is not None
    assert after.id == seal.id
    letters = site.read(
        lambda session: session.scalars(
            select(Attachment.id).where(
                Attachment.application_id == case_id, Attachment.document_code == Document.SEAL_CONFIRMATION.value
            )
        ).all()
    )
    viewed = site.read(
        lambda session: session.scalars(
            select(AuditEntry.actor).where(
                AuditEntry.action == "attachment.viewed",
                AuditEntry.subject.in_([f"attachment:{each}" for each in letters]),
            )
        ).all()
    )
    assert len(viewed) == 2
    assert len(set(viewed)) == 2
