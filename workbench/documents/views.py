"""The room's screens: pixels and downloads for every desk, applications at the counter, the check-lists."""

from flask import Flask
from flask_admin import Admin
from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from workbench.documents.entry_views import ApplicationView
from workbench.documents.file_views import DocumentView
from workbench.documents.preview import ALL_WALLS, RendererUnfit
from workbench.documents.rendering import fitness
from workbench.documents.requirement_views import RequirementView
from workbench.kernel.permissions import Permission
from workbench.shell import health, menu


def register(app: Flask, admin: Admin) -> None:
    """Add the screens and their lines in the menu."""
    admin.add_view(DocumentView(name=_("Documents"), endpoint="documents", url="/documents"))
    admin.add_view(ApplicationView(name=_("Applications"), endpoint="applications", url="/desk/paper"))
    admin.add_view(RequirementView(name=_("Required documents"), endpoint="requirements", url="/desk/requirements"))
    entering = Permission.CASE_ENTER
    for label, endpoint, permission, group, icon in (
        (_("Enter an application"), "applications.new", entering, menu.Group.CASES, "plus"),
        (_("Take in corrections"), "applications.index", entering, menu.Group.CASES, "inbox"),
        (
            _("Required documents"),
            "requirements.index",
            Permission.CHECKLIST_MANAGE,
            menu.Group.ADMINISTRATION,
            "file",
        ),
    ):
        menu.register(app, menu.MenuItem(label, endpoint, permission, group=group, icon=icon))
    health.register(app, health.Probe("renderer", _renderer))


def _renderer(session: Session) -> health.Health:
    """Fit when Chinese text shows behind every wall; degraded where a wall is missing or nothing can be shown."""
    try:
        return health.Health.OK if fitness().walls == ALL_WALLS else health.Health.DEGRADED
    except RendererUnfit:
        return health.Health.DEGRADED
