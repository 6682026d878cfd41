"""The ASN.1 of CMP messages (RFC 4210 appendix F) that a client reads, in the order of the standard.

What only a CA reads is left as it comes.
"""

from typing import Any, ClassVar

from asn1crypto import core, x509

Fields = list[Any]


class Unread(core.Sequence):
    """What nobody here looks into. Not `core.Any`, which in an optional field would swallow the field after it."""


class FreeText(core.SequenceOf):
    """PKIFreeText."""

    _child_spec = core.UTF8String


class Info(core.Sequence):
    """InfoTypeAndValue."""

    _fields: ClassVar[Fields] = [("type", core.ObjectIdentifier), ("value", core.Any, {"optional": True})]


class Infos(core.SequenceOf):
    """GeneralInfo."""

    _child_spec = Info


class Certificates(core.SequenceOf):
    """A row of certificates."""

    _child_spec = x509.Certificate


class Header(core.Sequence):
    """PKIHeader."""

    _fields: ClassVar[Fields] = [
        ("pvno", core.Integer),
        ("sender", x509.GeneralName),
        ("recipient", x509.GeneralName),
        ("message_time", core.GeneralizedTime, {"explicit": 0, "optional": True}),
        ("protection_algorithm", Unread, {"explicit": 1, "optional": True}),
        ("sender_key", core.OctetString, {"explicit": 2, "optional": True}),
        ("recipient_key", core.OctetString, {"explicit": 3, "optional": True}),
        ("transaction_id", core.OctetString, {"explicit": 4, "optional": True}),
        ("sender_nonce", core.OctetString, {"explicit": 5, "optional": True}),
        ("recipient_nonce", core.OctetString, {"explicit": 6, "optional": True}),
        ("free_text", FreeText, {"explicit": 7, "optional": True}),
        ("general_info", Infos, {"explicit": 8, "optional": True}),
    ]


class Message(core.Sequence):
    """PKIMessage; its body is read by its tag."""

    _fields: ClassVar[Fields] = [
        ("header", Header),
        ("body", core.Any),
        ("protection", core.BitString, {"explicit": 0, "optional": True}),
        ("extra_certificates", Certificates, {"explicit": 1, "optional": True}),
    ]


class Status(core.Sequence):
    """PKIStatusInfo."""

    _fields: ClassVar[Fields] = [
        ("status", core.Integer),
        ("words", FreeText, {"optional": True}),
        ("failures", core.BitString, {"optional": True}),
    ]


class Statuses(core.SequenceOf):
    """The states of a RevRepContent."""

    _child_spec = Status


class CertificateOrEncrypted(core.Choice):
    """CertOrEncCert."""

    _alternatives: ClassVar[Fields] = [
        ("certificate", x509.Certificate, {"explicit": 0}),
        ("encrypted", Unread, {"explicit": 1}),
    ]


class CertifiedPair(core.Sequence):
    """CertifiedKeyPair."""

    _fields: ClassVar[Fields] = [
        ("certificate", CertificateOrEncrypted),
        ("private_key", Unread, {"explicit": 0, "optional": True}),
        ("publication", Unread, {"explicit": 1, "optional": True}),
    ]


class Response(core.Sequence):
    """CertResponse."""

    _fields: ClassVar[Fields] = [
        ("request_id", core.Integer),
        ("status", Status),
        ("pair", CertifiedPair, {"optional": True}),
        ("info", core.OctetString, {"optional": True}),
    ]


class Responses(core.SequenceOf):
    """The responses of a CertRepMessage."""

    _child_spec = Response


class CertificateReply(core.Sequence):
    """CertRepMessage."""

    _fields: ClassVar[Fields] = [
        ("authorities", Certificates, {"explicit": 1, "optional": True}),
        ("responses", Responses),
    ]


class RevocationReply(core.Sequence):
    """RevRepContent."""

    _fields: ClassVar[Fields] = [
        ("statuses", Statuses),
        ("certificates", Unread, {"explicit": 0, "optional": True}),
        ("lists", Unread, {"explicit": 1, "optional": True}),
    ]


class Error(core.Sequence):
    """ErrorMsgContent."""

    _fields: ClassVar[Fields] = [
        ("status", Status),
        ("code", core.Integer, {"optional": True}),
        ("details", FreeText, {"optional": True}),
    ]


class Poll(core.Sequence):
    """One of PollRepContent."""

    _fields: ClassVar[Fields] = [
        ("request_id", core.Integer),
        ("check_after", core.Integer),
        ("reason", FreeText, {"optional": True}),
    ]


class Polls(core.SequenceOf):
    """PollRepContent."""

    _child_spec = Poll


class Confirmed(core.Sequence):
    """CertStatus."""

    _fields: ClassVar[Fields] = [
        ("hash", core.OctetString),
        ("request_id", core.Integer),
        ("status", Status, {"optional": True}),
        ("hash_algorithm", Unread, {"explicit": 0, "optional": True}),
    ]


class Confirmations(core.SequenceOf):
    """CertConfirmContent."""

    _child_spec = Confirmed
