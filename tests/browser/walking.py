"""What the walks by keyboard and by mouse share: who comes in, what they ask the server for, what must be true."""

from collections.abc import Callable
from dataclasses import dataclass, field

from playwright.sync_api import Page, Request, Response, expect
from sqlalchemy import select

from tests.browser.pages.entrance import Entrance
from tests.browser.pages.review import CasePage
from tests.browser.served import HOLDER, PASSWORD, Site
from workbench.demo.papers import Document
from workbench.kernel.identity import Actor
from workbench.kernel.outbox import OutboxMessage
from workbench.review.models import Mark, Review

RESENT = (Document.BUSINESS_LICENCE, Document.AUTHORISATION, Document.SEAL_CONFIRMATION)
"""What the enterprise sends again: the licence and the authorisation mended, the letter as it was."""
TELEPHONE = "000-11111111"
ANSWER = "已补盖公章并重新扫描，请审核。"


@dataclass
class Traffic:
    """What a page asked for and got, as long as it lives."""

    requests: list[Request] = field(default_factory=list)
    documents: list[Response] = field(default_factory=list)

    @classmethod
    def of(cls, page: Page) -> "Traffic":
        """Listen to a page from now on."""
        traffic = cls()
        page.on("request", lambda request: traffic.requests.append(request))
        page.on("response", traffic._note)
        return traffic

    def _note(self, response: Response) -> None:
        if "/documents/" in response.url and response.request.method == "GET":
            self.documents.append(response)

    @property
    def page_loads(self) -> int:
        """Whole pages asked for."""
        return sum(each.is_navigation_request() for each in self.requests)

    @property
    def page_images(self) -> set[str]:
        """Addresses of the pages asked for, without thumbnails."""
        return {each.url for each in self.requests if each.url.endswith("/image")}

    def check_pictures_only(self) -> None:
        """The browser was given pictures made of the papers, and never what the applicant sent."""
        assert self.documents
        for response in self.documents:
            if response.status == 304:
                continue
            assert response.headers["content-type"] in {"image/jpeg", "image/webp"}, response.url
            assert response.headers["x-content-type-options"] == "nosniff", response.url
            assert "default-src 'none'" in response.headers["content-security-policy"], response.url


def come_in(
    new_page: Callable[..., Page], site: Site, person: Actor, *, by_keys: bool = False, **options: object
) -> Page:
    """Somebody's own browser, signed in, reading English."""
    page = new_page(**options)
    entrance = Entrance(page, site.url).choose_language("en").open()
    (entrance.sign_in_by_keys if by_keys else entrance.sign_in)(site.login_of(person), PASSWORD)
    return page


def pages_of(case: CasePage) -> list[list[str]]:
    """The addresses of the page images, by document."""
    found: list[list[str]] = case.page.evaluate(
        """JSON.parse(document.querySelector('#case-data').textContent)
               .documents.map(each => each.pages.map(page => location.origin + page.image))"""
    )
    assert all(found)
    return found


def check_failed(site: Site, case_id: int) -> None:
    """The case is back with the enterprise, who is told what is wrong; one fault has its place on the page."""
    assert site.state(case_id) == "returned"
    mails = select(OutboxMessage).where(OutboxMessage.case_id == case_id, OutboxMessage.channel == "email")
    newest = mails.order_by(OutboxMessage.id.desc()).limit(1)
    mail = site.read(lambda session: session.scalars(newest).one())
    assert mail.recipient == HOLDER.email
    assert "未加盖公章" in mail.body
    regions = site.read(
        lambda session: session.scalars(
            select(Mark.region)
            .join(Review, Review.id == Mark.review_id)
            .where(Review.application_id == case_id, Mark.value == "fault")
        ).all()
    )
    assert len([each for each in regions if each]) == 1
    assert len(regions) >= 2


def check_second_round(case: CasePage, show: Callable[[str], None]) -> None:
    """The clerk sees what changed: a field, two new files, a file that was sent again unchanged; ticks are carried."""
    changes = case.changes
    expect(changes).to_contain_text(TELEPHONE)
    expect(changes).to_contain_text("000-00000000")
    expect(changes.locator("dd.replaced")).to_have_count(2)
    expect(changes.locator("dd.identical_reupload")).to_have_count(1)
    expect(changes).to_contain_text("Sent again unchanged")
    expect(case.page.get_by_text(ANSWER)).to_be_visible()
    show("Application form")
    expect(case.items.first.locator("[data-carried]")).to_be_visible()
    show("Business licence")
    expect(case.items.first.locator("[data-carried]")).to_be_hidden()


def check_done(site: Site, case_id: int) -> None:
    """Both desks passed: the case waits for its key, decided once at each, by two people."""
    assert site.state(case_id) == "production"
    verdicts = site.read(
        lambda session: session.execute(
            select(Review.desk, Review.verdict, Review.decided_by_id)
            .where(Review.application_id == case_id, Review.verdict.is_not(None))
            .order_by(Review.id)
        ).all()
    )
    assert [(desk, verdict) for desk, verdict, _ in verdicts] == [
        ("pre_check", "failed"),
        ("pre_check", "passed"),
        ("re_check", "passed"),
    ]
    assert verdicts[1][2] != verdicts[2][2]
