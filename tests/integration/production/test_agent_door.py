"""The bench agents' door: who is let in, over what, what bodies do to it, and that nothing secret comes out again."""

import base64
import json
import logging
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.bench import Workshop
from tests.support.casework import SYSTEM
from workbench import create_app
from workbench.kernel.clock import ago, clock_at
from workbench.production import agent_views, stations
from workbench.production.models import BenchStation
from workbench.production.protocol import LARGEST_TURN, TURN_PATH, VERSION, Answer, Plugged, Turn
from workbench.production.station_queries import station_state

ELSEWHERE = {"REMOTE_ADDR": "198.51.100.7"}
TURN = Turn(
    version=VERSION,
    agent="1.0",
    algorithms=[],
    software=True,
    plugged=[Plugged(serial="01", label="blank", model="m", maker="k", blank=True)],
)
SECRET = "271828-is-a-pin"


@pytest.fixture
def app(workshop: Workshop) -> Flask:
    return create_app(parts=workshop.parts)


@pytest.fixture
def station(workshop: Workshop) -> tuple[int, str]:
    """A bench and its credential."""
    with workshop.parts.work() as session:
        station, value = stations.create_station(session, SYSTEM, "一号台")
        return station.id, value


class Door:
    """What an agent sends to the door, credential shown."""

    def __init__(self, app: Flask, credential: str) -> None:
        self._client: FlaskClient = app.test_client()
        self._credential = credential

    def send(self, body: bytes | Turn = b"", **options: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self._credential}", "Accept-Language": "en", **options.pop("headers", {})}
        content = body.model_dump_json().encode() if isinstance(body, Turn) else body
        options.setdefault("content_type", "application/json")
        return self._client.post(TURN_PATH, data=content, headers=headers, **options)


@pytest.fixture
def door(app: Flask, station: tuple[int, str]) -> Door:
    return Door(app, station[1])


def test_a_turn_is_answered_and_what_is_plugged_in_is_known(
    door: Door, station: tuple[int, str], workshop: Workshop
) -> None:
    answer = door.send(TURN)
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers
    told = Answer.model_validate_json(answer.data)
    assert (told.station, told.maker, told.order) == ("一号台", None, None)
    state = workshop.read(lambda session: station_state(session, station[0]))
    assert (state.online, state.agent_version, state.plugged) == (True, "1.0", tuple(TURN.plugged))


def test_every_wrong_credential_is_answered_alike(
    app: Flask, station: tuple[int, str], workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_views, "WRONG_CREDENTIALS_PER_MINUTE", 1_000)
    app = create_app(parts=workshop.parts)
    station_id, value = station
    with workshop.parts.work() as session:
        stations.revoke_station(session, SYSTEM, station_id)
    wrong = [
        None,
        "",
        "Bearer",
        "Basic abc",
        "Bearer x",
        f"Bearer wbs_{'A' * 43}",
        f"Bearer {value}",
        f"Bearer {value}x",
    ]
    told = set()
    for credential in wrong:
        headers = {"Authorization": credential} if credential is not None else {}
        answer = app.test_client().post(TURN_PATH, json={}, headers=headers)
        assert (answer.status_code, answer.mimetype) == (401, "application/problem+json"), credential
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
        told.add(json.dumps({**answer.get_json(), "request_id": ""}, sort_keys=True))
    assert len(told) == 1


def test_guessing_is_slowed_by_address_and_stops_nobody_else(app: Flask, door: Door) -> None:
    guess = {"Authorization": f"Bearer wbs_{'A' * 43}"}

    def try_one() -> TestResponse:
        return app.test_client().post(
            TURN_PATH, json={}, headers=guess, environ_base=ELSEWHERE, base_url="https://localhost"
        )

    answers = [try_one() for _ in range(agent_views.WRONG_CREDENTIALS_PER_MINUTE + 1)]
    assert [each.status_code for each in answers] == [401] * agent_views.WRONG_CREDENTIALS_PER_MINUTE + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert door.send(TURN).status_code == 200
    assert door.send(TURN, environ_base=ELSEWHERE, base_url="https://localhost").status_code == 200


def test_no_cookie_opens_it_and_none_is_read(app: Flask, door: Door) -> None:
    client = app.test_client()
    client.set_cookie("workbench", "anything")
    client.set_cookie("language", "en")
    assert client.post(TURN_PATH, json={}).status_code == 401
    assert "Set-Cookie" not in door.send(TURN, headers={"Cookie": "workbench=anything"}).headers


def test_orders_go_over_https_or_within_this_machine(door: Door) -> None:
    assert door.send(TURN, environ_base=ELSEWHERE).status_code == 403
    assert door.send(TURN, environ_base=ELSEWHERE, base_url="https://bench.invalid").status_code == 200
    for address in ("127.0.0.1", "127.9.9.9", "::1"):
        assert door.send(TURN, environ_base={"REMOTE_ADDR": address}).status_code == 200
    for address in ("10.0.0.1", "not an address"):
        assert door.send(TURN, environ_base={"REMOTE_ADDR": address}).status_code == 403


def test_a_stranger_cannot_claim_to_have_come_by_https(door: Door) -> None:
    for headers in ({"X-Forwarded-Proto": "https"}, {"X-Forwarded-For": "127.0.0.1"}, {"Forwarded": "proto=https"}):
        assert door.send(TURN, environ_base=ELSEWHERE, headers=headers).status_code == 403


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"])
def test_nothing_but_post_is_served(app: Flask, station: tuple[int, str], method: str) -> None:
    headers = {"Authorization": f"Bearer {station[1]}"}
    answer = app.test_client().open(TURN_PATH, method=method, headers=headers)
    assert answer.status_code == 405
    assert method == "HEAD" or answer.mimetype == "application/problem+json"


