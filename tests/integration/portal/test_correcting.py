"""Correcting: the next round's draft holds everything but what was faulted, and the desk sees just what changed."""

import io
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from PIL import Image
from sqlalchemy import select

from tests.integration.portal.follow_door import Door, door
from tests.support.casework import IDENTITY, whole
from workbench.cases.models import Application, Submission
from workbench.cases.words import State
from workbench.documents.rendering import renderer
from workbench.kernel.errors import Conflict, NotFound
from workbench.portal.door import actor_of
from workbench.portal.drafting import drafts
from workbench.portal.drafting.draft_fields import VALUES
from workbench.portal.models import Draft, DraftFile
from workbench.portal.uploads import correcting, papers, submitting
from workbench.review.diff import RoundDiff, diff_rounds

__all__ = ["door"]

LICENCE = "business_licence"


def start(door: Door, number: str) -> int:
    """Start the correction as its applicant; returns the draft's id."""
    with door.office.work(door.actor) as session:
        return correcting.start_correction(session, door.parts, door.case_id(number), door.actor).id


def files(door: Door, draft_id: int) -> Mapping[str, list[int | None]]:
    """What each slot of a draft stands for, by document."""
    found: dict[str, list[int | None]] = {}
    with door.office.work(door.actor) as session:
        for each in session.scalars(select(DraftFile).where(DraftFile.draft_id == draft_id)):
            found.setdefault(each.document_code, []).append(each.kept_from_id)
    return found


def picture() -> bytes:
    """A file that was not sent before."""
    content = io.BytesIO()
    Image.effect_noise((1240, 1754), 60).save(content, "PNG")
    return content.getvalue()


def send(door: Door, draft_id: int) -> None:
    """Submit as the applicant does."""
    with door.office.work(door.actor) as session:
        submitting.submit_draft(session, door.parts, renderer(), draft_id, door.actor)


def changes(door: Door, number: str) -> RoundDiff:
    """What the desk sees of the last round."""
    with door.office.work() as session:
        rounds = session.scalars(
            select(Submission).where(Submission.application_id == door.case_id(number)).order_by(Submission.round)
        ).all()
        return diff_rounds(session, rounds[-2], rounds[-1])


def test_the_draft_holds_everything_but_what_was_faulted(door: Door) -> None:
    number = door.submit(form={"address": "示例路 9 号", "telephone": "000-1"}, reason="备用")
    door.fail(number, LICENCE)
    draft_id = start(door, number)
    kept = files(door, draft_id)
    assert set(kept) == set(whole()) - {LICENCE}
    assert all(each is not None for slot in kept.values() for each in slot)
    with door.office.work(door.actor) as session:
        draft = drafts.get_draft(session, door.actor, draft_id)
        application = session.get_one(Application, door.case_id(number))
        assert (draft.number, draft.service, draft.application_id) == (number, "new", application.id)
        assert draft.values["address"] == "示例路 9 号"
        assert draft.values["enterprise_name"] == application.enterprise_name
        assert draft.values["pickup_site_id"] == str(door.site())
        assert set(draft.values) == set(VALUES)
        assert IDENTITY not in str(draft.values)
        assert draft.identity_masked == "1" + "*" * 16 + "8"
        assert drafts.problems_of(session, door.parts, draft) == {}
        assert drafts.facts_of(session, door.parts, draft).holder.identity_number == IDENTITY


def test_a_second_click_leads_to_the_same_draft(door: Door) -> None:
    number, browser = door.submit(), door.browser()
    door.fail(number, LICENCE)
    places = {browser.post(f"/applications/{number}/correct").location for _ in range(3)}
    assert len(places) == 1
    assert "Go on with the correction" in browser.words(f"/applications/{number}")


def test_clicks_at_the_same_moment_start_one_draft(door: Door) -> None:
    number = door.submit()
    door.fail(number, LICENCE)
    ready = Barrier(6)

    def click() -> int:
        ready.wait()
        return start(door, number)

    with ThreadPoolExecutor(6) as pool:
        started = {each.result() for each in [pool.submit(click) for _ in range(6)]}
    assert len(started) == 1
    with door.office.work() as session:
        assert len(session.scalars(select(Draft.id)).all()) == 1


def test_nothing_is_corrected_that_was_not_returned(door: Door) -> None:
    number = door.submit()
    assert door.browser().post(f"/applications/{number}/correct").status_code == 409
    with door.office.work() as session:
        assert session.scalars(select(Draft.id)).all() == []


