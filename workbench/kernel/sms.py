"""Short messages: handed to a gateway over HTTP, or written to a log while none is configured.

Every message carries an id that stays the same however often it is tried, so that a second try is recognised. Only the
log itself, readable by its owner alone, holds a telephone number; reasons of failures never do.
"""

import fcntl
import json
import os
import re
import unicodedata
import urllib.error
import urllib.request
from base64 import b64encode
from datetime import timedelta
from http.client import HTTPException
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import unquote

from pydantic import AnyUrl

from workbench.config import Settings
from workbench.kernel.clock import now
from workbench.kernel.outbox import SendFailed

TIMEOUT: Final = timedelta(seconds=20)
FEWEST_DIGITS: Final = 7
"""A telephone number with fewer reaches nobody."""
_WORTH_ANOTHER_TRY: Final = frozenset({408, 425, 429})
"""Answers below 500 that may change by themselves (RFC 9110, RFC 6585)."""


class SmsSender(Protocol):
    """Whoever carries short messages on."""

    def send(self, message_id: str, to: str, text: str) -> None:
        """Hand one message over; a second time under the same id is the same message.

        Raises:
            SendFailed: it was not handed over.
        """


class LogSender:
    """Writes each message as one JSON line, once, to a file that only its owner reads."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def send(self, message_id: str, to: str, text: str) -> None:
        """As the interface says."""
        number = dialled(to)
        line = json.dumps({"id": message_id, "at": now().isoformat(), "to": number, "text": text}, ensure_ascii=False)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "r+b") as log:
                fcntl.flock(log, fcntl.LOCK_EX)
                written = log.read()
                if not _holds(written, message_id):
                    torn = b"\n" if written and not written.endswith(b"\n") else b""
                    log.write(torn + line.encode() + b"\n")
                    log.flush()
                    os.fsync(log.fileno())
        except OSError as error:
            raise SendFailed(f"cannot write to {self._path}: {error.strerror}", final=False) from error


class HttpSender:
    """Posts `{"id", "to", "text"}` to a gateway, which recognises a repeated id. Redirects are not followed.

    A name and password in the gateway's address are sent as HTTP Basic authentication.
    """

    def __init__(self, url: AnyUrl, timeout: timedelta = TIMEOUT) -> None:
        self._url = f"{url.scheme}://{url.host}{f':{url.port}' if url.port else ''}{url.path or '/'}"
        self._url += f"?{url.query}" if url.query else ""
        self._headers = {"Content-Type": "application/json"}
        if url.username:
            user = f"{unquote(url.username)}:{unquote(url.password or '')}"
            self._headers["Authorization"] = f"Basic {b64encode(user.encode()).decode()}"
        self._seconds = timeout.total_seconds()

    def send(self, message_id: str, to: str, text: str) -> None:
        """As the interface says."""
        body = json.dumps({"id": message_id, "to": dialled(to), "text": text}, ensure_ascii=False).encode()
        request = urllib.request.Request(self._url, body, self._headers, method="POST")  # noqa: S310 - http(s) only
        try:
            with urllib.request.build_opener(_NoRedirects()).open(request, timeout=self._seconds):
                return
        except urllib.error.HTTPError as error:
            with error:
                final = error.code < 500 and error.code not in _WORTH_ANOTHER_TRY
                raise SendFailed(f"the gateway answered {error.code}", final=final) from error
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", error)
            raise SendFailed(f"{type(reason).__name__}: the gateway was not reached", final=False) from error


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A gateway that moved is told by its new address in the settings: numbers go nowhere else."""

    def redirect_request(self, *_ignored: object) -> None:
        """No further request."""


def sender_for(settings: Settings) -> SmsSender:
    """The gateway that is configured, or the log in the installation's folder."""
    return HttpSender(settings.sms_url) if settings.sms_url else LogSender(settings.var_dir / "sms.log")


def dialled(untrusted: str) -> str:
    """The number as it is dialled: digits, with a plus in front where there was one.

    Raises:
        SendFailed: for good, when it is no telephone number.
    """
    number = re.sub(r"[\s().\-\u2010-\u2015]", "", unicodedata.normalize("NFKC", untrusted))
    if re.fullmatch(rf"\+?[0-9]{{{FEWEST_DIGITS},20}}", number) is None:
        raise SendFailed("this is not a telephone number", final=True)
    return number


def _holds(written: bytes, message_id: str) -> bool:
    """Whether a whole line of this id stands in the log."""
    start = json.dumps({"id": message_id})[:-1].encode() + b","
    return any(line.startswith(start) and line.endswith(b"}\n") for line in written.splitlines(keepends=True))
