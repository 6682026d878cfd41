"""The certificate a request came with: from the TLS socket of our own listener, or from the one proxy that may say so.

A header is believed only when the connection itself comes from the configured address; what a stranger writes into
headers, forwarded addresses included, changes nothing.
"""

import base64
import binascii
import ssl
from collections.abc import Mapping
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, Final
from urllib.parse import unquote_to_bytes, urlsplit

from cryptography import x509

from workbench.config import Settings
from workbench.kernel.certificates import read_der, read_pem

LONGEST_HEADER: Final = 16 * 1024
"""Characters; a certificate of an e-key takes about 2,000 as escaped PEM."""
_SOCKETS: Final = ("gunicorn.socket", "werkzeug.socket")


def presented_certificate(environ: Mapping[str, Any], settings: Settings) -> x509.Certificate | None:
    """The client certificate of this request, not judged yet; None when none came, or none that can be believed."""
    tls = _tls_socket(environ)
    der = tls.getpeercert(binary_form=True) if tls is not None else None
    try:
        if der:
            return read_der(der)
        if _comes_from_proxy(environ, settings):
            return _read_header(str(environ.get(_environ_name(settings.client_certificate_header), "")))
    except (ValueError, binascii.Error):
        pass
    return None


def asks_for_certificate(environ: Mapping[str, Any], settings: Settings) -> bool:
    """Whether this request came where a certificate is asked for: then there was none to be shown if none came."""
    tls = _tls_socket(environ)
    asks = tls is not None and tls.context.verify_mode is not ssl.CERT_NONE
    return asks or _comes_from_proxy(environ, settings)


def key_address(settings: Settings) -> str | None:
    """Where holders of an e-key sign in; None where nothing asks for certificates."""
    if settings.key_url is not None:
        return str(settings.key_url).rstrip("/") + "/key"
    if settings.key_port is None:
        return None
    host = urlsplit(settings.site_url).hostname or ""
    return f"https://{f'[{host}]' if ':' in host else host}:{settings.key_port}/key"


def _tls_socket(environ: Mapping[str, Any]) -> ssl.SSLSocket | None:
    for name in _SOCKETS:
        found = environ.get(name)
        if isinstance(found, ssl.SSLSocket):
            return found
    return None


def _comes_from_proxy(environ: Mapping[str, Any], settings: Settings) -> bool:
    """Whether the connection's own other end, before any forwarded address was read, is the configured proxy."""
    if settings.client_certificate_proxy is None:
        return False
    original = environ.get("werkzeug.proxy_fix.orig", environ)
    try:
        peer = ip_address(str(original.get("REMOTE_ADDR", "")))
    except ValueError:
        return False
    if isinstance(peer, IPv6Address) and peer.ipv4_mapped is not None:
        peer = peer.ipv4_mapped
    return peer in ip_network(settings.client_certificate_proxy, strict=False)


def _environ_name(header: str) -> str:
    return f"HTTP_{header.upper().replace('-', '_')}"


def _read_header(untrusted: str) -> x509.Certificate | None:
    """The one certificate of a header: PEM, URL-escaped as nginx does, or DER in base64 (also as RFC 9440 has it).

    Servers join a header that came twice by commas: one of the two was a stranger's, so neither counts.

    Raises:
        ValueError, binascii.Error: it holds no certificate.
    """
    if not untrusted or len(untrusted) > LONGEST_HEADER or "," in untrusted:
        return None
    if "BEGIN" in untrusted:
        found = read_pem(unquote_to_bytes(untrusted))
        return found[0] if len(found) == 1 else None
    plain = unquote_to_bytes(untrusted).decode("ascii").strip().strip(":")
    return read_der(base64.b64decode(plain, validate=True))
