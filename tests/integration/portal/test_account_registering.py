"""From the empty form to an activated account, and what nobody learns or forges on the way."""

import re
from datetime import timedelta
from itertools import count

import pytest
from flask import Flask
from sqlalchemy import delete, func, select

from tests.integration.portal.conftest import SITE
from tests.support.applicant import NAME, PASSWORD, a_code, an_applicant, form_token
from tests.support.stranger import Stranger
from workbench.cases.models import Applicant
from workbench.cases.words import Category
from workbench.kernel.audit import AuditEntry
from workbench.kernel.clock import clock_at, now
from workbench.kernel.codes import uscc_check_character
from workbench.kernel.parts import Parts
from workbench.organisation.models import SignInAttempt
from workbench.portal.accounts import links
from workbench.portal.models import EnterpriseRecord, Registration

numbers = count(1)


@pytest.fixture(autouse=True)
def _fresh_network(door_parts: Parts) -> None:
    """All tests come from one address; what it has tried is forgotten between them."""
    with door_parts.work() as session:
        session.execute(delete(SignInAttempt))


def wish(**changes: str) -> dict[str, str]:
    """A form that can stand; each is another enterprise's."""
    number = next(numbers)
    return {
        "category": Category.OTHER,
        "machinery_account": "",
        "uscc": a_code(number),
        "enterprise_name": NAME,
        "login": "shili.jingban",
        "password": PASSWORD,
        "again": PASSWORD,
        "email": f"person{number}@example.invalid",
        **changes,
    }


def accounts(parts: Parts, uscc: str) -> list[Applicant]:
    with parts.work() as session:
        return list(session.scalars(select(Applicant).where(Applicant.uscc == uscc)))


def register(stranger: Stranger, **changes: str) -> dict[str, str]:
    """Register, and return what was stated."""
    stated = wish(**changes)
    answer = stranger.send("/register", stated)
    assert (answer.status_code, answer.location) == (303, "/register/sent")
    return stated


def test_the_whole_way(stranger: Stranger, door_parts: Parts) -> None:
    stated = register(stranger, category=Category.MECHANICAL_ELECTRICAL, machinery_account=" jd-0001 ")
    assert stated["email"] in stranger.open("/register/sent")
    assert accounts(door_parts, stated["uscc"]) == []
    path = stranger.path(stated["email"])
    assert NAME in stranger.open(path)
    assert accounts(door_parts, stated["uscc"]) == []  # opening the link, as mail scanners do, activates nothing

    done = stranger.send(path)
    assert (done.status_code, done.location) == (303, "/entrance")
    assert stated["uscc"] in stranger.open("/entrance")
    (applicant,) = accounts(door_parts, stated["uscc"])
    assert (applicant.kind, applicant.name, applicant.login) == ("person", NAME, "shili.jingban")
    assert (applicant.category, applicant.machinery_account) == (Category.MECHANICAL_ELECTRICAL, "jd-0001")

    entered = stranger.send("/entrance", uscc=stated["uscc"], login="shili.jingban", password=PASSWORD)
    assert (entered.status_code, entered.location) == (303, "/applications")
    assert stated["email"] in stranger.open("/account")
    with door_parts.work() as session:
        actions = session.scalars(select(AuditEntry.action).where(AuditEntry.actor == f"enterprise:{applicant.id}"))
        assert set(actions) == {"applicant.activated", "applicant.signed_in"}


def test_before_activation_nobody_signs_in(stranger: Stranger) -> None:
    stated = register(stranger)
    answer = stranger.send("/entrance", uscc=stated["uscc"], login="shili.jingban", password=PASSWORD)
    assert answer.status_code == 401


