"""The trial authority: what it issues says so, its keys are its own, and it comes back as it was."""

import stat
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.support.applicant import a_code
from tests.support.certificates import PASSWORD, issue, trial_authority
from workbench.kernel.clock import clock_at, now
from workbench.keys.subject import Subject, read_subject
from workbench.keys.trial import AUTHORITY_LIFE, MARK, SERVER_LIFE


def test_every_certificate_says_that_it_is_a_trial(tmp_path: Path) -> None:
    authority = trial_authority(tmp_path / "trial")
    client = issue(authority, tmp_path, uscc=a_code(), enterprise_name="示例有限公司", holder_name="示例甲")
    server, _ = authority.server_files(["localhost"])
    for certificate in (
        authority.certificate,
        client.issued.certificate,
        x509.load_pem_x509_certificate(server.read_bytes()),
    ):
        assert MARK in [attribute.value for attribute in certificate.subject]
    assert read_subject(client.issued.certificate) == Subject(a_code(), "示例有限公司", "示例甲")
    purposes = client.issued.certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(purposes) == [ExtendedKeyUsageOID.CLIENT_AUTH]


def test_only_the_owner_reads_its_files(tmp_path: Path) -> None:
    authority = trial_authority(tmp_path / "trial")
    authority.server_files(["localhost"])
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "trial").iterdir()}
    assert set(modes) == {"authority.crt", "authority.key", "server.crt", "server.key"}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE((tmp_path / "trial").stat().st_mode) == 0o700


def test_it_comes_back_as_it_was_until_its_time_is_over(tmp_path: Path) -> None:
    first = trial_authority(tmp_path)
    assert trial_authority(tmp_path).certificate == first.certificate
    with clock_at(now() + AUTHORITY_LIFE):
        assert trial_authority(tmp_path).certificate != first.certificate


def test_the_servers_certificate_is_renewed_in_time_and_for_other_names(tmp_path: Path) -> None:
    authority = trial_authority(tmp_path)
    certificate, _ = authority.server_files(["localhost", "127.0.0.1", "::1"])
    first = certificate.read_bytes()
    assert authority.server_files(["::1", "127.0.0.1", "localhost"])[0].read_bytes() == first
    with clock_at(now() + SERVER_LIFE - timedelta(days=20)):
        assert authority.server_files(["localhost", "127.0.0.1", "::1"])[0].read_bytes() != first
    assert authority.server_files(["other.example"])[0].read_bytes() != first


def test_a_browser_can_import_the_key(tmp_path: Path) -> None:
    authority = trial_authority(tmp_path / "trial")
    client = issue(authority, tmp_path, uscc=a_code())
    key, certificate, issuers = pkcs12.load_key_and_certificates(client.p12, PASSWORD.encode())
    assert key is not None
    assert certificate == client.issued.certificate
    assert issuers == [authority.certificate]
