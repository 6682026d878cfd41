"""A process that works on a SoftHSM store of a test: to be killed, or to meet a disk that takes no more.

`python -m tests.support.token_hand kill|full|short FOLDER SERIAL`
"""

import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from tests.support.tokens import KEY_ID, PIN, SEAL_LABEL, a_name, softhsm_bench
from workbench.production.algorithms import Algorithm
from workbench.production.tokens.driver import TokenFault

SHORT = 500
"""Bytes after which SoftHSM's files are cut: more than a token's own file needs, less than a private key does."""


def make_keys_to_be_killed(folder: Path, serial: str) -> None:
    """For each key id on the input: tell the process that makes the pair, and its death. It logs in once and makes it.

    SoftHSM writes a token's own file anew at each login, and one killed amid that has no token any more; whoever kills
    waits for the pair's files.
    """
    for line in sys.stdin:
        maker = os.fork()
        if maker == 0:
            driver = softhsm_bench(folder, Algorithm.P_256).driver
            driver.make_key(serial, PIN, bytes.fromhex(line), Algorithm.P_256)
            signal.pause()
        print(maker, flush=True)
        os.waitpid(maker, 0)
        print("dead", flush=True)


def meet_a_full_disk(folder: Path) -> None:
    """Print, as JSON, what each call answers on a full disk and after some room was made. `folder` is a small disk."""
    bench = softhsm_bench(folder, Algorithm.P_256)
    serial = bench.personalised()
    filler = os.open(folder / "filler", os.O_WRONLY | os.O_CREAT)
    try:
        while True:
            os.write(filler, bytes(512))
    except OSError:
        os.close(filler)
    answers = {
        "make_key": _fault(lambda: bench.driver.make_key(serial, PIN, KEY_ID, Algorithm.P_256)),
        "write_seal": _fault(lambda: bench.driver.write_seal(serial, PIN, SEAL_LABEL, bytes(20_000))),
        "tokens": [token.serial for token in bench.driver.list_tokens()] == [serial],
    }
    (folder / "filler").unlink()
    bench.driver.make_key(serial, PIN, KEY_ID, Algorithm.P_256)
    bench.driver.write_seal(serial, PIN, SEAL_LABEL, bytes(20_000))
    found = bench.driver.read_back(serial, PIN, KEY_ID, Algorithm.P_256, SEAL_LABEL, b"challenge")
    print(json.dumps({**answers, "after": found.seal == bytes(20_000)}))


def meet_cut_files(folder: Path, serial: str) -> None:
    """Print, as JSON, what each call answers while SoftHSM's files are cut without its noticing, and afterwards."""
    bench = softhsm_bench(folder, Algorithm.P_256)
    _, unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (SHORT, unlimited))
    answers = {
        "make_key": _fault(lambda: bench.driver.make_key(serial, PIN, KEY_ID, Algorithm.P_256)),
        "sign_request": _fault(lambda: bench.driver.sign_request(serial, PIN, KEY_ID, Algorithm.P_256, a_name())),
    }
    resource.setrlimit(resource.RLIMIT_FSIZE, (unlimited, unlimited))
    bench.driver.make_key(serial, PIN, KEY_ID, Algorithm.P_256)
    print(
        json.dumps(
            {
                **answers,
                "after": _fault(lambda: bench.driver.sign_request(serial, PIN, KEY_ID, Algorithm.P_256, a_name())),
            }
        )
    )


def _fault(call: Callable[[], object]) -> str | None:
    try:
        call()
    except TokenFault as fault:
        return fault.fault.value
    return None


if __name__ == "__main__":
    what, where = sys.argv[1], Path(sys.argv[2])
    if what == "kill":
        make_keys_to_be_killed(where, sys.argv[3])
    elif what == "full":
        meet_a_full_disk(where)
    else:
        meet_cut_files(where, sys.argv[3])
