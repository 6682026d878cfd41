"""Files that come in piece by piece: told where they stand, never beyond what was announced, never another's."""

import hashlib
import io
import os
import stat
import uuid
from collections.abc import Iterator
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from tests.support.database import TestServer
from tests.support.papers import Counter, a_strip, another_counter, open_counter
from workbench.documents import limits
from workbench.kernel import tasks
from workbench.kernel.clock import clock_at, now
from workbench.kernel.errors import Conflict, Invalid
from workbench.portal.models import SpentToken, Upload
from workbench.portal.tasks import sweep_uploads
from workbench.portal.uploads import uploading

SLOT = "business_licence"


@pytest.fixture(scope="module")
def counter(database_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counter]:
    with open_counter(database_server, tmp_path_factory.mktemp("uploads")) as counter:
        yield counter


@pytest.fixture(scope="module")
def stranger(counter: Counter) -> Counter:
    return another_counter(counter.app, counter.parts, counter.office, 2)


@pytest.fixture
def draft_id(counter: Counter) -> Iterator[int]:
    made = counter.start()
    counter.add(made, SLOT, a_strip())  # a form that holds something is never taken for an untouched one
    yield made
    assert counter.post(f"/drafts/{made}/discard").status_code == 303


def begin(counter: Counter, draft_id: int, size: int, name: str = "scan.jpg", slot: str = SLOT) -> Any:
    answer = counter.json(f"/drafts/{draft_id}/uploads", {"slot": slot, "name": name, "size": size})
    assert answer.status_code == 201, answer.text
    return answer.get_json()


def send(counter: Counter, upload: Any, content: bytes, step: int = limits.UPLOAD_CHUNK_BYTES) -> None:
    for offset in range(0, len(content), step):
        assert counter.put(upload["url"], offset, content[offset : offset + step]).status_code == 200


def finish(counter: Counter, upload: Any) -> TestResponse:
    return counter.json(f"{upload['url']}/finish", {})


def test_a_file_in_pieces_becomes_a_paper(counter: Counter, draft_id: int) -> None:
    content = a_strip(7)
    upload = begin(counter, draft_id, len(content), "执照.jpg")
    send(counter, upload, content, 300)

    answer = finish(counter, upload)

    assert answer.status_code == 200
    file = counter.files(draft_id)[-1]
    assert answer.get_json() == {"file": file.id, "slot": SLOT, "name": "执照.jpg", "pages": 1}
    assert file.sha256 == hashlib.sha256(content).hexdigest()
    assert not (counter.parts.settings.upload_dir / upload["id"]).exists()
    assert finish(counter, upload).get_json()["file"] == file.id, "finished twice is one paper"
    assert len(counter.files(draft_id)) == 2


def test_a_broken_connection_goes_on_from_what_was_received(counter: Counter, draft_id: int) -> None:
    content = a_strip(8)
    upload = begin(counter, draft_id, len(content))
    counter.put(upload["url"], 0, content[:500])

    told = counter.client.get(upload["url"], headers=counter.headers()).get_json()

    assert told["received"] == 500
    assert told["sha256"] == hashlib.sha256(content[:500]).hexdigest()
    page = counter.client.get(f"/drafts/{draft_id}/papers").text
    assert f'data-upload="{upload["url"]}"' in page
    assert counter.put(upload["url"], 500, content[500:]).status_code == 200
    assert finish(counter, upload).status_code == 200


def test_bytes_behind_what_the_database_knows_are_written_over(counter: Counter, draft_id: int) -> None:
    content = a_strip(9)
    upload = begin(counter, draft_id, len(content))
    counter.put(upload["url"], 0, content[:500])
    path = counter.parts.settings.upload_dir / upload["id"]
    path.write_bytes(content[:500] + b"written, then the power failed")

    counter.put(upload["url"], 500, content[500:])

    assert path.read_bytes() == content


@pytest.mark.parametrize("offset", [0, 99, 101, 10**17])
def test_pieces_that_skip_or_overlap_change_nothing(counter: Counter, draft_id: int, offset: int) -> None:
    upload = begin(counter, draft_id, 1000)
    counter.put(upload["url"], 0, bytes(100))

    answer = counter.put(upload["url"], offset, b"\x01" * 50)

    assert (answer.status_code, answer.get_json()["received"]) == (409, 100)
    assert (counter.parts.settings.upload_dir / upload["id"]).read_bytes() == bytes(100)


