"""Exports of the custody log: at once when small, by the worker when large; for the asker, for a day, and recorded."""

import csv
import io
import re
from datetime import datetime, timedelta

import pytest
from openpyxl import load_workbook
from sqlalchemy import select, update

from tests.integration.dispatch.conftest import Table
from tests.integration.dispatch.conftest import table as table
from tests.support.desk import Desk, DeskBrowser
from workbench.cases.models import Application
from workbench.kernel.audit import AuditEntry
from workbench.kernel.clock import SHANGHAI, now
from workbench.kernel.identity import EVERYWHERE, Role, Scope
from workbench.organisation.models import Staff
from workbench.reports import custody_exports
from workbench.reports.models import CustodyExport

LOG = "/desk/custody/"


@pytest.fixture
def keys(table: Table) -> None:
    """Five keys of the first authority, two of the second; one enterprise has a name that would be a formula."""
    table.keys(5)
    table.keys(2, authority=1)
    with table.office.work() as session:
        case = session.scalars(select(Application).order_by(Application.id).limit(1)).one()
        case.enterprise_name = "=HYPERLINK(1)"


def rows_of(text: str) -> list[list[str]]:
    """The rows of a CSV without its head."""
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))[1:]


def ask(desk: Desk, monkeypatch: pytest.MonkeyPatch, role: Role = Role.DISPATCHER) -> tuple[DeskBrowser, str, int]:
    """A large export that somebody asked for: the browser, its page, its number."""
    monkeypatch.setattr(custody_exports, "AT_ONCE", 3)
    browser = desk.browser(role)
    answer = browser.send(f"{LOG}export?view=keys", page=LOG, format="xlsx")
    assert answer.status_code == 303
    found = re.search(r"/exports/(\d+)$", answer.location)
    assert found is not None
    return browser, answer.location, int(found[1])


def test_a_small_export_comes_at_once_with_formulas_defused(desk: Desk, keys: None) -> None:
    browser = desk.browser(Role.DISPATCHER)
    answer = browser.send(f"{LOG}export?view=keys&columns=serial,enterprise", page=LOG, format="csv")
    assert answer.status_code == 200
    rows = rows_of(answer.text)
    assert len(rows) == 7
    assert "'=HYPERLINK(1)" in [enterprise for _serial, enterprise in rows]
    book = load_workbook(io.BytesIO(browser.send(f"{LOG}export", page=LOG, format="xlsx").data), read_only=True)
    assert len(list(book.worksheets[0].iter_rows())) == 1 + 7 * 3
    assert browser.send(f"{LOG}export", page=LOG, format="exe").status_code == 400


def test_a_workbook_is_fit_to_be_read_and_sorted(desk: Desk, keys: None) -> None:
    sent = desk.browser(Role.DISPATCHER).send(f"{LOG}export?view=keys&columns=at,enterprise", page=LOG, format="xlsx")
    sheet = load_workbook(io.BytesIO(sent.data)).worksheets[0]
    assert sheet.freeze_panes == "A2"
    assert (sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width) == (36, 20)
    rows = list(sheet.iter_rows(min_row=2))
    today = datetime.now(SHANGHAI).replace(tzinfo=None)
    assert all(abs(at.value - today) < timedelta(hours=1) and at.is_date for _enterprise, at in rows)
    assert "'=HYPERLINK(1)" in [enterprise.value for enterprise, _at in rows]


def test_an_authority_exports_its_own_keys_and_no_others(desk: Desk, keys: None) -> None:
    browser = desk.browser(Role.COUNTER_STAFF)
    for address, expected in ((f"{LOG}export?view=keys", 5), (f"{LOG}export?view=keys&authority=2", 0)):
        assert len(rows_of(browser.send(address, page=LOG, format="csv").text)) == expected


def test_a_large_export_is_written_by_the_worker_and_fetched_by_its_asker_alone(
    desk: Desk, keys: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, page, number = ask(desk, monkeypatch)
    assert "Being written" in browser.open(page)
    assert browser.client.get(f"{page}/state").json == {"state": "waiting", "done": 0, "of": 7}
    assert browser.client.get(f"{page}/file").status_code == 404
    custody_exports.make(desk.parts, number)
    custody_exports.make(desk.parts, number)
    assert "Ready" in browser.open(page)
    answer = browser.client.get(f"{page}/file")
    assert len(list(load_workbook(io.BytesIO(answer.data)).worksheets[0].iter_rows())) == 8
    for role in (Role.AUDITOR, Role.COUNTER_STAFF):
        other = desk.browser(role)
        for path in (page, f"{page}/state", f"{page}/file"):
            assert other.client.get(path).status_code == 404
    with desk.parts.work() as session:
        actions = session.scalars(select(AuditEntry.action).where(AuditEntry.action.like("custody.%"))).all()
    assert sorted(actions) == ["custody.export_downloaded", "custody.exported"]


def test_an_export_ends_with_its_day_and_takes_its_file_along(
    desk: Desk, keys: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, page, number = ask(desk, monkeypatch)
    custody_exports.make(desk.parts, number)
    with desk.parts.work() as session:
        export = session.get_one(CustodyExport, number)
        export.expires_at, digest = now() - timedelta(seconds=1), str(export.sha256)
    assert browser.client.get(f"{page}/file").status_code == 404
    assert digest in desk.parts.blobs
    custody_exports.expire(desk.parts)
    assert digest not in desk.parts.blobs


def test_whoever_was_barred_meanwhile_gets_nothing(desk: Desk, keys: None, monkeypatch: pytest.MonkeyPatch) -> None:
    _browser, _page, number = ask(desk, monkeypatch)
    with desk.parts.work() as session:
        session.execute(update(Staff).where(Staff.login == "dispatcher").values(active=False))
    custody_exports.make(desk.parts, number)
    with desk.parts.work() as session:
        export = session.get_one(CustodyExport, number)
        assert (export.state, export.sha256) == ("refused", None)


def test_a_list_without_end_is_refused_and_nobody_floods_the_worker(
    desk: Desk, keys: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, _page, _number = ask(desk, monkeypatch)
    for _ in range(custody_exports.MOST_AT_A_TIME - 1):
        assert browser.send(f"{LOG}export", page=LOG, format="csv").status_code == 303
    assert browser.send(f"{LOG}export", page=LOG, format="csv").status_code == 400
    monkeypatch.setattr(custody_exports, "ROW_LIMIT", 4)
    assert browser.send(f"{LOG}export", page=LOG, format="csv").status_code == 413


def test_the_database_keeps_exports_of_authorities_apart(
    desk: Desk, keys: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(desk, monkeypatch, Role.COUNTER_STAFF)
    for scope, expected in ((EVERYWHERE, 1), (Scope(frozenset({2})), 0), (Scope(frozenset({1})), 1)):
        with desk.parts.work(scope) as session:
            raw = session.connection().exec_driver_sql("SELECT count(*) FROM custody_export").scalar_one()
        assert raw == expected
