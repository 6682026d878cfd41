"""Pixels and downloads: fenced by authority, recorded before they leave, safe for a browser, made in the sandbox."""

import io
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise

import pikepdf
import pytest
from PIL import Image
from sqlalchemy import func, select, text
from sqlalchemy.orm import selectinload
from werkzeug.test import TestResponse

from tests.integration.documents.conftest import SIX, Browser, six
from tests.unit.documents import samples
from workbench.cases.models import Application
from workbench.documents.models import Attachment, Page
from workbench.documents.preview import Renderer
from workbench.documents.tasks import finish_attachment
from workbench.documents.uploads import IncomingFile
from workbench.kernel.audit import AuditEntry, AuditHead
from workbench.kernel.clock import clock_at, now
from workbench.kernel.parts import Parts

Browsers = Callable[[str], Browser]
MakeCase = Callable[..., Application]
NAME = "示例 执照.pdf"


@pytest.fixture
def licence(parts: Parts, case_of: MakeCase, authority_ids: list[int]) -> Attachment:
    """A licence of three pages in a case of authority A, as it is right after the upload."""
    files = [IncomingFile("business_licence", NAME, samples.pdf(3))]
    return _slot(parts, case_of(authority_ids[0], files + six()[:2] + six()[3:]), "business_licence")


def _slot(parts: Parts, case: Application, code: str) -> Attachment:
    with parts.work() as session:
        return session.scalars(
            select(Attachment)
            .where(Attachment.application_id == case.id, Attachment.document_code == code)
            .options(selectinload(Attachment.pages))
        ).one()


def _picture(answer: TestResponse) -> Image.Image:
    return Image.open(io.BytesIO(answer.data))


def _entries(parts: Parts, attachment: Attachment, action: str) -> int:
    with parts.work() as session:
        subject = f"attachment:{attachment.id}"
        wanted = (AuditEntry.subject == subject, AuditEntry.action == action)
        return session.scalar(select(func.count()).select_from(AuditEntry).where(*wanted)) or 0


def test_the_first_page_is_there_at_once_and_later_ones_are_made_when_asked_for(
    licence: Attachment, browsers: Browsers
) -> None:
    for page in licence.pages:
        answer = browsers("clerk-a").get(f"/documents/pages/{page.id}/image")
        assert (answer.status_code, answer.mimetype) == (200, "image/jpeg")
        assert _picture(answer).size == (1600, 2264)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert answer.headers["Cache-Control"] == "private, max-age=600"
        assert answer.headers["ETag"]


def test_one_view_a_sitting_is_recorded_and_every_download(
    parts: Parts, licence: Attachment, browsers: Browsers
) -> None:
    clerk, other = browsers("clerk-a"), browsers("re-checker")
    first, second = f"/documents/pages/{licence.pages[0].id}", f"/documents/pages/{licence.pages[1].id}"
    clerk.get(f"{first}/thumbnail")
    assert _entries(parts, licence, "attachment.viewed") == 0
    clerk.get(f"{first}/image")
    clerk.get(f"{second}/image")
    clerk.get(f"{first}/zoom")
    assert _entries(parts, licence, "attachment.viewed") == 1
    other.get(f"{first}/image")
    assert _entries(parts, licence, "attachment.viewed") == 2
    with clock_at(now() + timedelta(minutes=11)):
        clerk.get(f"{first}/image")
    assert _entries(parts, licence, "attachment.viewed") == 3
    for count in (1, 2):
        clerk.get(f"/documents/attachments/{licence.id}/download")
        assert _entries(parts, licence, "attachment.downloaded") == count


def test_a_picture_the_browser_holds_is_not_sent_again_but_still_recorded(
    parts: Parts, licence: Attachment, browsers: Browsers
) -> None:
    path = f"/documents/pages/{licence.pages[0].id}/image"
    tag = browsers("clerk-a").get(path).headers["ETag"]
    again = browsers("re-checker").get(path, headers={"If-None-Match": tag})
    assert (again.status_code, again.data) == (304, b"")
    assert _entries(parts, licence, "attachment.viewed") == 2


