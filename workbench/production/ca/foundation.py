"""What the embedded authority stands on: a root, an issuing authority below it and who answers for its certificates,
made once and kept in one folder that appears whole or not at all. Everything in it says TRIAL / 试用.
"""

import fcntl
import os
import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from asn1crypto import x509
from cryptography.hazmat.primitives.serialization import Encoding

from workbench.kernel.certificates import read_der, read_pem
from workbench.kernel.clock import ago, now
from workbench.keys.trial import MARK
from workbench.production.algorithms import Algorithm
from workbench.production.ca.certificates import (
    Issuer,
    authority_extensions,
    key_identifier_of,
    new_serial,
    responder_extensions,
    sign_certificate,
    to_pem,
)
from workbench.production.ca.profile import make_name
from workbench.production.ca.signers import PrivateKey, Signer, load_private_key, load_signer, make_signer

ROOT_LIFE: Final = timedelta(days=20 * 365)
ISSUING_LIFE: Final = timedelta(days=10 * 365)
_COUNTRY, _ORGANISATION, _COMMON_NAME = "2.5.4.6", "2.5.4.10", "2.5.4.3"


@dataclass(frozen=True)
class Responder:
    """Who answers for the authority's certificates: a key and certificate of its own, so that no stranger's question
    makes the authority's key sign. Its certificate is DER."""

    certificate: bytes
    private_key: PrivateKey


@dataclass(frozen=True)
class Foundation:
    """One embedded authority, loaded. Certificates are DER.

    Attributes:
        name: how its folder and addresses call it.
        issuer: the issuing authority, which signs holders' certificates and the revocation list.
        responder: None with SM2, whose answers no common tool can check.
    """

    name: str
    algorithm: Algorithm
    root: bytes
    issuing: bytes
    issuer: Issuer
    responder: Responder | None

    @property
    def ends_at(self) -> datetime:
        """When the issuing authority's certificate ends; none it signs lives longer."""
        return read_der(self.issuing).not_valid_after_utc


def load_or_found(
    folder: Path, name: str, algorithm: Algorithm, issuing_key: Callable[[], Signer] | None = None
) -> Foundation:
    """The authority in `folder`/`name`, made there when there is none. Two starts at once agree on one.

    Args:
        issuing_key: opens the issuing authority's key where that is on a token; without it the key is in a file.

    Raises:
        OSError: files can't be read or written.
        ValueError: a file does not hold what it should.
        SigningFailed: a key can't be made or used.
    """
    place = folder / name
    if not place.exists():
        _found(folder, name, algorithm, issuing_key)
    return load(folder, name, algorithm, issuing_key)


def load(folder: Path, name: str, algorithm: Algorithm, issuing_key: Callable[[], Signer] | None = None) -> Foundation:
    """The authority in `folder`/`name`; raises as `load_or_found`, and FileNotFoundError when there is none."""
    place = folder / name
    signer = issuing_key() if issuing_key else load_signer(place / "issuing.key", algorithm)
    issuing = _read(place / "issuing.crt")
    issuer = Issuer.of(issuing, signer)
    if x509.Certificate.load(issuing).key_identifier != issuer.key_identifier:
        raise ValueError(f"the certificate of the authority {name} is not one for its key")
    responder = None
    if algorithm is not Algorithm.SM2:
        responder = Responder(_read(place / "ocsp.crt"), load_private_key(place / "ocsp.key"))
    return Foundation(name, algorithm, _read(place / "root.crt"), issuing, issuer, responder)


def _found(folder: Path, name: str, algorithm: Algorithm, issuing_key: Callable[[], Signer] | None) -> None:
    """Make an authority beside its place, then move the folder there. Whoever comes second waits and finds it made."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (folder / name).exists():
            return
        building = folder / f".{name}.{secrets.token_hex(4)}"
        building.mkdir(mode=0o700)
        try:
            _fill(building, algorithm, issuing_key)
            _sync(building)
            building.rename(folder / name)
            _sync(folder)
        finally:
            shutil.rmtree(building, ignore_errors=True)


def _fill(place: Path, algorithm: Algorithm, issuing_key: Callable[[], Signer] | None) -> None:
    began, label = ago(days=1), algorithm.upper()
    root_name = _name(f"TRIAL Root CA 试用根证书 {label}")
    root_signer = make_signer(place / "root.key", algorithm)
    root = Issuer(root_name, key_identifier_of(root_signer.public_key), root_signer)
    signer = issuing_key() if issuing_key else make_signer(place / "issuing.key", algorithm)
    until, issuing_until = now() + ROOT_LIFE, now() + ISSUING_LIFE
    root_certificate = sign_certificate(
        root, root_name, root_signer.public_key, new_serial(), (began, until), authority_extensions(None)
    )
    issuing_certificate = sign_certificate(
        root,
        _name(f"TRIAL Issuing CA 试用证书颁发机构 {label}"),
        signer.public_key,
        new_serial(),
        (began, issuing_until),
        authority_extensions(0),
    )
    _write(place / "root.crt", root_certificate)
    _write(place / "issuing.crt", issuing_certificate)
    if algorithm is not Algorithm.SM2:
        responder_key = make_signer(place / "ocsp.key", Algorithm.P_256)
        responder = sign_certificate(
            Issuer.of(issuing_certificate, signer),
            _name(f"TRIAL OCSP 试用 {label}"),
            responder_key.public_key,
            new_serial(),
            (began, issuing_until),
            responder_extensions(),
        )
        _write(place / "ocsp.crt", responder)


def _name(common_name: str) -> x509.Name:
    return x509.Name.load(make_name([(_COUNTRY, "CN"), (_ORGANISATION, MARK), (_COMMON_NAME, common_name)]))


def _write(path: Path, certificate: bytes) -> None:
    path.write_bytes(to_pem(certificate))
    path.chmod(0o600)


def _read(path: Path) -> bytes:
    return read_pem(path.read_bytes())[0].public_bytes(Encoding.DER)


def _sync(folder: Path) -> None:
    """What the folder names is on the disk when this returns, its files included."""
    for path in [*folder.iterdir(), folder]:
        if path.is_file() or path == folder:
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
