"""A served office for the tests of the review screens: signed-in browsers, cases without pictures."""

import re
from collections.abc import Mapping
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.casework import SYSTEM, Office
from workbench.cases.models import Application
from workbench.kernel.identity import Role
from workbench.kernel.parts import Parts
from workbench.organisation.service import create_staff

PASSWORD = "correct horse battery"


class Browser:
    """A signed-in browser that reads English."""

    def __init__(self, app: Flask, login: str) -> None:
        self.client: FlaskClient = app.test_client()
        self.client.set_cookie("language", "en")
        self.token = self._token("/sign-in")
        assert self.post("/sign-in", login=login, password=PASSWORD).status_code == 303, login
        self.token = self._token("/desk/")

    def _token(self, path: str) -> str:
        found = re.search(r'name="csrf-token" content="([^"]+)"', self.client.get(path).text)
        assert found
        return found.group(1)

    def get(self, path: str, **options: Any) -> TestResponse:
        """GET a page."""
        return self.client.get(path, **options)

    def post(self, path: str, **values: Any) -> TestResponse:
        """POST a form, as a browser without scripts does."""
        return self.client.post(path, data={"csrf_token": self.token, **values})

    def send(self, path: str, body: Mapping[str, Any] | None = None) -> TestResponse:
        """POST JSON, as the scripts do."""
        headers = {"X-CSRFToken": self.token, "Accept": "application/json"}
        return self.client.post(path, json=dict(body or {}), headers=headers)


class Desk:
    """The application over an office, with browsers by login."""

    def __init__(self, app: Flask, office: Office, parts: Parts) -> None:
        self.app, self.office, self.parts = app, office, parts
        self.people: dict[str, int] = {}
        self._browsers: dict[str, Browser] = {}

    def hire(self, login: str, role: Role, authority: int | None = None) -> int:
        """A member of staff who can sign in; of the vendor unless an authority (0 or 1) is named."""
        authority_id = None if authority is None else self.office.authority_ids[authority]
        with self.office.work() as session:
            staff, _ = create_staff(
                session,
                SYSTEM,
                login=login,
                name=f"示例{login}",
                roles=[role],
                authority_id=authority_id,
                first_password=PASSWORD,
                must_change_password=False,
            )
            self.people[login] = staff.id
            return staff.id

    def browser(self, login: str) -> Browser:
        """The browser of a person, signed in once."""
        if login not in self._browsers:
            self._browsers[login] = Browser(self.app, login)
        return self._browsers[login]

    def items(self, case_id: int) -> list[int]:
        """The required check items of a case."""
        with self.office.work() as session:
            return self.office.items(session, case_id)

    def tick_all(self, browser: Browser, case_id: int, *, faults: int = 0) -> TestResponse:
        """Mark every required item through the screen's own address, the first ones as faults."""
        marks = [
            {"item": item, "value": "fault" if place < faults else "ok"}
            for place, item in enumerate(self.items(case_id))
        ]
        return browser.send(f"/review/cases/{case_id}/marks", {"marks": marks, "version": self.version(case_id)})

    def version(self, case_id: int) -> int:
        """What a write has to name."""
        with self.office.work() as session:
            return session.get_one(Application, case_id).version

    def state(self, case_id: int) -> str:
        """Where the case stands."""
        with self.office.work() as session:
            return session.get_one(Application, case_id).state
