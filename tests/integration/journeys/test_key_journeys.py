"""Whole journeys of keys, without a mock: each service at three authorities at once, and each thing that can go wrong
on the way, to its good end. After each, the custody of every token is one chain.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.support.bench import open_workshop
from tests.support.casework import OTHER_IDENTITY
from tests.support.database import Database
from tests.support.simulation_check import BROKEN_CHAINS, IN_NO_HAND
from tests.support.tokens_in_memory import in_memory_bench
from tests.support.walk import EKey, Walk
from workbench.cases.words import Service
from workbench.collection.telling import notify
from workbench.collection.words import Disposal
from workbench.dispatch import receiving, returning, settling
from workbench.kernel.errors import Conflict
from workbench.keys.destroying import propose_destruction, sign_destruction

FROM_STOCK = ["vendor_stock", "maker", "vendor_stock"]
TO_THE_COUNTER = [*FROM_STOCK, "packer", "courier", "authority"]
COLLECTED = [*TO_THE_COUNTER, "enterprise"]


@pytest.fixture
def walk(fresh_database: Database, tmp_path: Path) -> Iterator[Walk]:
    """Three authorities and their vendor; afterwards every chain of custody is looked at."""
    with open_workshop(fresh_database, tmp_path) as workshop:
        walk = Walk(workshop, in_memory_bench())
        yield walk
        with walk.office.work() as session:
            for question in (BROKEN_CHAINS, IN_NO_HAND):
                assert session.execute(text(question)).all() == []


def test_each_service_at_three_authorities_at_once(walk: Walk) -> None:
    firsts = [walk.approved(place) for place in range(3)]
    for key in firsts:
        walk.make(key)
    for key in firsts:
        walk.bring(key)
    for key in firsts:
        walk.collect(key)
        assert (walk.state(key), walk.hands(key.serial)) == ("collected", COLLECTED)

    seconds = [walk.approved(key.place, Service.ADDITIONAL, **walk.enterprise(key)) for key in firsts]
    thirds = [
        walk.approved(key.place, Service.REPLACEMENT, prior_key=key.serial, reason="示例损坏", **walk.enterprise(key))
        for key in firsts
    ]
    for key in (*seconds, *thirds):
        walk.make(key)
    for second, third in zip(seconds, thirds, strict=True):
        walk.bring(second, third)
    for second, third, old in zip(seconds, thirds, firsts, strict=True):
        walk.collect(second)
        walk.collect(third, surrendered=old.serial)
        assert [walk.state(second), walk.state(third)] == ["collected", "collected"]
        assert [walk.certificates(each.serial) for each in (old, second, third)] == [["revoked"], ["valid"], ["valid"]]
        assert walk.hands(old.serial) == [*COLLECTED, "authority"]
        _destroyed_by_two(walk, old)
        assert walk.hands(old.serial)[-1] == "destroyed"


def test_refused_stamping_keeps_the_key_until_the_originals_agree(walk: Walk) -> None:
    key = walk.make(walk.approved(1))
    walk.bring(key)
    refused = walk.refuse(key, "business_licence")
    assert (refused.attempt.outcome, refused.hand_over) == ("refused", None)
    assert (walk.state(key), walk.hands(key.serial)) == ("awaiting_collection", TO_THE_COUNTER)
    assert walk.collect(key).hand_over is not None
    assert (walk.state(key), walk.hands(key.serial)) == ("collected", COLLECTED)


def test_a_delegate_collects_and_is_kept_sealed(walk: Walk) -> None:
    key = walk.make(walk.approved())
    walk.bring(key)
    given = walk.collect(key, delegate=OTHER_IDENTITY).hand_over
    assert given is not None
    assert (given.collector, given.collector_name) == ("delegate", "示例乙")
    assert given.identity_masked not in (None, OTHER_IDENTITY)
    assert OTHER_IDENTITY.encode() not in (given.identity_ciphertext or b"")


def test_a_lost_parcel_is_made_anew_and_collected(walk: Walk) -> None:
    key = walk.make(walk.approved(2))
    lost = key.serial
    parcel = walk.send(key)
    walk.do(walk.packer, settling.open_inquiry, parcel.id, "示例查询")
    assert walk.do(walk.packer, settling.declare_lost, parcel.id, "示例丢失") == [lost]
    assert (walk.state(key), walk.certificates(lost)) == ("production", ["revoked"])
    walk.bring(walk.make(key))
    walk.collect(key)
    assert (walk.state(key), walk.hands(key.serial)) == ("collected", COLLECTED)
    assert walk.hands(lost) == [*FROM_STOCK, "packer", "courier", "lost"]


def test_a_damaged_key_is_made_anew_and_collected(walk: Walk) -> None:
    key = walk.make(walk.approved(1))
    broken = key.serial
    parcel = walk.send(key)
    walk.receive(parcel, key, place=1, damaged=True)
    walk.do(walk.packer, settling.make_anew, walk.finding(parcel, key).id, "示例断裂")
    assert (walk.state(key), walk.certificates(broken)) == ("production", ["revoked"])
    walk.bring(walk.make(key))
    walk.collect(key)
    assert walk.state(key) == "collected"
    assert walk.hands(broken) == [*TO_THE_COUNTER, "spoiled"]


def test_a_key_on_no_list_that_came_damaged_is_made_anew(walk: Walk) -> None:
    own, slipped = walk.make(walk.approved(1)), walk.make(walk.approved(1))
    parcel = walk.send(own)
    walk.receive(parcel, slipped, place=1, damaged=True)
    walk.do(walk.packer, settling.make_anew, walk.finding(parcel, slipped).id, "示例断裂")
    assert walk.state(slipped) == "production"
    walk.bring(walk.make(slipped))


def test_a_key_that_was_taken_in_spite_of_its_damage_keeps_its_certificate(walk: Walk) -> None:
    key = walk.make(walk.approved(1))
    parcel = walk.send(key)
    walk.receive(parcel, key, place=1)
    clerk, _ = walk.counters[1]
    walk.do(clerk, receiving.open_parcel, parcel.id)
    walk.do(clerk, receiving.scan_key, parcel.id, key.serial, damaged=True, remark="示例划痕")
    _told_and_collected(walk, key)
    with pytest.raises(Conflict):
        walk.do(walk.packer, settling.make_anew, walk.finding(parcel, key).id, "示例划痕")
    assert (walk.state(key), walk.certificates(key.serial)) == ("collected", ["valid"])


def test_a_misrouted_key_is_sent_on_and_collected_at_its_own_authority(walk: Walk) -> None:
    own, strayed = walk.make(walk.approved(0)), walk.make(walk.approved(2))
    meant, came = walk.send(strayed), walk.send(own)
    walk.receive(came, own, strayed, place=0)
    found = walk.finding(came, strayed)
    assert (found.kind, found.belongs_to_id) == ("other_authority", walk.office.authority_ids[2])
    onward = walk.do(walk.counters[0][0], settling.send_on, found.id, "sf", walk.waybill())
    assert walk.receive(meant, place=2) == []
    assert walk.receive(onward, strayed, place=2) == []
    _told_and_collected(walk, own, strayed)
    assert walk.hands(strayed.serial) == [*TO_THE_COUNTER, "courier", "authority", "enterprise"]


@pytest.mark.parametrize("disposal", list(Disposal))
def test_nobody_came_for_it(walk: Walk, disposal: Disposal) -> None:
    key = walk.make(walk.approved())
    walk.bring(key)
    walk.dispose(key, disposal)
    assert walk.certificates(key.serial) == ["revoked"]
    assert walk.state(key) == "key_destroyed"
    if disposal is Disposal.DESTROY:
        assert walk.hands(key.serial)[-1] == "destroyed"
        return
    first, _ = walk.counters[0]
    parcel = walk.do(first, returning.open_return)
    walk.do(first, returning.pack_return, parcel.id, key.serial)
    walk.do(first, returning.send_return, parcel.id, "sf", walk.waybill())
    walk.do(walk.packer, returning.take_in, key.serial)
    proposal = walk.do(walk.packer, propose_destruction, key.serial, "示例逾期")
    second = walk.office.hire("second-packer", *walk.packer.roles)
    walk.do(second, sign_destruction, proposal.id)
    assert walk.hands(key.serial)[-4:] == ["authority", "courier", "vendor_stock", "destroyed"]


def _destroyed_by_two(walk: Walk, key: EKey) -> None:
    first, second = walk.counters[key.place]
    proposal = walk.do(first, propose_destruction, key.serial, "示例交回")
    walk.do(second, sign_destruction, proposal.id)


def _told_and_collected(walk: Walk, *keys: EKey) -> None:
    for key in keys:
        walk.do(walk.counters[key.place][0], notify, key.case)
        walk.collect(key)
        assert walk.state(key) == "collected"
