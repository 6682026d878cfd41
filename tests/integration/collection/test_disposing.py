"""Keys nobody came for, and keys that came back: two people, the right time, and nothing that could still be used."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from tests.integration.collection.conftest import Counter, comparison, giving
from tests.support.keys import MadeKey
from workbench.cases.words import Service
from workbench.collection.disposing import propose_disposal, sign_disposal, withdraw_disposal
from workbench.collection.models import Pickup
from workbench.collection.surrenders import surrender
from workbench.collection.words import Disposal
from workbench.kernel.audit import AuditEntry
from workbench.kernel.clock import clock_at, now
from workbench.kernel.errors import Conflict, Invalid, NotAllowed, NotFound
from workbench.keys.destroying import propose_destruction, sign_destruction
from workbench.keys.models import Certificate, CustodyEntry, Token

DAYS = 90


def _later(counter: Counter, act: Callable[[], object]) -> None:
    with clock_at(now() + timedelta(days=DAYS)):
        act()


def _propose(counter: Counter, key: MadeKey, disposal: Disposal = Disposal.DESTROY, **who: object) -> Pickup:
    pickup_id = counter.pickup(key).id
    with clock_at(now() + timedelta(days=DAYS)):
        return counter.do(propose_disposal, pickup_id, disposal, "长期未领", uncollected_days=DAYS, **who)  # type: ignore[arg-type]


def _certificate(counter: Counter, key: MadeKey) -> Certificate:
    statement = select(Certificate).where(Certificate.key_number == key.serial)
    return counter.read(lambda session: session.scalars(statement).one())


def test_two_people_destroy_what_nobody_collected(counter: Counter) -> None:
    key = counter.waiting()
    pickup = _propose(counter, key)
    with pytest.raises(NotAllowed, match="second person"):
        counter.do(sign_disposal, pickup.id)
    counter.do(sign_disposal, pickup.id, who=counter.second)
    certificate, token = _certificate(counter, key), counter.token(key)
    assert (certificate.state, certificate.revocation_reason) == ("revoked", "cessationOfOperation")
    assert (token.state, token.custodian) == ("destroyed", "destroyed")
    assert (counter.state(key), counter.pickup(key).ended_because) == ("key_destroyed", "disposed")
    told = counter.read(lambda session: session.scalars(select(AuditEntry.action)).all())
    assert {"disposal.proposed", "disposal.signed", "token.destroyed"} <= set(told)


def test_what_is_returned_waits_among_the_withdrawn_keys_for_two_people(counter: Counter) -> None:
    key = counter.waiting()
    counter.do(sign_disposal, _propose(counter, key, Disposal.RETURN).id, who=counter.second)
    token = counter.token(key)
    assert (token.state, token.custodian, counter.state(key)) == ("surrendered", "authority", "key_destroyed")
    proposal = counter.do(propose_destruction, key.serial, "示例")
    with pytest.raises(NotAllowed):
        counter.do(sign_destruction, proposal.id)
    counter.do(sign_destruction, proposal.id, who=counter.second)
    assert counter.token(key).state == "destroyed"


def test_nothing_is_disposed_of_too_early_twice_or_without_words(counter: Counter) -> None:
    key = counter.waiting()
    pickup_id = counter.pickup(key).id
    with pytest.raises(Conflict, match="90 days"):
        counter.do(propose_disposal, pickup_id, Disposal.DESTROY, "示例", uncollected_days=DAYS)
    with clock_at(now() + timedelta(days=DAYS)), pytest.raises(Invalid):
        counter.do(propose_disposal, pickup_id, Disposal.DESTROY, " ", uncollected_days=DAYS)
    _propose(counter, key)
    with pytest.raises(Conflict, match="already"):
        _propose(counter, key, who=counter.second)
    counter.do(withdraw_disposal, pickup_id, who=counter.second)
    with pytest.raises(Conflict, match="Nothing is proposed"):
        counter.do(sign_disposal, pickup_id, who=counter.second)


def test_a_key_that_is_collected_meanwhile_is_not_destroyed(counter: Counter) -> None:
    key = counter.waiting()
    pickup = _propose(counter, key)
    counter.attend(key, comparison(), giving(key.serial))
    with pytest.raises(Conflict, match="does not wait"):
        counter.do(sign_disposal, pickup.id, who=counter.second)
    assert counter.token(key).custodian == "enterprise"


def test_another_authority_disposes_of_nothing(counter: Counter) -> None:
    pickup = _propose(counter, counter.waiting())
    for verb in (sign_disposal, withdraw_disposal):
        with pytest.raises(NotFound):
            counter.do(verb, pickup.id, who=counter.stranger)
    with pytest.raises(NotAllowed):
        counter.do(sign_disposal, pickup.id, who=counter.office.clerk())


def test_an_old_key_is_handed_back_once_and_its_certificate_ends(counter: Counter) -> None:
    old = counter.collected()
    uscc = _certificate(counter, old).uscc
    new = counter.waiting(service=Service.REPLACEMENT, uscc=uscc, prior_key=old.serial)
    counter.attend(new, comparison(), giving(new.serial, surrendered=old.serial))
    again = counter.do(surrender, new.application_id, old.serial)
    token = counter.token(old)
    entries = counter.read(
        lambda session: session.scalars(
            select(CustodyEntry.event).where(CustodyEntry.token_id == token.id).order_by(CustodyEntry.seq)
        ).all()
    )
    assert again.id == token.id
    assert (token.state, token.custodian) == ("surrendered", "authority")
    assert entries.count("surrendered") == 1
    assert _certificate(counter, old).state == "revoked"
    assert _certificate(counter, new).state == "valid"


def test_a_key_of_another_authority_comes_into_the_hands_of_whoever_takes_it(counter: Counter) -> None:
    old, what = counter.waiting(1), comparison()
    counter.attend(old, what, giving(old.serial), who=counter.stranger)
    uscc = _certificate(counter, old).uscc
    new = counter.waiting(service=Service.REPLACEMENT, uscc=uscc, prior_key=old.serial)
    counter.do(surrender, new.application_id, old.serial)
    with counter.office.work(counter.clerk) as session:
        seen = session.scalars(select(Token).where(Token.serial == old.serial)).one()
    here = counter.office.authority_ids[0]
    assert (seen.custodian_ref, seen.authority_id) == (here, here)
    # The capture of its hand-over may still come again, where the key is out of sight by now.
    assert counter.attend(old, what, giving(old.serial), who=counter.stranger).repeated


def test_an_old_key_is_handed_back_by_a_serial_in_wide_characters(counter: Counter) -> None:
    old = counter.collected()
    new = counter.waiting(service=Service.REPLACEMENT, uscc=_certificate(counter, old).uscc, prior_key=old.serial)
    wide = "".join(chr(ord(each) + 0xFEE0) for each in old.serial)
    assert counter.do(surrender, new.application_id, wide).serial == old.serial


def test_a_key_of_another_enterprise_is_not_taken(counter: Counter) -> None:
    other, waiting, new = counter.collected(), counter.waiting(), counter.waiting()
    for serial in (other.serial, waiting.serial, "VK404"):
        with pytest.raises(Conflict, match="no key in this enterprise's hands"):
            counter.do(surrender, new.application_id, serial)
