"""Sentences for people are marked where they are written and translated where they are shown."""


def N_(message: str) -> str:  # noqa: N802 - gettext's own name for "translate this later"
    """Mark a msgid for extraction; it is translated where it is shown."""
    return message
