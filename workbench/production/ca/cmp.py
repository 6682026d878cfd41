"""A certification authority that is asked by CMP (RFC 4210, RFC 9483), such as EJBCA. It refuses to guess: what a CA
has not said under its protection has not been said.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from workbench.kernel.clock import now
from workbench.production import sm2
from workbench.production.algorithms import Algorithm
from workbench.production.ca.cmp_chain import Chain
from workbench.production.ca.cmp_composer import Composer, NotGenuine, Refused
from workbench.production.ca.cmp_folder import exchange
from workbench.production.ca.cmp_issuing import USUAL_WAIT, Issuing, carry, not_genuine, words_of
from workbench.production.ca.cmp_messages import CERTIFICATE_REVOKED, WAITING
from workbench.production.ca.cmp_wire import Wire
from workbench.production.ca.connector import (
    CaUnreachable,
    Issued,
    IssueOrder,
    Pending,
    Rejected,
    RevocationReason,
    Revoked,
)
from workbench.production.requests import BadRequest, check_request

_REVOKED = "revoked.txt"


class CmpAuthority:
    """One CA that is reached by `wire` and known by the credentials in `composer`."""

    is_trial = False

    def __init__(
        self, name: str, algorithm: Algorithm, wire: Wire, composer: Composer, chain: Chain, folder: Path
    ) -> None:
        """
        Args:
            folder: where exchanges are kept, one folder each.
        """
        self.name = name
        self._algorithm = algorithm
        self._wire = wire
        self._composer = composer
        self._chain = chain
        self._folder = folder

    def issue(self, order: IssueOrder) -> Issued | Pending | Rejected:
        """As the interface says.

        Raises:
            CaUncertain: what the CA did can only be found out there.
        """
        try:
            check_request(order.request, order.subject, self._algorithm)
            with exchange(self._folder, order.transaction_id) as kept:
                return Issuing(order, kept, self._wire, self._composer, self._chain).go_on()
        except BadRequest as refused:
            return Rejected(str(refused))
        except (sm2.OpensslMissing, sm2.OpensslFailed) as error:
            raise CaUnreachable(f"The request can't be checked: {error}") from error
        except OSError as error:
            raise CaUnreachable(f"What is exchanged with the CA can't be kept: {error.strerror}") from error

    def revoke(self, transaction_id: str, certificate: bytes, reason: RevocationReason) -> Revoked | Pending | Rejected:
        """As the interface says."""
        try:
            with exchange(self._folder, transaction_id) as kept:
                done = kept.find(_REVOKED)
                if done is not None:
                    return Revoked(datetime.fromisoformat(done.decode()))
                answer = self._ask_to_revoke(certificate, reason)
                if isinstance(answer, Revoked):
                    kept.keep(_REVOKED, answer.at.isoformat().encode())
                return answer
        except OSError as error:
            raise CaUnreachable(f"What is exchanged with the CA can't be kept: {error.strerror}") from error

    def chain(self) -> Sequence[bytes]:
        """As the interface says."""
        return self._chain.certificates()

    def _ask_to_revoke(self, certificate: bytes, reason: RevocationReason) -> Revoked | Pending | Rejected:
        """Asking twice ends a certificate once, so nothing has to be remembered of the first asking."""
        content, said = carry(self._wire, self._composer.revocation(certificate, reason))
        try:
            self._composer.judge_revocation(certificate, reason, content)
        except NotGenuine as doubt:
            raise not_genuine(said, doubt) from doubt
        except Refused:
            if CERTIFICATE_REVOKED in said.failures:
                return Revoked(now())
            return Pending(USUAL_WAIT) if said.status == WAITING else Rejected(words_of(said))
        return Revoked(now())
