"""Password hashes that cost next to nothing, where hundreds of people sign in. The real ones are tested apart."""

from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher

from workbench.organisation import passwords


@pytest.fixture(scope="module", autouse=True)
def quick_passwords() -> Iterator[None]:
    """The same hash with the smallest costs, for the tests of one file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=16, parallelism=1))
        yield
