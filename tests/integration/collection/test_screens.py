"""The counter's screens: who opens them, forms without scripts, what answers hold, and nothing of another authority."""

import io
import re
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pypdfium2
import pytest
from PIL import Image, ImageDraw
from sqlalchemy import func, select, update

from tests.integration.collection.conftest import Counter, ticks
from tests.support.casework import OTHER_IDENTITY
from tests.support.database import Database
from tests.support.desk import Desk, DeskBrowser, open_desk
from tests.support.keys import MadeKey
from workbench.cases.calendar import local_day
from workbench.cases.models import Application
from workbench.collection.models import HandOver, Pickup
from workbench.kernel.audit import AuditEntry
from workbench.kernel.clock import SHANGHAI, now
from workbench.kernel.identity import Role

JSON = {"Accept": "application/json"}


@pytest.fixture
def desk(fresh_database: Database, tmp_path: Path, counter: Counter) -> Iterator[Desk]:
    """The application over the counter's office."""
    with open_desk(fresh_database, tmp_path / "desk", counter.office) as opened:
        yield opened


@pytest.fixture
def clerk(desk: Desk) -> DeskBrowser:
    """Counter staff of the first authority."""
    return desk.browser(Role.COUNTER_STAFF)


def _picture(kind: str = "PNG") -> io.BytesIO:
    picture = Image.new("RGB", (600, 200), "white")
    ImageDraw.Draw(picture).line((10, 10, 590, 190), fill="black", width=6)
    content = io.BytesIO()
    picture.save(content, kind)
    content.seek(0)
    return content


def _attempt(key: MadeKey, **more: Any) -> dict[str, Any]:
    return {
        "client_id": str(uuid4()),
        "captured_at": now().isoformat(),
        **{f"original-{each.document}": "match" for each in ticks()},
        "stamping": "passed",
        "remark": "示例结论",
        "collector": "holder",
        "terms": "1",
        "serial": key.serial,
        "signature": (_picture(), "signature.png"),
        **more,
    }


def _path(key: MadeKey, rest: str = "") -> str:
    return f"/desk/collection/{key.application_id}{rest}"


def test_what_names_one_waiting_key_opens_it(counter: Counter, clerk: DeskBrowser) -> None:
    key, code = counter.waiting(), ""
    counter.waiting(), counter.waiting(1)
    code = counter.pickup(key).code
    case = counter.read(lambda session: session.get_one(Application, key.application_id))
    mark = f"EK1/{case.number}/1/BUSINESS-LICENCE/1/1/0123456789ABCDEF/ABCDEFGHIJKLMNOPQRSTUVWX"
    for typed in (code, f"{code[:4]} {code[4:]}", case.number, mark, case.uscc, case.enterprise_name, key.serial):
        answer = clerk.client.get("/desk/collection/", query_string={"q": typed})
        assert (answer.status_code, answer.headers.get("Location")) == (303, _path(key)), typed


@pytest.mark.parametrize("serial", ["12345678", "EK12345678901", "91110000MA0000001X"])
def test_a_key_whose_serial_looks_like_something_else_is_found_by_it(
    counter: Counter, clerk: DeskBrowser, serial: str
) -> None:
    key = counter.waiting(serial=serial)
    answer = clerk.client.get("/desk/collection/", query_string={"q": serial})
    assert (answer.status_code, answer.headers.get("Location")) == (303, _path(key))


@pytest.mark.parametrize("serial", ["12345678", "EK12345678901", "91110000MA0000001X"])
def test_another_authoritys_key_is_not_found_by_such_a_serial(
    counter: Counter, clerk: DeskBrowser, serial: str
) -> None:
    counter.waiting(1, serial=serial)
    assert "Nothing is found" in clerk.open(f"/desk/collection/?q={serial}")


def test_a_code_that_is_another_keys_serial_lists_both(counter: Counter, clerk: DeskBrowser) -> None:
    coded, bearer = counter.waiting(), counter.waiting(serial="12345678")
    with counter.office.work() as session:
        session.execute(update(Pickup).where(Pickup.token_id == counter.token(coded).id).values(code="12345678"))
    page = clerk.open("/desk/collection/?q=12345678")
    assert [_path(key) in page for key in (coded, bearer)] == [True, True]


def test_a_part_of_a_name_lists_what_waits_here_and_nothing_of_others(counter: Counter, clerk: DeskBrowser) -> None:
    keys = [counter.waiting(), counter.waiting()]
    far = counter.waiting(1)
    page = clerk.open("/desk/collection/?q=示例第")
    assert all(_path(key) in page for key in keys)
    assert _path(far) not in page
    for typed in (counter.pickup(far).code, far.serial):
        assert "Nothing is found" in clerk.open(f"/desk/collection/?q={typed}")


