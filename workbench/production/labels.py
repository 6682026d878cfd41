"""The label on a key: printed when what stands on the token has been read back, and for nothing else.

It says whose key it is and until when it holds; its code is the serial number alone, as a scanner types it.
"""

import io
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Final

import segno
from sqlalchemy import select
from sqlalchemy.orm import Session

from workbench.cases.models import Application
from workbench.kernel.clock import SHANGHAI, now
from workbench.kernel.errors import Conflict, NotFound
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.kernel.permissions import Permission, demand
from workbench.kernel.typesetting import typeset
from workbench.keys.models import Certificate, Token
from workbench.keys.token_states import REFUSALS, TokenState
from workbench.keys.trial import MARK
from workbench.organisation.models import Authority
from workbench.production.journal import record_making
from workbench.production.models import CertificateOrder, Making

MOST: Final = 500
"""Labels of one printing: as many as a batch makes keys."""
_GONE: Final = (TokenState.SPOILED, TokenState.DESTROYED)


@dataclass(frozen=True)
class LabelFacts:
    """What a label says. `valid_until` is a day in Asia/Shanghai; `trial` marks a key no authority vouches for."""

    enterprise_name: str
    serial: str
    number: str
    authority: str
    valid_until: str
    trial: bool


def print_labels(session: Session, actor: Actor, making_ids: Sequence[int]) -> bytes:
    """The labels of these keys as one PDF, a page each, in the order the keys were made.

    The first printing is marked on the key; that one and each other is recorded.

    Raises:
        NotAllowed: the actor doesn't make keys.
        NotFound: no such key.
        Conflict: a key has not been verified, or its token was set aside.
    """
    demand(actor, Permission.KEY_PRODUCE)
    wanted = set(making_ids[:MOST])
    found = session.execute(
        select(Making, Token, Application, Certificate, Authority.short_zh)
        .join(Token, Token.id == Making.token_id)
        .join(Application, Application.id == Making.application_id)
        .join(Authority, Authority.id == Making.authority_id)
        .outerjoin(CertificateOrder, (CertificateOrder.making_id == Making.id) & (CertificateOrder.state == "issued"))
        .outerjoin(Certificate, Certificate.id == CertificateOrder.certificate_id)
        .where(Making.id.in_(wanted))
        .order_by(Making.id)
        .with_for_update(of=Making)
        .execution_options(populate_existing=True)
    ).all()
    if not found or len(found) < len(wanted):
        raise NotFound(N_("There is no such key."))
    labels = [_facts_of(*row) for row in found]
    for making, token, *_others in found:
        again = making.label_printed_at is not None
        making.label_printed_at = making.label_printed_at or now()
        record_making(session, "label.printed", actor, making, serial=token.serial, again=again)
    session.flush()
    return set_labels(labels)


def set_labels(labels: Sequence[LabelFacts]) -> bytes:
    """The labels as they are printed: 50 x 30 mm, a page each."""
    return typeset("key_label", {"labels": [{**asdict(each), "code": _code(each.serial)} for each in labels]})


def _facts_of(
    making: Making, token: Token, application: Application, certificate: Certificate | None, authority: str
) -> LabelFacts:
    if making.state != "made" or certificate is None:
        raise Conflict(
            N_("Token %(serial)s has not been read back and verified: it gets no label."), serial=token.serial
        )
    if token.state in _GONE:
        raise Conflict(REFUSALS[TokenState(token.state)], serial=token.serial)
    return LabelFacts(
        enterprise_name=certificate.enterprise_name,
        serial=token.serial,
        number=application.number,
        authority=authority,
        valid_until=certificate.not_after.astimezone(SHANGHAI).date().isoformat(),
        trial=MARK in certificate.issuer,
    )


def _code(serial: str) -> str:
    """The serial number as a QR code (ISO/IEC 18004), an SVG picture without quiet zone: the label leaves the room."""
    stream = io.BytesIO()
    code = segno.make_qr(serial, error="m", boost_error=False)
    code.save(stream, kind="svg", border=0, xmldecl=False, omitsize=True)
    return stream.getvalue().decode()


def labels_of_batch(session: Session, batch_id: int) -> Iterator[int]:
    """The finished keys of a batch."""
    yield from session.scalars(
        select(Making.id).where(Making.batch_id == batch_id, Making.state == "made").order_by(Making.id)
    )
