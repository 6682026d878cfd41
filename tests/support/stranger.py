"""A stranger's browser at the front door: fills in forms as their pages ask, captcha included, reads the mail."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from flask import Flask
from html5lib import HTMLParser
from sqlalchemy import select
from werkzeug.test import TestResponse

from tests.support.applicant import captcha_token, form_token
from workbench.kernel.outbox import OutboxMessage
from workbench.kernel.parts import Parts
from workbench.portal.accounts import captcha


class Stranger:
    """A client without a session, in English unless told otherwise. Every page it opens has to be valid HTML."""

    def __init__(self, app: Flask, parts: Parts, language: str = "en") -> None:
        self.client = app.test_client()
        self.client.set_cookie("language", language)
        self.parts = parts

    def open(self, path: str, status: int = 200, **options: Any) -> str:
        """The page at `path`, which has to answer with `status`."""
        answer = self.client.get(path, **options)
        assert answer.status_code == status, (path, answer.status_code)
        HTMLParser(strict=True).parse(answer.text)
        return answer.text

    def send(
        self,
        path: str,
        values: Mapping[str, str] | None = None,
        /,
        *,
        page: str = "",
        wrong: bool = False,
        options: dict[str, Any] | None = None,
        **more: str,
    ) -> TestResponse:
        """Post a form to `path` from `page` (the same unless given), its captcha answered, wrongly when asked to.

        Args:
            options: how page and form are asked for, as werkzeug's test client takes it.
        """
        text = self.client.get(page or path, **(options or {})).text
        data = {"csrf_token": form_token(text), **(values or {}), **more}
        if "captcha_token" in text and "captcha_token" not in data:
            token = captcha_token(text)
            data |= {
                "captcha_token": token,
                "captcha": "wrong" if wrong else captcha.answer_of(self.parts.secrets, token),
            }
        answer = self.client.post(path, data=data, **(options or {}))
        if answer.mimetype == "text/html" and answer.status_code != 303:
            HTMLParser(strict=True).parse(answer.text)
        return answer

    def mails(self, recipient: str) -> Sequence[OutboxMessage]:
        """What the outbox holds for somebody, oldest first."""
        with self.parts.work() as session:
            mine = select(OutboxMessage).where(OutboxMessage.recipient == recipient).order_by(OutboxMessage.id)
            return session.scalars(mine).all()

    def link(self, recipient: str) -> str:
        """The first address in the newest mail to somebody."""
        found = re.search(r"^https?://\S+$", self.mails(recipient)[-1].body, re.MULTILINE)
        assert found is not None
        return found.group(0)

    def path(self, recipient: str) -> str:
        """The same, as a path on this site."""
        return self.link(recipient).removeprefix(self.parts.settings.site_url)
