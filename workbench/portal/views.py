"""Puts the front door together: its guard, its pages and what its administrators edit."""

from importlib import import_module
from typing import Any, Final

from flask import Flask
from flask_admin import Admin
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from workbench.kernel.permissions import Permission
from workbench.portal import door
from workbench.portal.accounts.registry_screen import EnterpriseRecordView
from workbench.portal.front.contact_desk import ContactView
from workbench.portal.key.key_views import watch_listener
from workbench.shell import menu
from workbench.shell.context import EXTENSION

PAGES: Final[tuple[str, ...]] = (
    "front.front",
    "accounts.account",
    "accounts.registration",
    "accounts.captcha",
    "following.home",
    "drafting.form",
    "drafting.print",
    "uploads.paper",
    "uploads.upload",
    "uploads.confirm",
    "following.case",
    "key.key",
    "key.updating",
)
"""Modules whose views hang on the blueprint, each `workbench.portal.<name>_views`."""


def register(app: Flask, admin: Admin) -> None:
    """Add the front door's addresses, and the screens on which an administrator keeps what it tells."""
    for page in PAGES:
        import_module(f"workbench.portal.{page}_views")
    door.install(app)
    app.register_blueprint(door.portal)
    app.context_processor(_words)
    watch_listener(app, app.extensions[EXTENSION].settings)
    admin.add_view(EnterpriseRecordView())
    admin.add_view(ContactView())
    manage, administration = Permission.FRONT_DOOR_MANAGE, menu.Group.ADMINISTRATION
    for label, endpoint, icon in (
        (_("Enterprise registry"), "registry.index_view", "list"),
        (_("Contacts for applicants"), "contacts.index_view", "info"),
    ):
        menu.register(app, menu.MenuItem(label, endpoint, manage, group=administration, icon=icon))


def _words() -> dict[str, Any]:
    """What every page of the front door may ask for."""
    return {"applicant": door.find_applicant(), "portal_name": portal_name}


def portal_name() -> str:
    """What the front door calls itself."""
    return str(gettext("Registration and renewal of certificates and e-keys for import and export enterprises"))
