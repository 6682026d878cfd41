"""Back to the enterprise from production: no seal can be made from the confirmation letter that came, so another is
asked for. The case comes again through both review desks, as every correction does.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from workbench.cases.models import Application
from workbench.cases.service import advance, get_case
from workbench.cases.states import Action
from workbench.kernel.clock import now
from workbench.kernel.errors import Conflict
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.production.models import Making
from workbench.production.seals.queries import find_live


def ask_for_another_letter(
    session: Session, actor: Actor, application_id: int, remark: str, *, seen_version: int
) -> Application:
    """Send a case back with a remark on its seal confirmation letter; what was cut out of it before counts no more.

    Raises:
        NotFound: no such case.
        NotAllowed: the actor makes no keys, or has decided on the case at another desk.
        Conflict: the case has changed, is not in production, or a token has been allocated to it.
        Invalid: no remark, or one that is too long.
    """
    application = get_case(session, actor, application_id, lock=True)
    at_work = select(Making.id).where(Making.application_id == application.id, Making.state == "open")
    if session.scalar(at_work) is not None:
        raise Conflict(N_("A token has been allocated to this case: put it back first."))
    live = find_live(session, application.id, lock=True)
    if live is not None:
        live.superseded_at = now()
    return advance(session, application.id, Action.PRODUCTION_FAIL, actor, remark=remark, seen_version=seen_version)
