"""What the CA should have been asked for by now and was not, because a job failed or was lost: it is asked after all.
Nothing stays behind unasked; what is asked of a CA that does not answer goes on waiting longer and longer.
"""

from collections.abc import Callable, Sequence
from typing import Final

import structlog
from sqlalchemy import Select, func, select
from sqlalchemy.orm import InstrumentedAttribute

from workbench.kernel.clock import ago
from workbench.kernel.parts import Parts
from workbench.production import issuing, revoking
from workbench.production.models import CertificateOrder, RevocationOrder

OVERDUE_SECONDS: Final = 120
"""After the time at which a job should have asked."""
MOST: Final = 50
"""Asked in one go; each may take as long as the CA lets us wait."""
_LOG = structlog.get_logger("production")


def ask_overdue(parts: Parts) -> int:
    """Ask for what is overdue, the oldest first; returns how many were asked for. One that fails holds up no other."""
    with parts.work() as session:
        ended = session.scalars(_overdue(RevocationOrder.certificate_id, RevocationOrder, revoking.OPEN)).all()
        orders = session.scalars(_overdue(CertificateOrder.id, CertificateOrder, issuing.OPEN)).all()
    asked = [_asked(revoking.ask_revocation, parts, each) for each in ended]
    return sum(asked) + sum(_asked(issuing.ask, parts, each) for each in orders)


def _overdue(
    what: InstrumentedAttribute[int], table: type[CertificateOrder | RevocationOrder], open_: Sequence[str]
) -> Select[int]:
    due = func.coalesce(table.ask_again_at, table.ordered_at)
    return (
        select(what)
        .where(table.state.in_(open_), due < ago(seconds=OVERDUE_SECONDS))
        .order_by(table.ordered_at)
        .limit(MOST)
    )


def _asked(ask: Callable[[Parts, int], None], parts: Parts, what: int) -> bool:
    try:
        ask(parts, what)
    except Exception:
        _LOG.exception("asking_failed", asked=ask.__name__, what=what)
        return False
    return True
