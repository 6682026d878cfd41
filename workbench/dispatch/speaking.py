"""How this room's refusals and names read in the language of whoever asks."""

from typing import Any

from flask_babel import gettext

from workbench.dispatch.naming import in_language
from workbench.kernel.errors import WorkbenchError
from workbench.shell.i18n import language


def said(error: WorkbenchError) -> str:
    """A refusal's reason, with the names in it in the reader's language."""
    values = in_language(error.values, english=language() == "en")
    return str(gettext(error.reason, **values) if values else gettext(error.reason))


def by_language(zh: str, en: str) -> str:
    """The name in the reader's language."""
    return en if language() == "en" else zh


def authority_name(authority: Any) -> str:
    """An authority's full name, of anything that has `name_zh` and `name_en`."""
    return by_language(authority.name_zh, authority.name_en)
