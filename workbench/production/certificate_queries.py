"""Lists of certificates: narrowed by what stands in the address, one keyset page at a time, and counted up to a bound.

Every read walks an index and stops early, so that it costs the same with a hundred certificates and with a million. It
shows what the session's scope reaches.
"""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Self

from sqlalchemy import ColumnElement, Row, Select, func, literal, null, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from workbench.cases.models import Application
from workbench.kernel.arguments import LARGEST_ID, authority_id, member, storable
from workbench.kernel.clock import now
from workbench.kernel.identity import Actor
from workbench.kernel.paging import Bounded
from workbench.kernel.permissions import Permission, demand
from workbench.keys.models import Certificate
from workbench.organisation.models import Authority
from workbench.production.algorithms import Algorithm
from workbench.production.certificate_search import MAX_QUERY, matching
from workbench.production.expiring import THRESHOLDS, address_of_holder, expires_within, has_open_renewal
from workbench.production.letters import days_left
from workbench.production.models import RevocationOrder

PAGE_SIZE: Final = 50
BOUND: Final = 1000
"""Counting stops here: a person needs "17" or "1000+", never "83,214"."""
LONGEST_ISSUER: Final = 500
MOST_ISSUERS: Final = 30


class Condition(StrEnum):
    """How a certificate stands: by our records, and by its own dates."""

    VALID = "valid"
    EXPIRED = "expired"
    REVOKED = "revoked"
    REPLACED = "replaced"


class End(StrEnum):
    """What the CA has said of a certificate that ended on our records. An authority's staff are told UNCONFIRMED
    of whatever is not confirmed: what passes between us and the CA is the vendor's."""

    ASKED = "asked"
    REFUSED = "refused"
    CONFIRMED = "confirmed"
    ELSEWHERE = "elsewhere"
    UNCONFIRMED = "unconfirmed"


@dataclass(frozen=True)
class CertificateFilter:
    """What the list is narrowed to; empty fields narrow nothing.

    Attributes:
        expiring: valid, and expires in at most so many days.
        issuer: the issuer's whole name, as records write it.
        unconfirmed: ended on our records, and the CA has not confirmed it.
        unreachable: no e-mail address of a holder is known.
    """

    q: str = ""
    condition: Condition | None = None
    expiring: int | None = None
    algorithm: Algorithm | None = None
    issuer: str = ""
    authority_id: int | None = None
    unconfirmed: bool = False
    unreachable: bool = False

    @classmethod
    def from_args(cls, args: Mapping[str, str]) -> Self:
        """Read an address; whatever makes no sense is left out, because people edit and share addresses."""
        expiring = next((days for days in THRESHOLDS if str(days) == args.get("expiring")), None)
        return cls(
            q=storable(args.get("q", ""))[:MAX_QUERY],
            condition=member(Condition, args.get("state")),
            expiring=expiring,
            algorithm=member(Algorithm, args.get("algorithm")),
            issuer=args.get("ca", "").replace("\x00", "")[:LONGEST_ISSUER],
            authority_id=authority_id(args.get("authority")),
            unconfirmed=args.get("unconfirmed") == "1",
            # Asked only of those that somebody has to be told of: looking up a million addresses would take long.
            unreachable=expiring is not None and args.get("unreachable") == "1",
        )

    def to_args(self) -> dict[str, str]:
        """The arguments that `from_args` reads back."""
        called = {"condition": "state", "issuer": "ca", "authority_id": "authority"}
        values = {called.get(each.name, each.name): getattr(self, each.name) for each in fields(self)}
        return {name: "1" if value is True else str(value) for name, value in values.items() if value}


@dataclass(frozen=True)
class CertificateRow:
    """One certificate of a list. `days` until its last day, negative afterwards; `number` is the case that made it.

    `end` is what its CA has said, as far as the reader may know; `renewing` and `reachable` are asked only where
    somebody has to act on them: in the list of those that expire soon.
    """

    id: int
    serial: str
    key_number: str
    enterprise_name: str
    uscc: str
    issuer: str
    algorithm: str | None
    condition: Condition
    state_reason: str | None
    not_after: datetime
    days: int
    authority_id: int | None
    authority_short: str | None
    authority_name_en: str | None
    application_id: int | None
    number: str | None
    end: End | None
    renewing: bool
    reachable: bool


@dataclass(frozen=True)
class CertificatePage:
    """One page. `after` and `before` are what the next and the previous page are asked for with; None at the ends."""

    rows: tuple[CertificateRow, ...]
    after: str | None
    before: str | None
    total: Bounded


