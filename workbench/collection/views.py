"""Puts the counter together: handing over, telling, what waits, what came back."""

from flask import Flask
from flask_admin import Admin

from workbench.collection import hand_over_views, returned_views, telling_views, terms_views, waiting_views


def register(app: Flask, admin: Admin) -> None:
    """Add the room's screens, in the order of the rail."""
    hand_over_views.register(app, admin)
    telling_views.register(app, admin)
    waiting_views.register(app, admin)
    returned_views.register(app, admin)
    terms_views.register(app, admin)
