"""A signed-in person without a browser: requests go through the whole WSGI application in this process, no network."""

import html
import re
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

_TOKEN = re.compile(r'name="csrf-?_?token"\s+(?:type="hidden"\s+)?(?:value|content)="([^"]+)"')


class Unexpected(Exception):
    """An answer the benchmark cannot count: a refusal measured as a success would be a lie."""


class Visitor:
    """Somebody with a session of their own."""

    def __init__(self, app: Flask) -> None:
        self._client = app.test_client()
        self.token = ""

    @classmethod
    def signed_in(cls, app: Flask, login: str, password: str) -> "Visitor":
        """Sign in by the real form.

        Raises:
            Unexpected: login or password is refused.
        """
        visitor = cls(app)
        visitor.token = visitor.find_token(visitor.get("/sign-in"))
        visitor.post("/sign-in", login=login, password=password)
        visitor.token = visitor.find_token(visitor.get("/desk/"))
        return visitor

    def get(self, path: str, **arguments: str) -> str:
        """A page. Raises Unexpected for anything but 200."""
        answer = self._client.get(path, query_string=arguments or None)
        return self._expect(answer, 200, path).get_data(as_text=True)

    def post(self, path: str, **fields: Any) -> str:
        """Send a form; where it leads. Raises Unexpected for anything but 303."""
        answer = self._client.post(path, data={"csrf_token": self.token, **fields})
        return str(self._expect(answer, 303, path).headers["Location"])

    def post_json(self, path: str, body: dict[str, Any]) -> str:
        """What a screen's script sends; the answer's body. Raises Unexpected for anything but 200."""
        headers = {"X-CSRFToken": self.token, "Accept": "application/json"}
        return self._expect(self._client.post(path, json=body, headers=headers), 200, path).get_data(as_text=True)

    @staticmethod
    def find_token(page: str) -> str:
        """The token of a page's forms. Raises Unexpected when it has none."""
        found = _TOKEN.search(page)
        if found is None:
            raise Unexpected("The page has no CSRF token.")
        return html.unescape(found.group(1))

    @staticmethod
    def _expect(answer: TestResponse, status: int, path: str) -> TestResponse:
        if answer.status_code != status:
            raise Unexpected(f"{path} answered {answer.status_code}: {answer.get_data(as_text=True)[:500]}")
        return answer


def find_link(page: str, argument: str) -> str | None:
    """The first address in a page that carries a query argument, such as the next page's `after`."""
    found = re.search(rf'href="([^"]*[?&](?:amp;)?{argument}=[^"]*)"', page)
    return html.unescape(found.group(1)) if found else None
