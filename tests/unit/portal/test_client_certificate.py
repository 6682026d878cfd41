"""The certificate a request came with: believed from the configured proxy itself, never from a stranger's words."""

import base64
from typing import Any
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AnyUrl
from werkzeug.datastructures import Headers
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import EnvironBuilder, run_wsgi_app

from tests.support.applicant import a_code
from tests.support.certificates import issue, of_impossible_version, trial_authority
from workbench.config import Settings
from workbench.portal.key.client_certificate import (
    LONGEST_HEADER,
    asks_for_certificate,
    key_address,
    presented_certificate,
)

PROXY = "10.1.2.3"
BEHIND_PROXY = Settings(client_certificate_proxy=PROXY)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> x509.Certificate:
    folder = tmp_path_factory.mktemp("trial")
    return issue(trial_authority(folder), folder, uscc=a_code()).issued.certificate


def pem(certificate: x509.Certificate) -> str:
    """As nginx passes it on in $ssl_client_escaped_cert."""
    return quote(certificate.public_bytes(Encoding.PEM), safe="")


def environ(header: str | None, peer: str = PROXY, **more: str) -> dict[str, Any]:
    found: dict[str, Any] = {"REMOTE_ADDR": peer, **more}
    return found if header is None else {**found, "HTTP_X_CLIENT_CERTIFICATE": header}


def test_the_proxy_is_believed_in_each_way_of_writing(certificate: x509.Certificate) -> None:
    der = base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()
    for written in (pem(certificate), der, f":{der}:", quote(der, safe="")):
        assert presented_certificate(environ(written), BEHIND_PROXY) == certificate


@pytest.mark.parametrize("peer", ["10.1.2.4", "127.0.0.1", "", "unix:", "::1", "10.1.2.3, 10.1.2.3", "evil"])
def test_a_stranger_who_writes_the_header_is_not(certificate: x509.Certificate, peer: str) -> None:
    assert presented_certificate(environ(pem(certificate), peer), BEHIND_PROXY) is None
    assert not asks_for_certificate(environ(pem(certificate), peer), BEHIND_PROXY)


def test_without_a_configured_proxy_nobody_is(certificate: x509.Certificate) -> None:
    assert presented_certificate(environ(pem(certificate), "127.0.0.1"), Settings()) is None


@pytest.mark.parametrize("peer", [PROXY, f"::ffff:{PROXY}"])
def test_an_address_within_the_network_counts_however_it_is_written(certificate: x509.Certificate, peer: str) -> None:
    within = Settings(client_certificate_proxy="10.1.0.0/16")
    assert presented_certificate(environ(pem(certificate), peer), within) == certificate


def test_a_forwarded_address_does_not_make_a_stranger_the_proxy(certificate: x509.Certificate) -> None:
    seen: list[x509.Certificate | None] = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.append(presented_certificate(environ, BEHIND_PROXY))
        start_response("200 OK", [])
        return [environ["REMOTE_ADDR"].encode()]

    for peer in ("198.51.100.7", PROXY):
        headers = {"X-Forwarded-For": PROXY, "X-Client-Certificate": pem(certificate)}
        request = EnvironBuilder(headers=Headers(headers), environ_overrides={"REMOTE_ADDR": peer}).get_environ()
        body, _, _ = run_wsgi_app(ProxyFix(app, x_for=1), request)
        assert b"".join(body) == PROXY.encode()
    assert seen == [None, certificate]


def test_the_proxy_passes_on_one_certificate_at_a_time(certificate: x509.Certificate) -> None:
    """A second one was in the request before: servers join headers of one name by commas."""
    twice = f"{pem(certificate)},{pem(certificate)}"
    both = quote(certificate.public_bytes(Encoding.PEM) * 2, safe="")
    for written in (twice, f"{pem(certificate)}, x", both):
        assert presented_certificate(environ(written), BEHIND_PROXY) is None


def test_the_header_is_the_configured_one(certificate: x509.Certificate) -> None:
    other = Settings(client_certificate_proxy=PROXY, client_certificate_header="X-SSL-Cert")
    assert presented_certificate(environ(pem(certificate)), other) is None
    assert presented_certificate(environ(None, HTTP_X_SSL_CERT=pem(certificate)), other) == certificate


@given(st.one_of(st.text(max_size=300), st.binary(max_size=300).map(lambda data: base64.b64encode(data).decode())))
def test_whatever_else_stands_in_the_header_is_no_certificate(written: str) -> None:
    assert presented_certificate(environ(written), BEHIND_PROXY) is None
    assert presented_certificate(environ(f"-----BEGIN CERTIFICATE-----{written}"), BEHIND_PROXY) is None


def test_a_certificate_of_an_impossible_version_is_none(certificate: x509.Certificate) -> None:
    der = of_impossible_version(certificate.public_bytes(Encoding.DER))
    armoured = f"-----BEGIN CERTIFICATE-----\n{base64.b64encode(der).decode()}\n-----END CERTIFICATE-----\n"
    for written in (base64.b64encode(der).decode(), quote(armoured, safe="")):
        assert presented_certificate(environ(written), BEHIND_PROXY) is None


def test_an_endless_header_is_not_read() -> None:
    assert presented_certificate(environ("A" * (LONGEST_HEADER + 1)), BEHIND_PROXY) is None


def test_the_address_of_the_sign_in() -> None:
    assert key_address(Settings()) is None
    assert key_address(Settings(key_port=8443)) == "https://127.0.0.1:8443/key"
    assert (
        key_address(Settings(key_port=8443, host="::1", public_url=AnyUrl("http://[::1]:80")))
        == "https://[::1]:8443/key"
    )
    public = Settings(key_port=8443, public_url=AnyUrl("https://keys.example/"))
    assert key_address(public) == "https://keys.example:8443/key"
    assert key_address(Settings(key_url=AnyUrl("https://key.example/"))) == "https://key.example/key"
