"""How far the demo's finished keys got: made on software tokens, packed, sent, received, told of, collected.

Each step goes through the product's own verbs under a set clock, a parcel in one transaction. What was told before is
read from where the cases stand, so a cut load goes on; without software tokens the demo does without finished keys.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from io import BytesIO
from random import Random
from typing import Final
from uuid import uuid4

from PIL import Image, ImageDraw
from sqlalchemy import select

from workbench.cases.deadlines import load_calendar
from workbench.cases.models import Application
from workbench.cases.words import State
from workbench.collection.collectors import Collector
from workbench.collection.handing import Comparison, Giving, attend
from workbench.collection.originals import Tick, originals_of
from workbench.collection.signatures import draw_anew
from workbench.collection.telling import notify
from workbench.collection.terms import current_terms
from workbench.collection.words import CollectorKind, Stamping
from workbench.config import Settings
from workbench.demo.accounts import CHAIN, logins_of
from workbench.demo.bench import Drawer, drawer_of, own_store
from workbench.demo.load import find_anchor
from workbench.demo.making import KeyMaker
from workbench.demo.planning import FULL, Cast, plan_stories
from workbench.demo.story import Ending, Story
from workbench.demo.telling import ADDRESS
from workbench.demo.worktime import WorkTime
from workbench.dispatch.consignments import hand_over, open_consignment, seal
from workbench.dispatch.packing import pack
from workbench.dispatch.receiving import arrive, close_parcel, open_parcel, scan_key
from workbench.kernel import audit
from workbench.kernel.audit import AuditEntry
from workbench.kernel.clock import clock_at
from workbench.kernel.identity import Actor, Role, system_actor
from workbench.kernel.parts import Parts, make_parts
from workbench.keys.models import Token
from workbench.organisation.models import Authority, Staff
from workbench.organisation.sign_in import actor_of
from workbench.production.tokens.driver import TokenFault

TOLD: Final = "demo.journeys_told"
_ACTOR: Final = system_actor("demo")
_CARRIER: Final = "ems"


class Reach(IntEnum):
    """How far a key got."""

    MADE = 0
    SENT = 1
    ARRIVED = 2
    RECEIVED = 3
    TOLD = 4
    COLLECTED = 5


_IN_TURN: Final = (
    Reach.COLLECTED,
    Reach.TOLD,
    Reach.SENT,
    Reach.MADE,
    Reach.TOLD,
    Reach.RECEIVED,
    Reach.COLLECTED,
    Reach.MADE,
    Reach.SENT,
)
_AT: Final[Mapping[Reach, float]] = {
    Reach.MADE: 0.15,
    Reach.SENT: 0.3,
    Reach.ARRIVED: 0.5,
    Reach.RECEIVED: 0.52,
    Reach.TOLD: 0.6,
    Reach.COLLECTED: 0.85,
}
"""When a key got there, as a part of the time from its re-check to the anchor."""


@dataclass(frozen=True)
class Journey:
    """One key's way: its case, how far it goes, and the instants it is there."""

    story: Story
    application_id: int
    reach: Reach
    times: Mapping[Reach, datetime]


def tell_journeys(settings: Settings, progress: Callable[[str], None], *, cast: Cast = FULL) -> None:
    """Tell every journey of the demo, or what is missing of it; does nothing where the demo's cases were not loaded.

    Args:
        cast: the one the cases were loaded with.
    """
    parts = make_parts(settings)
    try:
        anchor = find_anchor(parts)
        if anchor is None or _is_told(parts):
            return
        drawer = drawer_of(settings, "made-tokens")
        journeys = _plan(parts, anchor, cast)
        try:
            with own_store():
                _make_all(parts, drawer, journeys, anchor, progress)
        except TokenFault as fault:
            progress(f"No finished keys in the demo, everything else works. {fault.detail}")
            return
        _send_all(parts, journeys)
        with parts.work() as session:
            audit.record(session, TOLD, _ACTOR, subject=CHAIN, after={"keys": len(journeys)})
        progress(f"Demo keys: {len(journeys)} made and on their way.")
    finally:
        parts.engine.dispose()


