"""Two languages, Chinese unless somebody chose English, and how instants, days and sizes read in each."""

from datetime import date, datetime
from typing import Final
from urllib.parse import urlsplit

from babel.dates import format_date
from babel.support import NullTranslations
from flask import Blueprint, Flask, abort, g, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import Babel, get_locale, get_translations, gettext

from workbench.kernel.clock import SHANGHAI, now
from workbench.kernel.codes import group4
from workbench.shell.context import parts
from workbench.shell.http import PROGRAM_PATHS

COOKIE: Final = "language"
LOCALES: Final = {"zh": "zh_Hans_CN", "en": "en"}
COOKIE_SECONDS: Final = 365 * 24 * 3600

pages = Blueprint("language", __name__)


def language() -> str:
    """`zh` or `en`: what this person reads."""
    return "en" if str(get_locale()).startswith("en") else "zh"


def html_language() -> str:
    """The value of the page's lang attribute."""
    return "en" if language() == "en" else "zh-Hans"


def safe_return(untrusted: str | None) -> str:
    """A path on this site, or the first page: an address that leads elsewhere is never followed."""
    target = (untrusted or "").strip()
    try:
        split = urlsplit(target)
    except ValueError:  # such as an IPv6 address without its end
        return "/"
    elsewhere = split.scheme or split.netloc or not target.startswith("/") or target.startswith("//")
    if elsewhere or "\\" in target or any(ord(character) < 32 for character in target):
        return "/"
    return target


@pages.post("/language/<choice>")
def choose(choice: str) -> ResponseReturnValue:
    """Remember the language in a cookie and show the same page again."""
    if choice not in LOCALES:
        abort(404)
    response = redirect(safe_return(request.form.get("next")), code=303)
    response.set_cookie(
        COOKIE,
        choice,
        max_age=COOKIE_SECONDS,
        secure=parts().settings.https,
        httponly=True,
        samesite="Lax",
    )
    return response


def instant(moment: datetime | None) -> str:
    """`2026-11-24 15:04` or `24 Nov 2026, 15:04`, in Asia/Shanghai; a dash when there is none."""
    if moment is None:
        return "–"
    local = moment.astimezone(SHANGHAI)
    if language() == "en":
        return f"{format_date(local.date(), 'd MMM y', locale='en')}, {local:%H:%M}"
    return f"{local:%Y-%m-%d %H:%M}"


def day(value: date | datetime | None) -> str:
    """`11-24 周二` or `Tue 24 Nov`; with the year when it is not this one. An instant is taken in Asia/Shanghai."""
    if value is None:
        return "–"
    local = value.astimezone(SHANGHAI).date() if isinstance(value, datetime) else value
    other_year = local.year != now().astimezone(SHANGHAI).year
    if language() == "en":
        return format_date(local, "EEE d MMM y" if other_year else "EEE d MMM", locale="en")
    return format_date(local, "y-MM-dd EEE" if other_year else "MM-dd EEE", locale="zh_Hans_CN")


def filesize(size: int) -> str:
    """Bytes as people say them: `812 B`, `3.4 MB` (powers of 1024)."""
    if size < 1024:
        return f"{size} B"
    amount = float(size)
    for unit in ("KB", "MB", "GB"):
        amount /= 1024
        if amount < 1024 or unit == "GB":
            break
    return f"{amount:.1f} {unit}" if amount < 10 else f"{amount:.0f} {unit}"


def install(app: Flask) -> None:
    """Set up translations, filters and the language switch."""
    app.config.setdefault("BABEL_DEFAULT_LOCALE", LOCALES["zh"])
    app.config.setdefault("BABEL_DEFAULT_TIMEZONE", str(SHANGHAI))
    Babel(app, locale_selector=_choose_locale)
    app.jinja_env.install_gettext_callables(_translate, _translate_number, newstyle=True)  # type: ignore[attr-defined]
    app.register_blueprint(pages)
    app.jinja_env.filters.update(code4=group4, instant=instant, day=day, filesize=filesize)
    app.jinja_env.globals.update(language=language, html_language=html_language, product_name=product_name)


def _choose_locale() -> str:
    """The reader's choice; a program says it in Accept-Language, because no cookie of a browser speaks for it."""
    if request.path.startswith(PROGRAM_PATHS):
        return LOCALES[request.accept_languages.best_match(LOCALES, default="zh") or "zh"]
    return LOCALES.get(request.cookies.get(COOKIE, ""), LOCALES["zh"])


def _translate(message: str) -> str:
    return _translations().ugettext(message)


def _translate_number(singular: str, plural: str, number: int) -> str:
    return _translations().ungettext(singular, plural, number)


def _translations() -> NullTranslations:
    """The reader's catalogue, looked up once a request: a page asks for hundreds of words."""
    if "translations" not in g:
        g.translations = get_translations()
    found = g.translations
    assert isinstance(found, NullTranslations)
    return found


def product_name() -> str:
    """What the product calls itself on screen."""
    return str(gettext("E-key review workbench"))
