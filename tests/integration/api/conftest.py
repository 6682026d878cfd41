"""The whole application over an office of its own, and registration sites that show their keys."""

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.datastructures import Headers

from tests.support.casework import DOCUMENTS, IDENTITY, Office, open_office
from tests.support.database import Database
from tests.unit.documents import samples
from workbench import create_app
from workbench.api import service
from workbench.api.words import KeyScope
from workbench.config import Settings
from workbench.kernel import tasks
from workbench.kernel.codes import uscc_check_character
from workbench.kernel.identity import system_actor
from workbench.kernel.parts import Parts, make_parts

SYSTEM = system_actor("test")
PDF = samples.pdf(1)
PREFIX = "/api/v1"
_NUMBERS = count(1)
_ENTERPRISES = {"from": 0}


@dataclass(frozen=True)
class Told:
    """An answer, its JSON read."""

    status_code: int
    headers: Headers
    text: str
    json: Any


class Site:
    """A registration site with a key."""

    def __init__(self, app: Flask, parts: Parts, name: str, scopes: Sequence[KeyScope] = tuple(KeyScope)) -> None:
        self.app = app
        self.parts = parts
        self.name = name
        with parts.work() as session:
            self.id = service.create_site(session, SYSTEM, name).id
            key, self.value = service.create_key(session, SYSTEM, self.id, scopes)
            self.key_id = key.id
        self.client = app.test_client()

    def send(self, method: str, path: str, **options: Any) -> Told:
        headers = {"Authorization": f"Bearer {self.value}", "Accept-Language": "en", **options.pop("headers", {})}
        answer = self.client.open(PREFIX + path, method=method, headers=headers, **options)
        if answer.status_code >= 400:
            assert answer.content_type == "application/problem+json", answer.data
            assert answer.get_json()["status"] == answer.status_code
        return Told(answer.status_code, answer.headers, answer.text, answer.get_json(silent=True))

    def get(self, path: str, **options: Any) -> Told:
        return self.send("GET", path, **options)

    def post(
        self,
        facts: Mapping[str, Any] | str,
        files: Mapping[str, bytes],
        key: str,
        path: str = "/applications",
        **options: Any,
    ) -> Told:
        """A multipart request: the JSON, and each file under the name of its part."""
        body = facts if isinstance(facts, str) else json.dumps(facts)
        data: dict[str, Any] = {"application": (io.BytesIO(body.encode()), "case.json", "application/json")}
        data.update({part: (io.BytesIO(content), f"{part}.pdf") for part, content in files.items()})
        headers = {"Idempotency-Key": key, **options.pop("headers", {})}
        return self.send("POST", path, data=data, headers=headers, **options)

    def new_case(self, serial: int, key: str | None = None) -> str:
        """The number of a case this site made."""
        answer = self.post(facts(serial), papers(), key or f"case-{serial}")
        assert answer.status_code == 201, answer.json
        return str(answer.json["number"])


def facts(serial: int, **changes: Any) -> dict[str, Any]:
    """What a site sends; every enterprise is another one, in every test."""
    first = f"91110000{_ENTERPRISES['from'] + serial:09d}"
    return {
        "service": "new",
        "category": "other",
        "authority": "990001",
        "enterprise": {"name": f"示例第{serial}有限公司", "uscc": first + uscc_check_character(first)},
        "holder": {
            "name": "示例甲",
            "identity_number": IDENTITY,
            "mobile": "10000000000",
            "email": "a@example.invalid",
        },
        "files": [{"document": code, "part": code} for code in DOCUMENTS],
        **changes,
    }


def papers(*codes: str) -> dict[str, bytes]:
    """A file for each of the documents, all of them unless named."""
    return dict.fromkeys(codes or DOCUMENTS, PDF)


@pytest.fixture(autouse=True)
def new_enterprises() -> None:
    """An enterprise has its limit of keys, so each test's apply for the first time."""
    _ENTERPRISES["from"] = 1000 * next(_NUMBERS)


@contextmanager
def opened(database: Database, folder: Path) -> Iterator[Parts]:
    """The parts of a process whose webhooks may go to this machine."""
    parts = make_parts(Settings(var_dir=folder, webhooks_inside=True), database.app_url)
    tasks.install(parts)
    yield parts
    parts.engine.dispose()


@pytest.fixture
def parts(fresh_database: Database, tmp_path: Path) -> Iterator[Parts]:
    """A database of the test's own."""
    with opened(fresh_database, tmp_path / "var") as parts:
        yield parts


@pytest.fixture
def office(parts: Parts) -> Office:
    """Two authorities, 990001 and 990002, with a calendar and a check-list."""
    return open_office(parts.engine, parts.settings.key_dir)


@pytest.fixture
def app(parts: Parts, office: Office) -> Flask:
    """Every room put together."""
    return create_app(parts=parts)


@pytest.fixture
def site(app: Flask, parts: Parts) -> Site:
    """A registration site that may do everything."""
    return Site(app, parts, f"示例站点{next(_NUMBERS)}")


@pytest.fixture
def other_site(app: Flask, parts: Parts) -> Site:
    """Another one."""
    return Site(app, parts, f"示例站点{next(_NUMBERS)}")
