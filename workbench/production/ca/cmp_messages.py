"""CMP messages (RFC 4210, RFC 9480) as far as a client reads them. What is read here is not yet known to be genuine:
that is for openssl to say.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from asn1crypto import core, parser

from workbench.production.ca import cmp_syntax as syntax

ACCEPTED: Final = frozenset({0, 1})
"""PKIStatus (RFC 4210 5.2.3) of what was granted: as asked for, or with changes."""
REJECTION: Final = 2
WAITING: Final = 3
REVOKED: Final = frozenset({0, 1, 4, 5})
"""PKIStatus of a revocation that has happened or is about to."""
CERTIFICATE_REVOKED: Final = "certRevoked"
CERTIFICATE_CONFIRMED: Final = "certConfirmed"
UNKNOWN_SENDER: Final = frozenset({"badMessageCheck", "signerNotTrusted"})
"""How a CA says that it does not know who is asking."""
REPEATED: Final = frozenset({"transactionIdInUse", "duplicateCertReq"})
"""How a CA says that it has heard this before."""
_FAILURES: Final = (
    "badAlg",
    "badMessageCheck",
    "badRequest",
    "badTime",
    "badCertId",
    "badDataFormat",
    "wrongAuthority",
    "incorrectData",
    "missingTimeStamp",
    "badPOP",
    "certRevoked",
    "certConfirmed",
    "wrongIntegrity",
    "badRecipientNonce",
    "timeNotAvailable",
    "unacceptedPolicy",
    "unacceptedExtension",
    "addInfoNotAvailable",
    "badSenderNonce",
    "badCertTemplate",
    "signerNotTrusted",
    "transactionIdInUse",
    "unsupportedVersion",
    "notAuthorized",
    "systemUnavail",
    "systemFailure",
    "duplicateCertReq",
)
"""PKIFailureInfo by the bit that stands for it."""
_BODIES: Final = {1: "ip", 3: "cp", 8: "kup", 12: "rp", 19: "pkiconf", 23: "error", 24: "certConf", 26: "pollRep"}
_CONTEXT: Final = 2
_CONFIRM_WAIT_TIME: Final = "1.3.6.1.5.5.7.4.14"
_LONGEST_WORDS: Final = 300


class Unreadable(Exception):
    """These bytes are no CMP message a client could make use of."""


@dataclass(frozen=True)
class Message:
    """What one message says. `status` is None in messages that carry none.

    Attributes:
        body: cp, rp, pkiconf, error, certConf or pollRep; other kinds are never read.
        words: the CA's own, its names for what failed included; one line.
        certificate: DER.
        confirm_until: how long the CA waits for the confirmation of its certificate, where it says so.
    """

    body: str
    transaction_id: bytes
    sender_nonce: bytes
    recipient_nonce: bytes
    extra_certificates: tuple[bytes, ...]
    confirm_until: datetime | None
    status: int | None = None
    failures: frozenset[str] = frozenset()
    words: str = ""
    certificate: bytes | None = None
    check_after: timedelta | None = None


def read_message(untrusted: bytes) -> Message:
    """A message of a CA, or one of our own.

    Raises:
        Unreadable: it is none that a client reads.
    """
    try:
        return _read(untrusted)
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError) as error:
        raise Unreadable(f"this is no CMP message: {str(error)[:100]}") from error


def read_nonces(own: bytes) -> tuple[bytes, bytes]:
    """Transaction id and sender's nonce of a message that we composed, whatever its kind."""
    header = syntax.Message.load(own)["header"]
    return _octets(header, "transaction_id"), _octets(header, "sender_nonce")


def _read(content: bytes) -> Message:
    message = syntax.Message.load(content, strict=True)
    header, body = message["header"], message["body"]
    tag_class, _, tag, _, inside, _ = parser.parse(body.dump(), strict=True)
    kind = _BODIES.get(tag) if tag_class == _CONTEXT else None
    if kind is None:
        raise ValueError(f"a body of the kind {tag}")
    return Message(
        body=kind,
        transaction_id=_octets(header, "transaction_id"),
        sender_nonce=_octets(header, "sender_nonce"),
        recipient_nonce=_octets(header, "recipient_nonce"),
        extra_certificates=tuple(each.dump() for each in _items(message["extra_certificates"])),
        confirm_until=_confirm_until(header),
        **_said(kind, inside),
    )


def _said(kind: str, content: bytes) -> dict[str, Any]:
    """What a body of this kind says, as fields of a message."""
    if kind in ("ip", "cp", "kup"):
        (response,) = syntax.CertificateReply.load(content, strict=True)["responses"]
        certificate = None
        if isinstance(response["pair"], syntax.CertifiedPair) and response["pair"]["certificate"].name == "certificate":
            certificate = response["pair"]["certificate"].chosen.untag().dump()
        return {"certificate": certificate, **_status(response["status"])}
    if kind == "rp":
        (status,) = syntax.RevocationReply.load(content, strict=True)["statuses"]
        return _status(status)
    if kind == "error":
        error = syntax.Error.load(content, strict=True)
        return _status(error["status"], _items(error["details"]))
    if kind == "pollRep":
        (poll,) = syntax.Polls.load(content, strict=True)
        return {"check_after": timedelta(seconds=poll["check_after"].native)}
    if kind == "certConf":
        (confirmed,) = syntax.Confirmations.load(content, strict=True)
        return _status(confirmed["status"]) if isinstance(confirmed["status"], syntax.Status) else {"status": 0}
    return {}


def _status(status: syntax.Status, details: Any = ()) -> dict[str, Any]:
    bits = status["failures"].native or ()
    failures = [name for name, bit in zip(_FAILURES, _bits(bits), strict=False) if bit]
    texts = [str(each.native) for each in (*_items(status["words"]), *details)]
    told = [" ".join("".join(c if c.isprintable() else " " for c in each).split()) for each in texts]
    words = "; ".join(each for each in [*told, *failures] if each)
    return {"status": status["status"].native, "failures": frozenset(failures), "words": words[:_LONGEST_WORDS]}


def _bits(native: Any) -> Any:
    return native if isinstance(native, tuple) else ()


def _items(sequence: Any) -> Any:
    """The members of an optional sequence."""
    return () if isinstance(sequence, core.Void) else sequence


def _octets(header: syntax.Header, field: str) -> bytes:
    return header[field].native or b""


def _confirm_until(header: syntax.Header) -> datetime | None:
    for info in _items(header["general_info"]):
        if info["type"].dotted == _CONFIRM_WAIT_TIME:
            until: datetime = core.GeneralizedTime.load(info["value"].dump()).native
            return until
    return None
