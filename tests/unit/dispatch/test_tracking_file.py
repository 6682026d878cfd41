"""A courier's list is read whole or refused by line, in whatever of the usual encodings and time formats it comes."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.dispatch.tracking_file import MAX_BYTES, ListRefused, parse_time, read_list
from workbench.dispatch.words import TrackingStatus
from workbench.kernel.errors import Invalid

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
GOOD = "运单号,时间,状态,地点,说明\nSF1234567890123,2026-11-24 15:04,已签收,示例市,“本人”签收\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_list_is_read_in_the_usual_encodings(encoding: str) -> None:
    (line,) = read_list(GOOD.encode(encoding), NOW)
    assert (line.line, line.waybill, line.carrier) == (2, "SF1234567890123", "")
    assert line.told.at == datetime(2026, 11, 24, 7, 4, tzinfo=UTC)
    assert (line.told.status, line.told.place, line.told.words) == (TrackingStatus.DELIVERED, "示例市", "“本人”签收")


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("heading", ["运单号,时间,状态,地点,说明\n", ""])
def test_columns_are_separated_by_what_comes_first(separator: str, encoding: str, heading: str) -> None:
    """Spreadsheets save "Unicode text" with tabs; what else stands in a courier's words separates nothing."""
    words = '"a;b, c\td"'
    cells = ["SF1234567890123", "2026-11-24 15:04", "已签收", "示例市", words]
    text = heading.replace(",", separator) + separator.join(cells) + "\n"
    (line,) = read_list(text.encode(encoding), NOW)
    assert (line.waybill, line.told.status, line.told.place) == (cells[0], TrackingStatus.DELIVERED, "示例市")
    assert line.told.words == "a;b, c d"


@pytest.mark.parametrize("content", [b"PK\x03\x04 a workbook", b"\xd0\xcf\x11\xe0 an old one"])
def test_an_excel_file_is_told_from_a_list(content: bytes) -> None:
    with pytest.raises(Invalid, match="save it as CSV"):
        read_list(content, NOW)


def test_each_bad_line_is_named_by_its_number() -> None:
    text = (
        "waybill,time,status,place,words\n"
        "SF1,2026-11-24 15:04,delivered\n"
        "SF2,yesterday,delivered\n"
        "\n"
        "SF3,2026-11-24 15:04,飞走了\n"
        "SF4,2026-11-25 15:04,delivered\n"
        " ,2026-11-24 15:04,delivered\n"
        "SF5\n"
    )
    with pytest.raises(ListRefused) as refused:
        read_list(text.encode(), NOW)
    assert [each.line for each in refused.value.problems] == [3, 5, 6, 7, 8]
    assert all(each.reason % dict(each.values) for each in refused.value.problems)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"waybill,time,status\n", b"\x00\x01\x02", b"\xff\xfe\x00" * 5])
def test_what_is_no_list_is_refused(content: bytes) -> None:
    with pytest.raises(Invalid):
        read_list(content, NOW)


def test_a_list_has_limits() -> None:
    with pytest.raises(Invalid, match="2 MB"):
        read_list(b"x" * (MAX_BYTES + 1), NOW)
    with pytest.raises(Invalid, match="10000 lines"):
        read_list(b"SF1,2026-11-24 15:04,delivered\n" * 10_002, NOW)


@pytest.mark.parametrize(
    ("end", "reason"),
    [('"delivered\n', "A quotation mark is missing."), ("x" * 200_000, "A field is longer than 131072 characters")],
    ids=["open quotation", "too long"],
)
def test_a_field_without_end_is_named_by_its_line(end: str, reason: str) -> None:
    with pytest.raises(ListRefused, match="Nothing was imported") as refused:
        read_list(f"SF0,2026-11-24 15:04,delivered\nSF1,2026-11-24 15:04,{end}".encode(), NOW)
    (problem,) = refused.value.problems
    assert problem.line == 2
    assert (problem.reason % dict(problem.values)).startswith(reason)


def test_the_same_event_has_the_same_reference_and_another_another() -> None:
    first, second, third = read_list(
        b"SF1,2026-11-24 15:04,delivered,a,b\n"
        b"SF1,2026/11/24 15:04:00,DELIVERED,a,b\n"
        b"SF1,2026-11-24 15:05,delivered,a,b\n",
        NOW,
    )
    assert first.told.ref == second.told.ref != third.told.ref


@given(
    st.integers(0, 4_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    st.integers(-12, 14),
)
def test_a_time_with_an_offset_is_that_instant(instant: datetime, hours: int) -> None:
    local = instant + timedelta(hours=hours)
    sign = "-" if hours < 0 else "+"
    written = f"{local.replace(tzinfo=None).isoformat()}{sign}{abs(hours):02d}:00"
    assert parse_time(written) == instant


@pytest.mark.parametrize("written", ["0001-01-01 00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_that_falls_off_the_calendar_is_none(written: str) -> None:
    assert parse_time(written) is None


@given(st.binary(max_size=300))
def test_whatever_is_sent_is_read_or_refused(content: bytes) -> None:
    try:
        lines = read_list(content, NOW)
    except Invalid:
        return
    assert all(each.waybill and each.told.at <= NOW + timedelta(minutes=10) for each in lines)
