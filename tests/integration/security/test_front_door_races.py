"""Two at once, and what no page of ours sends: one wins, the other is told; what a form claims counts for nothing."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import func, select, text

from tests.integration.security.front_door import Front, as_part, sent_papers
from tests.support.casework import DOCUMENTS, IDENTITY, whole
from tests.support.papers import a_strip
from workbench.cases.models import Application, CaseEvent
from workbench.cases.words import Desk, Service, State, Verdict
from workbench.documents import limits
from workbench.kernel.codes import uscc_check_character
from workbench.kernel.errors import Conflict, TooMany, WorkbenchError
from workbench.organisation.models import PickupSite
from workbench.portal.drafting import drafts
from workbench.portal.models import Draft
from workbench.portal.uploads import papers
from workbench.review import service as review

ROUNDS = 6


def at_once(*verbs: Callable[[], Any]) -> list[Any]:
    """What each came to when all began together: its answer, or the refusal."""
    barrier = Barrier(len(verbs))

    def run(verb: Callable[[], Any]) -> Any:
        barrier.wait()
        try:
            return verb()
        except WorkbenchError as refusal:
            return refusal

    with ThreadPoolExecutor(len(verbs)) as pool:
        return list(pool.map(run, verbs))


def test_a_verdict_and_a_withdrawal_at_once_are_one_of_them(front: Front) -> None:
    office, clerk = front.office, front.office.clerk("racing-clerk")
    for _ in range(ROUNDS):
        case = office.submit(office.facts(), whole(), front.mine.actor)
        with office.work(clerk) as session:
            review.open_review(session, clerk, case, Desk.PRE_CHECK)
            office.mark_all(session, clerk, case, Verdict.PASSED)
            version = session.get_one(Application, case).version
            number = session.get_one(Application, case).number

        def decide(case: int = case, version: int = version) -> None:
            with office.work(clerk) as session:
                review.decide(session, clerk, case, Verdict.PASSED, "示例", seen_version=version)

        def withdraw(number: str = number) -> int:
            return front.mine.post(f"/applications/{number}/withdraw").status_code

        refusal, status = at_once(decide, withdraw)
        with office.work() as session:
            state = session.get_one(Application, case).state
            told = session.scalars(select(CaseEvent.event).where(CaseEvent.application_id == case)).all()
        if status == 303:
            assert state == State.WITHDRAWN
            assert isinstance(refusal, Conflict)
        else:
            assert (state, status, refusal) == (State.RE_CHECK, 409, None)
        assert ("withdrawn" in told) is (status == 303)


def test_many_starts_at_once_are_no_more_than_allowed(front: Front) -> None:
    counter = front.another()

    def start(place: int) -> Callable[[], int]:
        return lambda: counter.start(Service.REPLACEMENT, reason="x", prior_key=str(place))

    came = [each for five in range(5) for each in at_once(*(start(five * 5 + place) for place in range(5)))]
    refused = [each for each in came if isinstance(each, Conflict)]
    assert (len(came), len(refused)) == (25, 5)
    with front.office.work() as session:
        mine = select(func.count()).select_from(Draft).where(Draft.applicant_id == counter.applicant.id)
        assert session.scalar(mine) == drafts.MOST_OPEN


def test_starting_and_discarding_for_ever_ends(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each start uses up an application number."""
    monkeypatch.setattr(drafts, "MOST_A_DAY", 3)
    counter = front.another()
    for place in range(3):
        draft = counter.start(Service.REPLACEMENT, reason="x", prior_key=str(place))
        assert counter.post(f"/drafts/{draft}/discard").status_code == 303
    answer = counter.post("/applications/start", service="replacement")
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 80_000


