"""What an agent is told to do next: read from where its making stands, so that any order can be given again."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session, undefer

from workbench.kernel.blobs import BlobDamaged
from workbench.kernel.clock import now
from workbench.kernel.crypto import open_secret
from workbench.kernel.errors import Conflict, NotFound, WorkbenchError
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.kernel.parts import Parts
from workbench.keys.models import Certificate, Token
from workbench.organisation.models import Staff
from workbench.organisation.sign_in import actor_of
from workbench.production import issuing
from workbench.production.batches import NO_CASE, NO_TOKEN, end_batch, find_running
from workbench.production.ca.choosing import load_authority
from workbench.production.ca.connector import CaMisconfigured
from workbench.production.faults import WAITING, Standstill
from workbench.production.making import begin_next
from workbench.production.models import BenchStation, CertificateOrder, Making
from workbench.production.protocol import Answer, Order, Personalise, Turn, Write
from workbench.production.renewal_turns import answer_at_end, waits_for_key
from workbench.production.seals.service import seal_for
from workbench.production.standing import stop
from workbench.production.subjects import subject_for

IDLE: Final = 2.0
"""Seconds between turns while nobody works at the bench."""
ATTENTIVE: Final = 0.25
"""Seconds between turns while somebody does: how late a scanned token is noticed at most."""
SEAL_LABEL: Final = "electronic-seal"
"""Under which the seal stands on the token."""


Known = tuple[CertificateOrder, Certificate | None]
"""What the CA was asked for, and what came of it."""


@dataclass
class AtBench:
    """A station as one turn sees it: who works there, and what is in work, with its token and what the CA was asked."""

    station: BenchStation
    maker: Staff | None
    making: Making | None = None
    token: Token | None = None
    known: Known | None = None


@dataclass(frozen=True)
class Next:
    """What is answered, and the order that the CA has to be asked for before anything can be told."""

    answer: Answer
    to_ask: int | None = None


_STATION: Final = (
    select(BenchStation, Staff)
    .outerjoin(Staff, Staff.id == BenchStation.maker_id)
    .where(BenchStation.id == bindparam("station_id"), BenchStation.revoked_at.is_(None))
)
_STATION_LOCKED: Final = _STATION.with_for_update(of=BenchStation, key_share=True)
_IN_WORK: Final = (
    select(Making, Token, CertificateOrder, Certificate)
    .join(Token, Token.id == Making.token_id)
    .outerjoin(
        CertificateOrder,
        (CertificateOrder.application_id == Making.application_id) & CertificateOrder.state.in_(issuing.ALIVE),
    )
    .outerjoin(Certificate, Certificate.id == CertificateOrder.certificate_id)
    .where(Making.station_id == bindparam("station_id"), Making.state == "open")
    .options(undefer(Certificate.certificate))
    .with_for_update(of=Making)
)
"""Where somebody is just taking in the CA's answer, the order may be seen as it was before: the next look tells."""


def look_at(session: Session, station_id: int, *, lock: bool = True) -> AtBench:
    """A station with what is in work there, locked: whoever works there at the screen waits for this turn.

    Args:
        lock: whether the station is; not where what is in work is locked already, which comes after.

    Raises:
        NotFound: it has been closed.
    """
    found = session.execute(_STATION_LOCKED if lock else _STATION, {"station_id": station_id}).one_or_none()
    if found is None:
        raise NotFound(N_("There is no such bench."))
    work = session.execute(_IN_WORK, {"station_id": station_id}).one_or_none()
    if work is None:
        return AtBench(*found)
    making, token, order, record = work
    return AtBench(*found, making, token, _known(order, record))


def _known(order: CertificateOrder | None, record: Certificate | None) -> Known | None:
    return (order, record) if order is not None else None


def next_order(session: Session, parts: Parts, bench: AtBench, turn: Turn, address: str) -> Next:
    """The next order of a station, or how long its agent waits."""
    station, maker = bench.station, bench.maker
    if bench.making is None and maker is not None:
        begun = _next_of_batch(session, parts, station, actor_of(maker, address), turn)
        bench.making, bench.token = begun or (None, None)
    if station.kind == "holder" and (waits := _waits_at_holder(session, bench, turn)) is not None:
        return Next(waits)
    making, known, name = bench.making, bench.known, maker.name if maker is not None else None
    if making is None or bench.token is None:
        return Next(Answer(wait_seconds=IDLE if maker is None else ATTENTIVE, station=station.name, maker=name))
    order = None
    if making.fault is None or making.fault in WAITING:
        order = _order_or_stop(session, parts, making, bench.token, known, turn)
    if making.fault is not None and making.fault not in WAITING:
        _stop_batch(session, station, making.fault, maker, address)
    waiting = ATTENTIVE if making.fault is not None else _patience(known)
    answer = Answer(order=order, wait_seconds=0 if order else waiting, station=station.name, maker=name)
    # One that was asked in vain is the worker's: it may wait for a CA, whoever answers agents may not for long.
    unasked = known is not None and known[0].state in issuing.OPEN and known[0].ask_again_at is None
    return Next(answer, known[0].id if known is not None and unasked else None)


