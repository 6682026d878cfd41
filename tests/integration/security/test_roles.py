"""Who may not write, writes nothing; what was written left an entry; a number in clear is shown once and on record."""

import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.house.addresses import rules
from tests.integration.review.desk import Browser
from tests.integration.security.conftest import IDENTITY, Prey
from workbench.kernel.clock import now

OWN_ACCOUNT = {"entrance.sign_in", "entrance.sign_out", "account.password", "language.choose"}
"""What everybody does about themselves."""
READS_ON_RECORD = {"audit.csv"}
"""An export changes nothing but is written down."""
LEAVES_NO_ENTRY = {
    "review_case.keep": "extends a claim",
    "review_case.draft": "keeps an unfinished remark for its own author",
    "applications.files": "examines a file no row speaks of yet",
}
TABLES = (
    "SELECT tablename FROM pg_tables WHERE schemaname = 'public' "
    "AND tablename NOT IN ('procrastinate_workers', 'sign_in_attempt') ORDER BY tablename"
)


def fingerprint(prey: Prey) -> dict[str, tuple[Any, ...]]:
    """Of every table how many rows it has and which transactions wrote them."""
    with prey.desk.office.work() as session:
        return {
            table: tuple(
                session.execute(text(f"SELECT count(*), sum(CAST(CAST(xmin AS text) AS bigint)) FROM {table}")).one()
            )
            for table in session.scalars(text(TABLES)).all()
        }


def posts(prey: Prey) -> list[tuple[str, str]]:
    """Every address of the desks that takes a POST, with arguments that exist."""
    samples = {
        "case_id": prey.own.case,
        "application_id": prey.own.case,
        "page_id": prey.own.page,
        "attachment_id": prey.own.attachment,
        "staff_id": prey.theirs.staff,  # who is barred on the way takes part in no other test
        "year": 2026,
        "service": "new",
        "choice": "en",
    }
    adapter = prey.desk.app.url_map.bind("localhost")
    return [
        (
            rule.endpoint,
            str(adapter.build(rule.endpoint, {name: samples.get(name, 1) for name in rule.arguments}, method="POST")),
        )
        for rule in rules(prey.desk.app, "desk")
        if "POST" in (rule.methods or ()) and rule.endpoint not in OWN_ACCOUNT | READS_ON_RECORD
    ]


def plausible(prey: Prey, browser: Browser) -> dict[str, Any]:
    """One body that means something to every address."""
    item, version = prey.desk.items(prey.own.case)[0], prey.desk.version(prey.own.case)
    return {
        "version": version,
        "verdict": "passed",
        "remark": "示例",
        "reason": "示例",
        "marks": [{"item": item, "value": "ok"}],
        "rotation": 90,
        "case": prey.own.case,
        "person": prey.own.staff,
        "note": "示例",
        "id": prey.own.site,
        "name": "示例",
        "title": "示例",
        "text": "示例",
        "action": "publish",
        "step": "load",
    }


@pytest.mark.parametrize("login", ["auditor"])
def test_who_only_reads_changes_no_row_by_any_address(prey: Prey, login: str) -> None:
    browser = prey.desk.browser(login)
    with prey.desk.office.work() as session:  # a claim that ran out is nobody's, yet not theirs to clear away
        session.execute(
            text("UPDATE application SET claimed_by_id = :s, claimed_at = :at, claim_ends_at = :end WHERE id = :id"),
            {
                "s": prey.own.staff,
                "at": now() - timedelta(hours=2),
                "end": now() - timedelta(hours=1),
                "id": prey.own.case,
            },
        )
    body = plausible(prey, browser)
    before = fingerprint(prey)
    for endpoint, path in posts(prey):
        for answer in (browser.post(path, **body), browser.send(path, body)):
            assert answer.status_code < 500, endpoint
        after = fingerprint(prey)
        assert after == before, endpoint


def test_an_administrator_reaches_no_case_by_any_address(prey: Prey) -> None:
    browser = prey.desk.browser("administrator")
    body = plausible(prey, browser)
    for endpoint, path in posts(prey):
        if endpoint.startswith(("review_case.", "pre_check.", "re_check.", "documents.", "applications.")):
            assert browser.post(path, **body).status_code == 403, endpoint
            assert browser.send(path, body).status_code == 403, endpoint
    for path in ("/cases/", f"/review/cases/{prey.own.case}", "/audit/", f"/documents/pages/{prey.own.page}/image"):
        assert browser.get(path).status_code in {403, 404}, path


def free(prey: Prey) -> None:
    """Take every case out of everybody's hands."""
    with prey.desk.office.work() as session:
        session.execute(text("UPDATE application SET claimed_by_id = NULL, claimed_at = NULL, claim_ends_at = NULL"))


def entries(prey: Prey) -> int:
    with prey.desk.office.work() as session:
        return int(session.scalar(text("SELECT count(*) FROM audit_entry")) or 0)


