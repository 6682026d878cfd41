"""Pictures that only people read. Nothing here tells what they show."""

from flask import abort, jsonify, make_response
from flask.typing import ResponseReturnValue

from workbench.portal.accounts import captcha as challenges
from workbench.portal.accounts import human
from workbench.portal.door import for_strangers, portal
from workbench.shell.context import parts


@portal.get("/captcha/<token>.png")
@for_strangers
def captcha_picture(token: str) -> ResponseReturnValue:
    """The picture of a challenge that was offered here within the last ten minutes."""
    picture = challenges.find_picture(parts().secrets, token)
    if picture is None:
        abort(404)
    response = make_response(picture)
    response.mimetype = "image/png"
    return response


@portal.get("/captcha")
@for_strangers
def captcha() -> ResponseReturnValue:
    """Another challenge, for the page's "another picture" button."""
    fresh = human.new_picture()
    return jsonify(token=fresh.token, picture=fresh.url, question=fresh.question)
