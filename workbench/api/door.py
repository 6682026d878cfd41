"""The interface's blueprint and its guard: each request shows a key; no cookie, session or token counts.

A missing, unknown, revoked or expired key is answered alike. A key opens the cases its site made and no others.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from flask import Blueprint, Flask, Response, current_app, g, request
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ValidationError

from workbench.api import keys, problems
from workbench.api.problems import Refused
from workbench.api.words import KeyScope
from workbench.kernel.identity import Actor, Scope
from workbench.kernel.messages import N_
from workbench.organisation import session as staff_session
from workbench.shell import http
from workbench.shell.buckets import Buckets
from workbench.shell.context import parts, set_actor

PREFIX: Final = "/api/v1"
REQUESTS_PER_MINUTE: Final = 120
"""Of one key."""
WRONG_KEYS_PER_MINUTE: Final = 20
"""From one address."""
_CHALLENGE: Final = 'Bearer realm="workbench"'
_DECLARED: Final = "operation"
_LIMITS: Final = "workbench.api_limits"

M = TypeVar("M", bound=BaseModel)
View = Callable[..., ResponseReturnValue]
api: Final = Blueprint("api", __name__, url_prefix=PREFIX)


@dataclass(frozen=True)
class Operation:
    """One thing a site can ask for, as it is routed and as the OpenAPI document shows it.

    Attributes:
        scope: what the key must open; None means any key, or none at all when `public`.
        body: the model of the body, and its media type.
        answers: the model of the answer by status; None when there is no body.
        errors: statuses of its own refusals, beside those every operation has.
        idempotent: asks for the header Idempotency-Key.
        body_bytes: what the body may hold.
    """

    name: str
    method: str
    path: str
    summary: str
    answers: dict[int, type[BaseModel] | None]
    scope: KeyScope | None = None
    public: bool = False
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    body_type: str = "application/json"
    errors: tuple[int, ...] = ()
    idempotent: bool = False
    body_bytes: int = http.BODY_BYTES


OPERATIONS: Final[list[Operation]] = []
"""Every operation, in the order its module declares it."""


@dataclass
class _Limits:
    by_key: Buckets
    by_address: Buckets


def operation(declared: Operation) -> Callable[[View], View]:
    """Route a view as this operation."""

    def mark(view: View) -> View:
        view = http.accepts(declared.body_bytes)(view)
        setattr(view, _DECLARED, declared)
        api.add_url_rule(
            declared.path,
            endpoint=declared.name,
            view_func=view,
            methods=[declared.method],
            provide_automatic_options=False,
        )
        OPERATIONS.append(declared)
        return view

    return mark


def install(app: Flask) -> None:
    """Ask its callers for a key instead of a sign-in and a form's token."""
    http.without_token(app, api)
    staff_session.leave_to_own_guard(app, api.name)
    app.extensions[_LIMITS] = _Limits(Buckets(REQUESTS_PER_MINUTE), Buckets(WRONG_KEYS_PER_MINUTE))


@api.before_request
def _guard() -> None:
    wanted: Operation = getattr(current_app.view_functions[request.endpoint or ""], _DECLARED)
    if wanted.public:
        return
    limits: _Limits = current_app.extensions[_LIMITS]
    address = request.remote_addr or ""
    shown = keys.find_shown(parts(), _bearer())
    if shown is None:
        _hold_back(limits.by_address.take(address))
        raise Refused(
            401, N_("Show a valid key: Authorization: Bearer wbk_…"), headers={"WWW-Authenticate": _CHALLENGE}
        )
    _hold_back(limits.by_key.take(str(shown.key_id)))
    if wanted.scope is not None and wanted.scope not in shown.scopes:
        challenge = f'{_CHALLENGE}, error="insufficient_scope", scope="{wanted.scope}"'
        raise Refused(
            403,
            N_("This key does not open %(scope)s."),
            headers={"WWW-Authenticate": challenge},
            scope=wanted.scope.value,
        )
    g.site_id = shown.site_id
    scope = Scope(applicant_id=shown.site_id)
    set_actor(Actor(kind="enterprise", id=shown.site_id, name=shown.site_name, scope=scope, address=address))


@api.errorhandler(Refused)
def _refuse(refused: Refused) -> Response:
    return problems.answer(refused)


def site_id() -> int:
    """The site whose key was shown."""
    return int(g.site_id)


def read_query(model: type[M]) -> M:
    """The address's parameters.

    Raises:
        Refused: 400, naming each that cannot be used.
    """
    values: dict[str, Any] = {name: given[0] if len(given) == 1 else given for name, given in request.args.lists()}
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise Refused(400, items=problems.items_of_query(error)) from error


def read_body(model: type[M]) -> M:
    """The JSON body.

    Raises:
        Refused: 415 when it is something else, 400 when it is no JSON.
        BodyRefused: naming each place that does not fit.
    """
    if request.mimetype != "application/json":
        raise Refused(415, N_("Send %(wanted)s."), wanted="application/json")
    return parse(model, request.get_data())


def parse(model: type[M], content: bytes) -> M:
    """A model from JSON in UTF-8; raises as `read_body`."""
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        if any(each["type"] == "json_invalid" for each in error.errors(include_input=False)):
            raise Refused(400, items=problems.items_of_body(error)) from error
        raise problems.BodyRefused(problems.items_of_body(error)) from error


def _bearer() -> str | None:
    kind, _, value = request.headers.get("Authorization", "").partition(" ")
    return value.strip() if kind.lower() == "bearer" else None


def _hold_back(seconds: float) -> None:
    if seconds > 0:
        raise Refused(429, N_("Too many requests."), headers={"Retry-After": str(math.ceil(seconds))})
