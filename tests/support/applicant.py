"""Applicants for tests: made directly in the database, or signed in through the pages with a captcha that is read."""

import re
from typing import Final

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from workbench.cases.models import Applicant
from workbench.cases.words import Category
from workbench.kernel.clock import now
from workbench.kernel.codes import uscc_check_character
from workbench.kernel.parts import Parts
from workbench.kernel.secrets import Secrets
from workbench.organisation import passwords
from workbench.portal.accounts import captcha

PASSWORD: Final = "seven quiet herons wade"
LOGIN: Final = "shili.jingban"
ADDRESS: Final = "shili.jingban@example.invalid"
NAME: Final = "示例远航进出口有限公司"


def a_code(number: int = 1) -> str:
    """A credit code that passes every check; another for each number below a thousand million."""
    first_17 = f"91110000{number:09d}"
    return first_17 + uscc_check_character(first_17)


def an_applicant(
    parts: Parts,
    *,
    uscc: str = "",
    login: str = LOGIN,
    name: str = NAME,
    email: str = ADDRESS,
    category: str = Category.OTHER,
    password: str = PASSWORD,
) -> Applicant:
    """An activated applicant, committed. Give another `uscc` (see `a_code`) or `login` for each in one database."""
    applicant = Applicant(
        kind="person",
        name=name,
        uscc=uscc or a_code(),
        category=category,
        login=login,
        password_hash=passwords.hash_of(password),
        email=email,
        created_at=now(),
        password_changed_at=now(),
    )
    with parts.work() as session:
        session.add(applicant)
    return applicant


def sign_in(
    client: FlaskClient, applicant: Applicant, secrets: Secrets, password: str = PASSWORD, next_: str = ""
) -> TestResponse:
    """Fill in the entrance as its page asks; the answer is 303 when it was right."""
    page = client.get("/entrance").text
    token = captcha_token(page)
    return client.post(
        "/entrance",
        data={
            "csrf_token": form_token(page),
            "uscc": applicant.uscc,
            "login": applicant.login,
            "password": password,
            "captcha_token": token,
            "captcha": captcha.answer_of(secrets, token),
            "next": next_,
        },
    )


def make_and_sign_in(client: FlaskClient, parts: Parts, number: int = 1) -> Applicant:
    """An applicant of enterprise `number`, made in the database and signed in in this client."""
    applicant = an_applicant(parts, uscc=a_code(number))
    answer = sign_in(client, applicant, parts.secrets)
    assert answer.status_code == 303, answer.status_code
    return applicant


def form_token(page: str) -> str:
    """The token that a page's forms are sent with."""
    found = re.search(r'name="csrf-token" content="([^"]+)"', page)
    assert found is not None
    return found.group(1)


def captcha_token(page: str) -> str:
    """The sealed token of the captcha on a page."""
    found = re.search(r'name="captcha_token" value="([^"]+)"', page)
    assert found is not None
    return found.group(1)
