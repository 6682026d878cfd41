"""One turn of a bench agent: what came of its last order is taken, and it is given the next. All rules are the
server's; an agent that lies gains nothing, because what it reports is held against what was ordered.
"""

import hashlib
import threading
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from workbench.cases.models import Application
from workbench.kernel import audit
from workbench.kernel.clock import now
from workbench.kernel.errors import NotFound, WorkbenchError
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.kernel.parts import Parts
from workbench.keys.models import Certificate, Token
from workbench.keys.subject import Subject
from workbench.organisation.models import Staff
from workbench.organisation.sign_in import actor_of
from workbench.production import issuing
from workbench.production.batches import end_batch, find_running
from workbench.production.faults import Standstill
from workbench.production.giving import next_order
from workbench.production.making import finish
from workbench.production.models import BenchStation, Making
from workbench.production.pins import deliver_made
from workbench.production.protocol import Answer, Failed, Requested, Turn, Written
from workbench.production.read_back import Difference, Expected, Found, differences
from workbench.production.requests import BadRequest, check_request
from workbench.production.seals.service import find_structure
from workbench.production.subjects import subject_for

_ASKERS: Final = threading.BoundedSemaphore(2)
"""Web threads that may wait for a CA at a time; beyond that the worker asks: a slow CA must hold up no other desk."""


def take_turn(parts: Parts, station_id: int, turn: Turn, address: str) -> Answer:
    """Take what an agent reports and say what it does next. Each step commits by itself; repeating a turn is harmless.

    Args:
        station_id: whose credential was shown.
        address: where the turn came from, for the records.

    Raises:
        NotFound: the station has been closed.
    """
    with parts.work() as session:
        _keep_plugged(session, station_id, turn)
        to_ask = _take_outcome(session, parts, station_id, turn, address)
        if to_ask is None:
            return next_order(session, parts, station_id, turn, address)
    _ask_now(parts, to_ask)
    with parts.work() as session:
        return next_order(session, parts, station_id, turn, address)


def maker_at(session: Session, making: Making, address: str) -> Actor:
    """Who makes a key: the member of staff at the bench, as far as the roles go now."""
    staff = session.get_one(Staff, making.maker_id)
    actor = actor_of(staff, address)
    return actor if staff.active else Actor("staff", staff.id, staff.name, address=address)


def _keep_plugged(session: Session, station_id: int, turn: Turn) -> None:
    station = session.get(BenchStation, station_id)
    if station is None or station.revoked_at is not None:
        raise NotFound(N_("There is no such bench."))
    plugged = [each.model_dump() for each in turn.plugged]
    if station.plugged != plugged or station.agent_version != turn.agent:
        station.plugged, station.agent_version = plugged, turn.agent


def _take_outcome(session: Session, parts: Parts, station_id: int, turn: Turn, address: str) -> int | None:
    """Take a report; returns the order that the CA has to be asked for now. Reports of what has gone on are stale."""
    outcome = turn.outcome
    if outcome is None or outcome.kind == "removed":
        return None
    making = session.scalars(
        select(Making)
        .where(Making.id == outcome.making, Making.station_id == station_id, Making.state == "open")
        .with_for_update()
    ).one_or_none()
    if making is None:
        return None
    actor = maker_at(session, making, address)
    if isinstance(outcome, Failed):
        halt(session, making, outcome.fault.value, outcome.detail, actor)
        return None
    if isinstance(outcome, Requested):
        return _take_request(session, parts, making, outcome, actor)
    _take_written(session, parts, making, outcome, actor)
    return None


def _take_request(session: Session, parts: Parts, making: Making, report: Requested, actor: Actor) -> int | None:
    known = issuing.find_order(session, making.application_id)
    if known is not None:
        return known.id if known.state in issuing.OPEN else None
    token = session.get_one(Token, making.token_id)
    application = session.get_one(Application, making.application_id)
    if report.serial != token.serial:
        halt(session, making, Standstill.WRONG_TOKEN, report.serial, actor)
        return None
    try:
        check_request(report.request, subject_for(session, parts, application), issuing.algorithm_of(making))
        digest = hashlib.sha256(report.request).hexdigest()
        order = issuing.store_order(session, parts, making, application, report.request, digest, actor)
    except BadRequest as problem:
        halt(session, making, Standstill.BAD_REQUEST, str(problem), actor)
        return None
    except WorkbenchError as refusal:
        halt(session, making, Standstill.LIMIT, str(refusal), actor)
        return None
    making.step = "certificate"
    issuing.go_on(making)
    return order.id


def _take_written(session: Session, parts: Parts, making: Making, report: Written, actor: Actor) -> None:
    order = issuing.find_order(session, making.application_id)
    if order is None or order.certificate_id is None:
        return
    record = session.get_one(Certificate, order.certificate_id)
    expected = Expected(
        serial=session.get_one(Token, making.token_id).serial,
        certificate=record.certificate or b"",
        subject=Subject(record.uscc, record.enterprise_name, record.holder_name),
        seal=find_structure(session, parts, making.application_id, record.sha256),
        algorithm=issuing.algorithm_of(making),
        challenge=bytes.fromhex(making.challenge),
    )
    found = Found(
        report.serial, report.certificate, report.public_key, report.signature, report.seal, report.key_is_bound
    )
    differing = differences(expected, found, now())
    if record.state != "valid":
        differing.append(Difference.ENDED)
    if differing:
        halt(session, making, Standstill.MISMATCH, ", ".join(differing), actor)
        return
    try:
        with session.begin_nested():
            finish(session, making, actor)
            deliver_made(session, parts, making, actor)
    except WorkbenchError as refusal:
        halt(session, making, Standstill.NOT_PASSED_ON, str(refusal), actor)


def halt(session: Session, making: Making, fault: str, detail: str, actor: Actor) -> None:
    """Let a making stand still with its reason, and end the batch it belongs to."""
    issuing.stop(making, fault, detail)
    audit.record(
        session,
        "making.stopped",
        actor,
        subject=f"making:{making.id}",
        case_id=making.application_id,
        authority_id=making.authority_id,
        after={"fault": str(fault), "step": making.step},
    )
    batch = find_running(session, making.station_id) if making.station_id is not None else None
    if batch is not None:
        end_batch(session, batch, "stopped", str(fault), actor)
    session.flush()


def _ask_now(parts: Parts, order_id: int) -> None:
    if _ASKERS.acquire(blocking=False):
        try:
            issuing.ask(parts, order_id)
        finally:
            _ASKERS.release()
