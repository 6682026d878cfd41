"""The doors: sign-in, sessions, tokens, redirects, headers. Whoever is outside stays outside and learns nothing."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urljoin, urlsplit

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from tests.integration.review.desk import PASSWORD
from tests.integration.security.conftest import Prey

ELSEWHERE = [
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\r\n/evil.example",
    "/x\r\nSet-Cookie: a=b",
    "https://evil.example/",
    "javascript:alert(1)",
    " //evil.example",
    "http:evil.example",
    "//[",
    "/\x00/evil.example",
    "//evil.example\\@localhost/",
    "@evil.example",
]


@pytest.fixture
def stranger(prey: Prey) -> Iterator[FlaskClient]:
    """Somebody outside; what was tried is forgotten afterwards, so that no test has to wait for another's failures."""
    yield prey.desk.app.test_client()
    with prey.desk.office.work() as session:
        session.execute(text("DELETE FROM sign_in_attempt"))


def token_of(client: FlaskClient, path: str = "/sign-in") -> str:
    found = re.search(r'name="csrf-token" content="([^"]+)"', client.get(path).text)
    assert found is not None
    return found.group(1)


def sign_in(client: FlaskClient, login: str, password: str, **more: str) -> int:
    values = {"csrf_token": token_of(client), "login": login, "password": password, **more}
    return client.post("/sign-in", data=values).status_code


@pytest.mark.parametrize("target", ELSEWHERE)
def test_no_redirect_leads_elsewhere(prey: Prey, stranger: FlaskClient, target: str) -> None:
    values = {"csrf_token": token_of(stranger), "login": "dispatcher", "password": PASSWORD, "next": target}
    assert stranger.get("/sign-in", query_string={"next": target}).status_code == 200
    answers = [stranger.post("/sign-in", data=values)]
    token = token_of(stranger, "/desk/")
    answers.append(stranger.post("/language/en", data={"csrf_token": token, "next": target}))
    for answer in answers:
        assert answer.status_code == 303
        # As a browser reads it: tabs and line ends gone, back slashes as slashes.
        read = re.sub(r"[\t\r\n]", "", answer.location).replace("\\", "/")
        assert urlsplit(urljoin("http://localhost/", read)).netloc == "localhost"
        assert "Set-Cookie: a" not in str(answer.headers)


@pytest.mark.parametrize("target", ELSEWHERE)
def test_the_tables_own_way_back_leads_nowhere_else(prey: Prey, target: str) -> None:
    browser = prey.desk.browser("administrator")
    path = f"/desk/pickup-sites/edit/?id={prey.own.site}"
    answer = browser.get("/desk/pickup-sites/edit/", query_string={"id": prey.own.site, "url": target})
    assert answer.status_code == 400
    sent = browser.post(path, url=target, authority_id=1, name="示例", address="示例")
    assert sent.status_code == 400


def test_a_session_begins_anew_at_the_sign_in(prey: Prey, stranger: FlaskClient) -> None:
    token = token_of(stranger)
    before = stranger.get_cookie("workbench")
    assert before is not None
    assert sign_in(stranger, "dispatcher", PASSWORD) == 303
    after = stranger.get_cookie("workbench")
    assert after is not None
    assert after.value != before.value
    assert after.http_only
    assert after.same_site == "Lax"
    refused = stranger.post("/sign-out", data={"csrf_token": token})
    assert refused.status_code == 400, "the stranger's token is not the person's"
    other = prey.desk.app.test_client()
    other.set_cookie("workbench", before.value)
    assert other.get("/desk/").status_code == 303


def test_a_copied_cookie_ends_with_the_sign_out(prey: Prey, stranger: FlaskClient) -> None:
    assert sign_in(stranger, "dispatcher", PASSWORD) == 303
    cookie = stranger.get_cookie("workbench")
    assert cookie is not None
    thief = prey.desk.app.test_client()
    thief.set_cookie("workbench", cookie.value)
    assert thief.get("/desk/").status_code == 200
    stranger.post("/sign-out", data={"csrf_token": token_of(stranger, "/desk/")})
    assert thief.get("/desk/").status_code == 303


