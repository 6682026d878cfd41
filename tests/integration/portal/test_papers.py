"""Papers in the slots of a form on the whole application: taken in, told about, ordered, turned, moved, shown."""

import io
from collections.abc import Iterator

import pikepdf
import pytest
from html5lib import HTMLParser
from PIL import Image
from sqlalchemy import func, select, text

from tests.support.database import TestServer
from tests.support.papers import Counter, a_picture, a_strip, another_counter, as_scan, open_counter, texts_of
from tests.unit.documents import samples
from workbench.documents import limits
from workbench.documents.uploads import UploadRefused
from workbench.kernel.identity import Scope
from workbench.portal.drafting import drafts
from workbench.portal.models import Draft, DraftFile, Upload
from workbench.portal.uploads import papers


@pytest.fixture(scope="module")
def counter(database_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counter]:
    with open_counter(database_server, tmp_path_factory.mktemp("papers")) as counter:
        yield counter


@pytest.fixture(scope="module")
def stranger(counter: Counter) -> Counter:
    return another_counter(counter.app, counter.parts, counter.office, 2)


@pytest.fixture
def draft_id(counter: Counter) -> Iterator[int]:
    made = counter.start(legal_representative="示例甲")
    yield made
    assert counter.post(f"/drafts/{made}/discard").status_code == 303


def send(counter: Counter, draft_id: int, slot: str, *files: tuple[bytes, str]) -> str:
    """Send files as a browser without scripts does; the page that comes of it."""
    sent = [(io.BytesIO(content), name) for content, name in files]
    answer = counter.post(f"/drafts/{draft_id}/papers", slot=slot, files=sent)
    assert answer.status_code in (200, 303), answer.status_code
    return answer.text if answer.status_code == 200 else counter.client.get(f"/drafts/{draft_id}/papers").text


def rename_slot(counter: Counter, before: str, after: str) -> None:
    with counter.parts.work() as session:
        renamed = text("UPDATE required_document SET code = :after WHERE code = :before")
        session.execute(renamed, {"before": before, "after": after})


def test_without_scripts_files_are_taken_in_and_shown(counter: Counter, draft_id: int) -> None:
    page = send(counter, draft_id, "business_licence", (a_strip(), "执照 1.jpg"), (samples.pdf(2), "two.pdf"))

    HTMLParser(strict=True).parse(page)
    assert "执照 1.jpg" in page
    first, second = counter.files(draft_id)
    assert (first.kind, second.kind, len(second.sizes)) == ("jpeg", "pdf", 2)
    assert (first.position, second.position) == (0, 1)


def test_bad_files_are_told_beside_their_slot_and_the_good_ones_stay(counter: Counter, draft_id: int) -> None:
    page = send(
        counter,
        draft_id,
        "business_licence",
        (a_strip(), "good.jpg"),
        (samples.saved(samples.picture(), "GIF"), "moving.gif"),
        (b"%PDF-1.4 broken", "broken.pdf"),
        (b"", "empty.pdf"),
    )

    said = texts_of(page)
    assert "moving.gif: This is no PDF, JPEG, PNG, TIFF, WebP or HEIC" in said
    assert "broken.pdf: The file is damaged" in said
    assert "empty.pdf: The file is empty" in said
    assert [file.name for file in counter.files(draft_id)] == ["good.jpg"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (samples.png_claiming(30_000, 30_000), "million pixels"),
        (samples.pdf_claiming_999999_pages(), "more than 200 pages"),
        (b"<html><script>alert(1)</script>", "This is a web page, drawing or program"),
        (b"PK\x03\x04" + bytes(200), "This is no PDF"),
    ],
    ids=["bomb", "pages", "page", "archive"],
)
def test_hostile_files_are_refused_with_a_remedy(counter: Counter, draft_id: int, content: bytes, words: str) -> None:
    assert words in texts_of(send(counter, draft_id, "business_licence", (content, "x.pdf")))
    assert counter.files(draft_id) == []


