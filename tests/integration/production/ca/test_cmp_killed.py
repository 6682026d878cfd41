"""A CA asked by CMP while processes die, answers are lost and disks fill: one certificate or none, and one way on."""

import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from tests.integration.production.ca import asking
from tests.integration.production.ca.cmp_desk import desk, kept, order
from tests.support.ca import issued
from tests.support.cmp_server import CmpServer, cmp_server
from workbench.kernel.clock import now
from workbench.production.ca.certificates import to_pem
from workbench.production.ca.cmp_issuing import CONFIRM_TIME
from workbench.production.ca.connector import (
    CaMisconfigured,
    CaUncertain,
    CaUnreachable,
    Issued,
    IssueOrder,
    Rejected,
)

pytestmark = pytest.mark.serial
ROOT = Path(__file__).parents[4]
IN_USE = ["-pkistatus", "2", "-failure", "21"]
"""transactionIdInUse: what a CA says that does not repeat itself."""


def ask_and_die(ca: CmpServer, folder: Path, asked: IssueOrder, moment: str, name: str) -> None:
    """Let another process ask and be killed before or after it keeps this file."""
    fields = [asked.transaction_id, asked.request.hex(), asked.subject.hex()]
    fields += [asked.not_before.isoformat(), asked.not_after.isoformat()]
    environment = {**os.environ, **ca.environment, "WORKBENCH_VAR_DIR": str(folder), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, str(asking.__file__), moment, name],
        input="\n".join(fields),
        capture_output=True,
        text=True,
        env=environment,
        timeout=60,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.parametrize(
    ("moment", "name"),
    [
        ("before", "request.der"),
        ("after", "request.der"),
        ("after", "request.sent"),
        ("before", "received.der"),
        ("after", "received.der"),
        ("after", "confirm.sent"),
        ("before", "confirmed.der"),
        ("after", "confirmed.der"),
        ("before", "certificate.der"),
        ("after", "certificate.der"),
    ],
)
def test_whoever_comes_after_a_killed_process_has_its_one_certificate(tmp_path: Path, moment: str, name: str) -> None:
    with cmp_server(tmp_path / "ca") as ca:
        asked = order(tmp_path)
        ask_and_die(ca, tmp_path, asked, moment, name)
        assert (name in kept(tmp_path, asked)) is (moment == "after")
        certificate = issued(desk(ca, tmp_path), asked)
        assert ca.issued == [certificate]
        assert issued(desk(ca, tmp_path), asked) == certificate
        assert ca.rejected == 0


@pytest.mark.parametrize("kind", ["p10cr", "certConf"])
@pytest.mark.parametrize("fault", ["refuse", "lose", "garble", "cut"])
def test_a_line_that_fails_at_any_message_costs_a_repetition(tmp_path: Path, kind: str, fault: str) -> None:
    with cmp_server(tmp_path / "ca") as ca:
        asked = order(tmp_path)
        ca.faults = [(kind, fault)]
        with pytest.raises(CaUnreachable) as trouble:
            desk(ca, tmp_path).issue(asked)
        assert not isinstance(trouble.value, CaUncertain)
        assert ca.issued == [issued(desk(ca, tmp_path), asked)]


def test_a_ca_that_does_not_repeat_itself_is_not_asked_for_a_second_certificate(tmp_path: Path) -> None:
    with cmp_server(tmp_path / "ca") as ca:
        asked = order(tmp_path)
        ca.again = IN_USE
        ask_and_die(ca, tmp_path, asked, "before", "received.der")
        for _ in range(2):
            with pytest.raises(CaUncertain, match=r"transactionIdInUse.*certificate\.der into .*remove that folder"):
                desk(ca, tmp_path).issue(asked)
        assert len(ca.issued) == 1
        # Its operator has looked it up.
        place = tmp_path / "ca" / "cmp" / asked.transaction_id / "certificate.der"
        place.write_bytes(to_pem(ca.issued[0]))
        assert issued(desk(ca, tmp_path), asked) == ca.issued[0]


