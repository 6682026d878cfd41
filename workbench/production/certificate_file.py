"""Everything on record of one certificate: what it says, its chain, how its end stands, token, seal and history."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from workbench.cases.models import Application
from workbench.kernel.arguments import LARGEST_ID
from workbench.kernel.audit import AuditEntry
from workbench.kernel.certificates import read_der
from workbench.kernel.clock import now
from workbench.kernel.errors import NotFound
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.kernel.outbox import OutboxMessage
from workbench.kernel.parts import Parts
from workbench.kernel.permissions import Permission, demand
from workbench.keys.models import Certificate, Seal, Token
from workbench.organisation.models import Authority
from workbench.production.ca.choosing import load_authority
from workbench.production.ca.connector import CaMisconfigured, CaUnreachable
from workbench.production.certificate_queries import Condition, End, condition_of, end_of
from workbench.production.certificate_words import HISTORY_WORDS, TOKEN_WORDS
from workbench.production.expiring import THRESHOLDS, address_of_holder, event_of, has_open_renewal
from workbench.production.letters import days_left
from workbench.production.models import CertificateOrder, RevocationOrder
from workbench.production.revoking import is_issued_by

MOST_ENTRIES: Final = 200
TOLD_FIELDS: Final = ("reason", "remark", "fault")
"""What an entry says besides that is worth reading: never hashes and numbers."""


@dataclass(frozen=True)
class Link:
    """A certificate of the chain above, from the one that issued up to the root."""

    name: str
    serial: str
    not_after: datetime


@dataclass(frozen=True)
class Chain:
    """The chain, as far as it is known. Without links, `why` says why: a msgid; `detail` is the CA's own words."""

    links: Sequence[Link]
    is_trial: bool = False
    why: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Happening:
    """One line of the history. `words` is a msgid; `said` are what the entry says besides, by field."""

    at: datetime
    words: str
    of_token: bool
    actor: str
    by_product: bool
    said: Mapping[str, str]


@dataclass(frozen=True)
class Notice:
    """A letter about its end that was put into the outbox, so many days before."""

    days: int
    at: datetime
    recipient: str
    state: str


@dataclass(frozen=True)
class CertificateFile:
    """All the page of a certificate shows. `order` is what the CA is asked, as far as the reader may know of it."""

    record: Certificate
    condition: Condition
    days: int
    authority: Authority | None
    number: str | None
    chain: Chain
    end: End | None
    order: RevocationOrder | None
    token: Token | None
    seal: Seal | None
    others: Sequence[Certificate]
    address: str | None
    renewing: bool
    notices: Sequence[Notice]
    history: Sequence[Happening]


def get_record(session: Session, actor: Actor, certificate_id: int) -> Certificate:
    """The record of a certificate, with its bytes where we have them.

    Raises:
        NotAllowed: the actor does not read certificates.
        NotFound: there is none inside the actor's authority.
    """
    demand(actor, Permission.CERTIFICATE_READ)
    statement = select(Certificate).where(Certificate.id == certificate_id).options(undefer(Certificate.certificate))
    record = session.scalars(statement).one_or_none() if certificate_id < LARGEST_ID else None
    if record is None or not _within(actor, record):
        raise NotFound(N_("There is no such certificate."))
    return record


def open_file(session: Session, parts: Parts, actor: Actor, certificate_id: int) -> CertificateFile:
    """Everything on record of a certificate; raises as `get_record`."""
    record, at = get_record(session, actor, certificate_id), now()
    address, renewing = session.execute(
        select(address_of_holder(), has_open_renewal()).select_from(Certificate).where(Certificate.id == record.id)
    ).one()
    order = find_order(session, record.id)
    return CertificateFile(
        record=record,
        condition=condition_of(record.state, record.not_after, at),
        days=days_left(record.not_after, at),
        authority=session.get(Authority, record.authority_id) if record.authority_id is not None else None,
        number=session.scalar(select(Application.number).where(Application.id == record.application_id)),
        chain=_chain(parts, record),
        end=end_of(actor, record.state, record.revoked_by_ca_at, order.state if order is not None else None),
        order=order,
        token=session.scalars(select(Token).where(Token.id == record.token_id)).one_or_none(),
        seal=_seal(session, record),
        others=_others(session, record),
        address=address,
        renewing=renewing,
        notices=_notices(session, record),
        history=_history(session, record),
    )


