"""One turn of a bench agent: what came of its last order is taken, and it is given the next. All rules are the
server's; an agent that lies gains nothing, because what it reports is held against what was ordered.
"""

import threading
from typing import Final

from sqlalchemy.orm import Session

from workbench.kernel.blobs import BlobDamaged
from workbench.kernel.clock import now
from workbench.kernel.errors import Conflict, WorkbenchError
from workbench.kernel.identity import Actor
from workbench.kernel.parts import Parts
from workbench.keys.models import Certificate, Token
from workbench.keys.subject import Subject
from workbench.organisation.models import Staff
from workbench.organisation.sign_in import actor_of
from workbench.production import issuing
from workbench.production.ca.connector import CaMisconfigured
from workbench.production.faults import Standstill
from workbench.production.giving import AtBench, Known, look_at, next_order
from workbench.production.journal import record_making
from workbench.production.making import finish
from workbench.production.models import BenchStation, Making
from workbench.production.pins import deliver_made
from workbench.production.protocol import Answer, Failed, Requested, Turn, Written
from workbench.production.read_back import Difference, Expected, Found, differences
from workbench.production.renewal_turns import take_removal
from workbench.production.renewing import finish_renewal, holder_at
from workbench.production.requests import BadRequest, check_request
from workbench.production.seals.service import find_structure
from workbench.production.standing import go_on, stop
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
        bench = look_at(session, station_id)
        _keep_plugged(bench.station, turn)
        _take_outcome(session, parts, bench, turn, address)
        told = next_order(session, parts, bench, turn, address)
    if told.to_ask is None or not _ASKERS.acquire(blocking=False):
        return told.answer
    try:
        with issuing.asking(parts, told.to_ask) as session:
            return next_order(session, parts, look_at(session, station_id, lock=False), turn, address).answer
    finally:
        _ASKERS.release()


def maker_at(session: Session, making: Making, address: str) -> Actor:
    """Who makes a key: the member of staff at the bench, as far as the roles go now; elsewhere, who holds the key."""
    if making.maker_id is None:
        return holder_at(session, making, address)
    staff = session.get_one(Staff, making.maker_id)
    actor = actor_of(staff, address)
    return actor if staff.active else Actor("staff", staff.id, staff.name, address=address)


def _keep_plugged(station: BenchStation, turn: Turn) -> None:
    plugged = [each.model_dump() for each in turn.plugged]
    if station.plugged != plugged or station.agent_version != turn.agent:
        station.plugged, station.agent_version = plugged, turn.agent


def _take_outcome(session: Session, parts: Parts, bench: AtBench, turn: Turn, address: str) -> None:
    """Take a report. One of what is not in work any more is stale: nothing is done about it."""
    outcome, making, token = turn.outcome, bench.making, bench.token
    if outcome is not None and making is None and bench.station.kind == "holder":
        take_removal(session, bench.station, outcome, address)
    if outcome is None or making is None or token is None or outcome.making != making.id:
        return
    actor = maker_at(session, making, address)
    if isinstance(outcome, Failed):
        halt(session, making, outcome.fault.value, outcome.detail, actor)
    elif isinstance(outcome, Requested):
        if bench.known is None:
            bench.known = _take_request(session, parts, making, token, outcome, actor)
    elif isinstance(outcome, Written):
        record = bench.known[1] if bench.known is not None else None
        if record is not None and _take_written(session, parts, making, token, record, outcome, actor):
            bench.making = bench.token = bench.known = None


def _take_request(
    session: Session, parts: Parts, making: Making, token: Token, report: Requested, actor: Actor
) -> Known | None:
    """Store what the CA is asked for; None when it can't be."""
    if report.serial != token.serial:
        halt(session, making, Standstill.WRONG_TOKEN, report.serial, actor)
        return None
    try:
        subject = subject_for(session, parts, making.application_id)
        check_request(report.request, subject.name, issuing.algorithm_of(making))
        order = issuing.store_order(session, parts, making, subject, report.request, actor)
    except BadRequest as problem:
        halt(session, making, Standstill.BAD_REQUEST, str(problem), actor)
    except CaMisconfigured as trouble:
        halt(session, making, Standstill.CA_MISCONFIGURED, str(trouble), actor)
    except Conflict as refusal:
        halt(session, making, Standstill.LIMIT, str(refusal), actor)
    except WorkbenchError as refusal:
        halt(session, making, Standstill.NOT_ORDERED, str(refusal), actor)
    else:
        making.step = "certificate"
        go_on(making)
        return order, None
    return None


def _take_written(
    session: Session,
    parts: Parts,
    making: Making,
    token: Token,
    record: Certificate,
    report: Written,
    actor: Actor,
) -> bool:
    """Hold what was read back against what was written; whether the key is made."""
    try:
        seal = find_structure(session, parts, making.application_id, record.sha256)
    except (BlobDamaged, OSError) as trouble:
        halt(session, making, Standstill.STORE_FAILED, str(trouble), actor)
        return False
    if seal is None and making.maker_id is None:
        seal = report.seal  # a renewal without a seal of its own leaves what was on the key
    expected = Expected(
        serial=token.serial,
        certificate=record.certificate or b"",
        subject=Subject(record.uscc, record.enterprise_name, record.holder_name),
        seal=seal,
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
        return False
    try:
        with session.begin_nested():
            _pass_on(session, parts, making, actor)
    except WorkbenchError as refusal:
        halt(session, making, Standstill.NOT_PASSED_ON, str(refusal), actor)
        return False
    return True


def _pass_on(session: Session, parts: Parts, making: Making, actor: Actor) -> None:
    if making.maker_id is None:
        finish_renewal(session, parts, making, actor)
        return
    finish(session, making, actor)
    deliver_made(session, parts, making, actor)


def halt(session: Session, making: Making, fault: str, detail: str, actor: Actor) -> None:
    """Let a making stand still with its reason."""
    stop(making, fault, detail)
    record_making(session, "making.stopped", actor, making, fault=str(fault), step=making.step)
