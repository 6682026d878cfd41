"""The OpenAPI 3.1 document, made from the operations as they are routed and the models that check and answer them."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from workbench.api import answers
from workbench.api.door import PREFIX, REQUESTS_PER_MINUTE, Operation
from workbench.api.requests import IDEMPOTENCY_KEY, NUMBER
from workbench.api.words import KeyScope

VERSION: Final = "1.0.0"
PROBLEM_TYPE: Final = "application/problem+json"
REF: Final = "#/components/schemas/{model}"
SAID: Final = {
    400: "Malformed: a parameter or header, or a body that cannot be read.",
    401: "No valid key was shown.",
    403: "The key does not open this.",
    404: "There is no such thing, or it is another site's.",
    405: "Another method is needed; see Allow.",
    409: "Not possible as things stand, or the idempotency key was used for something else.",
    413: "More bytes than may be sent.",
    415: "Another content type is needed.",
    422: "Understood, but it cannot stand; every problem is named.",
    429: "Too many requests; see Retry-After.",
    500: "Something broke on our side; nothing was half saved.",
    503: "Something this needs is busy; see Retry-After.",
}
_HEADERS: Final = {
    401: {"WWW-Authenticate": {"required": True, "schema": {"type": "string"}}},
    403: {"WWW-Authenticate": {"schema": {"type": "string"}}},
    429: {"Retry-After": {"required": True, "schema": {"type": "integer"}}},
    503: {"Retry-After": {"required": True, "schema": {"type": "integer"}}},
}
_MADE_HEADERS: Final = {
    "Location": {"required": True, "schema": {"type": "string"}, "description": "Where to follow the application."},
    "Idempotency-Replayed": {
        "required": True,
        "schema": {"enum": ["true", "false"]},
        "description": "Whether this is the answer of an earlier request under the same key.",
    },
}
_DESCRIPTION: Final = f"""Applications for e-keys from registration sites that already exist: sent with their files, \
followed, corrected, withdrawn.

Every request shows a key (`Authorization: Bearer wbk_…`) and reaches the applications of the key's own site only; \
{REQUESTS_PER_MINUTE} requests a minute. Every refusal is a problem document (RFC 9457). Sentences are Chinese unless \
`Accept-Language` asks for English."""


def document(operations: Sequence[Operation], site_url: str) -> dict[str, Any]:
    """The whole document.

    Args:
        site_url: where the installation is reached, without a slash at the end.
    """
    paths: dict[str, dict[str, Any]] = {}
    for each in operations:
        path = re.sub(r"<(\w+)>", r"{\1}", each.path)
        paths.setdefault(path, {})[each.method.lower()] = _operation(each)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Intake of applications for e-keys", "version": VERSION, "description": _DESCRIPTION},
        "servers": [{"url": site_url + PREFIX}],
        "paths": paths,
        "webhooks": {"applicationMoved": {"post": _webhook()}},
        "components": {
            "schemas": _schemas(operations),
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Scopes: " + ", ".join(scope.value for scope in KeyScope),
                }
            },
        },
    }


def _operation(each: Operation) -> dict[str, Any]:
    made: dict[str, Any] = {
        "operationId": each.name,
        "summary": each.summary,
        "parameters": list(_parameters(each)),
        "responses": {str(status): _answer(each, status) for status in sorted({*each.answers, *errors_of(each)})},
        "security": [] if each.public else [{"key": [each.scope.value] if each.scope else []}],
    }
    if each.body is not None:
        made["requestBody"] = {"required": True, "content": {each.body_type: _body(each.body, each.body_type)}}
    return made


def errors_of(each: Operation) -> set[int]:
    """Every status an operation may refuse with."""
    found = {500, *each.errors}
    if not each.public:
        found |= {401, 429}
    if each.scope is not None:
        found.add(403)
    if each.query is not None or each.idempotent:
        found.add(400)
    if each.body is not None:
        found |= {400, 413, 415, 422}
    return found


