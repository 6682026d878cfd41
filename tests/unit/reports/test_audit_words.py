"""Whatever the code records in the audit log has a name for people: every constant key, every column of a form."""

import ast
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from workbench.organisation.place_views import AuthorityView, PickupSiteView
from workbench.reports.audit_reader import AuditFilter
from workbench.reports.audit_words import FIELD_WORDS, MARK_WORDS
from workbench.reports.remark_views import RemarkTemplateView
from workbench.review.marks import MarkValue
from workbench.shell.gate import DeskModelView

ROOM = Path(__file__).parents[3] / "workbench"
SIDES = {"before", "after"}


def dictionaries(tree: ast.AST) -> Iterator[ast.Dict]:
    """What is written as `before` or `after`, as an argument, a variable, or by a helper that either unpacks."""
    helpers = set()
    for node in ast.walk(tree):
        written: list[ast.expr] = []
        if isinstance(node, ast.Call):
            written = [each.value for each in node.keywords if each.arg in SIDES]
        elif isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id in SIDES for t in node.targets):
            written = [node.value]
        for each in (part for value in written for part in ast.walk(value)):
            if isinstance(each, ast.Dict):
                yield each
            elif isinstance(each, ast.Call) and isinstance(each.func, ast.Name):
                helpers.add(each.func.id)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name in helpers:
            yield from (each for each in ast.walk(node) if isinstance(each, ast.Dict))


def recorded_keys() -> set[str]:
    """The constant keys of every module that writes to the log."""
    found: set[str] = set()
    for path in ROOM.rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        if "audit.record(" in source:
            for each in dictionaries(ast.parse(source)):
                found |= {
                    key.value for key in each.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)
                }
    return found


def test_every_recorded_key_has_words() -> None:
    keys = recorded_keys()
    assert {"state", "due_at", "carried_from", "roles", "claimed_by", "documents", "value", "note"} <= keys
    assert keys - FIELD_WORDS.keys() == set()


def test_every_column_of_an_edited_table_has_words() -> None:
    views = (AuthorityView, PickupSiteView, RemarkTemplateView)
    assert set(DeskModelView.__subclasses__()) >= set(views)
    for view in DeskModelView.__subclasses__():
        if view.__module__.startswith("workbench."):
            columns = {column.key for column in view().model.__table__.columns if not column.primary_key}
            assert columns - FIELD_WORDS.keys() == set(), view.__name__


def test_filters_and_marks_have_words() -> None:
    assert {each.name for each in fields(AuditFilter)} <= FIELD_WORDS.keys()
    assert set(MARK_WORDS) == {*MarkValue, None}
