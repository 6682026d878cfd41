"""What can be asked of a certification authority (CA), whichever it is, and what it may answer.

A connector keeps no state of its own about cases. Each call carries a transaction id that the caller stored before
asking: asking again under the same id gives the same answer and never a second certificate.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from workbench.keys.revocation import RevocationReason as RevocationReason


class CaUnreachable(Exception):
    """The CA did not answer, or what it answered can't be read. Nobody knows whether it acted: ask again, same id."""


class CaUncertain(CaUnreachable):
    """The CA answers, but not whether it acted on this transaction: asking again won't tell, its operator can.

    The message says what to look up. As long as this stands, nothing else may be asked for in the transaction's place.
    """


class CaMisconfigured(Exception):
    """This connector can't ask at all until somebody changes the configuration; the message says what."""


@dataclass(frozen=True)
class IssueOrder:
    """What is asked for.

    Attributes:
        transaction_id: 32 hexadecimal digits, stored by the caller before.
        request: PKCS #10, DER, signed by the key that shall be certified.
        subject: DER Name that the certificate shall bear, made by the profile.
        not_before, not_after: the wished validity, aware; the CA may shorten it.
    """

    transaction_id: str
    request: bytes
    subject: bytes
    not_before: datetime
    not_after: datetime


@dataclass(frozen=True)
class Issued:
    """The CA has issued: the certificate, DER."""

    certificate: bytes


@dataclass(frozen=True)
class Revoked:
    """The CA has ended the certificate."""

    at: datetime


@dataclass(frozen=True)
class Pending:
    """The CA has taken the request and decides later; ask again under the same id after `check_after`."""

    check_after: timedelta


@dataclass(frozen=True)
class Rejected:
    """The CA has said no, for good. `reason` is the CA's own words, shown to the maker as a quotation."""

    reason: str


class CertificationAuthority(Protocol):
    """One CA. Every method raises CaUnreachable or CaMisconfigured."""

    @property
    def name(self) -> str:
        """How screens and records call it."""

    @property
    def is_trial(self) -> bool:
        """Whether its certificates are for trial only; screens and labels then say so."""

    def issue(self, order: IssueOrder) -> Issued | Pending | Rejected:
        """Ask for a certificate, or for what became of an earlier asking."""

    def revoke(self, transaction_id: str, certificate: bytes, reason: RevocationReason) -> Revoked | Pending | Rejected:
        """Ask to end a certificate (DER). One that had ended already counts as revoked."""

    def chain(self) -> Sequence[bytes]:
        """The CA's own certificates, DER: the one that issues first, the root last."""