def test_a_password_is_asked_to_be_removed(counter: Counter, draft_id: int) -> None:
    locked = io.BytesIO()
    with pikepdf.open(io.BytesIO(samples.pdf(1))) as document:
        document.save(locked, encryption=pikepdf.Encryption(owner="a", user="b"))

    assert "protected by a password" in texts_of(send(counter, draft_id, "business_licence", (locked.getvalue(), "x")))


def test_names_of_strangers_become_plain_names(counter: Counter, draft_id: int) -> None:
    page = send(counter, draft_id, "business_licence", (a_strip(), "../../etc/pass\u202ewd\x07<script>.jpg"))

    (file,) = counter.files(draft_id)
    assert file.name == "passwd_script_.jpg"
    assert "<script>.jpg" not in page


def test_a_slot_that_is_not_asked_for_is_refused(counter: Counter, draft_id: int) -> None:
    page = send(counter, draft_id, "passport\u202e<b>", (a_strip(), "x.jpg"))

    assert "does not ask for a document called passport_b_" in texts_of(page)


def test_a_slot_takes_no_more_than_its_limit(counter: Counter, draft_id: int) -> None:
    with counter.work() as session:
        draft = counter.draft_in(session, draft_id)
        one = counter.add(draft_id, "business_licence", a_strip())
        template = session.get(DraftFile, one)
        assert template is not None
        columns = {key.name: getattr(template, key.name) for key in DraftFile.__table__.columns if key.name != "id"}
        session.add_all(DraftFile(**columns) for _ in range(limits.MAX_FILES_PER_SLOT - 1))
        session.flush()
        with pytest.raises(UploadRefused, match="At most 10 files"):
            papers.add_file(session, counter.parts, counter.renderer, draft, "business_licence", "x", a_strip())


def test_a_form_takes_no_more_than_its_limit(counter: Counter, draft_id: int) -> None:
    file_id = counter.add(draft_id, "business_licence", a_strip())
    with counter.work() as session:
        draft = counter.draft_in(session, draft_id)
        file = session.get(DraftFile, file_id)
        assert file is not None
        file.byte_size = limits.MAX_DRAFT_BYTES
        with pytest.raises(UploadRefused, match="All files together may have 200 MB"):
            papers.add_file(session, counter.parts, counter.renderer, draft, "user_id_card", "x", a_strip())


def test_files_are_put_in_order(counter: Counter, draft_id: int) -> None:
    first, second, third = (counter.add(draft_id, "business_licence", a_strip(shade)) for shade in (1, 2, 3))

    counter.post(f"/drafts/{draft_id}/files/{third}/move", place="0")
    assert [file.id for file in counter.files(draft_id)] == [third, first, second]
    counter.post(f"/drafts/{draft_id}/files/{third}/move", place="9")
    assert [file.id for file in counter.files(draft_id)] == [first, second, third]
    assert counter.post(f"/drafts/{draft_id}/files/{third}/move", place="-1").status_code == 400


def test_a_page_is_turned_and_shown_turned(counter: Counter, draft_id: int) -> None:
    file_id = counter.add(draft_id, "business_licence", samples.pdf(2))
    address = f"/drafts/{draft_id}/files/{file_id}/pages/1"
    before = Image.open(io.BytesIO(counter.client.get(f"{address}/image").data)).size

    assert counter.post(f"/drafts/{draft_id}/files/{file_id}/turn", page="1").status_code == 303

    after = Image.open(io.BytesIO(counter.client.get(f"{address}/image").data)).size
    assert after == (before[1], before[0])
    assert counter.files(draft_id)[0].rotations == [0, 90]
    assert counter.post(f"/drafts/{draft_id}/files/{file_id}/turn", page="2").status_code == 404


