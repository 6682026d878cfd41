"""An applicant tries every address with another's ids, a site with another's numbers, and plain SQL under both scopes:
what is not theirs is not there, and nothing tells it from what never was."""

import uuid
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from werkzeug.routing import Rule

from tests.integration.security.front_door import CODE, NOBODYS, Belongings, Front, shape
from tests.support.database import Database

OTHER_ROOMS = {"portal", "static", "frame", "health", "entrance", "language"}
WRITES = ("POST", "PUT")
NEEDS = {"draft_id", "number"}
BODY: dict[str, Any] = {
    "slot": "business_licence",
    "name": "a.pdf",
    "size": 10,
    "values": {"address": "x"},
    "version": 1,
    "agreed": "yes",
    "page": "0",
    "place": "0",
    "go": "next",
    "answer": "x",
}


def rules(front: Front) -> list[Rule]:
    """The front door's addresses that name somebody's form or case."""
    found = [
        rule
        for rule in front.app.url_map.iter_rules()
        if rule.endpoint.startswith("portal.") and rule.arguments & NEEDS
    ]
    return sorted(found, key=lambda rule: (rule.rule, rule.endpoint))


def address(front: Front, rule: Rule, belongings: Belongings, **other: Any) -> str:
    values = {**belongings.as_arguments(), **other}
    adapter = front.app.url_map.bind("localhost")
    method = next(iter((rule.methods or set()) - {"HEAD", "OPTIONS"}))
    return str(adapter.build(rule.endpoint, {name: values[name] for name in rule.arguments}, method=method))


def nobodys(belongings: Belongings) -> Belongings:
    return replace(
        belongings, draft=NOBODYS, file=NOBODYS, upload=uuid.uuid4(), number=f"EK{NOBODYS:013d}", page=NOBODYS
    )


def ask(front: Front, method: str, path: str, *, scripted: bool) -> Any:
    counter = front.mine
    headers = {"Accept": "application/json", "X-CSRFToken": counter.token, "Upload-Offset": "0"}
    if method == "GET":
        return counter.client.get(path)
    if method == "PUT":
        return counter.client.put(path, data=b"x", headers=headers)
    return counter.client.post(path, json=BODY, headers=headers) if scripted else counter.post(path, **_form())


def _form() -> dict[str, str]:
    return {name: str(value) for name, value in BODY.items() if not isinstance(value, dict)}


@pytest.mark.parametrize("scripted", [False, True])
def test_no_address_tells_anothers_form_or_case_from_none(front: Front, scripted: bool) -> None:
    walked = 0
    for rule in rules(front):
        for method in ("GET", *WRITES):
            if method not in (rule.methods or ()):
                continue
            there, nowhere = (address(front, rule, each) for each in (front.prey, nobodys(front.prey)))
            found, missing = (ask(front, method, path, scripted=scripted) for path in (there, nowhere))
            refused = {404} if scripted == rule.rule.endswith("/uploads") else {400, 404}  # else a body of another kind
            assert found.status_code in refused, (method, there, found.status_code)
            assert shape(found, there) == shape(missing, nowhere), (method, rule.rule)
            walked += 1
    assert walked >= 30, "the walk reaches every form of every address"


def test_anothers_file_upload_or_page_is_not_found_under_ones_own_form_or_case(front: Front) -> None:
    walked = 0
    for rule in rules(front):
        inner = rule.arguments & {"file_id", "upload_id", "page_id"}
        if not inner:
            continue
        theirs = {name: front.prey.as_arguments()[name] for name in inner}
        never = {name: nobodys(front.prey).as_arguments()[name] for name in inner}
        for method in sorted({"GET", *WRITES} & (rule.methods or set())):
            there, nowhere = (address(front, rule, front.own, **each) for each in (theirs, never))
            found, missing = (ask(front, method, path, scripted=False) for path in (there, nowhere))
            assert found.status_code == 404, (method, there)
            assert shape(found, there) == shape(missing, nowhere), there
            walked += 1
    assert walked >= 10


def test_the_same_addresses_answer_for_the_own_belongings(front: Front) -> None:
    """Otherwise the walks above prove nothing."""
    answered = {}
    for rule in rules(front):
        if "GET" in (rule.methods or ()):
            answered[rule.endpoint] = front.mine.client.get(address(front, rule, front.own)).status_code
    good = {endpoint for endpoint, status in answered.items() if status == 200}
    assert good >= {
        "portal.step", "portal.discard", "portal.papers", "portal.upload", "portal.confirm", "portal.case",
        "portal.paper_image", "portal.paper_thumbnail",
    }, answered  # fmt: skip


