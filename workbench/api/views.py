"""Puts the interface together: its guard, its addresses and the screens on which its keys are kept."""

from importlib import import_module
from typing import Final

from flask import Flask
from flask_admin import Admin
from flask_babel import lazy_gettext as _

from workbench.api import door
from workbench.api.admin_views import SitesView
from workbench.kernel.permissions import Permission
from workbench.shell import menu

OPERATIONS: Final[tuple[str, ...]] = ("reference", "application", "webhook")
"""Modules whose operations hang on the blueprint, in the order the OpenAPI document shows them."""


def register(app: Flask, admin: Admin) -> None:
    """Add the interface's addresses and the administrator's screens."""
    for name in OPERATIONS:
        import_module(f"workbench.api.{name}_views")
    door.install(app)
    app.register_blueprint(door.api)
    admin.add_view(SitesView(name=_("Registration sites"), endpoint="api_sites", url="/desk/registration-sites"))
    menu.register(
        app,
        menu.MenuItem(
            _("Registration sites"),
            "api_sites.index",
            Permission.API_KEY_MANAGE,
            group=menu.Group.ADMINISTRATION,
            icon="key",
        ),
    )
