"""Rooms stay small: no file over 400 lines, no function longer than a screen."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILE_LINES = 400
FUNCTION_LINES = 60
SUFFIXES = {".py", ".html", ".css", ".js"}


def _sources(*suffixes: str) -> list[Path]:
    folders = [ROOT / name for name in ("workbench", "templates", "tests", "migrations")]
    return sorted(path for folder in folders for path in folder.rglob("*") if path.suffix in suffixes)


@pytest.mark.parametrize("path", _sources(*SUFFIXES), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_is_over_400_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= FILE_LINES


@pytest.mark.parametrize(
    "path",
    # A migration lists tables one after the other: cutting it up would hide the order, which is what matters there.
    [path for path in _sources(".py") if "migrations" not in path.parts],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_no_function_is_longer_than_a_screen(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    long = {node.name: _lines(node) for node in functions if _lines(node) > FUNCTION_LINES}
    assert not long


def _lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1
