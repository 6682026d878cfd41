"""Office hours as a line of minutes, so that a story's steps can be placed backwards from now and fall into them."""

import random
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from workbench.cases.calendar import WorkingCalendar, local_day
from workbench.kernel.clock import SHANGHAI

OPENS: Final = time(9)
DAY: Final = 480
"""Working minutes of a day: 9:00 to 17:00."""
_PAST, _AHEAD = 90, 14
"""Calendar days the line reaches back and ahead."""


class WorkTime:
    """The working minutes around an anchor. A position counts minutes from the line's first working day."""

    def __init__(self, calendar: WorkingCalendar, anchor: datetime) -> None:
        """The line around `anchor`, an aware instant."""
        today = local_day(anchor)
        span = (today + timedelta(days=each) for each in range(-_PAST, _AHEAD + 1))
        self._days: list[date] = [day for day in span if calendar.is_working(day)]
        self.today = next(index for index, day in enumerate(self._days) if day >= today)
        """The index of today, or of the next working day where today is none."""
        passed = (anchor - self._opening(self.today)).total_seconds() / 60
        self.end = self.today * DAY + min(max(passed, 0.0), DAY)
        """The anchor's position: nothing may happen later."""

    def at(self, position: float) -> datetime:
        """The instant of a position, in UTC, to the second."""
        index, minute = divmod(position, DAY)
        return self._opening(int(index)) + timedelta(seconds=int(minute * 60))

    def latest(self, instant: datetime) -> datetime:
        """The last working minute that is not after an instant of the line."""
        day = local_day(instant)
        index = max(place for place, each in enumerate(self._days) if each <= day)
        passed = (instant - self._opening(index)).total_seconds() / 60
        position = index * DAY + min(max(passed, 0.0), DAY - 1)
        return self.at(min(position, self.end))

    def within(self, index: int, rng: random.Random) -> float:
        """Some position on a working day that has begun, at least five minutes before the anchor."""
        last = min(index * DAY + DAY - 5, self.end - 5)
        return rng.uniform(min(index * DAY + 5, last), last)

    def _opening(self, index: int) -> datetime:
        return datetime.combine(self._days[index], OPENS, SHANGHAI).astimezone(UTC)