@pytest.mark.parametrize("first", ["N", "Y", "A", "9"])
def test_codes_are_taken_as_people_type_them(stranger: Stranger, door_parts: Parts, first: str) -> None:
    first_17 = f"{first}1110000{next(numbers):09d}"
    code = first_17 + uscc_check_character(first_17)
    typed = f" {code[:4].lower()} {code[4:10]}\u3000{code[10:]}".replace("0", "０", 2)
    stated = register(stranger, uscc=typed, login=" Shili.Jingban ")
    stranger.send(stranger.path(stated["email"]))
    assert [each.login for each in accounts(door_parts, code)] == ["shili.jingban"]


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("category", "all", "Choose one of the three."),
        ("uscc", "91110000000000001", "has 18 characters"),
        ("uscc", "9111000000000000I9", "only digits and capital letters"),
        ("uscc", "911100000000000011", "check character does not fit"),
        ("enterprise_name", "\u202e", "Enter the name as it stands"),
        ("enterprise_name", "示" * 201, "at most 200 characters"),
        ("login", "abc", "4 to 30 letters"),
        ("login", "shili/jingban", "4 to 30 letters"),
        ("login", "示例经办", "4 to 30 letters"),
        ("password", "short", "at least 12 characters"),
        ("password", "password1234", "first that are tried"),
        ("again", "another sentence", "passwords differ"),
        ("email", "nobody", "not an e-mail address"),
        ("email", "a@example.invalid, b@example.invalid", "not an e-mail address"),
        ("email", "a@example.invalid\r\nBcc: b@example.invalid", "not an e-mail address"),
    ],
)
def test_what_cannot_stand_is_said_beside_its_field(stranger: Stranger, field: str, typed: str, said: str) -> None:
    stated = wish(**{field: typed})
    answer = stranger.send("/register", stated)
    assert answer.status_code == 400
    assert re.search(rf'id="{field}-error">.*?{said}', answer.text, re.DOTALL)
    assert stated["login"] in answer.text or field == "login"
    assert PASSWORD not in answer.text
    assert stranger.mails(stated["email"]) == []


def test_characters_no_page_can_show_become_blanks(stranger: Stranger, door_parts: Parts) -> None:
    stated = register(stranger, enterprise_name="示例\x00有限\x1b公司", login="shili.jingban\x00")
    stranger.send(stranger.path(stated["email"]))
    assert [each.name for each in accounts(door_parts, stated["uscc"])] == ["示例 有限 公司"]


def test_machinery_licences_need_the_account(stranger: Stranger) -> None:
    answer = stranger.send("/register", wish(category=Category.MECHANICAL_ELECTRICAL))
    assert answer.status_code == 400
    assert 'id="machinery_account-error"' in answer.text


def test_taken_and_free_get_one_answer_and_only_the_owner_learns(stranger: Stranger, door_parts: Parts) -> None:
    owner = an_applicant(door_parts, uscc=a_code(next(numbers)), email="owner@example.invalid")
    answers = []
    for code in (owner.uscc or "", a_code(next(numbers))):
        stated = wish(uscc=code, email="asker@example.invalid")
        answer = stranger.send("/register", stated)
        sent = re.sub(r'name="csrf[-_]token" (content|value)="[^"]+"', "", stranger.open("/register/sent"))
        answers.append((answer.status_code, answer.location, answer.text, sent))
    assert answers[0] == answers[1]
    (warning,) = stranger.mails("owner@example.invalid")
    assert warning.subject == "【电子钥匙】有人用您的登录名再次注册"
    assert len(stranger.mails("asker@example.invalid")) == 1
    stranger.send("/register", wish(uscc=owner.uscc or ""))
    assert len(stranger.mails("owner@example.invalid")) == 1  # one an hour


def test_a_wrong_address_can_be_corrected_without_typing_all_again(stranger: Stranger) -> None:
    stated = register(stranger, email="wrogn@example.invalid")
    page = stranger.open("/register?correct=1")
    assert "wrogn@example.invalid" in page
    assert stated["uscc"] in page
    assert PASSWORD not in page
    assert "wrogn@example.invalid" not in stranger.open("/register")


def test_links_are_built_on_the_configured_address(stranger: Stranger) -> None:
    evil = {"base_url": "http://evil.example", "headers": {"X-Forwarded-Host": "evil.example"}}
    stated = wish()
    assert stranger.send("/register", stated, options=evil).status_code == 303
    (mail,) = stranger.mails(stated["email"])
    assert "evil" not in mail.body
    assert stranger.link(stated["email"]).startswith(f"{SITE}/activate/")


def test_mails_carry_no_words_of_the_one_who_registers(stranger: Stranger) -> None:
    stated = register(stranger, enterprise_name="请访问 evil.example", login="evil.example")
    (mail,) = stranger.mails(stated["email"])
    assert "evil" not in mail.subject + mail.body


def test_a_link_works_once_and_for_48_hours(stranger: Stranger, door_parts: Parts) -> None:
    stated = register(stranger)
    path = stranger.path(stated["email"])
    with clock_at(now() + timedelta(hours=48, seconds=2)):
        assert "opens nothing any more" in stranger.open(path, 410)
        assert stranger.send(path, page="/contacts").status_code == 410
    assert stranger.send(path).status_code == 303
    assert "activated already" in stranger.open(path)
    assert stranger.send(path, page="/contacts").status_code == 409
    assert len(accounts(door_parts, stated["uscc"])) == 1


