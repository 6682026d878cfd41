"""The errors every room may raise. Each knows the HTTP status it becomes and says what the reader can do next."""

from collections.abc import Mapping
from typing import Any


class WorkbenchError(Exception):
    """A refusal with a reason a person can act on.

    `reason` is a gettext msgid with named placeholders and `values` fills them, so that a service can speak without
    knowing the reader's language.
    """

    status = 500

    def __init__(self, reason: str, **values: Any) -> None:
        super().__init__(reason % values if values else reason)
        self.reason = reason
        self.values: Mapping[str, Any] = values


class Invalid(WorkbenchError):
    """What was sent cannot be worked with."""

    status = 400


class NotAllowed(WorkbenchError):
    """The actor lacks the permission."""

    status = 403


class NotFound(WorkbenchError):
    """No such thing, or none inside the actor's authority: the two are never told apart."""

    status = 404


class Conflict(WorkbenchError):
    """The thing has changed since it was shown, or is not in a state that allows this."""

    status = 409


class TooLarge(WorkbenchError):
    """More bytes, pages or pixels than the limits allow."""

    status = 413


class TooMany(WorkbenchError):
    """Too many attempts; `retry_after` seconds must pass."""

    status = 429

    def __init__(self, reason: str, *, retry_after: int, **values: Any) -> None:
        super().__init__(reason, **values)
        self.retry_after = retry_after
