"""Certificates as ASN.1, one way for every algorithm: what stands in them is put together here, a signer signs it."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from asn1crypto import core, keys, x509
from asn1crypto.pem import armor

from workbench.production.ca.profile import Profile
from workbench.production.ca.signers import Signer

OCSP_SIGNING: Final = "1.3.6.1.5.5.7.3.9"
_SERIAL_BITS: Final = 128
_GENERALIZED_FROM: Final = 2050
"""RFC 5280 4.1.2.5: dates through 2049 are UTCTime."""


@dataclass(frozen=True)
class Issuer:
    """Who issues: its name and key identifier as they stand in what it signs, and its key."""

    name: x509.Name
    key_identifier: bytes
    signer: Signer

    @classmethod
    def of(cls, certificate: bytes, signer: Signer) -> "Issuer":
        """The issuer that this certificate (DER) names."""
        read = x509.Certificate.load(certificate)
        return cls(read.subject, key_identifier_of(signer.public_key), signer)


@dataclass(frozen=True)
class Addresses:
    """Where a certificate says that its standing and its issuer can be asked for; none stands nowhere."""

    crl: Sequence[str] = ()
    ocsp: str | None = None
    issuer: str | None = None


def sign_certificate(
    issuer: Issuer,
    subject: x509.Name,
    public_key: bytes,
    serial: int,
    validity: tuple[datetime, datetime],
    extensions: Sequence[x509.Extension],
) -> bytes:
    """A certificate (DER) for `public_key` (DER SubjectPublicKeyInfo); key identifiers are added to `extensions`."""
    not_before, not_after = validity
    identifiers = [
        _extension("key_identifier", core.OctetString(key_identifier_of(public_key))),
        _extension("authority_key_identifier", x509.AuthorityKeyIdentifier({"key_identifier": issuer.key_identifier})),
    ]
    content = x509.TbsCertificate(
        {
            "version": "v3",
            "serial_number": serial,
            "signature": issuer.signer.signature_algorithm,
            "issuer": issuer.name,
            "validity": {"not_before": time_of(not_before), "not_after": time_of(not_after)},
            "subject": subject,
            "subject_public_key_info": keys.PublicKeyInfo.load(public_key),
            "extensions": [*extensions, *identifiers],
        }
    )
    signed: bytes = x509.Certificate(
        {
            "tbs_certificate": content,
            "signature_algorithm": issuer.signer.signature_algorithm,
            "signature_value": issuer.signer.sign(content.dump()),
        }
    ).dump()
    return signed


def authority_extensions(path_length: int | None) -> list[x509.Extension]:
    """What makes a certificate one of an authority.

    Args:
        path_length: how many authorities may stand below it; None is as many as one likes.
    """
    constraints: dict[str, Any] = {"ca": True}
    if path_length is not None:
        constraints["path_len_constraint"] = path_length
    return [
        _extension("basic_constraints", x509.BasicConstraints(constraints), critical=True),
        _extension("key_usage", x509.KeyUsage({"key_cert_sign", "crl_sign"}), critical=True),
    ]


def responder_extensions() -> list[x509.Extension]:
    """What lets a certificate vouch for its issuer's others, and for nothing else (RFC 6960 4.2.2.2)."""
    return [
        _extension("key_usage", x509.KeyUsage({"digital_signature"}), critical=True),
        _extension("extended_key_usage", x509.ExtKeyUsageSyntax([OCSP_SIGNING])),
        _extension("ocsp_no_check", core.Null()),
    ]


def holder_extensions(profile: Profile, addresses: Addresses) -> list[x509.Extension]:
    """What a holder's certificate says by the profile."""
    extensions = [
        _extension("basic_constraints", x509.BasicConstraints({"ca": False}), critical=True),
        _extension("key_usage", x509.KeyUsage(profile.usages), critical=True),
    ]
    if profile.purposes:
        extensions.append(_extension("extended_key_usage", x509.ExtKeyUsageSyntax(profile.purposes)))
    if profile.policies:
        policies = x509.CertificatePolicies([{"policy_identifier": each} for each in profile.policies])
        extensions.append(_extension("certificate_policies", policies))
    return [*extensions, *_address_extensions(addresses)]


def _address_extensions(addresses: Addresses) -> list[x509.Extension]:
    extensions = []
    if addresses.crl:
        # One point with every address: they are the same list, not parts of it.
        names = x509.GeneralNames([_uri(each) for each in addresses.crl])
        point = {"distribution_point": x509.DistributionPointName("full_name", names)}
        extensions.append(_extension("crl_distribution_points", x509.CRLDistributionPoints([point])))
    access = [("ocsp", addresses.ocsp), ("ca_issuers", addresses.issuer)]
    described = [{"access_method": how, "access_location": _uri(where)} for how, where in access if where]
    if described:
        extensions.append(_extension("authority_information_access", x509.AuthorityInfoAccessSyntax(described)))
    return extensions


def key_identifier_of(public_key: bytes) -> bytes:
    """SHA-1 of the key's bits, as RFC 5280 4.2.1.2 suggests; it names a key and protects nothing."""
    digest: bytes = keys.PublicKeyInfo.load(public_key).sha1
    return digest


def time_of(instant: datetime) -> x509.Time:
    """An instant as certificates state it, to the second."""
    whole = instant.astimezone(UTC).replace(microsecond=0)
    if whole.year < _GENERALIZED_FROM:
        return x509.Time("utc_time", core.UTCTime(whole))
    return x509.Time("general_time", core.GeneralizedTime(whole))


def new_serial() -> int:
    """A serial number nobody can guess: 128 random bits behind a fixed one, so that all are equally long."""
    return 1 << _SERIAL_BITS | secrets.randbits(_SERIAL_BITS)


def to_pem(certificate: bytes) -> bytes:
    """A certificate (DER) as PEM."""
    text: bytes = armor("CERTIFICATE", certificate)
    return text


def _uri(address: str) -> x509.GeneralName:
    return x509.GeneralName("uniform_resource_identifier", x509.URI(address))


def _extension(kind: str, value: core.Asn1Value, *, critical: bool = False) -> x509.Extension:
    return x509.Extension({"extn_id": kind, "critical": critical, "extn_value": core.ParsableOctetString(value.dump())})
