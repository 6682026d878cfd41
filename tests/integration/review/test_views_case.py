"""The case screen over HTTP: who may look and write, marks as JSON, verdicts with and without scripts, stale pages."""

import json
import re
from typing import Any

import pytest

from tests.integration.review.desk import Browser, Desk
from tests.integration.review.screens import desk
from tests.support.casework import IDENTITY
from workbench.kernel.identity import Role

__all__ = ["desk"]


def taken(desk: Desk, login: str = "clerk") -> tuple[Browser, int]:
    """A case in the hands of a clerk."""
    case = desk.office.submit()
    browser = desk.browser(login)
    assert browser.post(f"/review/cases/{case}/claim").status_code == 303
    return browser, case


def data_of(page: str) -> dict[str, Any]:
    """What the page tells its scripts."""
    found = re.search(r'id="case-data">(.*?)</script>', page, re.DOTALL)
    assert found
    told: dict[str, Any] = json.loads(found.group(1))
    return told


POSTS = ("claim", "release", "keep", "marks", "draft", "decide", "identity")


@pytest.mark.parametrize("verb", POSTS)
def test_another_authoritys_case_does_not_exist(desk: Desk, verb: str) -> None:
    case = desk.office.submit()
    stranger = desk.browser("stranger")
    body = {"marks": [{"item": 1, "value": "ok"}], "version": 1, "remark": "x", "verdict": "passed", "reason": "x"}
    assert stranger.get(f"/review/cases/{case}").status_code == 404
    answer = stranger.send(f"/review/cases/{case}/{verb}", body)
    assert answer.status_code == 404
    assert answer.content_type == "application/problem+json"
    assert desk.state(case) == "pre_check"


def test_a_reader_sees_why_nothing_can_be_marked(desk: Desk) -> None:
    browser, case = taken(desk)
    assert "Read only" not in browser.get(f"/review/cases/{case}").text
    for login, reason in (("boss", "does not decide them here"), ("checker", "does not decide them here")):
        page = desk.browser(login).get(f"/review/cases/{case}").text
        assert "Read only" in page
        assert reason in page
        assert data_of(page)["may"] == {"mark": False}
    desk.hire("second", Role.PRE_CHECKER, 0)
    assert "示例clerk has it in hand since" in desk.browser("second").get(f"/review/cases/{case}").text


def test_a_free_case_is_taken_before_it_is_marked(desk: Desk) -> None:
    case = desk.office.submit()
    clerk = desk.browser("clerk")
    page = clerk.get(f"/review/cases/{case}").text
    assert "Take this case" in page
    assert data_of(page)["may"] == {"mark": False}
    clerk.post(f"/review/cases/{case}/claim")
    assert data_of(clerk.get(f"/review/cases/{case}").text)["may"] == {"mark": True}
    clerk.post(f"/review/cases/{case}/release")
    assert "Take this case" in clerk.get(f"/review/cases/{case}").text


def test_looking_changes_nothing(desk: Desk) -> None:
    case = desk.office.submit()
    before = desk.version(case)
    desk.browser("clerk").get(f"/review/cases/{case}?document=nonsense&page=99999999999999999999")
    assert desk.version(case) == before
    assert "Take this case" in desk.browser("clerk").get(f"/review/cases/{case}").text


def test_marks_answer_with_what_is_open_and_the_faults_in_words(desk: Desk) -> None:
    browser, case = taken(desk)
    first, *rest = desk.items(case)
    marks = [{"item": first, "value": "fault", "note": "左下角"}, *({"item": each, "value": "ok"} for each in rest)]
    answer = browser.send(f"/review/cases/{case}/marks", {"marks": marks, "version": desk.version(case)})
    assert answer.status_code == 200
    assert answer.json is not None
    assert answer.json["blockers"]["failed"] == []
    assert [each["item"] for each in answer.json["blockers"]["passed"]] == [first]
    assert "左下角" in answer.json["composed"]
    told = data_of(browser.get(f"/review/cases/{case}").text)
    assert told["marks"][str(first)]["value"] == "fault"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"marks": "x", "version": 1},
        {"marks": [1], "version": 1},
        {"marks": [{"item": 1, "value": "ok"}] * 101, "version": 1},
    ],
)
def test_nonsense_is_refused_as_json(desk: Desk, body: dict[str, Any]) -> None:
    browser, case = taken(desk)
    answer = browser.send(f"/review/cases/{case}/marks", body)
    assert answer.status_code == 400
    assert answer.json is not None
    assert answer.json["detail"]


def test_a_verdict_without_scripts_saves_marks_and_goes_on_to_the_next(desk: Desk) -> None:
    browser, case = taken(desk)
    other = desk.office.submit()
    marks = {f"mark-{item}": "ok" for item in desk.items(case)}
    sent = {"verdict": "passed", "remark": "齐全", "version": desk.version(case), **marks}
    answer = browser.post(f"/review/cases/{case}/decide", **sent)
    assert answer.status_code == 303
    assert answer.location.endswith(f"/review/cases/{other}")
    assert desk.state(case) == "re_check"
    assert "Pre-check passed · next case" in browser.get(f"/review/cases/{other}").text