@dataclass(frozen=True)
class Expiring:
    """How many certificates expire in how many days, and how many of all those no address is known for."""

    counts: Mapping[int, Bounded]
    unreachable: Bounded


def page(
    session: Session, actor: Actor, wanted: CertificateFilter, *, after: str | None = None, before: str | None = None
) -> CertificatePage:
    """One page of certificates, after or before a cursor; a cursor nobody gave out means the start.

    Those that expire soon come soonest first, expired ones latest first, all others newest first.

    Raises:
        NotAllowed: the actor does not read certificates.
    """
    demand(actor, Permission.CERTIFICATE_READ)
    at = now()
    found = matching(session, _narrowed(select(Certificate), wanted, at), wanted.q)
    order = _order_of(wanted)
    rows, following, preceding = _read(session, _columns(found.statement, wanted), order, after, before)
    alone = after is None and before is None
    if alone and following is None:
        total = Bounded(len(rows), more=False)
    elif found.hits is not None and wanted == CertificateFilter(q=wanted.q):
        total = _bounded(found.hits)
    else:
        total = _count(session, found.statement)
    return CertificatePage(tuple(_row(each, actor, at) for each in rows), following, preceding, total)


def count_expiring(session: Session, actor: Actor) -> Expiring:
    """How many certificates come to an end soon, each count stopping at BOUND; raises as `page`."""
    demand(actor, Permission.CERTIFICATE_READ)
    at = now()
    wanted = {days: CertificateFilter(expiring=days) for days in THRESHOLDS}
    counts = {days: _count(session, _narrowed(select(Certificate), each, at)) for days, each in wanted.items()}
    unreachable = replace(wanted[max(THRESHOLDS)], unreachable=True)
    return Expiring(counts, _count(session, _narrowed(select(Certificate), unreachable, at)))


def list_issuers(session: Session) -> Sequence[str]:
    """The names of the CAs whose certificates are on record, by name, at most MOST_ISSUERS.

    Jumps from name to name in the index: reading a million rows to find three names would take a second.
    """
    least = select(func.min(Certificate.issuer).label("issuer")).cte("issuers", recursive=True)
    following = select(func.min(Certificate.issuer)).where(Certificate.issuer > least.c.issuer).scalar_subquery()
    names = least.union_all(select(following).where(least.c.issuer.is_not(None)))
    found = session.scalars(select(names.c.issuer).where(names.c.issuer.is_not(None)).limit(MOST_ISSUERS))
    return [each for each in found if each is not None]


@dataclass(frozen=True)
class _Order:
    """Certificates by an instant and their number, or by their number alone; both ascending or both descending."""

    instant: InstrumentedAttribute[datetime] | None
    ascending: bool


def _order_of(wanted: CertificateFilter) -> _Order:
    if wanted.expiring is not None:
        return _Order(Certificate.not_after, ascending=True)
    if wanted.condition is Condition.EXPIRED:
        return _Order(Certificate.not_after, ascending=False)
    return _Order(None, ascending=False)


def _narrowed(statement: Select[Certificate], wanted: CertificateFilter, at: datetime) -> Select[Certificate]:
    for column, value in (
        (Certificate.algorithm, wanted.algorithm and wanted.algorithm.value),
        (Certificate.issuer, wanted.issuer or None),
        (Certificate.authority_id, wanted.authority_id),
    ):
        if value is not None:
            statement = statement.where(column == value)
    statement = statement.where(*_conditions(wanted.condition, at))
    if wanted.expiring is not None:
        statement = statement.where(*expires_within(wanted.expiring, at))
    if wanted.unconfirmed:
        open_end = select(RevocationOrder.certificate_id).where(RevocationOrder.state != "done")
        statement = statement.where(Certificate.id.in_(open_end))
    if wanted.unreachable:
        statement = statement.where(address_of_holder().is_(None))
    return statement


def _conditions(condition: Condition | None, at: datetime) -> tuple[ColumnElement[bool], ...]:
    if condition is None:
        return ()
    if condition is Condition.VALID:
        return Certificate.state == "valid", Certificate.not_after > at
    if condition is Condition.EXPIRED:
        return Certificate.state == "valid", Certificate.not_after <= at
    return (Certificate.state == condition.value,)


