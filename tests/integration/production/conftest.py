"""A workshop and a drawer of SoftHSM tokens for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bench import Workshop, open_workshop
from tests.support.database import Database
from tests.support.tokens import Bench, softhsm_bench
from workbench.production.algorithms import Algorithm


@pytest.fixture
def workshop(fresh_database: Database, tmp_path: Path) -> Iterator[Workshop]:
    """People, a CA of the workshop's own, no cases yet."""
    with open_workshop(fresh_database, tmp_path) as workshop:
        yield workshop


@pytest.fixture
def tokens(tmp_path: Path) -> Bench:
    """A drawer of SoftHSM tokens, on whose keys nobody waits long."""
    return softhsm_bench(tmp_path / "tokens", Algorithm.P_256)
