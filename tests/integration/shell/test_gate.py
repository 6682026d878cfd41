"""Closed unless declared; rows outside the scope do not exist; every write is audited."""

from sqlalchemy import select

from tests.integration.shell.conftest import CLERK, Shell
from workbench.kernel.audit import AuditEntry
from workbench.kernel.parts import Parts
from workbench.organisation.models import Authority

NEW = {
    "code": "990001",
    "name_zh": "示例机构",
    "short_zh": "示例",
    "name_en": "Sample",
    "kind": "province",
    "position": "9",
    "active": "y",
}


def test_strangers_go_to_the_sign_in_and_come_back(shell: Shell) -> None:
    shell.actor = None
    answer = shell.client().get("/desk/bench/?page=2")
    assert answer.status_code == 303
    assert answer.location == "/sign-in?next=%2Fdesk%2Fbench%2F%3Fpage%3D2"


def test_a_view_without_permission_is_closed_to_everybody(shell: Shell) -> None:
    assert shell.client().get("/desk/undeclared/").status_code == 403


def test_a_method_may_ask_for_another_permission_than_its_view(shell: Shell) -> None:
    assert shell.client().get("/desk/bench/").status_code == 200
    assert shell.client().get("/desk/bench/auditors").status_code == 403


def test_the_wrong_role_is_refused(shell: Shell) -> None:
    shell.actor = CLERK
    assert shell.client().get("/desk/authorities/").status_code == 403


def test_a_type_error_is_raised_once_and_says_nothing_inside(shell: Shell) -> None:
    shell.calls.clear()
    answer = shell.client().get("/desk/bench/type-error")
    assert answer.status_code == 500
    assert shell.calls == ["type-error"]
    assert "secret inside" not in answer.get_data(as_text=True)


def test_rows_outside_the_scope_are_neither_listed_nor_counted_nor_found(shell: Shell) -> None:
    client = shell.client()
    page = client.get("/desk/authorities/").get_data(as_text=True)
    assert "北京市商务局" in page
    assert "新疆生产建设兵团商务局" not in page
    assert "共10条" in page
    for path in ("details", "edit"):
        assert client.get(f"/desk/authorities/{path}/?id=1").status_code == 200
        assert client.get(f"/desk/authorities/{path}/?id=20").status_code == 404
    headers = {"X-CSRFToken": shell.token(client)}
    assert client.post("/desk/authorities/edit/?id=20", data=NEW, headers=headers).status_code == 404
    assert client.post("/desk/authorities/delete/", data={"id": "20"}, headers=headers).status_code == 404
    assert client.get("/desk/authorities/details/?id=x'").status_code == 404


def test_what_is_switched_off_does_not_exist(shell: Shell) -> None:
    client = shell.client()
    headers = {"X-CSRFToken": shell.token(client)}
    for path in ("new/", "edit/?id=1", "details/?id=1", "export/csv/", "ajax/lookup/?name=x"):
        assert client.get(f"/desk/read-only/{path}").status_code == 404, path
    for path in ("delete/", "action/", "ajax/update/"):
        assert client.post(f"/desk/read-only/{path}", data={"id": "1"}, headers=headers).status_code == 404, path


def test_each_write_leaves_one_audit_entry_with_before_and_after(shell: Shell, shell_parts: Parts) -> None:
    client = shell.client()
    headers = {"X-CSRFToken": shell.token(client)}
    assert client.post("/desk/authorities/new/", data=NEW, headers=headers).status_code == 302
    with shell_parts.work() as session:
        made = session.scalars(select(Authority).where(Authority.code == "990001")).one().id
    changed = NEW | {"name_en": "Changed"}
    assert client.post(f"/desk/authorities/edit/?id={made}", data=changed, headers=headers).status_code == 302
    assert client.post("/desk/authorities/delete/", data={"id": str(made)}, headers=headers).status_code == 302
    with shell_parts.work() as session:
        entries = session.scalars(
            select(AuditEntry).where(AuditEntry.subject == f"authority:{made}").order_by(AuditEntry.seq)
        ).all()
        assert [entry.action for entry in entries] == ["authority.created", "authority.changed", "authority.deleted"]
        assert (entries[1].before, entries[1].after) == ({"name_en": "Sample"}, {"name_en": "Changed"})
        assert entries[2].before is not None
        assert entries[2].before["code"] == "990001"
        assert {entry.actor for entry in entries} == {"staff:1"}
        assert all(entry.request_id for entry in entries)
        assert session.get(Authority, made) is None


def test_a_clash_is_said_in_words_and_saves_nothing(shell: Shell, shell_parts: Parts) -> None:
    client = shell.client()
    headers = {"X-CSRFToken": shell.token(client)}
    clash = NEW | {"code": "120000"}
    answer = client.post("/desk/authorities/edit/?id=1", data=clash, headers=headers)
    assert answer.status_code == 200
    with shell_parts.work() as session:
        assert session.get_one(Authority, 1).code == "110000"
        assert not session.scalars(
            select(AuditEntry).where(AuditEntry.action == "authority.changed", AuditEntry.subject == "authority:1")
        ).all()


def test_the_rail_and_its_counts_show_only_what_one_may_enter(shell: Shell) -> None:
    client = shell.client()
    page = client.get("/desk/").get_data(as_text=True)
    assert "For auditors" not in page
    assert client.get("/desk/counts").get_json() == {"bench.index": 3}
