"""An authority's key on a PKCS #11 token or a hardware security module: made there, and never leaving it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pkcs11 import PKCS11Error
from pkcs11.types import Session

from workbench.production.algorithms import Algorithm
from workbench.production.ca.signers import SigningFailed, algorithm_named
from workbench.production.tokens import objects
from workbench.production.tokens.cryptoki import library_at
from workbench.production.tokens.driver import TokenFault

KEY_ID: Final = b"trial issuing CA"
"""Under this id the key pair stands on the token; it is no e-key's."""


class TokenSigner:
    """The issuing key of the embedded authority on one token."""

    def __init__(self, library: Path, serial: str, pin: str, algorithm: Algorithm) -> None:
        """The key of this algorithm, made on the token when there is none.

        Raises:
            SigningFailed: the token isn't there, or refuses.
        """
        self._library = library
        self._serial = serial
        self._pin = pin
        self._algorithm = algorithm
        self.signature_algorithm = algorithm_named(algorithm)
        with self._session(rw=True) as session:
            self.public_key = objects.make_pair(session, KEY_ID, algorithm)

    def sign(self, content: bytes) -> bytes:
        """As the interface says."""
        with self._session() as session:
            return objects.sign(objects.private_key(session, KEY_ID), self._algorithm, content)

    @contextmanager
    def _session(self, *, rw: bool = False) -> Iterator[Session]:
        """One session a signature: an authority signs seldom, and a token may have been out in between."""
        try:
            library = library_at(self._library)
            with library.lock:
                try:
                    with library.find(self._serial).open(rw=rw, user_pin=self._pin) as session:
                        yield session
                except PKCS11Error:
                    library.restart()  # what is left open would be in the next one's way
                    raise
        except TokenFault as fault:
            raise SigningFailed(f"the token of the issuing key: {fault}") from fault
        except PKCS11Error as error:
            raise SigningFailed(f"the token of the issuing key: {type(error).__name__} {error}".strip()) from error
