"""Composes CMP messages and judges those of the CA, by the openssl cmp client, which never reaches the network here.

The client is given the messages of a transaction so far as files; it checks them as if they had just come, composes
what it would send next, writes that to a file and stops, because there is no further answer. So each message exists on
our disk before it is sent, and a transaction can be taken up again by another process at any point.
"""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from workbench.kernel.clock import now
from workbench.production.ca.connector import CaMisconfigured, CaUnreachable, RevocationReason

SECONDS: Final = 30
"""How long one run of openssl may take; it needs a hundredth of a second."""
_REASONS: Final = {
    RevocationReason.UNSPECIFIED: -1,  # left out, as RFC 5280 5.3.1 wants it
    RevocationReason.KEY_COMPROMISE: 1,
    RevocationReason.AFFILIATION_CHANGED: 3,
    RevocationReason.SUPERSEDED: 4,
    RevocationReason.CESSATION_OF_OPERATION: 5,
}
_VERIFIED_REFUSALS: Final = ("request rejected by server", "received error", "unexpected pkistatus")
"""What the client says of an answer that it found genuine and could not go on with."""
_PATIENCE: Final = "7"
"""Seconds for a transaction, of which the client sets 5 aside: no longer than the rest does it sleep between polls."""
_END: Final = "end-of-answers"
"""A file that never exists: there the client stops."""


class NotGenuine(Exception):
    """The client does not take this message for one of our CA's; the message holds openssl's words."""


class Refused(Exception):
    """The message is our CA's, and it is a refusal."""


@dataclass(frozen=True)
class Credentials:
    """How CA and client know each other: a shared secret under a reference, or the client's certificate and key.

    Attributes:
        trusted: certificates that vouch for the CA's signatures and for what it issues.
        recipient: the CA's name as messages address it, such as /CN=...
        unprotected_errors: whether a refusal counts that nobody has signed. Where the way to the CA is safe, it may.
    """

    reference: str | None = None
    secret_file: Path | None = None
    certificate: Path | None = None
    private_key: Path | None = None
    trusted: Path | None = None
    recipient: str | None = None
    unprotected_errors: bool = False

    def arguments(self) -> list[str]:
        """As the client takes them. The secret itself is in a file: arguments are seen by everybody on the machine."""
        told = ["-recipient", self.recipient] if self.recipient else []
        if self.secret_file is not None:
            told += ["-ref", self.reference or "", "-secret", f"file:{self.secret_file.resolve()}"]
        if self.certificate is not None and self.private_key is not None:
            told += ["-cert", str(self.certificate.resolve()), "-key", str(self.private_key.resolve())]
        if self.unprotected_errors:
            told += ["-unprotected_errors"]
        if self.trusted is not None:
            told += ["-trusted", str(self.trusted.resolve())]
        return told