@pytest.mark.parametrize("offset", ["", "-1", "1.0", "½", "9" * 30, "0x10", " 0"])
def test_offsets_that_are_no_numbers_are_refused(counter: Counter, draft_id: int, offset: str) -> None:
    upload = begin(counter, draft_id, 1000)

    assert counter.put(upload["url"], offset.encode().decode("latin-1"), bytes(10)).status_code == 400


def test_no_more_comes_than_was_announced(counter: Counter, draft_id: int) -> None:
    upload = begin(counter, draft_id, 100)

    assert counter.put(upload["url"], 0, bytes(101)).status_code == 400
    assert counter.put(upload["url"], 0, b"").status_code in (400, 411)
    assert counter.put(upload["url"], 0, bytes(100)).status_code == 200
    assert counter.put(upload["url"], 100, b"x").status_code == 400


def test_a_file_is_not_finished_before_it_has_come(counter: Counter, draft_id: int) -> None:
    upload = begin(counter, draft_id, 100)
    counter.put(upload["url"], 0, bytes(99))

    answer = finish(counter, upload)

    assert (answer.status_code, answer.get_json()["received"]) == (409, 99)


def test_what_cannot_be_accepted_is_told_and_given_up(counter: Counter, draft_id: int) -> None:
    upload = begin(counter, draft_id, 20, "moving.gif")
    counter.put(upload["url"], 0, b"GIF89a" + bytes(14))

    answer = finish(counter, upload)

    assert answer.status_code == 422
    assert answer.get_json()["problems"] == [
        "moving.gif: This is no PDF, JPEG, PNG, TIFF, WebP or HEIC. Please save it as a PDF or scan it."
    ]
    assert counter.json(f"{upload['url']}/remove", {}).get_json() == {"removed": True}
    assert not (counter.parts.settings.upload_dir / upload["id"]).exists()
    assert counter.client.get(upload["url"], headers=counter.headers()).status_code == 404


@pytest.mark.parametrize("size", [limits.MAX_FILE_BYTES + 1, 10 * 1024**3, 10**40])
def test_a_size_above_the_limit_is_refused_before_any_byte(counter: Counter, draft_id: int, size: int) -> None:
    answer = counter.json(f"/drafts/{draft_id}/uploads", {"slot": SLOT, "name": "x", "size": size})

    assert answer.status_code == 413
    assert "larger than 20 MB" in answer.get_json()["detail"]


@pytest.mark.parametrize(
    "said",
    [
        None,
        [],
        {},
        {"slot": SLOT, "name": "x", "size": "5"},
        {"slot": SLOT, "name": "x", "size": True},
        {"slot": SLOT, "name": 5, "size": 5},
        {"slot": None, "name": "x", "size": 5},
        {"slot": SLOT, "name": "x", "size": 0},
        {"slot": SLOT, "name": "x", "size": -5},
        {"slot": SLOT, "name": "x", "size": 1.5},
    ],
)
def test_announcements_that_say_nothing_are_refused(counter: Counter, draft_id: int, said: object) -> None:
    assert counter.json(f"/drafts/{draft_id}/uploads", said).status_code == 400


def test_a_slot_nobody_asked_for_is_refused(counter: Counter, draft_id: int) -> None:
    answer = counter.json(f"/drafts/{draft_id}/uploads", {"slot": "passport", "name": "x", "size": 5})

    assert answer.status_code == 422


def test_a_piece_larger_than_a_piece_is_not_read(counter: Counter, draft_id: int) -> None:
    upload = begin(counter, draft_id, 3 * limits.MIB)

    assert counter.put(upload["url"], 0, bytes(limits.UPLOAD_CHUNK_BYTES + 1)).status_code == 413
    assert not (counter.parts.settings.upload_dir / upload["id"]).exists()


