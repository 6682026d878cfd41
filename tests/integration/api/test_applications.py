"""Applications through the interface: in whole or not at all, once, and told back as the desks decided."""

import io
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, text

from tests.integration.api.conftest import PDF, Site, facts, opened, papers
from tests.support.casework import DOCUMENTS, IDENTITY, Office, open_office
from tests.support.database import TestServer
from workbench import create_app
from workbench.api.models import ApiRequest
from workbench.cases.models import Application
from workbench.cases.service import get_case
from workbench.cases.words import Desk, Verdict
from workbench.kernel.audit import AuditEntry
from workbench.kernel.parts import Parts
from workbench.organisation.models import PickupSite
from workbench.review import service as review
from workbench.review.marking import Finding, mark
from workbench.review.marks import MarkValue


@pytest.fixture(scope="module")
def parts(database_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    """One database for all of these: each test has sites of its own."""
    database = database_server.copy()
    with opened(database, tmp_path_factory.mktemp("var")) as parts:
        yield parts
    database_server.drop(database)


@pytest.fixture(scope="module")
def office(parts: Parts) -> Office:
    return open_office(parts.engine, parts.settings.key_dir)


@pytest.fixture(scope="module")
def app(parts: Parts, office: Office) -> Flask:
    return create_app(parts=parts)


def id_of(parts: Parts, number: str) -> int:
    with parts.work() as session:
        return session.scalars(select(Application.id).where(Application.number == number)).one()


def cases(parts: Parts, *sites: Site) -> int:
    with parts.work() as session:
        own = Application.applicant_id.in_([site.id for site in sites])
        return session.scalar(select(func.count(Application.id)).where(own)) or 0


def pointers(problem: Any) -> set[str]:
    return {each["pointer"] for each in problem["errors"]}


def test_a_case_is_made_and_told_back_without_what_must_not_be_shown(site: Site, parts: Parts, office: Office) -> None:
    with parts.work() as session:
        session.add(PickupSite(authority_id=office.authority_ids[0], name="示例大厅", address="示例路 1 号"))
    sent = facts(1, pickup_site="示例大厅", form={"telephone": "010-00000000"})
    sent["files"][0]["name"] = "申请表.pdf"
    made = site.post(sent, papers(), "one")
    assert made.status_code == 201
    assert made.json["state"] == "pre_check"
    assert made.headers["Location"] == f"/api/v1/applications/{made.json['number']}"
    told = site.get(f"/applications/{made.json['number']}")
    assert IDENTITY not in told.text
    case = told.json
    assert case["holder"]["identity_number_masked"] == "1****************8"
    assert case["pickup_site"]["address"] == "示例路 1 号"
    assert case["form"]["telephone"] == "010-00000000"
    assert [each["document"] for each in case["attachments"]] == sorted(DOCUMENTS)
    assert {each["name"] for each in case["attachments"]} >= {"申请表.pdf"}
    assert [each["event"] for each in case["events"]] == ["submitted"]
    assert case["remarks"] == []
    with parts.work() as session:
        application = session.scalars(select(Application).where(Application.number == case["number"])).one()
        assert (application.channel, application.applicant_id) == ("api", site.id)
        own = AuditEntry.case_id == application.id
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "case.submitted", own)).one()
        assert (entry.actor, entry.actor_name) == (f"enterprise:{site.id}", site.name)


def test_every_problem_is_told_at_once_and_nothing_is_kept(site: Site, parts: Parts) -> None:
    sent = facts(1, service="replacement", authority="000000", reason="遗失")
    sent["enterprise"]["uscc"] = "9" * 18
    sent["holder"]["email"] = "nobody"
    sent["files"] = [{"document": "application_form", "part": "a"}, {"document": "unheard_of", "part": "b"}]
    answer = site.post(sent, {"a": b"MZ no paper", "b": PDF}, "one")
    assert answer.status_code == 422
    assert pointers(answer.json) == {
        "/authority",
        "/enterprise/uscc",
        "/holder/email",
        "/prior_key",
        "/files/0",
        "/files/1/document",
        "/files",
    }
    assert cases(parts, site) == 0
    assert site.post(facts(1), papers(), "one").status_code == 201, "a refused request leaves its key free"


def test_shapes_are_refused_with_their_places(site: Site) -> None:
    sent = facts(1, colour="red", authority="12", files=[])
    sent["holder"].pop("mobile")
    answer = site.post(sent, papers(), "one")
    assert answer.status_code == 422
    assert pointers(answer.json) == {"/colour", "/authority", "/files", "/holder/mobile"}


def test_parts_and_names_have_to_fit(site: Site) -> None:
    sent = facts(1)
    sent["files"][1]["part"] = "application_form"
    answer = site.post(sent, papers("application_form", "business_licence"), "one")
    assert answer.status_code == 422
    assert pointers(answer.json) == {"/files/1/part", "/files/2/part", "/files"}


