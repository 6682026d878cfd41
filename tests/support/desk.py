"""The whole web application over a staffed office, and a browser of each role that sends forms as its pages would."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Flask
from html5lib import HTMLParser
from werkzeug.test import TestResponse

from tests.support.casework import Office
from tests.support.database import Database
from workbench import create_app
from workbench.config import Settings
from workbench.kernel.identity import AUTHORITY_ROLES, Role, system_actor
from workbench.kernel.parts import Parts, make_parts
from workbench.organisation.service import create_staff

PASSWORD = "correct horse battery"


@contextmanager
def open_desk(database: Database, folder: Path, office: Office) -> Iterator["Desk"]:
    """The application over the office; people of an authority belong to its first."""
    parts = make_parts(Settings(var_dir=folder / "var"), database.app_url)
    yield Desk(create_app(parts=parts), parts, office.authority_ids[0])
    parts.engine.dispose()


class Desk:
    """The application and the process parts it runs on."""

    def __init__(self, app: Flask, parts: Parts, authority_id: int) -> None:
        self.app = app
        self.parts = parts
        self._authority_id = authority_id
        self._hired: set[Role] = set()

    def browser(self, role: Role, language: str = "en") -> "DeskBrowser":
        """Somebody of this role, signed in; hired when first asked for."""
        if role not in self._hired:
            self._hire(role)
        return DeskBrowser(self.app, role, language)

    def _hire(self, role: Role) -> None:
        with self.parts.work() as session:
            create_staff(
                session,
                system_actor("test"),
                login=role.value.replace("_", "-"),
                name=f"示例{role.value}",
                roles=[role],
                authority_id=self._authority_id if role in AUTHORITY_ROLES else None,
                first_password=PASSWORD,
                must_change_password=False,
            )
        self._hired.add(role)


class DeskBrowser:
    """A client with a session. Every page it opens has to be valid HTML."""

    def __init__(self, app: Flask, role: Role, language: str) -> None:
        self.client = app.test_client()
        self.client.set_cookie("language", language)
        answer = self.send("/sign-in", login=role.value.replace("_", "-"), password=PASSWORD)
        assert answer.status_code == 303

    def open(self, path: str, status: int = 200) -> str:
        """The page at `path`, which has to answer with `status`."""
        answer = self.client.get(path)
        assert answer.status_code == status, (path, answer.status_code)
        HTMLParser(strict=True).parse(answer.text)
        return answer.text

    def send(self, path: str, page: str | None = None, **values: Any) -> TestResponse:
        """Post a form to `path` with the token of `page` (the same path unless given)."""
        found = re.search(r'name="csrf-token" content="([^"]+)"', self.client.get(page or path).text)
        assert found is not None
        return self.client.post(path, data={"csrf_token": found.group(1), **values})
