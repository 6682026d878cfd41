"""What every answer carries, and what each refusal says."""

import html5lib
import pytest

import workbench
from tests.integration.shell.conftest import Shell
from workbench.kernel.parts import Parts
from workbench.shell.http import BODY_BYTES, content_security_policy


def test_pages_carry_the_policy_and_are_never_stored(shell: Shell) -> None:
    answer = shell.client().get("/desk/")
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self' 'nonce-")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Strict-Transport-Security" not in answer.headers


def test_each_page_has_a_nonce_of_its_own(shell: Shell) -> None:
    client = shell.client()
    policies = {client.get("/desk/").headers["Content-Security-Policy"] for _ in range(3)}
    assert len(policies) == 3
    assert content_security_policy("abc") not in policies


def test_static_files_are_kept_for_ever_under_their_fingerprint_only(shell: Shell) -> None:
    client = shell.client()
    page = client.get("/desk/").get_data(as_text=True)
    sheet = page.split('<link rel="stylesheet" href="')[1].split('"')[0]
    assert "immutable" in client.get(sheet).headers["Cache-Control"]
    assert client.get(sheet.split("?")[0]).headers["Cache-Control"] == "no-cache"
    assert client.get("/static/none.css?v=0123456789").headers["Cache-Control"] == "no-store"


def test_the_chinese_font_is_served(shell: Shell) -> None:
    font = shell.client().get("/static-fonts/v1/NotoSansSC-Regular.otf")
    assert font.data[:4] == b"OTTO"
    assert "immutable" in font.headers["Cache-Control"]


def test_the_session_cookie_is_hidden_from_scripts(shell: Shell) -> None:
    cookie = shell.client().get("/desk/").headers["Set-Cookie"]
    assert cookie.startswith("workbench=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_https_makes_cookies_secure(shell_parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbench, "ROOMS", ())
    settings = shell_parts.settings.model_copy(update={"https": True})
    app = workbench.create_app(parts=Parts(**{**vars(shell_parts), "settings": settings}))
    assert app.config["SESSION_COOKIE_NAME"] == "__Host-workbench"
    assert app.config["SESSION_COOKIE_SECURE"] is True
    assert "max-age" in app.test_client().get("/health").headers["Strict-Transport-Security"]


def test_a_post_without_token_is_refused_and_says_the_text_is_kept(shell: Shell) -> None:
    answer = shell.client().post("/desk/bench/rename/200")
    assert answer.status_code == 400
    assert "您填写的文字仍在" in answer.get_data(as_text=True)


def test_a_body_beyond_the_limit_is_413(shell: Shell) -> None:
    client = shell.client()
    headers = {"X-CSRFToken": shell.token(client)}
    answer = client.post(
        "/desk/bench/rename/200",
        data=b"x" * (BODY_BYTES + 1),
        headers=headers,
        content_type="application/x-www-form-urlencoded",
    )
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/nowhere", 404),
        ("/desk/undeclared/", 403),
        ("/desk/bench/type-error", 500),
        ("/desk/bench/too-many", 429),
        ("/desk/bench/rename/200", 405),
    ],
)
def test_refusals_are_pages_with_advice_and_a_request_id(shell: Shell, path: str, status: int) -> None:
    answer = shell.client().get(path)
    assert answer.status_code == status
    page = answer.get_data(as_text=True)
    html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(page)
    assert answer.headers["X-Request-Id"] in page
    assert 'class="next"' in page
    assert 'class="rail"' in page
    assert "Traceback" not in page


def test_strangers_get_refusals_in_a_bare_frame(shell: Shell) -> None:
    shell.actor = None
    page = shell.client().get("/nowhere").get_data(as_text=True)
    assert 'class="rail"' not in page


def test_a_wait_is_told_in_seconds(shell: Shell) -> None:
    assert shell.client().get("/desk/bench/too-many").headers["Retry-After"] == "17"


def test_scripts_get_problem_documents(shell: Shell) -> None:
    client = shell.client()
    headers = {"X-CSRFToken": shell.token(client), "Accept": "application/json"}
    answer = client.post("/desk/bench/rename-and-fail", headers=headers)
    assert answer.content_type == "application/problem+json"
    body = answer.get_json()
    assert body["status"] == 409
    assert body["detail"] == "It is gone."
    assert body["request_id"] == answer.headers["X-Request-Id"]


def test_the_language_is_one_click_and_leads_back(shell: Shell) -> None:
    client = shell.client()
    assert 'lang="zh-Hans"' in client.get("/desk/").get_data(as_text=True)
    data = {"csrf_token": shell.token(client), "next": "/desk/bench/"}
    answer = client.post("/language/en", data=data)
    assert (answer.status_code, answer.location) == (303, "/desk/bench/")
    page = client.get("/desk/").get_data(as_text=True)
    assert 'lang="en"' in page
    assert "My day" in page


def test_the_language_switch_never_leads_elsewhere(shell: Shell) -> None:
    client = shell.client()
    data = {"csrf_token": shell.token(client), "next": "//example.com/"}
    assert client.post("/language/en", data=data).location == "/"


def test_health_names_its_parts_and_nothing_else(shell: Shell) -> None:
    answer = shell.client().get("/health")
    assert answer.status_code == 200
    assert answer.get_json()["parts"]["database"] == "ok"
    assert set(answer.get_json()) == {"status", "parts"}
