"""Seals on a real database: who may prepare one, what counts afterwards, and the signed structure around it."""

import hashlib
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from tests.support.casework import Office
from tests.support.seals import A4, SealOffice, Stamp, letter
from workbench.cases.models import Application, CaseDecider
from workbench.cases.words import Desk, Service
from workbench.documents.models import Page
from workbench.kernel.audit import AuditEntry
from workbench.kernel.clock import now
from workbench.kernel.errors import Conflict, Invalid, NotAllowed, NotFound
from workbench.kernel.identity import Actor
from workbench.keys.models import Seal
from workbench.keys.tokens import take_in
from workbench.production.models import Making
from workbench.production.seals import queries
from workbench.production.seals.cutting import Crop, propose
from workbench.production.seals.service import find_structure, seal_for
from workbench.production.seals.signing import load_seal_maker
from workbench.production.seals.structure import read_seal, verify_seal

FRAME = Crop(39 / A4[0], 187 / A4[1], 81 / A4[0], 229 / A4[1])
"""Around the seal of a test letter, with a millimetre to spare."""


@pytest.fixture
def bench(office: Office, tmp_path: Path) -> SealOffice:
    """An office with cases in production."""
    return SealOffice(office, tmp_path / "var")


def page_of(bench: SealOffice, case_id: int, actor: Actor) -> int:
    """The letter's page."""
    with bench.office.work(actor) as session:
        return queries.letter_pages(session, actor, case_id)[0].page.id


def prepare(bench: SealOffice, case_id: int, actor: Actor, crop: Crop = FRAME, **changes: Any) -> int:
    """Prepare a case's seal as the screen does; returns the seal's id."""
    return bench.prepare(case_id, actor, crop, **changes)


def test_a_prepared_seal_is_kept_with_its_size_and_told_without_its_picture(bench: SealOffice) -> None:
    case_id, maker = bench.case(), bench.maker()
    seal_id = prepare(bench, case_id, maker)
    with bench.office.work() as session:
        seal = session.get_one(Seal, seal_id)
        application = session.get_one(Application, case_id)
        assert (seal.width_mm, seal.height_mm) == (40, 40)
        assert seal.serial == f"{application.number}-1"
        assert (seal.name, seal.uscc) == (application.enterprise_name, application.uscc)
        assert seal.structure_sha256 is None
        assert seal.crop["x0"] == FRAME.x0
        assert bench.parts.blobs.get(seal.image_sha256).startswith(b"\x89PNG")
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "seal.prepared")).one()
        assert entry.actor == maker.label
        assert entry.case_id == case_id
        assert entry.after is not None
        assert entry.after["sha256"] == seal.image_sha256
        assert "png" not in str(entry.after).lower()


def test_what_is_proposed_for_a_letter_can_be_prepared_as_it_is(bench: SealOffice) -> None:
    case_id, maker = bench.case(letter(Stamp(turned=17), dpi=120)), bench.maker()
    with bench.office.work(maker) as session:
        pages = [each.page for each in queries.letter_pages(session, maker, case_id)]
        proposal = propose(bench.parts.blobs, pages)
    assert proposal.crop is not None
    assert abs(proposal.crop.tilt + 17) < 1
    assert prepare(bench, case_id, maker, proposal.crop)


def test_a_page_kept_sideways_is_cut_as_it_is_shown(bench: SealOffice) -> None:
    maker = bench.maker()
    case_id = bench.case(letter(Stamp()).rotate(90, expand=True))
    with bench.office.work() as session:
        session.get_one(Page, page_of(bench, case_id, maker)).rotation = 90
    with bench.office.work(maker) as session:
        proposal = propose(bench.parts.blobs, [session.get_one(Page, page_of(bench, case_id, maker))])
    assert proposal.crop is not None
    assert proposal.crop.rotation == 90
    assert abs(proposal.crop.x0 - FRAME.x0) < 0.01
    assert abs(proposal.crop.tilt) < 1
    assert prepare(bench, case_id, maker, proposal.crop)


