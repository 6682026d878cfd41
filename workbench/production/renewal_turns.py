"""What a holder's agent is told that a bench's is not: to wait for its key, to take a replaced pair off it, that all is
done. It gets no key but the one of its renewal.
"""

from datetime import timedelta
from typing import Final

from sqlalchemy.orm import Session

from workbench.kernel.clock import now
from workbench.keys.models import Token
from workbench.production.journal import record_making
from workbench.production.models import BenchStation, Making
from workbench.production.protocol import Answer, Failed, Outcome, Remove, Removed, Turn
from workbench.production.renewing import find_done, holder_at, note_removed, old_key_id
from workbench.production.standing import go_on, stop
from workbench.production.tokens.driver import Fault

PATIENCE: Final = 1.0
"""Seconds between turns while the holder looks for the key: how late a key that was plugged in is noticed at most."""
_UNPLUGGED: Final = (Fault.TOKEN_MISSING.value, Fault.TOKEN_PULLED.value)
_SETTLES: Final = timedelta(seconds=3)
"""A key that was pulled out and is plugged in again is given its order anew after so long, never in a tight circle."""


def waits_for_key(station: BenchStation, making: Making, token: Token, turn: Turn) -> Answer | None:
    """How long a holder's agent waits for the key to be plugged in; None when it is. Nobody is blamed for a key that is
    not there yet, and one that was pulled out goes on once it is back.
    """
    if all(each.serial != token.serial for each in turn.plugged):
        return Answer(wait_seconds=PATIENCE, station=station.name)
    if making.fault in _UNPLUGGED and making.faulted_at is not None and now() - making.faulted_at >= _SETTLES:
        go_on(making)
    return None


def answer_at_end(session: Session, station: BenchStation) -> Answer:
    """What is left when nothing is in work: the replaced pair is taken off the key, then the agent may end."""
    making = find_done(session, station)
    key_id = old_key_id(session, making) if making is not None else None
    remove = None
    if making is not None and key_id is not None:
        serial = session.get_one(Token, making.token_id).serial
        remove = Remove(making=making.id, serial=serial, user_pin=None, key_id=key_id)
    return Answer(
        order=remove,
        wait_seconds=0 if remove is not None else PATIENCE,
        station=station.name,
        done=making is not None and remove is None,
    )


def take_removal(session: Session, station: BenchStation, outcome: Outcome, address: str) -> None:
    """Take the report of the replaced pair. One that can't be taken off stays there, which harms nothing."""
    making = find_done(session, station, lock=True)
    if making is None or outcome.making != making.id or making.old_key_removed_at is not None:
        return
    actor = holder_at(session, making, address)
    if isinstance(outcome, Removed):
        note_removed(session, making, actor)
    elif isinstance(outcome, Failed):
        stop(making, outcome.fault.value, outcome.detail)
        record_making(session, "making.old_key_kept", actor, making, fault=outcome.fault.value)
