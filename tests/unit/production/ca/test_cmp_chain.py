"""Who vouches for a CA's certificates: the list that is trusted, for every algorithm, whatever else comes along."""

from pathlib import Path

import pytest
from asn1crypto import x509

from tests.support.ca import a_key, an_order
from workbench.production.algorithms import Algorithm
from workbench.production.ca.certificates import Addresses, holder_extensions, new_serial, sign_certificate, to_pem
from workbench.production.ca.cmp_chain import Chain
from workbench.production.ca.connector import CaMisconfigured
from workbench.production.ca.foundation import Foundation, load_or_found
from workbench.production.ca.profile import Profile

EVERY = pytest.mark.parametrize("algorithm", Algorithm)


def a_certificate(base: Foundation, folder: Path) -> bytes:
    order = an_order(a_key(base.algorithm, folder), base.algorithm)
    key = a_key(base.algorithm, folder).public_key
    validity, extensions = (order.not_before, order.not_after), holder_extensions(Profile(), Addresses())
    return sign_certificate(base.issuer, x509.Name.load(order.subject), key, new_serial(), validity, extensions)


def chain_of(folder: Path, *trusted: bytes) -> Chain:
    path = folder / "trusted.pem"
    path.write_bytes(b"".join(map(to_pem, trusted)))
    return Chain(path, folder / "chain.pem")


@EVERY
def test_the_list_vouches_by_way_of_what_came_along(tmp_path: Path, algorithm: Algorithm) -> None:
    base = load_or_found(tmp_path / "ca", "ca", algorithm)
    certificate = a_certificate(base, tmp_path)
    assert chain_of(tmp_path, base.root, base.issuing).vouches(certificate, [])
    assert chain_of(tmp_path, base.root).vouches(certificate, [base.issuing])
    assert not chain_of(tmp_path, base.root).vouches(certificate, [])


@EVERY
def test_another_authority_of_the_same_name_vouches_for_nothing(tmp_path: Path, algorithm: Algorithm) -> None:
    base, other = (load_or_found(tmp_path / each, "ca", algorithm) for each in ("one", "two"))
    certificate = a_certificate(base, tmp_path)
    assert not chain_of(tmp_path, other.root, other.issuing).vouches(certificate, [])
    assert not chain_of(tmp_path, other.root).vouches(certificate, [base.issuing, base.root])


@EVERY
def test_the_chain_is_told_from_the_issuer_to_the_root(tmp_path: Path, algorithm: Algorithm) -> None:
    base, other = (load_or_found(tmp_path / each, "ca", algorithm) for each in ("one", "two"))
    assert chain_of(tmp_path, base.root, base.issuing).certificates() == (base.issuing, base.root)
    chain = chain_of(tmp_path, base.root)
    chain.learn(a_certificate(base, tmp_path), [other.issuing, base.issuing])
    assert chain.certificates() == (base.issuing, base.root)


def test_a_list_that_cannot_be_read_is_a_matter_of_configuration(tmp_path: Path) -> None:
    (tmp_path / "trusted.pem").write_bytes(b"nothing")
    chain = Chain(tmp_path / "trusted.pem", tmp_path / "chain.pem")
    for ask in (lambda: chain.vouches(b"", []), chain.certificates):
        with pytest.raises(CaMisconfigured, match=r"trusted\.pem"):
            ask()
