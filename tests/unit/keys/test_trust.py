"""Whether a certificate opens the door: each way it can be wrong has its own answer, and only a good one opens."""

import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID, ObjectIdentifier

from tests.support.applicant import a_code
from tests.support.certificates import issue, trial_authority
from workbench.kernel.clock import now
from workbench.keys.models import Certificate
from workbench.keys.service import digest_of
from workbench.keys.trial import TrialAuthority
from workbench.keys.trust import Standing, Verdict, judge, load_authorities
from workbench.keys.words import HAPPENED, THEN

DAY = timedelta(days=1)
Signer = Callable[[x509.CertificateBuilder], x509.Certificate]


@pytest.fixture
def authority(tmp_path: Path) -> TrialAuthority:
    return trial_authority(tmp_path / "trial")


@pytest.fixture
def sign(authority: TrialAuthority) -> Signer:
    """Sign whatever is built, with the authority's own key."""
    key = authority._private_key
    return lambda builder: builder.issuer_name(authority.certificate.subject).sign(key, hashes.SHA256())


def record_of(certificate: x509.Certificate, **changes: str) -> Certificate:
    return Certificate(sha256=digest_of(certificate), **{"uscc": a_code(), "state": "valid", **changes})


def judged(
    authority: TrialAuthority, certificate: x509.Certificate, record: Certificate | None = None, after: timedelta = DAY
) -> Verdict:
    known = {record.sha256: record} if record is not None else {}
    return judge(certificate, [authority.certificate], now() + after, known.get)


def a_builder() -> x509.CertificateBuilder:
    name = x509.Name([x509.NameAttribute(NameOID.SERIAL_NUMBER, a_code())])
    builder = (
        x509.CertificateBuilder().subject_name(name).public_key(ec.generate_private_key(ec.SECP256R1()).public_key())
    )
    return builder.serial_number(7).not_valid_before(now() - DAY).not_valid_after(now() + 30 * DAY)


@pytest.mark.parametrize(
    ("changes", "after", "standing"),
    [
        ({}, DAY, Standing.GOOD),
        ({"state": "revoked"}, DAY, Standing.REVOKED),
        ({"state": "replaced"}, DAY, Standing.REPLACED),
        ({"uscc": a_code(2)}, DAY, Standing.OTHER_ENTERPRISE),
        ({}, 900 * DAY, Standing.EXPIRED),
        ({}, -1.5 * DAY, Standing.NOT_OURS),
        ({"state": "revoked"}, 900 * DAY, Standing.REVOKED),
    ],
)
def test_what_became_of_a_certificate_of_ours(
    authority: TrialAuthority, tmp_path: Path, changes: dict[str, str], after: timedelta, standing: Standing
) -> None:
    certificate = issue(authority, tmp_path, uscc=a_code()).issued.certificate
    verdict = judged(authority, certificate, record_of(certificate, **changes), after)
    assert (verdict.standing, verdict.opens) == (standing, standing is Standing.GOOD)


def test_one_whose_time_has_not_come(authority: TrialAuthority, tmp_path: Path) -> None:
    certificate = issue(authority, tmp_path, uscc=a_code(), not_before=now() + 5 * DAY).issued.certificate
    assert judged(authority, certificate, record_of(certificate)).standing is Standing.NOT_YET_VALID


def test_one_we_have_no_record_of(authority: TrialAuthority, tmp_path: Path) -> None:
    certificate = issue(authority, tmp_path, uscc=a_code()).issued.certificate
    verdict = judged(authority, certificate)
    assert (verdict.standing, verdict.record) == (Standing.UNKNOWN, None)


def test_another_authority_of_the_same_name_is_not_ours(authority: TrialAuthority, tmp_path: Path) -> None:
    other = trial_authority(tmp_path / "other")
    assert other.certificate.subject == authority.certificate.subject
    certificate = issue(other, tmp_path, uscc=a_code()).issued.certificate
    assert judged(authority, certificate, record_of(certificate)).standing is Standing.NOT_OURS


def test_a_server_certificate_signs_nobody_in(authority: TrialAuthority) -> None:
    path, _ = authority.server_files(["localhost"])
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    assert judged(authority, certificate, record_of(certificate)).standing is Standing.NOT_OURS


def test_the_authoritys_own_certificate_signs_nobody_in(authority: TrialAuthority) -> None:
    certificate = authority.certificate
    assert judged(authority, certificate, record_of(certificate)).standing is Standing.NOT_OURS