def _is_told(parts: Parts) -> bool:
    with parts.work() as session:
        told = select(AuditEntry.seq).where(AuditEntry.chain == CHAIN, AuditEntry.action == TOLD)
        return session.scalar(told) is not None


def _plan(parts: Parts, anchor: datetime, cast: Cast) -> list[Journey]:
    with parts.work() as session:
        worktime = WorkTime(load_calendar(session), anchor)
        ids = {
            (each.uscc, each.service): each.id
            for each in session.scalars(select(Application).where(Application.state != State.WITHDRAWN.value))
        }
    stories = [each for each in plan_stories(cast, worktime) if each.ending is Ending.KEY and each.key in ids]
    turns: dict[str, int] = {}
    journeys = []
    for story in stories:
        turn = turns[story.authority] = turns.get(story.authority, -1) + 1
        began = story.rounds[-1].decisions[-1].at
        # A minute apart: no two keys of one authority get anywhere at the same instant.
        times = {
            reach: worktime.latest(began + (anchor - began) * part) + timedelta(minutes=turn % 50)
            for reach, part in _AT.items()
        }
        journeys.append(Journey(story, ids[story.key], _IN_TURN[turn % len(_IN_TURN)], times))
    return journeys


def _make_all(
    parts: Parts, drawer: Drawer, journeys: Sequence[Journey], anchor: datetime, progress: Callable[[str], None]
) -> None:
    """Cut the seals of the cases that wait for production, most of them, and make the keys of those with a journey."""
    maker = KeyMaker(parts, drawer, _person(parts, Role.KEY_MAKER))
    with parts.work() as session:
        waiting = session.execute(
            select(Application.id, Application.state_since)
            .where(Application.state == State.PRODUCTION.value)
            .order_by(Application.id)
        ).all()
    travelling = {each.application_id for each in journeys}
    for place, (application_id, since) in enumerate(waiting):
        if application_id in travelling or place % 3:
            maker.prepare(application_id, min(since + timedelta(hours=1), anchor))
    unmade = {application_id for application_id, _ in waiting} & travelling
    to_make = sorted(
        (each for each in journeys if each.application_id in unmade), key=lambda each: each.times[Reach.MADE]
    )
    maker.stock(len(to_make), anchor - timedelta(days=60))
    for number, journey in enumerate(to_make, start=1):
        maker.make(journey.application_id, journey.times[Reach.MADE])
        if number % 10 == 0:
            progress(f"Demo keys: {number} of {len(to_make)} made …")
    maker.leave()


def _send_all(parts: Parts, journeys: Sequence[Journey]) -> None:
    dispatcher = _person(parts, Role.DISPATCHER)
    number = 0
    for code in dict.fromkeys(each.story.authority for each in journeys):
        own = [each for each in journeys if each.story.authority == code]
        counter = _person(parts, Role.COUNTER_STAFF, code)
        for parcel, inward in (
            ([each for each in own if each.reach >= Reach.RECEIVED], True),
            ([each for each in own if each.reach in (Reach.SENT, Reach.ARRIVED)], False),
        ):
            number += 1
            waiting = [each for each in parcel if _state(parts, each) == State.MADE]
            if waiting:
                consignment_id = _send(parts, dispatcher, waiting, f"EM{number:09d}CN")
                if inward:
                    _receive(parts, counter, consignment_id, waiting)
                elif code == "310000":
                    with clock_at(max(each.times[Reach.ARRIVED] for each in waiting)), parts.work(counter.scope) as at:
                        arrive(at, counter, consignment_id)
        for journey in own:
            _at_the_counter(parts, counter, journey)


