"""The names that a page of the custody log speaks of, looked up once for all its rows, and each cell in words.

The language is the caller's: a page says it in its reader's, an export in that of whoever asked for it.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from workbench.dispatch.models import Consignment
from workbench.kernel.clock import SHANGHAI
from workbench.kernel.messages import N_
from workbench.keys.token_states import CUSTODIAN_NAMES, TOKEN_EVENT_NAMES, TOKEN_STATE_NAMES, Custodian, TokenState
from workbench.organisation.models import Authority, Staff
from workbench.reports.custody_filter import Column, View
from workbench.reports.custody_log import Hand, Line

Say = Callable[[str], str]
COLUMN_NAMES: Final[Mapping[Column, str]] = {
    Column.AT: N_("Time"),
    Column.EVENT: N_("What happened"),
    Column.SERIAL: N_("Serial number"),
    Column.ENTERPRISE: N_("Enterprise"),
    Column.USCC: N_("Unified social credit code"),
    Column.NUMBER: N_("Application number"),
    Column.AUTHORITY: N_("Authority"),
    Column.FROM: N_("Handed over by"),
    Column.TO: N_("Taken by"),
    Column.STATE: N_("State now"),
    Column.CONSIGNMENT: N_("Consignment"),
    Column.WAYBILL: N_("Waybill number"),
    Column.ACTOR: N_("Actor"),
    Column.PLACE: N_("Where it happened"),
    Column.REMARK: N_("Remark"),
}
_OF_KEYS: Final[Mapping[Column, str]] = {Column.TO: N_("Where it is"), Column.AT: N_("Since")}
_PEOPLE: Final = (Custodian.MAKER, Custodian.PACKER)


_OFFICE: Final = re.compile(
    r"^(Department of Commerce|Commerce Bureau) of | Municipal (Commerce Bureau|Commission of Commerce)$"
    r"| Province$|( Zhuang| Hui| Uygur)? Autonomous Region$| Production and Construction(?= Corps$)"
)


def short_en(name_en: str) -> str:
    """What tells an authority from the others: on a tile the words they all share would hide it."""
    return _OFFICE.sub("", name_en) or name_en


def column_name(column: Column, view: View) -> str:
    """What a column is called."""
    return _OF_KEYS.get(column, COLUMN_NAMES[column]) if view is View.KEYS else COLUMN_NAMES[column]


@dataclass(frozen=True)
class Names:
    """What ids are called; a consignment by number and waybill."""

    authorities: Mapping[int, tuple[str, str]]
    staff: Mapping[int, str]
    consignments: Mapping[int, tuple[str, str | None]]
    english: bool

    def authority(self, authority_id: int | None) -> str:
        """An authority's short name; empty when the key belongs to none yet."""
        if authority_id is None:
            return ""
        chinese, english = self.authorities.get(authority_id, ("", ""))
        return english if self.english else chinese

    def hand(self, hand: Hand | None, say: Say) -> str:
        """Who held a key: by name where there are several of a kind."""
        if hand is None:
            return ""
        kind = say(CUSTODIAN_NAMES[hand.custodian])
        if hand.custodian is Custodian.AUTHORITY and hand.ref is not None:
            return self.authority(hand.ref) or kind
        if hand.custodian in _PEOPLE and hand.ref is not None and hand.ref in self.staff:
            return f"{kind} · {self.staff[hand.ref]}"
        return kind


def load_names(session: Session, lines: Iterable[Line], *, english: bool, known: Names | None = None) -> Names:
    """The names of these lines, beside those that are known already."""
    hands = [hand for line in lines for hand in (line.to, line.origin) if hand is not None and hand.ref is not None]
    authorities = known.authorities if known else {}
    if known is None:
        rows = session.execute(select(Authority.id, Authority.short_zh, Authority.name_en))
        authorities = {row.id: (row.short_zh, short_en(row.name_en)) for row in rows}
    staff = dict(known.staff) if known else {}
    wanted = {hand.ref for hand in hands if hand.custodian in _PEOPLE} - set(staff)
    if wanted:
        for person in session.execute(select(Staff.id, Staff.name).where(Staff.id.in_(wanted))):
            staff[person.id] = person.name
    consignments = dict(known.consignments) if known else {}
    parcels = {hand.ref for hand in hands if hand.custodian is Custodian.COURIER} - set(consignments)
    if parcels:
        found = select(Consignment.id, Consignment.number, Consignment.waybill).where(Consignment.id.in_(parcels))
        for parcel in session.execute(found):
            consignments[parcel.id] = (parcel.number, parcel.waybill)
    return Names(authorities, staff, consignments, english)


def _parcel(line: Line, names: Names) -> tuple[str, str | None]:
    return names.consignments.get(line.consignment_id or 0, ("", None))


_SAID: Final[Mapping[Column, Callable[[Line, Names, Say], str | None]]] = {
    Column.AT: lambda line, names, say: f"{line.at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}",
    Column.EVENT: lambda line, names, say: say(TOKEN_EVENT_NAMES.get(line.event, line.event)),
    Column.SERIAL: lambda line, names, say: line.serial,
    Column.ENTERPRISE: lambda line, names, say: line.enterprise,
    Column.USCC: lambda line, names, say: line.uscc,
    Column.NUMBER: lambda line, names, say: line.number,
    Column.AUTHORITY: lambda line, names, say: names.authority(line.authority_id),
    Column.FROM: lambda line, names, say: names.hand(line.origin, say),
    Column.TO: lambda line, names, say: names.hand(line.to, say),
    Column.STATE: lambda line, names, say: say(TOKEN_STATE_NAMES[TokenState(line.state)]),
    Column.CONSIGNMENT: lambda line, names, say: _parcel(line, names)[0],
    Column.WAYBILL: lambda line, names, say: _parcel(line, names)[1],
    Column.ACTOR: lambda line, names, say: line.actor,
    Column.PLACE: lambda line, names, say: line.place,
    Column.REMARK: lambda line, names, say: line.remark,
}


def cell(line: Line, column: Column, names: Names, say: Say) -> str:
    """What a line says in a column, empty when it says nothing."""
    return _SAID[column](line, names, say) or ""
