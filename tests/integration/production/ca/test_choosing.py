"""Which authority an installation asks, and what it is told when its settings don't suffice."""

from pathlib import Path

import pytest
from pydantic import AnyUrl

from workbench.config import Settings
from workbench.kernel.parts import Parts
from workbench.production.algorithms import Algorithm
from workbench.production.ca.choosing import cmp_authority, find_embedded, list_embedded, load_authority
from workbench.production.ca.connector import CaMisconfigured
from workbench.production.ca.embedded import EmbeddedAuthority

SERVER = AnyUrl("http://ca.example.invalid/cmp")


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text("shared")
    return path


def test_unless_told_otherwise_it_is_the_embedded_one_of_the_algorithm(parts: Parts) -> None:
    authority = load_authority(parts)
    assert isinstance(authority, EmbeddedAuthority)
    assert authority.name == "TRIAL CA 试用 RSA-2048"
    assert [each.name for each in list_embedded(parts)] == [authority.name]
    assert find_embedded(parts, "p-256") is None
    assert find_embedded(parts, "../rsa-2048") is None


def test_a_profile_that_cannot_be_used_is_said_so(parts: Parts, tmp_path: Path) -> None:
    settings = parts.settings.model_copy(update={"certificate_profile": tmp_path / "absent.toml"})
    with pytest.raises(CaMisconfigured, match=r"absent\.toml"):
        load_authority(Parts(settings, parts.engine, parts.session_factory, parts.secrets, parts.blobs))


def test_an_authority_whose_files_are_damaged_is_said_so(parts: Parts) -> None:
    load_authority(parts)
    (parts.settings.key_dir / "ca" / "rsa-2048" / "issuing.key").write_bytes(b"nothing")
    with pytest.raises(CaMisconfigured, match="can't be used"):
        load_authority(parts)


def test_a_ca_that_is_asked_by_cmp_is_called_by_its_host(parts: Parts, secret: Path) -> None:
    told = {"ca": "cmp", "cmp_server": SERVER, "cmp_reference": "desk", "cmp_secret_file": secret}
    settings = parts.settings.model_copy(update=told)
    authority = load_authority(Parts(settings, parts.engine, parts.session_factory, parts.secrets, parts.blobs))
    assert authority.name == "CMP ca.example.invalid"
    assert not authority.is_trial


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"cmp_server": None}, "WORKBENCH_CMP_SERVER"),
        ({"cmp_reference": None}, "WORKBENCH_CMP_REFERENCE"),
        ({"cmp_secret_file": None}, "WORKBENCH_CMP_SECRET_FILE"),
        ({"cmp_secret_file": Path("/nonexistent/secret")}, "WORKBENCH_CMP_SECRET_FILE"),
        ({"cmp_certificate": Path(__file__), "cmp_private_key": Path(__file__)}, "set one pair"),
        ({"cmp_trusted": Path("/nonexistent/ca.pem")}, "WORKBENCH_CMP_TRUSTED"),
        ({"cmp_unprotected_errors": True}, "only by https"),
        ({"cmp_tls_trusted": Path("/nonexistent/tls.pem")}, "WORKBENCH_CMP_TLS_TRUSTED"),
        (
            {
                "cmp_reference": None,
                "cmp_secret_file": None,
                "cmp_certificate": Path(__file__),
                "cmp_private_key": Path(__file__),
            },
            "WORKBENCH_CMP_TRUSTED",
        ),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, secret: Path, changed: dict[str, object], named: str) -> None:
    enough = {"cmp_server": SERVER, "cmp_reference": "desk", "cmp_secret_file": secret}
    settings = Settings(var_dir=tmp_path).model_copy(update={**enough, **changed})
    with pytest.raises(CaMisconfigured, match=named):
        cmp_authority(settings, Algorithm.P_256)
