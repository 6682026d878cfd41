"""Signing in and new passwords: one answer for every failure, links that work once, sessions that end."""

import re
from datetime import timedelta
from itertools import count
from urllib.parse import quote

import pytest
from argon2 import PasswordHasher
from flask import Flask
from sqlalchemy import delete

from tests.integration.portal.conftest import SITE
from tests.support.applicant import PASSWORD, a_code, an_applicant, captcha_token, form_token
from tests.support.stranger import Stranger
from workbench.cases.models import Applicant
from workbench.kernel.clock import clock_at, now
from workbench.kernel.parts import Parts
from workbench.organisation import passwords
from workbench.organisation.models import SignInAttempt
from workbench.portal.accounts import captcha, links

NEW = "nine calm otters swim"
numbers = count(1000)


@pytest.fixture(autouse=True)
def _fresh_network(door_parts: Parts) -> None:
    with door_parts.work() as session:
        session.execute(delete(SignInAttempt))


@pytest.fixture
def applicant(door_parts: Parts) -> Applicant:
    """Somebody with an account, each time of another enterprise."""
    number = next(numbers)
    return an_applicant(door_parts, uscc=a_code(number), email=f"person{number}@example.invalid")


def enter(stranger: Stranger, applicant: Applicant, password: str = PASSWORD, **values: str) -> int:
    stated = {"uscc": applicant.uscc or "", "login": applicant.login or "", "password": password, **values}
    return stranger.send("/entrance", stated).status_code


def reload(parts: Parts, applicant: Applicant) -> Applicant:
    with parts.work() as session:
        return session.get_one(Applicant, applicant.id)


def ask_for_link(stranger: Stranger, applicant: Applicant) -> str:
    """The path of a link to a new password, as the mail has it."""
    answer = stranger.send("/password/forgotten", uscc=applicant.uscc or "", login=applicant.login or "")
    assert answer.location == "/password/forgotten?sent=1"
    return stranger.path(applicant.email or "")


def test_code_and_login_are_taken_as_people_type_them(stranger: Stranger, applicant: Applicant) -> None:
    code = (applicant.uscc or "").lower()
    assert enter(stranger, applicant, uscc=f" {code[:6]} {code[6:]} ", login=" SHILI.JINGBAN ") == 303
    assert "示例远航" in stranger.open("/account")


def test_every_failure_gets_the_same_answer(stranger: Stranger, applicant: Applicant, door_parts: Parts) -> None:
    gone = an_applicant(door_parts, uscc=applicant.uscc or "", login="gone")
    with door_parts.work() as session:
        session.get_one(Applicant, gone.id).active = False
    answers = set()
    for changes in (
        {"password": "wrong wrong wrong"},
        {"login": "gone"},
        {"login": "nobody"},
        {"uscc": a_code(999_999)},
        {"login": "a\x00b"},
    ):
        stated = {"uscc": applicant.uscc or "", "login": "shili.jingban", "password": PASSWORD, **changes}
        answer = stranger.send("/entrance", stated)
        said = re.search(r'role="alert">(.*?)</form>', answer.text, re.DOTALL)
        assert said is not None
        answers.add((answer.status_code, said.group(1).split("</div>")[1].strip()))
        assert PASSWORD not in answer.text
    assert len(answers) == 1
    assert answers.pop()[0] == 401


def test_a_wrong_captcha_is_said_beside_it_and_checks_no_password(
    stranger: Stranger, applicant: Applicant, door_parts: Parts
) -> None:
    values = {"uscc": applicant.uscc or "", "login": "shili.jingban", "password": PASSWORD}
    answer = stranger.send("/entrance", values, wrong=True)
    assert answer.status_code == 400
    assert 'id="captcha-error"' in answer.text
    assert (applicant.uscc or "?") in answer.text
    assert PASSWORD not in answer.text
    with door_parts.work() as session:
        assert session.query(SignInAttempt).count() == 0


