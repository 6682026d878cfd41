"""What an agent is told to do next: read from where its making stands, so that any order can be given again."""

from typing import Final

from sqlalchemy.orm import Session

from workbench.cases.models import Application
from workbench.kernel.clock import now
from workbench.kernel.crypto import open_secret
from workbench.kernel.errors import Conflict, NotFound, WorkbenchError
from workbench.kernel.identity import Actor
from workbench.kernel.parts import Parts
from workbench.keys.models import Certificate, Token
from workbench.keys.token_states import TokenState
from workbench.organisation.models import Staff
from workbench.organisation.sign_in import actor_of
from workbench.production import issuing
from workbench.production.batches import NO_CASE, NO_TOKEN, end_batch, find_running
from workbench.production.ca.choosing import load_authority
from workbench.production.ca.connector import CaMisconfigured
from workbench.production.faults import WAITING, Standstill
from workbench.production.making import find_open, scan
from workbench.production.models import Batch, BenchStation, CertificateOrder, Making
from workbench.production.protocol import Answer, Order, Personalise, Turn, Write
from workbench.production.seals.service import seal_for
from workbench.production.subjects import subject_for

IDLE: Final = 2.0
"""Seconds between turns while nobody works at the bench."""
ATTENTIVE: Final = 0.25
"""Seconds between turns while somebody does: how late a scanned token is noticed at most."""
SEAL_LABEL: Final = "electronic-seal"
"""Under which the seal stands on the token."""


def next_order(session: Session, parts: Parts, station_id: int, turn: Turn, address: str) -> Answer:
    """The next order of a station, or how long its agent waits."""
    station = session.get_one(BenchStation, station_id)
    maker = session.get(Staff, station.maker_id) if station.maker_id is not None else None
    name = maker.name if maker is not None else None
    making = find_open(session, station_id)
    if making is None and maker is not None:
        making = _next_of_batch(session, parts, station, actor_of(maker, address), turn)
    if making is None:
        return Answer(wait_seconds=IDLE if maker is None else ATTENTIVE, station=station.name, maker=name)
    order = None
    if making.fault is None or making.fault in WAITING:
        order = _order_or_stop(session, parts, making, turn)
    patience = ATTENTIVE if making.fault is not None else _patience(session, making)
    return Answer(order=order, wait_seconds=0 if order else patience, station=station.name, maker=name)


def _order_or_stop(session: Session, parts: Parts, making: Making, turn: Turn) -> Order | None:
    """The order of a making; what can't be ordered at all lets it stand still with the reason."""
    try:
        if turn.software and not load_authority(parts).is_trial:
            issuing.stop(making, Standstill.SOFTWARE_TOKEN, "")
            return None
        with session.begin_nested():
            return _order_of(session, parts, making)
    except CaMisconfigured as trouble:
        issuing.stop(making, Standstill.CA_MISCONFIGURED, str(trouble))
    except WorkbenchError as refusal:
        issuing.stop(making, Standstill.NOT_ORDERED, str(refusal))
    return None


def _order_of(session: Session, parts: Parts, making: Making) -> Order | None:
    """The order of a making; None while the CA has not answered."""
    known = issuing.find_order(session, making.application_id)
    token = session.get_one(Token, making.token_id)
    if known is None:
        return _personalise(session, parts, making, token)
    return _write(session, parts, making, token, known) if known.state == "issued" else None


def _personalise(session: Session, parts: Parts, making: Making, token: Token) -> Order:
    application = session.get_one(Application, making.application_id)
    making.step = "key"
    return Personalise(
        making=making.id,
        serial=token.serial,
        label=application.number,
        user_pin=_pin(parts, making),
        key_id=making.key_id,
        algorithm=issuing.algorithm_of(making),
        subject=subject_for(session, parts, application),
    )


def _write(session: Session, parts: Parts, making: Making, token: Token, known: CertificateOrder) -> Order:
    record = session.get_one(Certificate, known.certificate_id)
    assert record.certificate is not None
    making.step = "read_back"
    return Write(
        making=making.id,
        serial=token.serial,
        user_pin=_pin(parts, making),
        key_id=making.key_id,
        algorithm=issuing.algorithm_of(making),
        certificate=record.certificate,
        seal=seal_for(session, parts, making.application_id, record.certificate),
        seal_label=SEAL_LABEL,
        challenge=making.challenge,
    )


def _pin(parts: Parts, making: Making) -> str | None:
    return open_secret(parts.secrets, making.pin_ciphertext) if making.pin_ciphertext is not None else None


def _patience(session: Session, making: Making) -> float:
    """Seconds until an agent asks again what the CA said: soon at first, less and less often."""
    known = issuing.find_order(session, making.application_id)
    waited = (now() - known.ordered_at).total_seconds() if known is not None else 0.0
    return min(2.0, 0.02 + waited / 5)


def _next_of_batch(session: Session, parts: Parts, station: BenchStation, actor: Actor, turn: Turn) -> Making | None:
    batch = find_running(session, station.id)
    if batch is None:
        return None
    if batch.made >= batch.wanted:
        end_batch(session, batch, "done", None, actor)
        return None
    for plugged in turn.plugged:
        if plugged.blank and _is_in_stock(session, plugged.serial):
            return _begin_next(session, parts, station, actor, batch, plugged.serial)
    end_batch(session, batch, "done", NO_TOKEN, actor)
    return None


def _begin_next(
    session: Session, parts: Parts, station: BenchStation, actor: Actor, batch: Batch, serial: str
) -> Making | None:
    try:
        with session.begin_nested():
            making = scan(session, parts, actor, station.id, serial)
            making.batch_id = batch.id
            session.flush()
            return making
    except NotFound:
        end_batch(session, batch, "done", NO_CASE, actor)
    except Conflict:
        end_batch(session, batch, "stopped", Standstill.LIMIT.value, actor)
    return None


def _is_in_stock(session: Session, serial: str) -> bool:
    token = session.query(Token).filter(Token.serial == serial).one_or_none()
    return token is not None and token.state == TokenState.BLANK
