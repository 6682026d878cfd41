"""Which certification authority an installation asks, by its settings; and its embedded ones, whoever is asked now."""

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from workbench.config import Settings
from workbench.kernel.parts import Parts
from workbench.production.algorithms import Algorithm
from workbench.production.ca.cmp import CmpAuthority
from workbench.production.ca.cmp_chain import Chain
from workbench.production.ca.cmp_composer import Composer, Credentials
from workbench.production.ca.cmp_wire import Wire
from workbench.production.ca.connector import CaMisconfigured, CertificationAuthority
from workbench.production.ca.embedded import ON_TOKEN, EmbeddedAuthority, folder_of
from workbench.production.ca.profile import Profile, load_profile
from workbench.production.ca.signers import Signer
from workbench.production.ca.token_signer import TokenSigner


def load_authority(parts: Parts) -> CertificationAuthority:
    """The authority that is configured.

    Raises:
        CaMisconfigured: it can't be asked as configured; the message names what to set.
    """
    settings = parts.settings
    algorithm = Algorithm(settings.key_algorithm)
    if settings.ca == "cmp":
        return cmp_authority(settings, algorithm)
    return EmbeddedAuthority(
        parts, algorithm, load_profile(settings.certificate_profile), _issuing_key(parts, algorithm)
    )


def find_embedded(parts: Parts, name: str) -> EmbeddedAuthority | None:
    """The embedded authority of this name, if this installation has one: none is made because a stranger asks.

    It is for telling what was issued, so a profile that can't be used does not stand in its way.

    Raises:
        CaMisconfigured: there is one, but it can't be used.
    """
    named = name.removesuffix(ON_TOKEN)
    if named not in set(Algorithm) or not (folder_of(parts) / name).is_dir():
        return None
    issuing_key = None
    if name.endswith(ON_TOKEN):
        issuing_key = _issuing_key(parts, Algorithm(named))
        if issuing_key is None:
            raise CaMisconfigured(f"The key of {name} is on a token: set WORKBENCH_CA_TOKEN_LIBRARY again.")
    return EmbeddedAuthority(parts, Algorithm(named), Profile(), issuing_key)


def list_embedded(parts: Parts) -> Iterator[EmbeddedAuthority]:
    """Every embedded authority of this installation; raises as `find_embedded`."""
    for algorithm in Algorithm:
        for name in (algorithm.value, algorithm.value + ON_TOKEN):
            found = find_embedded(parts, name)
            if found is not None:
                yield found


def _issuing_key(parts: Parts, algorithm: Algorithm) -> Callable[[], Signer] | None:
    """What opens the embedded authority's issuing key where that is on a token."""
    settings = parts.settings
    library, serial, pin_file = settings.ca_token_library, settings.ca_token_serial, settings.ca_token_pin_file
    if library is None:
        return None
    if serial is None or pin_file is None:
        raise CaMisconfigured("Set WORKBENCH_CA_TOKEN_SERIAL and WORKBENCH_CA_TOKEN_PIN_FILE too.")
    if algorithm is Algorithm.SM2:
        raise CaMisconfigured("PKCS #11 knows no SM2: with it, the issuing key can't be on a token.")
    try:
        pin = pin_file.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise CaMisconfigured(f"WORKBENCH_CA_TOKEN_PIN_FILE: {pin_file} can't be read.") from error
    return partial(TokenSigner, library, serial, pin, algorithm)


def cmp_authority(settings: Settings, algorithm: Algorithm) -> CmpAuthority:
    """The CA that is asked by CMP as these settings say; raises as `load_authority`."""
    if settings.cmp_server is None:
        raise CaMisconfigured("Set WORKBENCH_CMP_SERVER to the CA's CMP address.")
    for name in ("cmp_secret_file", "cmp_certificate", "cmp_private_key", "cmp_trusted", "cmp_tls_trusted"):
        path: Path | None = getattr(settings, name)
        if path is not None and not os.access(path, os.R_OK):
            raise CaMisconfigured(f"WORKBENCH_{name.upper()}: {path} can't be read.")
    by_secret = settings.cmp_secret_file is not None and settings.cmp_reference
    by_certificate = settings.cmp_certificate is not None and settings.cmp_private_key is not None
    if bool(by_secret) == by_certificate:
        raise CaMisconfigured(
            "The CA knows us by WORKBENCH_CMP_REFERENCE and WORKBENCH_CMP_SECRET_FILE,"
            " or by WORKBENCH_CMP_CERTIFICATE and WORKBENCH_CMP_PRIVATE_KEY: set one pair."
        )
    if by_certificate and settings.cmp_trusted is None:
        raise CaMisconfigured("Set WORKBENCH_CMP_TRUSTED: without it nobody vouches for the CA's signatures.")
    if settings.cmp_unprotected_errors and settings.cmp_server.scheme != "https":
        raise CaMisconfigured("WORKBENCH_CMP_UNPROTECTED_ERRORS: only by https does nobody else answer for the CA.")
    credentials = Credentials(
        reference=settings.cmp_reference,
        secret_file=settings.cmp_secret_file,
        certificate=settings.cmp_certificate,
        private_key=settings.cmp_private_key,
        trusted=settings.cmp_trusted,
        recipient=settings.cmp_recipient,
        unprotected_errors=settings.cmp_unprotected_errors,
    )
    folder = settings.ca_dir / "cmp"
    return CmpAuthority(
        f"CMP {settings.cmp_server.host}",
        algorithm,
        Wire(str(settings.cmp_server), settings.cmp_timeout_seconds, settings.cmp_tls_trusted),
        Composer(credentials),
        Chain(settings.cmp_trusted, folder / "chain.pem"),
        folder,
    )
