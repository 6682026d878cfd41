"""Every page of every role: it opens or is refused properly, is valid HTML, and carries no inline script or style."""

import re

import html5lib
import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.house.test_routes import paths
from workbench.kernel.identity import Role

FORBIDDEN = re.compile(
    r"<[^>]*\s(?:on[a-z]+|style)\s*=|javascript:|<script(?![^>]*\b(?:src|type=\"(?:application/json|importmap)\"))",
    re.I,
)
NAMELESS = re.compile(r" object at 0x|<th[^>]*>\s*</th>")
"""What a reader is told of an object that has no name, and a column without one."""


@pytest.mark.parametrize("role", Role)
def test_each_page_opens_or_is_refused_properly(house_app: Flask, clients: dict[Role, FlaskClient], role: Role) -> None:
    opened = 0
    for endpoint, path in paths(house_app, "GET"):
        answer = clients[role].get(path)
        assert answer.status_code in {200, 302, 303, 400, 403, 404, 409}, (endpoint, answer.status_code)
        if answer.mimetype == "text/html" and answer.status_code not in {302, 303}:
            page = answer.get_data(as_text=True)
            html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(page)
            assert not FORBIDDEN.search(page), endpoint
            assert not NAMELESS.search(page), endpoint
            assert answer.headers["Cache-Control"] == "no-store", endpoint
        opened += answer.status_code == 200
    assert opened >= 2


@pytest.mark.parametrize("role", Role)
def test_no_page_accepts_anything_without_a_token(
    house_app: Flask, clients: dict[Role, FlaskClient], role: Role
) -> None:
    for endpoint, path in paths(house_app, "POST"):
        assert clients[role].post(path).status_code == 400, endpoint


@pytest.mark.parametrize("role", Role)
def test_each_line_of_the_rail_leads_somewhere(clients: dict[Role, FlaskClient], role: Role) -> None:
    page = clients[role].get("/desk/").get_data(as_text=True)
    rail = page.split('<nav class="rail"')[1].split("</nav>")[0]
    lines = re.findall(r'href="([^"]+)"', rail)
    assert "/desk/" in lines
    for line in lines:
        assert clients[role].get(line).status_code == 200, line
