"""The audit reader: every entry once however many pages, filters that find, words for every action, an export that is
safe, bounded and recorded, and readings that are recorded themselves.
"""

import ast
import csv
import io
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from tests.support.casework import Office
from tests.support.desk import Desk
from workbench.cases.states import TRANSITIONS
from workbench.cases.words import Verdict
from workbench.kernel import audit
from workbench.kernel.audit import AuditEntry
from workbench.kernel.checkpoints import take_checkpoint
from workbench.kernel.clock import SHANGHAI, clock_at, now
from workbench.kernel.errors import NotAllowed
from workbench.kernel.identity import Actor, Role, system_actor
from workbench.reports import audit_reader, audit_views
from workbench.reports.audit_reader import AuditFilter
from workbench.reports.audit_words import ACTION_WORDS

ROOT = Path(__file__).parents[3]
AUDITOR = Actor("staff", 1, "示例审计员", frozenset({Role.AUDITOR}))


def write(office: Office, *actions: str, subject: str = "thing:1", name: str = "test", **fields: object) -> None:
    with office.work() as session:
        for action in actions:
            audit.record(session, action, system_actor(name), subject=subject, **fields)  # type: ignore[arg-type]


def walk(office: Office, wanted: AuditFilter) -> list[tuple[str, int]]:
    """Every entry the pages show from the newest to the oldest, and back again."""
    seen: list[tuple[str, int]] = []
    older: str | None = None
    with office.work() as session:
        while True:
            reading = audit_reader.read(session, wanted, older=older)
            seen += [(entry.chain, entry.seq) for entry in reading.entries]
            if reading.older is None:
                break
            older = reading.older
        back: list[tuple[str, int]] = [(entry.chain, entry.seq) for entry in reading.entries]
        while reading.newer is not None and reading.entries:
            reading = audit_reader.read(session, wanted, newer=reading.newer)
            back = [(entry.chain, entry.seq) for entry in reading.entries] + back
    assert back == seen
    return seen


@pytest.mark.parametrize("same_instant", [False, True])
def test_pages_show_every_entry_once_forwards_and_backwards(
    office: Office, monkeypatch: pytest.MonkeyPatch, same_instant: bool
) -> None:
    monkeypatch.setattr(audit_reader, "PAGE_SIZE", 7)
    begin = datetime(2027, 1, 1, tzinfo=UTC)
    for number in range(30):
        with clock_at(begin if same_instant else begin + timedelta(seconds=number)):
            write(office, "thing.changed", subject=f"thing:{number % 4}")
    wanted = AuditFilter(action="thing.changed")
    seen = walk(office, wanted)
    assert len(seen) == len(set(seen)) == 30


@pytest.mark.parametrize("cursor", ["", "x", "!!!", "W10", "WyIyMDI3IiwiYSIsMV0", "bnVsbA", "a" * 400])
def test_a_cursor_nobody_gave_out_is_taken_for_none(office: Office, cursor: str) -> None:
    write(office, "thing.changed")
    with office.work() as session:
        found = audit_reader.read(session, AuditFilter(action="thing.changed"), older=cursor, newer=cursor)
    assert len(found.entries) == 1


def test_filters_narrow_to_case_actor_action_and_days(office: Office) -> None:
    clerk = office.clerk()
    first, second = office.submit(), office.submit()
    office.decide(clerk, first, Verdict.FAILED)
    with office.work() as session:
        number = audit_reader.read(session, AuditFilter()).numbers[first]

        def found(**wanted: object) -> set[tuple[str, int | None]]:
            reading = audit_reader.read(session, AuditFilter(**wanted))  # type: ignore[arg-type]
            return {(entry.action, entry.case_id) for entry in reading.entries}

        assert {case for _, case in found(case=number)} == {first}
        assert found(case="no such number") == set()
        assert found(action="case.submitted") == {("case.submitted", first), ("case.submitted", second)}
        assert ("case.pre_check_failed", first) in found(actor="clerk")
        assert found(actor="clerk") == found(actor=clerk.name) == found(actor=clerk.label)
        today = datetime.now(UTC).astimezone(SHANGHAI).date()
        assert found(since=today, until=today, action="case.submitted")
        assert found(until=today - timedelta(days=1)) == set()


def test_a_day_is_a_day_in_shanghai(office: Office) -> None:
    with clock_at(datetime(2027, 3, 1, 15, 59, tzinfo=UTC)):
        write(office, "thing.changed", subject="thing:early")
    with clock_at(datetime(2027, 3, 1, 16, 0, tzinfo=UTC)):
        write(office, "thing.changed", subject="thing:late")
    with office.work() as session:
        for day, subject in ((date(2027, 3, 1), "thing:early"), (date(2027, 3, 2), "thing:late")):
            (entry,) = audit_reader.read(session, AuditFilter(since=day, until=day)).entries
            assert entry.subject == subject