def test_a_piece_without_an_end_is_not_taken(counter: Counter, draft_id: int) -> None:
    upload = begin(counter, draft_id, 3 * limits.MIB)

    answer = counter.client.put(
        upload["url"],
        input_stream=io.BytesIO(bytes(2 * limits.MIB)),
        headers={**counter.headers(), "Upload-Offset": "0", "Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )

    assert answer.status_code == 411
    assert counter.client.get(upload["url"], headers=counter.headers()).get_json()["received"] == 0


def test_a_form_of_10_gigabytes_is_refused_unread(counter: Counter, draft_id: int) -> None:
    class Untouched(io.BytesIO):
        def read(self, *_: object) -> bytes:
            raise AssertionError("the body was read")

    answer = counter.client.post(
        f"/drafts/{draft_id}/papers",
        input_stream=Untouched(),
        headers=counter.headers(),
        content_type="multipart/form-data; boundary=B",
        environ_overrides={"CONTENT_LENGTH": str(10 * 1024**3)},
    )

    assert answer.status_code == 413


def test_names_become_no_paths_and_files_are_the_owners_alone(counter: Counter, draft_id: int) -> None:
    upload = begin(counter, draft_id, 10, "../../\u202egpj.exe/..\\evil\x00.jpg")
    counter.put(upload["url"], 0, bytes(5))
    folder = counter.parts.settings.upload_dir

    assert upload["name"] == "evil.jpg"
    assert {path.name for path in folder.iterdir()} >= {upload["id"]}
    assert all(str(uuid.UUID(path.name)) == path.name for path in folder.iterdir())
    assert stat.S_IMODE((folder / upload["id"]).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_only_so_many_files_are_on_their_way(counter: Counter, draft_id: int) -> None:
    for _ in range(limits.MAX_FILES_PER_SLOT):
        begin(counter, draft_id, 10)
    for _ in range(limits.MAX_OPEN_UPLOADS - limits.MAX_FILES_PER_SLOT):
        begin(counter, draft_id, 10, slot="user_id_card")

    answer = counter.json(f"/drafts/{draft_id}/uploads", {"slot": SLOT, "name": "x", "size": 10})

    assert answer.status_code == 409
    assert "Too many files are on their way" in answer.get_json()["detail"]


def test_what_is_on_its_way_counts_towards_the_forms_limit(counter: Counter, draft_id: int) -> None:
    for _ in range(limits.MAX_DRAFT_BYTES // limits.MAX_FILE_BYTES - 1):
        begin(counter, draft_id, limits.MAX_FILE_BYTES)

    answer = counter.json(f"/drafts/{draft_id}/uploads", {"slot": SLOT, "name": "x", "size": limits.MAX_FILE_BYTES})

    assert answer.status_code == 422
    assert "All files together" in answer.get_json()["detail"]


def test_another_applicants_upload_is_not_found(counter: Counter, stranger: Counter, draft_id: int) -> None:
    upload = begin(counter, draft_id, 100)
    own = stranger.start()
    for url in (upload["url"], upload["url"].replace(f"/drafts/{draft_id}/", f"/drafts/{own}/")):
        assert stranger.client.get(url, headers=stranger.headers()).status_code == 404
        assert stranger.put(url, 0, bytes(10)).status_code == 404
        assert stranger.json(f"{url}/finish", {}).status_code == 404
        assert stranger.json(f"{url}/remove", {}).status_code == 404
    said = {"slot": SLOT, "name": "x", "size": 10}
    assert stranger.json(f"/drafts/{draft_id}/uploads", said).status_code == 404
    assert counter.client.get(upload["url"], headers=counter.headers()).get_json()["received"] == 0


def test_without_the_forms_token_nothing_is_taken(counter: Counter, draft_id: int) -> None:
    upload = begin(counter, draft_id, 100)

    answer = counter.client.put(upload["url"], data=bytes(10), headers={"Upload-Offset": "0"})

    assert answer.status_code == 400
    assert counter.client.get(upload["url"], headers=counter.headers()).get_json()["received"] == 0


def test_two_pieces_at_once_are_taken_once(counter: Counter, draft_id: int) -> None:
    upload = begin(counter, draft_id, 1000)
    ends: list[str] = []

    def append() -> None:
        try:
            with counter.work() as session:
                found = uploading.get_upload(session, counter.actor, draft_id, uuid.UUID(upload["id"]), lock=True)
                uploading.append(session, counter.parts, found, 0, bytes(600))
            ends.append("taken")
        except Conflict:
            ends.append("out of step")

    threads = [Thread(target=append) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(ends) == ["out of step"] * 4 + ["taken"]
    assert counter.client.get(upload["url"], headers=counter.headers()).get_json()["received"] == 600


def test_removing_a_paper_does_not_bring_its_upload_back(counter: Counter, draft_id: int) -> None:
    content = a_strip(11)
    upload = begin(counter, draft_id, len(content), "gone.jpg")
    send(counter, upload, content)
    file_id = finish(counter, upload).get_json()["file"]

    counter.post(f"/drafts/{draft_id}/files/{file_id}/remove")

    page = counter.client.get(f"/drafts/{draft_id}/papers").text
    assert "data-upload=" not in page
    assert finish(counter, upload).status_code == 404


def test_lost_bytes_are_told_as_a_lost_upload(counter: Counter, draft_id: int) -> None:
    upload = begin(counter, draft_id, 1000)
    counter.put(upload["url"], 0, bytes(500))
    (counter.parts.settings.upload_dir / upload["id"]).unlink()

    assert counter.put(upload["url"], 500, bytes(500)).status_code == 404
    assert counter.client.get(upload["url"], headers=counter.headers()).status_code == 404


def test_what_is_old_is_swept_away(counter: Counter, draft_id: int) -> None:
    old, young = begin(counter, draft_id, 100), begin(counter, draft_id, 100)
    folder = counter.parts.settings.upload_dir
    for upload in (old, young):
        counter.put(upload["url"], 0, bytes(50))
    orphan = folder / str(uuid.uuid4())
    orphan.write_bytes(b"x")
    ago = now() - timedelta(hours=25)
    for name in (old["id"], orphan.name):
        os.utime(folder / name, (ago.timestamp(), ago.timestamp()))
    with counter.parts.work() as session:
        found = session.get(Upload, uuid.UUID(old["id"]))
        assert found is not None
        found.created_at = ago
        session.add_all(
            [
                SpentToken(sha256="a" * 64, expires_at=ago),
                SpentToken(sha256="b" * 64, expires_at=now() + timedelta(hours=1)),
            ]
        )
    tasks.install(counter.parts)

    sweep_uploads(timestamp=0)
    sweep_uploads(timestamp=0)

    left = {path.name for path in folder.iterdir()}
    assert young["id"] in left
    assert not {old["id"], orphan.name} & left
    with counter.parts.work() as session:
        assert session.get(Upload, uuid.UUID(old["id"])) is None
        assert session.get(Upload, uuid.UUID(young["id"])) is not None
        assert session.get(SpentToken, "a" * 64) is None
        assert session.get(SpentToken, "b" * 64) is not None


def test_old_uploads_are_offered_no_more(counter: Counter, draft_id: int) -> None:
    begin(counter, draft_id, 100, "yesterday.jpg")
    with clock_at(now() + timedelta(hours=25)), counter.work() as session:
        assert uploading.unfinished(session, counter.draft_in(session, draft_id)) == []


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.tuples(st.integers(-20, 20), st.integers(0, 60)), max_size=12))
def test_whatever_is_sent_what_was_received_is_a_beginning_of_the_file(
    counter: Counter, draft_id: int, cuts: list[tuple[int, int]]
) -> None:
    content = bytes(range(200))
    with counter.work() as session:
        upload = uploading.open_upload(session, counter.actor, draft_id, SLOT, "x.jpg", len(content))
        for shift, length in cuts:
            offset = max(0, upload.received + shift)
            before = upload.received
            try:
                uploading.append(session, counter.parts, upload, offset, content[offset : offset + length])
            except (Conflict, Invalid):
                assert upload.received == before
        received = upload.received
        path = counter.parts.settings.upload_dir / str(upload.id)
        kept = path.read_bytes() if path.exists() else b""
        assert kept[:received] == content[:received]
        uploading.give_up(session, counter.parts, upload)
