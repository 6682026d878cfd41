"""Benches with tokens of their own. SoftHSM's store is named in the environment, which is put back after each test."""

from pathlib import Path

import pytest

from tests.support.tokens import Bench, softhsm_bench, software_bench
from workbench.production.algorithms import Algorithm


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOFTHSM2_CONF", "")


@pytest.fixture(params=list(Algorithm))
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Bench:
    """Each algorithm on the driver that knows it."""
    algorithm: Algorithm = request.param
    return software_bench(tmp_path) if algorithm is Algorithm.SM2 else softhsm_bench(tmp_path, algorithm)


@pytest.fixture
def softhsm(tmp_path: Path) -> Bench:
    """SoftHSM with P-256, the quickest."""
    return softhsm_bench(tmp_path, Algorithm.P_256)