@pytest.mark.parametrize("turned", [90, 180, 270])
def test_a_page_that_stands_wrong_is_proposed_upright(bench: SealOffice, turned: int) -> None:
    maker, case_id = bench.maker(), bench.case(letter(Stamp()).rotate(turned, expand=True))
    with bench.office.work(maker) as session:
        proposal = propose(bench.parts.blobs, [session.get_one(Page, page_of(bench, case_id, maker))])
    assert proposal.crop is not None
    assert proposal.crop.rotation == turned
    assert abs(proposal.crop.tilt) < 1
    assert abs(proposal.crop.x0 - FRAME.x0) < 0.01
    assert abs(proposal.crop.y1 - FRAME.y1) < 0.01


def test_a_black_and_white_copy_gets_a_reason_instead_of_a_proposal(bench: SealOffice) -> None:
    maker, case_id = bench.maker(), bench.case(letter(Stamp(), grey=True))
    with bench.office.work(maker) as session:
        pages = [each.page for each in queries.letter_pages(session, maker, case_id)]
        proposal = propose(bench.parts.blobs, pages)
    assert proposal.crop is None
    assert "black-and-white copy" in (proposal.problem or "")
    with pytest.raises(Invalid, match="no red impression"):
        prepare(bench, case_id, maker)


def test_the_stated_width_decides_where_the_page_shows_no_scale(bench: SealOffice) -> None:
    case_id, maker = bench.case(), bench.maker()
    with bench.office.work() as session:
        seal = session.get_one(Seal, prepare(bench, case_id, maker, replace(FRAME, width_mm=45.0)))
        assert (seal.width_mm, seal.height_mm) == (45, 45)
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "seal.prepared")).one()
        assert entry.after is not None
        assert entry.after["width_stated"] is True


def test_preparing_anew_supersedes_and_only_when_the_maker_saw_what_stood_there(bench: SealOffice) -> None:
    case_id, first, second = bench.case(), bench.maker(), bench.maker()
    seal_id = prepare(bench, case_id, first)
    with pytest.raises(Conflict, match="has prepared this seal meanwhile"):
        prepare(bench, case_id, second)
    again = prepare(bench, case_id, second, seen_seal_id=seal_id)
    with bench.office.work() as session:
        assert session.get_one(Seal, seal_id).superseded_at is not None
        live = queries.find_live(session, case_id)
        assert live is not None
        assert live.id == again
        assert live.serial.endswith("-2")


