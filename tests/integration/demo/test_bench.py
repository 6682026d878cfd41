"""The demo's bench: laid out once, filled up at each start, left alone where it cannot or should not be."""

import os
import stat
from pathlib import Path

import pytest
from sqlalchemy import func, select

from tests.integration.demo.conftest import settings_for
from tests.support.database import Database
from workbench.config import Settings
from workbench.demo.bench import BLANK_TOKENS, BOX, STATION, lay_out_bench
from workbench.kernel.identity import system_actor
from workbench.kernel.parts import make_parts
from workbench.keys.models import Token
from workbench.production import stations
from workbench.production.agent.config import read_secret, read_settings
from workbench.production.algorithms import Algorithm
from workbench.production.models import BenchStation
from workbench.production.tokens import softhsm
from workbench.production.tokens.choosing import load_driver

URL = "http://127.0.0.1:8000"


@pytest.fixture
def settings(fresh_database: Database, tmp_path: Path) -> Settings:
    return settings_for(fresh_database.app_url, tmp_path)


def stock_of(settings: Settings) -> dict[str, str]:
    parts = make_parts(settings)
    with parts.work() as session:
        found = {token.serial: token.state for token in session.scalars(select(Token).where(Token.box == BOX))}
    parts.engine.dispose()
    return found


def shown(settings: Settings, credential: str) -> stations.ShownStation | None:
    parts = make_parts(settings)
    found = stations.find_station(parts, credential)
    parts.engine.dispose()
    return found


@pytest.mark.parametrize("algorithm", ["p-256", "sm2"])
def test_it_is_laid_out_once_and_filled_up_again(
    settings: Settings, algorithm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings.model_copy(update={"key_algorithm": algorithm})
    monkeypatch.setenv("SOFTHSM2_CONF", "/somebody/elses")
    said: list[str] = []
    told = lay_out_bench(settings, URL, said.append)
    assert os.environ["SOFTHSM2_CONF"] == "/somebody/elses"
    assert told is not None
    agent = read_settings(**{name.removeprefix("WORKBENCH_AGENT_").lower(): value for name, value in told.items()})
    assert agent.software
    assert agent.credential_file is not None
    assert agent.so_pin_file is not None
    for path in (agent.credential_file, agent.so_pin_file):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.is_relative_to(settings.var_dir / "demo")
    credential = read_secret(agent.credential_file)
    found = shown(settings, credential)
    assert found is not None
    assert found.name == STATION
    first = stock_of(settings)
    assert (len(first), set(first.values())) == (BLANK_TOKENS, {"blank"})
    driver = load_driver(agent.driver, agent.library, read_secret(agent.so_pin_file), agent.token_folder)
    used = sorted(first)[0]
    driver.personalise(used, label="used", user_pin="27182818")
    driver.make_key(used, "27182818", b"\1\2", Algorithm(algorithm))
    assert lay_out_bench(settings, URL, said.append) == told
    second = stock_of(settings)
    assert set(first) < set(second)
    assert len(second) == BLANK_TOKENS + 1
    assert read_secret(agent.credential_file) == credential
    assert len(said) == 2
    assert all(STATION in line for line in said)
    assert not any(secret in line for line in said for secret in (credential, read_secret(agent.so_pin_file)))


def test_a_lost_credential_is_replaced_and_a_revoked_bench_stays_revoked(settings: Settings) -> None:
    told = lay_out_bench(settings, URL, print)
    assert told is not None
    path = Path(told["WORKBENCH_AGENT_CREDENTIAL_FILE"])
    lost = read_secret(path)
    path.unlink()
    assert lay_out_bench(settings, URL, print) == told
    assert shown(settings, lost) is None
    assert shown(settings, read_secret(path)) is not None
    parts = make_parts(settings)
    with parts.work() as session:
        station = session.scalars(select(BenchStation)).one()
        stations.revoke_station(session, system_actor("test"), station.id)
    said: list[str] = []
    assert lay_out_bench(settings, URL, said.append) is None
    assert said == [f"No demo bench: {STATION} was revoked."]
    with parts.work() as session:
        assert session.scalar(select(func.count()).select_from(BenchStation)) == 1
    parts.engine.dispose()


def test_without_softhsm_it_says_how_to_get_it(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(softhsm, "find_library", lambda: None)
    said: list[str] = []
    assert lay_out_bench(settings, URL, said.append) is None
    assert len(said) == 1
    assert "everything else works" in said[0]
    assert "apt-get install softhsm2" in said[0]
    assert stock_of(settings) == {}


def test_where_a_real_ca_issues_there_are_no_software_tokens(settings: Settings) -> None:
    said: list[str] = []
    assert lay_out_bench(settings.model_copy(update={"ca": "cmp"}), URL, said.append) is None
    assert "trial authority" in said[0]
    assert not (settings.var_dir / "demo" / "tokens").exists()


def test_where_the_server_is_not_on_this_machine_there_is_no_agent(settings: Settings) -> None:
    said: list[str] = []
    assert lay_out_bench(settings, "http://192.0.2.1:8000", said.append) is None
    assert "plain HTTP" in said[0]