def find_order(session: Session, certificate_id: int) -> RevocationOrder | None:
    """What the CA was asked for the end of a certificate; the database shows it to the vendor alone."""
    return session.scalars(
        select(RevocationOrder)
        .where(RevocationOrder.certificate_id == certificate_id)
        .execution_options(populate_existing=True)
    ).one_or_none()


def _within(actor: Actor, record: Certificate) -> bool:
    """The outer fence. Certificates of no authority, such as the old system's, are the vendor's to see."""
    return actor.scope.everything or (record.authority_id is not None and actor.scope.covers(record.authority_id))


def _chain(parts: Parts, record: Certificate) -> Chain:
    if record.certificate is None:
        return Chain((), why=N_("The certificate itself is not on record, only what it says."))
    try:
        authority = load_authority(parts)
        if not is_issued_by(authority, record):
            return Chain((), why=N_("Another CA issued it than the one that is asked now."))
        links = [_link(each) for each in authority.chain()]
    except (CaMisconfigured, CaUnreachable) as trouble:
        return Chain((), why=N_("The CA can't be asked for its own certificates now."), detail=str(trouble))
    return Chain(links, is_trial=authority.is_trial)


def _link(der: bytes) -> Link:
    read = read_der(der)
    return Link(read.subject.rfc4514_string(), format(read.serial_number, "X"), read.not_valid_after_utc)


def _seal(session: Session, record: Certificate) -> Seal | None:
    if record.application_id is None:
        return None
    return session.scalars(
        select(Seal).where(Seal.application_id == record.application_id, Seal.certificate_sha256 == record.sha256)
    ).first()


def _others(session: Session, record: Certificate) -> Sequence[Certificate]:
    """What else was issued for the same key of the same enterprise, newest first."""
    return session.scalars(
        select(Certificate)
        .where(
            Certificate.key_number == record.key_number,
            Certificate.uscc == record.uscc,
            Certificate.id != record.id,
        )
        .order_by(Certificate.id.desc())
        .limit(20)
    ).all()


def _notices(session: Session, record: Certificate) -> list[Notice]:
    days = {event_of(record.id, each): each for each in THRESHOLDS}
    rows = session.execute(
        select(OutboxMessage.event, OutboxMessage.created_at, OutboxMessage.recipient, OutboxMessage.state)
        .where(OutboxMessage.event.in_(list(days)))
        .order_by(OutboxMessage.created_at)
    )
    return [Notice(days[event], at, recipient, state) for event, at, recipient, state in rows]


def _history(session: Session, record: Certificate) -> list[Happening]:
    """What the audit log says of the certificate and of what belongs to it, newest first."""
    entries = session.scalars(
        select(AuditEntry)
        .where(
            AuditEntry.chain.in_(_chains(record)),
            AuditEntry.subject.in_(_subjects(session, record)),
            AuditEntry.action.in_([*HISTORY_WORDS, *TOKEN_WORDS]),
        )
        .order_by(AuditEntry.at.desc(), AuditEntry.seq.desc())
        .limit(MOST_ENTRIES)
    )
    return [_happening(each) for each in entries]


def _chains(record: Certificate) -> list[str]:
    own = [f"certificate:{record.id}"]
    return [*own, f"case:{record.application_id}"] if record.application_id is not None else own


def _subjects(session: Session, record: Certificate) -> list[str]:
    found = [f"certificate:{record.id}"]
    orders = session.execute(
        select(CertificateOrder.id, CertificateOrder.making_id).where(CertificateOrder.certificate_id == record.id)
    )
    for order_id, making_id in orders:
        found += [f"certificate_order:{order_id}", f"making:{making_id}"]
    if record.token_id is not None:
        found.append(f"token:{record.token_id}")
    seal = _seal(session, record)
    return [*found, f"seal:{seal.id}"] if seal is not None else found


def _happening(entry: AuditEntry) -> Happening:
    after: Mapping[str, Any] = entry.after or {}
    return Happening(
        at=entry.at,
        words=HISTORY_WORDS.get(entry.action) or TOKEN_WORDS[entry.action],
        of_token=entry.action in TOKEN_WORDS,
        actor=entry.actor_name,
        by_product=entry.actor.startswith("system:"),
        said={name: str(after[name]) for name in TOLD_FIELDS if after.get(name)},
    )
