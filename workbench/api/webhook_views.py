"""Where a registration site is told of its cases: read, set, removed by the site itself."""

from flask import jsonify
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from workbench.api import answers, delivery, queries, requests, service
from workbench.api.door import Operation, operation, read_body, site_id
from workbench.api.problems import BodyRefused, at_pointer
from workbench.api.words import KeyScope
from workbench.kernel.errors import Invalid, NotFound
from workbench.kernel.messages import N_
from workbench.shell.context import current_actor, db, parts


@operation(
    Operation(
        name="get_webhook",
        method="GET",
        path="/webhook",
        summary="Where the site is told.",
        scope=KeyScope.WEBHOOKS,
        answers={200: answers.WebhookAnswer},
        errors=(404,),
    )
)
def get_webhook() -> ResponseReturnValue:
    """Without its secret."""
    found = service.find_webhook(db(), site_id())
    if found is None:
        raise NotFound(N_("No webhook is set."))
    return jsonify(queries.webhook(found).as_json())


@operation(
    Operation(
        name="set_webhook",
        method="PUT",
        path="/webhook",
        summary="Be told of every move of the site's cases at this address. A site has one.",
        scope=KeyScope.WEBHOOKS,
        body=requests.WebhookWish,
        answers={200: answers.WebhookMade},
    )
)
def set_webhook() -> ResponseReturnValue:
    """A secret that is made here is shown in this answer alone."""
    wish = read_body(requests.WebhookWish)
    place = "/url"
    try:
        delivery.read_url(wish.url, inside=parts().settings.webhooks_inside)
        place = "/secret"
        found, made = service.set_webhook(db(), parts().secrets, current_actor(), site_id(), wish.url, wish.secret)
    except Invalid as refusal:
        raise BodyRefused([at_pointer(place, gettext(refusal.reason))]) from refusal
    answer = answers.WebhookMade(url=found.url, created_at=found.created_at, secret=made)
    return jsonify(answer.as_json())


@operation(
    Operation(
        name="remove_webhook",
        method="DELETE",
        path="/webhook",
        summary="Be told nothing more.",
        scope=KeyScope.WEBHOOKS,
        answers={204: None},
        errors=(404,),
    )
)
def remove_webhook() -> ResponseReturnValue:
    """What still waits is given up."""
    service.remove_webhook(db(), current_actor(), site_id())
    return "", 204