def test_an_answer_opens_one_form_once(stranger: Stranger, applicant: Applicant) -> None:
    page = stranger.open("/entrance")
    token = captcha_token(page)
    solved = {"captcha_token": token, "captcha": captcha.answer_of(stranger.parts.secrets, token)}
    values = {"uscc": applicant.uscc or "", "login": "shili.jingban", **solved}
    assert stranger.send("/entrance", values, password="wrong wrong wrong").status_code == 401
    assert stranger.send("/entrance", values, password=PASSWORD).status_code == 400
    assert stranger.send("/password/forgotten", values).status_code == 400
    assert stranger.mails(applicant.email or "") == []


def test_the_sum_in_words_lets_in_as_well(stranger: Stranger, applicant: Applicant) -> None:
    page = stranger.open("/entrance")
    asked = re.search(r"What is ([a-z]+) plus ([a-z]+)\?", page)
    assert asked is not None
    total = sum(captcha.NUMBERS.index(word) + 2 for word in asked.groups())
    assert enter(stranger, applicant, captcha_token=captcha_token(page), captcha=f" {total} ") == 303


def test_guessing_slows_down_until_the_password_is_replaced(stranger: Stranger, applicant: Applicant) -> None:
    for _ in range(5):
        assert enter(stranger, applicant, "wrong wrong wrong") == 401
    assert enter(stranger, applicant) == 429
    stated = {"password": NEW, "again": NEW}
    assert stranger.send(ask_for_link(stranger, applicant), stated).status_code == 303
    assert enter(stranger, applicant, NEW) == 303


def test_a_weak_hash_is_renewed(stranger: Stranger, applicant: Applicant, door_parts: Parts) -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    with door_parts.work() as session:
        session.get_one(Applicant, applicant.id).password_hash = weak
    assert enter(stranger, applicant) == 303
    renewed = reload(door_parts, applicant)
    assert not passwords.is_outdated(renewed.password_hash or "")
    assert renewed.last_signed_in_at is not None


@pytest.mark.parametrize(
    "evil",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "http:evil.example",
        "/entrance",
    ],
)
def test_nobody_is_led_elsewhere(stranger: Stranger, applicant: Applicant, evil: str) -> None:
    page = stranger.open(f"/entrance?next={quote(evil)}")
    assert 'name="next" value="/applications"' in page
    stated = {"uscc": applicant.uscc or "", "login": "shili.jingban", "password": PASSWORD}
    assert stranger.send("/entrance", stated, next=evil).location == "/applications"


def test_one_is_led_on_to_where_one_was_going(stranger: Stranger, applicant: Applicant) -> None:
    asked = stranger.client.get("/account")
    assert asked.location == "/entrance?next=%2Faccount"
    stated = {"uscc": applicant.uscc or "", "login": "shili.jingban", "password": PASSWORD}
    assert stranger.send("/entrance", stated, page=asked.location, next="/account").location == "/account"
    assert stranger.client.get("/entrance").status_code == 303


def test_a_form_sent_after_the_sign_in_ended_leads_to_the_applicants_entrance(stranger: Stranger) -> None:
    answer = stranger.send("/account", page="/entrance", current=PASSWORD, password=NEW, again=NEW)
    assert (answer.status_code, answer.location) == (303, "/entrance")
    script = stranger.client.get("/account", headers={"Accept": "application/json"})
    assert script.status_code == 401


def test_signing_out_ends_copies_of_the_cookie_too(stranger: Stranger, applicant: Applicant, door_app: Flask) -> None:
    enter(stranger, applicant)
    cookie = stranger.client.get_cookie("workbench")
    assert cookie is not None
    assert stranger.send("/entrance/leave", page="/account").status_code == 303
    copy = door_app.test_client()
    copy.set_cookie("workbench", cookie.value)
    assert copy.get("/account").status_code == 303


