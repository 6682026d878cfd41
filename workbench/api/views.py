"""Puts the interface together: its guard, its addresses and the screens on which its keys are kept."""

from flask import Flask
from flask_admin import Admin


def register(app: Flask, admin: Admin) -> None:
    """Add the interface's addresses and the administrator's screens."""
