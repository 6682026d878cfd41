"""An attacker at one authority tries every address with another authority's ids, and plain SQL with every scope."""

import re
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from tests.integration.security.conftest import Prey, Target
from tests.integration.security.dispatch import OF_AUTHORITY
from tests.integration.security.production import OF_CASE, OF_HOUSE
from workbench.documents.models import Attachment
from workbench.kernel.identity import Scope

NOBODYS = 999_999_999
ATTACKERS = ("pre-checker-b", "counter-staff-b", "authority-supervisor-b")
CASE_TABLES = ("application", "submission", "holder", "attachment", "page", "review", "mark", "case_event")


def ids_of(target: Target) -> dict[str, Any]:
    """What each argument of an address means."""
    return {
        **target.travelled.ids(target.travelled.waiting),
        "case_id": target.case,
        "page_id": target.page,
        "attachment_id": target.attachment,
        "staff_id": target.staff,
        "token_id": target.token,
    }


def addresses(prey: Prey, ids: dict[str, Any], method: str) -> list[tuple[str, str]]:
    """Every endpoint that takes one of these ids, with its address."""
    adapter = prey.desk.app.url_map.bind("localhost")
    rules: list[Rule] = [
        rule
        for rule in prey.desk.app.url_map.iter_rules()
        if method in (rule.methods or ()) and rule.arguments and rule.arguments <= ids.keys()
    ]
    return [
        (rule.endpoint, str(adapter.build(rule.endpoint, {name: ids[name] for name in rule.arguments}, method=method)))
        for rule in sorted(rules, key=lambda rule: rule.endpoint)
    ]


def shape(answer: TestResponse) -> tuple[int, str]:
    """All an attacker can tell an answer by, but for what differs each time."""
    body = re.sub(r"[0-9a-f]{16}", "#", answer.text)
    body = re.sub(
        r'nonce="[^"]+"|name="csrf-token" content="[^"]+"|(?<=name="csrf_token" )value="[^"]+"|\d+', "#", body
    )
    return answer.status_code, body


@pytest.mark.parametrize("login", ATTACKERS)
def test_no_address_tells_another_authoritys_row_from_one_that_does_not_exist(prey: Prey, login: str) -> None:
    browser = prey.desk.browser(login)
    nobodys = dict.fromkeys(ids_of(prey.theirs), NOBODYS)
    walked = 0
    for method in ("GET", "POST"):
        for (endpoint, there), (_, nowhere) in zip(
            addresses(prey, ids_of(prey.theirs), method), addresses(prey, nobodys, method), strict=True
        ):
            ask = browser.get if method == "GET" else browser.post
            found, missing = ask(there), ask(nowhere)
            assert found.status_code in {400, 403, 404}, (endpoint, found.status_code)
            assert shape(found) == shape(missing), endpoint
            if method == "POST":
                body = {"version": 3, "marks": [], "reason": "x", "verdict": "passed", "remark": "x"}
                found, missing = browser.send(there, body), browser.send(nowhere, body)
                assert found.status_code in {400, 403, 404}, (endpoint, found.status_code)
                assert shape(found) == shape(missing), endpoint
            walked += 1
    assert walked >= 60, "the walk reaches every address with an id"


def test_the_same_addresses_do_answer_for_the_own_authority(prey: Prey) -> None:
    """Otherwise the walk above proves nothing."""
    browser = prey.desk.browser("pre-checker-b")
    answered = [
        endpoint
        for endpoint, address in addresses(prey, ids_of(prey.own), "GET")
        if browser.get(address).status_code == 200
    ]
    assert {"review_case.show", "applications.receipt"} <= set(answered)


