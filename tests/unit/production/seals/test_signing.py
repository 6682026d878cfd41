"""The seal maker: made once for a trial, or configured; never a key that is not the certificate's."""

import stat
import subprocess
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from asn1crypto import x509

from workbench.config import Settings
from workbench.kernel.clock import clock_at, now
from workbench.production.algorithms import Algorithm
from workbench.production.seals.signing import SealMaker, SealMakerUnusable, load_seal_maker


def settings_in(folder: Path, **more: object) -> Settings:
    """Settings of an installation in a folder."""
    return Settings.model_validate({"var_dir": folder, "key_algorithm": "p-256", **more})


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_a_trial_maker_is_made_once_says_so_and_guards_its_files(tmp_path: Path, algorithm: Algorithm) -> None:
    settings = settings_in(tmp_path, key_algorithm=algorithm.value)
    first, second = load_seal_maker(settings), load_seal_maker(settings)
    assert first.is_trial
    assert first.algorithm is algorithm
    assert first.certificate == second.certificate
    subject = x509.Certificate.load(first.certificate).subject.native
    assert "TRIAL 试用" in subject["organization_name"]
    place = settings.key_dir / "seal" / algorithm.value
    assert {path.name for path in place.iterdir()} == {"maker.key", "maker.crt"}
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in place.iterdir())
    assert stat.S_IMODE(place.stat().st_mode) == 0o700


def test_openssl_takes_the_trial_certificate_for_self_signed(tmp_path: Path) -> None:
    load_seal_maker(settings_in(tmp_path))
    path = tmp_path / "keys" / "seal" / "p-256" / "maker.crt"
    done = subprocess.run(["openssl", "verify", "-CAfile", path, path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_starts_at_once_agree_on_one_maker(tmp_path: Path) -> None:
    settings, found = settings_in(tmp_path), list[SealMaker]()
    threads = [threading.Thread(target=lambda: found.append(load_seal_maker(settings))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len({each.certificate for each in found}) == 1
    assert [path.name for path in (settings.key_dir / "seal").iterdir()] == ["p-256"]


def test_a_configured_maker_is_used_and_is_no_trial(tmp_path: Path) -> None:
    trial = load_seal_maker(settings_in(tmp_path / "other"))
    place = tmp_path / "other" / "keys" / "seal" / "p-256"
    configured = settings_in(
        tmp_path, key_algorithm="rsa-2048", seal_certificate=place / "maker.crt", seal_private_key=place / "maker.key"
    )
    maker = load_seal_maker(configured)
    assert not maker.is_trial
    assert maker.certificate == trial.certificate
    assert maker.algorithm is Algorithm.P_256
    assert not (tmp_path / "keys").exists()


def test_refuses_a_key_that_is_not_the_certificates(tmp_path: Path) -> None:
    for name in ("one", "two"):
        load_seal_maker(settings_in(tmp_path / name))
    place = "keys/seal/p-256"
    mixed = settings_in(
        tmp_path,
        seal_certificate=tmp_path / "one" / place / "maker.crt",
        seal_private_key=tmp_path / "two" / place / "maker.key",
    )
    with pytest.raises(SealMakerUnusable, match="is not the key of"):
        load_seal_maker(mixed)


def test_refuses_half_a_configuration_missing_files_and_what_is_no_certificate(tmp_path: Path) -> None:
    with pytest.raises(SealMakerUnusable, match="needs both"):
        load_seal_maker(settings_in(tmp_path, seal_certificate=tmp_path / "maker.crt"))
    both = settings_in(tmp_path, seal_certificate=tmp_path / "maker.crt", seal_private_key=tmp_path / "maker.key")
    with pytest.raises(SealMakerUnusable, match=r"maker\.crt"):
        load_seal_maker(both)
    (tmp_path / "maker.crt").write_text("nothing")
    with pytest.raises(SealMakerUnusable):
        load_seal_maker(both)


def test_refuses_a_certificate_that_has_ended(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    load_seal_maker(settings)
    with clock_at(now() + timedelta(days=3651)), pytest.raises(SealMakerUnusable, match="valid from"):
        load_seal_maker(settings)


def test_shows_no_key_in_its_text(tmp_path: Path) -> None:
    assert "signer" not in repr(load_seal_maker(settings_in(tmp_path)))