def test_an_operator_who_found_nothing_lets_it_be_asked_anew(tmp_path: Path) -> None:
    with cmp_server(tmp_path / "ca") as ca:
        asked = order(tmp_path)
        ca.again = IN_USE
        ask_and_die(ca, tmp_path, asked, "before", "received.der")
        with pytest.raises(CaUncertain):
            desk(ca, tmp_path).issue(asked)
        shutil.rmtree(tmp_path / "ca" / "cmp" / asked.transaction_id)
        assert isinstance(desk(ca, tmp_path).issue(asked), Issued)


def test_a_certificate_from_an_operators_hands_is_looked_at_too(tmp_path: Path) -> None:
    with cmp_server(tmp_path / "ca") as ca:
        asked, other = order(tmp_path, 1), order(tmp_path, 2)
        folder = tmp_path / "ca" / "cmp" / asked.transaction_id
        folder.mkdir(parents=True)
        for content, problem in ((ca.issue(other.request), "another key"), (b"nothing", "can't be read")):
            (folder / "certificate.der").write_bytes(content)
            with pytest.raises(CaMisconfigured, match=problem):
                desk(ca, tmp_path).issue(asked)


def test_a_confirmation_that_comes_too_late_is_a_refusal(tmp_path: Path) -> None:
    """The CA was never told that its certificate is taken, and has given up waiting."""
    with cmp_server(tmp_path / "ca") as ca:
        asked = order(tmp_path)
        ask_and_die(ca, tmp_path, asked, "after", "received.der")
        ca.forget()
        answer = desk(ca, tmp_path).issue(asked)
        assert isinstance(answer, Rejected)
        assert "did not take the confirmation" in answer.reason
        assert desk(ca, tmp_path).issue(asked) == answer


def test_whether_a_late_confirmation_was_the_first_the_ca_had_is_for_its_operator_to_say(tmp_path: Path) -> None:
    with cmp_server(tmp_path / "ca") as ca:
        asked = order(tmp_path)
        ca.faults = [("certConf", "lose")]
        with pytest.raises(CaUnreachable):
            desk(ca, tmp_path).issue(asked)
        long_ago = (now() - CONFIRM_TIME - timedelta(seconds=1)).timestamp()
        os.utime(tmp_path / "ca" / "cmp" / asked.transaction_id / "received.der", (long_ago, long_ago))
        with pytest.raises(CaUncertain, match="no longer takes our confirmation"):
            desk(ca, tmp_path).issue(asked)
        assert "certificate.der" not in kept(tmp_path, asked)


def test_a_full_disk_at_any_moment_costs_a_repetition(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fsync, left = os.fsync, 0

    def fail_in_time(descriptor: int) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise OSError(28, "No space left on device")
        fsync(descriptor)

    monkeypatch.setattr("os.fsync", fail_in_time)
    with cmp_server(tmp_path / "ca") as ca:
        for number in range(1, 30):
            asked, left = order(tmp_path, number), number
            before = len(ca.issued)
            try:
                desk(ca, tmp_path).issue(asked)
            except CaUnreachable as trouble:
                assert "No space left" in str(trouble)  # noqa: PT017 - some rounds must not fail
            else:
                break
            assert issued(desk(ca, tmp_path), asked) == ca.issued[-1]
            assert len(ca.issued) == before + 1
        assert number > 10


def test_many_that_ask_at_once_for_one_certificate_have_one(tmp_path: Path) -> None:
    with cmp_server(tmp_path / "ca") as ca:
        asked = order(tmp_path)
        with ThreadPoolExecutor(6) as pool:
            found = list(pool.map(lambda _number: issued(desk(ca, tmp_path), asked), range(6)))
        assert set(found) == set(ca.issued)
        assert len(ca.issued) == 1


def test_many_certificates_are_asked_for_at_once(tmp_path: Path) -> None:
    with cmp_server(tmp_path / "ca") as ca:
        orders = [order(tmp_path, number) for number in range(1, 13)]
        with ThreadPoolExecutor(6) as pool:
            found = list(pool.map(lambda asked: issued(desk(ca, tmp_path), asked), orders))
        assert sorted(found) == sorted(ca.issued)
