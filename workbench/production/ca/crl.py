"""Revocation lists (RFC 5280 section 5) of the embedded authority: made, numbered, and published as files."""

import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from asn1crypto import core, crl

from workbench.production.ca.certificates import Issuer, time_of
from workbench.production.ca.connector import RevocationReason

LIFE: Final = timedelta(days=7)
"""After this a reader must not rely on a list any more."""
RENEWED_AFTER: Final = timedelta(days=1)
"""A list that is older is made anew before it is handed out."""
REASON_NAMES: Final = {
    RevocationReason.KEY_COMPROMISE: "key_compromise",
    RevocationReason.AFFILIATION_CHANGED: "affiliation_changed",
    RevocationReason.SUPERSEDED: "superseded",
    RevocationReason.CESSATION_OF_OPERATION: "cessation_of_operation",
}
"""As the ASN.1 library calls them; a reason that says nothing is left out (RFC 5280 5.3.1)."""


@dataclass(frozen=True)
class RevokedEntry:
    """A certificate that has ended before its time."""

    serial: int
    at: datetime
    reason: RevocationReason


def make_crl(issuer: Issuer, entries: Sequence[RevokedEntry], at: datetime, number: int) -> bytes:
    """A list (DER, version 2) of everything in `entries`, valid for a week from `at`."""
    content: dict[str, Any] = {
        "version": "v2",
        "signature": issuer.signer.signature_algorithm,
        "issuer": issuer.name,
        "this_update": time_of(at),
        "next_update": time_of(at + LIFE),
        "crl_extensions": [
            {
                "extn_id": "authority_key_identifier",
                "extn_value": core.ParsableOctetString(_key_identifier(issuer).dump()),
            },
            {"extn_id": "crl_number", "extn_value": core.ParsableOctetString(core.Integer(number).dump())},
        ],
    }
    if entries:  # an empty list of them must be absent
        content["revoked_certificates"] = [_entry(each) for each in entries]
    listed = crl.TbsCertList(content)
    made: bytes = crl.CertificateList(
        {
            "tbs_cert_list": listed,
            "signature_algorithm": issuer.signer.signature_algorithm,
            "signature": issuer.signer.sign(listed.dump()),
        }
    ).dump()
    return made


def next_number(published: bytes | None, at: datetime) -> int:
    """A number above that of the list in place: the instant in milliseconds, unless a clock went back."""
    number = int(at.timestamp() * 1000)
    if published is None:
        return number
    before: int = crl.CertificateList.load(published).crl_number_value.native
    return max(number, before + 1)


def is_fresh(published: bytes, at: datetime) -> bool:
    """Whether a list may still be handed out without making it anew."""
    began: datetime = crl.CertificateList.load(published)["tbs_cert_list"]["this_update"].native
    return began <= at < began + RENEWED_AFTER


def publish(path: Path, made: bytes) -> None:
    """Put a list in the place of the one before, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with temporary.open("xb") as file:
            file.write(made)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def find_published(path: Path) -> bytes | None:
    """The list in place; None when there is none, or when what is there can't be read as one."""
    try:
        found = path.read_bytes()
        crl.CertificateList.load(found, strict=True)["tbs_cert_list"]["this_update"].native  # noqa: B018 - parses
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return found


def _entry(entry: RevokedEntry) -> dict[str, Any]:
    told: dict[str, Any] = {"user_certificate": entry.serial, "revocation_date": time_of(entry.at)}
    if name := REASON_NAMES.get(entry.reason):
        reason = core.ParsableOctetString(crl.CRLReason(name).dump())
        told["crl_entry_extensions"] = [{"extn_id": "crl_reason", "extn_value": reason}]
    return told


def _key_identifier(issuer: Issuer) -> core.Asn1Value:
    return crl.AuthorityKeyIdentifier({"key_identifier": issuer.key_identifier})
