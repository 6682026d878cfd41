"""Who a certificate names: the enterprise's code, its name and the holder, read from the subject.

Which attribute holds which is stated here once. A subject that names one of them twice, or not at all, names nobody.
"""

from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID

CODE_ATTRIBUTE: Final = NameOID.SERIAL_NUMBER
"""Where the unified social credit code stands."""
ENTERPRISE_ATTRIBUTE: Final = NameOID.ORGANIZATION_NAME
HOLDER_ATTRIBUTE: Final = NameOID.COMMON_NAME


@dataclass(frozen=True)
class Subject:
    """What a subject says; a part that is missing or stands there twice is empty."""

    uscc: str
    enterprise_name: str
    holder_name: str


def read_subject(certificate: x509.Certificate) -> Subject:
    """The three parts of a certificate's subject."""
    return Subject(
        _only(certificate.subject, CODE_ATTRIBUTE),
        _only(certificate.subject, ENTERPRISE_ATTRIBUTE),
        _only(certificate.subject, HOLDER_ATTRIBUTE),
    )


def _only(name: x509.Name, attribute: x509.ObjectIdentifier) -> str:
    found = [str(each.value).strip() for each in name.get_attributes_for_oid(attribute)]
    return found[0] if len(found) == 1 else ""
