"""What a site needs to know before it sends anything: the interface's description, authorities, lists of documents."""

from functools import cache
from typing import Any

from flask import jsonify
from flask.typing import ResponseReturnValue

from workbench.api import answers, openapi, queries, requests
from workbench.api.door import OPERATIONS, Operation, operation, read_query
from workbench.shell.context import db, parts


@operation(
    Operation(
        name="describe",
        method="GET",
        path="/openapi.json",
        summary="This document.",
        public=True,
        answers={200: answers.Document},
    )
)
def describe() -> ResponseReturnValue:
    """The OpenAPI document of this interface."""
    return jsonify(_document(parts().settings.site_url))


@cache
def _document(site_url: str) -> dict[str, Any]:
    """Made once: anybody may ask for it, as often as they like."""
    return openapi.document(OPERATIONS, site_url)


@operation(
    Operation(
        name="list_authorities",
        method="GET",
        path="/authorities",
        summary="The issuing authorities with their pick-up sites.",
        answers={200: answers.Authorities},
    )
)
def list_authorities() -> ResponseReturnValue:
    """Those that take part, in the official order."""
    return jsonify(queries.authorities(db()).as_json())


@operation(
    Operation(
        name="get_requirements",
        method="GET",
        path="/requirements",
        summary="The documents a service asks for, with what their brackets say, and what a file may hold.",
        query=requests.RequirementsQuery,
        answers={200: answers.Requirements},
        errors=(404,),
    )
)
def get_requirements() -> ResponseReturnValue:
    """As they stand today; a submission keeps the list it was made under."""
    asked = read_query(requests.RequirementsQuery)
    return jsonify(queries.requirements(db(), asked.service, asked.authority).as_json())
