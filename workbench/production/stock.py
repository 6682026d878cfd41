"""The verbs of the token stock: a delivery is taken in, a token that is no good is set aside, and destroyed.

A delivery comes in whole or not at all. A token that is in work on a bench, or holds a good certificate, is refused
here, and where it goes instead is said.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import ARRAY, String, any_, literal, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from workbench.cases.models import Application
from workbench.kernel import audit
from workbench.kernel.clock import now
from workbench.kernel.errors import Conflict, Invalid, WorkbenchError
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.kernel.permissions import Permission, demand
from workbench.keys.models import Certificate, Token
from workbench.keys.token_states import (
    HELD_ELSEWHERE,
    REFUSALS,
    Custodian,
    TokenMove,
    TokenState,
    find_token_transition,
)
from workbench.keys.tokens import get_token, move, take_in_many
from workbench.production.models import Making
from workbench.production.stock_file import Delivery, Fault, problem

MOST_AT_ONCE: Final = 500
"""Tokens destroyed by one act."""


class DeliveryRefused(Conflict):
    """Nothing of the delivery was taken in; `delivery` holds what speaks against it, by line."""

    def __init__(self, delivery: Delivery) -> None:
        super().__init__(
            N_("Nothing was taken in: %(count)d lines of the list have to be put right first."),
            count=len(delivery.problems),
        )
        self.delivery = delivery


def checked(session: Session, delivery: Delivery) -> Delivery:
    """The delivery with what the stock has against it: serials that are known already, each with the box it is in."""
    serials = [row.serial for row in delivery.rows]
    known = select(Token.serial, Token.box).where(Token.serial == any_(literal(serials, ARRAY(String))))
    boxes = {serial: box for serial, box in session.execute(known)}
    told = {each.line for each in delivery.problems}
    rows = [row for row in delivery.rows if row.serial in boxes and row.line not in told]
    return delivery.also(problem(row.line, row.serial, Fault.IN_STOCK, box=boxes[row.serial]) for row in rows)


def take_in_delivery(session: Session, actor: Actor, delivery: Delivery) -> int:
    """Take all tokens of a list into the vendor's stock; returns how many.

    The same tokens delivered twice at once are taken in by whoever comes first.

    Raises:
        NotAllowed: the actor doesn't keep the stock.
        DeliveryRefused: something speaks against a line, or against the list.
    """
    demand(actor, Permission.STOCK_MANAGE)
    delivery = checked(session, delivery)
    if delivery.problems:
        raise DeliveryRefused(delivery)
    try:
        with session.begin_nested():
            take_in_many(session, actor, [(row.serial, row.model, row.box) for row in delivery.rows])
    except IntegrityError as error:
        delivery = checked(session, delivery)
        if not delivery.problems:
            raise
        raise DeliveryRefused(delivery) from error
    audit.record(
        session,
        "delivery.taken_in",
        actor,
        subject=f"delivery:{delivery.sha256}",
        after={
            "count": len(delivery.rows),
            "boxes": sorted({row.box for row in delivery.rows}),
            "name": delivery.name,
            "sha256": delivery.sha256,
        },
    )
    return len(delivery.rows)


def why_not_spoiled(session: Session, token: Token) -> WorkbenchError | None:
    """What stands against setting this token aside here, with where to go instead; None when nothing does."""
    if find_token_transition(TokenState(token.state), TokenMove.SPOIL) is None:
        return Conflict(REFUSALS[TokenState(token.state)], serial=token.serial)
    if token.custodian not in (Custodian.VENDOR_STOCK, Custodian.MAKER):
        return Conflict(HELD_ELSEWHERE[Custodian(token.custodian)], serial=token.serial)
    number = session.scalar(
        select(Application.number)
        .join(Making, Making.application_id == Application.id)
        .where(Making.token_id == token.id, Making.state == "open")
    )
    if number is not None:
        return Conflict(
            N_("Token %(serial)s is in work for case %(number)s: scan it at the bench and set it aside there."),
            serial=token.serial,
            number=number,
        )
    good = select(Certificate.id).where(
        Certificate.token_id == token.id, Certificate.state == "valid", Certificate.not_after > now()
    )
    if session.scalars(good.limit(1)).one_or_none() is not None:
        return Conflict(
            N_("The certificate on token %(serial)s is good: revoke it first, on the certificate's page."),
            serial=token.serial,
        )
    return None


def spoil(session: Session, actor: Actor, serial: str, remark: str) -> Token:
    """Set a token of the stock aside for good.

    Raises:
        NotAllowed: the actor doesn't keep the stock.
        NotFound: no such token.
        Conflict: it is in work, holds a good certificate, or was set aside before.
        Invalid: no remark.
    """
    demand(actor, Permission.STOCK_MANAGE)
    token = get_token(session, serial, lock=True)
    if (against := why_not_spoiled(session, token)) is not None:
        raise against
    return _move_as_it_is(session, actor, token, TokenMove.SPOIL, remark)


def destroy(session: Session, actor: Actor, serials: Sequence[str], remark: str) -> int:
    """Destroy tokens that were set aside, all of them or none; returns how many.

    Raises:
        NotAllowed: the actor doesn't keep the stock.
        NotFound: one is not in stock.
        Conflict: one was not set aside before, or carried a certificate, so that a second person has to sign.
        Invalid: no remark, no token, or too many.
    """
    demand(actor, Permission.STOCK_MANAGE)
    wanted = sorted(set(serials))  # in one order, so that two who destroy the same tokens wait for each other
    if not wanted:
        raise Invalid(N_("Select at least one token."))
    if len(wanted) > MOST_AT_ONCE:
        raise Invalid(N_("At most %(limit)d tokens at once."), limit=MOST_AT_ONCE)
    for serial in wanted:
        token = get_token(session, serial, lock=True)
        if token.state != TokenState.SPOILED:
            raise Conflict(REFUSALS[TokenState(token.state)], serial=token.serial)
        if session.scalars(select(Certificate.id).where(Certificate.token_id == token.id).limit(1)).first() is not None:
            raise Conflict(
                N_("Token %(serial)s carried a certificate: two people destroy it, on the page of returns."),
                serial=token.serial,
            )
        _move_as_it_is(session, actor, token, TokenMove.DESTROY, remark)
    return len(wanted)


def _move_as_it_is(session: Session, actor: Actor, token: Token, what: TokenMove, remark: str) -> Token:
    """Move a token that stays whose it was, so that its case keeps knowing what became of it."""
    return move(
        session,
        token.id,
        what,
        actor,
        authority_id=token.authority_id,
        application_id=token.application_id,
        remark=remark,
    )
