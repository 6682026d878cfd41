"""The review workbench for enterprise CA e-keys. `create_app` puts its rooms together and does nothing else."""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from flask import Flask

    from workbench.config import Settings
    from workbench.kernel.parts import Parts

ROOMS: Final = (
    "organisation",
    "cases",
    "documents",
    "review",
    "production",
    "dispatch",
    "collection",
    "portal",
    "api",
    "reports",
)
"""Rooms with screens, lowest first. Each has `views.register(app, admin)`."""


def create_app(settings: "Settings | None" = None, parts: "Parts | None" = None) -> "Flask":
    """The web application over `parts`, which are made from `settings` (the environment's, unless given) when missing.

    Raises:
        BadSettings: the environment holds a value the program cannot work with.
        ValueError: the database address is unknown.
    """
    # Imported here: commands, workers and the renderer's child import this package without a web server.
    from flask_admin import Admin
    from flask_admin.theme import Bootstrap4Theme

    from workbench import config
    from workbench.kernel.parts import make_parts
    from workbench.shell import edge, failures, frame, health, home, http, i18n, logs
    from workbench.shell.context import EXTENSION

    parts = parts or make_parts(settings or config.settings())
    app = edge.Desk(__name__, template_folder="../templates", static_folder="static")
    app.extensions[EXTENSION] = parts
    logs.configure(parts.settings.log_level)
    http.configure(app, parts.settings, parts.secrets.session_key)
    http.install(app, parts.settings)
    logs.install(app)
    edge.install(app)
    i18n.install(app)
    failures.install(app)
    frame.install(app)
    health.install(app)
    home.install(app)
    admin = Admin(
        app,
        name="workbench",
        url="/desk",
        index_view=home.HomeView(name="home", endpoint="home", url="/desk"),
        theme=Bootstrap4Theme(base_template="desk/base.html"),
        csp_nonce_generator=http.csp_nonce,
    )
    for room in ROOMS:
        import_module(f"workbench.{room}.views").register(app, admin)
    http.protect(app)
    # By name, as the rooms: whoever imports this package must not depend on the demo.
    app.config["DEMO_ACCOUNTS"] = import_module("workbench.demo.accounts").offered(parts)
    app.config["DEMO_APPLICANTS"] = import_module("workbench.demo.applicants").offered(parts)
    app.config["DEMO_KEYS"] = import_module("workbench.demo.trial_keys").offered(parts.settings)
    return app
