"""Puts the dispatch room together: the packing table, the courier's hatch, the list of consignments, the companies."""

from flask import Flask
from flask_admin import Admin

from workbench.dispatch import carrier_views, consignment_views, courier_views, packing_views


def register(app: Flask, admin: Admin) -> None:
    """Add the room's addresses and screens, in the order of the rail."""
    packing_views.register(app, admin)
    courier_views.register(app, admin)
    consignment_views.register(app, admin)
    carrier_views.register(app, admin)