def test_a_key_that_does_not_wait_says_why(counter: Counter, clerk: DeskBrowser) -> None:
    key = counter.arrived()
    number = counter.read(lambda session: session.get_one(Application, key.application_id).number)
    assert "has not been told yet" in clerk.open(f"/desk/collection/?q={number}")
    assert clerk.client.get(_path(key)).status_code == 303


def test_a_hand_over_without_scripts_and_its_receipt(counter: Counter, clerk: DeskBrowser) -> None:
    key = counter.waiting()
    page = clerk.open(_path(key))
    assert re.search(r'name="client_id" value="[0-9a-f-]{36}"', page)
    slip = {"signature": (io.BytesIO(b""), ""), "slip": (_picture("JPEG"), "slip.jpg")}
    answer = clerk.send(_path(key, "/attend"), _path(key), **_attempt(key, **slip))
    assert (answer.status_code, answer.headers["Location"]) == (303, _path(key, "/done"))
    assert "Photo of the signed slip" in clerk.open(_path(key, "/done"))
    receipt = clerk.client.get(_path(key, "/receipt.pdf"))
    said = pypdfium2.PdfDocument(receipt.data)[0].get_textpage().get_text_range()
    assert key.serial in "".join(said.split())
    assert clerk.client.get(_path(key, "/pictures/slip")).mimetype == "image/jpeg"
    told = counter.read(lambda session: session.scalars(select(AuditEntry.action)).all())
    assert "hand_over.picture_viewed" in told


def _post(clerk: DeskBrowser, key: MadeKey, attempt: dict[str, Any]) -> Any:
    found = re.search(r'name="csrf-token" content="([^"]+)"', clerk.open("/desk/collection/"))
    assert found is not None
    headers = {**JSON, "X-CSRFToken": found.group(1)}
    return clerk.client.post(_path(key, "/attend"), data=attempt, headers=headers)


def test_a_delegates_capture_sent_twice_is_answered_twice_and_written_once(
    counter: Counter, clerk: DeskBrowser
) -> None:
    key, client_id = counter.waiting(), str(uuid4())
    delegate = {"collector": "delegate", "delegate_name": "示例代领", "delegate_identity": OTHER_IDENTITY}
    answers = []
    for _ in range(2):
        files = {"signature": (_picture(), "s.png"), "letter": (_picture("JPEG"), "letter.jpg")}
        answers.append(_post(clerk, key, _attempt(key, client_id=client_id, **delegate, **files)))
    assert [each.json["repeated"] for each in answers] == [False, True]
    assert answers[0].json["url"] == answers[1].json["url"]
    assert counter.read(lambda session: session.scalar(select(func.count()).select_from(HandOver))) == 1
    page = clerk.open(_path(key, "/done"))
    assert OTHER_IDENTITY not in page
    assert f"1{'*' * 16}1" in page
    assert OTHER_IDENTITY in clerk.send(_path(key, "/reveal"), _path(key, "/done"), reason="示例理由").text


def test_a_refusal_says_so_and_a_wrong_file_is_named(counter: Counter, clerk: DeskBrowser) -> None:
    key = counter.waiting()
    wrong = _attempt(key, collector="delegate", delegate_name="示例", delegate_identity=OTHER_IDENTITY)
    answer = _post(clerk, key, {**wrong, "letter": (io.BytesIO(b"no picture"), "letter.jpg")})
    assert (answer.status_code, answer.json["refused"]) == (400, True)
    answer = _post(clerk, key, _attempt(key, serial="VK404"))
    assert (answer.status_code, answer.json["refused"]) == (409, True)
    assert "VK404" in answer.json["detail"]
    differs = {"original-business_licence": "differs", "remark-business_licence": "公章不清", "stamping": "refused"}
    answer = _post(clerk, key, _attempt(key, **differs))
    assert answer.json["url"] == _path(key, "/refused")
    assert "公章不清" in clerk.open(_path(key, "/refused"))
    assert "Refused before" in clerk.open(_path(key))


def test_nothing_of_another_authority_is_found_by_any_path(counter: Counter, clerk: DeskBrowser) -> None:
    far = counter.waiting(1)
    pickup_id = counter.pickup(far).id
    for rest in ("", "/done", "/refused", "/receipt.pdf", "/pictures/signature"):
        assert clerk.client.get(_path(far, rest)).status_code == 404, rest
    assert _post(clerk, far, _attempt(far)).status_code == 404
    listing = "/desk/collection/waiting/"
    assert far.serial not in clerk.open(listing)
    for verb in ("propose", "sign", "withdraw"):
        sent = clerk.send(f"{listing}{pickup_id}/{verb}", listing, disposal="destroy", remark="示例")
        assert sent.status_code == 404, verb
    sent = clerk.send("/desk/collection/telling/notify", "/desk/collection/telling/", case=str(far.application_id))
    assert counter.pickup(far).disposal is None
    assert far.serial not in clerk.open("/desk/collection/returned/")