def _columns(statement: Select[Certificate], wanted: CertificateFilter) -> Select[*tuple[Any, ...]]:
    soon = wanted.expiring is not None
    return (
        statement.with_only_columns(
            Certificate.id,
            Certificate.serial,
            Certificate.key_number,
            Certificate.enterprise_name,
            Certificate.uscc,
            Certificate.issuer,
            Certificate.algorithm,
            Certificate.state,
            Certificate.state_reason,
            Certificate.not_after,
            Certificate.revoked_by_ca_at,
            Certificate.authority_id,
            Certificate.application_id,
            Authority.short_zh,
            Authority.name_en,
            Application.number,
            RevocationOrder.state.label("end"),
            (has_open_renewal() if soon else literal(False)).label("renewing"),
            (address_of_holder() if soon else null()).label("address"),
        )
        .outerjoin(Authority, Authority.id == Certificate.authority_id)
        .outerjoin(Application, Application.id == Certificate.application_id)
        .outerjoin(RevocationOrder, RevocationOrder.certificate_id == Certificate.id)
        .add_columns(literal(soon).label("soon"))
    )


def _row(found: Row[Any], actor: Actor, at: datetime) -> CertificateRow:
    return CertificateRow(
        id=found.id,
        serial=found.serial,
        key_number=found.key_number,
        enterprise_name=found.enterprise_name,
        uscc=found.uscc,
        issuer=found.issuer,
        algorithm=found.algorithm,
        condition=condition_of(found.state, found.not_after, at),
        state_reason=found.state_reason,
        not_after=found.not_after,
        days=days_left(found.not_after, at),
        authority_id=found.authority_id,
        authority_short=found.short_zh,
        authority_name_en=found.name_en,
        application_id=found.application_id,
        number=found.number,
        end=end_of(actor, found.state, found.revoked_by_ca_at, found.end),
        renewing=found.renewing,
        reachable=found.address is not None or not found.soon,
    )


def condition_of(state: str, not_after: datetime, at: datetime) -> Condition:
    """How a certificate stands at an instant."""
    if state == "valid" and not_after <= at:
        return Condition.EXPIRED
    return Condition(state)


def end_of(actor: Actor, state: str, revoked_by_ca_at: datetime | None, order_state: str | None) -> End | None:
    """What the CA has said of a certificate's end, as far as the actor may know; None where it is asked for none."""
    if state == "valid":
        return None
    if revoked_by_ca_at is not None:
        return End.CONFIRMED
    if not actor.scope.everything:
        return End.UNCONFIRMED if state == "revoked" else None
    if order_state is None:
        return End.ELSEWHERE if state == "revoked" else None
    return End.REFUSED if order_state == "rejected" else End.ASKED


def _count(session: Session, statement: Select[Certificate]) -> Bounded:
    some = statement.with_only_columns(Certificate.id).limit(BOUND + 1).subquery()
    return _bounded(session.scalar(select(func.count()).select_from(some)) or 0)


def _bounded(found: int) -> Bounded:
    return Bounded(min(found, BOUND), found > BOUND)


def _read(
    session: Session, statement: Select[*tuple[Any, ...]], order: _Order, after: str | None, before: str | None
) -> tuple[list[Row[Any]], str | None, str | None]:
    """The rows of one page in their order, and the cursors of the pages around it."""
    key = _decode(after, order)
    backwards = key is None and _decode(before, order) is not None
    if backwards:
        key = _decode(before, order)
    ascending = order.ascending is not backwards
    columns = [each for each in (order.instant, Certificate.id) if each is not None]
    if key is not None:
        place, here = tuple_(*columns), tuple_(*key[-len(columns) :])
        statement = statement.where(place > here if ascending else place < here)
    statement = statement.order_by(*(each.asc() if ascending else each.desc() for each in columns))
    rows = list(session.execute(statement.limit(PAGE_SIZE + 1)).all())
    more, rows = len(rows) > PAGE_SIZE, rows[:PAGE_SIZE]
    if backwards:
        rows.reverse()
    has_next, has_previous = (True, more) if backwards else (more, key is not None)
    if not rows:
        return [], None, None
    return rows, _encode(rows[-1], order) if has_next else None, _encode(rows[0], order) if has_previous else None


def _encode(row: Row[Any], order: _Order) -> str:
    value = [row.not_after.isoformat() if order.instant is not None else None, row.id]
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _decode(cursor: str | None, order: _Order) -> tuple[datetime | None, int] | None:
    if not cursor:
        return None
    try:
        instant, row_id = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        at = datetime.fromisoformat(instant) if instant is not None else None
    except (binascii.Error, ValueError, TypeError, RecursionError):
        return None
    sound = type(row_id) is int and 0 <= row_id < LARGEST_ID and (at is None or at.tzinfo is not None)
    return (at, row_id) if sound and (at is None) is (order.instant is None) else None
