"""What everybody who can do something about it should see on every desk page, such as a calendar without next year."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import structlog
from flask import Flask, current_app
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from workbench.kernel.identity import Actor

log = structlog.stdlib.get_logger("workbench.alerts")


@dataclass(frozen=True)
class Alert:
    """One line across the page, with a link to where it is put right."""

    message: str
    tone: Literal["late", "today", "info"]
    url: str
    action: str


Source: TypeAlias = Callable[[Session, Actor], Alert | None]
"""Asked on every page, so it has to be cheap; None when all is well."""


def register(app: Flask, source: Source) -> None:
    """Let a room speak up on every page."""
    _sources(app).append(source)


def current(session: Session, actor: Actor) -> list[Alert]:
    """What is to be said on this page. A page that tells of a broken database still has to be shown: then nothing."""
    try:
        return [alert for source in _sources(current_app) if (alert := source(session, actor)) is not None]
    except SQLAlchemyError:
        log.warning("alerts_not_read", exc_info=True)
        return []


def _sources(app: Flask) -> list[Source]:
    sources: list[Source] = app.extensions.setdefault("workbench.alerts", [])
    return sources
