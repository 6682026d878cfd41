"""A browser without a screen: cookies, CSRF token, forms and JSON over plain http.client.

An answer counts only when it came whole; anything less is `Lost`, and nobody can say what became of the request.
"""

import html
import http.client
import json
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from tests.faults.office import PASSWORD

ANSWER_SECONDS = 60.0
_TOKENS = (re.compile(r'name="csrf_token" value="([^"]+)"'), re.compile(r'name="csrf-token" content="([^"]+)"'))
_CASE_DATA = re.compile(r'<script type="application/json" id="case-data">(.*?)</script>', re.DOTALL)


class Lost(Exception):
    """The connection broke before the whole answer had come."""


class Unexpected(Exception):
    """A whole answer, but none that this step may get."""


@dataclass(frozen=True)
class Answer:
    """A whole answer."""

    status: int
    location: str
    body: bytes

    @property
    def text(self) -> str:
        """The page."""
        return self.body.decode()

    def json(self) -> Any:
        """The body of an answer to a script."""
        return json.loads(self.body)

    def case_data(self) -> Any:
        """What the case screen tells its scripts.

        Raises:
            Unexpected: this is not the case screen.
        """
        found = _CASE_DATA.search(self.text)
        if found is None:
            raise Unexpected(f"not a case screen: {self.text[:300]}")
        return json.loads(found[1])


@dataclass(frozen=True)
class Upload:
    """One file of a form."""

    field: str
    name: str
    content: bytes


class Browser:
    """One person's browser. Every request is a connection of its own, so that a broken one breaks one request."""

    def __init__(self, port: int, login: str) -> None:
        self._port = port
        self._login = login
        self._cookies: dict[str, str] = {}
        self._token = ""

    def sign_in(self) -> None:
        """Start a session. Raises Lost and Unexpected."""
        self._cookies.clear()
        self.get("/sign-in")
        answer = self.post("/sign-in", {"login": self._login, "password": PASSWORD, "next": "/"}, (303,))
        if "/sign-in" in answer.location:
            raise Unexpected("the entrance leads to itself")
        self.get("/desk/account/")

    def get(self, path: str) -> Answer:
        """A page. Raises Lost and Unexpected."""
        return self._expect((200,), self._send("GET", path, b"", {}))

    def post(self, path: str, fields: Mapping[str, str], expected: Iterable[int] = (303,)) -> Answer:
        """A form. Raises Lost and Unexpected."""
        body = urlencode({**fields, "csrf_token": self._token}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._expect(expected, self._send("POST", path, body, headers))

    def post_json(self, path: str, value: Any) -> Any:
        """What a script sends and reads. Raises Lost and Unexpected."""
        headers = {"Content-Type": "application/json", "Accept": "application/json", "X-CSRFToken": self._token}
        return self._expect((200,), self._send("POST", path, json.dumps(value).encode(), headers)).json()

    def upload(
        self, path: str, fields: Iterable[tuple[str, str]], files: Iterable[Upload], expected: Iterable[int]
    ) -> Answer:
        """A form with files. Raises Lost and Unexpected."""
        boundary = uuid.uuid4().hex
        parts = [_part(boundary, name, value.encode()) for name, value in [*fields, ("csrf_token", self._token)]]
        parts += [_part(boundary, each.field, each.content, each.name) for each in files]
        body = b"".join(parts) + f"--{boundary}--\r\n".encode()
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        return self._expect(expected, self._send("POST", path, body, headers))

    def _send(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=ANSWER_SECONDS)
        cookies = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        try:
            connection.request(
                method, path, body or None, {"Accept": "text/html", "Cookie": cookies, "Connection": "close", **headers}
            )
            response = connection.getresponse()
            answer = Answer(response.status, response.getheader("Location", ""), response.read())
            for line in response.headers.get_all("Set-Cookie", []):
                name, _, value = line.partition(";")[0].partition("=")
                self._cookies[name] = value
        except (OSError, http.client.HTTPException) as error:
            raise Lost(f"{method} {path}: {error!r}") from error
        finally:
            connection.close()
        self._keep_token(answer)
        return answer

    def _keep_token(self, answer: Answer) -> None:
        text = answer.body.decode(errors="replace")
        found = next((match for pattern in _TOKENS if (match := pattern.search(text))), None)
        if found is not None:
            self._token = html.unescape(found[1])

    def _expect(self, expected: Iterable[int], answer: Answer) -> Answer:
        if answer.status not in tuple(expected):
            words = re.sub(r"<(style|script).*?</\1>|<[^>]+>|\s+", " ", answer.text, flags=re.DOTALL)
            raise Unexpected(f"{answer.status} {answer.location}: {words[-600:]}")
        return answer


def _part(boundary: str, name: str, value: bytes, filename: str | None = None) -> bytes:
    more = f'; filename="{filename}"\r\nContent-Type: application/octet-stream' if filename else ""
    return f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + value + b"\r\n"