def recorded_actions() -> set[str]:
    """Every action that is a constant in the code, and those the transition table makes."""
    found = {f"case.{each.event}" for each in TRANSITIONS.values()}
    for path in (ROOT / "workbench").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in {
                "record",
                "_record",
            }:
                constants = [
                    each.value
                    for argument in node.args
                    for each in ast.walk(argument)
                    if isinstance(each, ast.Constant)
                ]
                found |= {
                    each for each in constants if isinstance(each, str) and re.fullmatch(r"[a-z_]+\.[a-z_]+", each)
                }
    return found


def test_every_action_that_is_recorded_has_words() -> None:
    assert len(recorded_actions()) > 30
    assert recorded_actions() - set(ACTION_WORDS) == set()


def test_the_screen_speaks_in_sentences_and_tells_of_the_signature(desk: Desk, office: Office) -> None:
    case_id = office.submit()
    write(
        office,
        "staff.roles_changed",
        name="<b>",
        before={"roles": ["pre_checker"], "state": "pre_check"},
        after={"roles": ["auditor"], "state": "returned"},
    )
    with desk.parts.work() as session:
        take_checkpoint(session, desk.parts.secrets)
    page = desk.browser(Role.AUDITOR).open("/audit/")
    assert "submitted the application" in page
    assert f"/review/cases/{case_id}" in page
    assert "<del>Pre-check clerk</del> → <ins>Auditor</ins>" in page
    assert "<del>Waiting for pre-check</del> → <ins>Returned to the enterprise</ins>" in page
    assert "<b>" not in page
    assert "Checkpoint 1" in page
    assert "提交申请" in desk.browser(Role.AUDITOR, "zh").open("/audit/")


def test_entries_long_unsigned_raise_an_alarm(desk: Desk, office: Office) -> None:
    with clock_at(now() - timedelta(hours=1)):
        write(office, "thing.changed")
    assert "wait" in desk.browser(Role.AUDITOR).open("/audit/")
    with desk.parts.work() as session:
        assert audit_reader.signed_so_far(session).late
        take_checkpoint(session, desk.parts.secrets)
    with desk.parts.work() as session:
        signed = audit_reader.signed_so_far(session)
    assert (signed.number, signed.waiting, signed.late) == (1, 0, False)


def test_opening_a_filter_is_recorded_once_and_turning_pages_is_not(desk: Desk, office: Office) -> None:
    write(office, *["thing.changed"] * 60)
    browser = desk.browser(Role.AUDITOR)
    for _ in range(2):
        page = browser.open("/audit/?action=thing.changed")
    older = re.search(r'rel="next" href="([^"]+)"', page)
    assert older is not None
    browser.open(older.group(1).replace("&amp;", "&"))
    browser.open("/audit/?actor=test")
    with desk.parts.work() as session:
        readings = session.scalars(
            select(AuditEntry.after).where(AuditEntry.action == "audit.read").order_by(AuditEntry.seq)
        ).all()
    assert readings == [{"action": "thing.changed"}, {"actor": "test"}]


def test_a_day_that_is_none_is_told_and_left_out(desk: Desk) -> None:
    page = desk.browser(Role.AUDITOR).open("/audit/?since=yesterday&until=2026-02-30")
    assert "yesterday is not a day" in page
    assert "2026-02-30 is not a day" in page


def test_the_export_is_whole_harmless_and_recorded(desk: Desk, office: Office) -> None:
    write(office, "thing.changed", subject="=HYPERLINK(1)", name="@name", after={"text": "值"})
    answer = desk.browser(Role.AUDITOR).send("/audit/csv?action=thing.changed", "/audit/")
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"] == 'attachment; filename="audit.csv"'
    (row,) = csv.DictReader(io.StringIO(answer.get_data(as_text=True).removeprefix("\ufeff")))
    assert (row["Subject"], row["Actor"], row["After"]) == ("'=HYPERLINK(1)", "'@name", '{"text": "值"}')
    with desk.parts.work() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "audit.exported")).one()
    assert entry.after == {"action": "thing.changed", "rows": 1}


def test_an_export_too_long_is_refused_and_nothing_leaves(
    desk: Desk, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_views, "ROW_LIMIT", 3)
    write(office, *["thing.changed"] * 4)
    answer = desk.browser(Role.AUDITOR).send("/audit/csv?action=thing.changed", "/audit/")
    assert answer.status_code == 413
    with desk.parts.work() as session:
        exported = select(func.count()).where(AuditEntry.action == "audit.exported")
        assert session.scalar(exported) == 0


def test_nobody_else_reads_the_log(desk: Desk, office: Office) -> None:
    for role in (Role.ADMINISTRATOR, Role.VENDOR_SUPERVISOR):
        desk.browser(role).open("/audit/", 403)
    for role in set(Role) - {Role.AUDITOR}:
        with office.work() as session, pytest.raises(NotAllowed):
            audit_reader.record_reading(session, Actor("staff", 9, "x", frozenset({role})), AuditFilter())


def test_the_auditor_changes_nothing_by_reading(desk: Desk) -> None:
    browser = desk.browser(Role.AUDITOR)
    assert browser.client.post("/audit/").status_code in {400, 405}
    assert browser.send("/operations/jobs/retry", "/audit/").status_code == 403
