"""The seal maker (制章者): the vendor's certificate and key that vouch for every seal, from configuration.

Without one an installation makes a trial seal maker of its own, whose certificate says TRIAL 试用. It guards its key by
file permissions alone, so no reader of documents may trust it.
"""

import os
import secrets
import shutil
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from asn1crypto import core, x509
from cryptography.hazmat.primitives.serialization import Encoding

from workbench.config import Settings
from workbench.kernel.certificates import read_pem
from workbench.kernel.clock import ago, now
from workbench.kernel.errors import Conflict
from workbench.kernel.files import put_private
from workbench.kernel.messages import N_
from workbench.keys.trial import MARK
from workbench.production import sm2
from workbench.production.algorithms import Algorithm
from workbench.production.ca.certificates import Issuer, key_identifier_of, new_serial, sign_certificate, to_pem
from workbench.production.ca.profile import make_name
from workbench.production.ca.signers import Signer, load_signer, make_signer
from workbench.production.seals.structure import algorithm_of

FOLDER: Final = "seal"
"""Where an installation keeps its trial seal makers, below its secrets, one for each algorithm."""
TRIAL_LIFE: Final = timedelta(days=10 * 365)
_COUNTRY, _ORGANISATION, _COMMON_NAME = "2.5.4.6", "2.5.4.10", "2.5.4.3"
_KEY, _CERTIFICATE = "maker.key", "maker.crt"


class SealMakerUnusable(Conflict):
    """No seal can be signed as this installation is configured. The message names what to set."""


@dataclass(frozen=True)
class SealMaker:
    """Who vouches for seals. `certificate` is DER; `is_trial` when nobody outside trusts it."""

    algorithm: Algorithm
    certificate: bytes
    is_trial: bool
    _signer: Signer = field(repr=False)

    def sign(self, message: bytes) -> bytes:
        """A signature over the message, as seals hold it."""
        return self._signer.sign(message)


def load_seal_maker(settings: Settings) -> SealMaker:
    """The configured seal maker, else this installation's trial one; made at the first call. Two starts at once agree.

    A configured certificate decides the algorithm; a trial one is of the profile's (`key_algorithm`).

    Raises:
        SealMakerUnusable: certificate or key can't be used, don't belong together, or the certificate has ended.
    """
    certificate, key = settings.seal_certificate, settings.seal_private_key
    try:
        if certificate is not None and key is not None:
            return _loaded(certificate, key, is_trial=False)
        if certificate is None and key is None:
            return _trial(settings.key_dir / FOLDER, Algorithm(settings.key_algorithm))
    except (OSError, ValueError, sm2.OpensslMissing, sm2.OpensslFailed, sm2.PassphraseRefused) as error:
        raise SealMakerUnusable(
            N_("The seal maker's certificate or key can't be used: %(why)s"), why=str(error)
        ) from error
    raise SealMakerUnusable(N_("A seal maker needs both WORKBENCH_SEAL_CERTIFICATE and WORKBENCH_SEAL_PRIVATE_KEY."))


def _loaded(certificate_path: Path, key_path: Path, *, is_trial: bool) -> SealMaker:
    certificate = read_pem(certificate_path.read_bytes())[0]
    content = certificate.public_bytes(Encoding.DER)
    algorithm = algorithm_of(content)
    signer = load_signer(key_path, algorithm)
    if signer.public_key != x509.Certificate.load(content).public_key.dump():
        raise ValueError(f"{key_path.name} is not the key of {certificate_path.name}")
    _check_time(certificate_path, certificate.not_valid_before_utc, certificate.not_valid_after_utc)
    return SealMaker(algorithm, content, is_trial, signer)


def _check_time(path: Path, begins: datetime, ends: datetime) -> None:
    if not begins <= now() <= ends:
        raise ValueError(f"{path.name} is valid from {begins:%Y-%m-%d} to {ends:%Y-%m-%d}")


def _trial(folder: Path, algorithm: Algorithm) -> SealMaker:
    place = folder / algorithm.value
    if not place.exists():
        _make_trial(folder, algorithm)
    return _loaded(place / _CERTIFICATE, place / _KEY, is_trial=True)


def _make_trial(folder: Path, algorithm: Algorithm) -> None:
    """Make a seal maker beside its place, then move the folder there; whoever comes second throws its own away."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    building = folder / f".{algorithm.value}.{os.getpid()}.{secrets.token_hex(4)}"
    building.mkdir(mode=0o700)
    try:
        signer = make_signer(building / _KEY, algorithm)
        put_private(building / _CERTIFICATE, to_pem(_trial_certificate(signer, algorithm)))
        for path in (building / _KEY, building):
            _sync(path)
        try:
            building.rename(folder / algorithm.value)
        except OSError:
            if not (folder / algorithm.value).is_dir():
                raise
        _sync(folder)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _trial_certificate(signer: Signer, algorithm: Algorithm) -> bytes:
    name = x509.Name.load(
        make_name(
            [
                (_COUNTRY, "CN"),
                (_ORGANISATION, MARK),
                (_COMMON_NAME, f"TRIAL Seal Maker 试用制章者 {algorithm.upper()}"),
            ]
        )
    )
    usage = x509.KeyUsage({"digital_signature", "non_repudiation"})
    extension = x509.Extension(
        {"extn_id": "key_usage", "critical": True, "extn_value": core.ParsableOctetString(usage.dump())}
    )
    issuer = Issuer(name, key_identifier_of(signer.public_key), signer)
    return sign_certificate(
        issuer, name, signer.public_key, new_serial(), (ago(days=1), now() + TRIAL_LIFE), [extension]
    )


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
