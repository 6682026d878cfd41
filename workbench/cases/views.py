"""The screens of the cases room: its calendar, and what it says on every page while a year is missing."""

from flask import Flask
from flask_admin import Admin
from flask_babel import lazy_gettext as _

from workbench.cases.calendar_views import CalendarView, calendar_alert
from workbench.kernel.permissions import Permission
from workbench.shell import alerts, menu


def register(app: Flask, admin: Admin) -> None:
    """Add the calendar and its line in the menu."""
    admin.add_view(CalendarView(name=_("Calendar"), endpoint="calendar", url="/calendar"))
    alerts.register(app, calendar_alert)
    menu.register(
        app,
        menu.MenuItem(
            _("Calendar and deadlines"),
            "calendar.index",
            Permission.DESK_ENTER,
            group=menu.Group.REPORTS,
            icon="calendar",
        ),
    )
