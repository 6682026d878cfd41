"""Applications of a registration site: sent, read, corrected, withdrawn."""

from collections.abc import Callable
from typing import Final

from flask import Response, jsonify, make_response, request, url_for
from flask.typing import ResponseReturnValue

from workbench.api import answers, idempotency, intake, queries, requests
from workbench.api.answers import Answer, ProblemItem
from workbench.api.door import Operation, operation, parse, read_query, site_id
from workbench.api.idempotency import Kept
from workbench.api.parts import REQUEST_BYTES, read_parts
from workbench.api.problems import Refused
from workbench.api.words import KeyScope
from workbench.cases.models import Application
from workbench.cases.service import advance, get_case
from workbench.cases.states import Action
from workbench.cases.words import State
from workbench.documents.rendering import renderer
from workbench.kernel.errors import Conflict
from workbench.kernel.messages import N_
from workbench.shell.context import current_actor, db, parts

KEY_HEADER: Final = "Idempotency-Key"
REPLAYED_HEADER: Final = "Idempotency-Replayed"
RETRY_SECONDS: Final = "5"


@operation(
    Operation(
        name="create_application",
        method="POST",
        path="/applications",
        summary="Send an application with its files; it goes to the pre-check.",
        scope=KeyScope.WRITE,
        body=requests.NewApplication,
        body_type="multipart/form-data",
        body_bytes=REQUEST_BYTES,
        answers={201: answers.Taken},
        errors=(404, 409, 503),
        idempotent=True,
    )
)
def create_application() -> ResponseReturnValue:
    """Every file is examined before the case exists."""
    key = _key()
    sent = read_parts()

    def carry_out() -> tuple[int, Application]:
        wanted = parse(requests.NewApplication, sent.facts)
        sent.check_named(wanted.files)
        return 201, intake.submit(db(), parts(), renderer(), wanted, sent, current_actor())

    return _once(key, sent.digest, carry_out)


@operation(
    Operation(
        name="list_applications",
        method="GET",
        path="/applications",
        summary="The site's own applications, by number.",
        scope=KeyScope.READ,
        query=requests.ListQuery,
        answers={200: answers.Cases},
    )
)
def list_applications() -> ResponseReturnValue:
    """One page; `after` leads to the next."""
    return _json(queries.list_cases(db(), current_actor(), read_query(requests.ListQuery)))


@operation(
    Operation(
        name="get_application",
        method="GET",
        path="/applications/<number>",
        summary="One application: where it stands, what was remarked, what happened.",
        scope=KeyScope.READ,
        answers={200: answers.Case},
        errors=(404,),
    )
)
def get_application(number: str) -> ResponseReturnValue:
    """Another site's number leads nowhere, like one that was never given out."""
    return _json(queries.case(db(), queries.find_by_number(db(), current_actor(), number)))


@operation(
    Operation(
        name="resubmit_application",
        method="POST",
        path="/applications/<number>/resubmissions",
        summary="Send a returned application in again with what was corrected.",
        scope=KeyScope.WRITE,
        body=requests.Correction,
        body_type="multipart/form-data",
        body_bytes=REQUEST_BYTES,
        answers={201: answers.Taken},
        errors=(404, 409, 503),
        idempotent=True,
    )
)
def resubmit_application(number: str) -> ResponseReturnValue:
    """What `keep` names is carried over; everything else is as sent."""
    application = queries.find_by_number(db(), current_actor(), number)
    key = _key()
    sent = read_parts()

    def carry_out() -> tuple[int, Application]:
        wanted = parse(requests.Correction, sent.facts)
        sent.check_named(wanted.files)
        actor = current_actor()
        return 201, intake.resubmit(db(), parts(), renderer(), application.id, wanted, sent, actor)

    return _once(key, sent.digest, carry_out)


@operation(
    Operation(
        name="withdraw_application",
        method="POST",
        path="/applications/<number>/withdrawal",
        summary="Withdraw an application before its first verdict. Asked again, it is answered again.",
        scope=KeyScope.WRITE,
        answers={200: answers.Taken},
        errors=(404, 409),
    )
)
def withdraw_application(number: str) -> ResponseReturnValue:
    """The case's state makes a repetition harmless: no idempotency key is needed."""
    actor = current_actor()
    application = get_case(db(), actor, queries.find_by_number(db(), actor, number).id, lock=True)
    state = State(application.state)
    if state is not State.WITHDRAWN:
        if state is not State.PRE_CHECK or application.round > 1:
            raise Conflict(N_("A verdict has been given: the application can no longer be withdrawn."))
        application = advance(db(), application.id, Action.WITHDRAW, actor)
    return _json(queries.taken(application))


def _once(key: str, digest: str, carry_out: Callable[[], tuple[int, Application]]) -> Response:
    """Carry out, or answer as it was answered when it was carried out."""
    try:
        kept = idempotency.begin(db(), site_id(), key, digest)
    except idempotency.StillWorking as error:
        reason = N_("The first request under this idempotency key is still being worked on.")
        raise Refused(503, reason, headers={"Retry-After": RETRY_SECONDS}) from error
    replayed = kept is not None
    if kept is None:
        status, application = carry_out()
        kept = Kept(status, queries.taken(application).as_json())
        idempotency.keep(db(), site_id(), key, kept)
    response = make_response(jsonify(dict(kept.answer)), kept.status)
    response.headers["Location"] = url_for("api.get_application", number=kept.answer["number"])
    response.headers[REPLAYED_HEADER] = "true" if replayed else "false"
    return response


def _key() -> str:
    untrusted = request.headers.get(KEY_HEADER, "")
    if not idempotency.is_key(untrusted):
        detail = "1 to 100 visible ASCII characters are needed"
        raise Refused(400, items=[ProblemItem(parameter=KEY_HEADER, detail=detail)])
    return untrusted


def _json(answer: Answer) -> Response:
    return jsonify(answer.as_json())
