"""What an applicant has: unfinished forms and cases, and the start of another."""

from flask import render_template
from flask.typing import ResponseReturnValue

from workbench.portal.door import portal


@portal.get("/applications")
def home() -> ResponseReturnValue:
    """The applicant's drafts and cases."""
    return render_template("portal/front.html")
