"""The enterprise registry: which files are loaded, what is told of others, and the administrator's screen."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import delete, select

from tests.support.applicant import a_code
from tests.support.casework import Office
from tests.support.database import Database
from tests.support.desk import open_desk
from workbench import cli
from workbench.config import settings
from workbench.kernel.audit import AuditEntry
from workbench.kernel.identity import Role, system_actor
from workbench.kernel.parts import Parts
from workbench.portal.accounts import registry
from workbench.portal.models import EnterpriseRecord

SYSTEM = system_actor("test")
A, B = a_code(1), a_code(2)


@pytest.fixture(autouse=True)
def _empty(door_parts: Parts) -> Iterator[None]:
    yield
    with door_parts.work() as session:
        session.execute(delete(EnterpriseRecord))


def load(parts: Parts, content: bytes) -> int:
    with parts.work() as session:
        return registry.load(session, SYSTEM, content)


def records(parts: Parts) -> dict[str, str]:
    with parts.work() as session:
        return {each.uscc: each.name for each in session.scalars(select(EnterpriseRecord))}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_files_are_read_in_the_encodings_offices_write(door_parts: Parts, encoding: str) -> None:
    content = f'uscc,name\r\n{A[:9].lower()} {A[9:]},"示例（北京）, 有限公司"\r\n\r\n{B},示例㐂有限公司\r\n'
    assert load(door_parts, content.encode(encoding)) == 2
    assert records(door_parts) == {A: "示例（北京）, 有限公司", B: "示例㐂有限公司"}


def test_a_second_file_adds_and_corrects(door_parts: Parts) -> None:
    load(door_parts, f"uscc,name\n{A},旧名\n".encode())
    load(door_parts, f"name,uscc\n新名,{A}\n另一,{B}\n".encode())
    assert records(door_parts) == {A: "新名", B: "另一"}
    with door_parts.work() as session:
        entries = session.scalars(select(AuditEntry).where(AuditEntry.action == "registry.loaded")).all()
        assert [entry.after["rows"] for entry in entries if entry.after][-2:] == [1, 2]


def test_a_long_file_is_loaded_whole(door_parts: Parts) -> None:
    lines = "\n".join(f"{a_code(number)},示例{number}有限公司" for number in range(2500))
    assert load(door_parts, f"uscc,name\n{lines}".encode()) == 2500
    assert len(records(door_parts)) == 2500


@pytest.mark.parametrize(
    ("content", "problems"),
    [
        (b"", ["line 1: the columns must be uscc,name"]),
        (b"uscc,name\n", ["line 2: there is no record"]),
        (f"code,name\n{A},x".encode(), ["line 1: the columns must be uscc,name"]),
        (f"uscc,name\n{A},x,y".encode(), ["line 2: 3 columns instead of 2"]),
        (
            f"uscc,name\n{A},好\n{A[:-1]},短\n{B},\n{A},又".encode(),
            [
                f"line 3: '{A[:-1]}' is no unified social credit code (length)",
                "line 4: the name is missing, too long or holds characters that cannot be written",
                "line 5: this code stands in the file twice",
            ],
        ),
        (b"uscc,name\n\xff\xff\xff", ["line 1: this is no text in UTF-8 or GB 18030"]),
        (f'uscc,name\n{A},"unfinished'.encode(), ["line 2: unexpected end of data"]),
    ],
)
def test_a_file_with_a_problem_is_refused_whole(door_parts: Parts, content: bytes, problems: list[str]) -> None:
    with pytest.raises(registry.BadRegistryFile) as refusal:
        load(door_parts, content)
    assert list(refusal.value.problems) == problems
    assert records(door_parts) == {}


def test_the_command_says_what_it_did(
    fresh_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_APP_DATABASE_URL", fresh_database.app_url)
    monkeypatch.setenv("WORKBENCH_VAR_DIR", str(tmp_path / "var"))
    settings.cache_clear()
    try:
        good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
        good.write_text(f"uscc,name\n{A},示例有限公司\n", encoding="gb18030")
        bad.write_text("uscc,name\nX,示例有限公司\n", encoding="utf-8")
        done = CliRunner().invoke(cli.cli, ["registry", "load", str(good)])
        refused = CliRunner().invoke(cli.cli, ["registry", "load", str(bad)])
    finally:
        settings.cache_clear()
    assert (done.exit_code, done.output) == (0, "1 enterprises are in the registry as good.csv has them.\n")
    assert refused.exit_code == 1
    assert "line 2: 'X' is no unified social credit code" in refused.output


def test_an_administrator_searches_adds_and_corrects(fresh_database: Database, office: Office, tmp_path: Path) -> None:
    with open_desk(fresh_database, tmp_path, office) as desk:
        admin = desk.browser(Role.ADMINISTRATOR)
        assert "/desk/registry/" in admin.open("/desk/")
        wrong = admin.send("/desk/registry/new/", uscc=A[:-1], name="示例有限公司")
        assert "has 18 characters" in wrong.text
        assert admin.send("/desk/registry/new/", uscc=f" {A.lower()} ", name="示例有限公司").status_code == 302
        assert A in admin.open("/desk/registry/?search=示例")
        edit = f"/desk/registry/edit/?id={A}"
        assert 'name="uscc"' not in admin.open(edit)
        assert admin.send(edit, uscc=B, name="<b>示例</b>").status_code == 302
        page = admin.open("/desk/registry/")
        assert "&lt;b&gt;示例&lt;/b&gt;" in page
        assert B not in page
        with desk.parts.work() as session:
            actions = set(
                session.scalars(select(AuditEntry.action).where(AuditEntry.subject == f"enterprise_record:{A}"))
            )
        assert actions == {"enterprise_record.created", "enterprise_record.changed"}
        for role in (Role.PRE_CHECKER, Role.AUDITOR):
            desk.browser(role).open("/desk/registry/", 403)
        assert re.search(r'href="/desk/registry/"', admin.open("/desk/"))
