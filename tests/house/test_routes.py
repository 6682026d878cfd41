"""Every address of the desks declares who may open it; nothing changes by GET; nothing is accepted without a token."""

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from flask_admin.contrib.sqla import ModelView

from tests.house import addresses
from tests.house.addresses import rules
from workbench.kernel.permissions import Permission
from workbench.shell.edge import WRITING_METHODS
from workbench.shell.gate import DeskModelView, Gate

PUBLIC = {
    "static": "style sheets, scripts, icons",
    "home.static": "Flask-Admin's own files, which our pages do not load",
    "admin.static": "the same, under its own name",
    "frame.font": "the font for machines without Chinese",
    "health": "a word per part, for load balancers",
    "language.choose": "a cookie with the language",
    "entrance.sign_in": "the sign-in",
    "entrance.sign_out": "forgets the sign-in",
}
OWN = {
    "account.password": "one's own password: for whoever is signed in",
}
"""Not gated by a permission, but never open to strangers: the organisation's guard stands in front."""
SPEAKING_VERBS = re.compile(
    r"delete|remove|save|approve|pass$|fail$|decide|release|reassign|retry|claim", re.IGNORECASE
)


def _view_of(app: Flask, endpoint: str) -> tuple[Gate, str] | None:
    """The gated view and method behind an endpoint, or None."""
    blueprint, _, method = endpoint.rpartition(".")
    for admin in app.extensions["admin"]:
        for view in admin._views:
            if view.endpoint == blueprint and isinstance(view, Gate) and hasattr(view, method):
                return view, method
    return None


def test_each_endpoint_declares_its_permission_or_is_on_the_short_list(house_app: Flask) -> None:
    undeclared = []
    for rule in rules(house_app, "desk"):
        if rule.endpoint in PUBLIC or rule.endpoint in OWN:
            continue
        gated = _view_of(house_app, rule.endpoint)
        if gated is None or not isinstance(gated[0].permission_of(gated[1]), Permission):
            undeclared.append(rule.endpoint)
    assert not undeclared


def test_the_short_list_is_no_longer_than_it_must_be(house_app: Flask) -> None:
    served = {rule.endpoint for rule in rules(house_app, "desk")}
    assert set(PUBLIC) | set(OWN) <= served | {"admin.static", "home.static"}


def paths(app: Flask, method: str) -> Iterator[tuple[str, str]]:
    """Every non-public endpoint of the desks that answers `method`, with an address of its."""
    return (each for each in addresses.paths(app, method, "desk") if each[0] not in PUBLIC)


def test_strangers_reach_nothing_but_the_sign_in(house_app: Flask) -> None:
    client = house_app.test_client()
    for endpoint, path in paths(house_app, "GET"):
        answer = client.get(path)
        assert answer.status_code == 303, endpoint
        assert answer.location.startswith("/sign-in"), endpoint


def test_scripts_of_strangers_get_401(house_app: Flask) -> None:
    answer = house_app.test_client().get("/desk/counts", headers={"Accept": "application/json"})
    assert answer.status_code == 401


def test_nothing_is_accepted_without_a_token(house_app: Flask) -> None:
    """Strangers are stopped by the sign-in or by the token, whichever comes first; public forms by the token."""
    client = house_app.test_client()
    for endpoint, path in paths(house_app, "POST"):
        assert client.post(path).status_code in {303, 400}, endpoint
    for path in ("/sign-in", "/sign-out", "/language/en"):
        assert client.post(path).status_code == 400, path


def test_only_the_programs_doors_are_exempt_from_the_token(house_app: Flask) -> None:
    """Their callers show a key or a credential with each request, or may know all there is; no cookie counts."""
    csrf = house_app.extensions["csrf"]
    assert not csrf._exempt_views
    assert sorted(each.name for each in csrf._exempt_blueprints) == sorted(addresses.PROGRAMS)


def test_no_verb_is_called_by_get(house_app: Flask) -> None:
    verbs = [
        rule.endpoint
        for rule in rules(house_app)
        if SPEAKING_VERBS.search(rule.endpoint.rpartition(".")[2]) and not (rule.methods or set()) & WRITING_METHODS
    ]
    assert not verbs


def test_only_writing_methods_and_get_are_served(house_app: Flask) -> None:
    known = WRITING_METHODS | {"GET", "HEAD", "OPTIONS"}
    assert all((rule.methods or set()) <= known for rule in rules(house_app))


def test_each_table_view_is_one_of_ours(house_app: Flask) -> None:
    ours = [cls for cls in _descendants(ModelView) if cls.__module__.startswith("workbench.")]
    assert ours
    assert [cls for cls in ours if not issubclass(cls, DeskModelView)] == []


def _descendants(cls: type) -> set[type]:
    children: set[type] = set(cls.__subclasses__())
    return children.union(*(_descendants(child) for child in children)) if children else children


@pytest.mark.parametrize("switch", ["can_create", "can_edit", "can_delete", "can_export", "can_view_details"])
def test_table_views_start_with_every_switch_off(switch: str) -> None:
    assert getattr(DeskModelView, switch) is False
