"""The front page and the pages anybody may read: what to prepare, whom to call, where keys are collected."""

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from workbench.organisation.session import signed_in_person
from workbench.portal.door import for_strangers, portal


@portal.get("/")
@for_strangers
def front() -> ResponseReturnValue:
    """The three services, what to know before starting, and the sign-in; staff are led to their desk."""
    if signed_in_person() is not None:
        return redirect(url_for("home.index"), code=303)
    return render_template("portal/front.html")


@portal.get("/contacts")
@for_strangers
def contacts() -> ResponseReturnValue:
    """Whom to call or write to."""
    return render_template("portal/front.html")


@portal.get("/authorities")
@for_strangers
def authorities() -> ResponseReturnValue:
    """The issuing authorities with their pick-up sites."""
    return render_template("portal/front.html")
