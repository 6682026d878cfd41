"""What the review desks show on everybody's first page: the person's day and its chart, or, to those who watch over
the desks and decide at none, how each desk stands.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from flask import Flask, url_for
from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from workbench.cases.states import REVIEW_PERMISSIONS
from workbench.cases.words import Desk
from workbench.kernel.identity import Actor
from workbench.kernel.permissions import Permission, permits
from workbench.review import presenting, queue, workload
from workbench.review.queue import QueueCounts, QueueFilter, QueueRow
from workbench.review.workload import DayCount, PersonLoad
from workbench.shell import home

QUEUES: Final = {Desk.PRE_CHECK: "pre_check.index", Desk.RE_CHECK: "re_check.index"}
READING: Final = {Desk.PRE_CHECK: Permission.PRE_CHECK_READ, Desk.RE_CHECK: Permission.RE_CHECK_READ}
CHART_WIDTH, CHART_HEIGHT, GAP = 560, 96, 6


@dataclass(frozen=True)
class Bar:
    """One rectangle of the chart, in pixels, with what it says when pointed at."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    said: str


@dataclass(frozen=True)
class Standing:
    """One desk as its supervisor or the auditor sees it. `first` is the case that has to be decided first."""

    desk: Desk
    word: str
    queue_url: str
    counts: QueueCounts
    first: QueueRow | None
    due_day: date | None
    reason: str
    people: Sequence[PersonLoad]


def register(app: Flask) -> None:
    """Add the cards."""
    card = home.Card(_("My desk"), Permission.DESK_ENTER, "review/card_day.html", _my_day, wide=True, order=10)
    home.register(app, card)
    desks = home.Card(_("The desks"), Permission.WORKLOAD_READ, "review/card_desks.html", _desks, wide=True, order=11)
    home.register(app, desks)


def _my_day(session: Session, actor: Actor) -> Mapping[str, Any] | None:
    mine = workload.my_day(session, actor)
    if mine is None:
        return None
    return {
        "day": mine,
        "bars": chart(mine.days),
        "highest": max((max(each.received, each.decided) for each in mine.days), default=0),
        "chart_size": (CHART_WIDTH, CHART_HEIGHT),
        "queue_url": url_for(QUEUES[mine.desk]),
        "desk_word": presenting.desk_word(mine.desk),
    }


def _desks(session: Session, actor: Actor) -> Mapping[str, Any] | None:
    """How each desk stands that this person reads; None for somebody who decides at one."""
    if any(permits(actor, permission) for permission in REVIEW_PERMISSIONS.values()):
        return None
    people = workload.load_people(session, actor) if permits(actor, Permission.CASE_REASSIGN) else ()
    readable = [desk for desk, permission in READING.items() if permits(actor, permission)]
    return {"standings": [_standing(session, actor, desk, people) for desk in readable]}


def _standing(session: Session, actor: Actor, desk: Desk, people: Sequence[PersonLoad]) -> Standing:
    found = queue.page(session, actor, QueueFilter(desk=desk), size=1)
    first = found.rows[0] if found.rows else None
    return Standing(
        desk=desk,
        word=presenting.desk_word(desk),
        queue_url=url_for(QUEUES[desk]),
        counts=queue.counts(session, actor, desk),
        first=first,
        due_day=presenting.due_day(first.due_at) if first and first.due_at else None,
        reason=presenting.why_due(found.calendar, first.due_from, first.due_at) if first else "",
        people=tuple(each for each in people if desk in each.desks),
    )


def chart(days: Sequence[DayCount]) -> list[Bar]:
    """Two bars a day, received and decided, to one scale; a day without either gets none."""
    highest = max((max(each.received, each.decided) for each in days), default=0)
    if not highest:
        return []
    step = CHART_WIDTH / len(days)
    width = (step - GAP) / 2
    bars = []
    for place, each in enumerate(days):
        for offset, kind, count in ((0, "received", each.received), (1, "decided", each.decided)):
            if count:
                height = max(2.0, count / highest * CHART_HEIGHT)
                x = place * step + GAP / 2 + offset * width
                said = f"{each.day:%m-%d} · {count}"
                top = round(CHART_HEIGHT - height, 1)
                bars.append(Bar(round(x, 1), top, round(width, 1), round(height, 1), kind, said))
    return bars