def test_pictures_are_pixels_under_a_policy_and_are_not_sent_twice(counter: Counter, draft_id: int) -> None:
    file_id = counter.add(draft_id, "business_licence", samples.pdf(2))
    for page in (0, 1):
        for shape, mimetype in (("image", "image/jpeg"), ("thumbnail", "image/webp")):
            address = f"/drafts/{draft_id}/files/{file_id}/pages/{page}/{shape}"
            answer = counter.client.get(address)
            assert (answer.status_code, answer.mimetype) == (200, mimetype)
            assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
            again = counter.client.get(address, headers={"If-None-Match": answer.headers["ETag"]})
            assert (again.status_code, again.data) == (304, b"")
    assert counter.client.get(f"/drafts/{draft_id}/files/{file_id}/pages/2/image").status_code == 404


def test_removing_a_file_leaves_the_others(counter: Counter, draft_id: int) -> None:
    first, second = (counter.add(draft_id, "business_licence", a_strip(shade)) for shade in (1, 2))

    assert counter.post(f"/drafts/{draft_id}/files/{first}/remove").status_code == 303
    assert [file.id for file in counter.files(draft_id)] == [second]
    assert counter.post(f"/drafts/{draft_id}/files/{first}/remove").status_code == 404


def test_a_printed_form_is_recognised_in_a_scan(counter: Counter, draft_id: int) -> None:
    (scan,) = as_scan(counter.printed(draft_id, "application_form"))

    counter.add(draft_id, "application_form", scan)

    assert counter.hints(draft_id) == set()
    assert len(counter.files(draft_id)[0].marks) == 1


def test_a_form_changed_after_printing_makes_the_print_void(counter: Counter, draft_id: int) -> None:
    (scan,) = as_scan(counter.printed(draft_id, "application_form"))
    counter.add(draft_id, "application_form", scan)
    with counter.work() as session:
        drafts.save_values(
            session, counter.parts, counter.draft_in(session, draft_id), {"legal_representative": "示例丙"}
        )

    page = counter.client.get(f"/drafts/{draft_id}/papers").text

    assert counter.hints(draft_id) == {("application_form", "void_print")}
    assert "Page 1 was printed before the form was changed." in texts_of(page)


def test_a_page_of_another_form_is_pointed_out(counter: Counter, draft_id: int) -> None:
    other = counter.start(legal_representative="示例丁")
    (scan,) = as_scan(counter.printed(other, "application_form"))

    counter.add(draft_id, "application_form", scan)

    assert counter.hints(draft_id) == {("application_form", "other_case")}
    assert counter.slots(draft_id)["application_form"].stops


def test_one_click_moves_a_paper_to_where_it_belongs(counter: Counter, draft_id: int) -> None:
    (scan,) = as_scan(counter.printed(draft_id, "application_form"))
    page = send(counter, draft_id, "user_id_card", (scan, "scan.jpg"))
    assert counter.hints(draft_id) == {("user_id_card", "wrong_slot")}
    assert "This is another paper: application_form." in texts_of(page)

    file_id = counter.files(draft_id)[0].id
    answer = counter.post(f"/drafts/{draft_id}/files/{file_id}/slot", slot="application_form")

    assert answer.status_code == 303
    assert counter.hints(draft_id) == set()
    assert counter.files(draft_id)[0].document_code == "application_form"
    assert counter.post(f"/drafts/{draft_id}/files/{file_id}/slot", slot="passport").status_code == 200
    assert counter.files(draft_id)[0].document_code == "application_form"


def test_a_missing_page_is_named(counter: Counter, draft_id: int) -> None:
    agreement = as_scan(counter.printed(draft_id, "user_agreement"))
    assert len(agreement) > 1, "the agreement is the form of several pages"
    rename_slot(counter, "user_id_card", "user_agreement")
    try:
        counter.add(draft_id, "user_agreement", agreement[0])
        assert counter.hints(draft_id) == {("user_agreement", "missing_page")}
        counter.add(draft_id, "user_agreement", agreement[1])
        assert counter.hints(draft_id) == set()
    finally:
        rename_slot(counter, "user_agreement", "user_id_card")


