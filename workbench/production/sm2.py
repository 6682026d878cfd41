"""SM2 with SM3 (GB/T 32918, GM/T 0009) through the openssl command line, which Python's cryptography can't do.

Every signature is made and checked under the distinguishing identifier of GM/T 0009; a check without it always fails.
Passphrases reach openssl through a pipe: never an argument, a file or the environment.
"""

import os
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from asn1crypto import algos, keys, pem

from workbench.kernel.files import put_private
from workbench.production.algorithms import SM2_IDENTIFIER

SECONDS: Final = 30
"""How long one call of openssl may take; it needs a hundredth of a second."""
LONGEST_PASSPHRASE: Final = 1000
"""Bytes; openssl reads no longer line."""
_CURVE: Final = "1.2.156.10197.1.301"
_DIGEST: Final = ("-sm3", "-sigopt", f"distid:{SM2_IDENTIFIER}")


class OpensslMissing(Exception):
    """There is no openssl, or one without SM2. The message says what to install."""


class PassphraseRefused(Exception):
    """The key is encrypted, and not under this passphrase."""


class OpensslFailed(Exception):
    """openssl did not do what was asked; the message holds its own words, which never name a key or a passphrase."""


def generate_key(path: Path, passphrase: str | None) -> bytes:
    """Make a key pair and keep it at `path`: PKCS #8, PEM, readable by its owner alone, there whole or not at all.

    With a passphrase it is encrypted (PBES2 with scrypt and AES-256). The answer is the public key, DER
    SubjectPublicKeyInfo.

    Raises:
        FileExistsError: something is at `path` already; a key is never written over.
        OSError: the file can't be written, for example because the disk is full.
        OpensslMissing, OpensslFailed: see there.
    """
    if path.exists():
        raise FileExistsError(path.name)
    require_sm2()
    plain = _openssl(["genpkey", "-algorithm", "SM2"])
    public_key = _openssl(["pkey", "-pubout", "-outform", "DER"], given=plain)
    if passphrase is None:
        put_private(path, plain)
    else:
        encrypting = ["pkcs8", "-topk8", "-scrypt", "-v2", "aes-256-cbc"]
        put_private(path, _openssl(encrypting, given=plain, option="-passout", passphrase=passphrase))
    return public_key


def public_key(path: Path, passphrase: str | None) -> bytes:
    """The public key (DER SubjectPublicKeyInfo) of the key pair kept at `path`.

    Raises:
        FileNotFoundError: there is none.
        PassphraseRefused, OpensslMissing, OpensslFailed: see there.
    """
    return _with_key(path, passphrase, ["pkey", "-in", str(path), "-pubout", "-outform", "DER"])


def sign(path: Path, passphrase: str | None, message: bytes) -> bytes:
    """A signature over `message` by the private key kept at `path`: DER SEQUENCE {r, s}.

    Raises:
        FileNotFoundError: there is no key.
        PassphraseRefused, OpensslMissing, OpensslFailed: see there.
    """
    return _with_key(path, passphrase, ["dgst", *_DIGEST, "-sign", str(path)], given=message)


