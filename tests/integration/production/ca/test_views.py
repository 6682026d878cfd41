"""What strangers ask the embedded authority, over HTTP as it is served; openssl asks too."""

import base64
import subprocess
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.support.ca import a_key, an_order, issued, openssl
from workbench import create_app
from workbench.kernel.clock import clock_at, now
from workbench.kernel.parts import Parts
from workbench.production.algorithms import Algorithm
from workbench.production.ca.certificates import to_pem
from workbench.production.ca.connector import RevocationReason
from workbench.production.ca.embedded import EmbeddedAuthority
from workbench.production.ca.ocsp import LONGEST_QUESTION
from workbench.production.ca.profile import Profile
from workbench.production.models import TrialEntry

QUESTION = "application/ocsp-request"


@pytest.fixture
def app(parts: Parts) -> Flask:
    """The whole application."""
    return create_app(parts=parts)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A stranger."""
    return app.test_client()


@pytest.fixture
def authority(parts: Parts) -> EmbeddedAuthority:
    """One that has been made."""
    return EmbeddedAuthority(parts, Algorithm.P_256, Profile())


def a_certificate(authority: EmbeddedAuthority, folder: Path) -> bytes:
    return issued(authority, an_order(a_key(Algorithm.P_256, folder), Algorithm.P_256))


def question(certificate: bytes, issuer: bytes, *, nonce: bytes | None = None) -> bytes:
    builder = ocsp.OCSPRequestBuilder().add_certificate(
        x509.load_der_x509_certificate(certificate), x509.load_der_x509_certificate(issuer), hashes.SHA256()
    )
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)


def test_list_and_certificates_are_handed_to_anybody(client: FlaskClient, authority: EmbeddedAuthority) -> None:
    listed = client.get("/ca/p-256.crl")
    assert (listed.status_code, listed.mimetype) == (200, "application/pkix-crl")
    assert listed.data == authority.crl()
    for path, certificate in zip(("/ca/p-256.cer", "/ca/p-256-root.cer"), authority.chain(), strict=True):
        answer = client.get(path)
        assert (answer.status_code, answer.mimetype) == (200, "application/pkix-cert")
        assert answer.data == certificate


@pytest.mark.parametrize("path", ["/ca/p-256.crl", "/ca/p-256.cer"])
def test_answers_are_for_caches_and_carry_no_cookie(
    client: FlaskClient, authority: EmbeddedAuthority, path: str
) -> None:
    answer = client.get(path)
    assert answer.headers["Cache-Control"].startswith("public, max-age=")
    assert "Set-Cookie" not in answer.headers
    again = client.get(path, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_the_addresses_in_certificates_are_those_that_are_served(
    client: FlaskClient, authority: EmbeddedAuthority, tmp_path: Path
) -> None:
    extensions = x509.load_der_x509_certificate(a_certificate(authority, tmp_path)).extensions
    (point,) = extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    assert point.full_name is not None
    access = extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    stated = {each.access_method: urllib.parse.urlsplit(each.access_location.value).path for each in access}
    assert client.get(urllib.parse.urlsplit(point.full_name[0].value).path).data == authority.crl()
    assert client.get(stated[AuthorityInformationAccessOID.CA_ISSUERS]).data == authority.chain()[0]
    asked = client.post(stated[AuthorityInformationAccessOID.OCSP], data=b"?", content_type=QUESTION)
    assert asked.status_code == 200


@pytest.mark.parametrize("path", ["/ca/p-256.crl", "/ca/p-256.cer", "/ca/p-256-root.cer", "/ca/..%2f.crl", "/ca/x.cer"])
def test_no_authority_is_made_because_a_stranger_asks(parts: Parts, client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404
    assert not (parts.settings.key_dir / "ca").exists()


@pytest.mark.parametrize("way", ["POST", "GET"])
def test_a_certificate_is_good_until_it_is_revoked(
    client: FlaskClient, authority: EmbeddedAuthority, tmp_path: Path, way: str
) -> None:
    certificate = a_certificate(authority, tmp_path)
    asked = question(certificate, authority.chain()[0])

    def ask() -> ocsp.OCSPResponse:
        if way == "POST":
            answer = client.post("/ca/ocsp", data=asked, content_type=QUESTION)
        else:
            answer = client.get(f"/ca/ocsp/{urllib.parse.quote(base64.b64encode(asked).decode(), safe='')}")
            assert answer.headers["Cache-Control"] == "public, max-age=300"
        assert (answer.status_code, answer.mimetype) == (200, "application/ocsp-response")
        assert "Set-Cookie" not in answer.headers
        return ocsp.load_der_ocsp_response(answer.data)

    assert ask().certificate_status is ocsp.OCSPCertStatus.GOOD
    authority.revoke("0" * 32, certificate, RevocationReason.AFFILIATION_CHANGED)
    told = ask()
    assert told.certificate_status is ocsp.OCSPCertStatus.REVOKED
    assert told.revocation_reason is x509.ReasonFlags.affiliation_changed
    assert told.next_update_utc is not None
    assert told.next_update_utc - told.this_update_utc == timedelta(hours=1)


def test_a_certificate_nobody_knows_is_unknown_and_anothers_is_nobodys_business(
    parts: Parts, client: FlaskClient, authority: EmbeddedAuthority, tmp_path: Path
) -> None:
    unknown, elsewhere = a_certificate(authority, tmp_path), EmbeddedAuthority(parts, Algorithm.RSA_2048, Profile())
    with parts.work() as session:
        session.execute(delete(TrialEntry))
    asked = question(unknown, authority.chain()[0])
    told = ocsp.load_der_ocsp_response(client.post("/ca/ocsp", data=asked, content_type=QUESTION).data)
    assert told.certificate_status is ocsp.OCSPCertStatus.UNKNOWN
    foreign = question(elsewhere.chain()[0], elsewhere.chain()[1])
    told = ocsp.load_der_ocsp_response(client.post("/ca/ocsp", data=foreign, content_type=QUESTION).data)
    assert told.response_status is ocsp.OCSPResponseStatus.UNAUTHORIZED


def test_a_nonce_comes_back_and_its_answer_is_for_nobody_else(
    client: FlaskClient, authority: EmbeddedAuthority, tmp_path: Path
) -> None:
    certificate = a_certificate(authority, tmp_path)
    asked = question(certificate, authority.chain()[0], nonce=b"n" * 32)
    answer = client.get(f"/ca/ocsp/{urllib.parse.quote(base64.b64encode(asked).decode(), safe='')}")
    told = ocsp.load_der_ocsp_response(answer.data)
    assert told.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == b"n" * 32
    assert answer.headers["Cache-Control"] == "no-store"
    longest = question(certificate, authority.chain()[0], nonce=b"n" * 129)
    told = ocsp.load_der_ocsp_response(client.post("/ca/ocsp", data=longest, content_type=QUESTION).data)
    assert told.response_status is ocsp.OCSPResponseStatus.MALFORMED_REQUEST


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"", QUESTION, 200),
        (b"\x30\x80" * 50, QUESTION, 200),
        (b"?", "application/x-www-form-urlencoded", 415),
        (b"x" * (LONGEST_QUESTION + 1), QUESTION, 413),
    ],
    ids=["nothing", "garbage", "a form", "too long"],
)
def test_what_is_no_question(
    client: FlaskClient, authority: EmbeddedAuthority, body: bytes, kind: str, status: int
) -> None:
    answer = client.post("/ca/ocsp", data=body, content_type=kind)
    assert answer.status_code == status
    if status == 200:
        told = ocsp.load_der_ocsp_response(answer.data)
        assert told.response_status is ocsp.OCSPResponseStatus.MALFORMED_REQUEST


@pytest.mark.parametrize(("encoded", "status"), [("%%%", 400), ("A" * (LONGEST_QUESTION + 4), 414), ("a", 400)])
def test_what_is_no_question_in_an_address(client: FlaskClient, encoded: str, status: int) -> None:
    assert client.get(f"/ca/ocsp/{encoded}").status_code == status


def test_a_list_that_has_become_old_is_made_anew_before_it_is_handed_out(
    client: FlaskClient, authority: EmbeddedAuthority
) -> None:
    first = client.get("/ca/p-256.crl").data
    assert client.get("/ca/p-256.crl").data == first
    with clock_at(now() + timedelta(days=8)):
        second = x509.load_der_x509_crl(client.get("/ca/p-256.crl").data)
        assert second.next_update_utc is not None
        assert second.next_update_utc > now()


def test_an_authority_out_of_order_says_to_come_back(
    parts: Parts, client: FlaskClient, authority: EmbeddedAuthority
) -> None:
    asked = question(*authority.chain())
    (parts.settings.key_dir / "ca" / "p-256" / "issuing.key").write_bytes(b"nothing")
    for answer in (client.get("/ca/p-256.crl"), client.post("/ca/ocsp", data=asked, content_type=QUESTION)):
        assert (answer.status_code, answer.data) == (503, b"")


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - werkzeug's own name
        """Nothing."""


@contextmanager
def served(app: Flask) -> Iterator[int]:
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("algorithm", [Algorithm.RSA_2048, Algorithm.P_256])
def test_openssl_takes_the_responders_word(app: Flask, parts: Parts, tmp_path: Path, algorithm: Algorithm) -> None:
    authority = EmbeddedAuthority(parts, algorithm, Profile())
    certificate = issued(authority, an_order(a_key(algorithm, tmp_path), algorithm))
    for name, der in zip(("leaf", "issuing", "root"), (certificate, *authority.chain()), strict=True):
        (tmp_path / f"{name}.pem").write_bytes(to_pem(der))

    def ask(port: int) -> "subprocess.CompletedProcess[str]":
        where = ["-url", f"http://127.0.0.1:{port}/ca/ocsp", "-CAfile", "root.pem"]
        return openssl(["ocsp", "-issuer", "issuing.pem", "-cert", "leaf.pem", *where], tmp_path)

    with served(app) as port:
        good = ask(port)
        authority.revoke("0" * 32, certificate, RevocationReason.KEY_COMPROMISE)
        revoked = ask(port)
    assert "Response verify OK" in good.stderr, good.stderr
    assert "leaf.pem: good" in good.stdout
    assert "Response verify OK" in revoked.stderr
    assert "leaf.pem: revoked" in revoked.stdout
    assert "keyCompromise" in revoked.stdout
