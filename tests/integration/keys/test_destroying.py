"""Destroying a key takes two people, and never one whose certificate could still be used."""

import pytest
from sqlalchemy import select

from tests.support.casework import SYSTEM, Office
from tests.support.keys import MadeKey, made_key
from workbench.kernel.audit import AuditEntry
from workbench.kernel.errors import Conflict, Invalid, NotAllowed, NotFound
from workbench.kernel.identity import Actor, Role
from workbench.keys import destroying
from workbench.keys.models import Certificate, Token
from workbench.keys.service import revoke
from workbench.keys.token_states import Custodian, TokenMove, TokenState
from workbench.keys.tokens import get_token, hand_on
from workbench.production import stock


@pytest.fixture
def proposer(office: Office) -> Actor:
    """One who disposes of keys."""
    return office.hire("proposer", Role.DISPATCHER)


@pytest.fixture
def signer(office: Office) -> Actor:
    """Another."""
    return office.hire("signer", Role.VENDOR_SUPERVISOR)


def set_aside(office: Office, *, revoked: bool = True) -> MadeKey:
    """A finished key that was set aside as spoiled."""
    key = made_key(office)
    with office.work() as session:
        token = get_token(session, key.serial)
        if revoked:
            revoke(session, certificate_of(office, key), "外壳裂开", SYSTEM)
        hand_on(session, token, TokenMove.SPOIL, SYSTEM, remark="外壳裂开")
    return key


def certificate_of(office: Office, key: MadeKey) -> int:
    """The certificate on the key."""
    with office.work() as session:
        return session.scalars(select(Certificate.id).where(Certificate.key_number == key.serial)).one()


def propose(office: Office, actor: Actor, key: MadeKey, remark: str = "外壳裂开，不能使用") -> int:
    """A proposal in a unit of work of its own."""
    with office.work(actor) as session:
        return destroying.propose_destruction(session, actor, key.serial, remark).id


def sign(office: Office, actor: Actor, proposal: int) -> None:
    """A signature in a unit of work of its own."""
    with office.work(actor) as session:
        destroying.sign_destruction(session, actor, proposal)


def token(office: Office, key: MadeKey) -> Token:
    """The token as it stands."""
    with office.work() as session:
        return get_token(session, key.serial)


def test_one_proposes_and_another_signs(office: Office, proposer: Actor, signer: Actor) -> None:
    key = set_aside(office)
    proposal = propose(office, proposer, key)
    assert propose(office, signer, key, "又提一次") == proposal
    assert token(office, key).state == TokenState.SPOILED
    with pytest.raises(NotAllowed, match="second person"):
        sign(office, proposer, proposal)
    sign(office, signer, proposal)
    gone = token(office, key)
    assert (gone.state, gone.custodian) == (TokenState.DESTROYED, Custodian.DESTROYED)
    with pytest.raises(Conflict):
        sign(office, signer, proposal)
    with office.work() as session:
        said = session.execute(
            select(AuditEntry.action, AuditEntry.actor_name).where(AuditEntry.action.startswith("destruction."))
        ).all()
    assert [tuple(each) for each in said] == [
        ("destruction.proposed", proposer.name),
        ("destruction.signed", signer.name),
    ]


def test_a_key_in_use_is_not_destroyed(office: Office, proposer: Actor) -> None:
    with pytest.raises(Conflict):
        propose(office, proposer, made_key(office))
    with pytest.raises(Conflict, match="still valid"):
        propose(office, proposer, set_aside(office, revoked=False))


def test_who_may_not_dispose_proposes_nothing(office: Office, proposer: Actor) -> None:
    key = set_aside(office)
    maker = office.hire("maker", Role.KEY_MAKER)
    with pytest.raises(NotAllowed):
        propose(office, maker, key)
    with pytest.raises(Invalid):
        propose(office, proposer, key, "  ")
    stranger = office.hire("stranger", Role.COUNTER_STAFF, authority_id=office.authority_ids[1])
    with pytest.raises(NotFound):
        propose(office, stranger, key)
    with pytest.raises(NotFound):
        sign(office, stranger, propose(office, proposer, key))


def test_a_withdrawn_proposal_is_signed_by_nobody(office: Office, proposer: Actor, signer: Actor) -> None:
    key = set_aside(office)
    proposal = propose(office, proposer, key)
    with office.work(proposer) as session:
        destroying.withdraw_proposal(session, proposer, proposal)
    with pytest.raises(Conflict):
        sign(office, signer, proposal)
    assert propose(office, signer, key) != proposal


def test_no_single_person_destroys_what_carried_a_certificate(office: Office) -> None:
    key = set_aside(office)
    keeper = office.hire("keeper", Role.KEY_MAKER)
    with office.work(keeper) as session, pytest.raises(Conflict, match="two people destroy it"):
        stock.destroy(session, keeper, [key.serial], "外壳裂开")
    assert token(office, key).state == TokenState.SPOILED