def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether `signature` (DER) over `message` was made by the owner of `public_key` (DER SubjectPublicKeyInfo).

    A public key that is none, or none of SM2, made no signature.

    Raises:
        OpensslMissing, OpensslFailed: nothing could be checked.
    """
    require_sm2()
    if not is_public_key(public_key) or not _is_signature(signature):
        return False
    with TemporaryDirectory(prefix="sm2-") as folder:
        key_path, signature_path = Path(folder, "key"), Path(folder, "signature")
        key_path.write_bytes(public_key)
        signature_path.write_bytes(signature)
        checking = ["dgst", *_DIGEST, "-verify", str(key_path), "-keyform", "DER", "-signature", str(signature_path)]
        return _run(checking, given=message).returncode == 0


def is_public_key(candidate: bytes) -> bool:
    """Whether these bytes are a public key (DER SubjectPublicKeyInfo) on the curve of SM2."""
    try:
        algorithm = keys.PublicKeyInfo.load(candidate, strict=True)["algorithm"]
        if algorithm["algorithm"].native != "ec":
            return False
        parameters = algorithm["parameters"]
        return bool(parameters.name == "named" and parameters.chosen.dotted == _CURVE)
    except (ValueError, TypeError, KeyError):
        return False


def _is_signature(candidate: bytes) -> bool:
    # `openssl dgst` reads as many bytes as the longest signature has: what follows one of that length it never sees.
    try:
        algos.DSASignature.load(candidate, strict=True)
    except (ValueError, TypeError):
        return False
    return True


def is_encrypted(path: Path) -> bool:
    """Whether the private key kept at `path` needs a passphrase.

    Raises:
        FileNotFoundError: there is none.
        OpensslFailed: the file holds no whole private key.
    """
    try:
        label, _, content = pem.unarmor(path.read_bytes())
        if label == "ENCRYPTED PRIVATE KEY":
            keys.EncryptedPrivateKeyInfo.load(content, strict=True)
            return True
        keys.PrivateKeyInfo.load(content, strict=True)
    except (ValueError, TypeError):
        raise OpensslFailed(f"{path.name} holds no private key (PKCS #8, PEM)") from None
    return False


@cache
def require_sm2() -> None:
    """Refuse to go on without an openssl that knows SM2.

    Raises:
        OpensslMissing: says what to install.
    """
    try:
        made = _run(["genpkey", "-algorithm", "SM2"])
    except FileNotFoundError:
        raise OpensslMissing("openssl is not installed. Debian, Ubuntu: apt-get install openssl") from None
    if made.returncode != 0:
        version = _run(["version"]).stdout.decode(errors="replace").strip()
        raise OpensslMissing(f"This openssl can't do SM2: {version}. OpenSSL 3.0 or newer is needed.")


def _with_key(path: Path, passphrase: str | None, arguments: Sequence[str], given: bytes = b"") -> bytes:
    """What openssl answers to a command that reads the private key at `path`."""
    require_sm2()
    if not is_encrypted(path):
        return _openssl(arguments, given=given)
    if passphrase is None:
        raise PassphraseRefused(path.name)  # openssl would ask for it at the terminal
    done = _run(arguments, given=given, option="-passin", passphrase=passphrase)
    if done.returncode != 0:
        raise PassphraseRefused(path.name)
    return done.stdout


def _openssl(arguments: Sequence[str], *, given: bytes = b"", option: str = "", passphrase: str | None = None) -> bytes:
    """What openssl wrote to its output."""
    done = _run(arguments, given=given, option=option, passphrase=passphrase)
    if done.returncode != 0:
        raise OpensslFailed(f"openssl {arguments[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def _run(
    arguments: Sequence[str], *, given: bytes = b"", option: str = "", passphrase: str | None = None
) -> "subprocess.CompletedProcess[bytes]":
    """Run openssl on `given`, telling it the passphrase by `option`."""
    if passphrase is None:
        return _start(arguments, given)
    told = passphrase.encode(errors="surrogatepass")
    if not 0 < len(told) <= LONGEST_PASSPHRASE or set(told) & {0, 10, 13}:
        raise PassphraseRefused("a passphrase is one line of text")
    reader, writer = os.pipe()
    try:
        with os.fdopen(writer, "wb") as told_to:
            told_to.write(told + b"\n")  # a pipe holds far more than this without a reader
        return _start([arguments[0], option, f"fd:{reader}", *arguments[1:]], given, (reader,))
    finally:
        os.close(reader)


def _start(
    arguments: Sequence[str], given: bytes, descriptors: Sequence[int] = ()
) -> "subprocess.CompletedProcess[bytes]":
    # The machine's own configuration could load engines or forbid algorithms; ours must answer alike everywhere.
    environment = {**os.environ, "OPENSSL_CONF": os.devnull, "LC_ALL": "C"}
    try:
        done = subprocess.run(
            ["openssl", *arguments],
            input=given,
            capture_output=True,
            timeout=SECONDS,
            pass_fds=descriptors,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise OpensslFailed(f"openssl {arguments[0]} took more than {SECONDS} s") from None
    if done.returncode < 0:
        raise OpensslFailed(f"openssl {arguments[0]} was ended by signal {-done.returncode}")
    return done
