"""Courier companies and their waybill numbers: the usual companies to begin with, and the check a number has to pass
before a parcel is handed over. A number in another company's form, or on another parcel already, is refused by name.
"""

import re
import unicodedata
from typing import Final

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from workbench.dispatch.models import Carrier, Consignment
from workbench.dispatch.naming import Named
from workbench.dispatch.words import ConsignmentState
from workbench.kernel import audit
from workbench.kernel.errors import Conflict, Invalid, NotFound
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_

LONGEST_WAYBILL: Final = 40
"""Characters; the table holds no more."""
LONGEST_PATTERN: Final = 120
MOST_RANGES: Final = 4
"""Parts of a pattern that may differ in length: each multiplies the ways in which a number can be read."""
_PATTERN: Final = re.compile(r"(?:[A-Z0-9|-]|\\d|\[(?:[A-Z0-9]|[A-Z0-9]-[A-Z0-9])+\]|\{\d{1,2}(?:,\d{1,2})?\})+")
"""The part of regular expressions that a waybill number needs, and in which none takes long to be read."""

USUAL_CARRIERS: Final = (
    ("ems", "邮政 EMS", "EMS", r"\d{13}|[A-Z]{2}\d{9}CN", "EM000000001CN / 1000000000001", 3),
    ("sf", "顺丰速运", "SF Express", r"SF\d{13}|\d{12}", "SF1000000000001", 2),
    ("jd", "京东快递", "JD Logistics", r"JD[A-Z0-9]{11,14}", "JD0000000000001", 2),
    ("zto", "中通快递", "ZTO Express", r"\d{12}|\d{14,15}", "70000000000001", 3),
    ("yto", "圆通速递", "YTO Express", r"YT\d{13}|\d{10}|\d{18}", "YT1000000000001", 3),
    ("yunda", "韵达快递", "Yunda Express", r"\d{13}|\d{15}", "300000000000001", 3),
    ("sto", "申通快递", "STO Express", r"\d{12,13}|\d{15}", "700000000000001", 3),
)
"""Code, names, how waybill numbers look with invented examples, working days a parcel usually takes. The forms are
those of domestic waybills; the days are a start that an administrator corrects (ours)."""


def seed_carriers(session: Session, actor: Actor) -> int:
    """Add the usual companies that are not there yet; what was edited stays. Returns how many were added."""
    known = set(session.scalars(select(Carrier.code)))
    added = 0
    for code, name_zh, name_en, pattern, example, days in USUAL_CARRIERS:
        if code in known:
            continue
        facts = {"name_zh": name_zh, "name_en": name_en, "waybill_pattern": pattern, "waybill_example": example}
        session.add(Carrier(code=code, usual_days=days, **facts))
        audit.record(session, "carrier.created", actor, subject=f"carrier:{code}", after={**facts, "usual_days": days})
        added += 1
    session.flush()
    return added


def list_carriers(session: Session) -> list[Carrier]:
    """The companies that take parcels now, by name."""
    return list(session.scalars(select(Carrier).where(Carrier.active).order_by(Carrier.code)))


def get_carrier(session: Session, code: str) -> Carrier:
    """A company that takes parcels now.

    Raises:
        NotFound: there is none of this code, or it is no longer used.
    """
    carrier = session.get(Carrier, code)
    if carrier is None or not carrier.active:
        raise NotFound(N_("There is no such courier company."))
    return carrier


def normalise_waybill(untrusted: str) -> str:
    """A waybill number as it is kept: no blanks, capital letters, no wide characters of a Chinese input method."""
    return "".join(unicodedata.normalize("NFKC", untrusted).split()).upper()


def check_waybill(carrier: Carrier, untrusted: str) -> str:
    """The number as it is kept.

    Raises:
        Invalid: it doesn't look as this company's numbers do; an example is part of the words.
    """
    number = normalise_waybill(untrusted)
    if not fits(carrier.waybill_pattern, number):
        raise Invalid(
            N_("“%(waybill)s” is no waybill number of %(carrier)s: those look like %(example)s."),
            waybill=number[:LONGEST_WAYBILL],
            carrier=Named(carrier.name_zh, carrier.name_en),
            example=carrier.waybill_example,
        )
    return number


def fits(pattern: str, number: str) -> bool:
    """Whether a normalised number matches a company's pattern as a whole."""
    return 0 < len(number) <= LONGEST_WAYBILL and re.fullmatch(pattern, number, re.ASCII) is not None


def pattern_problem(pattern: str, example: str) -> str | None:
    """What is wrong with a pattern that an administrator enters, as a msgid; None when it can be used.

    An example may be several numbers with a slash between them, for a company that knows more than one form.
    """
    if not 0 < len(pattern) <= LONGEST_PATTERN or _PATTERN.fullmatch(pattern) is None:
        return N_(
            "Use capitals, digits, \\d for a digit, [A-Z] for one of these, {n} or {n,m} for how often, | for or."
        )
    if pattern.count(",") > MOST_RANGES:
        return N_("This pattern leaves too much open: give the exact lengths, with | between them.")
    try:
        re.compile(pattern)
    except re.error:
        return N_("This pattern cannot be read: {n} stands behind what it counts, in {n,m} the smaller number first.")
    if not all(fits(pattern, normalise_waybill(each)) for each in example.split("/")):
        return N_("The example does not fit the pattern.")
    return None


def give_waybill(session: Session, consignment: Consignment, carrier_code: str, untrusted: str) -> Carrier:
    """Put company and checked waybill number on a locked consignment; returns the company.

    Raises:
        NotFound: no such company.
        Invalid: the number is in another form than the company's.
        Conflict: another consignment travels under it; it is named where the session reaches it.
    """
    carrier = get_carrier(session, carrier_code)
    number = check_waybill(carrier, untrusted)
    other = session.scalars(
        select(Consignment.number).where(
            Consignment.carrier_code == carrier.code,
            Consignment.waybill == number,
            Consignment.state != ConsignmentState.CANCELLED,
            Consignment.id != consignment.id,
        )
    ).first()
    if other is not None:
        raise Conflict(N_("Waybill %(waybill)s is on consignment %(number)s already."), waybill=number, number=other)
    try:
        with session.begin_nested():
            consignment.carrier_code, consignment.waybill = carrier.code, number
            session.flush()
    except IntegrityError as error:
        raise Conflict(N_("Waybill %(waybill)s is on another consignment already."), waybill=number) from error
    return carrier