def test_an_applicant_opens_no_desk_and_no_interface(front: Front) -> None:
    walked = 0
    adapter = front.app.url_map.bind("localhost")
    values: dict[str, Any] = {
        "case_id": front.own.case, "application_id": front.own.case, "page_id": front.own.page, "attachment_id": 1,
        "staff_id": 1, "site_id": front.site.id, "key_id": 1, "delivery_id": 1, "message_id": 1, "job_id": 1,
        "number": front.own.number, "service": "new",
    }  # fmt: skip
    for rule in front.app.url_map.iter_rules():
        room = rule.endpoint.partition(".")[0]
        if (
            # The embedded authority's lists and answers are for whoever checks a certificate.
            room in {"portal", "static", "frame", "health", "entrance", "language", "ca"}
            or not rule.arguments <= values.keys()
        ):
            continue
        if rule.endpoint in {"health", "api.describe"} or rule.arguments & {"filename"}:
            continue
        path = str(adapter.build(rule.endpoint, {name: values[name] for name in rule.arguments}))
        for method in sorted({"GET", "POST"} & (rule.methods or set())):
            answer = front.mine.client.open(path, method=method, headers={"X-CSRFToken": front.mine.token})
            led_away = answer.status_code == 303 and answer.location.startswith("/sign-in")
            assert led_away or answer.status_code in {401, 403, 404}, (method, path, answer.status_code)
            walked += 1
    assert walked >= 60


def test_a_site_tells_no_other_sites_case_from_none(front: Front) -> None:
    client, paths = front.app.test_client(), ("", "/resubmissions", "/withdrawal")
    for end in paths:
        answers = []
        for number in (front.other_site.number, front.prey.number, f"EK{NOBODYS:013d}"):
            path = f"/api/v1/applications/{number}{end}"
            send = client.post if end else client.get
            headers = front.site.headers(**({"Idempotency-Key": "x"} if end else {}))
            answers.append(shape(send(path, headers=headers), path))
        assert answers[0][0] == 404, end
        assert answers[0] == answers[1] == answers[2], end
    listed = client.get("/api/v1/applications", headers=front.site.headers()).get_json()
    assert front.site.number in str(listed)
    assert front.other_site.number not in str(listed)


def test_a_key_opens_no_page_and_a_cookie_no_interface(front: Front) -> None:
    with_key = front.app.test_client().get("/applications", headers=front.site.headers())
    assert (with_key.status_code, with_key.location.split("?")[0]) == (303, "/entrance")
    assert front.mine.client.get("/api/v1/applications").status_code == 401
    assert front.mine.client.get("/desk/registration-sites/", headers=front.site.headers()).status_code == 303


def connect(database: Database, *, scope: str = "", applicant: int | None = None) -> psycopg.Connection[Any]:
    """The database under the application's role, as a hole in a page would reach it."""
    connection = psycopg.connect(database.app_url.replace("postgresql+psycopg", "postgresql"), autocommit=True)
    settings = [scope, "" if applicant is None else str(applicant)]
    connection.execute(
        "SELECT set_config('workbench.scope', %s, false), set_config('workbench.applicant', %s, false)", settings
    )
    return connection


CLOSED = ("staff", "registration", "api_key", "spent_token", "certificate", "audit_entry", "webhook", "case_decider")
"""Nothing of these for an applicant."""


@pytest.mark.parametrize("table", CLOSED)
def test_plain_sql_of_an_applicant_reads_no_secret(front: Front, table: str) -> None:
    with connect(front.database, scope="*") as everything:
        filled = everything.execute(f"SELECT count(*) FROM {table}").fetchone()
    with connect(front.database, applicant=front.mine.applicant.id) as connection:
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    if table in {"staff", "api_key", "audit_entry"}:
        assert filled is not None
        assert filled[0] > 0, "there was something to be read"


def test_plain_sql_of_an_applicant_reads_the_own_account_and_rows_alone(front: Front) -> None:
    me = front.mine.applicant.id
    with connect(front.database, applicant=me) as connection:
        assert connection.execute("SELECT array_agg(id) FROM applicant").fetchone() == ([me],)
        for table in ("application", "draft", "draft_file", "upload"):
            owners = connection.execute(f"SELECT DISTINCT applicant_id FROM {table}").fetchall()
            assert owners == [(me,)], table
        assert connection.execute("SELECT count(*) FROM enterprise WHERE uscc <> %s", [CODE]).fetchone() == (0,)
        changed = connection.execute("UPDATE staff SET password_hash = 'x'").rowcount
        changed += connection.execute("UPDATE applicant SET password_hash = 'x' WHERE id <> %s", [me]).rowcount
        assert changed == 0
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(
                "INSERT INTO api_key (applicant_id, sha256, hint, scopes, created_at, created_by)"
                " VALUES (%s, 'x', 'x', '{read}', now(), 'x')",
                [front.site.id],
            )


@pytest.mark.parametrize("scope", ["", "1"])
def test_links_in_mail_about_accounts_are_read_by_the_house_alone(front: Front, scope: str) -> None:
    with connect(front.database, scope="*") as connection:
        connection.execute(
            "INSERT INTO outbox_message (event, recipient, subject, body, created_at)"
            " VALUES (%s, 'a@example.invalid', 'x', '/password/reset/secret', now())",
            [f"applicant:0:reset:{scope}"],
        )
    wanted = "SELECT count(*) FROM outbox_message WHERE body LIKE '%%/password/reset/%%'"
    for applicant in (None, front.mine.applicant.id):
        with connect(front.database, scope=scope, applicant=applicant) as connection:
            assert connection.execute(wanted).fetchone() == (0,)
    with connect(front.database, scope="*") as connection:
        assert connection.execute(wanted).fetchone() != (0,)
