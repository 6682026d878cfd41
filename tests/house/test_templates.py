"""Templates compile, are used, carry no script or style in attributes, and say nothing outside the catalogue."""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po
from flask import Flask
from html5lib import HTMLParser
from jinja2 import nodes

ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / "templates"
CATALOGUE = ROOT / "workbench" / "translations" / "zh_Hans_CN" / "LC_MESSAGES" / "messages.po"
EXTRACTED = ROOT / ".venv" / "messages.pot"
HTML = sorted(str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*.html"))
CHINESE = re.compile(r"[\u3400-\u9fff]")
WORD = re.compile(r"[A-Za-z]{2,}")
SPOKEN_ATTRIBUTE = re.compile(r"""\b(?:title|placeholder|alt|aria-label)=(?:"([^"]*)"|'([^']*)')""")
VALUE = re.compile(r"%\(\w+\)[a-z]")
FORBIDDEN = re.compile(r"""<[^>]*\s(?:on[a-z]+|style)\s*=|javascript:""", re.IGNORECASE)
OWN_WORDS = {"desk/_language.html": {"中文", "English"}, "portal/base.html": {"中文", "English"}}
"""What is never translated, by template: each language is offered in its own words."""
PRODUCT_UNITS = frozenset(
    {"dpi", "MB", "KB", "PDF", "JPEG", "PNG", "TIFF", "WebP", "HEIC", "ZIP", "XLSX", "CSV", "SHA", "DOCTYPE", "html"}
)


@pytest.fixture(scope="module")
def app(house_app: Flask) -> Flask:
    """The whole application, for its template environment."""
    return house_app


@pytest.mark.parametrize("name", HTML)
def test_each_template_compiles(app: Flask, name: str) -> None:
    assert app.jinja_env.get_template(name).name == name


def test_no_template_is_unused() -> None:
    sources = [path.read_text(encoding="utf-8") for path in (*TEMPLATES.rglob("*.*"), *ROOT.glob("workbench/**/*.py"))]
    unused = [name for name in HTML if not any(f'"{name}"' in text or f"'{name}'" in text for text in sources)]
    assert not unused


@pytest.mark.parametrize("name", HTML)
def test_no_script_or_style_in_attributes(name: str) -> None:
    text = (TEMPLATES / name).read_text(encoding="utf-8")
    assert not FORBIDDEN.search(re.sub(r"\{[{%#].*?[}%#]\}", "x", text, flags=re.DOTALL))


@pytest.mark.parametrize("name", [name for name in HTML if not name.startswith(("print/", "emails/"))])
def test_nothing_is_said_outside_the_catalogue(app: Flask, name: str) -> None:
    source = (TEMPLATES / name).read_text(encoding="utf-8")
    said = [text for text in _texts(app, source) if (CHINESE.search(text) or _english(text))]
    said = [text for text in said if text not in OWN_WORDS.get(name, set())]
    assert not said


def _texts(app: Flask, source: str) -> list[str]:
    """What a reader would see of the literal parts: text nodes, spoken attributes, Chinese in expressions."""
    tree = app.jinja_env.parse(source)
    literal = "".join(
        data.data if isinstance(data, nodes.TemplateData) else "\ufffc"
        for output in tree.find_all(nodes.Output)
        for data in output.nodes
    )
    attributes = [first or second for first, second in SPOKEN_ATTRIBUTE.findall(literal)]
    without_code = re.sub(r"<(script|style)\b.*?</\1>", "", literal, flags=re.DOTALL | re.IGNORECASE)
    texts = re.split(r"<[^>]*>|\ufffc", without_code)
    constants = [
        constant.value
        for constant in tree.find_all(nodes.Const)
        if isinstance(constant.value, str) and CHINESE.search(constant.value)
    ]
    return [text.strip() for text in (*texts, *attributes, *constants) if text.strip()]


def _english(text: str) -> bool:
    if re.search(r"""[<>="{}]""", text):
        return False  # the rest of a tag that an expression cut in two
    return any(word not in PRODUCT_UNITS for word in WORD.findall(re.sub(r"&\w+;", "", text)))


def test_the_checker_finds_what_it_looks_for(app: Flask) -> None:
    assert _texts(app, "<p>{{ _('Sign in') }}</p>") == []
    assert _texts(app, "<p>登录</p>") == ["登录"]
    assert _english(_texts(app, "<b>Sign in</b>")[0])
    assert _texts(app, '<input placeholder="Name">') == ["Name"]
    assert _texts(app, "{{ '中文' }}") == ["中文"]


def test_each_message_has_chinese() -> None:
    with CATALOGUE.open("rb") as file:
        catalogue = read_po(file, locale="zh_Hans_CN")
    silent = [message.id for message in catalogue if message.id and not _translated(message.string)]
    assert not silent


def _translated(string: str | Sequence[str] | None) -> bool:
    parts = [string] if string is None or isinstance(string, str) else string
    return all(parts)


def test_each_form_of_a_message_holds_the_same_values() -> None:
    """A value that only one form or only the Chinese asks for breaks the page that says the other: `_("Label")` is the
    same message as the singular of `ngettext("Label", "%(num)d labels", n)`."""
    with CATALOGUE.open("rb") as file:
        catalogue = read_po(file, locale="zh_Hans_CN")
    differing = [each.id for each in catalogue if each.id and len({_values(form) for form in _forms(each)}) > 1]
    assert not differing


def _forms(message: Message) -> list[str]:
    english = [message.id] if isinstance(message.id, str) else [*message.id]
    chinese = [message.string] if isinstance(message.string, str) else [*(message.string or ())]
    return [*english, *chinese]


def _values(form: str) -> frozenset[str]:
    return frozenset(VALUE.findall(form))


def test_whatever_the_code_says_is_in_the_catalogue() -> None:
    """A message missing from the catalogue would reach a Chinese screen in English; `make messages` adds it."""
    subprocess.run(["make", "--silent", str(EXTRACTED.relative_to(ROOT))], cwd=ROOT, check=True)
    with CATALOGUE.open("rb") as file:
        known = {message.id for message in read_po(file, locale="zh_Hans_CN")}
    with EXTRACTED.open("rb") as file:
        said = {message.id for message in read_po(file)}
    assert len(said) > 1000
    assert not said - known


@pytest.mark.parametrize("path", ["/sign-in", "/nowhere"])
def test_pages_for_strangers_are_valid_and_quiet(house_app: Flask, path: str) -> None:
    page = house_app.test_client().get(path).get_data(as_text=True)
    HTMLParser(strict=True).parse(page)
    assert not FORBIDDEN.search(page)