@dataclass(frozen=True)
class Composer:
    """Composes under these credentials. Every method raises CaUnreachable when openssl can't be run to its end."""

    credentials: Credentials

    def request(self, csr: bytes) -> bytes:
        """A p10cr for this PKCS #10 (DER).

        Raises:
            CaMisconfigured: the credentials can't be used.
        """
        made, words = self._run(["-cmd", "p10cr"], {"csr": csr}, (), 1)
        if made is None:
            raise CaMisconfigured(f"openssl can't compose a request with these credentials: {words}")
        return made

    def poll(self, csr: bytes, answers: Sequence[bytes]) -> bytes:
        """A pollReq that asks what became of a request.

        Args:
            answers: the CA's "later", and its last pollRep if there was one. After a pollRep the client sleeps a second
                or two before it goes on.

        Raises:
            NotGenuine: an answer is not our CA's.
        """
        return self._next(csr, answers)

    def confirmation(self, csr: bytes, answers: Sequence[bytes], *, refuse: bool = False) -> bytes:
        """A certConf for the certificate in the last of `answers`: the CA's, in the order they came.

        The client refuses a certificate for another key by itself.

        Args:
            refuse: refuse it for reasons of our own.

        Raises:
            NotGenuine: an answer is not our CA's.
            Refused: the CA has refused.
        """
        return self._next(csr, answers, refuse=refuse)

    def conclude(self, csr: bytes, answers: Sequence[bytes]) -> None:
        """Check that the last of `answers` ends the transaction well.

        Raises:
            NotGenuine, Refused: see there.
        """
        _, words = self._run(["-cmd", "p10cr"], {"csr": csr}, answers, len(answers) + 1)
        if "received PKICONF" not in words:
            raise _refusal(words)

    def revocation(self, certificate: bytes, reason: RevocationReason) -> bytes:
        """An rr for a certificate (DER).

        Raises:
            CaMisconfigured: the credentials can't be used.
        """
        made, words = self._run(self._ending(reason), {"old": certificate}, (), 1)
        if made is None:
            raise CaMisconfigured(f"openssl can't compose a revocation with these credentials: {words}")
        return made

    def judge_revocation(self, certificate: bytes, reason: RevocationReason, answer: bytes) -> None:
        """Check that an answer to a revocation is our CA's and grants it.

        Raises:
            NotGenuine, Refused: see there.
        """
        _, words = self._run(self._ending(reason), {"old": certificate}, [answer], 2)
        if "revocation accepted" not in words:
            raise _refusal(words)

    def _next(self, csr: bytes, answers: Sequence[bytes], *, refuse: bool = False) -> bytes:
        files = {"csr": csr, **({"nobody": _nobody()} if refuse else {})}
        options = ["-out_trusted", "nobody"] if refuse else []
        made, words = self._run(
            ["-cmd", "p10cr", "-total_timeout", _PATIENCE, *options], files, answers, len(answers) + 1
        )
        if made is None:
            raise _refusal(words)
        return made

    def _ending(self, reason: RevocationReason) -> list[str]:
        return ["-cmd", "rr", "-revreason", str(_REASONS[reason])]

    def _run(
        self, arguments: Sequence[str], files: dict[str, bytes], answers: Sequence[bytes], wanted: int
    ) -> tuple[bytes | None, str]:
        """Let the client live through `answers`; its message number `wanted`, if it got so far, and what it said."""
        with TemporaryDirectory(prefix="cmp-") as folder:
            named = {**files, **{f"answer{number}": each for number, each in enumerate(answers)}}
            for name, content in named.items():
                Path(folder, name).write_bytes(content)
            told = [f"answer{number}" for number in range(len(answers))]
            composed = [f"message{number}" for number in range(wanted)]
            command = ["cmp", "-config", "", "-batch", *arguments, *self.credentials.arguments()]
            command += ["-csr", "csr"] if "csr" in files else ["-oldcert", "old"]
            command += ["-rspin", " ".join([*told, _END]), "-reqout", " ".join(composed)]
            words = _openssl(command, folder)
            made = Path(folder, composed[-1])
            return (made.read_bytes() if made.exists() else None), words


def _openssl(command: Sequence[str], folder: str) -> str:
    """What openssl said. It must not be told by the environment where to send anything."""
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    try:
        done = subprocess.run(
            ["openssl", *command],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=SECONDS,
            env={**kept, "OPENSSL_CONF": os.devnull, "LC_ALL": "C"},
            check=False,
        )
    except FileNotFoundError:
        raise CaMisconfigured("openssl is not installed. Debian, Ubuntu: apt-get install openssl") from None
    except subprocess.TimeoutExpired:
        raise CaUnreachable(f"openssl cmp took more than {SECONDS} s") from None
    if done.returncode < 0:
        raise CaUnreachable(f"openssl cmp was ended by signal {-done.returncode}")
    return done.stdout.decode(errors="replace")


def _refusal(words: str) -> NotGenuine | Refused:
    """What the client found, from its words."""
    told = [line.partition("CMP error: ")[2] for line in words.splitlines() if "CMP error: " in line]
    said = "; ".join(each for each in told if _END not in each) or "no reason given"
    genuine = any(each.startswith(_VERIFIED_REFUSALS) for each in told)
    return Refused(said) if genuine else NotGenuine(said)


def _nobody() -> bytes:
    """A certificate (PEM) that vouches for nobody: the client refuses what it was told to trust nobody for."""
    private_key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nobody")])
    at = now()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at)
        .not_valid_after(at + timedelta(hours=1))
        .sign(private_key, hashes.SHA256())
    )
    return certificate.public_bytes(Encoding.PEM)