def _send(parts: Parts, dispatcher: Actor, parcel: Sequence[Journey], waybill: str) -> int:
    serials = dict(_serials(parts, parcel))
    with clock_at(max(each.times[Reach.SENT] for each in parcel)), parts.work(dispatcher.scope) as session:
        authority_id = session.scalars(select(Authority.id).where(Authority.code == parcel[0].story.authority)).one()
        consignment = open_consignment(session, dispatcher, authority_id)
        for each in parcel:
            pack(session, dispatcher, consignment.id, serials[each.application_id])
        seal(session, dispatcher, consignment.id)
        return hand_over(session, dispatcher, consignment.id, _CARRIER, waybill).id


def _receive(parts: Parts, counter: Actor, consignment_id: int, parcel: Sequence[Journey]) -> None:
    serials = dict(_serials(parts, parcel))
    came = max(each.times[Reach.ARRIVED] for each in parcel)
    with clock_at(came), parts.work(counter.scope) as session:
        arrive(session, counter, consignment_id)
    with clock_at(max(came, *(each.times[Reach.RECEIVED] for each in parcel))), parts.work(counter.scope) as session:
        open_parcel(session, counter, consignment_id)
        for each in parcel:
            scan_key(session, counter, consignment_id, serials[each.application_id])
        close_parcel(session, counter, consignment_id, complete=True)


def _at_the_counter(parts: Parts, counter: Actor, journey: Journey) -> None:
    if journey.reach >= Reach.TOLD and _state(parts, journey) == State.AT_AUTHORITY:
        with clock_at(_after_receipt(parts, journey, Reach.TOLD)), parts.work(counter.scope) as session:
            notify(session, counter, journey.application_id)
    if journey.reach is Reach.COLLECTED and _state(parts, journey) == State.AWAITING_COLLECTION:
        with clock_at(_after_receipt(parts, journey, Reach.COLLECTED)), parts.work(counter.scope) as session:
            application = session.get_one(Application, journey.application_id)
            ticks = tuple(Tick(each.document.code, matches=True) for each in originals_of(session, application))
            at = _after_receipt(parts, journey, Reach.COLLECTED)
            comparison = Comparison(uuid4(), at, ticks, Stamping.PASSED, "原件与上传材料一致")
            serial = session.scalars(select(Token.serial).where(Token.application_id == application.id)).one()
            signature = parts.blobs.put(draw_anew(_signature(journey.application_id)))
            terms = current_terms(session).version
            giving = Giving(serial, Collector(CollectorKind.HOLDER), terms, signature_sha256=signature)
            attend(session, parts.secrets, counter, application.id, comparison, giving)


def _after_receipt(parts: Parts, journey: Journey, reach: Reach) -> datetime:
    """When a key got there; later than its parcel, which waited for the last of its keys."""
    with parts.work() as session:
        since = session.get_one(Application, journey.application_id).state_since
    return max(journey.times[reach], since + timedelta(minutes=20))


def _serials(parts: Parts, parcel: Sequence[Journey]) -> Iterator[tuple[int, str]]:
    ids = [each.application_id for each in parcel]
    with parts.work() as session:
        rows = session.execute(select(Token.application_id, Token.serial).where(Token.application_id.in_(ids))).all()
    yield from ((application_id, serial) for application_id, serial in rows if application_id is not None)


def _state(parts: Parts, journey: Journey) -> str:
    with parts.work() as session:
        return session.get_one(Application, journey.application_id).state


def _person(parts: Parts, role: Role, authority: str | None = None) -> Actor:
    login = logins_of(role, authority)[0]
    with parts.work() as session:
        return actor_of(session.scalars(select(Staff).where(Staff.login == login)).one(), ADDRESS)


def _signature(seed: int) -> bytes:
    """A scribble, as a pen leaves it."""
    draw_from = Random(seed)
    picture = Image.new("RGBA", (600, 200), (0, 0, 0, 0))
    points = [(40 + 26 * step, draw_from.randint(50, 150)) for step in range(20)]
    ImageDraw.Draw(picture).line(points, fill=(20, 20, 60, 255), width=5, joint="curve")
    stream = BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()
