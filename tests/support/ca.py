"""Orders for certificates as the bench makes them, and what openssl says of certificates, from outside our own code."""

import secrets
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from asn1crypto import crl, x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.applicant import a_code
from workbench.kernel.clock import now
from workbench.production import sm2
from workbench.production.algorithms import SM2_IDENTIFIER, Algorithm
from workbench.production.ca.certificates import to_pem
from workbench.production.ca.connector import CertificationAuthority, Issued, IssueOrder
from workbench.production.ca.profile import Profile, subject_of
from workbench.production.tokens.requests import build_request

ENTERPRISE = "示例进出口有限公司"
HOLDER = "示例甲"


@dataclass(frozen=True)
class Key:
    """A key pair outside any token: the public key (DER SubjectPublicKeyInfo), and what signs with the private one."""

    public_key: bytes
    sign: Callable[[bytes], bytes]


def a_key(algorithm: Algorithm, folder: Path) -> Key:
    """A key pair of this algorithm; one of SM2 is kept in `folder`."""
    if algorithm is Algorithm.SM2:
        path = folder / f"{secrets.token_hex(4)}.key"
        return Key(sm2.generate_key(path, None), lambda content: sm2.sign(path, None, content))
    if algorithm is Algorithm.RSA_2048:
        rsa_key = rsa.generate_private_key(65537, 2048)
        public = rsa_key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return Key(public, lambda content: rsa_key.sign(content, padding.PKCS1v15(), SHA256()))
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return Key(public, lambda content: key.sign(content, ec.ECDSA(SHA256())))


def an_order(
    key: Key, algorithm: Algorithm, transaction_id: str | None = None, *, number: int = 1, days: int = 730
) -> IssueOrder:
    """An order for a certificate of an invented enterprise, whose code has this number."""
    subject = subject_of(Profile(), ENTERPRISE, a_code(number), HOLDER)
    not_before, not_after = Profile(validity_days=days).validity_from(now())
    request = build_request(algorithm, subject, key.public_key, key.sign)
    return IssueOrder(transaction_id or secrets.token_hex(16), request, subject, not_before, not_after)


def issued(authority: CertificationAuthority, order: IssueOrder) -> bytes:
    """The certificate (DER) that the authority issues for an order."""
    answer = authority.issue(order)
    assert isinstance(answer, Issued), answer
    return answer.certificate


def openssl(arguments: Sequence[str | Path], folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run openssl in a folder."""
    return subprocess.run(
        ["openssl", *map(str, arguments)], cwd=folder, capture_output=True, text=True, timeout=30, check=False
    )


def openssl_verifies(
    certificate: bytes, chain: Sequence[bytes], folder: Path, *, revocations: bytes | None = None
) -> "subprocess.CompletedProcess[str]":
    """`openssl verify`, trusting the last certificate of the chain alone; with a revocation list, against that too."""
    if sm2.is_public_key(_public_key(certificate)):
        return _openssl_verifies_links([certificate, *chain], folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "leaf.pem").write_bytes(to_pem(certificate))
    (folder / "root.pem").write_bytes(to_pem(chain[-1]))
    (folder / "between.pem").write_bytes(b"".join(to_pem(each) for each in chain[:-1]))
    options: list[str | Path] = ["-x509_strict", "-CAfile", "root.pem", "-untrusted", "between.pem"]
    if revocations is not None:
        (folder / "list.crl").write_bytes(revocations)
        openssl(["crl", "-inform", "DER", "-in", "list.crl", "-out", "list.pem"], folder)
        options += ["-crl_check", "-CRLfile", "list.pem"]
    return openssl(["verify", *options, "leaf.pem"], folder)


def _openssl_verifies_links(chain: Sequence[bytes], folder: Path) -> "subprocess.CompletedProcess[str]":
    """The same of SM2, link by link: the command tells the distinguishing identifier to the last certificate alone."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, each in enumerate(chain):
        (folder / ("leaf.pem" if number == 0 else f"above{number}.pem")).write_bytes(to_pem(each))
    options = ["-x509_strict", "-partial_chain", "-vfyopt", f"distid:{SM2_IDENTIFIER}"]
    for number in range(1, len(chain)):
        below = "leaf.pem" if number == 1 else f"above{number - 1}.pem"
        checked = openssl(["verify", *options, "-CAfile", f"above{number}.pem", below], folder)
        if checked.returncode != 0:
            break
    return checked


def openssl_verifies_crl(made: bytes, issuing: bytes, folder: Path) -> bool:
    """Whether openssl finds a revocation list signed by the owner of the issuing certificate. Its `crl` command knows
    no distinguishing identifier, so SM2's signature is checked by itself."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "list.der").write_bytes(made)
    (folder / "issuing.pem").write_bytes(to_pem(issuing))
    if not sm2.is_public_key(_public_key(issuing)):
        told = openssl(["crl", "-inform", "DER", "-in", "list.der", "-CAfile", "issuing.pem", "-noout"], folder)
        return "verify OK" in told.stderr
    read = crl.CertificateList.load(made, strict=True)
    (folder / "content").write_bytes(read["tbs_cert_list"].dump())
    (folder / "signature").write_bytes(read["signature"].native)
    openssl(["x509", "-in", "issuing.pem", "-noout", "-pubkey", "-out", "key.pem"], folder)
    checking = ["dgst", "-sm3", "-sigopt", f"distid:{SM2_IDENTIFIER}", "-verify", "key.pem", "-signature", "signature"]
    return openssl([*checking, "content"], folder).returncode == 0


def _public_key(certificate: bytes) -> bytes:
    public_key: bytes = x509.Certificate.load(certificate).public_key.dump()
    return public_key
