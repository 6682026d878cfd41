"""Intake of folders and archives: whole or not at all, each problem named by file and place."""

import json
import os
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from tests.integration.documents.conftest import SIX, SYSTEM, facts
from tests.unit.documents import samples
from workbench.cases.models import Application
from workbench.documents import limits
from workbench.documents.attachments import list_attachments
from workbench.documents.intake import IntakeRefused, intake, run_intake
from workbench.documents.service import current_submission
from workbench.kernel.parts import Parts


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that would come in."""
    made = tmp_path / "case"
    made.mkdir()
    for code in SIX:
        (made / f"{code}.pdf").write_bytes(samples.pdf(1))
    write(made, case())
    return made


def case(**changes: Any) -> dict[str, Any]:
    known = facts(1)
    return {
        "format": 1,
        "service": "new",
        "category": "other",
        "authority": "110000",
        "enterprise": {"name": known.enterprise_name, "uscc": known.uscc},
        "holder": vars(known.holder),
        "files": [{"document": code, "path": f"{code}.pdf"} for code in SIX],
        **changes,
    }


def write(folder: Path, content: dict[str, Any]) -> None:
    (folder / "case.json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def zipped(folder: Path) -> Path:
    return Path(shutil.make_archive(str(folder), "zip", folder))


def refusal(parts: Parts, path: Path) -> list[str]:
    """The problems as printed; nothing may have been left behind."""
    with parts.work() as session:
        before = session.scalar(select(func.count()).select_from(Application))
    with pytest.raises(IntakeRefused) as refused:
        intake(parts, path, SYSTEM)
    with parts.work() as session:
        assert session.scalar(select(func.count()).select_from(Application)) == before
    return [str(problem) for problem in refused.value.problems]


@pytest.mark.parametrize("packed", [False, True])
def test_a_good_case_comes_in_bit_for_bit(parts: Parts, folder: Path, packed: bool) -> None:
    application = intake(parts, zipped(folder) if packed else folder, SYSTEM)
    assert (application.state, application.channel) == ("pre_check", "folder")
    with parts.work() as session:
        attachments = list_attachments(session, [current_submission(session, application).id])
    assert {each.document_code: parts.blobs.get(each.sha256) for each in attachments} == {
        code: (folder / f"{code}.pdf").read_bytes() for code in SIX
    }


def test_the_command_prints_the_number_or_the_problems(
    parts: Parts, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_intake(parts, folder, SYSTEM) == 0
    assert capsys.readouterr().out.startswith("EK")
    (folder / "case.json").unlink()
    assert run_intake(parts, folder, SYSTEM) == 1
    assert "case.json: does not exist" in capsys.readouterr().err


BAD_CASES: dict[str, tuple[dict[str, Any], str]] = {
    "unknown service": ({"service": "gift"}, "case.json#/service: "),
    "unknown key": ({"colour": "red"}, "case.json: Additional properties"),
    "misspelt holder": ({"holder": {"name": "x"}}, "case.json#/holder: 'identity_number'"),
    "unknown authority": ({"authority": "999999"}, "case.json#/authority: there is no issuing authority"),
    "wrong code": ({"enterprise": {"name": "示例", "uscc": "911100000000000010"}}, "case.json#/enterprise/uscc: "),
    "no reason": ({"service": "additional"}, "case.json#/reason: "),
    "unknown site": ({"pickup_site": "nowhere"}, "case.json#/pickup_site: "),
    "another format": ({"format": 2}, "case.json#/format: "),
}


@pytest.mark.parametrize("name", BAD_CASES)
def test_each_bad_place_is_named(parts: Parts, folder: Path, name: str) -> None:
    changes, expected = BAD_CASES[name]
    write(folder, case(**changes))
    assert any(each.startswith(expected) for each in refusal(parts, folder))


def test_all_bad_files_are_told_together(parts: Parts, folder: Path) -> None:
    (folder / "authorisation.pdf").unlink()
    (folder / "user_id_card.pdf").write_bytes(b"<svg></svg>")
    files = case()["files"]
    write(folder, case(files=[*files[:5], {"document": "passport", "path": "application_form.pdf"}]))
    said = refusal(parts, folder)
    assert "authorisation.pdf#/files/4/path: does not exist" in said
    assert any(each.startswith("user_id_card.pdf#/files: This is a web page") for each in said)
    assert any(each.startswith("passport#/files: ") for each in said)
    assert any(each.startswith("user_agreement#/files: This document is missing") for each in said)
    assert len(said) == 4


@pytest.mark.parametrize("path", ["../secret.pdf", "/etc/passwd", "a/../../b.pdf", "C:/x.pdf", "a\\b.pdf", "."])
@pytest.mark.parametrize("packed", [False, True])
def test_paths_that_lead_out_are_refused(parts: Parts, folder: Path, path: str, packed: bool) -> None:
    (folder.parent / "secret.pdf").write_bytes(samples.pdf(1))
    files = case()["files"]
    write(folder, case(files=[{"document": "application_form", "path": path}, *files[1:]]))
    assert any("leads out of the folder" in each for each in refusal(parts, zipped(folder) if packed else folder))


def test_links_and_devices_are_not_followed(parts: Parts, folder: Path) -> None:
    (folder.parent / "secret.pdf").write_bytes(samples.pdf(1))
    (folder / "application_form.pdf").unlink()
    (folder / "application_form.pdf").symlink_to(folder.parent / "secret.pdf")
    (folder / "authorisation.pdf").unlink()
    os.mkfifo(folder / "authorisation.pdf")
    (folder / "outside").symlink_to(folder.parent)
    files = case()["files"]
    write(folder, case(files=[*files[:5], {"document": "user_agreement", "path": "outside/secret.pdf"}]))
    said = refusal(parts, folder)
    assert "application_form.pdf#/files/0/path: is a symbolic link or cannot be opened" in said
    assert "authorisation.pdf#/files/4/path: is not a plain file" in said
    assert "outside/secret.pdf#/files/5/path: is a symbolic link or cannot be opened" in said


def _pack(folder: Path, **entries: bytes) -> Path:
    path = zipped(folder)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def test_archives_that_climb_link_repeat_or_explode_are_refused(parts: Parts, folder: Path) -> None:
    assert any("leads out" in each for each in refusal(parts, _pack(folder, **{"../evil.pdf": b"x"})))
    with pytest.warns(UserWarning, match="Duplicate"):
        path = _pack(folder, **{"case.json": b"{}"})
    assert any("twice" in each for each in refusal(parts, path))
    path = zipped(folder)
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("link.pdf")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    assert any("symbolic link" in each for each in refusal(parts, path))


def test_a_zip_bomb_is_stopped_while_it_unpacks(parts: Parts, folder: Path) -> None:
    (folder / "application_form.pdf").write_bytes(b"%PDF-1.4" + bytes(limits.MAX_FILE_BYTES - 100))
    assert any("unpacks to far more" in each for each in refusal(parts, zipped(folder)))
    (folder / "application_form.pdf").write_bytes(os.urandom(limits.MAX_FILE_BYTES + 1))
    assert any("larger than 20 MB" in each for each in refusal(parts, zipped(folder)))
    assert any("larger than 20 MB" in each for each in refusal(parts, folder))


def test_what_is_neither_folder_nor_archive_is_refused(parts: Parts, tmp_path: Path, folder: Path) -> None:
    plain = tmp_path / "plain.txt"
    plain.write_text("x")
    assert any("neither a folder nor a ZIP" in each for each in refusal(parts, plain))
    damaged = zipped(folder)
    content = bytearray(damaged.read_bytes())
    content[40:2000] = bytes(1960)
    damaged.write_bytes(content)
    assert refusal(parts, damaged)
    (folder / "case.json").write_bytes(b"[" * 100_000)
    assert any("is not JSON" in each for each in refusal(parts, folder))
