"""Reads of the packing table: what waits for which authority, what lies in which box, how much there is to do."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from workbench.cases.models import Application
from workbench.cases.words import State
from workbench.dispatch.fitness import has_good_certificate
from workbench.dispatch.models import Consignment, ConsignmentItem
from workbench.dispatch.words import ConsignmentKind, ConsignmentState, Outcome
from workbench.kernel.identity import Actor
from workbench.keys.models import Token
from workbench.keys.token_states import Custodian, TokenState
from workbench.organisation.models import Authority, Staff

MOST_SHOWN: Final = 1_000
"""Keys of one list on the packing screen."""
_NO_PLACE: Final = frozenset(
    {"department", "of", "and", "commerce", "province", "municipal", "bureau", "commission", "autonomous", "region"}
)
"""Words of an authority's English name that say nothing about where it is."""


@dataclass(frozen=True)
class OpenOne:
    """A consignment that is being packed, or is sealed and still in the house."""

    id: int
    number: str
    state: ConsignmentState
    keys: int
    packer: str
    created_at: datetime


@dataclass(frozen=True)
class AuthorityLine:
    """One authority at the packing table: finished keys that wait, the oldest's time, consignments in the house."""

    id: int
    code: str
    name_zh: str
    short_zh: str
    name_en: str
    waiting: int
    oldest: datetime | None
    in_house: Sequence[OpenOne]

    @property
    def packing(self) -> Sequence[OpenOne]:
        """Those whose contents may still change, newest first."""
        return [each for each in self.in_house if each.state is ConsignmentState.PACKING]

    @property
    def sealed(self) -> Sequence[OpenOne]:
        """Those that wait for the courier."""
        return [each for each in self.in_house if each.state is ConsignmentState.SEALED]

    @property
    def place(self) -> str:
        """The words of the English name that say where it is, in small letters: what people type for a place."""
        return " ".join(word for word in self.name_en.lower().split() if word not in _NO_PLACE)

    def is_meant_by(self, typed: str) -> bool:
        """Whether somebody means this authority: by its code, its Chinese name, or the beginning or some letters of its
        place in Latin script. The script of the page has the same rule."""
        wanted = typed.strip().lower()
        if not wanted:
            return True
        words = self.place.split()
        return (
            self.code.startswith(wanted)
            or wanted in self.name_zh
            or any(word.startswith(wanted) for word in words)
            or (len(wanted) > 1 and any(_begins_parts(wanted, word) for word in words))
        )


def _begins_parts(letters: str, word: str) -> bool:
    """Whether a word begins with the first letter and holds the others in their order: gd in guangdong."""
    return re.match(".*?".join(map(re.escape, letters)), word) is not None


@dataclass(frozen=True)
class WaitingKey:
    """A finished key in the vendor's stock. `fit` when it may travel: its certificate is valid."""

    serial: str
    enterprise_name: str
    number: str
    since: datetime
    fit: bool


@dataclass(frozen=True)
class PackedKey:
    """A key of a consignment, whatever became of it."""

    serial: str
    token_id: int
    enterprise_name: str
    number: str
    application_id: int
    box: int
    packed_at: datetime
    packed_by: str
    outcome: Outcome | None


def _waiting() -> tuple[ColumnElement[bool], ...]:
    """Finished keys in the vendor's stock whose cases wait for dispatch."""
    return (
        Application.state == State.MADE.value,
        Token.application_id == Application.id,
        Token.state == TokenState.PERSONALISED.value,
        Token.custodian == Custodian.VENDOR_STOCK.value,
    )


def count_waiting(session: Session, actor: Actor) -> int:
    """Finished keys that wait to be packed."""
    return (
        session.scalar(select(func.count()).select_from(Application).join(Token, _waiting()[1]).where(*_waiting())) or 0
    )


def count_sealed(session: Session, actor: Actor) -> int:
    """Consignments that wait for the courier."""
    return count_in(session, ConsignmentState.SEALED)


def count_in(session: Session, *states: ConsignmentState) -> int:
    """Consignments in some states."""
    return (
        session.scalar(
            select(func.count()).select_from(Consignment).where(Consignment.state.in_([each.value for each in states]))
        )
        or 0
    )


def load_authorities(session: Session) -> list[AuthorityLine]:
    """Every authority that takes part, in the official order, with what waits for it and what is packed."""
    waits = {
        authority_id: (count, oldest)
        for authority_id, count, oldest in session.execute(
            select(Application.authority_id, func.count(), func.min(Token.moved_at))
            .join(Token, Token.application_id == Application.id)
            .where(*_waiting())
            .group_by(Application.authority_id)
        )
    }
    in_house: dict[int, list[OpenOne]] = {}
    for authority_id, parcel in _in_house(session):
        in_house.setdefault(authority_id, []).append(parcel)
    lines = []
    for each in session.scalars(select(Authority).order_by(Authority.position)):
        count, oldest = waits.get(each.id, (0, None))
        if each.active or count or each.id in in_house:
            names = {"name_zh": each.name_zh, "short_zh": each.short_zh, "name_en": each.name_en}
            lines.append(
                AuthorityLine(
                    id=each.id,
                    code=each.code,
                    **names,
                    waiting=count,
                    oldest=oldest,
                    in_house=in_house.get(each.id, ()),
                )
            )
    return lines


