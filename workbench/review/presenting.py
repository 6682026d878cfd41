"""How cases read on screen: words for services, flags, events and fields, and due dates with their reasons.

Nothing is decided here; a value without a word is shown as it is.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

from flask_babel import gettext, lazy_gettext, ngettext

from workbench.cases.calendar import WorkingCalendar, last_day
from workbench.cases.calendar_text import due_reason
from workbench.cases.words import CATEGORY_NAMES, DESK_NAMES, SERVICE_NAMES, STATE_NAMES, Category, Desk, Service, State
from workbench.review.case_parts import FIELD_NAMES, DocumentStatus
from workbench.review.queue import Flag
from workbench.shell.i18n import day, instant, language

_ = lazy_gettext

SHORT_CATEGORIES: Final = {
    Category.MECHANICAL_ELECTRICAL: _("Mechanical & electrical"),
    Category.OTHER: _("Other goods"),
    Category.AGRICULTURAL_QUOTA: _("Tariff quota"),
}
FLAG_WORDS: Final = {
    Flag.REPLACEMENT: _("Replacement"),
    Flag.RETURNED_BEFORE: _("Returned before"),
    Flag.OTHERS_WORK_ON_IT: _("In other hands"),
    Flag.PROVISIONAL_DUE: _("Date provisional"),
}
EVENT_WORDS: Final[Mapping[str, object]] = {
    "submitted": _("Submitted"),
    "resubmitted": _("Submitted again"),
    "withdrawn": _("Withdrawn"),
    "pre_check_passed": _("Pre-check passed"),
    "pre_check_failed": _("Pre-check failed"),
    "re_check_passed": _("Re-check passed"),
    "re_check_failed": _("Re-check failed"),
    "production_failed": _("Returned from production"),
    "key_produced": _("Key made"),
    "certificate_updated": _("Certificate updated"),
    "renewal_ended": _("Renewal ended"),
    "handed_to_courier": _("Handed to the courier"),
    "received": _("Received by the authority"),
    "returned_to_production": _("Returned to production"),
    "forwarded": _("Forwarded"),
    "enterprise_notified": _("Enterprise told"),
    "final_stamping_refused": _("Final stamping refused"),
    "collected": _("Collected"),
    "key_destroyed": _("Key destroyed"),
}
VERDICT_WORDS: Final = {
    (Desk.PRE_CHECK, "passed"): _("Pre-check passed"),
    (Desk.PRE_CHECK, "failed"): _("Pre-check failed"),
    (Desk.RE_CHECK, "passed"): _("Re-check passed"),
    (Desk.RE_CHECK, "failed"): _("Re-check failed"),
    (Desk.PRODUCTION, "failed"): _("Returned from production"),
}
BUTTON_WORDS: Final = {
    (Desk.PRE_CHECK, "passed"): _("Pass pre-check"),
    (Desk.PRE_CHECK, "failed"): _("Fail pre-check"),
    (Desk.RE_CHECK, "passed"): _("Pass re-check"),
    (Desk.RE_CHECK, "failed"): _("Fail re-check"),
}
DOCUMENT_WORDS: Final = {
    DocumentStatus.OK: _("done"),
    DocumentStatus.FAULT: _("fault"),
    DocumentStatus.OPEN: _("open"),
    DocumentStatus.EMPTY: _("not handed in"),
    DocumentStatus.CHANGED: _("open"),
}


def row_words() -> Mapping[str, Any]:
    """The words the rows of a list choose from, translated once for the page instead of once a row."""
    return {
        "copy": gettext("Copy"),
        "select": gettext("Select"),
        "service": {each.value: service_word(each) for each in Service},
        "category": {key.value: str(word) for key, word in SHORT_CATEGORIES.items()},
        "state": {each.value: state_word(each) for each in State},
        "flag": {key.value: str(word) for key, word in FLAG_WORDS.items()},
    }


def left_word(left: int | None) -> str:
    """How many working days are left, in words."""
    if left is None:
        return str(gettext("clock stopped"))
    if left == 0:
        return str(gettext("due today"))
    if left < 0:
        return str(ngettext("%(num)d working day overdue", "%(num)d working days overdue", -left))
    return str(ngettext("%(num)d working day left", "%(num)d working days left", left))


def locale_name() -> str:
    """What the calendar's texts call the page's language."""
    return "zh_Hans_CN" if language() == "zh" else "en"


def by_language(chinese: str, english: str) -> str:
    """The one of two texts that this person reads; Chinese where English is missing."""
    return english if language() == "en" and english else chinese


def service_word(service: Service | str) -> str:
    """The service's name."""
    return str(gettext(SERVICE_NAMES[Service(service)]))


def category_word(category: Category | str) -> str:
    """The category's full name."""
    return str(gettext(CATEGORY_NAMES[Category(category)]))


def state_word(state: State | str) -> str:
    """The state's name."""
    return str(gettext(STATE_NAMES[State(state)]))


def desk_word(desk: Desk | str) -> str:
    """The desk's name."""
    return str(gettext(DESK_NAMES[Desk(desk)]))


def field_word(name: str) -> str:
    """What the form calls a value."""
    return str(gettext(FIELD_NAMES[name])) if name in FIELD_NAMES else name


def shown_value(name: str, value: str) -> str:
    """A value of the form as people read it."""
    return category_word(value) if name == "category" and value in set(Category) else value


def event_word(event: str) -> str:
    """What happened, in words."""
    return str(EVENT_WORDS.get(event, event))


def why_due(calendar: WorkingCalendar, due_from: datetime | None, due_at: datetime | None) -> str:
    """The reason of a due date; empty without one."""
    return due_reason(calendar, due_from, due_at, locale_name()) if due_from and due_at else ""


def due_day(due_at: datetime) -> date:
    """The last day in time, which is what people call the due date: the instant itself is 24:00."""
    return last_day(due_at)


def day_word(due_at: datetime) -> str:
    """The due date as this person reads it."""
    return day(due_day(due_at))


def instant_word(at: datetime) -> str:
    """An instant as this person reads it."""
    return instant(at)


def tone_of(left: int | None) -> str:
    """How urgent so many working days left are: late, today, soon, calm; idle when no clock runs."""
    if left is None:
        return "idle"
    return "late" if left < 0 else "today" if left == 0 else "soon" if left == 1 else "calm"
