"""Processes killed amid making a key, and disks that take no more: a retry finds one whole pair or makes it."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.tokens import PIN, Bench
from workbench.production.tokens.softhsm import find_library

ROUNDS = 12
HAND = [sys.executable, "-m", "tests.support.token_hand"]


@contextmanager
def hand(*arguments: str) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen([*HAND, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def told_by(process: "subprocess.Popen[str]", key_id: bytes) -> int:
    """The process that makes this key from now on."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{key_id.hex()}\n")
    process.stdin.flush()
    return int(process.stdout.readline())


def files(folder: Path) -> int:
    return len(list((folder / "tokens").glob("*/*.object")))


def objects(serial_label: str) -> list[str]:
    """What OpenSC sees: a line for each object and each id."""
    command = ["pkcs11-tool", "--module", str(find_library()), "--token-label", serial_label, "--login", "--pin", PIN]
    listed = subprocess.run([*command, "--list-objects"], capture_output=True, text=True, check=True).stdout
    return [line.strip() for line in listed.splitlines() if "Object" in line or "ID:" in line]


def test_a_maker_killed_amid_a_key_leaves_room_for_one_whole_pair(softhsm: Bench, tmp_path: Path) -> None:
    (serial,) = softhsm.add(1)
    softhsm.driver.personalise(serial, label=serial, user_pin=PIN)
    chance = random.Random(4)
    made = {}
    with hand("kill", str(tmp_path), serial) as process:
        for number in range(ROUNDS):
            key_id = b"key %d" % number
            before = files(tmp_path)
            maker = told_by(process, key_id)
            until = time.monotonic() + 20
            while files(tmp_path) == before and time.monotonic() < until:
                pass
            time.sleep(chance.uniform(0, 0.003))
            os.kill(maker, signal.SIGKILL)
            assert process.stdout is not None
            assert process.stdout.readline() == "dead\n"
            made[key_id] = softhsm.driver.make_key(serial, PIN, key_id, softhsm.algorithm)
    seen = objects(serial)
    assert len(set(made.values())) == ROUNDS
    assert sum(line.startswith("Private Key Object") for line in seen) == ROUNDS
    assert sum(line.startswith("Public Key Object") for line in seen) == ROUNDS
    for key_id, public_key in made.items():
        assert sum(line.endswith(key_id.hex()) for line in seen) == 2
        found = softhsm.driver.read_back(serial, PIN, key_id, softhsm.algorithm, "", b"challenge")
        assert (found.public_key, found.key_is_bound) == (public_key, True)


def test_a_key_that_was_cut_as_it_was_written_is_never_certified(softhsm: Bench, tmp_path: Path) -> None:
    """SoftHSM says that all went well; the request, for which the token itself must answer, tells the truth."""
    serial = softhsm.personalised()
    done = subprocess.run([*HAND, "short", str(tmp_path), serial], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {"make_key": None, "sign_request": "key_missing", "after": None}


def test_a_full_disk_is_told_and_costs_nothing(tmp_path: Path) -> None:
    small = f"mount -t tmpfs -o size=200k none {tmp_path}"
    apart = [["unshare", "-m", "sh", "-c"], ["unshare", "-Urm", "sh", "-c"]]
    walls = next((each for each in apart if subprocess.run([*each, small], capture_output=True).returncode == 0), None)
    if walls is None:
        pytest.skip("this machine lets nobody mount a small disk")
    met = subprocess.run(
        [*walls, f"{small} && exec {' '.join(HAND)} full {tmp_path}"], capture_output=True, text=True, check=True
    )
    assert json.loads(met.stdout) == {
        "make_key": "disk_full",
        "write_seal": "disk_full",
        "tokens": True,
        "after": True,
    }
