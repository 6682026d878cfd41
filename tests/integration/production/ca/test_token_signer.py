"""The embedded authority with its issuing key on a token: nothing else signs, and one that is out is waited for."""

from pathlib import Path

import pytest
from asn1crypto import x509

from tests.support.ca import a_key, an_order, issued, openssl_verifies, openssl_verifies_crl
from tests.support.tokens import PIN, Bench, softhsm_bench
from workbench.kernel.parts import Parts
from workbench.production.algorithms import Algorithm
from workbench.production.ca.choosing import find_embedded, list_embedded, load_authority
from workbench.production.ca.connector import CaMisconfigured, CaUnreachable, RevocationReason
from workbench.production.ca.embedded import EmbeddedAuthority
from workbench.production.tokens.softhsm import require_library

pytestmark = pytest.mark.serial


def with_token(parts: Parts, tmp_path: Path, bench: Bench, **changed: object) -> Parts:
    """The same installation, told to use a new token of the bench."""
    pin_file = tmp_path / "pin"
    pin_file.write_text(f"{PIN}\n")
    told = {
        "key_algorithm": bench.algorithm.value,
        "ca_token_library": require_library(),
        "ca_token_serial": bench.personalised(),
        "ca_token_pin_file": pin_file,
    }
    settings = parts.settings.model_copy(update={**told, **changed})
    return Parts(settings, parts.engine, parts.session_factory, parts.secrets, parts.blobs)


@pytest.mark.parametrize("algorithm", [Algorithm.RSA_2048, Algorithm.P_256])
def test_the_token_signs_certificates_and_lists(parts: Parts, tmp_path: Path, algorithm: Algorithm) -> None:
    told = with_token(parts, tmp_path, softhsm_bench(tmp_path / "bench", algorithm))
    authority = load_authority(told)
    assert isinstance(authority, EmbeddedAuthority)
    certificate = issued(authority, an_order(a_key(algorithm, tmp_path), algorithm))
    assert not list((told.settings.key_dir / "ca").rglob("issuing.key"))
    authority.revoke("0" * 32, certificate, RevocationReason.SUPERSEDED)
    assert openssl_verifies_crl(authority.crl(), authority.chain()[0], tmp_path / "check")
    refused = openssl_verifies(certificate, authority.chain(), tmp_path / "check", revocations=authority.crl())
    assert "certificate revoked" in refused.stderr
    again = load_authority(told)
    assert again.chain() == authority.chain()
    assert f"/ca/{algorithm}-token.crl" in str(x509.Certificate.load(certificate).native)
    assert [each.foundation.name for each in list_embedded(told)] == [f"{algorithm}-token"]


def test_a_token_that_is_out_is_waited_for(parts: Parts, tmp_path: Path) -> None:
    bench = softhsm_bench(tmp_path / "bench", Algorithm.P_256)
    told = with_token(parts, tmp_path, bench)
    authority = load_authority(told)
    order = an_order(a_key(Algorithm.P_256, tmp_path), Algorithm.P_256)
    assert told.settings.ca_token_serial is not None
    bench.pull(told.settings.ca_token_serial)
    with pytest.raises(CaUnreachable, match="token"):
        authority.issue(order)
    bench.plug(told.settings.ca_token_serial)
    assert issued(authority, order) == issued(authority, order)


def test_what_is_missing_is_named(parts: Parts, tmp_path: Path) -> None:
    bench = softhsm_bench(tmp_path / "bench", Algorithm.P_256)
    for changed, named in (
        ({"ca_token_serial": None}, "WORKBENCH_CA_TOKEN_SERIAL"),
        ({"ca_token_pin_file": None}, "WORKBENCH_CA_TOKEN_PIN_FILE"),
        ({"ca_token_pin_file": tmp_path / "absent"}, "WORKBENCH_CA_TOKEN_PIN_FILE"),
        ({"ca_token_library": tmp_path / "absent.so"}, "no PKCS #11 library"),
        ({"ca_token_serial": "0000000000000000"}, "token_missing"),
        ({"key_algorithm": "sm2"}, "no SM2"),
    ):
        with pytest.raises(CaMisconfigured, match=named):
            load_authority(with_token(parts, tmp_path, bench, **changed))


def test_an_authority_on_a_token_is_not_served_without_it(parts: Parts, tmp_path: Path) -> None:
    load_authority(with_token(parts, tmp_path, softhsm_bench(tmp_path / "bench", Algorithm.P_256)))
    with pytest.raises(CaMisconfigured, match="WORKBENCH_CA_TOKEN_LIBRARY"):
        find_embedded(parts, "p-256-token")


def test_a_wrong_pin_is_said_without_the_pin(parts: Parts, tmp_path: Path) -> None:
    told = with_token(parts, tmp_path, softhsm_bench(tmp_path / "bench", Algorithm.P_256))
    (tmp_path / "pin").write_text("314159")
    with pytest.raises(CaMisconfigured) as refusal:
        load_authority(told)
    assert "314159" not in str(refusal.value)