def _parameters(each: Operation) -> Iterable[dict[str, Any]]:
    for name in re.findall(r"<(\w+)>", each.path):
        schema = {"type": "string", "pattern": NUMBER, "maxLength": 19, "examples": ["EK20260000001"]}
        yield {"name": name, "in": "path", "required": True, "schema": schema}
    if each.query is not None:
        whole = each.query.model_json_schema(ref_template=REF)
        for name, schema in whole["properties"].items():
            yield {"name": name, "in": "query", "required": name in whole.get("required", ()), "schema": _given(schema)}
    if each.idempotent:
        yield {
            "name": "Idempotency-Key",
            "in": "header",
            "required": True,
            "schema": {"type": "string", "pattern": IDEMPOTENCY_KEY},
            "description": "Repeats of a request under the same key are answered alike and carried out once.",
        }


def _given(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter is left out, never null."""
    choices = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    said = {key: value for key, value in schema.items() if key not in ("anyOf", "default", "title")}
    return {**choices[0], **said} if len(choices) == 1 else {**schema}


def _body(model: type[BaseModel], media_type: str) -> dict[str, Any]:
    schema = {"$ref": REF.format(model=model.__name__)}
    if media_type == "application/json":
        return {"schema": schema}
    return {
        "schema": {
            "type": "object",
            "required": ["application"],
            "properties": {"application": schema},
            "additionalProperties": {"type": "string", "contentMediaType": "application/octet-stream"},
            "description": "`application` in JSON; each other part is a file that it names.",
        },
        "encoding": {"application": {"contentType": "application/json"}},
    }


def _answer(each: Operation, status: int) -> dict[str, Any]:
    if status not in each.answers:
        problem = {"schema": {"$ref": REF.format(model=answers.Problem.__name__)}}
        refusal: dict[str, Any] = {"description": SAID[status], "content": {PROBLEM_TYPE: problem}}
        return {**refusal, "headers": _HEADERS[status]} if status in _HEADERS else refusal
    model = each.answers[status]
    made: dict[str, Any] = {"description": each.summary}
    if model is not None:
        made["content"] = {"application/json": {"schema": {"$ref": REF.format(model=model.__name__)}}}
    if status == 201:
        made["headers"] = _MADE_HEADERS
    return made


def _webhook() -> dict[str, Any]:
    message = {"schema": {"$ref": REF.format(model=answers.WebhookMessage.__name__)}}
    return {
        "operationId": "application_moved",
        "summary": "A case of the site moved. Sent at least once, always under the same webhook-id.",
        "description": "Signed as Standard Webhooks asks; answer 2xx within eight seconds.",
        "parameters": [
            {"name": name, "in": "header", "required": True, "schema": {"type": "string"}}
            for name in ("webhook-id", "webhook-timestamp", "webhook-signature")
        ],
        "requestBody": {"required": True, "content": {"application/json": message}},
        "responses": {"2XX": {"description": "Taken."}},
        "security": [],
    }


def _schemas(operations: Sequence[Operation]) -> dict[str, Any]:
    wanted: list[tuple[type[BaseModel], JsonSchemaMode]] = [
        (answers.Problem, "serialization"),
        (answers.WebhookMessage, "serialization"),
    ]
    for each in operations:
        wanted += [(model, "serialization") for model in each.answers.values() if model is not None]
        wanted += [(each.body, "validation")] if each.body is not None else []
        wanted += [(each.query, "validation")] if each.query is not None else []
    _, definitions = models_json_schema(list(dict.fromkeys(wanted)), ref_template=REF)
    found: dict[str, Any] = definitions["$defs"]
    return {name: found[name] for name in sorted(found) if name not in _queries(operations)}


def _queries(operations: Sequence[Operation]) -> set[str]:
    """Models of parameters: shown one by one, not as schemas."""
    return {each.query.__name__ for each in operations if each.query is not None}
