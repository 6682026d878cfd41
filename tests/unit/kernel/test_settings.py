"""Settings: good values are typed, a bad one stops the start and names its variable."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from workbench.config import BadSettings, Settings, settings

BAD = {
    "DATABASE_URL": ["mysql://localhost/x", "not a url", ""],
    "WORKBENCH_APP_DATABASE_URL": ["sqlite:///x", "workbench"],
    "WORKBENCH_PORT": ["0", "65536", "eighty", ""],
    "WORKBENCH_WEB_WORKERS": ["0", "65", "1.5"],
    "WORKBENCH_WEB_THREADS": ["0", "65"],
    "WORKBENCH_HTTPS": ["perhaps", "2"],
    "WORKBENCH_TRUSTED_PROXIES": ["-1", "6"],
    "WORKBENCH_PUBLIC_URL": ["ftp://example.invalid", "example.invalid", "https://"],
    "WORKBENCH_KEY_URL": ["ftp://example.invalid", "8443"],
    "WORKBENCH_KEY_PORT": ["0", "65536", ""],
    "WORKBENCH_CLIENT_CERTIFICATE_PROXY": ["proxy", "10.0.0.300", "10.0.0.1/33", "10.0.0.1, 10.0.0.2", ""],
    "WORKBENCH_CLIENT_CERTIFICATE_HEADER": ["X Certificate", "X_Certificate", ""],
    "WORKBENCH_SMS_URL": ["sms://example.invalid", "gateway"],
    "WORKBENCH_WEBHOOKS_INSIDE": ["perhaps", "2"],
    "WORKBENCH_SMTP_URL": ["http://mail", "smtp://", "mail.example.invalid:25"],
    "WORKBENCH_MAIL_FROM": ["nobody", "a b@c", ""],
    "WORKBENCH_SESSION_IDLE_MINUTES": ["0", "1441"],
    "WORKBENCH_SESSION_HOURS": ["0", "25"],
    "WORKBENCH_CLAIM_MINUTES": ["0", "481"],
    "WORKBENCH_WORKER_SILENCE_SECONDS": ["2", "601", "soon"],
    "WORKBENCH_KEY_ALGORITHM": ["rsa", "RSA-2048", "rsa-1024", ""],
    "WORKBENCH_CA": ["none", "CMP", ""],
    "WORKBENCH_CMP_SERVER": ["cmp://ca.example.invalid", "ca.example.invalid", ""],
    "WORKBENCH_CMP_UNPROTECTED_ERRORS": ["perhaps", "2"],
    "WORKBENCH_CMP_TIMEOUT_SECONDS": ["0", "301", "soon"],
    "WORKBENCH_PIN_DELIVERY": ["sms", "both", ""],
    "WORKBENCH_RENEWAL_KEY": ["old", ""],
    "WORKBENCH_RENEWED_CERTIFICATE": ["kept", ""],
    "WORKBENCH_LOW_STOCK": ["-1", "100001", "few"],
    "WORKBENCH_UNCOLLECTED_DAYS": ["0", "3651", "long"],
    "WORKBENCH_REMINDER_DAYS": ["0", "366"],
    "WORKBENCH_CARRIER_URL": ["tracking.example.invalid", "ftp://tracking.example.invalid"],
    "WORKBENCH_SECOND_PACKING_CHECK": ["perhaps", "2"],
    "WORKBENCH_LOG_LEVEL": ["LOUD", "debug"],
}


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in [*os.environ]:
        if name.startswith("WORKBENCH_") or name == "DATABASE_URL":
            monkeypatch.delenv(name)
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD.items() for value in values])
def test_a_bad_value_is_refused_and_its_variable_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadSettings) as refusal:
        settings()
    lines = str(refusal.value).splitlines()[1:]
    assert [line.strip().split(":")[0] for line in lines] == [name]


def test_all_bad_values_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_PORT", "0")
    monkeypatch.setenv("WORKBENCH_LOG_LEVEL", "LOUD")
    with pytest.raises(BadSettings, match=r"(?s)WORKBENCH_PORT.*WORKBENCH_LOG_LEVEL"):
        settings()


def test_every_field_that_can_be_bad_is_tried_above() -> None:
    free = {"var_dir", "host", "checkpoint_copy", "key_certificate", "key_private_key", "client_ca"}
    free |= {"certificate_profile", "seal_certificate", "seal_private_key", "cmp_reference", "cmp_recipient"}
    free |= {"cmp_secret_file", "cmp_certificate", "cmp_private_key", "cmp_trusted", "cmp_tls_trusted"}
    free |= {"ca_token_library", "ca_token_serial", "ca_token_pin_file"}
    named = {name.removeprefix("WORKBENCH_").lower() for name in BAD}
    assert named == set(Settings.model_fields) - free


def test_good_values_are_typed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WORKBENCH_PORT", "8080")
    monkeypatch.setenv("WORKBENCH_VAR_DIR", str(tmp_path / "a" / ".." / "b"))
    monkeypatch.setenv("WORKBENCH_SMTP_URL", "smtps://me:s%40crt@mail.example.invalid:465")
    monkeypatch.setenv("DATABASE_URL", "postgresql://owner@db.example.invalid/workbench")
    found = settings()
    assert found.port == 8080
    assert found.blob_dir == tmp_path / "b" / "blobs"
    assert found.smtp_url is not None
    assert (found.smtp_url.scheme, found.smtp_url.port) == ("smtps", 465)
    assert str(found.database_url) == "postgresql://owner@db.example.invalid/workbench"


def test_a_command_tells_the_variable_without_a_traceback() -> None:
    environment = {**os.environ, "WORKBENCH_PORT": "eighty"}
    run = subprocess.run(
        [sys.executable, "-m", "workbench", "migrate"],
        env=environment,
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 2
    assert "WORKBENCH_PORT" in run.stderr
    assert "Traceback" not in run.stderr
