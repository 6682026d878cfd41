"""What the production desk shows a key maker on the first page: what is due, what can be made, what was made."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from flask import Flask
from flask_babel import lazy_gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from workbench.cases.models import Application
from workbench.kernel.clock import SHANGHAI, now
from workbench.kernel.identity import Actor
from workbench.kernel.permissions import Permission
from workbench.production.bench_state import count_waiting
from workbench.production.choosing import approved_cases
from workbench.production.models import Making
from workbench.production.pins import count_letters
from workbench.production.seals.queries import count_to_prepare
from workbench.shell import home


def register(app: Flask) -> None:
    """Add the card."""
    card = home.Card(_("Production"), Permission.KEY_PRODUCE, "production/card_day.html", _my_day, wide=True, order=20)
    home.register(app, card)


def _my_day(session: Session, actor: Actor) -> Mapping[str, Any]:
    overdue, due_today = _count_due(session)
    return {
        "overdue": overdue,
        "due_today": due_today,
        "to_prepare": count_to_prepare(session, actor),
        "ready": count_waiting(session, actor),
        "made_today": _count_made_today(session, actor),
        "letters": count_letters(session, actor),
    }


def _count_due(session: Session) -> tuple[int, int]:
    """Approved cases past their day, and those whose last day is today."""
    at = now()
    tomorrow = at.astimezone(SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    pressing = approved_cases().where(Application.due_at <= tomorrow).with_only_columns(Application.due_at).subquery()
    late = func.count().filter(pressing.c.due_at <= at)
    overdue, every = session.execute(select(late, func.count()).select_from(pressing)).one()
    return overdue, every - overdue


def _count_made_today(session: Session, actor: Actor) -> int:
    today = now().astimezone(SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0)
    made = select(func.count()).select_from(Making)
    made = made.where(Making.maker_id == actor.id, Making.ended_at >= today, Making.state == "made")
    return session.scalar(made) or 0
