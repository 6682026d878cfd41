"""Keys: constant refusals, scopes, ends, throttles; and bodies of strangers who wish us ill."""

import io
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from tests.integration.api.conftest import SYSTEM, Site, facts, opened, papers
from tests.support.casework import Office, open_office
from tests.support.database import TestServer
from workbench import create_app
from workbench.api import door, service
from workbench.api.models import ApiKey
from workbench.api.words import KeyScope
from workbench.cases.models import Applicant, Application
from workbench.kernel.clock import clock_at, now
from workbench.kernel.parts import Parts

NUMBER = "EK20260000001"


@pytest.fixture(scope="module")
def parts(database_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    """One database for all of these: no test here makes a case."""
    database = database_server.copy()
    with opened(database, tmp_path_factory.mktemp("var")) as parts:
        yield parts
    database_server.drop(database)


@pytest.fixture(scope="module")
def office(parts: Parts) -> Office:
    return open_office(parts.engine, parts.settings.key_dir)


@pytest.fixture(scope="module")
def app(parts: Parts, office: Office) -> Flask:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(door, "WRONG_KEYS_PER_MINUTE", 1_000_000)
        return create_app(parts=parts)


def every_operation() -> list[tuple[str, str]]:
    return [(each.method, each.path.replace("<number>", NUMBER)) for each in door.OPERATIONS if not each.public]


def test_every_wrong_key_is_answered_alike(site: Site, parts: Parts) -> None:
    with parts.work() as session:
        revoked, revoked_value = service.create_key(session, SYSTEM, site.id, [KeyScope.READ])
        _, expired_value = service.create_key(session, SYSTEM, site.id, [KeyScope.READ], now() + timedelta(seconds=1))
        service.revoke_key(session, SYSTEM, revoked.id)
    wrong = [None, "", "Bearer", "Basic abc", "Bearer x", f"Bearer wbk_{'A' * 43}", f"Bearer {revoked_value}"]
    wrong += [f"Bearer {expired_value}", f"Bearer {site.value}x", f"Bearer {site.value[:-1]}"]
    told = set()
    with clock_at(now() + timedelta(seconds=2)):
        for value in wrong:
            headers = {"Authorization": value} if value is not None else {}
            answer = site.app.test_client().get("/api/v1/authorities", headers=headers)
            assert answer.status_code == 401, value
            assert answer.headers["WWW-Authenticate"] == 'Bearer realm="workbench"'
            body = answer.get_json()
            told.add(json.dumps({**body, "request_id": ""}, sort_keys=True))
    assert len(told) == 1


def test_no_operation_is_open_without_a_key(site: Site) -> None:
    for method, path in every_operation():
        answer = site.app.test_client().open(f"/api/v1{path}", method=method)
        assert answer.status_code == 401, (method, path)
        assert answer.content_type == "application/problem+json"


def test_neither_cookie_nor_sign_in_opens_anything(site: Site) -> None:
    client = site.app.test_client()
    client.set_cookie("workbench", "anything")
    answer = client.get("/api/v1/authorities")
    assert answer.status_code == 401
    assert "Set-Cookie" not in site.get("/authorities").headers


def test_a_switched_off_site_is_refused(site: Site, parts: Parts) -> None:
    with parts.work() as session:
        session.get_one(Applicant, site.id).active = False
    assert site.get("/authorities").status_code == 401


@pytest.mark.parametrize("scope", list(KeyScope))
def test_a_key_opens_what_it_names_and_nothing_else(app: Flask, parts: Parts, scope: KeyScope) -> None:
    site = Site(app, parts, f"示例{scope}", [scope])
    for each in door.OPERATIONS:
        if each.scope is None:
            continue
        answer = site.send(each.method, each.path.replace("<number>", NUMBER))
        assert (answer.status_code == 403) == (each.scope is not scope), each.name
        if answer.status_code == 403:
            assert f'scope="{each.scope}"' in answer.headers["WWW-Authenticate"]
    assert site.get("/authorities").status_code == 200


def test_the_last_use_is_written_once_a_minute(site: Site, parts: Parts) -> None:
    def last_used() -> Any:
        with parts.work() as session:
            return session.scalars(select(ApiKey.last_used_at).where(ApiKey.id == site.key_id)).one()

    start = now()
    moments = {}
    for seconds in (0, 30, 61):
        with clock_at(start + timedelta(seconds=seconds)):
            site.get("/authorities")
        moments[seconds] = last_used()
    assert moments == {0: start, 30: start, 61: start + timedelta(seconds=61)}


def test_only_the_hash_of_a_key_is_kept(site: Site, parts: Parts) -> None:
    with parts.work() as session:
        key = session.get_one(ApiKey, site.key_id)
        kept = {name: str(getattr(key, name)) for name in ApiKey.__mapper__.column_attrs.keys()}  # noqa: SIM118
    assert not any(site.value in value for value in kept.values())
    assert site.value.startswith(kept["hint"])


def test_a_key_is_held_back_and_others_are_not(parts: Parts, office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "REQUESTS_PER_MINUTE", 3)
    app = create_app(parts=parts)
    busy, calm = Site(app, parts, "示例忙"), Site(app, parts, "示例闲")
    answers = [busy.get("/authorities") for _ in range(4)]
    assert [each.status_code for each in answers] == [200, 200, 200, 429]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 20
    assert calm.get("/authorities").status_code == 200


def test_guessing_is_held_back_and_a_good_key_from_there_is_not(
    parts: Parts, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "WRONG_KEYS_PER_MINUTE", 2)
    site = Site(create_app(parts=parts), parts, "示例甲")
    wrong = {"Authorization": f"Bearer wbk_{'A' * 43}"}
    statuses = [site.get("/authorities", headers=wrong).status_code for _ in range(3)]
    assert statuses == [401, 401, 429]
    assert site.get("/authorities").status_code == 200


def test_what_the_framework_refuses_is_a_problem_too(site: Site) -> None:
    lost = site.get("/nowhere")
    assert lost.status_code == 404
    wrong_method = site.send("DELETE", "/applications")
    assert wrong_method.status_code == 405
    assert {"GET", "POST"} <= {each.strip() for each in wrong_method.headers["Allow"].split(",")}


@pytest.mark.parametrize("key", [None, "", "x" * 101, "with blank", "ключ", "a\tb"])
def test_an_idempotency_key_is_needed(site: Site, key: str | None) -> None:
    data = {"application": json.dumps(facts(1))}
    headers = {} if key is None else {"Idempotency-Key": key}
    answer = site.send("POST", "/applications", data=data, headers=headers)
    assert answer.status_code == 400
    assert answer.json["errors"][0]["parameter"] == "Idempotency-Key"


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        (None, 415),
        ("application/json", 415),
        ("text/html", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/mixed; boundary=x", 415),
        ("multipart/form-data", 400),
        ("multipart/form-data; boundary=" + "x" * 10_000, 400),
        ("multipart/form-data; boundary=\u00e9", 400),
    ],
)
def test_other_content_is_refused(site: Site, content_type: str | None, status: int) -> None:
    headers = {"Idempotency-Key": "k"}
    answer = site.send("POST", "/applications", data=b'{"a": 1}', content_type=content_type, headers=headers)
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("", 400),
        ("{", 400),
        ("[" * 100_000, 400),
        ('{"a":' * 100_000, 400),
        ("null", 422),
        ("[]", 422),
        ("1e999", 422),
        ("NaN", 422),
        ('"\\ud800"', 400),
        (json.dumps({**facts(1), "service": "\u0000"}), 422),
        (json.dumps({**facts(1), "files": [{}] * 10_000}), 422),
        (json.dumps({"x" * 1000 + str(each): each for each in range(100)}), 422),
    ],
)
def test_hostile_json_is_refused_and_breaks_nothing(site: Site, parts: Parts, body: str, status: int) -> None:
    answer = site.post(body, papers(), "k")
    assert answer.status_code == status, answer.text[:300]
    assert len(answer.json.get("errors", ())) <= 100
    with parts.work() as session:
        assert session.scalar(select(func.count(Application.id))) == 0


