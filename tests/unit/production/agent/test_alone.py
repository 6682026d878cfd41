"""Beside a token there is neither database nor web framework: the agent's program loads nothing of the server's."""

import subprocess
import sys

SERVERS = ("flask", "flask_admin", "sqlalchemy", "psycopg", "gunicorn", "procrastinate", "structlog", "wtforms")
LISTING = """
import pkgutil, sys
import workbench.production.agent, workbench.production.tokens
from importlib import import_module
for package in (workbench.production.agent, workbench.production.tokens):
    for found in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        import_module(found.name)
print(*sorted(name for name in sys.modules))
"""


def loaded(program: str) -> set[str]:
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    return set(ran.stdout.split())


def test_agent_and_drivers_load_nothing_of_a_server() -> None:
    found = loaded(LISTING)
    assert {"workbench.production.agent.loop", "workbench.production.tokens.choosing"} <= found
    assert {name for name in found if name.split(".")[0] in SERVERS} == set()
    rooms = {name for name in found if name.startswith("workbench.") and not name.startswith("workbench.production")}
    kernel = {f"workbench.kernel.{part}" for part in ("certificates", "files", "messages")}
    assert rooms <= {"workbench.config", "workbench.kernel", *kernel}


def test_the_program_helps_itself() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "workbench.production.agent", "--help"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "--credential-file" in ran.stdout