@pytest.mark.parametrize("login", ["pre-checker-b", "authority-supervisor-b", "counter-staff-b", "administrator"])
def test_whatever_changes_a_row_leaves_an_entry(prey: Prey, login: str) -> None:
    browser = prey.desk.browser(login)
    changed = set()
    for endpoint, path in posts(prey):
        free(prey)  # otherwise taking a case would only extend the claim
        before, said, body = fingerprint(prey), entries(prey), plausible(prey, browser)
        for answer in (browser.post(path, **body), browser.send(path, body)):
            assert answer.status_code < 500, endpoint
        after = fingerprint(prey)
        different = {table for table in after if after[table] != before[table]}
        if different and endpoint not in LEAVES_NO_ENTRY:
            changed.add(endpoint)
            assert entries(prey) > said, (endpoint, different)
    assert changed, "somebody who may write wrote something"


def test_an_entry_that_cannot_be_written_stops_the_action(prey: Prey) -> None:
    browser = prey.desk.browser("pre-checker-b")
    free(prey)
    chain = {"chain": f"case:{prey.own.case}"}
    with prey.desk.office.work() as session:
        head = session.execute(text("SELECT seq FROM audit_head WHERE chain = :chain"), chain).scalar_one()
        session.execute(text("UPDATE audit_head SET seq = 0 WHERE chain = :chain"), chain)
    before = fingerprint(prey)
    assert browser.post(f"/review/cases/{prey.own.case}/claim").status_code == 500
    assert fingerprint(prey) == before
    with prey.desk.office.work() as session:
        session.execute(text("UPDATE audit_head SET seq = :seq WHERE chain = :chain"), {"seq": head, **chain})
    with pytest.raises(DBAPIError), prey.desk.office.work() as session:
        session.execute(text("UPDATE audit_entry SET actor = 'x'"))


def test_a_number_in_clear_is_only_in_the_answer_that_was_asked_for(
    prey: Prey, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG")
    case = prey.own.case
    for login in ("pre-checker-b", "counter-staff-b", "re-checker", "auditor", "authority-supervisor-b"):
        browser = prey.desk.browser(login)
        for path in ("/cases/", f"/review/cases/{case}", f"/desk/paper/{case}/receipt", "/audit/", "/desk/"):
            assert IDENTITY not in browser.get(path).text, (login, path)
    for login in ("auditor", "authority-supervisor-b", "dispatcher", "key-maker", "administrator"):
        refused = prey.desk.browser(login).send(f"/review/cases/{case}/identity", {"reason": "示例"})
        assert refused.status_code == 403, login
        assert IDENTITY not in refused.text
    clerk = prey.desk.browser("pre-checker-b")
    said = entries(prey)
    assert clerk.send(f"/review/cases/{case}/identity", {"reason": " "}).status_code == 400
    assert entries(prey) == said
    shown = clerk.send(f"/review/cases/{case}/identity", {"reason": "对照\x00\ud800原件"})
    assert shown.get_json() == {"number": IDENTITY}
    assert shown.headers["Cache-Control"] == "no-store"
    assert entries(prey) == said + 1
    refused = clerk.post("/desk/paper/new?service=new", holder_identity_number=IDENTITY, enterprise_name="示例")
    assert refused.status_code == 400
    _nowhere_else(prey, caplog.text + "".join(capfd.readouterr()))


def _nowhere_else(prey: Prey, logged: str) -> None:
    assert IDENTITY not in logged
    with prey.desk.office.work() as session:
        for table in session.scalars(text(TABLES)).all():
            held = session.execute(
                text(f"SELECT count(*) FROM {table} t WHERE t::text LIKE :n"), {"n": f"%{IDENTITY}%"}
            )
            assert held.scalar() == 0, table


def test_errors_in_the_log_hold_no_values(prey: Prey) -> None:
    with pytest.raises(DBAPIError) as error, prey.desk.office.work() as session:
        session.execute(text("SELECT 1 / 0 WHERE :secret <> ''"), {"secret": "示例秘密"})
    assert "示例秘密" not in str(error.value)


def test_an_error_page_says_nothing_of_the_inside(prey: Prey) -> None:
    client = prey.desk.browser("pre-checker-b").client
    assert not prey.desk.app.debug
    for path in ("/%00", "/" + "x" * 5000, "/%ff%fe", "/review/cases/" + "9" * 5000, "/review/cases/" + "9" * 30,
                 "/review/cases/-1", "/review/cases/١", "/../../etc/passwd", "/static/../config.py",
                 "/static/..%2f..%2fconfig.py", "/%F0%9F%94%91", "/desk/staff/" + "9" * 25):  # fmt: skip
        answer = client.get(path)
        assert answer.status_code in {400, 403, 404, 308}, path
        assert not re.search(r"Traceback|psycopg|sqlalchemy|/work|File \"|SELECT ", answer.text), path
