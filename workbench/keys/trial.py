"""A small certificate authority for demonstrations and tests. Every certificate it issues says TRIAL / 试用.

It guards its key by file permissions alone, so no production system may trust it: those name their own in `client_ca`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from workbench.kernel.certificates import read_pem
from workbench.kernel.clock import ago, now
from workbench.kernel.files import put_private
from workbench.keys.subject import CODE_ATTRIBUTE, ENTERPRISE_ATTRIBUTE, HOLDER_ATTRIBUTE

MARK: Final = "TRIAL 试用"
TRIAL_FOLDER: Final = "trial"
"""Where an installation keeps its trial authority, below its secrets."""
AUTHORITY_LIFE: Final = timedelta(days=3650)
CLIENT_LIFE: Final = timedelta(days=730)
SERVER_LIFE: Final = timedelta(days=397)
"""Browsers take no server certificate that lives longer."""
_RENEW_BEFORE: Final = timedelta(days=30)


@dataclass(frozen=True)
class Issued:
    """A certificate, the private key that goes with it, and who issued it."""

    certificate: x509.Certificate
    private_key: ec.EllipticCurvePrivateKey
    issuer: x509.Certificate

    def key_pem(self) -> bytes:
        """The private key, not encrypted."""
        return _key_pem(self.private_key)

    def p12(self, password: str) -> bytes:
        """All of it as a PKCS #12 file, which browsers import."""
        encryption = serialization.BestAvailableEncryption(password.encode())
        return pkcs12.serialize_key_and_certificates(
            MARK.encode(), self.private_key, self.certificate, [self.issuer], encryption
        )


class TrialAuthority:
    """The authority of one folder: its own key and certificate, and those of the server it vouches for."""

    def __init__(self, folder: Path, certificate: x509.Certificate, private_key: ec.EllipticCurvePrivateKey) -> None:
        self._folder = folder
        self.certificate = certificate
        self._private_key = private_key

    @classmethod
    def load_or_create(cls, folder: Path) -> "TrialAuthority":
        """The authority kept in `folder`; made there when there is none, or when it has expired.

        Raises:
            ValueError: a file does not hold what it should.
        """
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        key_path, certificate_path = folder / "authority.key", folder / "authority.crt"
        if key_path.exists() and certificate_path.exists():
            certificate = read_pem(certificate_path.read_bytes())[0]
            if certificate.not_valid_after_utc - now() > _RENEW_BEFORE:
                return cls(folder, certificate, _load_key(key_path))
        private_key = ec.generate_private_key(ec.SECP256R1())
        certificate = _sign_authority(private_key)
        put_private(key_path, _key_pem(private_key), replace=True)
        put_private(certificate_path, certificate.public_bytes(serialization.Encoding.PEM), replace=True)
        return cls(folder, certificate, private_key)

    @property
    def certificate_path(self) -> Path:
        """PEM: what a listener or a browser has to trust."""
        return self._folder / "authority.crt"

    def issue_client(
        self,
        *,
        uscc: str,
        enterprise_name: str,
        holder_name: str,
        not_before: datetime | None = None,
        not_after: datetime | None = None,
    ) -> Issued:
        """A certificate as an e-key bears it: serialNumber the enterprise's code, organizationName its name,
        commonName the holder. Valid for two years from yesterday unless told otherwise."""
        began = not_before or ago(days=1)
        subject = x509.Name(
            [
                x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"),
                x509.NameAttribute(ENTERPRISE_ATTRIBUTE, enterprise_name),
                x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, MARK),
                x509.NameAttribute(HOLDER_ATTRIBUTE, holder_name),
                x509.NameAttribute(CODE_ATTRIBUTE, uscc),
            ]
        )
        return self._issue(subject, ExtendedKeyUsageOID.CLIENT_AUTH, began, not_after or began + CLIENT_LIFE)

    def server_files(self, hosts: Sequence[str]) -> tuple[Path, Path]:
        """Certificate and private key (PEM) of a server reached under these names or addresses; renewed when due."""
        certificate_path, key_path = self._folder / "server.crt", self._folder / "server.key"
        names = sorted(set(hosts))
        if not (key_path.exists() and self._still_serves(certificate_path, names)):
            subject = x509.Name(
                [
                    x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, MARK),
                    x509.NameAttribute(NameOID.COMMON_NAME, names[0]),
                ]
            )
            began = ago(days=1)
            issued = self._issue(subject, ExtendedKeyUsageOID.SERVER_AUTH, began, began + SERVER_LIFE, names)
            put_private(key_path, issued.key_pem(), replace=True)
            put_private(certificate_path, issued.certificate.public_bytes(serialization.Encoding.PEM), replace=True)
        return certificate_path, key_path

    def _still_serves(self, path: Path, names: Sequence[str]) -> bool:
        if not path.exists():
            return False
        certificate = read_pem(path.read_bytes())[0]
        stated = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        same = sorted(str(each.value) for each in stated) == names
        ours = certificate.issuer == self.certificate.subject
        return same and ours and certificate.not_valid_after_utc - now() > _RENEW_BEFORE

    def _issue(
        self,
        subject: x509.Name,
        purpose: x509.ObjectIdentifier,
        not_before: datetime,
        not_after: datetime,
        hosts: Sequence[str] = (),
    ) -> Issued:
        private_key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(subject, self.certificate.subject, private_key, not_before, not_after)
        builder = (
            builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._private_key.public_key()), critical=False
            )
        )
        if hosts:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_general_name(each) for each in hosts]), critical=False
            )
        return Issued(builder.sign(self._private_key, hashes.SHA256()), private_key, self.certificate)


def _sign_authority(private_key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, MARK),
            x509.NameAttribute(NameOID.COMMON_NAME, "TRIAL CA 试用证书颁发机构"),
        ]
    )
    began = ago(days=1)
    return (
        _builder(name, name, private_key, began, began + AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(private_key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    private_key: ec.EllipticCurvePrivateKey,
    not_before: datetime,
    not_after: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(private_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(private_key.public_key()), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _key_pem(private_key: ec.EllipticCurvePrivateKey) -> bytes:
    return private_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _load_key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{path.name} does not hold an elliptic curve key")
    return key