def test_two_makers_at_once_leave_one_live_seal(bench: SealOffice) -> None:
    case_id, makers = bench.case(), [bench.maker(), bench.maker()]
    page_id, outcomes = page_of(bench, case_id, makers[0]), list[object]()

    def work(actor: Actor) -> None:
        try:
            outcomes.append(prepare(bench, case_id, actor, page_id=page_id))
        except Conflict as conflict:
            outcomes.append(conflict)

    threads = [threading.Thread(target=work, args=(maker,)) for maker in makers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(type(each).__name__ for each in outcomes) == ["Conflict", "int"]
    with bench.office.work() as session:
        assert len(session.scalars(select(Seal).where(Seal.application_id == case_id)).all()) == 1


def test_refuses_who_has_decided_on_the_case_and_who_makes_no_keys(bench: SealOffice) -> None:
    case_id, maker = bench.case(), bench.maker()
    with pytest.raises(NotAllowed):
        prepare(bench, case_id, bench.checker)
    with bench.office.work() as session:
        application = session.get_one(Application, case_id)
        decider = {"application_id": case_id, "authority_id": application.authority_id, "staff_id": maker.id}
        session.add(CaseDecider(**decider, desk=Desk.RE_CHECK.value))
    with pytest.raises(NotAllowed, match="second person"):
        prepare(bench, case_id, maker)
    with bench.office.work(maker) as session:
        assert queries.count_to_prepare(session, maker) == 0
        assert queries.find_next(session, maker) is None


def test_refuses_pages_that_are_not_this_cases_letter(bench: SealOffice) -> None:
    maker = bench.maker()
    mine, other = bench.case(), bench.case()
    form = bench.send_letter(mine, letter(Stamp()), "application_form")
    for page_id in (page_of(bench, other, maker), form, 10**9):
        with pytest.raises(NotFound, match="no page of the case's"):
            prepare(bench, mine, maker, page_id=page_id)


def test_refuses_cases_that_are_elsewhere_have_moved_or_are_being_made(bench: SealOffice) -> None:
    maker, waiting = bench.maker(), bench.office.submit()
    bench.send_letter(waiting, letter(Stamp()))
    with pytest.raises(Conflict, match="not waiting"):
        prepare(bench, waiting, maker)
    case_id = bench.case()
    with pytest.raises(Conflict, match="has changed"):
        prepare(bench, case_id, maker, seen_version=1)
    renewal = bench.case(service=Service.RENEWAL)
    with pytest.raises(Conflict, match="not waiting"):
        prepare(bench, renewal, maker)


@pytest.mark.parametrize(
    "crop",
    [
        pytest.param(Crop(0.5, 0.1, 0.9, 0.3), id="print without ink"),
        pytest.param(Crop(0.0, 0.0, 1.0, 1.0), id="the whole page"),
        pytest.param(Crop(0.5, 0.5, 0.4, 0.6), id="inside out"),
        pytest.param(Crop(0.1, 0.1, 1.2, 0.6), id="outside"),
        pytest.param(replace(FRAME, rotation=45), id="askew page"),
        pytest.param(replace(FRAME, tilt=float("nan")), id="no number"),
        pytest.param(replace(FRAME, width_mm=500.0), id="half a metre"),
    ],
)
def test_refuses_frames_that_hold_no_seal(bench: SealOffice, crop: Crop) -> None:
    case_id = bench.case()
    with pytest.raises(Invalid):
        prepare(bench, case_id, bench.maker(), crop)


def test_the_list_is_by_urgency_and_a_skipped_case_comes_again_after_the_others(bench: SealOffice) -> None:
    maker = bench.maker()
    cases = [bench.case() for _ in range(3)]
    with bench.office.work() as session:
        for days, case_id in zip((5, 1, 3), cases, strict=True):
            session.get_one(Application, case_id).due_at = now() + timedelta(days=days)
    order = [cases[1], cases[2], cases[0]]
    with bench.office.work(maker) as session:
        listed = queries.list_cases(session, queries.to_prepare(maker))
        assert [each.application.id for each in listed] == order
        assert queries.count_to_prepare(session, maker) == 3
        walked = [queries.find_next(session, maker)]
        for _ in range(3):
            walked.append(queries.find_next(session, maker, session.get_one(Application, walked[-1])))
        assert walked == [*order, order[0]]
    prepare(bench, order[0], maker)
    with bench.office.work(maker) as session:
        assert [each.application.id for each in queries.list_cases(session, queries.to_prepare(maker))] == order[1:]
        (done,) = queries.list_cases(session, queries.prepared(maker))
        assert (done.application.id, done.prepared_by) == (order[0], maker.name)


def test_the_signed_seal_names_the_certificate_and_is_the_same_at_every_call(bench: SealOffice) -> None:
    case_id, maker = bench.case(), bench.maker()
    prepare(bench, case_id, maker)
    certificate = bench.certificate(case_id)
    digest = hashlib.sha256(certificate).hexdigest()
    with bench.office.work() as session:
        assert find_structure(session, bench.parts, case_id, digest) is None
        first = seal_for(session, bench.parts, case_id, certificate)
    with bench.office.work() as session:
        assert seal_for(session, bench.parts, case_id, certificate) == first
        assert find_structure(session, bench.parts, case_id, digest) == first
        assert find_structure(session, bench.parts, case_id, "0" * 64) is None
        seal = queries.find_live(session, case_id)
        assert seal is not None
        assert first is not None
        read = verify_seal(first, load_seal_maker(bench.settings).certificate, now())
        assert read.content.certificates == (certificate,)
        assert read.content.png == bench.parts.blobs.get(seal.image_sha256)
        assert (read.content.serial, read.content.name) == (seal.serial, seal.name)
        assert (read.content.width_mm, read.content.height_mm) == (40, 40)
        assert (seal.valid_from, seal.valid_until) == (read.content.valid_from, read.content.valid_until)
        assert seal.algorithm == "p-256"
        entries = session.scalars(select(AuditEntry).where(AuditEntry.action == "seal.signed")).all()
        assert len(entries) == 1


def test_calls_at_once_sign_once(bench: SealOffice) -> None:
    case_id = bench.case()
    prepare(bench, case_id, bench.maker())
    certificate, found = bench.certificate(case_id), list[bytes | None]()

    def work() -> None:
        with bench.office.work() as session:
            found.append(seal_for(session, bench.parts, case_id, certificate))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert len(set(found)) == 1


def test_another_certificate_gets_a_seal_of_its_own(bench: SealOffice) -> None:
    case_id = bench.case()
    prepare(bench, case_id, bench.maker())
    first, second = bench.certificate(case_id), bench.certificate(case_id)
    with bench.office.work() as session:
        seals = [seal_for(session, bench.parts, case_id, each) for each in (first, second)]
    assert None not in seals
    assert [read_seal(each or b"").content.certificates for each in seals] == [(first,), (second,)]


def test_refuses_to_sign_for_another_enterprise_without_a_seal_or_without_a_maker(
    bench: SealOffice, tmp_path: Path
) -> None:
    case_id, other = bench.case(), bench.case()
    with bench.office.work() as session, pytest.raises(Conflict, match="No seal has been prepared"):
        seal_for(session, bench.parts, case_id, b"")
    prepare(bench, case_id, bench.maker())
    with bench.office.work() as session, pytest.raises(Invalid, match="another enterprise"):
        seal_for(session, bench.parts, case_id, bench.certificate(other))
    with bench.office.work() as session, pytest.raises(Invalid, match="can't be read"):
        seal_for(session, bench.parts, case_id, b"nothing")
    half = bench.settings.model_copy(update={"seal_certificate": tmp_path / "none.crt"})
    with bench.office.work() as session, pytest.raises(Conflict, match="needs both"):
        seal_for(session, replace(bench.parts, settings=half), case_id, bench.certificate(case_id))


def test_a_renewal_keeps_the_seal_on_its_token(bench: SealOffice) -> None:
    renewal = bench.case(service=Service.RENEWAL)
    with bench.office.work() as session:
        assert seal_for(session, bench.parts, renewal, bench.certificate(renewal)) is None


def test_the_previous_seal_is_the_enterprises_newest_signed_one(bench: SealOffice) -> None:
    maker = bench.maker()
    earlier = bench.case()
    with bench.office.work() as session:
        application = session.get_one(Application, earlier)
        uscc, name = application.uscc, application.enterprise_name
    later = bench.case(uscc=uscc, enterprise_name=name)
    assert queries.previous_seal(bench.parts, uscc, later) is None
    prepare(bench, earlier, maker)
    assert queries.previous_seal(bench.parts, uscc, later) is None, "nothing has been signed with it yet"
    with bench.office.work() as session:
        seal_for(session, bench.parts, earlier, bench.certificate(earlier))
    found = queries.previous_seal(bench.parts, uscc, later)
    assert found is not None
    assert found.seal.application_id == earlier
    assert queries.previous_seal(bench.parts, uscc, earlier) is None


def test_a_case_at_the_bench_keeps_its_seal(bench: SealOffice) -> None:
    case_id, maker = bench.case(), bench.maker()
    seal_id = prepare(bench, case_id, maker)
    with bench.office.work(maker) as session:
        application = session.get_one(Application, case_id)
        token = take_in(session, maker, "T-0001", model="示例型号", box="1")
        session.add(
            Making(
                application_id=case_id,
                authority_id=application.authority_id,
                token_id=token.id,
                maker_id=maker.id,
                algorithm="p-256",
                key_id="0" * 16,
                challenge="0" * 64,
                started_at=now(),
            )
        )
    with pytest.raises(Conflict, match="stays as it is"):
        prepare(bench, case_id, maker, seen_seal_id=seal_id)
    with bench.office.work(maker) as session:
        assert queries.count_prepared(session, maker) == 0