def test_uploading_and_removing_for_ever_ends(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was removed occupied the sandbox and the disk all the same; so did what was refused."""
    monkeypatch.setattr(limits, "MAX_FILES_A_DAY", 3)
    counter = front.another()
    draft = counter.start(Service.REPLACEMENT, reason="x", prior_key="1")
    for shade in range(2):
        file = counter.add(draft, DOCUMENTS[0], a_strip(shade))
        assert counter.post(f"/drafts/{draft}/files/{file}/remove").status_code == 303
    with pytest.raises(WorkbenchError):
        counter.add(draft, DOCUMENTS[0], b"no picture")
    with pytest.raises(TooMany):
        counter.add(draft, DOCUMENTS[0], a_strip(9))


def test_one_applicant_holds_two_places_at_the_sandbox(front: Front) -> None:
    counter = front.another()
    draft = counter.start(Service.REPLACEMENT, reason="x", prior_key="1")
    with front.parts.work() as one, front.parts.work() as two:
        for session in (one, two):
            papers._take_turn(session, front.parts, counter.applicant.id)
        with pytest.raises(TooMany):
            counter.add(draft, DOCUMENTS[0], a_strip())
        front.mine.add(front.own.draft, DOCUMENTS[2], a_strip())
    assert counter.add(draft, DOCUMENTS[0], a_strip())


def test_what_is_on_its_way_is_bounded_over_all_forms(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_PENDING_BYTES", 2500)
    counter = front.another()
    said = {"slot": DOCUMENTS[0], "name": "a.jpg", "size": 1000}
    statuses = []
    for place in range(3):
        draft = counter.start(Service.REPLACEMENT, reason="x", prior_key=str(place))
        statuses.append(counter.json(f"/drafts/{draft}/uploads", said).status_code)
        assert counter.post(f"/drafts/{draft}/discard").status_code == 303, "a discarded form's still occupy the disk"
    assert statuses == [201, 201, 409]


def a_site(front: Front, place: int, *, active: bool = True) -> int:
    with front.office.work() as session:
        site = PickupSite(authority_id=front.office.authority_ids[place], name="示", address="示", active=active)
        session.add(site)
        session.flush()
        return site.id


@pytest.mark.parametrize(("place", "active"), [(1, True), (0, False)])
def test_a_place_elsewhere_or_closed_reaches_no_case(front: Front, place: int, active: bool) -> None:
    """Neither typed into the form, nor left in it from before, nor changed behind the pages."""
    counter, site = front.another(), a_site(front, place, active=active)
    draft = counter.start(pickup_site_id=str(site))
    with counter.work() as session:
        assert counter.draft_in(session, draft).values["pickup_site_id"] == ""
    answer = counter.json(f"/drafts/{draft}/save", {"version": 1, "values": {"pickup_site_id": str(site)}})
    assert answer.status_code == 200
    with counter.work() as session:
        kept = counter.draft_in(session, draft)
        assert kept.values["pickup_site_id"] == ""
        kept.values = {**kept.values, "pickup_site_id": str(site)}
    counter.fill(draft)
    assert counter.post(f"/drafts/{draft}/confirm", agreed="yes").status_code == 303
    with front.office.work() as session:
        made = session.scalars(select(Application).where(Application.applicant_id == counter.applicant.id)).one()
        assert made.pickup_site_id is None


def test_an_authority_that_is_closed_by_now_takes_no_case(front: Front) -> None:
    counter = front.another()
    draft = counter.start()
    counter.fill(draft)
    second = front.office.authority_ids[1]
    with counter.work() as session:
        kept = counter.draft_in(session, draft)
        kept.values = {**kept.values, "authority_id": str(second)}
    with front.office.work() as session:
        session.execute(text("UPDATE authority SET active = false WHERE id = :id"), {"id": second})
    try:
        answer = counter.post(f"/drafts/{draft}/confirm", agreed="yes")
    finally:
        with front.office.work() as session:
            session.execute(text("UPDATE authority SET active = true WHERE id = :id"), {"id": second})
    assert answer.status_code == 422
    with front.office.work() as session:
        made = select(func.count()).where(Application.applicant_id == counter.applicant.id)
        assert session.scalar(made) == 0


COLUMNS = {
    "uscc": "91110000000000001X", "number": "EK20260000001", "applicant_id": "1", "service": "renewal", "id": "1",
    "printed_version": "9", "submitted_at": "2026-01-01", "result_id": "1", "application_id": "1", "state": "x",
    "identity_ciphertext": "x", "identity_masked": "x", "channel": "paper", "values": "x",
}  # fmt: skip


@pytest.mark.parametrize("name", COLUMNS)
def test_no_column_is_written_by_its_name(front: Front, name: str) -> None:
    counter, draft = front.mine, front.own.draft
    with counter.work() as session:
        before = {key: value for key, value in vars(counter.draft_in(session, draft)).items() if key[0] != "_"}
    values = {name: COLUMNS[name]}
    assert counter.json(f"/drafts/{draft}/save", {"version": 1, "values": values}).status_code == 400
    for step in ("enterprise", "place", "holder", "review"):
        counter.post(f"/drafts/{draft}/{step}", go="stay", **values)
    with counter.work() as session:
        after = {key: value for key, value in vars(counter.draft_in(session, draft)).items() if key[0] != "_"}
    assert before == after


def test_a_correction_stays_at_its_authority_whatever_is_sent(front: Front) -> None:
    counter, draft = front.mine, front.own.correction
    other, site = str(front.office.authority_ids[1]), str(a_site(front, 1))
    values = {"authority_id": other, "pickup_site_id": site}
    counter.json(f"/drafts/{draft}/save", {"version": 1, "values": values})
    counter.post(f"/drafts/{draft}/place", go="stay", **values)
    with counter.work() as session:
        kept = counter.draft_in(session, draft)
        assert kept.values["authority_id"] == str(front.office.authority_ids[0])
        assert drafts.facts_of(session, front.parts, kept).pickup_site_id is None


def test_a_sites_application_names_no_place_of_another_authority(front: Front) -> None:
    with front.office.work() as session:
        session.add(PickupSite(authority_id=front.office.authority_ids[1], name="示例别处", address="示"))
    first = "91110000000000902"
    facts = {
        "service": "new",
        "category": "other",
        "authority": "990001",
        "pickup_site": "示例别处",
        "enterprise": {"name": "示例", "uscc": first + uscc_check_character(first)},
        "holder": {"name": "示例", "identity_number": IDENTITY, "mobile": "1", "email": "a@example.invalid"},
        "files": [{"document": code, "part": code} for code in DOCUMENTS],
    }
    data = {"application": as_part(facts), **sent_papers(*DOCUMENTS)}
    headers = front.site.headers(**{"Idempotency-Key": "elsewhere"})
    answer = front.app.test_client().post("/api/v1/applications", data=data, headers=headers)
    assert answer.status_code == 422
    assert "/pickup_site" in answer.text