def test_a_refused_verdict_without_scripts_keeps_everything_and_says_why(desk: Desk) -> None:
    browser, case = taken(desk)
    first, *_ = desk.items(case)
    sent = {"verdict": "passed", "remark": "写了一半", "version": desk.version(case), f"mark-{first}": "ok"}
    assert browser.post(f"/review/cases/{case}/decide", **sent).status_code == 303
    page = browser.get(f"/review/cases/{case}").text
    assert "still open" in page
    assert "写了一半</textarea>" in page
    assert data_of(page)["marks"][str(first)]["value"] == "ok"
    assert desk.state(case) == "pre_check"


def test_a_verdict_by_script_names_what_is_open(desk: Desk) -> None:
    browser, case = taken(desk)
    body = {"verdict": "failed", "remark": "x", "version": desk.version(case)}
    answer = browser.send(f"/review/cases/{case}/decide", body)
    assert answer.status_code == 400
    assert answer.json is not None
    assert answer.json["blockers"]["failed"][0]["text"] == "Mark at least one fault first."
    desk.tick_all(browser, case)
    without = browser.send(f"/review/cases/{case}/decide", {**body, "verdict": "passed", "remark": "  "})
    assert without.status_code == 400
    assert desk.state(case) == "pre_check"


def test_a_double_click_decides_once_and_claims_one_next_case(desk: Desk) -> None:
    browser, case = taken(desk)
    desk.office.submit()
    desk.office.submit()
    desk.tick_all(browser, case)
    body = {"verdict": "passed", "remark": "齐全", "version": desk.version(case)}
    first = browser.send(f"/review/cases/{case}/decide", body)
    second = browser.send(f"/review/cases/{case}/decide", body)
    assert first.status_code == second.status_code == 200
    assert first.json == second.json
    assert "(2)" not in browser.get("/review/pre-check/?holder=mine").text
    assert browser.get("/review/pre-check/?holder=mine").text.count("data-open-case") == 1


def test_a_stale_page_learns_what_happened_and_keeps_the_remark(desk: Desk) -> None:
    browser, case = taken(desk)
    seen = desk.version(case)
    desk.tick_all(browser, case)
    assert browser.send(f"/review/cases/{case}/decide", {"verdict": "passed", "remark": "齐全", "version": seen}).json
    by_script = browser.send(f"/review/cases/{case}/decide", {"verdict": "failed", "remark": "晚了", "version": seen})
    assert by_script.status_code == 409
    assert by_script.json is not None
    assert "Pre-check passed" in by_script.json["happened"]
    marks = {"marks": [{"item": desk.items(case)[0], "value": "ok"}], "version": seen}
    assert browser.send(f"/review/cases/{case}/marks", marks).status_code == 409
    by_form = browser.post(f"/review/cases/{case}/decide", verdict="failed", remark="我写的批语", version=seen)
    assert by_form.status_code == 409
    assert "我写的批语" in by_form.text
    assert "Pre-check passed" in by_form.text


def test_two_desks_need_two_people_and_the_first_desks_marks_are_in_view(desk: Desk) -> None:
    browser, case = taken(desk)
    desk.tick_all(browser, case)
    browser.send(
        f"/review/cases/{case}/decide", {"verdict": "passed", "remark": "预审齐全", "version": desk.version(case)}
    )
    checker = desk.browser("checker")
    assert checker.post(f"/review/cases/{case}/claim").status_code == 303
    page = checker.get(f"/review/cases/{case}").text
    assert 'class="tag ok"' in page
    assert "预审齐全" in page
    desk.tick_all(checker, case)
    checker.send(f"/review/cases/{case}/decide", {"verdict": "passed", "remark": "同意", "version": desk.version(case)})
    assert desk.state(case) == "production"


def test_the_identity_number_is_masked_until_a_reason_is_given(desk: Desk) -> None:
    browser, case = taken(desk)
    assert IDENTITY not in browser.get(f"/review/cases/{case}").text
    assert browser.send(f"/review/cases/{case}/identity", {"reason": " "}).status_code == 400
    assert desk.browser("boss").send(f"/review/cases/{case}/identity", {"reason": "核对"}).status_code == 403
    assert browser.send(f"/review/cases/{case}/identity", {"reason": "核对"}).json == {"number": IDENTITY}


def test_drafts_and_activity_keep_the_case(desk: Desk) -> None:
    browser, case = taken(desk)
    assert browser.send(f"/review/cases/{case}/draft", {"remark": "写到这里"}).status_code == 200
    assert "写到这里</textarea>" in browser.get(f"/review/cases/{case}").text
    assert browser.send(f"/review/cases/{case}/keep").status_code == 200
    browser.post(f"/review/cases/{case}/release")
    assert browser.send(f"/review/cases/{case}/keep").status_code == 409