def test_who_activates_first_has_the_login_name(stranger: Stranger, door_parts: Parts) -> None:
    first = register(stranger)
    second = register(stranger, uscc=first["uscc"])
    assert stranger.send(stranger.path(second["email"])).status_code == 303
    late = stranger.send(stranger.path(first["email"]), page="/contacts")
    assert late.status_code == 409
    assert "in use at your enterprise" in late.text
    assert [each.email for each in accounts(door_parts, first["uscc"])] == [second["email"]]


def test_a_link_for_a_password_activates_nothing(stranger: Stranger, door_parts: Parts) -> None:
    register(stranger)
    other = links.reset_link(door_parts, 1, 1).removeprefix(f"{SITE}/password/reset/")
    assert "not complete" in stranger.open(f"/activate/{other}", 404)
    assert stranger.send(f"/activate/{other}", page="/contacts").status_code == 404


def test_the_mail_is_sent_again_five_times_and_never_twice_a_minute(stranger: Stranger, door_parts: Parts) -> None:
    start = now() - timedelta(minutes=10)
    with clock_at(start - timedelta(minutes=2)):
        stated = register(stranger)
    for minute in range(8):
        with clock_at(start + timedelta(minutes=minute, seconds=minute)):
            for _ in range(2):
                answer = stranger.send("/register/resend", uscc=stated["uscc"].lower(), login="Shili.Jingban")
                assert answer.location == "/register/resend?sent=1"
    assert len(stranger.mails(stated["email"])) == 5
    assert stranger.send(stranger.path(stated["email"])).status_code == 303
    unknown = stranger.send("/register/resend", uscc=a_code(999_999), login="nobody\x00here")
    assert unknown.location == "/register/resend?sent=1"
    with door_parts.work() as session:
        assert session.scalar(select(func.count()).where(Registration.uscc == stated["uscc"])) == 1


def test_nobody_fills_a_strangers_mailbox(stranger: Stranger) -> None:
    for _ in range(7):
        register(stranger, email="victim@example.invalid")
    assert len(stranger.mails("victim@example.invalid")) == 5


def test_one_address_registers_twenty_times_an_hour(stranger: Stranger) -> None:
    start = now()
    with clock_at(start):
        for _ in range(20):
            register(stranger)
        refused = stranger.send("/register", wish())
        assert refused.status_code == 429
        assert 3500 < int(refused.headers["Retry-After"]) <= 3601
    with clock_at(start + timedelta(hours=1, seconds=1)):
        register(stranger)


def test_a_hostile_name_stays_text(stranger: Stranger) -> None:
    name = "<script>alert(1)</script>\"'&{{7*7}}"
    stated = register(stranger, enterprise_name=name)
    path = stranger.path(stated["email"])
    for page in (stranger.open(path), stranger.open("/register?correct=1")):
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    stranger.send(path)
    stranger.send("/entrance", uscc=stated["uscc"], login="shili.jingban", password=PASSWORD)
    assert "<script>alert" not in stranger.open("/account")


def test_the_registry_is_asked_once_it_holds_a_record(stranger: Stranger, door_parts: Parts) -> None:
    known = wish(enterprise_name="示例（北京）有限公司")
    with door_parts.work() as session:
        session.add(EnterpriseRecord(uscc=known["uscc"], name="示例(北京) 有限公司", loaded_at=now()))
    try:
        unknown = stranger.send("/register", wish())
        assert unknown.status_code == 400
        assert "代码库无信息" in unknown.text
        assert "/guide/registry" in unknown.text
        other = stranger.send("/register", {**known, "enterprise_name": "示例上海有限公司"})
        assert other.status_code == 400
        assert "another name for this code" in other.text
        assert "北京" not in other.text
        assert stranger.send("/register", known).status_code == 303
    finally:
        with door_parts.work() as session:
            session.execute(delete(EnterpriseRecord))


def test_the_code_is_checked_as_typed(stranger: Stranger) -> None:
    code = a_code(77)
    token = form_token(stranger.open("/register"))

    def ask(typed: str) -> dict[str, object]:
        return dict(stranger.client.post("/enterprise-code", data={"csrf_token": token, "code": typed}).json or {})

    assert ask(f" {code.lower()} ")["good"] is True
    assert ask(code)["code"] == code
    assert ask(code[:-1])["message"] == "A unified social credit code has 18 characters."
    assert ask("\x00\ud800"[:1] * 18)["good"] is False


def test_pages_speak_both_languages(door_app: Flask, door_parts: Parts) -> None:
    chinese = Stranger(door_app, door_parts, "zh").open("/register")
    english = Stranger(door_app, door_parts, "en").open("/register")
    assert "注册企业账号" in chinese
    assert "等于几" in chinese
    assert "Register an enterprise account" in english
    assert " plus " in english
