"""The listener on which holders of an e-key sign in: the same application behind a TLS handshake that asks for the
key's certificate. Only certificates of the configured authorities get through; what else is wrong with one is told in
words on a page, so the handshake itself does not look at dates.
"""

import socket
import ssl
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from workbench.config import Settings
from workbench.keys.trial import TRIAL_FOLDER, TrialAuthority
from workbench.launch.children import Child

TRIAL_PORT: Final = 8443
IGNORE_TIME: Final = 0x200000
"""OpenSSL's X509_V_FLAG_NO_CHECK_TIME, which the standard library does not name."""
_FILES: Final = ("key_certificate", "key_private_key", "client_ca")


class KeyListenerError(RuntimeError):
    """The listener for e-keys cannot be started as configured; the message says what to set."""


def listening_context(certificate: Path, private_key: Path, client_ca: Path) -> ssl.SSLContext:
    """How the listener shakes hands.

    Raises:
        OSError: a file cannot be read, or does not hold what it should (ssl.SSLError is one).
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, private_key)
    context.load_verify_locations(client_ca)
    context.verify_mode = ssl.CERT_OPTIONAL
    # Issuing authorities are named themselves, not only those above them.
    context.verify_flags = ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VerifyFlags(IGNORE_TIME)
    return context


def prepare(settings: Settings, *, demo: bool, say: Callable[[str], None]) -> Settings:
    """The settings under which to start, with the listener's files in them, or without the listener.

    The demo brings an authority of its own where nothing else is configured, and does without the listener when its
    port is taken.

    Raises:
        KeyListenerError: the listener is asked for and cannot be started.
    """
    port = settings.key_port or (TRIAL_PORT if demo else None)
    if port is None:
        return settings
    if port == settings.port or not _is_free(settings.host, port):
        problem = f"{settings.host}:{port} is in use; set WORKBENCH_KEY_PORT to a free port to sign in with e-keys."
        if not demo:
            raise KeyListenerError(problem)
        say(f"Going on without sign-in by e-key: {problem}")
        return settings.model_copy(update={"key_port": None})
    configured = settings.model_copy(update={"key_port": port})
    missing = [name for name in _FILES if getattr(settings, name) is None]
    if missing and not (demo and len(missing) == len(_FILES)):
        names = ", ".join(f"WORKBENCH_{name.upper()}" for name in missing)
        raise KeyListenerError(f"sign-in by e-key needs {names} besides WORKBENCH_KEY_PORT.")
    if missing:
        configured = _with_trial_authority(configured)
    try:
        listening_context(*files_of(configured))
    except OSError as error:
        names = ", ".join(f"WORKBENCH_{name.upper()}" for name in _FILES)
        raise KeyListenerError(f"the files for sign-in by e-key ({names}) cannot be used: {error}") from error
    return configured


def files_of(settings: Settings) -> tuple[Path, Path, Path]:
    """Certificate, private key and client authorities of a prepared listener."""
    found = (settings.key_certificate, settings.key_private_key, settings.client_ca)
    assert found[0] is not None
    assert found[1] is not None
    assert found[2] is not None
    return found[0], found[1], found[2]


def environment_of(settings: Settings) -> dict[str, str]:
    """What the processes of this installation are told of the listener."""
    if settings.key_port is None:
        return {}
    files = zip(_FILES, files_of(settings), strict=True)
    told = {f"WORKBENCH_{name.upper()}": str(path.resolve()) for name, path in files}
    return {"WORKBENCH_KEY_PORT": str(settings.key_port), **told}


def listener(settings: Settings, environment: Mapping[str, str], folder: Path, grace: int) -> Child:
    """The process of a prepared listener.

    Args:
        folder: where the application stands.
        grace: seconds it gives running requests when it is stopped.
    """
    certificate, private_key, client_ca = (path.resolve() for path in files_of(settings))
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    options = {
        "--config": "python:workbench.launch.key_web",
        "--worker-class": "gthread",
        "--workers": 1,
        "--threads": settings.web_threads,
        "--bind": f"{host}:{settings.key_port}",
        "--certfile": certificate,
        "--keyfile": private_key,
        "--ca-certs": client_ca,
        "--graceful-timeout": grace,
        "--timeout": 60,
        "--log-level": "warning",
    }
    words = [str(word) for pair in options.items() for word in pair]
    command = [sys.executable, "-m", "gunicorn", "wsgi:app", *words, "--no-control-socket"]
    return Child("listener for e-keys", command, environment, folder)


def _with_trial_authority(settings: Settings) -> Settings:
    authority = TrialAuthority.load_or_create(settings.key_dir / TRIAL_FOLDER)
    hosts = {"localhost", "127.0.0.1", "::1", settings.host, urlsplit(settings.site_url).hostname or "localhost"}
    certificate, private_key = authority.server_files(sorted(hosts))
    found = {"key_certificate": certificate, "key_private_key": private_key, "client_ca": authority.certificate_path}
    return settings.model_copy(update=found)


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
