"""Strange input everywhere: NUL, halves of characters, huge numbers, deep nesting. An answer below 500, always."""

import base64
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.security.conftest import Prey
from tests.integration.security.test_roles import posts
from workbench.documents.intake_source import SourceRefused, open_source

STRANGE = (
    "\x00",
    "a\x00b",
    "²",
    "١",
    "9" * 30,
    "-1",
    "9" * 5000,
    "1e999",
    "NaN",
    "\u202e",
    "%",
    "'",
    "\\",
    "=1+1",
    "//[",
)
LOGINS = ("pre-checker-b", "re-checker", "administrator")
NAMES = (
    "version",
    "remark",
    "verdict",
    "reason",
    "rotation",
    "case",
    "person",
    "note",
    "name",
    "title",
    "text",
    "action",
    "enterprise_name",
    "uscc",
    "holder_name",
    "holder_identity_number",
    "holder_email",
    "category",
    "pickup_site_id",
    "keep",
    "answer",
    "draft",
    "login",
    "password",
    "employer",
    "roles",
    "email",
    "address",
    "authority_id",
    "position",
    "count",
    "0.count",
    "0.code",
    "seen",
    "notice",
    "source",
    "step",
    "next",
    "url",
    "current",
    "new",
    "again",
    "desk",
    "service",
    "slot",
    "id",
    "prior_key",
    "legal_representative",
)
LISTS = ("q", "page", "after", "before", "authority", "state", "round", "due", "holder", "service")
TABLE = ("search", "sort", "desc", "page", "page_size", "id", "url")
GETS: dict[str, dict[str, tuple[str, ...]]] = {
    "pre-checker-b": {
        "/cases/": LISTS,
        "/review/pre-check/": LISTS,
        "/review/cases/{case}": ("document", "page"),
        "/desk/paper/": ("q",),
        "/desk/paper/new": ("service",),
        "/calendar/": ("year",),
        "/sign-in": ("next",),
    },
    "administrator": {
        "/desk/staff/": ("q", "employer", "role", "page", "inactive"),
        "/desk/staff/new": ("employer",),
        "/desk/pickup-sites/": TABLE,
        "/desk/pickup-sites/edit/": TABLE,
        "/remark-templates/": TABLE,
        "/operations/jobs/": ("below",),
        "/operations/mail/": ("below", "state"),
        "/desk/requirements/new/": ("authority", "version"),
    },
    "auditor": {"/audit/": ("case", "actor", "action", "since", "until", "older", "newer")},
}


@pytest.mark.parametrize("login", GETS)
@pytest.mark.parametrize("odd", STRANGE, ids=range(len(STRANGE)))
def test_no_address_breaks_on_a_strange_argument(prey: Prey, login: str, odd: str) -> None:
    browser = prey.desk.browser(login)
    for path, names in GETS[login].items():
        for name in names:
            answer = browser.get(path.format(case=prey.own.case), query_string={name: odd[:2000]})
            assert answer.status_code < 500, (path, name)


def test_a_forged_cursor_is_none(prey: Prey) -> None:
    auditor, clerk = prey.desk.browser("auditor"), prey.desk.browser("pre-checker-b")
    for key in (
        '["2026-01-01T00:00:00+00:00", "\\ud800", 1]',
        '["2026-01-01T00:00:00+00:00", "\\u0000", 1]',
        '["2026-01-01T00:00:00+00:00:00.000001", "x", 1]',
        '["0001-01-01T00:00:00+14:00", "x", 1]',
        '["2026-01-01T00:00:00+00:00", 9223372036854775808]',
        '["9999-12-31T23:59:59-14:00", 1]',
        "[null, true]",
        "[" * 200,
        "{}",
    ):
        forged = base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")
        for name in ("older", "newer"):
            assert auditor.get("/audit/", query_string={name: forged}).status_code in {200, 400}, key
        for name in ("after", "before"):
            answer = clerk.get("/cases/", query_string={name: forged})
            assert answer.status_code in {200, 400}, key
            assert f'/review/cases/{prey.theirs.case}"' not in answer.text