def test_an_unknown_login_and_a_wrong_password_are_answered_alike(prey: Prey, stranger: FlaskClient) -> None:
    answers = []
    for login in ("dispatcher", "nobody-of-this-name"):
        values = {"csrf_token": token_of(stranger), "login": login, "password": "wrong wrong wrong"}
        answer = stranger.post("/sign-in", data=values)
        body = re.sub(r'nonce="[^"]+"|content="[^"]+"|value="[^"]*"|[0-9a-f]{16}', "#", answer.text)
        answers.append((answer.status_code, body))
    assert answers[0] == answers[1]


def test_spelling_the_login_otherwise_or_lying_about_the_address_gives_no_more_tries(
    prey: Prey, stranger: FlaskClient
) -> None:
    spellings = ["dispatcher", "DISPATCHER", " dispatcher ", "Dispatcher\t", "dispatcheR"]
    for number, login in enumerate(spellings):
        token = token_of(stranger)
        lie = {"X-Forwarded-For": f"198.51.100.{number}", "X-Real-IP": f"198.51.100.{number}"}
        values = {"csrf_token": token, "login": login, "password": "wrong wrong wrong"}
        assert stranger.post("/sign-in", data=values, headers=lie).status_code == 401, login
    assert sign_in(stranger, "dispatcher", PASSWORD) == 429
    with prey.desk.office.work() as session:
        assert set(session.scalars(text("SELECT address FROM sign_in_attempt"))) == {"127.0.0.1"}


def test_many_guesses_at_once_are_no_more_than_five(prey: Prey, stranger: FlaskClient) -> None:
    def guess(_: int) -> int:
        return sign_in(prey.desk.app.test_client(), "key-maker", "wrong wrong wrong")

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(guess, range(12)))
    assert answers.count(429) == 7
    assert 500 not in answers


def test_a_giant_password_is_refused_before_it_is_hashed(prey: Prey, stranger: FlaskClient) -> None:
    assert sign_in(stranger, "dispatcher", "x" * 200_000) == 400
    assert sign_in(stranger, "dispatcher", "x" * 3_000_000) == 413
    with prey.desk.office.work() as session:
        assert session.scalar(text("SELECT count(*) FROM sign_in_attempt")) == 0


def test_no_post_is_taken_without_the_persons_own_token(prey: Prey) -> None:
    browser, other = prey.desk.browser("pre-checker-b"), prey.desk.browser("authority-supervisor-b")
    for path in (f"/review/cases/{prey.own.case}/marks", "/review/pre-check/next", "/desk/paper/new", "/sign-out"):
        for token in ("", "x", other.token, browser.token.swapcase()):
            form = browser.client.post(path, data={"csrf_token": token})
            json = browser.client.post(path, json={}, headers={"X-CSRFToken": token})
            assert (form.status_code, json.status_code) == (400, 400), (path, token)
        # Neither a header nor a field turns a GET into a POST, or a body into something the token does not cover.
        overridden = browser.client.get(
            path, headers={"X-HTTP-Method-Override": "POST"}, query_string={"_method": "POST"}
        )
        assert overridden.status_code in {200, 405}, path
        plain = browser.client.post(path, data='{"a": 1}', content_type="text/plain")
        assert plain.status_code == 400, path


def test_every_answer_carries_its_walls(prey: Prey) -> None:
    browser = prey.desk.browser("pre-checker-b")
    for path in ("/sign-in", "/desk/", "/cases/", f"/review/cases/{prey.own.case}", "/nothing-here", "/health"):
        answer = browser.get(path, headers={"Origin": "https://evil.example"})
        policy = answer.headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in policy
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert answer.headers["Referrer-Policy"] == "same-origin"


def test_a_forged_cookie_is_nobodys(prey: Prey) -> None:
    for value in ("x", ".eJw", "eyJfdXNlcl9pZCI6IjE6MTp4In0.aaaa.bbbb", "\x7f" * 100, "a" * 4000):
        client = prey.desk.app.test_client()
        client.set_cookie("workbench", value)
        assert client.get("/desk/").status_code == 303