def test_nothing_is_sent_when_the_view_cannot_be_recorded(
    parts: Parts, licence: Attachment, browsers: Browsers
) -> None:
    """The chain's next place is taken by a foreign entry, so that ours cannot be written."""
    with parts.work() as session:
        head = session.execute(
            select(AuditHead).where(AuditHead.chain == f"case:{licence.application_id}")
        ).scalar_one()
        nothing = dict.fromkeys(("action", "actor", "actor_name", "address", "request_id", "subject"), "")
        zeros = "0" * 64
        session.add(
            AuditEntry(**nothing, chain=head.chain, seq=head.seq + 1, at=now(), hash=zeros, previous_hash=zeros)
        )
    answer = browsers("clerk-a").get(f"/documents/pages/{licence.pages[0].id}/image")
    assert answer.status_code == 500
    assert answer.mimetype == "text/html"
    assert _entries(parts, licence, "attachment.viewed") == 0


def test_a_download_is_the_file_bit_for_bit_and_never_shown(
    licence: Attachment, browsers: Browsers, parts: Parts
) -> None:
    answer = browsers("clerk-a").get(f"/documents/attachments/{licence.id}/download")
    assert answer.data == parts.blobs.get(licence.sha256)
    disposition = answer.headers["Content-Disposition"]
    assert disposition.startswith("attachment;")
    assert "filename*=UTF-8''%E7%A4%BA%E4%BE%8B%20%E6%89%A7%E7%85%A7.pdf" in disposition
    assert answer.mimetype == "application/octet-stream"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"


@pytest.mark.parametrize("login", ["clerk-b", "administrator"])
def test_another_authority_gets_404_and_administrators_nothing(
    parts: Parts, licence: Attachment, browsers: Browsers, login: str
) -> None:
    expected = 404 if login == "clerk-b" else 403
    page = licence.pages[0].id
    browser = browsers(login)
    for name in ("image", "thumbnail", "zoom"):
        assert browser.get(f"/documents/pages/{page}/{name}").status_code == expected, name
    assert browser.get(f"/documents/attachments/{licence.id}/download").status_code == expected
    assert browser.post(f"/documents/pages/{page}/rotation", rotation="90").status_code in {expected, 403}
    with parts.work() as session:
        assert session.get_one(Page, page).rotation == 0
    assert _entries(parts, licence, "attachment.viewed") == 0


def test_a_turn_is_remembered_for_the_next_desk_and_recorded(
    parts: Parts, licence: Attachment, browsers: Browsers
) -> None:
    path = f"/documents/pages/{licence.pages[0].id}/rotation"
    assert browsers("clerk-a").post(path, rotation="90").json == {"page": licence.pages[0].id, "rotation": 90}
    assert browsers("clerk-a").post(path, rotation="90").status_code == 200
    assert _entries(parts, licence, "page.turned") == 1, "the same turn again changes nothing"
    assert browsers("re-checker").post(path, rotation="270").json == {"page": licence.pages[0].id, "rotation": 270}
    assert browsers("clerk-a").post(path, rotation="45").status_code == 400
    assert browsers("auditor").post(path, rotation="0").status_code == 403
    with parts.work() as session:
        assert session.get_one(Page, licence.pages[0].id).rotation == 270


def test_zoom_is_300_dpi(licence: Attachment, browsers: Browsers) -> None:
    answer = browsers("clerk-a").get(f"/documents/pages/{licence.pages[0].id}/zoom")
    width, height = _picture(answer).size
    assert abs(width - 595 / 72 * 300) <= 1
    assert abs(height - 842 / 72 * 300) <= 1


