"""The certificate profile: what certificates for e-keys say besides whom they name, from a TOML file or the default.

Where the credit code, the enterprise's name and the holder stand in a subject is not for a profile to choose:
`workbench.keys.subject` reads them there, and a certificate it can't read opens no door.
"""

import re
import tomllib
import unicodedata
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

from asn1crypto import core, x509
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from workbench.kernel.codes import normalise_uscc, uscc_problem
from workbench.kernel.errors import Invalid
from workbench.kernel.messages import N_
from workbench.keys.subject import CODE_ATTRIBUTE, ENTERPRISE_ATTRIBUTE, HOLDER_ATTRIBUTE
from workbench.production.ca.connector import CaMisconfigured

UPPER_BOUND: Final = 64
"""Characters of a name or a commonName: RFC 5280 appendix A.1, ub-organization-name and ub-common-name."""
CLOCK_TOLERANCE: Final = timedelta(minutes=5)
"""Certificates begin this much before they are made: the clocks that will judge them are not ours."""
KEY_USAGES: Final = {
    "digitalSignature": "digital_signature",
    "nonRepudiation": "non_repudiation",
    "keyEncipherment": "key_encipherment",
    "dataEncipherment": "data_encipherment",
    "keyAgreement": "key_agreement",
}
"""What a holder's key may be used for, by RFC 5280's name; signing certificates is not among it."""
PURPOSES: Final = {
    "clientAuth": "1.3.6.1.5.5.7.3.2",
    "codeSigning": "1.3.6.1.5.5.7.3.3",
    "emailProtection": "1.3.6.1.5.5.7.3.4",
    "timeStamping": "1.3.6.1.5.5.7.3.8",
    "documentSigning": "1.3.6.1.5.5.7.3.36",
    "smartcardLogon": "1.3.6.1.4.1.311.20.2.2",
    "anyExtendedKeyUsage": "2.5.29.37.0",
}
_SIGNING_IN: Final = frozenset({PURPOSES["clientAuth"], PURPOSES["anyExtendedKeyUsage"]})
_FIXED: Final = {
    "organizationalUnitName": "2.5.4.11",
    "stateOrProvinceName": "2.5.4.8",
    "localityName": "2.5.4.7",
    "streetAddress": "2.5.4.9",
    "businessCategory": "2.5.4.15",
    "title": "2.5.4.12",
    "description": "2.5.4.13",
}
"""What a profile may add to every subject, by X.520's name."""
_COUNTRY: Final = "2.5.4.6"
_OID: Final = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+")

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Address = Annotated[str, StringConstraints(pattern=r"^https?://[^\s{}]+(\{name\}[^\s{}]*)?$", max_length=500)]
ObjectIdentifier = Annotated[str, StringConstraints(pattern=rf"^{_OID.pattern}$", max_length=100)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class FixedAttribute(_Part):
    """An attribute that stands in every subject."""

    attribute: str
    value: Text

    @field_validator("attribute")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in _FIXED:
            raise ValueError(f"one of {', '.join(_FIXED)}")
        return name


class SubjectRules(_Part):
    """What stands in every subject beside the enterprise, its code and the holder."""

    country: str = Field(default="CN", pattern=r"^([A-Z]{2})?$", description="Two letters, or nothing at all.")
    fixed: tuple[FixedAttribute, ...] = Field(default=(), strict=False, max_length=10)


class Profile(_Part):
    """What certificates are like. Names are those of RFC 5280; the addresses may hold {name}, the authority's name.

    Attributes:
        validity_days: how long certificates live.
        longest_name: characters an enterprise's name may have. RFC 5280 allows 64; a CA may take more.
        extended_key_usage: names or object identifiers; none leaves the extension out.
        policies: object identifiers of certificate policies.
        crl_urls, ocsp_url, issuer_url: where to ask whether a certificate still holds, and who issued it; unset, the
            embedded authority names its own addresses.
    """

    validity_days: int = Field(default=730, ge=1, le=3650)
    longest_name: int = Field(default=UPPER_BOUND, ge=1, le=200)
    key_usage: tuple[str, ...] = Field(default=("digitalSignature", "nonRepudiation"), strict=False)
    extended_key_usage: tuple[str, ...] = Field(default=("clientAuth",), strict=False)
    policies: tuple[ObjectIdentifier, ...] = Field(default=(), strict=False, max_length=10)
    crl_urls: tuple[Address, ...] = Field(default=(), strict=False, max_length=5)
    ocsp_url: Address | None = None
    issuer_url: Address | None = None
    subject: SubjectRules = SubjectRules()

    @field_validator("key_usage")
    @classmethod
    def _usages(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        _all_known(names, KEY_USAGES)
        if "digitalSignature" not in names:
            raise ValueError("digitalSignature must be among them: holders sign in with their keys")
        return names

    @field_validator("extended_key_usage")
    @classmethod
    def _purposes(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        _all_known([each for each in names if not _OID.fullmatch(each)], PURPOSES)
        if names and _SIGNING_IN.isdisjoint(PURPOSES.get(each, each) for each in names):
            raise ValueError("clientAuth must be among them: holders sign in with their keys")
        return names

    @property
    def usages(self) -> set[str]:
        """The key usages as the ASN.1 library names them."""
        return {KEY_USAGES[each] for each in self.key_usage}

    @property
    def purposes(self) -> list[str]:
        """The extended key usages as object identifiers."""
        return [PURPOSES.get(each, each) for each in self.extended_key_usage]

    def validity_from(self, at: datetime) -> tuple[datetime, datetime]:
        """When a certificate made at this instant begins and ends."""
        return at - CLOCK_TOLERANCE, at + timedelta(days=self.validity_days)


def load_profile(path: Path | None) -> Profile:
    """The profile of a TOML file; the default without one.

    Raises:
        CaMisconfigured: naming each field that can't be used.
    """
    if path is None:
        return Profile()
    try:
        return Profile.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        wrong = [f"{_place(each['loc'])}: {each['msg']}" for each in error.errors(include_url=False)]
        raise CaMisconfigured(f"The certificate profile {path} can't be used. " + "; ".join(wrong)) from error
    except (OSError, ValueError) as error:
        raise CaMisconfigured(f"The certificate profile {path} can't be read: {error}") from error


def subject_of(profile: Profile, enterprise_name: str, uscc: str, holder_name: str) -> bytes:
    """The subject (DER Name) of a holder's certificate. Values are UTF8String, country and code PrintableString.

    A name that is too long is refused rather than cut: it would name another enterprise.

    Raises:
        Invalid: a name is empty, too long or holds control characters, or the code is none.
    """
    code = normalise_uscc(uscc)
    if uscc_problem(code) is not None:
        raise Invalid(N_("A certificate needs the enterprise's code."))
    enterprise = _clean(enterprise_name, profile.longest_name)
    holder = _clean(holder_name, UPPER_BOUND)
    country = [(_COUNTRY, profile.subject.country)] if profile.subject.country else []
    fixed = [(_FIXED[each.attribute], each.value) for each in profile.subject.fixed]
    named = [(ENTERPRISE_ATTRIBUTE.dotted_string, enterprise)]
    person = [(HOLDER_ATTRIBUTE.dotted_string, holder), (CODE_ATTRIBUTE.dotted_string, code)]
    return make_name([*country, *named, *fixed, *person])


def make_name(attributes: Sequence[tuple[str, str]]) -> bytes:
    """A distinguished name (DER) of these attributes, by object identifier, in this order."""
    printable = {_COUNTRY, CODE_ATTRIBUTE.dotted_string}
    parts = [
        x509.NameTypeAndValue(
            {
                "type": kind,
                "value": x509.DirectoryString(
                    "printable_string" if kind in printable else "utf8_string",
                    core.PrintableString(value) if kind in printable else core.UTF8String(value),
                ),
            }
        )
        for kind, value in attributes
    ]
    sequence = x509.RDNSequence([x509.RelativeDistinguishedName([each]) for each in parts])
    made: bytes = x509.Name(name="", value=sequence).dump()
    return made


def _clean(untrusted: str, limit: int) -> str:
    name = unicodedata.normalize("NFC", untrusted).strip()
    if not name:
        raise Invalid(N_("A certificate needs the enterprise's name and its holder's."))
    # Unassigned ones pass: ideographs of names are assigned later than this interpreter's tables were written.
    if any(unicodedata.category(each) in {"Cc", "Cf", "Cs", "Co"} for each in name):
        raise Invalid(N_("A name holds characters that no certificate can bear."))
    if len(name) > limit:
        raise Invalid(
            N_("A name has %(count)s characters; certificates of this CA hold %(limit)s. Nothing was cut off."),
            count=len(name),
            limit=limit,
        )
    return name


def _all_known(names: Sequence[str], known: dict[str, str]) -> None:
    for name in names:
        if name not in known:
            raise ValueError(f"{name!r} is none of {', '.join(known)}")


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(str(each) for each in location) or "the file"
