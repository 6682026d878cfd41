"""The entrance under attack: guesses spelled otherwise, sessions planted and replayed, two persons in one browser,
links in the log, hosts that lie."""

import pytest
from sqlalchemy import delete, text
from structlog.testing import capture_logs

from tests.integration.review.desk import PASSWORD as DESK_PASSWORD
from tests.integration.security.front_door import CODE, Front, signed_in
from tests.support.applicant import PASSWORD, form_token
from tests.support.stranger import Stranger
from workbench.cases.models import Applicant
from workbench.organisation.models import SignInAttempt
from workbench.portal.accounts import links

SPELLINGS = ["mine", "MINE", " mine ", "mi\u200bne", "mine\u2060", "\ufeffmine", "m\u00adine", "ｍｉｎｅ", "mine\x00"]
"""All of one account."""


@pytest.fixture(autouse=True)
def _fresh_network(front: Front) -> None:
    with front.office.work() as session:
        session.execute(delete(SignInAttempt))


@pytest.fixture
def stranger(front: Front) -> Stranger:
    return Stranger(front.app, front.parts)


def enter(stranger: Stranger, login: str, password: str = PASSWORD, uscc: str = CODE) -> int:
    return stranger.send("/entrance", {"uscc": uscc, "login": login, "password": password}).status_code


def test_spelling_name_or_code_otherwise_gives_no_more_tries(front: Front, stranger: Stranger) -> None:
    answers = [enter(stranger, login, "wrong wrong wrong") for login in SPELLINGS]
    assert answers == [401] * 5 + [429] * (len(SPELLINGS) - 5)
    assert enter(stranger, "mine", uscc=f"{CODE[:9]}\u200b{CODE[9:]}") == 429
    with front.office.work() as session:
        assert set(session.scalars(text("SELECT login FROM sign_in_attempt"))) == {f"{CODE}/mine"}


def test_a_lie_about_the_address_gives_no_more_tries(front: Front, stranger: Stranger) -> None:
    for number in range(6):
        invented = f"198.51.100.{number}"
        lie = {"X-Forwarded-For": invented, "X-Real-IP": invented, "Forwarded": f"for={invented}"}
        status = stranger.send(
            "/entrance", {"uscc": CODE, "login": "theirs", "password": "x" * 9}, options={"headers": lie}
        ).status_code
        assert status == (401 if number < 5 else 429)
    with front.office.work() as session:
        assert set(session.scalars(text("SELECT address FROM sign_in_attempt"))) == {"127.0.0.1"}


def test_a_planted_session_is_not_the_applicants(front: Front, stranger: Stranger) -> None:
    token = form_token(stranger.client.get("/entrance").text)
    planted = stranger.client.get_cookie("workbench")
    assert planted is not None
    assert enter(stranger, "mine") == 303
    cookie = stranger.client.get_cookie("workbench")
    assert cookie is not None
    assert (cookie.value != planted.value, cookie.http_only, cookie.same_site) == (True, True, "Lax")
    assert stranger.client.post("/entrance/leave", data={"csrf_token": token}).status_code == 400
    thief = front.app.test_client()
    thief.set_cookie("workbench", planted.value)
    assert thief.get("/applications").status_code == 303


def test_nobody_is_signed_in_by_a_form_of_another_site(front: Front) -> None:
    """Else a victim would fill in its form in the attacker's account."""
    answer = front.app.test_client().post("/entrance", data={"uscc": CODE, "login": "mine", "password": PASSWORD})
    assert answer.status_code == 400


def test_one_browser_is_one_person(front: Front, stranger: Stranger) -> None:
    client = stranger.client
    token = form_token(client.get("/sign-in").text)
    client.post("/sign-in", data={"csrf_token": token, "login": "dispatcher", "password": DESK_PASSWORD})
    assert client.get("/desk/").status_code == 200
    assert client.get("/applications").status_code == 303, "staff are no applicants"
    assert enter(stranger, "mine") == 303
    assert client.get("/applications").status_code == 200
    assert client.get("/desk/").status_code == 303, "nothing of the sign-in before is left"
    token = form_token(client.get("/sign-in").text)
    client.post("/sign-in", data={"csrf_token": token, "login": "dispatcher", "password": DESK_PASSWORD})
    assert client.get("/applications").status_code == 303