def turn_with(**changes: Any) -> bytes:
    return json.dumps({**TURN.model_dump(mode="json"), **changes}).encode()


def outcome_with(**changes: Any) -> bytes:
    written = {
        "kind": "written",
        "making": 1,
        "serial": "01",
        "certificate": None,
        "public_key": base64.b64encode(b"key").decode(),
        "signature": base64.b64encode(b"signature").decode(),
        "seal": None,
        "key_is_bound": True,
        "token_seconds": 1.0,
    }
    return turn_with(outcome={**written, **changes})


MALFORMED = {
    "no JSON": (b"pin=" + SECRET.encode(), ""),
    "nothing": (b"", ""),
    "not an object": (b"[]", ""),
    "half": (turn_with()[:-1], ""),
    "not UTF-8": (b"\xff" + turn_with(), ""),
    "deep": (b"[" * 200_000, ""),
    "no version": (b"{}", "/version"),
    "a word for a version": (turn_with(version=SECRET), "/version"),
    "another field": (turn_with(user_pin=SECRET), "/user_pin"),
    "an invented field": (turn_with(**{f"{SECRET}!": 1}), "/?"),
    "a long agent": (turn_with(agent=SECRET * 10), "/agent"),
    "another algorithm": (turn_with(algorithms=[SECRET]), "/algorithms/0"),
    "too many tokens": (turn_with(plugged=[TURN.plugged[0].model_dump()] * 501), "/plugged"),
    "another kind": (turn_with(outcome={"kind": SECRET}), "/outcome"),
    "no base64": (outcome_with(seal=f"{SECRET}!"), "/outcome/written/seal"),
    "another fault": (turn_with(outcome={"kind": "failed", "making": 1, "fault": SECRET}), "/outcome/failed/fault"),
    "less than no time": (outcome_with(token_seconds=-1), "/outcome/written/token_seconds"),
    "for ever": (outcome_with(token_seconds=1).replace(b"1}}", b"Infinity}}"), "/outcome/written/token_seconds"),
}


def test_a_malformed_report_is_refused_by_place_and_never_repeated(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for name, (body, pointer) in MALFORMED.items():
        answer = door.send(body)
        assert (answer.status_code, answer.mimetype) == (400, "application/problem+json"), name
        assert [each["pointer"] for each in answer.get_json()["errors"]][:1] == [pointer], name
        assert SECRET not in answer.text, name
    assert caplog.text.count(TURN_PATH) == len(MALFORMED)
    assert SECRET not in caplog.text


def test_what_is_too_large_is_not_read(door: Door) -> None:
    fits = turn_with(agent="1.0")
    padded = fits + b" " * (LARGEST_TURN - len(fits))
    assert door.send(padded).status_code == 200
    answer = door.send(padded + b" ")
    assert (answer.status_code, answer.mimetype) == (413, "application/problem+json")
    assert door.send(fits, content_type="application/x-www-form-urlencoded").status_code == 415


def test_a_word_the_database_cannot_keep_is_refused(door: Door) -> None:
    plugged = {**TURN.plugged[0].model_dump(), "label": "\x00"}
    answer = door.send(turn_with(plugged=[plugged]))
    assert (answer.status_code, answer.mimetype) == (400, "application/problem+json")


def test_an_agent_of_another_version_is_told_to_be_updated(door: Door) -> None:
    for version in (0, VERSION + 1):
        answer = door.send(json.dumps({"version": version, "unknown": "fields"}).encode())
        assert (answer.status_code, answer.get_json()["code"]) == (409, agent_views.OUTDATED)
        assert "update the agent" in answer.get_json()["detail"]


def test_a_holders_machine_is_held_to_a_pace(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, station: tuple[int, str]
) -> None:
    monkeypatch.setattr(agent_views, "HOLDER_TURNS_PER_MINUTE", 3)
    app = create_app(parts=workshop.parts)
    with workshop.parts.work() as session:
        bench = session.get_one(BenchStation, station[0])
        bench.kind, bench.expires_at = "holder", ago(hours=-1)
        bench.application_id = workshop.approved(sealed=False)
    door = Door(app, station[1])
    answers = [door.send(b"{}") for _ in range(4)]
    assert [each.status_code for each in answers] == [400, 400, 400, 429]
    with clock_at(ago(hours=-2)):
        assert door.send(b"{}").status_code == 401


def test_no_report_and_no_order_is_logged(
    door: Door, station: tuple[int, str], workshop: Workshop, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    workshop.stock("01")
    workshop.approved()
    with workshop.parts.work() as session:
        stations.take_station(session, workshop.maker, station[0])
    workshop.scan(station[0], "01")
    order = Answer.model_validate_json(door.send(TURN).data).order
    assert order is not None
    assert order.user_pin is not None
    door.send(outcome_with(seal=base64.b64encode(SECRET.encode()).decode()))
    door.send(outcome_with(seal=SECRET))
    for secret in (order.user_pin, SECRET, base64.b64encode(SECRET.encode()).decode(), station[1]):
        assert secret not in caplog.text
    assert caplog.text.count(TURN_PATH) == 3, "the lines of the requests themselves"


def test_a_good_turn_fills_no_log(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert door.send(TURN).status_code == 200
    assert TURN_PATH not in caplog.text
    door.send(b"{}")
    assert TURN_PATH in caplog.text
