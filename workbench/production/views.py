"""Puts the production desk together: the bench agents' door, the embedded authority's addresses, the screens."""

from flask import Flask
from flask_admin import Admin

from workbench.production import (
    agent_views,
    bench_views,
    ca_views,
    cards,
    certificate_views,
    preparing_views,
    station_views,
    stock_views,
)


def register(app: Flask, admin: Admin) -> None:
    """Add the desk's addresses and screens."""
    agent_views.install(app)
    ca_views.install(app)
    bench_views.register(app, admin)
    preparing_views.register(app, admin)
    stock_views.register(app, admin)
    station_views.register(app, admin)
    certificate_views.register(app, admin)
    cards.register(app)
