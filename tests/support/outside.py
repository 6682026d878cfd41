"""A finished key as others see it: OpenSC's pkcs11-tool reads the token, openssl judges certificate, revocation list
and signature. Nothing of the product's own code takes part.
"""

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

BOUND = "Access:     sensitive, always sensitive, never extractable, local"
"""What pkcs11-tool says of a private key that was made on its token and can't leave it."""


@dataclass(frozen=True)
class Authority:
    """A CA as anybody knows it: PEM files of its root, of what stands between, and its revocation list."""

    root: Path
    between: Path
    revocations: Path | None

    @classmethod
    def write(cls, folder: Path, chain: Sequence[bytes], revocations: bytes | None) -> "Authority":
        """Lay its files down; the chain is DER, the root last."""
        folder.mkdir(parents=True, exist_ok=True)
        names = [folder / f"above{place}.pem" for place in range(len(chain))]
        for name, content in zip(names, chain, strict=True):
            _openssl("x509", "-inform", "DER", "-out", str(name), given=content)
        between, listed = folder / "between.pem", folder / "list.pem"
        between.write_bytes(b"".join(each.read_bytes() for each in names[:-1]))
        if revocations is not None:
            _openssl("crl", "-inform", "DER", "-out", str(listed), given=revocations)
        return cls(names[-1], between, listed if revocations is not None else None)

    def verify(self, certificate: Path) -> str:
        """What `openssl verify` says of a certificate (DER): "ok", or what is wrong."""
        pem = certificate.with_suffix(".pem")
        _openssl("x509", "-inform", "DER", "-in", str(certificate), "-out", str(pem))
        options = ["-x509_strict", "-CAfile", str(self.root), "-untrusted", str(self.between)]
        if self.revocations is not None:
            options += ["-crl_check", "-CRLfile", str(self.revocations)]
        done = _run(["openssl", "verify", *options, str(pem)])
        return "ok" if done.returncode == 0 else (done.stdout + done.stderr).decode()

    def list_is_genuine(self) -> bool:
        """Whether `openssl crl` finds the revocation list signed by this CA."""
        assert self.revocations is not None
        done = _run(["openssl", "crl", "-in", str(self.revocations), "-CAfile", str(self.between), "-noout"])
        return b"verify OK" in done.stderr


@dataclass(frozen=True)
class Token:
    """A token in a slot of a PKCS #11 library, by its label and under its user PIN."""

    library: Path
    configuration: Path
    label: str
    pin: str
    folder: Path

    def listing(self, *, signed_in: bool = True) -> str:
        """What `pkcs11-tool --list-objects` says."""
        return self._tool("--list-objects", *(self._pin() if signed_in else ())).decode()

    def key_ids(self) -> list[str]:
        """The ids of its private keys, in hexadecimal."""
        private = self.listing().split("Private Key Object")[1:]
        return [found[1] for each in private if (found := re.search(r"ID:\s+([0-9a-f]+)", each))]

    def certificate(self, key_id: str) -> Path:
        """The certificate (DER) under this id, read without a PIN into a file."""
        path = self.folder / f"{key_id}.der"
        self._tool("--read-object", "--type", "cert", "--id", key_id, "--output-file", str(path))
        return path

    def data(self, label: str) -> bytes:
        """The data object with this label."""
        path = self.folder / "data"
        self._tool("--read-object", "--type", "data", "--label", label, "--output-file", str(path), *self._pin())
        return path.read_bytes()

    def signs(self, key_id: str, message: bytes, certificate: Path) -> bool:
        """Whether the key on the token signs so that openssl finds the certificate's key in the signature."""
        public = self.folder / "public.pem"
        _openssl("x509", "-inform", "DER", "-in", str(certificate), "-noout", "-pubkey", "-out", str(public))
        is_rsa = b"rsaEncryption" in _openssl("x509", "-inform", "DER", "-in", str(certificate), "-noout", "-text")
        asked, content, signature = self.folder / "asked", self.folder / "message", self.folder / "signature"
        content.write_bytes(message)
        # SoftHSM knows ECDSA over a digest alone.
        asked.write_bytes(message if is_rsa else _openssl("dgst", "-sha256", "-binary", str(content)))
        how = (
            ["--mechanism", "SHA256-RSA-PKCS"] if is_rsa else ["--mechanism", "ECDSA", "--signature-format", "openssl"]
        )
        files = ["--input-file", str(asked), "--output-file", str(signature)]
        self._tool("--sign", "--id", key_id, *how, *files, *self._pin())
        done = _run(["openssl", "dgst", "-sha256", "-verify", str(public), "-signature", str(signature), str(content)])
        return done.stdout.strip() == b"Verified OK"

    def _pin(self) -> tuple[str, ...]:
        return ("--login", "--pin", self.pin)

    def _tool(self, *arguments: str) -> bytes:
        command = ["pkcs11-tool", "--module", str(self.library), "--token-label", self.label, *arguments]
        done = _run(command, {**os.environ, "SOFTHSM2_CONF": str(self.configuration)})
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout


def _openssl(*arguments: str, given: bytes = b"") -> bytes:
    done = _run(["openssl", *arguments], given=given)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def _run(
    command: Sequence[str], environment: dict[str, str] | None = None, given: bytes = b""
) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(command, input=given, capture_output=True, env=environment, timeout=60, check=False)
