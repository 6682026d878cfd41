"""The embedded authority's folder: there whole or not at all, readable by its owner alone, one however many begin."""

import stat
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE

import pytest
from cryptography import x509

from workbench.production.algorithms import Algorithm
from workbench.production.ca import foundation
from workbench.production.ca.certificates import to_pem
from workbench.production.ca.foundation import load, load_or_found

ROOT = Path(__file__).parents[4]
BEGIN = """
import sys
from pathlib import Path
from workbench.production.algorithms import Algorithm
from workbench.production.ca.foundation import load_or_found
sys.stdin.readline()
print(load_or_found(Path(sys.argv[1]), "p-256", Algorithm.P_256).issuing.hex())
"""


def test_processes_that_start_at_once_agree_on_one_authority(tmp_path: Path) -> None:
    command = [sys.executable, "-c", BEGIN, str(tmp_path)]
    started = [subprocess.Popen(command, stdin=PIPE, stdout=PIPE, text=True, cwd=ROOT) for _ in range(4)]
    for each in started:  # by now most have been imported and wait for this line
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    found = {each.communicate(timeout=60)[0] for each in started}
    assert [each.returncode for each in started] == [0] * 4
    assert len(found) == 1
    assert {path.name for path in tmp_path.iterdir()} == {"p-256", ".lock"}


@pytest.mark.parametrize("algorithm", Algorithm)
def test_only_the_owner_reads_its_files(tmp_path: Path, algorithm: Algorithm) -> None:
    load_or_found(tmp_path / "ca", algorithm.value, algorithm)
    folder = tmp_path / "ca" / algorithm.value
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == stat.S_IMODE(folder.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("algorithm", Algorithm)
def test_it_comes_back_as_it_was(tmp_path: Path, algorithm: Algorithm) -> None:
    first = load_or_found(tmp_path, algorithm.value, algorithm)
    again = load_or_found(tmp_path, algorithm.value, algorithm)
    assert (again.root, again.issuing, again.ends_at) == (first.root, first.issuing, first.ends_at)
    assert again.issuer.signer.public_key == first.issuer.signer.public_key


def test_each_certificate_may_do_its_own_work_and_no_other(tmp_path: Path) -> None:
    made = load_or_found(tmp_path, "p-256", Algorithm.P_256)
    assert made.responder is not None
    paths = []
    for der in (made.root, made.issuing, made.responder.certificate):
        extensions = x509.load_der_x509_certificate(der).extensions
        usage = extensions.get_extension_for_class(x509.KeyUsage).value
        signs_others = der != made.responder.certificate
        assert usage.key_cert_sign is usage.crl_sign is signs_others
        if signs_others:
            constraints = extensions.get_extension_for_class(x509.BasicConstraints).value
            assert constraints.ca
            paths.append(constraints.path_length)
    assert paths == [None, 0]


def test_a_disk_that_is_full_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: Path, _certificate: bytes) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(foundation, "_write", fail)
    with pytest.raises(OSError, match="No space left"):
        load_or_found(tmp_path, "p-256", Algorithm.P_256)
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_a_certificate_that_is_not_for_the_key_is_noticed(tmp_path: Path) -> None:
    load_or_found(tmp_path, "p-256", Algorithm.P_256)
    other = load_or_found(tmp_path / "other", "p-256", Algorithm.P_256)
    (tmp_path / "p-256" / "issuing.crt").write_bytes(to_pem(other.issuing))
    with pytest.raises(ValueError, match="not one for its key"):
        load(tmp_path, "p-256", Algorithm.P_256)