def test_thumbnails_of_identity_papers_are_blurred_also_when_moved_there(counter: Counter, draft_id: int) -> None:
    with counter.parts.work() as session:
        session.execute(text("UPDATE required_document SET shows_identity = (code = 'user_id_card')"))
    file_id = counter.add(draft_id, "business_licence", samples.filled_form())
    clear = counter.files(draft_id)[0].thumbnail_sha256

    counter.post(f"/drafts/{draft_id}/files/{file_id}/slot", slot="user_id_card")

    assert counter.files(draft_id)[0].thumbnail_sha256 != clear


def test_papers_no_longer_asked_for_are_shown_apart(counter: Counter, draft_id: int) -> None:
    counter.add(draft_id, "business_licence", a_strip(), "licence.jpg")
    with counter.parts.work() as session:
        session.execute(text("UPDATE draft_file SET document_code = 'former' WHERE draft_id = :id"), {"id": draft_id})

    page = texts_of(counter.client.get(f"/drafts/{draft_id}/papers").text)

    assert "Not asked for any more" in page
    assert "licence.jpg" in page


def test_another_applicants_form_and_files_are_not_found(counter: Counter, stranger: Counter, draft_id: int) -> None:
    file_id = counter.add(draft_id, "business_licence", a_strip())
    own = stranger.start()
    for base in (f"/drafts/{draft_id}", f"/drafts/{own}"):
        for tail in ("pages/0/image", "pages/0/thumbnail"):
            assert stranger.client.get(f"{base}/files/{file_id}/{tail}").status_code == 404
        for tail, values in (
            ("turn", {"page": "0"}),
            ("move", {"place": "0"}),
            ("remove", {}),
            ("slot", {"slot": "x"}),
        ):
            assert stranger.post(f"{base}/files/{file_id}/{tail}", **values).status_code == 404
    assert stranger.client.get(f"/drafts/{draft_id}/papers").status_code == 404
    assert stranger.client.get(f"/drafts/{draft_id}/confirm").status_code == 404
    assert stranger.post(f"/drafts/{draft_id}/papers", slot="business_licence").status_code == 404
    assert stranger.post(f"/drafts/{draft_id}/confirm", agreed="yes").status_code == 404
    assert [file.id for file in counter.files(draft_id)] == [file_id]


def test_ids_no_database_holds_are_not_found(counter: Counter, draft_id: int) -> None:
    for path in (f"/drafts/{10**25}/papers", f"/drafts/{draft_id}/files/{10**25}/pages/0/image"):
        assert counter.client.get(path).status_code == 404


def test_the_database_itself_shows_only_own_forms(counter: Counter, stranger: Counter, draft_id: int) -> None:
    counter.add(draft_id, "business_licence", a_strip())
    with counter.parts.work(Scope(applicant_id=stranger.applicant.id)) as session:
        for table in (Draft, DraftFile, Upload):
            statement = text(f"SELECT count(*) FROM {table.__tablename__} WHERE applicant_id = :id")
            assert session.execute(statement, {"id": counter.applicant.id}).scalar_one() == 0
        theirs = select(func.count()).select_from(DraftFile).where(DraftFile.draft_id == draft_id)
        assert session.scalar(theirs) == 0


def test_strangers_are_led_to_the_entrance(counter: Counter, draft_id: int) -> None:
    answer = counter.app.test_client().get(f"/drafts/{draft_id}/papers", headers={"Accept": "text/html"})

    assert (answer.status_code, answer.headers["Location"].split("?")[0]) == (303, "/entrance")


def test_small_pictures_are_warned_of_and_stop_nothing(counter: Counter, draft_id: int) -> None:
    page = send(counter, draft_id, "business_licence", (a_picture(600, 849), "small.jpg"))

    assert "Page 1 is only 600 × 849 pixels" in texts_of(page)
    assert not counter.slots(draft_id)["business_licence"].stops
