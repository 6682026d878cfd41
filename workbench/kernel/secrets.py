"""Secrets of one installation: made at the first start, kept in files only their owner reads, never in the database."""

import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from workbench.kernel.files import put_private

SHORTEST: Final = 32
"""Bytes below which a key could be guessed; a file cut short by a full disk must not pass for a key."""


@dataclass(frozen=True)
class Secrets:
    """What must not be guessed.

    Attributes:
        session_key: signs cookies and links.
        identity_keys: Fernet keys for identity numbers, newest first; older ones still decrypt.
        fingerprint_key: HMAC key under which equal identity numbers can be recognised without decrypting.
        checkpoint_key: signs audit checkpoints (Ed25519).
    """

    session_key: bytes
    identity_keys: tuple[bytes, ...]
    fingerprint_key: bytes
    checkpoint_key: Ed25519PrivateKey

    @classmethod
    def load_or_create(cls, key_dir: Path) -> "Secrets":
        """Read the secrets of `key_dir`, making those that are missing. Two starts at once agree on one value.

        Raises:
            PermissionError: a file exists but is not readable by this user.
            ValueError: a file does not hold what it should.
        """
        key_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        pem = _keep(key_dir / "checkpoint_ed25519.pem", _new_signing_key())
        checkpoint_key = serialization.load_pem_private_key(pem, password=None)
        if not isinstance(checkpoint_key, Ed25519PrivateKey):
            raise ValueError("checkpoint_ed25519.pem does not hold an Ed25519 key")
        return cls(
            session_key=_long_enough(key_dir / "session"),
            identity_keys=_fernet_keys(key_dir / "identity"),
            fingerprint_key=_long_enough(key_dir / "fingerprint"),
            checkpoint_key=checkpoint_key,
        )

    def checkpoint_public_pem(self) -> bytes:
        """The public half of the checkpoint key, for verifiers."""
        return self.checkpoint_key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )


def _long_enough(path: Path) -> bytes:
    key = _keep(path, secrets.token_hex(32).encode())
    if len(key) < SHORTEST:
        raise ValueError(f"{path.name} holds fewer than {SHORTEST} bytes")
    return key


def _fernet_keys(path: Path) -> tuple[bytes, ...]:
    keys = tuple(_keep(path, Fernet.generate_key()).split())
    try:
        usable = bool([Fernet(key) for key in keys])
    except ValueError as error:
        raise ValueError(f"{path.name} does not hold Fernet keys") from error
    if not usable:
        raise ValueError(f"{path.name} holds no key")
    return keys


def _keep(path: Path, fresh: bytes) -> bytes:
    """The content of `path`; when it does not exist, `fresh` is put there whole or not at all."""
    if not path.exists():
        with suppress(FileExistsError):
            put_private(path, fresh)
    return path.read_bytes().strip()


def _new_signing_key() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