@pytest.mark.parametrize("query", ["q=%E7%94%B21", "q={number}", "q={uscc}", "authority={authority}", "q={prefix}"])
def test_lists_and_searches_never_show_another_authoritys_case(prey: Prey, query: str) -> None:
    values = {
        "number": prey.theirs.number,
        "uscc": prey.theirs.uscc,
        "authority": prey.desk.office.authority_ids[1],
        "prefix": prey.theirs.number[:8],
    }
    for login in ATTACKERS:
        browser = prey.desk.browser(login)
        for path in ("/cases/", "/review/pre-check/", "/desk/paper/"):
            answer = browser.get(f"{path}?{query.format(**values)}")
            if answer.status_code != 403:
                assert f'/review/cases/{prey.theirs.case}"' not in answer.text, (login, path)
        assert f'/review/cases/{prey.own.case}"' in browser.get("/cases/").text


def test_a_mark_cannot_name_another_authoritys_page_or_another_list(prey: Prey) -> None:
    browser, desk = prey.desk.browser("pre-checker-b"), prey.desk
    assert browser.post(f"/review/cases/{prey.own.case}/claim").status_code == 303
    item, version = desk.items(prey.own.case)[0], desk.version(prey.own.case)
    answers = []
    for page in (prey.theirs.page, NOBODYS):
        region = {"page_id": page, "x": 0.1, "y": 0.1, "w": 0.2, "h": 0.2}
        marks: list[dict[str, Any]] = [{"item": item, "value": "fault", "region": region}]
        answer = browser.send(f"/review/cases/{prey.own.case}/marks", {"marks": marks, "version": version})
        answers.append(shape(answer))
    assert answers[0][0] == 400
    assert answers[0] == answers[1]
    strange = [{"item": NOBODYS, "value": "ok"}]
    answer = browser.send(f"/review/cases/{prey.own.case}/marks", {"marks": strange, "version": version})
    assert answer.status_code == 400


def test_a_supervisor_hands_nothing_to_strangers_and_moves_no_foreign_case(prey: Prey) -> None:
    boss = prey.desk.browser("authority-supervisor-b")
    to_stranger = boss.post("/review/pre-check/reassign", case=prey.own.case, person=prey.theirs.staff, note="x")
    assert to_stranger.status_code == 303
    assert "Select at least one case, a person and a note." in boss.get("/review/pre-check/").text
    own = prey.desk.people["pre-checker-b"]
    boss.post("/review/pre-check/reassign", case=prey.theirs.case, person=own, note="x")
    with prey.desk.office.work() as session:
        held = session.execute(
            text("SELECT claimed_by_id FROM application WHERE id = :id"), {"id": prey.theirs.case}
        ).scalar()
    assert held is None


def connect(prey: Prey, scope: str | None) -> psycopg.Connection[tuple[Any, ...]]:
    """The database under the application's role, with a scope as an attacker may have set it."""
    connection = psycopg.connect(prey.database.app_url.replace("postgresql+psycopg", "postgresql"), autocommit=True)
    if scope is not None:
        connection.execute("SELECT set_config('workbench.scope', %s, false)", [scope])
    return connection


@pytest.mark.parametrize("scope", [None, "", "0", "-1", "99999"])
@pytest.mark.parametrize(
    "table",
    [*CASE_TABLES, *OF_CASE, *OF_HOUSE, *OF_AUTHORITY, "case_decider", "case_clock", "enterprise", "audit_entry"],
)
def test_without_a_good_scope_plain_sql_sees_nothing(prey: Prey, scope: str | None, table: str) -> None:
    with connect(prey, scope) as connection:
        found = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        assert found == (0,)
        changed = connection.execute(f"DELETE FROM {table}") if table in {"mark", "page", "holder"} else None
        assert changed is None or changed.rowcount == 0


@pytest.mark.parametrize("scope", ["*,1", "1;2", "abc", "1 OR true", "{1,2}", "NULL", "**", " *", "1,", "*\n"])
def test_a_malformed_scope_is_an_error_or_nothing(prey: Prey, scope: str) -> None:
    with connect(prey, scope) as connection:
        for statement in ("SELECT count(*) FROM application", "SELECT count(*) FROM search_applications('甲', 9)"):
            try:
                found = connection.execute(statement).fetchone()
            except psycopg.errors.DataError:
                continue
            assert found == (0,), statement


