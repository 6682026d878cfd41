"""The seal's structure: what is built is read back, and no altered byte passes for it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import parser
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.config import Settings
from workbench.production.algorithms import Algorithm
from workbench.production.seals.signing import SealMaker, load_seal_maker
from workbench.production.seals.structure import (
    MAX_SEAL_BYTES,
    NoSeal,
    SealContent,
    algorithm_of,
    build_seal,
    read_seal,
    verify_seal,
)

AT = datetime(2026, 11, 3, 9, 30, tzinfo=UTC)
MAKERS: dict[Algorithm, SealMaker] = {}


@pytest.fixture(scope="module", autouse=True)
def makers(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A trial seal maker of each algorithm."""
    folder = tmp_path_factory.mktemp("makers")
    for algorithm in Algorithm:
        given_settings = Settings.model_validate({"var_dir": folder, "key_algorithm": algorithm.value})
        MAKERS[algorithm] = load_seal_maker(given_settings)


def content(**changes: Any) -> SealContent:
    """A seal of an invented enterprise; its bytes need not be a picture here."""
    standard = SealContent(
        serial="EK20260000001-1",
        name="示例远航进出口有限公司",
        certificates=(b"0" * 900,),
        made_at=AT,
        valid_from=AT,
        valid_until=AT + timedelta(days=730),
        png=bytes(range(256)) * 8,
        width_mm=40,
        height_mm=40,
    )
    return replace(standard, **changes)


INSTANTS = st.integers(0, 2_000_000_000).map(lambda seconds: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(0, seconds))


@settings(max_examples=60, deadline=None)
@given(
    serial=st.text("ABCEK0123456789-", min_size=1, max_size=64),
    name=st.text(min_size=1, max_size=100).filter(lambda text: not any(0xD800 <= ord(each) < 0xE000 for each in text)),
    certificates=st.lists(st.binary(min_size=1, max_size=2000), min_size=1, max_size=3).map(tuple),
    begins=INSTANTS,
    days=st.integers(1, 3650),
    png=st.binary(max_size=5000),
    sizes=st.tuples(st.integers(1, 80), st.integers(1, 80)),
)
def test_what_is_built_is_read_back(
    serial: str,
    name: str,
    certificates: tuple[bytes, ...],
    begins: datetime,
    days: int,
    png: bytes,
    sizes: tuple[int, int],
) -> None:
    stated = SealContent(serial, name, certificates, begins, begins, begins + timedelta(days=days), png, *sizes)
    maker = MAKERS[Algorithm.P_256]
    seal = build_seal(stated, maker)
    assert read_seal(seal).content == stated
    assert verify_seal(seal, maker.certificate, begins).content == stated


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_every_algorithm_signs_and_verifies(algorithm: Algorithm) -> None:
    maker = MAKERS[algorithm]
    read = verify_seal(build_seal(content(), maker), maker.certificate)
    assert read.algorithm is algorithm
    assert algorithm_of(read.maker_certificate) is algorithm


def test_is_laid_out_as_the_standard_says() -> None:
    seal = build_seal(content(), MAKERS[Algorithm.SM2])

    def parts(der: bytes) -> list[tuple[int, int, bytes]]:
        """Class, tag and content of each element inside a constructed one."""
        inside, found = parser.parse(der)[4], []
        while inside:
            kind, _, tag, header, value, trailer = parser.parse(inside)
            found.append((kind, tag, header + value + trailer))
            inside = inside[len(header) + len(value) + len(trailer) :]
        return found

    info, certificate, identifier, signature = parts(seal)
    assert [each[1] for each in (info, certificate, identifier, signature)] == [16, 4, 6, 3]
    assert identifier[2] == bytes.fromhex("06082a811ccf55018375")  # 1.2.156.10197.1.501
    header, serial, owner, picture = parts(info[2])
    assert [each[1:] for each in parts(header[2])] == [
        (22, b"\x16\x02ES"),
        (2, b"\x02\x01\x04"),
        (22, b"\x16\x0eEKEY-WORKBENCH"),
    ]
    assert serial[1] == 22
    assert [each[1] for each in parts(owner[2])] == [2, 12, 2, 16, 24, 24, 24]
    assert [each[1] for each in parts(parts(owner[2])[3][2])] == [4]
    assert parts(owner[2])[4][2] == b"\x18\x0f20261103093000Z"
    assert [each[1] for each in parts(picture[2])] == [22, 4, 2, 2]
    assert all(kind == 0 for kind, _, _ in parts(info[2]))


@pytest.mark.parametrize("algorithm", [Algorithm.RSA_2048, Algorithm.P_256])
def test_no_altered_byte_passes(algorithm: Algorithm) -> None:
    maker = MAKERS[algorithm]
    seal = build_seal(content(), maker)

    @settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(place=st.integers(0, len(seal) - 1), flipped=st.integers(1, 255))
    def altered(place: int, flipped: int) -> None:
        changed = seal[:place] + bytes([seal[place] ^ flipped]) + seal[place + 1 :]
        with pytest.raises(NoSeal):
            verify_seal(changed, maker.certificate)

    altered()


def test_no_altered_byte_passes_with_sm2() -> None:
    maker = MAKERS[Algorithm.SM2]
    seal = build_seal(content(certificates=(b"0" * 40,), png=b"picture"), maker)
    for place in range(0, len(seal), 13):
        with pytest.raises(NoSeal):
            verify_seal(seal[:place] + bytes([seal[place] ^ 1]) + seal[place + 1 :], maker.certificate)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_no_other_bytes_are_a_seal(der: bytes) -> None:
    with pytest.raises(NoSeal):
        read_seal(der)


@pytest.mark.parametrize(
    "change", [lambda der: der + b"\x00", lambda der: der[:-1], lambda der: b"", lambda der: der * 2]
)
def test_nothing_may_follow_or_be_missing(change: Any) -> None:
    with pytest.raises(NoSeal):
        read_seal(change(build_seal(content(), MAKERS[Algorithm.P_256])))


def test_another_makers_seal_is_none_of_ours(tmp_path: Path) -> None:
    stranger = load_seal_maker(Settings.model_validate({"var_dir": tmp_path, "key_algorithm": "p-256"}))
    with pytest.raises(NoSeal, match="another seal maker"):
        verify_seal(build_seal(content(), stranger), MAKERS[Algorithm.P_256].certificate)


def test_is_not_valid_before_and_after_its_time() -> None:
    maker = MAKERS[Algorithm.P_256]
    seal = build_seal(content(), maker)
    assert verify_seal(seal, maker.certificate, AT + timedelta(days=730)).content == content()
    for at in (AT - timedelta(seconds=1), AT + timedelta(days=730, seconds=1)):
        with pytest.raises(NoSeal, match="not valid"):
            verify_seal(seal, maker.certificate, at)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"certificates": ()}, id="nobody may use it"),
        pytest.param({"valid_until": AT}, id="no validity"),
        pytest.param({"png": b"0" * MAX_SEAL_BYTES}, id="too large for a token"),
    ],
)
def test_refuses_to_build_what_cannot_stand(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="seal"):
        build_seal(content(**changes), MAKERS[Algorithm.P_256])


def test_its_picture_is_in_no_text_of_it() -> None:
    seal = content(png=b"PICTURE")
    read = read_seal(build_seal(seal, MAKERS[Algorithm.P_256]))
    assert "PICTURE" not in f"{seal} {read}"