def _in_house(session: Session) -> list[tuple[int, OpenOne]]:
    keys = (
        select(func.count())
        .where(ConsignmentItem.consignment_id == Consignment.id, ConsignmentItem.settled_at.is_(None))
        .scalar_subquery()
    )
    rows = session.execute(
        select(Consignment, Staff.name, keys)
        .join(Staff, Staff.id == Consignment.packer_id)
        .where(
            Consignment.state.in_([ConsignmentState.PACKING.value, ConsignmentState.SEALED.value]),
            Consignment.kind == ConsignmentKind.OUTWARD.value,
        )
        .order_by(Consignment.id.desc())
    )
    return [
        (
            each.authority_id,
            OpenOne(each.id, each.number, ConsignmentState(each.state), count, packer, each.created_at),
        )
        for each, packer, count in rows
    ]


def waiting_for(session: Session, authority_id: int) -> list[WaitingKey]:
    """Finished keys of an authority in the vendor's stock, those longest there first."""
    rows = session.execute(
        select(Token.serial, Application.enterprise_name, Application.number, Token.moved_at, has_good_certificate())
        .join(Application, Token.application_id == Application.id)
        .where(*_waiting(), Application.authority_id == authority_id)
        .order_by(Token.moved_at, Token.serial)
        .limit(MOST_SHOWN)
    )
    return [WaitingKey(*row) for row in rows]


def contents(session: Session, consignment: Consignment) -> list[PackedKey]:
    """What lies or lay in a consignment, box by box; of one being packed without what was taken out again."""
    statement = _contents().where(ConsignmentItem.consignment_id == consignment.id)
    if consignment.state != ConsignmentState.CANCELLED:
        statement = statement.where(func.coalesce(ConsignmentItem.outcome, "") != Outcome.TAKEN_OUT.value)
    rows = session.execute(statement.order_by(ConsignmentItem.box, ConsignmentItem.id))
    return [
        PackedKey(
            serial=serial,
            token_id=item.token_id,
            enterprise_name=enterprise_name,
            number=number,
            application_id=item.application_id,
            box=item.box,
            packed_at=item.packed_at,
            packed_by=packed_by,
            outcome=Outcome(item.outcome) if item.outcome else None,
        )
        for item, serial, enterprise_name, number, packed_by in rows
    ]


def count_keys(session: Session, consignment: Consignment) -> int:
    """How many keys travel in a consignment."""
    return (
        session.scalar(
            select(func.count()).where(
                ConsignmentItem.consignment_id == consignment.id,
                func.coalesce(ConsignmentItem.outcome, "") != Outcome.TAKEN_OUT.value,
            )
        )
        or 0
    )


def _contents() -> Select[ConsignmentItem, str, str, str, str]:
    return (
        select(ConsignmentItem, Token.serial, Application.enterprise_name, Application.number, Staff.name)
        .join(Token, Token.id == ConsignmentItem.token_id)
        .join(Application, Application.id == ConsignmentItem.application_id)
        .join(Staff, Staff.id == ConsignmentItem.packed_by_id)
    )


@dataclass(frozen=True)
class Counts:
    """How far the packing of a consignment is: keys by box, keys packed, keys that still wait for its authority."""

    boxes: Mapping[int, int]
    packed: int
    waiting: int

    @property
    def all(self) -> int:
        """Keys packed and keys that wait."""
        return self.packed + self.waiting

    def to_json(self) -> dict[str, Any]:
        """As scripts read it: the boxes in their order."""
        return {"boxes": list(self.boxes.values()), "packed": self.packed, "waiting": self.waiting, "all": self.all}


def count_pack(session: Session, consignment: Consignment) -> Counts:
    """How far the packing of a consignment is."""
    filled = session.execute(
        select(ConsignmentItem.box, func.count())
        .where(ConsignmentItem.consignment_id == consignment.id, ConsignmentItem.settled_at.is_(None))
        .group_by(ConsignmentItem.box)
    )
    found = {box: count for box, count in filled}
    boxes = {box: found.get(box, 0) for box in range(1, consignment.boxes + 1)}
    waiting = session.scalar(
        select(func.count())
        .select_from(Application)
        .join(Token, Token.application_id == Application.id)
        .where(*_waiting(), Application.authority_id == consignment.authority_id)
    )
    return Counts(boxes, sum(found.values()), waiting or 0)
