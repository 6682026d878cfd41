"""How long each service takes, as dates: when the desks would be due if an application were sent in right now.

The figures are those the clocks of a case start with; a date that a calendar still to be published may move says so.
"""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from workbench.cases.calendar import DueDate, due_date
from workbench.cases.clocks import ClockKind
from workbench.cases.deadlines import days_of, load_calendar
from workbench.cases.words import Service
from workbench.kernel.clock import now


@dataclass(frozen=True)
class Promise:
    """One period: how many working days, and when it ends."""

    days: int
    due: DueDate


@dataclass(frozen=True)
class Promises:
    """What a service takes: the checks before and up to the key, or the update alone."""

    pre_check: Promise
    finished: Promise


def promises_of(session: Session, service: Service) -> Promises:
    """The latest days for an application sent in now and passed at its first look, each desk using all its days."""
    calendar, at = load_calendar(session), now()
    days = days_of(session, service, ClockKind.PRE_CHECK)
    pre_check = Promise(days, due_date(at, days, calendar))
    if service is Service.RENEWAL:
        days = days_of(session, service, ClockKind.RENEWAL)
        return Promises(pre_check, Promise(days, due_date(at, days, calendar)))
    days = days_of(session, service, ClockKind.RE_CHECK_AND_PRODUCTION)
    due = calendar.due_from(pre_check.due.day, days)
    provisional = due.provisional or pre_check.due.provisional
    return Promises(pre_check, Promise(days, DueDate(due.at, provisional, due.notes)))
