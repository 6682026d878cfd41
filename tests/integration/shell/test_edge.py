"""One place commits, and only what succeeded."""

import pytest

from tests.integration.shell.conftest import Shell, authority_name
from workbench.kernel.parts import Parts


@pytest.mark.parametrize(("status", "kept"), [(200, True), (303, True), (400, False), (409, False), (500, False)])
def test_a_post_is_kept_exactly_when_it_answers_below_400(
    shell: Shell, shell_parts: Parts, status: int, kept: bool
) -> None:
    client = shell.client()
    client.post(f"/desk/bench/rename/{status}", headers={"X-CSRFToken": shell.token(client)})
    assert (authority_name(shell_parts) == f"renamed {status}") is kept


def test_a_post_that_raises_leaves_nothing_behind(shell: Shell, shell_parts: Parts) -> None:
    client = shell.client()
    answer = client.post("/desk/bench/rename-and-fail", headers={"X-CSRFToken": shell.token(client)})
    assert answer.status_code == 409
    assert authority_name(shell_parts) != "renamed and failed"


def test_looking_never_writes_unless_the_look_is_recorded(shell: Shell, shell_parts: Parts) -> None:
    client = shell.client()
    assert client.get("/desk/bench/rename-by-looking").status_code == 200
    assert authority_name(shell_parts) != "renamed by looking"
    assert client.get("/desk/bench/recorded-look").status_code == 200
    assert authority_name(shell_parts) == "looked"


def test_every_connection_comes_back_to_the_pool(shell: Shell, shell_parts: Parts) -> None:
    client = shell.client()
    for path in ("/desk/", "/desk/bench/type-error", "/nowhere", "/desk/authorities/", "/health"):
        client.get(path)
    assert shell_parts.engine.pool.checkedout() == 0  # type: ignore[attr-defined]  # a QueuePool
