"""The bench agents' door: one address, opened by a station's credential alone; no cookie, session or token counts.

What is sent here may hold what must not be seen, so refusals name the place that is wrong and never what stood there.
"""

import ipaddress
import math
import re
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import structlog
from flask import Blueprint, Flask, Response, current_app, g, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from pydantic import BaseModel, ValidationError

from workbench.organisation import session as staff_session
from workbench.production import stations
from workbench.production.protocol import LARGEST_TURN, TURN_PATH, VERSION, Turn
from workbench.production.turn import take_turn
from workbench.shell import failures, http, logs
from workbench.shell.buckets import Buckets
from workbench.shell.context import parts

WRONG_CREDENTIALS_PER_MINUTE: Final = 20
"""From one address."""
HOLDER_TURNS_PER_MINUTE: Final = 300
"""Of one holder's machine; a bench may be as quick as its tokens are."""
OUTDATED: Final = "agent_version"
"""The problem document's `code` when the agent speaks another version of the protocol."""
MOST_ITEMS: Final = 20
"""Places named in one refusal."""
_LIMITS: Final = "workbench.bench_agent_limits"
_FIELD: Final = re.compile(r"[a-z_]{1,40}")

M = TypeVar("M", bound=BaseModel)
bench_agent: Final = Blueprint("bench_agent", __name__)


@dataclass
class _Limits:
    wrong: Buckets
    by_holder: Buckets


class _Spoken(BaseModel):
    """The first thing that is read: whatever the rest means depends on it."""

    version: int


def install(app: Flask) -> None:
    """Serve the door and ask its callers for a credential instead of a sign-in and a form's token."""
    http.without_token(app, bench_agent)
    staff_session.leave_to_own_guard(app, bench_agent.name)
    app.extensions[_LIMITS] = _Limits(Buckets(WRONG_CREDENTIALS_PER_MINUTE), Buckets(HOLDER_TURNS_PER_MINUTE))
    app.register_blueprint(bench_agent)


@bench_agent.before_request
def _guard() -> ResponseReturnValue | None:
    if not (request.is_secure or _is_loopback(request.remote_addr)):
        return failures.answer(403, gettext("Orders to a bench hold PINs: use https."))
    limits: _Limits = current_app.extensions[_LIMITS]
    station = stations.find_station(parts(), _bearer())
    if station is None:
        wait = limits.wrong.take(request.remote_addr or "")
        return _hold_back(wait) if wait else _unknown()
    if station.kind == "holder" and (wait := limits.by_holder.take(str(station.id))):
        return _hold_back(wait)
    structlog.contextvars.bind_contextvars(station=station.id)
    g.station = station
    return None


@bench_agent.post(TURN_PATH, provide_automatic_options=False)
@logs.asked_every_second
@http.accepts(LARGEST_TURN)
def turn() -> ResponseReturnValue:
    """Take in what the agent says and answer with what it is to do next."""
    if request.mimetype != "application/json":
        return failures.answer(415)
    body = request.get_data()
    try:
        if _Spoken.model_validate_json(body).version != VERSION:
            told = gettext("The server speaks version %(version)s: update the agent.", version=VERSION)
            return failures.answer(409, told, {"code": OUTDATED})
        said = Turn.model_validate_json(body)
    except ValidationError as error:
        return failures.answer(400, gettext("This report cannot be read: see errors."), {"errors": _items(error)})
    station: stations.ShownStation = g.station
    answer = take_turn(parts(), station.id, said, request.remote_addr or "")
    return Response(answer.model_dump_json(), mimetype="application/json")


def _items(error: ValidationError) -> list[dict[str, Any]]:
    """Where the body is wrong and how, each with its JSON Pointer (RFC 6901): neither values nor invented names."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return [{"pointer": _pointer(each["loc"]), "detail": each["type"]} for each in found[:MOST_ITEMS]]


def _pointer(location: tuple[int | str, ...]) -> str:
    return "".join(f"/{part if isinstance(part, int) or _FIELD.fullmatch(part) else '?'}" for part in location)


def _bearer() -> str | None:
    kind, _, value = request.headers.get("Authorization", "").partition(" ")
    return value.strip() if kind.lower() == "bearer" else None


def _unknown() -> Response:
    answer = failures.answer(401, gettext("Show a station's valid credential: Authorization: Bearer wbs_…"))
    answer.headers["WWW-Authenticate"] = 'Bearer realm="workbench bench agent"'
    return answer


def _hold_back(seconds: float) -> Response:
    answer = failures.answer(429, gettext("Too many requests."))
    answer.headers["Retry-After"] = str(math.ceil(seconds))
    return answer


def _is_loopback(address: str | None) -> bool:
    try:
        return ipaddress.ip_address(address or "").is_loopback
    except ValueError:
        return False
