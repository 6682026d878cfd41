"""The database held against the simulation's truth: at random instants while people work, and as a whole afterwards."""

from collections import Counter
from random import Random
from threading import Thread
from time import sleep
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.support.simulation import Simulation

BROKEN_CHAINS: Final = """
SELECT token.serial FROM (
    SELECT *, lag(seq, 1, 0::bigint) OVER chain AS seq_before, lag(to_custodian, 1, 'supplier') OVER chain AS held,
        lag(to_ref) OVER chain AS held_ref, lag(state_after, 1, 'unknown') OVER chain AS state,
        lag(at, 1, at) OVER chain AS was
    FROM custody_entry WINDOW chain AS (PARTITION BY token_id ORDER BY seq)
) AS entry JOIN token ON token.id = entry.token_id
WHERE seq <> seq_before + 1 OR from_custodian <> held OR from_ref IS DISTINCT FROM held_ref
    OR state_before <> entry.state OR entry.at < was
    OR (seq = token.custody_seq AND (to_custodian, state_after) <> (token.custodian, token.state))
    OR (seq = token.custody_seq AND entry.at <> token.moved_at)
    OR (seq = token.custody_seq AND to_ref IS DISTINCT FROM token.custodian_ref)
"""
"""Keys whose entries leave a gap, overlap, run backwards, or do not end where the key's row says it is."""
IN_NO_HAND: Final = """
SELECT serial FROM token LEFT JOIN custody_entry ON token_id = token.id
GROUP BY token.id HAVING count(seq) <> custody_seq OR coalesce(max(seq), 0) <> custody_seq
"""
CONTRADICTIONS: Final = """
SELECT serial, custodian, application.state FROM token JOIN application ON application.id = token.application_id
WHERE NOT CASE
    WHEN custodian IN ('vendor_stock', 'packer') THEN application.state = 'made'
    WHEN custodian = 'authority' AND custodian_ref = token.authority_id THEN application.state = 'at_authority'
        OR EXISTS (SELECT FROM discrepancy WHERE token_id = token.id AND kind = 'damaged' AND settled_at IS NULL)
    WHEN custodian IN ('courier', 'authority') THEN application.state IN ('made', 'in_transit')
    ELSE application.state = 'production'
END
"""
"""Cases that say something else than where their keys are."""
TWO_PLACES: Final = """
SELECT serial FROM token JOIN consignment_item ON token_id = token.id AND settled_at IS NULL
JOIN consignment ON consignment.id = consignment_id
WHERE custodian NOT IN ('packer', 'courier') OR (custodian = 'courier' AND custodian_ref <> consignment_id)
UNION ALL
SELECT serial FROM token WHERE custodian IN ('packer', 'courier')
    AND NOT EXISTS (SELECT FROM consignment_item WHERE token_id = token.id AND settled_at IS NULL)
"""
"""Keys that lie in a parcel by one record and in other hands by another."""
ALWAYS: Final = {
    "custody with a gap or an overlap": BROKEN_CHAINS,
    "keys in no hand": IN_NO_HAND,
    "cases that contradict their keys": CONTRADICTIONS,
    "keys in two places": TWO_PLACES,
}
AT_THE_END: Final = {
    **ALWAYS,
    "differences that nobody settled": "SELECT serial, kind FROM discrepancy WHERE settled_at IS NULL",
    "parcels without an end": "SELECT number FROM consignment WHERE state NOT IN ('closed', 'lost', 'cancelled')",
    "certificates that outlived their keys": "SELECT serial FROM certificate WHERE state = 'valid' AND token_id IN "
    "(SELECT id FROM token WHERE state IN ('lost', 'spoiled'))",
    "certificates that ended too soon": "SELECT serial FROM certificate WHERE state <> 'valid' AND token_id IN "
    "(SELECT id FROM token WHERE state = 'personalised')",
}


def watched(simulation: Simulation, parcels: int, pause: float = 1.0) -> int:
    """Play while somebody looks in at random instants, `pause` seconds apart at most; returns how often they looked."""
    looks = 0
    player = Thread(target=simulation.play, args=(parcels,))
    player.start()
    draw = Random(simulation.seed)
    while player.is_alive():
        sleep(draw.uniform(0.05, pause))
        with simulation.office.work() as session:
            simulation.problems += _broken(session, {"keys in two places": TWO_PLACES, **_brief()})
        looks += 1
    player.join()
    return looks


def check(simulation: Simulation) -> list[str]:
    """Everything that is not as it has to be, in words; empty when all is well."""
    with simulation.office.work() as session:
        found = [*simulation.problems, *_broken(session, AT_THE_END)]
        rows = session.execute(text("SELECT serial, state, custodian, custodian_ref FROM token"))
        placed = {serial: (state, custodian, ref) for serial, state, custodian, ref in rows}
        named = Counter(
            (parcel, serial, kind)
            for parcel, serial, kind in session.execute(text("SELECT consignment_id, serial, kind FROM discrepancy"))
        )
    truth = simulation.truth
    places = {serial: key.place for serial, key in truth.keys.items()}
    wrong = [
        f"{serial}: is {places.get(serial)}, recorded {placed.get(serial)}"
        for serial in places.keys() | placed.keys()
        if places.get(serial) != placed.get(serial)
    ]
    differ = Counter(dict.fromkeys(truth.must_find, 1))
    found += wrong[:20]
    found += [f"not named: {each}" for each in differ - named] + [
        f"named for nothing: {each}" for each in named - differ
    ]
    return found


def _brief() -> dict[str, str]:
    """What holds at every instant and is quickly asked: one statement sees one instant."""
    return {name: ALWAYS[name] for name in ("keys in no hand", "cases that contradict their keys")}


def _broken(session: Session, questions: dict[str, str]) -> list[str]:
    found = []
    for name, statement in questions.items():
        rows = session.execute(text(statement)).all()
        found += [f"{name}: {len(rows)}, such as {tuple(rows[0])}"] if rows else []
    return found
