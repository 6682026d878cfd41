"""Taking a turn at the server: connections are kept, its certificate is always checked, nothing else is believed."""

import json
import ssl
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import urllib3
from pydantic import ValidationError

from workbench.kernel.messages import N_
from workbench.production.protocol import TURN_PATH, Answer, Turn

CONNECT_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 30.0
LARGEST_ANSWER: Final = 4 * 1024 * 1024
"""Bytes; an order with a certificate and a seal is the largest."""
LONGEST_DETAIL: Final = 300
"""Characters of what the server says when it refuses."""
LONGEST_WAIT: Final = 60.0
"""Seconds that a server may ask to be left alone."""


class Unanswered(Exception):
    """The server did not answer as it should; the same turn is taken again. `reason` is a msgid, `detail` as told."""

    def __init__(self, reason: str, detail: str = "", retry_after: float = 0.0) -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail
        self.retry_after = retry_after


class Refused(Exception):
    """The server has read the turn, or the credential, and will have none of it. `detail` is in the server's words."""

    def __init__(self, status: int, detail: str, code: str) -> None:
        super().__init__(f"{status}: {detail}")
        self.status = status
        self.detail = detail
        self.code = code


class Client:
    """The connection of one station."""

    def __init__(self, base: str, credential: str, *, ca_file: Path | None, language: str) -> None:
        """
        Args:
            base: https://…, or http://… to this machine, without a slash at the end.
            ca_file: PEM of who vouches for the server; None trusts whom the system trusts.

        Raises:
            OSError: the file cannot be read, or holds no certificates (ssl.SSLError is one).
        """
        split = urlsplit(base)
        timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=ANSWER_SECONDS)
        options: dict[str, Any] = {"timeout": timeout, "maxsize": 2, "retries": False}
        self._path = split.path + TURN_PATH
        self._headers = {
            "Authorization": f"Bearer {credential}",
            "Accept": "application/json",
            "Accept-Language": language,
            "Content-Type": "application/json",
        }
        self._pool: urllib3.HTTPConnectionPool
        if split.scheme == "https":
            context = ssl.create_default_context(cafile=str(ca_file) if ca_file is not None else None)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            self._pool = urllib3.HTTPSConnectionPool(
                split.hostname or "", split.port or 443, ssl_context=context, **options
            )
        else:
            self._pool = urllib3.HTTPConnectionPool(split.hostname or "", split.port or 80, **options)

    def take(self, turn: Turn) -> Answer:
        """The server's answer to this turn.

        Raises:
            Unanswered: it cannot be reached, failed, or said what cannot be read.
            Refused: it will not have this turn, however often it is taken.
        """
        body = turn.model_dump_json().encode()
        try:
            try:
                status, content, retry_after = self._ask(body)
            except urllib3.exceptions.ProtocolError:
                # Most likely the server has closed the kept connection just now. A turn may be taken twice.
                status, content, retry_after = self._ask(body)
        except urllib3.exceptions.HTTPError as error:
            raise _unanswered(error) from None
        if status != 200:
            raise _refusal(status, content, retry_after)
        if len(content) > LARGEST_ANSWER:
            raise Unanswered(N_("its answer is too long"))
        try:
            return Answer.model_validate_json(content)
        except ValidationError:
            raise Unanswered(N_("its answer is none of a workbench of this version")) from None

    def _ask(self, body: bytes) -> tuple[int, bytes, str]:
        response = self._pool.request(
            "POST", self._path, body=body, headers=self._headers, redirect=False, preload_content=False
        )
        try:
            content = response.read(LARGEST_ANSWER + 1)
        except BaseException:
            response.close()
            raise
        if len(content) > LARGEST_ANSWER:
            response.close()  # what was not read to its end must not be taken for the next answer
        response.release_conn()
        return response.status, content, response.headers.get("Retry-After", "")

    def close(self) -> None:
        """Give the connection back."""
        self._pool.close()


def _refusal(status: int, content: bytes, retry_after: str) -> Unanswered | Refused:
    detail, code = _problem(content)
    if 400 <= status < 500 and status != 429:
        return Refused(status, detail, code)
    wait = float(retry_after) if retry_after.isascii() and retry_after.isdigit() else 0.0
    return Unanswered(N_("it is troubled itself"), f"{status} {detail}".strip(), min(wait, LONGEST_WAIT))


def _problem(content: bytes) -> tuple[str, str]:
    """What a problem document says, and its code; nothing of what is not one."""
    try:
        read = json.loads(content[:LARGEST_ANSWER])
        return plain(str(read.get("detail", ""))), str(read.get("code", ""))
    except (ValueError, AttributeError, RecursionError):
        return "", ""


def plain(text: str) -> str:
    """Text from elsewhere for a terminal: one line, no control characters."""
    return "".join(each if each.isprintable() else " " for each in text)[:LONGEST_DETAIL]


def _unanswered(error: urllib3.exceptions.HTTPError) -> Unanswered:
    cause: BaseException = error
    if isinstance(error, urllib3.exceptions.MaxRetryError) and error.reason is not None:
        cause = error.reason
    if isinstance(cause, urllib3.exceptions.SSLError):
        return Unanswered(N_("its certificate does not hold"), plain(str(cause.args[0] if cause.args else cause)))
    if isinstance(cause, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError):
        return Unanswered(N_("it cannot be reached"))
    return Unanswered(N_("the connection broke"), type(cause).__name__)
