"""What somebody means who types into the custody log: a key, a parcel, an application, an enterprise.

Fragments of names are asked of the case search's database function, which applies the scope itself; everything else is
looked up by an index, inside the session's fences.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, func, or_, select, text
from sqlalchemy.orm import InstrumentedAttribute, Session

from workbench.cases.models import Application
from workbench.dispatch.carriers import normalise_waybill
from workbench.dispatch.models import Consignment, ConsignmentItem
from workbench.dispatch.packing import clean_serial
from workbench.kernel.codes import CODE_LENGTH, normalise_uscc
from workbench.keys.models import CustodyEntry, Token
from workbench.keys.token_states import Custodian

FEW: Final = 2000
"""More keys than this are not listed for a fragment: the page asks for more of it."""
SHORTEST_PREFIX: Final = 4
_NUMBER: Final = re.compile(r"EK[0-9]{11}")
_BEYOND: Final = "\U0010fffd"
"""Sorts behind every character of a serial number."""


@dataclass(frozen=True)
class Meant:
    """Keys, or parcels, that a search speaks of; `cut` when it speaks of more than are listed."""

    tokens: Sequence[int] = ()
    consignments: Sequence[int] = ()
    cut: bool = False

    def of_entries(self) -> ColumnElement[bool]:
        """Hand-overs of these keys, or those by which keys got into the parcels and out of them."""
        own = CustodyEntry.token_id == func.any(list(self.tokens))
        if not self.consignments:
            return own
        parcels = list(self.consignments)
        courier = Custodian.COURIER.value
        to = and_(CustodyEntry.to_custodian == courier, CustodyEntry.to_ref == func.any(parcels))
        out = and_(CustodyEntry.from_custodian == courier, CustodyEntry.from_ref == func.any(parcels))
        return or_(own, and_(CustodyEntry.token_id.in_(_inside(parcels)), or_(to, out)))

    def of_keys(self) -> ColumnElement[bool]:
        """These keys, or those that lie or lay in the parcels."""
        own = Token.id == func.any(list(self.tokens))
        return or_(own, Token.id.in_(_inside(list(self.consignments)))) if self.consignments else own


def meant_by(session: Session, q: str) -> Meant:
    """What `q`, already clean, speaks of; nothing when nothing is known under it. What fits several kinds speaks of all
    of them: a serial may look like a number of another kind. A part of a serial or of a name counts when nothing bears
    it whole."""
    tokens = {*_of_codes(session, normalise_uscc(q)), *_of_serial(session, clean_serial(q))}
    number = normalise_waybill(q)
    parcels = session.scalars(
        select(Consignment.id).where(or_(Consignment.number == number, Consignment.waybill == number)).limit(20)
    ).all()
    if tokens or parcels:
        return Meant(sorted(tokens), parcels)
    return _of_beginning(session, clean_serial(q)) or _of_name(session, q)


def _of_codes(session: Session, code: str) -> Sequence[int]:
    if _NUMBER.fullmatch(code):
        return _of_cases(session, Application.number, code)
    if len(code) == CODE_LENGTH and code.isascii() and code.isalnum():
        return _of_cases(session, Application.uscc, code)
    return ()


def _of_serial(session: Session, serial: str) -> Sequence[int]:
    return session.scalars(select(Token.id).where(Token.serial == serial)).all()


def _of_beginning(session: Session, serial: str) -> Meant | None:
    if len(serial) < SHORTEST_PREFIX:
        return None
    begins = select(Token.id).where(Token.serial >= serial, Token.serial < serial + _BEYOND).limit(FEW + 1)
    found = session.scalars(begins).all()
    return Meant(found[:FEW], cut=len(found) > FEW) if found else None


def _of_name(session: Session, q: str) -> Meant:
    cases = session.scalars(select(text("id")).select_from(func.search_applications(q, FEW + 1).alias("id"))).all()
    tokens = session.scalars(select(Token.id).where(Token.application_id == func.any(list(cases)))).all()
    return Meant(tokens[:FEW], cut=len(cases) > FEW or len(tokens) > FEW)


def _of_cases(session: Session, column: InstrumentedAttribute[Any], value: str) -> Sequence[int]:
    cases = select(Application.id).where(column == value)
    return session.scalars(select(Token.id).where(Token.application_id.in_(cases)).limit(FEW)).all()


def _inside(consignments: list[int]) -> Any:
    return select(ConsignmentItem.token_id).where(ConsignmentItem.consignment_id == func.any(consignments))