@pytest.mark.parametrize(
    "change",
    [
        {"enterprise": {"name": "甲\u0000乙", "uscc": "91110000000000001K"}},
        {"reason": "a\u0000b"},
        {"form": {"address": "\u0007"}},
        {"prior_key": "\u0000"},
        {"pickup_site": "\u0000"},
        {"files": [{"document": "application_form", "part": "\u0000"}]},
    ],
)
def test_what_no_column_holds_is_named(site: Site, change: dict[str, Any]) -> None:
    answer = site.post(facts(1, **change), papers(), "k")
    assert answer.status_code == 422
    assert answer.json["errors"]


def test_a_body_of_ten_gigabytes_is_refused_before_it_is_read(site: Site) -> None:
    class Endless(io.RawIOBase):
        taken = 0

        def readinto(self, buffer: Any) -> int:
            self.taken += len(buffer)
            return len(buffer)

        def readable(self) -> bool:
            return True

    body = Endless()
    answer = site.send(
        "POST",
        "/applications",
        headers={"Idempotency-Key": "k"},
        content_type="multipart/form-data; boundary=x",
        environ_overrides={"wsgi.input": body, "CONTENT_LENGTH": str(10 * 1024**3)},
    )
    assert answer.status_code == 413
    assert body.taken == 0


def test_parts_beyond_number_and_size_are_refused(site: Site) -> None:
    many = {f"p{each}": b"x" for each in range(100)}
    assert site.post(facts(1), many, "k").status_code == 413
    assert site.post(" " * 300_000, papers(), "k").status_code in {400, 413}
    twice = {"application": [json.dumps(facts(1)), json.dumps(facts(1))]}
    answer = site.send(
        "POST", "/applications", data=twice, headers={"Idempotency-Key": "k"}, content_type="multipart/form-data"
    )
    assert answer.status_code == 400


@pytest.mark.parametrize("number", ["%00", "EK%2F..%2F..", "EK20260000001%00", "ё" * 100, "1' OR '1'='1"])
def test_odd_numbers_lead_nowhere(site: Site, number: str) -> None:
    assert site.get(f"/applications/{number}").status_code == 404
