"""Registering, signing in and out, and forgotten passwords."""

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from workbench.portal import door
from workbench.portal.door import for_strangers, portal


@portal.route("/entrance", methods=["GET", "POST"])
@for_strangers
def sign_in() -> ResponseReturnValue:
    """Ask for enterprise code, login name, password and captcha."""
    return render_template("portal/front.html")


@portal.post("/entrance/leave")
@for_strangers
def sign_out() -> ResponseReturnValue:
    """End this session for good."""
    door.end()
    return redirect(url_for("portal.front"), code=303)