def test_a_cookie_dies_with_the_account(front: Front) -> None:
    counter = front.another()
    assert counter.client.get("/applications").status_code == 200
    with front.office.work() as session:
        session.get_one(Applicant, counter.applicant.id).active = False
    assert counter.client.get("/applications").status_code == 303
    stranger = Stranger(front.app, front.parts)
    assert enter(stranger, counter.applicant.login or "", uscc=counter.applicant.uscc or "") == 401


def test_who_is_signed_in_may_enter_register_and_follow_a_link_as_somebody_else(front: Front) -> None:
    """The database shows an applicant no other's account: these pages ask as a stranger does."""
    mine, other = front.another(), front.another()
    browser = Stranger(front.app, front.parts)
    browser.client = signed_in(front.app, mine.applicant)
    answer = browser.send("/password/forgotten", uscc=other.applicant.uscc or "", login=other.applicant.login or "")
    assert answer.status_code == 303
    link = browser.path(other.applicant.email or "")
    changed = browser.send(link, password="nine calm otters swim", again="nine calm otters swim")
    assert changed.status_code == 303, changed.text
    values = {
        "category": "other", "uscc": other.applicant.uscc or "", "enterprise_name": "示例", "login": "third.person",
        "email": "third@example.invalid", "password": PASSWORD, "again": PASSWORD,
    }  # fmt: skip
    assert browser.send("/register", values).status_code == 303
    assert browser.send(browser.path("third@example.invalid")).status_code == 303
    page = browser.client.get("/account")
    assert page.status_code == 200, "and is who it was"
    assert str(mine.applicant.login) in page.text
    token = form_token(page.text)
    assert browser.client.post("/entrance/leave", data={"csrf_token": token}).status_code == 303
    assert enter(browser, "third.person", uscc=other.applicant.uscc or "") == 303


def test_no_link_stands_in_the_log(front: Front, stranger: Stranger) -> None:
    """Who reads the log would otherwise choose the password before its owner does."""
    reset = links.reset_link(front.parts, front.theirs.applicant.id, front.theirs.applicant.session_epoch)
    for link in (reset, links.activation_link(front.parts, 1)):
        path = link.removeprefix(front.parts.settings.site_url)
        with capture_logs() as lines:
            stranger.client.get(path)
        written = str(lines)
        assert path.rpartition("/")[0] in written
        assert path.rpartition("/")[2] not in written


@pytest.mark.parametrize(
    "lie",
    [
        {"Host": "evil.example"},
        {"X-Forwarded-Host": "evil.example"},
        {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "X-Forwarded-Port": "444"},
        {"Forwarded": "host=evil.example"},
        {"Host": "localhost", "X-Original-URL": "//evil.example/", "X-Forwarded-Prefix": "//evil.example"},
    ],
)
def test_a_host_that_lies_is_in_no_mail_and_no_redirect(front: Front, lie: dict[str, str]) -> None:
    someone = front.another()
    # Every request of a browser names the same host: only then does its cookie travel.
    browser = Stranger(front.app, front.parts)
    host = lie.get("Host", "localhost")
    options = {"headers": lie, "base_url": f"http://{host}/"}
    values = {"uscc": someone.applicant.uscc or "", "login": someone.applicant.login or ""}
    answer = browser.send("/password/forgotten", values, options=options)
    assert (answer.status_code, answer.location) == (303, "/password/forgotten?sent=1")
    [mail] = browser.mails(someone.applicant.email or "")
    assert "evil" not in mail.body
    assert browser.link(someone.applicant.email or "").startswith(front.parts.settings.site_url)


def test_a_link_dies_when_the_account_is_closed(front: Front, stranger: Stranger) -> None:
    someone = front.another()
    link = links.reset_link(front.parts, someone.applicant.id, someone.applicant.session_epoch)
    path = link.removeprefix(front.parts.settings.site_url)
    assert stranger.client.get(path).status_code == 200
    with front.office.work() as session:
        session.get_one(Applicant, someone.applicant.id).active = False
    assert stranger.client.get(path).status_code == 410
