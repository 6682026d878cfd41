"""Whether a key may travel: finished, in the packer's hands, its case waiting, its certificate valid at this moment.

What was fit when it was packed may be so no longer; whatever is not is named and has to be taken out.
"""

from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from workbench.cases.models import Application
from workbench.cases.words import State
from workbench.dispatch.models import Consignment, ConsignmentItem
from workbench.kernel.clock import now
from workbench.kernel.errors import Conflict
from workbench.kernel.messages import N_
from workbench.keys.models import Certificate, Token
from workbench.keys.token_states import Custodian, TokenState

NAMED: Final = 5
"""Serials that one sentence names."""


def refuse_unfit(session: Session, consignment: Consignment) -> None:
    """Stop a consignment with a key that was fit to travel when it was packed and is so no longer.

    Raises:
        Conflict: naming the keys; they have to be taken out.
    """
    found = session.execute(
        select(Token.serial, Token.state, Token.custodian, Application.state)
        .join(ConsignmentItem, ConsignmentItem.token_id == Token.id)
        .join(Application, Application.id == ConsignmentItem.application_id)
        .where(ConsignmentItem.consignment_id == consignment.id, ConsignmentItem.settled_at.is_(None))
        .order_by(ConsignmentItem.box, ConsignmentItem.id)
        .add_columns(has_good_certificate())
    )
    serials = [serial for serial, *standing in found if not _is_fit(*standing)]
    if serials:
        named = "、".join(serials[:NAMED]) + (" …" if len(serials) > NAMED else "")
        raise Conflict(
            N_("These keys may no longer be sent, take them out first: %(serials)s (%(count)d)."),
            serials=named,
            count=len(serials),
        )


def _is_fit(token_state: str, custodian: str, case_state: str, certified: bool) -> bool:
    in_hand = token_state == TokenState.PERSONALISED and custodian == Custodian.PACKER
    return in_hand and case_state == State.MADE and certified


def has_good_certificate() -> Any:
    """Whether a token of the statement around it holds a certificate that is valid now."""
    return (
        select(Certificate.id)
        .where(Certificate.token_id == Token.id, Certificate.state == "valid", Certificate.not_after > now())
        .exists()
    )
