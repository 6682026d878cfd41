"""Puts the dispatch room together: packing table, courier, parcels under way, the authority's door, companies."""

from flask import Flask
from flask_admin import Admin

from workbench.dispatch import (
    carrier_views,
    consignment_views,
    courier_views,
    finding_views,
    packing_views,
    receiving_views,
    returning_views,
    transit_views,
)


def register(app: Flask, admin: Admin) -> None:
    """Add the room's addresses and screens, in the order of the rail."""
    packing_views.register(app, admin)
    courier_views.register(app, admin)
    consignment_views.register(app, admin)
    transit_views.register(app, admin)
    finding_views.register(app, admin)
    receiving_views.register(app, admin)
    returning_views.register(app, admin)
    carrier_views.register(app, admin)