def test_mail_about_a_case_is_fenced_like_the_case(prey: Prey) -> None:
    office = prey.desk.office
    for place, target, other in ((0, prey.own, prey.theirs), (1, prey.theirs, prey.own)):
        with connect(prey, str(office.authority_ids[place])) as connection:
            seen = {row[0] for row in connection.execute("SELECT case_id FROM outbox_message")}
            assert target.case in seen
            assert other.case not in seen
    with office.work() as session:
        numbers = session.execute(
            text("SELECT number FROM application WHERE authority_id = :a"), {"a": office.authority_ids[1]}
        ).scalars()
        shown = prey.desk.browser("administrator").get("/operations/mail/").text
        assert any(number in shown for number in numbers)


@pytest.mark.parametrize(
    "statement",
    [
        "SET ROLE postgres",
        "SELECT rolpassword FROM pg_authid",
        "CREATE TABLE public.stolen AS SELECT 1 AS x",
        "CREATE FUNCTION public.lower(text) RETURNS text LANGUAGE sql AS 'SELECT $1'",
        "CREATE SCHEMA stolen",
        "ALTER TABLE application DISABLE ROW LEVEL SECURITY",
        "DROP POLICY by_authority ON application",
        "ALTER TABLE audit_entry DISABLE TRIGGER ALL",
        "SET session_replication_role = replica",
        "DROP TRIGGER only_grows ON audit_entry",
        "TRUNCATE audit_entry",
        "DELETE FROM audit_entry",
        "UPDATE audit_entry SET actor = 'x'",
        "UPDATE case_event SET actor = 'x'",
        "DELETE FROM audit_checkpoint",
        "COPY application TO PROGRAM 'cat'",
        "SELECT pg_read_file('/etc/passwd')",
        "ALTER FUNCTION search_applications(text, integer) SECURITY INVOKER",
        "CREATE OR REPLACE FUNCTION search_grams(value text) RETURNS text[] LANGUAGE sql AS 'SELECT NULL'",
        "CREATE ROLE mighty SUPERUSER",
    ],
)
def test_the_applications_role_cannot_climb(prey: Prey, statement: str) -> None:
    with connect(prey, "*") as connection, pytest.raises(psycopg.Error) as refused:
        connection.execute(statement)
    assert refused.value.sqlstate == "42501", "a missing privilege or the trigger, not an accident"


def test_functions_that_see_past_the_fence_cannot_be_led_astray(prey: Prey) -> None:
    """A temporary table or function of the attacker's stands before none of theirs."""
    mine = str(prey.desk.office.authority_ids[0])
    with connect(prey, mine) as connection:
        connection.execute("CREATE TEMP TABLE application (id bigint, search_text text, authority_id bigint)")
        connection.execute("INSERT INTO pg_temp.application VALUES (666, '甲', %s)", [mine])
        connection.execute("SET search_path = pg_temp, public")
        found = {row[0] for row in connection.execute("SELECT public.search_applications('甲', 99)")}
        assert found == {prey.own.case}
    definers = {row[0]: row[1] for row in _definers(prey)}
    searches = {"search_applications", "search_certificates"}
    assert set(definers) == {*searches, "enterprise_id_for", "own_cases", "follow_custody"}
    assert all("search_path=public, pg_temp" in (settings or []) for settings in definers.values())


def _definers(prey: Prey) -> list[tuple[Any, ...]]:
    with connect(prey, None) as connection:
        return connection.execute(
            "SELECT proname, proconfig FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace"
        ).fetchall()


def test_rows_cannot_be_moved_to_or_planted_at_another_authority(prey: Prey) -> None:
    office = prey.desk.office
    mine = Scope(frozenset({office.authority_ids[0]}))
    with pytest.raises(DBAPIError), office.work(mine) as session:
        session.execute(text("UPDATE attachment SET authority_id = :a"), {"a": office.authority_ids[1]})
    with office.work(mine) as session:
        assert session.get(Attachment, prey.theirs.attachment) is None
