"""How the counter's refusals and names read in the language of whoever asks."""

from flask_babel import gettext

from workbench.kernel.errors import WorkbenchError
from workbench.shell.i18n import language


def said(error: WorkbenchError) -> str:
    """A refusal's reason."""
    return str(gettext(error.reason, **error.values) if error.values else gettext(error.reason))


def by_language(zh: str, en: str) -> str:
    """The name in the reader's language; Chinese where English is missing."""
    return en if language() == "en" and en else zh
