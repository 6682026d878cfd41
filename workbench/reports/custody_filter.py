"""What the custody log is narrowed to, as it stands in the address: read from it, and written back into it.

Whatever makes no sense is left out, because people edit and share addresses.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, Final, Self

from workbench.kernel.arguments import authority_id, day, member, storable
from workbench.kernel.clock import SHANGHAI
from workbench.keys.token_states import TOKEN_EVENT_NAMES, Custodian, TokenState
from workbench.reports.board import Figure
from workbench.reports.custody_flows import Flow

LONGEST_QUERY: Final = 100


class View(StrEnum):
    """A row a hand-over, or a row a key."""

    ENTRIES = "entries"
    KEYS = "keys"


class Column(StrEnum):
    """What a row can show."""

    AT = "at"
    EVENT = "event"
    SERIAL = "serial"
    ENTERPRISE = "enterprise"
    USCC = "uscc"
    NUMBER = "number"
    AUTHORITY = "authority"
    FROM = "from"
    TO = "to"
    STATE = "state"
    CONSIGNMENT = "consignment"
    WAYBILL = "waybill"
    ACTOR = "actor"
    PLACE = "place"
    REMARK = "remark"


_C = Column
_OF_KEYS: Final = (
    *(_C.SERIAL, _C.ENTERPRISE, _C.USCC, _C.NUMBER, _C.AUTHORITY, _C.STATE, _C.TO, _C.AT),
    *(_C.CONSIGNMENT, _C.WAYBILL),
)
COLUMNS: Final[Mapping[View, tuple[Column, ...]]] = {View.ENTRIES: tuple(Column), View.KEYS: _OF_KEYS}
"""What can be chosen, in this order; of a key, TO is where it is and AT since when."""
_RARELY: Final = frozenset({_C.USCC, _C.STATE, _C.PLACE, _C.REMARK})
USUAL: Final[Mapping[View, tuple[Column, ...]]] = {
    View.ENTRIES: tuple(each for each in Column if each not in _RARELY),
    View.KEYS: tuple(each for each in _OF_KEYS if each is not _C.USCC),
}


@dataclass(frozen=True)
class CustodyFilter:
    """What the log shows; empty fields narrow nothing.

    Attributes:
        event: of hand-overs, what happened.
        holder: into whose hands a hand-over led; of keys, in whose hands they are.
        state: what the token is now.
        since, until: whole days in Asia/Shanghai, both inclusive: of the hand-over, or since when a key is where it is.
        q: serial, consignment or waybill number, application number, credit code, or part of a name.
        figure: keys that the board counts so; flow: hand-overs that the statement counts so.
        held: keys that were in the hands of their authority, or with `holder` the courier, when this day began.
        columns: chosen ones; none means the usual.
    """

    view: View = View.ENTRIES
    authority: int | None = None
    event: str = ""
    holder: Custodian | None = None
    state: TokenState | None = None
    since: date | None = None
    until: date | None = None
    q: str = ""
    figure: Figure | None = None
    flow: Flow | None = None
    held: date | None = None
    columns: tuple[Column, ...] = ()

    @classmethod
    def from_args(cls, args: Mapping[str, str]) -> Self:
        """The filter of an address."""
        view = member(View, args.get("view")) or View.ENTRIES
        keys = view is View.KEYS
        given = [each for part in args.get("columns", "").split(",") if (each := member(Column, part))]
        return cls(
            view=view,
            authority=authority_id(args.get("authority")),
            event=args.get("event", "") if args.get("event") in TOKEN_EVENT_NAMES and not keys else "",
            holder=member(Custodian, args.get("holder")),
            state=member(TokenState, args.get("state")),
            since=day(args.get("since")),
            until=day(args.get("until")),
            q=storable(args.get("q", ""))[:LONGEST_QUERY],
            figure=member(Figure, args.get("figure")) if keys else None,
            flow=member(Flow, args.get("flow")) if not keys else None,
            held=day(args.get("held")) if keys else None,
            columns=tuple(each for each in COLUMNS[view] if each in given),
        )

    def to_args(self) -> dict[str, str]:
        """The arguments that `from_args` reads back; the usual view is not said."""
        values: dict[str, Any] = {each.name: getattr(self, each.name) for each in fields(self)}
        values["columns"] = ",".join(self.columns)
        values["view"] = "" if self.view is View.ENTRIES else self.view.value
        return {name: str(value) for name, value in values.items() if value}

    @property
    def narrowed(self) -> bool:
        """Whether it leaves anything out."""
        return bool(set(self.to_args()) - {"view", "columns"})

    @property
    def shown(self) -> tuple[Column, ...]:
        """The columns of a row, in their order."""
        return self.columns or USUAL[self.view]


def midnight(day: date) -> datetime:
    """The instant at which a day begins in Asia/Shanghai."""
    return datetime.combine(day, time.min, SHANGHAI).astimezone(UTC)


def after(day: date) -> datetime:
    """The instant at which a day has ended."""
    return midnight(day + timedelta(days=1))
