"""Who vouches for a certificate of a CA that is asked by CMP: the installation's own list decides, what comes along
with an answer only helps to find the way there.
"""

import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from asn1crypto import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding

from workbench.kernel.certificates import read_der, read_pem
from workbench.production import sm2
from workbench.production.algorithms import SM2_IDENTIFIER
from workbench.production.ca.certificates import to_pem
from workbench.production.ca.connector import CaMisconfigured, CaUnreachable

_SECONDS: Final = 30
_LONGEST_CHAIN: Final = 10


class Chain:
    """The certificates above those a CA issues."""

    def __init__(self, trusted: Path | None, remembered: Path) -> None:
        """
        Args:
            trusted: PEM with the CA's own certificates; without them anything that is genuinely the CA's is taken.
            remembered: where the chain of the last certificate is kept, PEM.
        """
        self._trusted = trusted
        self._remembered = remembered

    def vouches(self, certificate: bytes, extra: Sequence[bytes]) -> bool:
        """Whether a certificate (DER) leads to one that is trusted, by way of those that came along.

        Raises:
            CaUnreachable: openssl can't be run to its end.
        """
        if self._trusted is None:
            return True
        listed = self._listed()
        if not _is_sm2(certificate):
            return _verifies(certificate, listed, extra)
        # openssl verify tells the distinguishing identifier to the last certificate alone: link by link, then.
        above = _above(certificate, [*extra, *listed])
        links = zip([certificate, *above], above, strict=False)
        led = any(each in listed for each in above)
        options = ["-partial_chain", "-vfyopt", f"distid:{SM2_IDENTIFIER}"]
        return led and all(_verifies(below, [issuer], [], options) for below, issuer in links)

    def learn(self, certificate: bytes, extra: Sequence[bytes]) -> None:
        """Remember the chain above a certificate (DER) that is vouched for.

        Raises:
            OSError: it can't be kept.
        """
        found = b"".join(to_pem(each) for each in _above(certificate, [*extra, *self._listed()]))
        if found and not (self._remembered.exists() and self._remembered.read_bytes() == found):
            new = self._remembered.with_name(f".{self._remembered.name}.new")
            new.write_bytes(found)
            new.replace(self._remembered)

    def certificates(self) -> tuple[bytes, ...]:
        """The chain (DER), the issuing certificate first.

        Raises:
            CaMisconfigured: nothing is known of it.
        """
        if self._remembered.exists():
            return tuple(_load(self._remembered))
        listed = self._listed()
        above = {each: _above(each, listed) for each in listed}
        lowest = [each for each in listed if not any(each in chain for other, chain in above.items() if other != each)]
        if not lowest:
            raise CaMisconfigured("Set WORKBENCH_CMP_TRUSTED to the CA's own certificates, the root's among them.")
        return (lowest[0], *above[lowest[0]])

    def _listed(self) -> list[bytes]:
        if self._trusted is None:
            return []
        try:
            return _load(self._trusted)
        except (OSError, ValueError) as error:
            raise CaMisconfigured(f"The CA's certificates in {self._trusted} can't be read: {error}") from error


def _verifies(
    certificate: bytes, trusted: Sequence[bytes], between: Sequence[bytes], options: Sequence[str] = ()
) -> bool:
    with TemporaryDirectory(prefix="chain-") as folder:
        for name, content in (("certificate", [certificate]), ("trusted", trusted), ("between", between)):
            Path(folder, name).write_bytes(b"".join(to_pem(each) for each in content))
        command = ["openssl", "verify", *options, "-no-CApath", "-no-CAstore", "-CAfile", "trusted"]
        command += ["-untrusted", "between"] if between else []
        try:
            done = subprocess.run(
                [*command, "certificate"], cwd=folder, capture_output=True, timeout=_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise CaUnreachable(f"openssl verify can't be run: {error}") from error
        return done.returncode == 0


def _above(certificate: bytes, candidates: Iterable[bytes]) -> list[bytes]:
    """Who issued it, who issued that, and so on, as far as the candidates lead."""
    pool, chain, current = list(dict.fromkeys(candidates)), list[bytes](), certificate
    while len(chain) < _LONGEST_CHAIN:
        read = x509.Certificate.load(current)
        if read.subject.dump() == read.issuer.dump():
            break
        issuer = next((each for each in pool if each not in chain and _issued(each, current)), None)
        if issuer is None:
            break
        chain.append(issuer)
        current = issuer
    return chain


def _issued(issuer: bytes, certificate: bytes) -> bool:
    above, below = x509.Certificate.load(issuer), x509.Certificate.load(certificate)
    if not above.ca or above.subject.dump() != below.issuer.dump():
        return False
    if _is_sm2(certificate):
        content = below["tbs_certificate"].dump()
        return sm2.verify(above.public_key.dump(), content, below["signature_value"].native)
    try:
        signer = read_der(issuer)
        read_der(certificate).verify_directly_issued_by(signer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _is_sm2(certificate: bytes) -> bool:
    return sm2.is_public_key(x509.Certificate.load(certificate).public_key.dump())


def _load(path: Path) -> list[bytes]:
    return [each.public_bytes(Encoding.DER) for each in read_pem(path.read_bytes())]
