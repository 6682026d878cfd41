"""The front door and the programs' doors: closed to strangers but for short lists, to staff and to each other's keys;
every page of an applicant opens or is refused properly, is valid HTML, and carries no inline script or style."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from html5lib import HTMLParser

from tests.house.addresses import AUTHORITY, BENCH_AGENTS, DOOR, INTERFACE, paths, rules
from tests.house.conftest import Visitor
from tests.house.test_pages import FORBIDDEN
from tests.house.test_routes import PUBLIC
from tests.support.applicant import form_token
from workbench.kernel.identity import Role
from workbench.shell.edge import WRITING_METHODS

FOR_STRANGERS = {
    "portal.front": "the front page",
    "portal.contacts": "whom to call",
    "portal.authorities": "where keys are collected",
    "portal.guide": "the explanations",
    "portal.sign_in": "the entrance",
    "portal.sign_out": "forgets the sign-in",
    "portal.register": "who registers has no account yet",
    "portal.registered": "says that the activation e-mail is on its way",
    "portal.resend": "asks for the activation e-mail again",
    "portal.activate": "the link of the activation e-mail",
    "portal.forgotten": "asks for a new password",
    "portal.reset": "the link that sets one",
    "portal.captcha": "another picture",
    "portal.captcha_picture": "the picture",
    "portal.check_code": "checks an enterprise code as it is typed into the registration",
    "portal.key_sign_in": "the entrance for who holds an e-key",
    "portal.renew": "tells a stranger to plug the e-key in",
}
FOR_EVERY_CALLER = {"api.describe": "the interface's own description"}
OF_THE_AUTHORITY = {
    "ca.crl": "which certificates have ended",
    "ca.certificate": "the authority's own certificates",
    "ca.ask_by_get": "whether a certificate holds",
    "ca.ask_by_post": "the same",
}
"""What whoever relies on a certificate has to be told."""


def is_open(app: Flask, endpoint: str) -> bool:
    return getattr(app.view_functions[endpoint], "for_strangers", False) is True


def test_what_is_open_to_strangers_is_on_the_short_list(house_app: Flask) -> None:
    opened = {rule.endpoint for rule in rules(house_app, DOOR) if is_open(house_app, rule.endpoint)}
    assert opened == set(FOR_STRANGERS)


def test_strangers_and_staff_are_led_to_the_entrance(house_app: Flask, clients: dict[Role, FlaskClient]) -> None:
    for client in (house_app.test_client(), *clients.values()):
        for endpoint, path in paths(house_app, "GET", DOOR):
            if not is_open(house_app, endpoint):
                answer = client.get(path)
                assert answer.status_code == 303, endpoint
                assert answer.location.startswith("/entrance?next=%2F"), endpoint


def test_scripts_of_strangers_get_401_instead_of_a_page(house_app: Flask) -> None:
    for endpoint, path in paths(house_app, "GET", DOOR):
        if not is_open(house_app, endpoint):
            answer = house_app.test_client().get(path, headers={"Accept": "application/json"})
            assert (answer.status_code, answer.mimetype) == (401, "application/problem+json"), endpoint


@pytest.mark.parametrize("method", sorted(WRITING_METHODS))
def test_nothing_is_accepted_at_the_front_door_without_a_token(house_app: Flask, visitor: Visitor, method: str) -> None:
    for client in (house_app.test_client(), visitor.client):
        for endpoint, path in paths(house_app, method, DOOR, visitor.samples):
            assert client.open(path, method=method).status_code == 400, endpoint


def test_nothing_of_an_applicant_is_written_by_strangers_and_staff_with_a_token_of_their_own(
    house_app: Flask, clients: dict[Role, FlaskClient], visitor: Visitor
) -> None:
    for client in (house_app.test_client(), clients[Role.ADMINISTRATOR], clients[Role.PRE_CHECKER]):
        token = form_token(client.get("/contacts").text)
        for endpoint, path in paths(house_app, "POST", DOOR, visitor.samples):
            if not is_open(house_app, endpoint):
                answer = client.post(path, data={"csrf_token": token})
                assert (answer.status_code, answer.location) == (303, "/entrance"), endpoint


def test_each_page_of_an_applicant_opens_or_is_refused_properly(house_app: Flask, visitor: Visitor) -> None:
    opened = set()
    for endpoint, path in paths(house_app, "GET", DOOR, visitor.samples):
        for language in ("zh", "en"):
            visitor.client.set_cookie("language", language)
            answer = visitor.client.get(path)
            assert answer.status_code in {200, 302, 303, 400, 403, 404, 409, 410}, (endpoint, answer.status_code)
            if answer.mimetype == "text/html" and answer.status_code not in {302, 303}:
                HTMLParser(strict=True, namespaceHTMLElements=False).parse(answer.text)
                assert not FORBIDDEN.search(answer.text), endpoint
                assert answer.headers["Cache-Control"] == "no-store", endpoint
            if answer.status_code == 200:
                opened.add(endpoint)
    assert opened >= {f"{DOOR}.{each}" for each in ("front", "home", "account", "start", "step", "documents", "case")}
    assert opened >= {f"{DOOR}.{each}" for each in ("papers", "discard", "receipt", "withdraw")}


@pytest.mark.parametrize("step", ["enterprise", "place", "holder", "review"])
def test_each_step_of_a_form_is_valid(visitor: Visitor, step: str) -> None:
    answer = visitor.client.get(f"/drafts/{visitor.samples['draft_id']}/{step}")
    assert answer.status_code == 200
    HTMLParser(strict=True, namespaceHTMLElements=False).parse(answer.text)
    assert not FORBIDDEN.search(answer.text)


def test_each_page_for_strangers_is_valid_for_strangers(house_app: Flask) -> None:
    for endpoint, path in paths(house_app, "GET", DOOR, {"topic": "registry"}):
        if is_open(house_app, endpoint):
            answer = house_app.test_client().get(path)
            assert answer.status_code in {200, 302, 303, 400, 404, 410}, (endpoint, answer.status_code)
            if answer.mimetype == "text/html" and answer.status_code not in {302, 303}:
                HTMLParser(strict=True, namespaceHTMLElements=False).parse(answer.text)
                assert not FORBIDDEN.search(answer.text), endpoint


@pytest.mark.parametrize("method", ["GET", *sorted(WRITING_METHODS)])
def test_an_applicant_reaches_no_desk(house_app: Flask, visitor: Visitor, method: str) -> None:
    token = form_token(visitor.client.get("/contacts").text)
    for endpoint, path in paths(house_app, method, "desk"):
        if endpoint not in PUBLIC:
            answer = visitor.client.open(path, method=method, headers={"X-CSRFToken": token})
            assert answer.status_code == 303, endpoint
            assert answer.location.startswith("/sign-in"), endpoint


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_another_applicants_form_and_case_are_as_absent_as_none(
    house_app: Flask, visitor: Visitor, other: Visitor, method: str
) -> None:
    token = form_token(other.client.get("/contacts").text)
    nothing = {**visitor.samples, "draft_id": 999, "number": "EK20269999999"}
    owned = {rule.endpoint for rule in rules(house_app, DOOR) if rule.arguments & {"draft_id", "number"}}
    absent = dict(paths(house_app, method, DOOR, nothing))
    for endpoint, path in paths(house_app, method, DOOR, visitor.samples):
        if endpoint in owned:
            answer = other.client.open(path, method=method, headers={"X-CSRFToken": token})
            unknown = other.client.open(absent[endpoint], method=method, headers={"X-CSRFToken": token})
            assert answer.status_code == unknown.status_code, endpoint
            assert answer.status_code == 404 or (answer.status_code == 400 and method != "GET"), endpoint


@pytest.mark.parametrize("method", ["GET", *sorted(WRITING_METHODS)])
def test_the_interface_answers_nobody_without_a_key(
    house_app: Flask, visitor: Visitor, clients: dict[Role, FlaskClient], method: str
) -> None:
    """No cookie stands for a key, an applicant's or an administrator's. Each asks from elsewhere: trying is slowed."""
    asked = 0
    for client in (house_app.test_client(), visitor.client, clients[Role.ADMINISTRATOR]):
        for endpoint, path in paths(house_app, method, INTERFACE):
            if endpoint not in FOR_EVERY_CALLER:
                asked += 1
                elsewhere = {"REMOTE_ADDR": f"198.51.100.{asked}"}
                answer = client.open(path, method=method, environ_base=elsewhere)
                assert (answer.status_code, answer.mimetype) == (401, "application/problem+json"), endpoint


def test_what_the_interface_tells_every_caller_is_on_the_short_list(house_app: Flask) -> None:
    served = {rule.endpoint for rule in rules(house_app, INTERFACE)}
    assert set(FOR_EVERY_CALLER) <= served
    for endpoint, path in paths(house_app, "GET", INTERFACE):
        if endpoint in FOR_EVERY_CALLER:
            assert house_app.test_client().get(path).status_code == 200


def test_the_bench_agents_door_is_one_address_that_opens_to_nobody_without_a_credential(
    house_app: Flask, visitor: Visitor, clients: dict[Role, FlaskClient]
) -> None:
    """No cookie stands for a credential, an administrator's included; and over plain HTTP none is even looked at."""
    assert [(rule.endpoint, rule.methods) for rule in rules(house_app, BENCH_AGENTS)] == [
        ("bench_agent.turn", {"POST"})
    ]
    [(_, path)] = paths(house_app, "POST", BENCH_AGENTS)
    everybody = (house_app.test_client(), visitor.client, *clients.values())
    for number, client in enumerate(everybody):
        elsewhere = {"REMOTE_ADDR": f"198.51.100.{number}"}
        answer = client.post(path, base_url="https://localhost", environ_base=elsewhere, json={})
        assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")
        assert answer.headers["Cache-Control"] == "no-store"
        assert client.post(path, environ_base=elsewhere, json={}).status_code == 403


def test_what_the_authority_tells_everybody_is_on_the_short_list(house_app: Flask) -> None:
    assert {rule.endpoint for rule in rules(house_app, AUTHORITY)} == set(OF_THE_AUTHORITY)
