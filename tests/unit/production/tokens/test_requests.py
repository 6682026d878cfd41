"""Requests (PKCS #10): any subject stays as it is to the byte, and what is no subject or no key is refused."""

from collections.abc import Callable
from typing import Any

import pytest
from asn1crypto import core, x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_der_x509_csr
from hypothesis import given
from hypothesis import strategies as st

from tests.support.tokens import a_name
from workbench.production.algorithms import Algorithm
from workbench.production.tokens.requests import build_request

KEY = ec.generate_private_key(ec.SECP256R1())
PUBLIC_KEY = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
TYPES: dict[str, Callable[[str], Any]] = {
    "utf8_string": core.UTF8String,
    "bmp_string": core.BMPString,
    "printable_string": core.PrintableString,
    "ia5_string": core.IA5String,
}


def sign(message: bytes) -> bytes:
    return KEY.sign(message, ec.ECDSA(SHA256()))


def attribute(kind: str, string: str, value: str) -> x509.NameTypeAndValue:
    typed = TYPES[string](value)
    chosen = x509.DirectoryString(name=string, value=typed) if string != "ia5_string" else typed
    return x509.NameTypeAndValue({"type": kind, "value": chosen})


attributes = st.one_of(
    st.builds(
        attribute,
        st.sampled_from(["common_name", "organization_name", "organizational_unit_name", "locality_name"]),
        st.sampled_from(["utf8_string", "bmp_string"]),
        st.text(st.characters(max_codepoint=0xD7FF), min_size=1, max_size=40),
    ),
    st.builds(
        attribute,
        st.sampled_from(["common_name", "serial_number"]),
        st.just("printable_string"),
        st.text("ABCabc0189 '()+,-./:=?", min_size=1, max_size=40),
    ),
)
names = st.lists(st.lists(attributes, min_size=1, max_size=2), max_size=5).map(
    lambda rdns: x509.Name(
        name="", value=x509.RDNSequence([x509.RelativeDistinguishedName(rdn) for rdn in rdns])
    ).dump()
)


@given(subject=names)
def test_any_subject_stays_as_it_is(subject: bytes) -> None:
    request = build_request(Algorithm.P_256, subject, PUBLIC_KEY, sign)
    info = request[request.index(b"\x02\x01\x00") + 3 :]
    assert info.startswith(subject + PUBLIC_KEY + b"\xa0\x00")
    assert load_der_x509_csr(request).is_signature_valid


@pytest.mark.parametrize(
    ("subject", "public_key"),
    [(b"", PUBLIC_KEY), (b"0\x05abc", PUBLIC_KEY), (a_name() + b"x", PUBLIC_KEY), (a_name(), PUBLIC_KEY[:-1])],
    ids=[
        "no name",
        "a short name",
        "a long name",
        "a short key",
    ],  # keys are drawn by chance, names of tests may not be
)
def test_what_is_no_name_or_no_key_is_refused_before_anything_is_signed(subject: bytes, public_key: bytes) -> None:
    signed: list[bytes] = []

    def remember(message: bytes) -> bytes:
        signed.append(message)
        return sign(message)

    with pytest.raises(ValueError, match=r"."):
        build_request(Algorithm.P_256, subject, public_key, remember)
    assert signed == []
