"""The listener for e-keys as it is really started: gunicorn with our handshake, and what is said when it cannot be."""

import http.client
import os
import socket
import ssl
import stat
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import pkcs12
from sqlalchemy import select

from tests.support.applicant import a_code
from tests.support.certificates import KeyBrowser, free_port, issue, stranger, trial_authority
from tests.support.database import Database
from workbench.config import Settings
from workbench.demo.accounts import PASSWORD
from workbench.demo.trial_keys import ENTERPRISE, KEYS, lay_out_keys
from workbench.kernel.clock import now
from workbench.kernel.parts import make_parts
from workbench.keys.models import Certificate
from workbench.keys.service import digest_of
from workbench.launch.key_listener import (
    IGNORE_TIME,
    KeyListenerError,
    environment_of,
    files_of,
    listener,
    listening_context,
    prepare,
)

ROOT = Path(__file__).parents[3]


def refuse(line: str) -> None:
    raise AssertionError(line)


def test_the_handshake_asks_without_demanding_and_leaves_dates_to_the_page(tmp_path: Path) -> None:
    authority = trial_authority(tmp_path)
    context = listening_context(*authority.server_files(["localhost"]), authority.certificate_path)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_OPTIONAL
    assert context.verify_flags & IGNORE_TIME


def test_without_a_port_there_is_none(tmp_path: Path) -> None:
    settings = Settings(var_dir=tmp_path)
    assert prepare(settings, demo=False, say=refuse) is settings
    assert environment_of(settings) == {}
    assert list(tmp_path.iterdir()) == []


def test_a_real_installation_names_its_own_authority(tmp_path: Path) -> None:
    settings = Settings(var_dir=tmp_path, key_port=free_port())
    with pytest.raises(KeyListenerError, match="WORKBENCH_CLIENT_CA"):
        prepare(settings, demo=False, say=refuse)
    certificate, private_key = trial_authority(tmp_path / "own").server_files(["localhost"])
    half = settings.model_copy(update={"key_certificate": certificate, "key_private_key": private_key})
    for demo in (False, True):
        with pytest.raises(KeyListenerError, match="WORKBENCH_CLIENT_CA"):
            prepare(half, demo=demo, say=refuse)
    assert not (tmp_path / "keys" / "trial").exists()


def test_files_that_do_not_fit_stop_the_start(tmp_path: Path) -> None:
    authority = trial_authority(tmp_path / "one")
    certificate, _ = authority.server_files(["localhost"])
    _, other_key = trial_authority(tmp_path / "other").server_files(["localhost"])
    files = {"key_certificate": certificate, "key_private_key": other_key, "client_ca": authority.certificate_path}
    settings = Settings(var_dir=tmp_path, key_port=free_port()).model_copy(update=files)
    with pytest.raises(KeyListenerError, match="cannot be used"):
        prepare(settings, demo=False, say=refuse)


def test_a_taken_port_stops_a_real_installation_and_not_a_demo(tmp_path: Path) -> None:
    said: list[str] = []
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings = Settings(var_dir=tmp_path, key_port=taken.getsockname()[1])
        with pytest.raises(KeyListenerError, match="in use"):
            prepare(settings, demo=False, say=refuse)
        assert prepare(settings, demo=True, say=said.append).key_port is None
    assert "WORKBENCH_KEY_PORT" in said[0]


def test_the_demo_brings_an_authority_and_keeps_it(tmp_path: Path) -> None:
    settings = Settings(var_dir=tmp_path, key_port=free_port())
    files = files_of(prepare(settings, demo=True, say=refuse))
    assert {path.parent for path in files} == {tmp_path / "keys" / "trial"}
    before = [path.read_bytes() for path in files]
    prepared = prepare(settings, demo=True, say=refuse)
    assert [path.read_bytes() for path in files_of(prepared)] == before
    assert set(environment_of(prepared)) == {
        "WORKBENCH_KEY_PORT",
        "WORKBENCH_KEY_CERTIFICATE",
        "WORKBENCH_KEY_PRIVATE_KEY",
        "WORKBENCH_CLIENT_CA",
    }


def test_the_demos_keys_are_laid_out_once_and_on_the_records(tmp_path: Path, fresh_database: Database) -> None:
    settings = Settings(var_dir=tmp_path, key_port=free_port(), app_database_url=fresh_database.app_url)
    prepared = prepare(settings, demo=True, say=refuse)
    said: list[str] = []
    for _ in range(2):
        lay_out_keys(prepared, said.append)
    assert len(said) == 2
    found = {}
    for path in sorted((tmp_path / "demo").iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        certificate = pkcs12.load_key_and_certificates(path.read_bytes(), PASSWORD.encode())[1]
        assert certificate is not None
        found[digest_of(certificate)] = path.name
    parts = make_parts(prepared)
    with parts.work() as session:
        records = session.scalars(select(Certificate).order_by(Certificate.key_number)).all()
    parts.engine.dispose()
    assert [found.pop(each.sha256) for each in records] == [f"trial-{each.name}.p12" for each in KEYS]
    assert found == {}
    assert {each.enterprise_name for each in records} == {ENTERPRISE}
    assert [(each.state, each.not_after > now()) for each in records] == [
        ("valid", True),
        ("revoked", True),
        ("valid", False),
    ]


def test_no_demo_keys_where_another_authority_issues(tmp_path: Path) -> None:
    settings = Settings(var_dir=tmp_path, key_port=free_port(), client_ca=tmp_path / "ca.pem")
    lay_out_keys(settings, refuse)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def running(fresh_database: Database, tmp_path: Path) -> Iterator[Settings]:
    """The listener under gunicorn, its environment as the supervisor gives it."""
    settings = Settings(var_dir=tmp_path / "var", key_port=free_port())
    prepared = prepare(settings, demo=True, say=refuse)
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    environment |= {"WORKBENCH_APP_DATABASE_URL": fresh_database.app_url, "WORKBENCH_VAR_DIR": str(settings.var_dir)}
    child = listener(prepared, environment | environment_of(prepared), ROOT, 3)
    child.start()
    try:
        wait_until_it_answers(prepared.key_port or 0)
        yield prepared
    finally:
        child.stop(5)


def wait_until_it_answers(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            assert KeyBrowser(port, stranger()).send("GET", "/health")[0] == 200
            return
        except (OSError, http.client.HTTPException):
            time.sleep(0.1)  # another process starts; nothing here can be awaited
    raise AssertionError("the listener did not answer")


@pytest.mark.serial
def test_gunicorn_shows_the_application_the_certificate(running: Settings, tmp_path: Path) -> None:
    authority = trial_authority(running.key_dir / "trial")
    port = running.key_port or 0
    expired = now() - timedelta(days=1)
    for key in (
        issue(authority, tmp_path, uscc=a_code()),
        issue(authority, tmp_path, uscc=a_code(), not_before=now() - timedelta(days=400), not_after=expired),
    ):
        status, _, page = KeyBrowser(port, key.context()).send("GET", "/key")
        assert (status, "not on our records" in page) == (403, True)
    assert "Your browser showed no certificate." in KeyBrowser(port, stranger()).send("GET", "/key")[2]
    foreign = issue(trial_authority(tmp_path / "foreign"), tmp_path, uscc=a_code())
    with pytest.raises((ssl.SSLError, ConnectionError, http.client.HTTPException)):
        KeyBrowser(port, foreign.context()).send("GET", "/key")
    assert '"key_listener":"ok"' in KeyBrowser(port, stranger()).send("GET", "/health")[2]