def test_enterprises_are_told_from_the_list(counter: Counter, clerk: DeskBrowser) -> None:
    keys = [counter.arrived(), counter.arrived()]
    in_time = local_day(now()) - timedelta(days=4)
    late = datetime.combine(in_time + timedelta(days=1), time(), SHANGHAI)
    with counter.office.work() as session:
        session.execute(update(Application).where(Application.id == keys[0].application_id).values(due_at=late))
    page = clerk.open("/desk/collection/telling/")
    assert re.search(rf"{in_time:%a} {in_time.day} {in_time:%b}\b[^<]* · \d+ working days? overdue", page)
    assert page.index(f'value="{keys[0].application_id}"') < page.index(f'value="{keys[1].application_id}"')
    assert f'value="{keys[1].application_id}"' not in clerk.open("/desk/collection/telling/?show=late")
    clerk.send("/desk/collection/telling/notify", "/desk/collection/telling/")
    assert "Choose at least one case." in clerk.open("/desk/collection/telling/")
    chosen = [str(key.application_id) for key in keys]
    clerk.send("/desk/collection/telling/notify", "/desk/collection/telling/", case=chosen)
    assert "2 enterprises told." in clerk.open("/desk/collection/telling/")
    assert "Everybody has been told" in clerk.open("/desk/collection/telling/")
    counts = clerk.client.get("/desk/counts").json
    assert counts is not None
    assert (counts["telling.index"], counts["waiting_keys.index"]) == (0, 2)


def test_two_people_dispose_on_screen(counter: Counter, desk: Desk, clerk: DeskBrowser) -> None:
    key = counter.waiting()
    with counter.office.work() as session:
        session.execute(update(Pickup).values(received_at=now() - timedelta(days=91)))
    listing = "/desk/collection/waiting/?show=uncollected"
    pickup_id = counter.pickup(key).id
    act = f"/desk/collection/waiting/{pickup_id}"
    assert key.serial in clerk.open(listing)
    clerk.send(f"{act}/propose", listing, disposal="return", remark="长期未领")
    assert "Sign as second person" not in clerk.open(listing)
    clerk.send(f"{act}/sign", listing)
    assert counter.state(key) == "awaiting_collection"
    supervisor = desk.browser(Role.AUTHORITY_SUPERVISOR)
    assert "Sign as second person" in supervisor.open(listing)
    supervisor.send(f"{act}/sign", listing)
    assert counter.state(key) == "key_destroyed"
    returned = "/desk/collection/returned/"
    assert key.serial in supervisor.open(returned)
    supervisor.send(f"{returned}propose", returned, serial=key.serial, remark="示例")
    found = re.search(r"/returned/(\d+)/sign", clerk.open(returned))
    assert found is not None
    clerk.send(f"{returned}{found.group(1)}/sign", returned)
    assert counter.token(key).state == "destroyed"


def test_lists_page_by_key_and_keep_their_filter(
    counter: Counter, clerk: DeskBrowser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.collection.queries.PAGE_SIZE", 2)
    keys = [counter.waiting() for _ in range(5)]
    seen, address = [], "/desk/collection/waiting/?q=示例"
    while address:
        page = clerk.open(address)
        seen += re.findall(r"VK\d{10}", page)
        following = re.search(r'rel="next" href="([^"]+)"', page)
        address = following.group(1).replace("&amp;", "&") if following else ""
        assert not address or "q=" in address
    assert sorted(set(seen)) == sorted(key.serial for key in keys)


def test_other_roles_are_kept_out(desk: Desk, counter: Counter) -> None:
    key = counter.waiting()
    checker, dispatcher = desk.browser(Role.RE_CHECKER), desk.browser(Role.DISPATCHER)
    for path in ("/desk/collection/", _path(key), "/desk/collection/waiting/"):
        assert checker.client.get(path).status_code == 403
    assert dispatcher.client.get(_path(key)).status_code == 403
    # The vendor reads whose keys wait, and tells nobody.
    assert key.serial in dispatcher.open("/desk/collection/waiting/")
    dispatcher.open("/desk/collection/telling/")
    sent = dispatcher.send("/desk/collection/telling/notify", "/desk/collection/telling/", case="1")
    assert sent.status_code == 403


@pytest.mark.parametrize("language", ["en", "zh"])
def test_my_day_tells_the_counter_what_waits(counter: Counter, desk: Desk, language: str) -> None:
    counter.waiting(), counter.arrived()
    page = desk.browser(Role.COUNTER_STAFF, language).open("/desk/")
    assert "/desk/collection/waiting/?show=uncollected" in page