def test_a_holder_cannot_issue_certificates(authority: TrialAuthority, tmp_path: Path) -> None:
    """Neither may a holder's certificate stand among the authorities by mistake of whoever writes that file."""
    holder = issue(authority, tmp_path, uscc=a_code()).issued
    forged = a_builder().issuer_name(holder.certificate.subject).sign(holder.private_key, hashes.SHA256())
    assert judged(authority, forged, record_of(forged)).standing is Standing.NOT_OURS
    trusting = judge(forged, [authority.certificate, holder.certificate], now(), lambda _: record_of(forged))
    assert trusting.standing is Standing.NOT_OURS


def test_an_old_certificate_without_extensions_is_taken(authority: TrialAuthority, sign: Signer) -> None:
    certificate = sign(a_builder())
    assert judged(authority, certificate, record_of(certificate)).opens


@pytest.mark.parametrize(
    ("extension", "opens"),
    [
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False),
        (x509.BasicConstraints(ca=True, path_length=None), False),
        (x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4"), b"\x05\x00"), False),
    ],
)
def test_what_a_certificate_says_of_its_use_is_held_to(
    authority: TrialAuthority, sign: Signer, extension: x509.ExtensionType, opens: bool
) -> None:
    certificate = sign(a_builder().add_extension(extension, critical=True))
    assert judged(authority, certificate, record_of(certificate)).opens is opens


@pytest.mark.parametrize("codes", [(), (a_code(), a_code(2)), (a_code(), a_code())])
def test_a_subject_that_names_no_one_enterprise_opens_nothing(
    authority: TrialAuthority, sign: Signer, codes: tuple[str, ...]
) -> None:
    name = x509.Name([x509.NameAttribute(NameOID.SERIAL_NUMBER, code) for code in codes])
    builder = a_builder()
    builder._subject_name = None
    certificate = sign(builder.subject_name(name))
    assert judged(authority, certificate, record_of(certificate)).standing is Standing.OTHER_ENTERPRISE


def test_a_key_of_another_kind_is_refused_not_an_error(authority: TrialAuthority) -> None:
    builder = a_builder().issuer_name(authority.certificate.subject)
    certificate = builder.sign(ed25519.Ed25519PrivateKey.generate(), None)
    assert judged(authority, certificate, record_of(certificate)).standing is Standing.NOT_OURS


@pytest.mark.parametrize("kind", [("sm2", "sm3"), ("rsa", "sha512-224")])
def test_a_signature_that_cannot_be_checked_is_refused_not_an_error(
    authority: TrialAuthority, tmp_path: Path, kind: tuple[str, str]
) -> None:
    key, digest = kind
    certificate = self_signed(tmp_path, key.upper(), digest)
    assert judged(authority, certificate, record_of(certificate)).standing is Standing.NOT_OURS


def self_signed(folder: Path, key: str, digest: str) -> x509.Certificate:
    """A certificate that openssl made, of a kind that the library here reads but can't check."""
    key_path, path = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", key, "-out", key_path], check=True, capture_output=True)
    making = ["openssl", "req", "-x509", "-key", str(key_path), f"-{digest}", "-out", str(path)]
    making += ["-subj", f"/serialNumber={a_code()}", "-addext", "basicConstraints=critical,CA:FALSE"]
    subprocess.run(making, check=True, capture_output=True)
    return x509.load_pem_x509_certificate(path.read_bytes())


@pytest.mark.parametrize(
    ("extension", "value", "times"),
    [
        (ExtensionOID.BASIC_CONSTRAINTS, b"\x30\x00", 2),
        (ExtensionOID.SUBJECT_ALTERNATIVE_NAME, b"\x30\x02\xa3\x00", 1),
    ],
    ids=["twice the same", "an X.400 name"],
)
def test_extensions_that_cannot_be_read_are_refused_not_an_error(
    authority: TrialAuthority, sign: Signer, extension: ObjectIdentifier, value: bytes, times: int
) -> None:
    builder = a_builder().add_extension(x509.UnrecognizedExtension(extension, value), critical=False)
    builder._extensions *= times
    certificate = sign(builder)
    assert judged(authority, certificate, record_of(certificate)).standing is Standing.NOT_OURS


def test_without_authorities_nobody_is_ours(authority: TrialAuthority, tmp_path: Path) -> None:
    certificate = issue(authority, tmp_path, uscc=a_code()).issued.certificate
    assert load_authorities(None) == ()
    assert load_authorities(authority.certificate_path) == (authority.certificate,)
    assert judge(certificate, (), now(), lambda _: record_of(certificate)).standing is Standing.NOT_OURS


def test_every_refusal_says_what_happened_and_what_to_do() -> None:
    assert set(HAPPENED) == set(THEN) == set(Standing)
    assert len(set(HAPPENED.values())) == len(set(THEN.values())) == len(Standing)
