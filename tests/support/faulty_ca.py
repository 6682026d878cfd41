"""A CA that fails as told, around the installation's own: down before or after it acted, slow, saying no, or issuing
what nobody asked for. What it has done is kept in order.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from workbench.kernel.clock import now
from workbench.production import giving, issuing, revoking
from workbench.production.ca.choosing import load_authority
from workbench.production.ca.connector import (
    CaMisconfigured,
    CaUnreachable,
    CertificationAuthority,
    Issued,
    IssueOrder,
    Pending,
    Rejected,
    RevocationReason,
    Revoked,
)

Said = Issued | Pending | Rejected


@dataclass
class FaultyCa:
    """What happens to the next askings, in order, by name; without any, the CA answers as it does.

    Attributes:
        issuing: "down" (it never hears), "lost" (it issues, nobody hears), "rejected", "pending", "misconfigured",
            "wrong" (see there).
        revoking: "down", "lost", "rejected", "pending".
        wrong: what is issued instead of what was asked for.
        done: what it did, each with the instant: "issued" with the request, "revoked" with the certificate.
    """

    issuing: list[str] = field(default_factory=list)
    revoking: list[str] = field(default_factory=list)
    wrong: Callable[[CertificationAuthority, IssueOrder], bytes] | None = None
    done: list[tuple[str, bytes, datetime]] = field(default_factory=list)

    def install(self, environment: pytest.MonkeyPatch) -> None:
        """Stand between the product and its CA."""
        for room in (giving, issuing, revoking):
            environment.setattr(room, "load_authority", lambda parts: _Faulty(self, load_authority(parts)))


@dataclass
class _Faulty:
    told: FaultyCa
    real: CertificationAuthority

    @property
    def name(self) -> str:
        return self.real.name

    @property
    def is_trial(self) -> bool:
        return self.real.is_trial

    def chain(self) -> Sequence[bytes]:
        return self.real.chain()

    def issue(self, order: IssueOrder) -> Said:
        fault = self.told.issuing.pop(0) if self.told.issuing else ""
        if fault == "down":
            raise CaUnreachable("ordered: it does not answer")
        if fault == "misconfigured":
            raise CaMisconfigured("ordered: set something")
        if fault == "pending":
            return Pending(timedelta(seconds=1))
        if fault == "rejected":
            return Rejected("示例：不予签发")
        if fault == "wrong":
            assert self.told.wrong is not None
            return Issued(self.told.wrong(self.real, order))
        answer = self.real.issue(order)
        self.told.done.append(("issued", order.request, now()))
        if fault == "lost":
            raise CaUnreachable("ordered: its answer is lost")
        return answer

    def revoke(self, transaction_id: str, certificate: bytes, reason: RevocationReason) -> Revoked | Pending | Rejected:
        fault = self.told.revoking.pop(0) if self.told.revoking else ""
        if fault == "down":
            raise CaUnreachable("ordered: it does not answer")
        if fault == "pending":
            return Pending(timedelta(seconds=1))
        if fault == "rejected":
            return Rejected("示例：不予吊销")
        answer = self.real.revoke(transaction_id, certificate, reason)
        self.told.done.append(("revoked", certificate, now()))
        if fault == "lost":
            raise CaUnreachable("ordered: its answer is lost")
        return answer


def in_order(told: FaultyCa) -> list[str]:
    """What the CA did, oldest first."""
    return [what for what, _, _ in told.done]