def test_nobody_else_starts_or_reaches_a_correction(door: Door) -> None:
    number = door.submit()
    door.fail(number, LICENCE)
    draft_id = start(door, number)
    for other in (door.another(), door.another(1)):
        actor = actor_of(other, "")
        with door.office.work(actor) as session:
            with pytest.raises(NotFound):
                correcting.start_correction(session, door.parts, door.case_id(number), actor)
            with pytest.raises(NotFound):
                drafts.get_draft(session, actor, draft_id)
            assert session.scalars(select(DraftFile)).all() == []


def test_the_desk_sees_just_what_was_corrected(door: Door) -> None:
    number = door.submit()
    door.fail(number, LICENCE)
    draft_id = start(door, number)
    with door.office.work(door.actor) as session:
        draft = drafts.get_draft(session, door.actor, draft_id)
        papers.add_file(session, door.parts, renderer(), draft, LICENCE, "执照.png", picture())
        drafts.save_values(session, door.parts, draft, {"telephone": "000-2"})
        correcting.keep_answer(session, door.parts, door.case_id(number), "已重新盖章", door.actor)
    send(door, draft_id)
    assert door.state(number) == State.PRE_CHECK
    found = changes(door, number)
    assert [each.code for each in found.changed_documents] == [LICENCE]
    assert [(each.name, each.new) for each in found.fields] == [("telephone", "000-2")]
    with door.office.work() as session:
        newest = session.scalars(select(Submission).order_by(Submission.round.desc())).first()
        assert newest is not None
        assert newest.answer == "已重新盖章"
    with door.office.work(door.actor) as session, pytest.raises(Conflict):
        correcting.start_correction(session, door.parts, door.case_id(number), door.actor)


def test_a_faulted_paper_has_to_come_again(door: Door) -> None:
    number = door.submit()
    door.fail(number, LICENCE)
    draft_id = start(door, number)
    with door.office.work(door.actor) as session:
        with pytest.raises(submitting.DraftIncomplete) as refused:
            submitting.submit_draft(session, door.parts, renderer(), draft_id, door.actor)
        assert refused.value.documents == (LICENCE,)
    assert door.state(number) == State.RETURNED


def test_a_discarded_correction_makes_room_for_another(door: Door) -> None:
    number = door.submit()
    door.fail(number, LICENCE)
    first = start(door, number)
    with door.office.work(door.actor) as session:
        drafts.discard_draft(session, door.actor, first)
    second = start(door, number)
    assert second != first
    assert set(files(door, second)) == set(whole()) - {LICENCE}


def test_a_draft_that_was_overtaken_gives_way(door: Door) -> None:
    """The authority entered the corrections at its counter; then the case came back once more."""
    number = door.submit()
    door.fail(number, LICENCE)
    first = start(door, number)
    with door.office.work(door.actor) as session:
        uscc = session.get_one(Application, door.case_id(number)).uscc
    door.office.submit_again(door.case_id(number), door.office.facts(uscc=uscc))
    door.fail(number, "user_id_card")
    second = start(door, number)
    assert second != first
    assert set(files(door, second)) == set(whole()) - {"user_id_card"}


def test_the_answer_is_kept_with_and_without_scripts(door: Door) -> None:
    number, browser = door.submit(), door.browser()
    door.fail(number, LICENCE)
    address = f"/applications/{number}/answer"
    assert browser.post(address, answer="x").status_code == 409
    draft_id = start(door, number)
    assert browser.post(address, answer=" 第一次 ").status_code == 303
    json = browser.client.post(
        address, data={"answer": "第二次", "csrf_token": browser.token}, headers={"Accept": "application/json"}
    )
    assert json.get_json() == {"saved": True}
    with door.office.work(door.actor) as session:
        assert drafts.get_draft(session, door.actor, draft_id).values["answer"] == "第二次"
    assert browser.post(address, answer="长" * 5000).status_code == 400


def test_the_correction_shows_what_was_faulted_and_leads_to_its_slot(door: Door) -> None:
    number, browser = door.submit(), door.browser(language="zh")
    door.fail(number, LICENCE, "请重拍执照<b>", "看不清", {"x": 0.1, "y": 0.1, "w": 0.2, "h": 0.2})
    page = browser.open(browser.post(f"/applications/{number}/correct").location)
    for said in ("请重拍执照&lt;b&gt;", "看不清", "重新上传", f'href="#slot-{LICENCE}"', f'id="slot-{LICENCE}"'):
        assert said in page
    assert page.split('class="panel correction"')[1].split("data-answer")[0].count("#slot-") == 1
    assert f"/applications/{number}/pages/{door.page_id(number, LICENCE)}/image" in page