def test_the_background_job_makes_the_rest_and_running_twice_changes_nothing(
    parts: Parts, renderer: Renderer, licence: Attachment
) -> None:
    finish_attachment(parts, renderer, licence.id)
    with parts.work() as session:
        attachment = session.get_one(Attachment, licence.id)
        pages = session.scalars(select(Page).where(Page.attachment_id == licence.id).order_by(Page.index)).all()
        before = [(page.image_sha256, page.text) for page in pages]
    assert attachment.preview == "ready"
    assert all(image is not None and text is not None for image, text in before)
    finish_attachment(parts, renderer, licence.id)
    with parts.work() as session:
        pages = session.scalars(select(Page).where(Page.attachment_id == licence.id).order_by(Page.index)).all()
        assert [(page.image_sha256, page.text) for page in pages] == before


def test_a_file_that_breaks_the_renderer_is_marked_and_nothing_else_suffers(
    parts: Parts, renderer: Renderer, case_of: MakeCase, authority_ids: list[int], browsers: Browsers
) -> None:
    late_bomb = samples.pdf(2, _bomb_on_page_two, compress_streams=True)
    files = [IncomingFile("authorisation", "late.pdf", late_bomb)] + [
        f for f in six() if f.document_code != "authorisation"
    ]
    case = case_of(authority_ids[0], files)
    broken, fine = _slot(parts, case, "authorisation"), _slot(parts, case, "application_form")
    finish_attachment(parts, renderer, broken.id)
    finish_attachment(parts, renderer, fine.id)
    with parts.work() as session:
        assert session.get_one(Attachment, fine.id).preview == "ready"
        failed = session.get_one(Attachment, broken.id)
        assert (failed.preview, failed.preview_problem) == ("failed", "too_complex")
    clerk = browsers("clerk-a")
    assert clerk.get(f"/documents/pages/{broken.pages[0].id}/image").status_code == 200
    answer = clerk.get(f"/documents/pages/{broken.pages[1].id}/image")
    assert answer.status_code == 422
    assert "takes too long" in answer.text
    assert clerk.get(f"/documents/attachments/{broken.id}/download").data == late_bomb


def _bomb_on_page_two(document: pikepdf.Pdf) -> None:
    body = b"0 0 m " + b"9 700 500 9 8 8 c " * 9_000_000 + b"S"
    document.pages[1].Contents = document.make_stream(body)


def test_thumbnails_of_identity_cards_are_blurred(
    parts: Parts, case_of: MakeCase, authority_ids: list[int], browsers: Browsers
) -> None:
    photograph = samples.saved(samples.picture(), "PNG")
    files = [IncomingFile(code, "photo.png", photograph) for code in SIX]
    case = case_of(authority_ids[0], files)
    edges = {}
    for code in ("user_id_card", "business_licence"):
        page = _slot(parts, case, code).pages[0]
        picture = _picture(browsers("clerk-a").get(f"/documents/pages/{page.id}/thumbnail")).convert("L")
        row = [picture.getpixel((x, 20)) for x in range(picture.width)]
        edges[code] = max(abs(a - b) for a, b in pairwise(row))  # type: ignore[operator]
    assert edges["user_id_card"] * 3 < edges["business_licence"]


def test_work_is_enqueued_with_the_rows_that_need_it(parts: Parts, case_of: MakeCase, authority_ids: list[int]) -> None:
    """A picture of one page waits for nothing; a PDF's text and later pages do."""
    photograph = samples.saved(samples.picture(), "PNG")
    files = [IncomingFile(code, "photo.png", photograph) for code in SIX[1:]]
    case = case_of(authority_ids[0], [IncomingFile(SIX[0], "form.pdf", samples.pdf(1)), *files])
    with parts.work() as session:
        attachments = session.scalars(select(Attachment).where(Attachment.application_id == case.id)).all()
        waiting = {each.id for each in attachments if each.preview == "waiting"}
        enqueued = "SELECT args ->> 'attachment_id' FROM procrastinate_jobs WHERE task_name = 'render_attachment'"
        jobs = {int(each) for each in session.execute(text(enqueued)).scalars()}
        assert waiting == {each.id for each in attachments if each.document_code == SIX[0]}
        assert waiting == {each.id for each in attachments} & jobs
