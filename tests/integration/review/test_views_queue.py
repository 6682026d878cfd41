"""The lists of cases over HTTP: what they show to whom, what stands in the address, claiming and reassigning."""

import re

from html5lib import HTMLParser

from tests.integration.review.desk import Desk
from tests.integration.review.screens import desk
from workbench.cases.words import Service
from workbench.kernel.identity import Role

__all__ = ["desk"]

HANDLERS = re.compile(r"""<[^>]*\s(?:on[a-z]+|style)\s*=|javascript:""", re.IGNORECASE)


def test_the_queue_shows_own_cases_and_no_other_authoritys(desk: Desk) -> None:
    own = desk.office.submit(desk.office.facts(enterprise_name="示例本地有限公司"))
    desk.office.submit(desk.office.facts(authority=1, enterprise_name="示例外地有限公司"))
    page = desk.browser("clerk").get("/review/pre-check/")
    assert page.status_code == 200
    assert f"/review/cases/{own}" in page.text
    assert "示例本地有限公司" in page.text
    assert "示例外地有限公司" not in page.text


def test_pages_are_valid_and_carry_no_handlers(desk: Desk) -> None:
    case = desk.office.submit()
    clerk = desk.browser("clerk")
    clerk.post(f"/review/cases/{case}/claim")
    for path in ("/review/pre-check/", "/cases/", f"/review/cases/{case}", "/desk/"):
        page = clerk.get(path).text
        HTMLParser(strict=True).parse(page)
        assert not HANDLERS.search(page), path


def test_filters_live_in_the_address_and_search_takes_any_character(desk: Desk) -> None:
    desk.office.submit(desk.office.facts(Service.REPLACEMENT, enterprise_name="示例补办有限公司"))
    desk.office.submit(desk.office.facts(enterprise_name="示例新办有限公司"))
    clerk = desk.browser("clerk")
    narrowed = clerk.get("/review/pre-check/?service=replacement").text
    assert "示例补办有限公司" in narrowed
    assert "示例新办有限公司" not in narrowed
    for odd in ("%", "_", ".", "/", "'", "\\", "\x00", "((", "示例新"):
        answer = clerk.get("/review/pre-check/", query_string={"q": odd})
        assert answer.status_code == 200, odd
    assert "示例新办有限公司" in clerk.get("/review/pre-check/", query_string={"q": "新办"}).text
    assert clerk.get("/review/pre-check/?service=nonsense&after=nonsense&authority=x").status_code == 200


def test_an_empty_list_says_why(desk: Desk) -> None:
    clerk = desk.browser("clerk")
    assert "Nothing waits at this desk" in clerk.get("/review/pre-check/").text
    assert "No case matches these filters" in clerk.get("/review/pre-check/?service=renewal").text


def test_fifty_rows_stay_small_and_the_rest_is_a_page_on(desk: Desk) -> None:
    for _ in range(53):
        desk.office.submit()
    clerk = desk.browser("clerk")
    first = clerk.get("/review/pre-check/")
    assert first.text.count("data-open-case") == 50
    assert len(first.data) < 60_000
    following = re.search(r'rel="next" href="([^"]+)"', first.text)
    assert following
    second = clerk.get(following.group(1).replace("&amp;", "&")).text
    assert second.count("data-open-case") == 3
    assert 'rel="prev"' in second


def test_queues_are_for_those_who_work_or_supervise_there(desk: Desk) -> None:
    desk.hire("maker", Role.KEY_MAKER)
    assert desk.browser("clerk").get("/review/re-check/").status_code == 403
    assert desk.browser("checker").get("/review/pre-check/").status_code == 403
    assert desk.browser("maker").get("/review/pre-check/").status_code == 403
    assert desk.browser("boss").get("/review/pre-check/").status_code == 200
    assert desk.browser("maker").get("/cases/").status_code == 200


def test_next_claims_and_two_people_never_get_the_same(desk: Desk) -> None:
    desk.hire("second", Role.PRE_CHECKER, 0)
    desk.office.submit()
    desk.office.submit()
    first = desk.browser("clerk").post("/review/pre-check/next")
    second = desk.browser("second").post("/review/pre-check/next")
    assert first.status_code == second.status_code == 303
    assert "/review/cases/" in first.location
    assert first.location != second.location
    third = desk.browser("clerk").post("/review/pre-check/next")
    assert third.location.endswith("/review/pre-check/")


def test_a_supervisor_claims_nothing_but_reassigns_with_a_note(desk: Desk) -> None:
    case = desk.office.submit()
    boss = desk.browser("boss")
    assert boss.post("/review/pre-check/next").status_code == 403
    assert "Workload" in boss.get("/review/pre-check/").text
    person = desk.people["clerk"]
    boss.post("/review/pre-check/reassign", case=case, person=person, note="")
    assert "Select at least one case, a person and a note." in boss.get("/review/pre-check/").text
    moved = boss.post("/review/pre-check/reassign", case=case, person=person, note="Holiday cover")
    assert moved.status_code == 303
    assert "1 case reassigned" in boss.get("/review/pre-check/").text
    assert "示例clerk" in boss.get(f"/review/cases/{case}").text


def test_reassigning_is_the_supervisors_and_stays_inside_the_authority(desk: Desk) -> None:
    foreign = desk.office.submit(desk.office.facts(authority=1))
    values = {"person": desk.people["clerk"], "note": "x"}
    assert desk.browser("clerk").post("/review/pre-check/reassign", case=foreign, **values).status_code == 403
    boss = desk.browser("boss")
    boss.post("/review/pre-check/reassign", case=foreign, **values)
    assert "Not reassigned" in boss.get("/review/pre-check/").text
    not_own = {"case": desk.office.submit(), "person": desk.people["stranger"], "note": "x"}
    boss.post("/review/pre-check/reassign", **not_own)
    assert "Select at least one case, a person and a note." in boss.get("/review/pre-check/").text


def test_the_first_page_shows_the_persons_day(desk: Desk) -> None:
    desk.office.submit()
    page = desk.browser("clerk").get("/desk/").text
    assert "My desk" in page
    assert "day-chart" in page
    assert "My desk" not in desk.browser("boss").get("/desk/").text


def test_the_first_page_shows_a_supervisor_how_the_desks_stand(desk: Desk) -> None:
    mine, foreign = desk.office.submit(), desk.office.submit(desk.office.facts(authority=1))
    desk.hire("auditor", Role.AUDITOR)
    desk.hire("both", Role.VENDOR_SUPERVISOR)
    desk.browser("clerk").post(f"/review/cases/{mine}/claim")
    boss = desk.browser("boss").get("/desk/").text
    HTMLParser(strict=True).parse(boss)
    assert "The desks" in boss
    assert f"/review/cases/{mine}" in boss
    assert f"/review/cases/{foreign}" not in boss
    assert re.search(r'示例clerk</td><td class="number">1</td><td class="number">0</td>', boss)
    assert "示例stranger" not in boss
    assert "/review/pre-check/?due=overdue" in boss
    auditor = desk.browser("auditor").get("/desk/").text
    assert "The desks" in auditor
    assert "/review/re-check/?due=today" in auditor
    assert "示例clerk" not in auditor
    assert "示例checker" in desk.browser("both").get("/desk/").text
    assert "The desks" not in desk.browser("clerk").get("/desk/").text