def test_sent_twice_is_taken_once(site: Site, parts: Parts) -> None:
    first = site.post(facts(1), papers(), "same")
    second = site.post(facts(1), papers(), "same")
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json == second.json
    assert first.headers["Location"] == second.headers["Location"]
    assert [each.headers["Idempotency-Replayed"] for each in (first, second)] == ["false", "true"]
    assert cases(parts, site) == 1
    other = site.post(facts(2), papers(), "same")
    assert other.status_code == 409
    assert cases(parts, site) == 1


def test_a_changed_file_is_another_request(site: Site) -> None:
    assert site.post(facts(1), papers(), "same").status_code == 201
    assert site.post(facts(1), {**papers(), "user_id_card": PDF + b"\n"}, "same").status_code == 409


def test_two_sites_may_use_the_same_key(site: Site, other_site: Site, parts: Parts) -> None:
    assert site.post(facts(1), papers(), "same").status_code == 201
    assert other_site.post(facts(2), papers(), "same").status_code == 201
    assert cases(parts, site, other_site) == 2


def test_sent_at_once_by_many_is_taken_once(site: Site, parts: Parts) -> None:
    def send(_: int) -> tuple[int, Any]:
        answer = site.app.test_client().post(
            "/api/v1/applications",
            headers={"Authorization": f"Bearer {site.value}", "Idempotency-Key": "same"},
            data={"application": json.dumps(facts(1)), **_files()},
        )
        return answer.status_code, answer.json

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(8)))
    assert [status for status, _ in answers] == [201] * 8
    assert len({answer["number"] for _, answer in answers}) == 1
    assert cases(parts, site) == 1


def _files() -> dict[str, Any]:
    return {code: (io.BytesIO(content), f"{code}.pdf") for code, content in papers().items()}


