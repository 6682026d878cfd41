"""What brings the room's tools before tests: silent when all is there, one clear line when nothing can be done."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "workbench" / "launch" / "tools.sh"
INSTALLS = """#!/bin/sh
case "$*" in *install*) for tool in pkcs11-tool openssl; do echo > {folder}/$tool; chmod +x {folder}/$tool; done ;; esac
"""
FAILS = "#!/bin/sh\nexit 100\n"


def run(*arguments: str, path: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["/bin/sh", str(SCRIPT), *arguments], env={"PATH": path}, capture_output=True, text=True, check=False
    )


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A PATH with neither OpenSC nor OpenSSL, on which we are root."""
    put(tmp_path / "id", "#!/bin/sh\necho 0\n")
    (tmp_path / "env").symlink_to(shutil.which("env") or "/usr/bin/env")
    return tmp_path


def put(path: Path, content: str) -> None:
    path.write_text(content)
    path.chmod(0o755)


@pytest.mark.parametrize("arguments", [[], ["--soft"]])
def test_nothing_is_said_or_done_when_all_is_there(tmp_path: Path, arguments: list[str]) -> None:
    put(tmp_path / "apt-get", f"#!/bin/sh\necho called > {tmp_path}/called\n")
    done = run(*arguments, path=f"{tmp_path}:{os.environ['PATH']}")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not (tmp_path / "called").exists()


@pytest.mark.parametrize("arguments", [[], ["--soft"]])
def test_what_is_missing_is_installed(bare: Path, arguments: list[str]) -> None:
    put(bare / "apt-get", INSTALLS.format(folder=bare))
    (bare / "chmod").symlink_to(shutil.which("chmod") or "/bin/chmod")
    done = run(*arguments, path=str(bare))
    assert (done.returncode, done.stderr) == (0, "Installing opensc openssl …\n")


@pytest.mark.parametrize("can_try", [True, False])
def test_tests_do_not_run_without_and_a_start_does(bare: Path, can_try: bool) -> None:
    if can_try:
        put(bare / "apt-get", FAILS)
    hard, soft = run(path=str(bare)), run("--soft", path=str(bare))
    assert (hard.returncode, soft.returncode) == (1, 0)
    for done in (hard, soft):
        assert "sudo apt-get install opensc openssl" in done.stderr.splitlines()[-1]
        assert len(done.stderr.splitlines()) == (2 if can_try else 1)
