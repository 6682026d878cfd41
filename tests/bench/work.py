"""A clerk at work: claim the next case, open it, answer every check item, decide; each case is really decided.

Marks are sent between the measured requests, as the screen's script sends them; one verdict in four is a fail.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from flask import Flask, url_for
from sqlalchemy import select

from tests.bench.browser import Unexpected, Visitor
from tests.bench.database import PASSWORD, Filled
from tests.bench.measure import row, seconds
from tests.bench.render import Row
from workbench.cases.models import Application, Submission
from workbench.cases.words import Desk, Verdict
from workbench.documents.requirements import effective_documents

WARM_UP = 3
FAIL_EVERY = 4


def rows(app: Flask, filled: Filled, samples: int) -> Iterator[Row]:
    """Claim, screen and decision at both desks, one line each. Raises Unexpected when a step is refused."""
    for desk, login, who in ((Desk.PRE_CHECK, "clerk1-1", "clerk"), (Desk.RE_CHECK, "recheck1", "re-checker")):
        person = _Person(app, filled, desk, login)
        times: dict[str, list[float]] = {"claim next": [], "case screen": [], "decision": []}
        for number in range(WARM_UP + samples):
            for step, taken in person.one_case(Verdict.FAILED if number % FAIL_EVERY == 0 else Verdict.PASSED):
                if number >= WARM_UP:
                    times[step].append(taken)
        yield from (row(f"{step}, {who}", taken) for step, taken in times.items())


class _Person:
    def __init__(self, app: Flask, filled: Filled, desk: Desk, login: str) -> None:
        self._app, self._filled, self._desk = app, filled, desk
        self._visitor = Visitor.signed_in(app, login, PASSWORD)

    def one_case(self, verdict: Verdict) -> Iterator[tuple[str, float]]:
        """One case from the queue to the verdict: each measured step and its seconds."""
        place = ""

        def claim() -> None:
            nonlocal place
            place = self._visitor.post(self._address(f"{self._desk.value}.next"))

        yield "claim next", seconds(claim)
        case_id = _case_of(place)
        yield "case screen", seconds(lambda: self._visitor.get(place))
        version = self._mark_all(case_id, verdict)
        sent = {"verdict": verdict.value, "remark": "示例备注：已核对全部材料。", "version": version}
        answer = ""

        def decide() -> None:
            nonlocal answer
            answer = self._visitor.post_json(self._address("review_case.decide", case_id=case_id), sent)

        yield "decision", seconds(decide)
        self._visitor.post(self._address("review_case.release", case_id=_case_of(json.loads(answer)["next"])))

    def _address(self, endpoint: str, **values: Any) -> str:
        with self._app.test_request_context():
            return url_for(endpoint, **values)

    def _mark_all(self, case_id: int, verdict: Verdict) -> int:
        """Answer every item, the last one with a fault when the case is to fail; the version decided on."""
        with self._filled.parts.work() as session:
            application = session.get_one(Application, case_id)
            submission = session.scalars(
                select(Submission).where(Submission.application_id == case_id, Submission.round == application.round)
            ).one()
            documents = effective_documents(session, submission.requirement_version_id, submission.extra_version_id)
            items = [item.id for document in documents for item in document.items]
        marks = [{"item": item, "value": "ok"} for item in items]
        if verdict is Verdict.FAILED:
            marks[-1]["value"] = "fault"
        sent = {"version": application.version, "marks": marks}
        self._visitor.post_json(self._address("review_case.marks", case_id=case_id), sent)
        return application.version


def _case_of(address: str) -> int:
    found = re.search(r"/(\d+)(?:[/?#]|$)", address)
    if found is None:
        raise Unexpected(f"No case at {address}: nothing is left to decide.")
    return int(found.group(1))