@pytest.mark.parametrize("login", LOGINS)
@pytest.mark.parametrize("odd", STRANGE, ids=range(len(STRANGE)))
def test_no_form_breaks_on_a_strange_value(prey: Prey, login: str, odd: str) -> None:
    browser = prey.desk.browser(login)
    for endpoint, path in posts(prey):
        if endpoint in {"staff.deactivate", "staff.activate", "staff.reset_password"}:
            continue  # takes no value
        assert browser.post(path, **dict.fromkeys(NAMES, odd)).status_code < 500, endpoint


HOSTILE_BODIES = (
    '{"version": 1e999, "remark": "x"}',
    '{"version": NaN, "marks": [{"item": Infinity}]}',
    '{"marks": ' + "[" * 50_000 + "]" * 50_000 + "}",
    "[" * 100_000,
    '{"marks": [{"item": 1, "value": {}, "note": [], "region": {"page_id": 1e400}}], "version": 1}',
    '{"remark": "\\ud800", "reason": "\\ud800\\u0000", "version": 3, "verdict": "passed"}',
    '{"remark": "\\u0000", "reason": "a\\u0000b", "version": 3, "verdict": "failed"}',
    '{"version": ' + "9" * 6000 + "}",
    '{"version": true, "marks": null, "verdict": []}',
    "null",
    '"x"',
    "",
    "\xff\xfe",
)


@pytest.mark.parametrize("body", HOSTILE_BODIES, ids=range(len(HOSTILE_BODIES)))
@pytest.mark.parametrize("login", ["pre-checker-b", "re-checker"])
def test_no_json_address_breaks_on_a_hostile_body(prey: Prey, login: str, body: str) -> None:
    browser = prey.desk.browser(login)
    headers = {"X-CSRFToken": browser.token, "Accept": "application/json", "Content-Type": "application/json"}
    for endpoint, path in posts(prey):
        assert browser.client.post(path, data=body.encode(), headers=headers).status_code < 500, endpoint


words = st.text(max_size=40)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)


@given(body=st.dictionaries(st.sampled_from(["marks", "version", "remark", "verdict", "reason"]), values))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_json_is_answered(prey: Prey, body: dict[str, Any]) -> None:
    browser, case = prey.desk.browser("pre-checker-b"), prey.own.case
    headers = {"X-CSRFToken": browser.token, "Accept": "application/json", "Content-Type": "application/json"}
    body = {"version": prey.desk.version(case), **body}
    for verb in ("marks", "draft", "decide", "identity"):
        answer = browser.client.post(f"/review/cases/{case}/{verb}", data=json.dumps(body), headers=headers)
        assert answer.status_code < 500, verb


def test_a_flood_of_fields_parts_or_bytes_is_refused(prey: Prey) -> None:
    browser = prey.desk.browser("pre-checker-b")
    path = "/desk/paper/new?service=new"
    many = {f"f{number}": (io.BytesIO(b"x"), "x.pdf") for number in range(1500)}
    assert browser.client.post(path, data={"csrf_token": browser.token, **many}).status_code in {400, 413}
    headers = {"X-CSRFToken": browser.token}
    long = browser.client.post("/review/pre-check/next", data=b"x" * 3_000_000, headers=headers)
    assert long.status_code == 413
    keep = browser.client.post(f"/review/cases/{prey.own.case}/draft", data=b"[" * 3_000_000, headers=headers)
    assert keep.status_code == 413


def test_a_folder_or_archive_gives_nothing_from_outside(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("示例秘密")
    folder = tmp_path / "case"
    folder.mkdir()
    (folder / "link").symlink_to(secret)
    (folder / "up").symlink_to(tmp_path)
    for path in (
        "link",
        "up/secret",
        "../secret",
        str(secret),
        "a/../../secret",
        "./../secret",
        "",
        ".",
        "C:/x",
        "a\\b",
    ):
        with open_source(folder) as source, pytest.raises(SourceRefused):
            source.read(path, 100)
    for name in ("../secret", "/etc/passwd", "a/../../b", "a\\..\\b"):
        archive = tmp_path / "slip.zip"
        with zipfile.ZipFile(archive, "w") as packed:
            packed.writestr(name, "x")
        with pytest.raises(SourceRefused), open_source(archive):
            pass
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as packed:
        for number in range(1001):
            packed.writestr(f"{number}", "")
    with pytest.raises(SourceRefused), open_source(tmp_path / "many.zip"):
        pass
