"""What the review desks show on everybody's first page: the person's day and its chart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flask import Flask, url_for
from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from workbench.cases.words import Desk
from workbench.kernel.identity import Actor
from workbench.kernel.permissions import Permission
from workbench.review import presenting, workload
from workbench.review.workload import DayCount
from workbench.shell import home

QUEUES: Final = {Desk.PRE_CHECK: "pre_check.index", Desk.RE_CHECK: "re_check.index"}
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


def register(app: Flask) -> None:
    """Add the cards."""
    card = home.Card(_("My desk"), Permission.DESK_ENTER, "review/card_day.html", _my_day, wide=True, order=10)
    home.register(app, card)


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