def test_the_answer_is_kept_with_the_case_or_not_at_all(
    site: Site, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(*_: object) -> None:
        raise RuntimeError("lost just before the end")

    with monkeypatch.context() as patch:
        patch.setattr("workbench.api.application_views.idempotency.keep", break_off)
        assert site.post(facts(1), papers(), "same").status_code == 500
    with parts.work() as session:
        own = ApiRequest.applicant_id == site.id
        assert session.scalar(select(func.count()).select_from(ApiRequest).where(own)) == 0
    assert cases(parts, site) == 0
    assert site.post(facts(1), papers(), "same").status_code == 201


def test_a_site_reaches_its_own_cases_alone(site: Site, other_site: Site) -> None:
    number = site.new_case(1)
    own = other_site.new_case(2)
    assert [each["number"] for each in other_site.get("/applications").json["applications"]] == [own]
    strange, unknown = other_site.get(f"/applications/{number}"), other_site.get("/applications/EK20260099999")
    assert (strange.status_code, unknown.status_code) == (404, 404)
    assert strange.json["detail"] == unknown.json["detail"]
    assert other_site.send("POST", f"/applications/{number}/withdrawal").status_code == 404
    answer = other_site.post({"keep": [], "files": []}, {}, "r", f"/applications/{number}/resubmissions")
    assert answer.status_code == 404
    assert site.get(f"/applications/{number}").json["state"] == "pre_check"


def test_the_list_pages_by_number_and_filters(site: Site, parts: Parts) -> None:
    numbers = [site.new_case(serial) for serial in range(1, 6)]
    first = site.get("/applications?limit=2").json
    second = site.get(f"/applications?limit=2&after={first['after']}").json
    last = site.get(f"/applications?limit=2&after={second['after']}").json
    seen = [each["number"] for page in (first, second, last) for each in page["applications"]]
    assert seen == numbers
    assert last["after"] is None
    assert site.send("POST", f"/applications/{numbers[3]}/withdrawal").status_code == 200
    withdrawn = site.get("/applications?state=withdrawn").json["applications"]
    assert [each["number"] for each in withdrawn] == [numbers[3]]
    since = withdrawn[0]["updated_at"]
    moved = site.get("/applications", query_string={"updated_since": since}).json["applications"]
    assert [each["number"] for each in moved] == [numbers[3]]


@pytest.mark.parametrize("query", ["state=lost", "limit=0", "limit=1&limit=2", "after=EK1", "updated_since=now", "q=1"])
def test_bad_parameters_are_named(site: Site, query: str) -> None:
    answer = site.get(f"/applications?{query}")
    assert answer.status_code == 400
    assert answer.json["errors"][0]["parameter"] == query.partition("=")[0]


def test_withdrawing_is_possible_before_the_first_verdict_and_harmless_twice(
    site: Site, parts: Parts, office: Office
) -> None:
    number, decided = site.new_case(1), site.new_case(2)
    for _ in range(2):
        answer = site.send("POST", f"/applications/{number}/withdrawal")
        assert (answer.status_code, answer.json["state"]) == (200, "withdrawn")
    office.decide(office.clerk(site.name), id_of(parts, decided), Verdict.FAILED)
    assert site.send("POST", f"/applications/{decided}/withdrawal").status_code == 409


def test_only_what_was_decided_is_told(site: Site, parts: Parts, office: Office) -> None:
    number = site.new_case(1)
    case_id, clerk = id_of(parts, number), office.clerk(site.name)
    with office.work(clerk) as session:
        review.open_review(session, clerk, case_id, Desk.PRE_CHECK)
        items = office.items(session, case_id, "business_licence")
        attachment, page = _page_of(session, case_id, "business_licence")
        region = {"page_id": page, "x": 0.1, "y": 0.2, "w": 0.3, "h": 0.1}
        version = get_case(session, clerk, case_id).version
        found = [Finding(items[0], MarkValue.FAULT, note="示例:看不清", region=region)]
        mark(session, clerk, case_id, found, seen_version=version)
        review.save_draft(session, clerk, case_id, "尚未发出的批语", seen_version=version)
    before = site.get(f"/applications/{number}")
    assert before.json["remarks"] == []
    assert "看不清" not in before.text
    assert "尚未发出" not in before.text
    with office.work(clerk) as session:
        version = get_case(session, clerk, case_id).version
        review.decide(session, clerk, case_id, Verdict.FAILED, "请重新扫描营业执照", seen_version=version)
    after = site.get(f"/applications/{number}").json
    assert (after["state"], after["due_at"]) == ("returned", None)
    [remark] = after["remarks"]
    assert (remark["desk"], remark["round"], remark["remark"]) == ("pre_check", 1, "请重新扫描营业执照")
    [document] = remark["documents"]
    [fault] = document["faults"]
    assert (document["document"], fault["note"]) == ("business_licence", "示例:看不清")
    assert fault["region"] == {"attachment": attachment, "page": 1, "x": 0.1, "y": 0.2, "w": 0.3, "h": 0.1}
    assert clerk.name not in json.dumps(after, ensure_ascii=False)


def _page_of(session: Any, case_id: int, code: str) -> tuple[int, int]:
    row = session.execute(
        text(
            "SELECT attachment.id, page.id FROM attachment JOIN page ON page.attachment_id = attachment.id "
            "WHERE attachment.application_id = :case AND document_code = :code"
        ),
        {"case": case_id, "code": code},
    ).one()
    return row[0], row[1]


def test_a_returned_case_comes_back_with_what_was_corrected(site: Site, parts: Parts, office: Office) -> None:
    number = site.new_case(1)
    path = f"/applications/{number}/resubmissions"
    early = site.post({"keep": [], "files": []}, {}, "early", path)
    assert early.status_code == 409
    office.decide(office.clerk(site.name), id_of(parts, number), Verdict.FAILED)
    files = {each["document"]: each["id"] for each in site.get(f"/applications/{number}").json["attachments"]}
    correction = {
        "keep": [files["business_licence"], files["user_id_card"]],
        "files": [{"document": "application_form", "part": "form"}],
        "answer": "已重新扫描",
        "form": {"telephone": "010-11111111"},
    }
    lacking = site.post({**correction, "keep": [files["user_id_card"], 999_999]}, {"form": PDF}, "again", path)
    assert lacking.status_code == 422
    assert pointers(lacking.json) == {"/keep/1", "/files"}
    first = site.post(correction, {"form": PDF}, "again", path)
    second = site.post(correction, {"form": PDF}, "again", path)
    assert (first.status_code, first.json["round"], first.json["state"]) == (201, 2, "pre_check")
    assert second.json == first.json
    case = site.get(f"/applications/{number}").json
    assert (case["round"], case["answer"], case["form"]["telephone"]) == (2, "已重新扫描", "010-11111111")
    assert {each["document"]: each["kept"] for each in case["attachments"]} == {
        "application_form": False,
        "business_licence": True,
        "user_id_card": True,
    }
    assert case["holder"]["identity_number_masked"] == "1****************8"
    assert len(case["remarks"]) == 1


def test_another_case_s_file_cannot_be_kept(site: Site, other_site: Site, parts: Parts, office: Office) -> None:
    number, strange = site.new_case(1), other_site.new_case(2)
    office.decide(office.clerk(site.name), id_of(parts, number), Verdict.FAILED)
    theirs = [each["id"] for each in other_site.get(f"/applications/{strange}").json["attachments"]]
    answer = site.post({"keep": theirs, "files": []}, {}, "k", f"/applications/{number}/resubmissions")
    assert answer.status_code == 422
    assert {"/keep/0", "/keep/1", "/keep/2"} <= pointers(answer.json)


def test_references_tell_what_can_be_sent(site: Site, parts: Parts, office: Office) -> None:
    with parts.work() as session:
        session.add(PickupSite(authority_id=office.authority_ids[1], name="示例大厅", address="示例路 2 号"))
        session.add(PickupSite(authority_id=office.authority_ids[1], name="旧址", address="x", active=False))
    found = site.get("/authorities").json["authorities"]
    assert [each["code"] for each in found] == ["990001", "990002"]
    assert [each["name"] for each in found[1]["pickup_sites"]] == ["示例大厅"]
    asked = site.get("/requirements?service=new&authority=990001").json
    assert [each["code"] for each in asked["documents"]] == list(DOCUMENTS)
    assert site.get("/requirements?service=new&authority=123456").status_code == 404
    assert site.get("/requirements").status_code == 400
