"""An enterprise at its application form: signed in, in a browser of its own, over an office with a check-list."""

from collections.abc import Mapping
from datetime import timedelta
from itertools import count
from secrets import token_urlsafe
from typing import Any, Final

from flask import Flask
from werkzeug.test import TestResponse

from tests.support.applicant import a_code, form_token
from tests.support.casework import IDENTITY, Office
from tests.support.stranger import Stranger
from workbench.cases.models import Applicant
from workbench.kernel.clock import now
from workbench.kernel.parts import Parts
from workbench.keys.models import Certificate
from workbench.organisation.models import PickupSite
from workbench.portal.models import Draft

_NUMBERS: Final = count(1000)


class Enterprise(Stranger):
    """A signed-in applicant's browser, with what it has in the database."""

    def __init__(self, app: Flask, parts: Parts, office: Office, language: str = "en", uscc: str = "") -> None:
        super().__init__(app, parts, language)
        self.office = office
        number = next(_NUMBERS)
        self.applicant = Applicant(
            kind="person",
            name="示例远航进出口有限公司",
            uscc=uscc or a_code(number),
            category="other",
            login=f"user{number}",
            password_hash="none",
            email="b@example.invalid",
            created_at=now(),
        )
        with parts.work() as session:
            session.add(self.applicant)
        self._enter()

    def _enter(self) -> None:
        """As after the entrance, which has tests of its own: hashing a password for each test would cost minutes."""
        with self.client.session_transaction() as kept:
            kept["began"] = kept["seen"] = now().timestamp()
            kept["applicant"] = [self.applicant.id, 1, token_urlsafe(24)]

    def start(self, service: str = "apply") -> int:
        """Start a form from the home page; returns its id."""
        answer = self.send("/applications/start", page="/applications", service=service)
        assert answer.status_code == 303, answer.text
        return int(answer.headers["Location"].split("/")[2])

    def fill(self, draft_id: int, **changed: str) -> None:
        """Fill in all steps, some values changed; as `save`."""
        values = {
            "category": "other",
            "authority_id": str(self.office.authority_ids[0]),
            "holder_name": "示例乙",
            "holder_identity_number": IDENTITY,
            "holder_mobile": "10000000000",
            **changed,
        }
        answer = self.save(draft_id, values)
        assert answer.status_code == 200, answer.text

    def save(self, draft_id: int, values: Any, version: Any = 1) -> TestResponse:
        """Post what a script would."""
        return self.post_json(f"/drafts/{draft_id}/save", {"version": version, "values": values})

    def post_json(self, path: str, body: Any) -> TestResponse:
        """Post JSON with a token; a text goes out as it is."""
        token = form_token(self.client.get("/applications").text)
        more: Mapping[str, Any] = {"data": body} if isinstance(body, str) else {"json": body}
        headers = {"X-CSRFToken": token, "Accept": "application/json"}
        return self.client.post(path, headers=headers, content_type="application/json", **more)

    def post_step(self, draft_id: int, step: str, go: str = "next", **values: Any) -> TestResponse:
        """Post a step as the page's own form does, without scripts."""
        return self.send(f"/drafts/{draft_id}/{step}", go=go, **values)

    def draft(self, draft_id: int) -> Draft:
        """The form as the database has it."""
        with self.parts.work() as session:
            return session.get_one(Draft, draft_id)

    def hold(self, keys: int, months: int = 12) -> list[Certificate]:
        """Give the enterprise valid keys."""
        made = []
        with self.parts.work() as session:
            for _ in range(keys):
                number = next(_NUMBERS)
                certificate = Certificate(
                    sha256=f"{number:064d}",
                    serial=str(number),
                    issuer="示例",
                    subject="示例",
                    uscc=self.applicant.uscc,
                    enterprise_name=self.applicant.name,
                    holder_name="示例甲",
                    key_number=f"SHILI-{number:08d}",
                    not_before=now() - timedelta(days=30),
                    not_after=now() + timedelta(days=30 * months),
                    state="valid",
                    state_since=now(),
                    registered_at=now(),
                )
                session.add(certificate)
                made.append(certificate)
        return made


def add_site(office: Office, place: int = 0, **facts: str) -> int:
    """A pick-up site of the first or the second authority."""
    values = {"name": "示例大厅", "address": "示例路 2 号", **facts}
    with office.work() as session:
        site = PickupSite(authority_id=office.authority_ids[place], **values)
        session.add(site)
        session.flush()
        return site.id
