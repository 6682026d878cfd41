"""Refusals of the interface: RFC 9457 problem documents that name everything wrong at once."""

from collections.abc import Mapping, Sequence
from typing import Final

from flask import Response
from flask_babel import gettext
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from workbench.api.answers import ProblemItem
from workbench.kernel.messages import N_
from workbench.shell import failures

MOST_ITEMS: Final = 100
"""Problems told of one request."""
LONGEST_DETAIL: Final = 300
"""Characters of one of them."""


class Refused(Exception):
    """The request is answered with a problem document.

    `reason` is a msgid for `values`; without one, the status speaks for itself.
    """

    def __init__(
        self,
        status: int,
        reason: str | None = None,
        *,
        items: Sequence[ProblemItem] = (),
        headers: Mapping[str, str] | None = None,
        **values: object,
    ) -> None:
        super().__init__(reason or str(status))
        self.status = status
        self.reason = reason
        self.values = values
        self.items = tuple(items)
        self.headers = dict(headers or {})


class BodyRefused(Refused):
    """The body was understood and cannot be worked with; `items` say why."""

    def __init__(self, items: Sequence[ProblemItem]) -> None:
        super().__init__(422, N_("Nothing was taken in: see errors."), items=items)


def answer(refused: Refused) -> Response:
    """The problem document of a refusal."""
    reason = gettext(refused.reason, **refused.values) if refused.reason else None
    items = [item.model_dump(exclude_none=True) for item in refused.items[:MOST_ITEMS]]
    response = failures.answer(refused.status, reason, {"errors": items} if items else None)
    response.headers.update(refused.headers)
    return response


def at_pointer(pointer: str, detail: str) -> ProblemItem:
    """Something wrong at a place in the body."""
    return ProblemItem(pointer=pointer, detail=detail[:LONGEST_DETAIL])


def items_of_body(error: ValidationError) -> list[ProblemItem]:
    """What a model found wrong with the body, each with its JSON Pointer."""
    return [at_pointer(_pointer(each), each["msg"]) for each in _details(error)]


def items_of_query(error: ValidationError) -> list[ProblemItem]:
    """What a model found wrong with the address's parameters."""
    return [
        ProblemItem(parameter=str(each["loc"][0]) if each["loc"] else "", detail=each["msg"][:LONGEST_DETAIL])
        for each in _details(error)
    ]


def _details(error: ValidationError) -> list[ErrorDetails]:
    return error.errors(include_url=False, include_context=False, include_input=False)


def _pointer(each: ErrorDetails) -> str:
    """RFC 6901: `~` and `/` inside a name are written `~0` and `~1`."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in each["loc"])