def _waits_at_holder(session: Session, bench: AtBench, turn: Turn) -> Answer | None:
    """What a holder's agent is told while no order of a making can be given to it."""
    if bench.making is None or bench.token is None:
        return answer_at_end(session, bench.station)
    return waits_for_key(bench.station, bench.making, bench.token, turn)


def _order_or_stop(
    session: Session,
    parts: Parts,
    making: Making,
    token: Token,
    known: Known | None,
    turn: Turn,
) -> Order | None:
    """The order of a making, None while the CA has not answered; what can't be ordered lets it stand still."""
    # Nothing is written before everything that may be refused has been: no part of an order stays behind.
    try:
        if known is None:
            if turn.software and not load_authority(parts).is_trial:
                stop(making, Standstill.SOFTWARE_TOKEN, "")
                return None
            return _personalise(session, parts, making, token)
        order, record = known
        return _write(session, parts, making, token, record) if order.state == "issued" and record else None
    except CaMisconfigured as trouble:
        stop(making, Standstill.CA_MISCONFIGURED, str(trouble))
    except (BlobDamaged, OSError) as trouble:
        stop(making, Standstill.STORE_FAILED, str(trouble))
    except WorkbenchError as refusal:
        stop(making, Standstill.NOT_ORDERED, str(refusal))
    return None


def _personalise(session: Session, parts: Parts, making: Making, token: Token) -> Order:
    subject = subject_for(session, parts, making.application_id)
    making.step = "key"
    return Personalise(
        making=making.id,
        serial=token.serial,
        label=subject.number,
        user_pin=_pin(parts, making),
        key_id=making.key_id,
        algorithm=issuing.algorithm_of(making),
        subject=subject.name,
        keep=making.maker_id is None,
    )


def _write(session: Session, parts: Parts, making: Making, token: Token, record: Certificate) -> Order:
    assert record.certificate is not None
    seal = seal_for(session, parts, making.application_id, record.certificate)
    making.step = "read_back"
    return Write(
        making=making.id,
        serial=token.serial,
        user_pin=_pin(parts, making),
        key_id=making.key_id,
        algorithm=issuing.algorithm_of(making),
        certificate=record.certificate,
        seal=seal,
        seal_label=SEAL_LABEL,
        challenge=making.challenge,
    )


def _pin(parts: Parts, making: Making) -> str | None:
    return open_secret(parts.secrets, making.pin_ciphertext) if making.pin_ciphertext is not None else None


def _patience(known: Known | None) -> float:
    """Seconds until an agent asks again what the CA said: soon at first, less and less often."""
    waited = (now() - known[0].ordered_at).total_seconds() if known is not None else 0.0
    return min(2.0, 0.02 + waited / 5)


def _next_of_batch(
    session: Session, parts: Parts, station: BenchStation, actor: Actor, turn: Turn
) -> tuple[Making, Token] | None:
    batch = find_running(session, station.id, lock=True)
    if batch is None:
        return None
    if batch.made >= batch.wanted:
        end_batch(session, batch, "done", None, actor)
        return None
    try:
        with session.begin_nested():
            begun = begin_next(
                session, parts, actor, station, batch.id, [each.serial for each in turn.plugged if each.blank]
            )
    except NotFound:
        end_batch(session, batch, "done", NO_CASE, actor)
        return None
    except Conflict:
        end_batch(session, batch, "stopped", Standstill.LIMIT.value, actor)
        return None
    if begun is None:
        end_batch(session, batch, "done", NO_TOKEN, actor)
    return begun


def _stop_batch(session: Session, station: BenchStation, fault: str, maker: Staff | None, address: str) -> None:
    """A batch never goes on past a fault, whether the token's or the CA's."""
    batch = find_running(session, station.id, lock=True)
    if batch is not None and maker is not None:
        end_batch(session, batch, "stopped", fault, actor_of(maker, address))
