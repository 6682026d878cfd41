"""Identity numbers and short-lived secrets at rest: encrypted; equal identity numbers are recognised unopened."""

import hashlib
import hmac
from dataclasses import dataclass

from cryptography.fernet import Fernet, MultiFernet

from workbench.kernel.codes import mask_identity
from workbench.kernel.secrets import Secrets


@dataclass(frozen=True)
class SealedIdentity:
    """An identity number as the database keeps it: nothing here shows more than its first and last character."""

    ciphertext: bytes
    masked: str
    fingerprint: str


def seal_identity(secrets: Secrets, number: str) -> SealedIdentity:
    """Encrypt a normalised identity number under the newest key."""
    cipher = MultiFernet([Fernet(key) for key in secrets.identity_keys])
    return SealedIdentity(
        ciphertext=cipher.encrypt(number.encode()),
        masked=mask_identity(number),
        fingerprint=hmac.new(secrets.fingerprint_key, number.encode(), hashlib.sha256).hexdigest(),
    )


def open_identity(secrets: Secrets, ciphertext: bytes) -> str:
    """The identity number in clear. Whoever calls this records who asked and why.

    Raises:
        cryptography.fernet.InvalidToken: no key of this installation opens it.
    """
    return MultiFernet([Fernet(key) for key in secrets.identity_keys]).decrypt(ciphertext).decode()


def seal_secret(secrets: Secrets, secret: str) -> bytes:
    """Encrypt a secret that is on its way to somebody, such as a PIN, under the newest key."""
    return MultiFernet([Fernet(key) for key in secrets.identity_keys]).encrypt(secret.encode())


def open_secret(secrets: Secrets, ciphertext: bytes) -> str:
    """The secret in clear, for handing it on.

    Raises:
        cryptography.fernet.InvalidToken: no key of this installation opens it.
    """
    return MultiFernet([Fernet(key) for key in secrets.identity_keys]).decrypt(ciphertext).decode()
