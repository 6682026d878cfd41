"""The maker's list: every form it comes in reads the same, and whatever could put a wrong serial into stock is told."""

import io
import zipfile
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from workbench.production.stock_file import ADVICE, MAX_SERIAL, REASONS, Delivery, Fault, Line, read_list
from workbench.production.stock_sheet import LAST_ROW, MAX_BYTES, MAX_PARTS, MAX_ROWS, MAX_UNPACKED

THREE = [["EK001", "示例-A", "B1"], ["EK002", "示例-A", "B1"], ["EK003", "示例-A", "B2"]]
SERIALS = st.lists(st.from_regex(r"[0-9A-Z][0-9A-Z/._-]{0,20}", fullmatch=True), min_size=1, max_size=40, unique=True)


def xlsx(rows: Sequence[Sequence[Any]], **formats: str) -> bytes:
    """A workbook of one sheet; `formats` are number formats by column letter."""
    book = Workbook()
    sheet = book.active
    for row in rows:
        sheet.append(row)
    for column, number_format in formats.items():
        for cell in sheet[column]:
            cell.number_format = number_format
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def text(rows: Sequence[Sequence[str]], delimiter: str = ",") -> str:
    return "\r\n".join(delimiter.join(row) for row in rows) + "\r\n"


def serials(delivery: Delivery) -> list[str]:
    assert not delivery.problems
    return [row.serial for row in delivery.rows]


def faults(delivery: Delivery) -> list[tuple[int, Fault]]:
    return [(each.line, each.fault) for each in delivery.problems]


def read(content: bytes, **known: Any) -> Delivery:
    return read_list("list", content, **{"model": "示例-A", "box": "B1", **known})