def test_asking_for_a_link_tells_nobody_who_is_registered(stranger: Stranger, applicant: Applicant) -> None:
    bodies = set()
    for code, login in ((applicant.uscc or "", "shili.jingban"), (applicant.uscc or "", "nobody"), ("x", "a\x00b")):
        answer = stranger.send("/password/forgotten", uscc=code, login=login)
        bodies.add((answer.status_code, answer.location, answer.text))
    assert len(bodies) == 1
    stranger.send("/password/forgotten", uscc=applicant.uscc or "", login="shili.jingban")
    assert len(stranger.mails(applicant.email or "")) == 1  # however often it is asked for


def test_a_link_sets_a_password_once(stranger: Stranger, applicant: Applicant, door_parts: Parts) -> None:
    path = ask_for_link(stranger, applicant)
    assert stranger.link(applicant.email or "").startswith(f"{SITE}/password/reset/")
    assert "Choose a new password" in stranger.open(path)
    assert stranger.send(path, password="short", again="short").status_code == 400
    assert stranger.send(path, password=NEW, again="another one here").status_code == 400
    assert stranger.send(path, password=NEW, again=NEW).status_code == 303
    assert stranger.mails(applicant.email or "")[-1].subject == "【电子钥匙】您的密码已更改"
    stranger.open(path, 410)
    assert stranger.send(path, page="/contacts", password=PASSWORD, again=PASSWORD).status_code == 410
    assert passwords.matches(reload(door_parts, applicant).password_hash or "", NEW)


def test_a_link_dies_with_time_and_with_any_other_new_password(stranger: Stranger, applicant: Applicant) -> None:
    path = ask_for_link(stranger, applicant)
    with clock_at(now() + timedelta(hours=2, seconds=2)):
        stranger.open(path, 410)
    assert enter(stranger, applicant) == 303
    stranger.send("/account", current=PASSWORD, password=NEW, again=NEW)
    stranger.open(path, 410)


def test_no_account_is_reset_with_anothers_link(stranger: Stranger, applicant: Applicant, door_parts: Parts) -> None:
    activation = links.activation_link(door_parts, applicant.id).rpartition("/")[2]
    stranger.open(f"/password/reset/{activation}", 404)
    stranger.open(links.reset_link(door_parts, applicant.id, 99).removeprefix(SITE), 410)


def test_a_new_password_ends_every_other_session(
    stranger: Stranger, applicant: Applicant, door_app: Flask, door_parts: Parts
) -> None:
    elsewhere = Stranger(door_app, door_parts)
    for browser in (stranger, elsewhere):
        assert enter(browser, applicant) == 303
    wrong = stranger.send("/account", current="wrong wrong wrong", password=NEW, again=NEW)
    assert wrong.status_code == 400
    assert 'id="current-error"' in wrong.text
    assert 'id="password-error"' in stranger.send("/account", current=PASSWORD, password="short", again="short").text
    assert stranger.send("/account", current=PASSWORD, password=NEW, again=NEW).status_code == 303
    assert "has been changed" in stranger.open("/account")
    assert elsewhere.client.get("/account").status_code == 303


def test_who_comes_with_the_key_has_no_password(stranger: Stranger, door_parts: Parts, applicant: Applicant) -> None:
    enter(stranger, applicant)
    with door_parts.work() as session:
        holder = session.get_one(Applicant, applicant.id)
        holder.kind, holder.login, holder.password_hash, holder.certificate_sha256 = (
            "certificate",
            None,
            None,
            "ab" * 32,
        )
    page = stranger.open("/account")
    assert 'name="current"' not in page
    answer = stranger.client.post("/account", data={"csrf_token": form_token(page), "password": NEW, "again": NEW})
    assert answer.status_code == 404


def test_one_address_asks_for_twenty_mails_an_hour(stranger: Stranger, applicant: Applicant) -> None:
    start = now()
    stated = {"uscc": applicant.uscc or "", "login": "shili.jingban"}
    with clock_at(start):
        for _ in range(20):
            assert stranger.send("/password/forgotten", stated).status_code == 303
        assert stranger.send("/password/forgotten", stated).status_code == 429
        assert stranger.send("/register/resend", stated).status_code == 303  # counted apart
    with clock_at(start + timedelta(hours=1, seconds=1)):
        assert stranger.send("/password/forgotten", stated).status_code == 303