@pytest.mark.parametrize(
    "headings", [["序列号", "型号", "箱号"], ["Serial No.", "Model", "BOX"], ["SN", "规格型号", "包装箱号"]]
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_every_kind_of_csv_reads_the_same(headings: list[str], encoding: str, delimiter: str) -> None:
    found = read_list("list.csv", text([headings, *THREE], delimiter).encode(encoding))
    assert found.problems == ()
    assert list(found.rows) == [Line(2 + place, *row) for place, row in enumerate(THREE)]


def test_a_workbook_reads_as_its_csv_does() -> None:
    rows = [["序列号", "型号", "箱号"], *THREE]
    assert read_list("x", xlsx(rows)).rows == read_list("x", text(rows).encode()).rows


def test_titles_other_columns_and_blank_lines_do_not_matter() -> None:
    rows = [
        ["示例公司交货清单"],
        [],
        ["序号", "箱号", "序列号", "出厂日期"],
        ["1", "B7", "EK001", "2026-01-01"],
        [],
        ["2", "B7", "EK002"],
    ]
    for content in (xlsx(rows), text(rows).encode()):
        found = read_list("x", content, model="示例-A")
        assert [(row.line, row.serial, row.box) for row in found.rows] == [(4, "EK001", "B7"), (6, "EK002", "B7")]


@given(SERIALS, st.sampled_from(["utf-8", "utf-8-sig", "gb18030"]), st.sampled_from(["\n", "\r\n"]))
def test_one_column_without_headings_is_taken_for_serials(wanted: list[str], encoding: str, end: str) -> None:
    found = read(end.join(wanted).encode(encoding), alike=False)
    distinct = {each.casefold() for each in wanted}
    if len(distinct) == len(wanted) and not {"sn"} & distinct:
        assert serials(found) == wanted
        assert {(row.model, row.box) for row in found.rows} == {("示例-A", "B1")}


@given(st.binary(max_size=400))
def test_no_bytes_whatever_break_the_reader(content: bytes) -> None:
    for each in (content, b"PK\x03\x04" + content):
        found = read(each)
        assert found.problems or found.rows
        assert all(row.serial.isascii() and row.serial for row in found.rows)


@pytest.mark.parametrize(
    ("serial", "fault"),
    [
        ("EK 001", Fault.UNTYPABLE),
        ("EK\x07001", Fault.UNTYPABLE),
        ("ＥＫ００１", Fault.UNTYPABLE),
        ("合计 200", Fault.UNTYPABLE),
        ("=HYPERLINK(1)", Fault.UNTYPABLE),
        ("-EK001", Fault.UNTYPABLE),
        ("E" * (MAX_SERIAL + 1), Fault.TOO_LONG),
        ("1.23457E+15", Fault.SHORTENED),
        ("", Fault.EMPTY),
    ],
)
def test_what_is_no_serial_is_told_by_line(serial: str, fault: Fault) -> None:
    rows = [["serial", "box"], ["EK001", "B1"], [serial, "B1"], ["EK003", "B1"]]
    assert faults(read(text(rows).encode())) == [(3, fault)]


def test_a_serial_of_full_length_passes() -> None:
    assert serials(read(("E" * MAX_SERIAL).encode())) == ["E" * MAX_SERIAL]


def test_the_second_of_two_names_the_first() -> None:
    found = read(b"serial\nEK001\nEK002\nek001\nEK002\n")
    assert [(each.line, each.serial, dict(each.values)) for each in found.problems] == [
        (4, "ek001", {"first": 2}),
        (5, "EK002", {"first": 3}),
    ]


@pytest.mark.parametrize(
    ("odd", "fault"), [("EK00", Fault.OTHER_LENGTH), ("EK0011", Fault.OTHER_LENGTH), ("OK001", Fault.OTHER_START)]
)
def test_who_differs_from_the_others_looks_cut_off(odd: str, fault: Fault) -> None:
    content = "\n".join(["serial", "EK002", "EK003", odd, "EK004"]).encode()
    assert faults(read(content)) == [(4, fault)]
    assert serials(read(content, alike=False))[2] == odd


def test_models_are_compared_with_themselves_and_hexadecimal_begins_anyhow() -> None:
    rows = [
        ["serial", "model"],
        *([f"EK00{n}", "A"] for n in range(4)),
        *([f"{n:08X}", "B"] for n in range(0xA9, 0xAF)),
    ]
    rows += [["3FAB0010", "B"], ["AB3F0010", "B"], ["CDFF0010", "B"]]
    assert not read(text(rows).encode()).problems


def test_what_a_spreadsheet_made_of_numbers_is_noticed() -> None:
    padded = read(xlsx([["serial"], [1], [20], [300.0]], A="00000"))
    assert serials(padded) == ["00001", "00020", "00300"]
    lost = read(xlsx([["serial"], [123456789012345678]]))
    assert faults(lost) == [(2, Fault.SHORTENED)]


@pytest.mark.parametrize("row", [["=A1", "B1"], ["EK001", '="B"&1']])
def test_formulas_are_refused(row: list[str]) -> None:
    assert faults(read(xlsx([["serial", "box"], row]))) == [(2, Fault.FORMULA)]


def test_a_formula_in_a_column_nobody_reads_is_none_of_ours() -> None:
    assert serials(read(xlsx([["no", "serial"], ["=ROW()", "EK001"]]))) == ["EK001"]


def test_model_and_box_come_from_the_line_or_else_from_the_form() -> None:
    rows = [["serial", "model", "box"], ["EK001", "", "B9"], ["EK002", "示例-B", ""]]
    found = read(text(rows).encode(), model=" 示例-A ")
    assert [(row.model, row.box) for row in found.rows] == [("示例-A", "B9"), ("示例-B", "B1")]
    nothing = read_list("x", text(rows).encode())
    assert faults(nothing) == [(2, Fault.NO_MODEL), (3, Fault.NO_BOX)]
    assert faults(read(b"EK001", box="B" * 61)) == [(1, Fault.BAD_WORD)]
    assert faults(read(b"EK001", model="a\nb")) == [(1, Fault.BAD_WORD)]


def test_columns_nobody_named_are_not_guessed() -> None:
    assert faults(read(b"EK001,B1\nEK002,B1\n")) == [(0, Fault.NO_HEADINGS)]
    for nothing in (b"", b"\n\n", b"serial\n", xlsx([])):
        assert faults(read(nothing)) == [(0, Fault.NOTHING)]


@pytest.mark.parametrize(
    "content",
    [
        b"\x00\x01\x02\x03",
        b"\xd0\xcf\x11\xe0 an old workbook",
        b"PK\x03\x04 no archive",
        b'serial\n"EK001\nEK002\n',
        b"E" * (MAX_BYTES + 1),
        b"\n".join(b"EK%06d" % n for n in range(MAX_ROWS + 1)),
    ],
    ids=["binary", "old", "no archive", "open quotation", "bytes", "lines"],
)
def test_what_is_no_list_is_refused_as_a_whole(content: bytes) -> None:
    found = read(content)
    assert faults(found) == [(0, Fault.NOT_A_LIST)]
    assert found.problems[0].reason % dict(found.problems[0].values)
    assert not found.rows


def test_a_field_without_end_is_called_so() -> None:
    (problem,) = read(b"serial\nEK001\n" + b"E" * 200_000).problems
    assert problem.reason % dict(problem.values) == (
        "Line 3 holds a field of more than 131072 characters: is a quotation mark missing?"
    )


def test_the_longest_list_passes() -> None:
    assert len(serials(read(b"\n".join(b"EK%06d" % n for n in range(MAX_ROWS))))) == MAX_ROWS


def repacked(**parts: bytes) -> bytes:
    """A workbook with parts added or replaced, by the end of their names."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(xlsx([["serial"], ["EK001"]]))) as old, zipfile.ZipFile(stream, "w", 8) as new:
        for name in [*old.namelist(), *(each for each in parts if each.startswith("more"))]:
            wanted = next((parts[each] for each in parts if name.endswith(each.replace("_", "."))), None)
            new.writestr(name, wanted if wanted is not None else old.read(name))
    return stream.getvalue()


SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>'
)
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 9))


def test_an_archive_that_unpacks_to_too_much_is_not_unpacked() -> None:
    for bomb in (repacked(more=b"0" * (MAX_UNPACKED + 1)), repacked(**{f"more{n}": b"" for n in range(MAX_PARTS + 1)})):
        assert len(bomb) < MAX_BYTES
        assert faults(read(bomb)) == [(0, Fault.NOT_A_LIST)]


def test_entities_that_multiply_are_refused() -> None:
    laughing = f'<!DOCTYPE x [<!ENTITY l0 "ha">{LAUGHS}]>' + SHEET.format(
        '<row r="1"><c r="A1" t="inlineStr"><is><t>&l8;</t></is></c></row>'
    )
    found = read(repacked(sheet1_xml=laughing.encode()))
    assert found.problems
    assert not found.rows


@pytest.mark.parametrize("row", [LAST_ROW, LAST_ROW + 1, 10**15])
def test_a_row_far_away_costs_little_and_one_beyond_the_sheet_is_not_there(row: int) -> None:
    far = SHEET.format(
        '<row r="1"><c r="A1" t="inlineStr"><is><t>EK001</t></is></c></row>'
        f'<row r="{row}"><c r="A{row}" t="inlineStr"><is><t>EK002</t></is></c></row>'
    )
    found = read(repacked(sheet1_xml=far.encode()), alike=False)
    assert [each.serial for each in found.rows] == (["EK001", "EK002"] if row == LAST_ROW else ["EK001"])


def test_every_problem_has_words_and_says_what_to_do() -> None:
    assert set(REASONS) == set(ADVICE) == set(Fault) - {Fault.NOT_A_LIST}
