"""The pages anybody may read: real dates if started today, the papers of the published list, the directory with its
filter, the contacts an administrator keeps, and the explanations, in both languages."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from html5lib import HTMLParser
from sqlalchemy import select

from tests.support.applicant import a_code, make_and_sign_in
from tests.support.casework import SYSTEM, Office
from tests.support.database import Database
from tests.support.desk import Desk, open_desk
from workbench.cases.models import ServiceDeadline
from workbench.cases.words import Service
from workbench.kernel.audit import AuditEntry
from workbench.kernel.clock import clock_at
from workbench.kernel.identity import Role
from workbench.organisation.models import Authority, PickupSite
from workbench.portal.front.contacts import seed_contacts
from workbench.portal.front.front_views import GUIDES
from workbench.portal.front.promises import promises_of
from workbench.portal.models import Contact

WEDNESDAY = datetime(2026, 9, 23, 3, 0, tzinfo=UTC)
"""Before the Mid-Autumn holiday and the make-up days around the National Day of 2026."""


@pytest.fixture
def door(fresh_database: Database, tmp_path: Path, office: Office) -> Iterator[Desk]:
    """The application over the office, with the first contacts."""
    with office.work() as session:
        seed_contacts(session, SYSTEM)
    with open_desk(fresh_database, tmp_path, office) as opened:
        yield opened


def page_of(client: FlaskClient, path: str, language: str = "en", status: int = 200) -> str:
    client.set_cookie("language", language)
    answer = client.get(path)
    assert answer.status_code == status, (path, answer.status_code)
    HTMLParser(strict=True).parse(answer.text)
    return answer.text


def open_site(office: Office, **changes: object) -> None:
    values = {
        "name": "示例大厅",
        "address": "示例路1号",
        "telephone": "000-00000000",
        "note": "第一行\n第二行",
    } | changes
    with office.work() as session:
        session.add(PickupSite(authority_id=office.authority_ids[0], opening_hours="工作日 9:00–11:30", **values))


def test_the_doors_tell_the_days_on_which_each_service_would_be_done(door: Desk) -> None:
    with clock_at(WEDNESDAY):
        page, chinese = (page_of(door.app.test_client(), "/", each) for each in ("en", "zh"))
    assert "If you send it in today, Wed 23 Sep" in page
    for day in ("Mon 28 Sep", "Sat 10 Oct", "Tue 29 Sep"):
        assert day in page, day
    assert "若今天（09-23 周三）提交" in chinese
    assert "放假" in chinese
    assert "provisional" not in page


def test_dates_follow_the_deadlines_an_administrator_set_and_say_when_they_are_provisional(office: Office) -> None:
    with office.work() as session:
        session.add(ServiceDeadline(service="new", clock="pre_check", days=1))
        session.flush()
        with clock_at(WEDNESDAY):
            promises = promises_of(session, Service.NEW)
            renewal = promises_of(session, Service.RENEWAL)
        assert (promises.pre_check.days, promises.pre_check.due.day.isoformat()) == (1, "2026-09-24")
        assert not promises.finished.due.provisional
        assert renewal.finished.days == 3
        with clock_at(datetime(2026, 12, 30, 3, 0, tzinfo=UTC)):
            late = promises_of(session, Service.REPLACEMENT)
        assert late.finished.due.provisional


def test_a_provisional_date_says_so_on_the_page(door: Desk) -> None:
    with clock_at(datetime(2026, 12, 30, 3, 0, tzinfo=UTC)):
        assert "provisional" in page_of(door.app.test_client(), "/")


def test_each_door_leads_a_stranger_to_the_right_next_step(door: Desk) -> None:
    page = page_of(door.app.test_client(), "/")
    apply, renew, replace = (part.split("</section>")[0] for part in page.split('<section class="door"')[1:])
    assert 'href="/register"' in apply
    assert 'href="/key"' in renew
    assert "/register" not in renew
    assert 'href="#sign-in"' in replace
    assert page.count('id="sign-in"') == 1
    assert 'name="captcha_token"' in page


def test_the_papers_of_the_list_in_force_stand_on_the_page(door: Desk) -> None:
    page = page_of(door.app.test_client(), "/", "zh")
    assert "新申请需要 3 项材料" in page
    assert "示例business_licence" in page
    assert "20 MB" in page


def test_an_applicant_is_greeted_and_led_on_without_a_second_sign_in(door: Desk) -> None:
    client = door.app.test_client()
    make_and_sign_in(client, door.parts)
    page = page_of(client, "/")
    assert "Welcome, 示例远航进出口有限公司." in page
    assert 'href="/applications"' in page
    assert 'id="sign-in"' not in page


def test_staff_are_led_to_their_desk(door: Desk) -> None:
    answer = door.browser(Role.ADMINISTRATOR).client.get("/")
    assert (answer.status_code, answer.location) == (303, "/desk/")


def test_the_directory_keeps_the_official_order_and_says_plainly_where_nothing_is_known(
    door: Desk, office: Office
) -> None:
    open_site(office)
    open_site(office, name="示例关闭点", active=False)
    page = page_of(door.app.test_client(), "/authorities", "zh")
    assert page.index("示例机构1") < page.index("示例路1号") < page.index("示例机构2")
    assert "示例关闭点" not in page
    assert "工作日 9:00–11:30" in page
    assert page.count("尚未登记领取地点。前往之前请先致电 010-58103599。") == 1


@pytest.mark.parametrize(
    ("question", "found"),
    [("示例机构2", [2]), ("EXAMPLE 1", [1]), ("示例路", [1]), ("示例 机构", [1, 2]), ("%", []), ("x" * 500, [])],
)
def test_the_filter_holds_every_word_against_names_and_addresses(
    door: Desk, office: Office, question: str, found: list[int]
) -> None:
    open_site(office)
    client = door.app.test_client()
    client.set_cookie("language", "zh")
    page = client.get("/authorities", query_string={"q": question}).text
    assert [place for place in (1, 2) if f'id="authority-99000{place}"' in page] == found
    assert ("没有符合" in page) == (not found)


def test_an_authority_that_takes_no_part_is_not_listed(door: Desk, office: Office) -> None:
    with office.work() as session:
        session.get_one(Authority, office.authority_ids[1]).active = False
    assert "示例机构2" not in page_of(door.app.test_client(), "/authorities", "zh")


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("topic", GUIDES)
def test_each_explanation_opens_and_leads_to_the_others(door: Desk, topic: str, language: str) -> None:
    page = page_of(door.app.test_client(), f"/guide/{topic}", language)
    assert all(f"/guide/{each}" in page for each in GUIDES)
    assert "010-58103599" in page


def test_there_is_no_other_explanation(door: Desk) -> None:
    for topic in ("x", "Registry", "enterprise_code", "..", "registry%00"):
        page_of(door.app.test_client(), f"/guide/{topic}", status=404)


def test_contacts_are_entered_once_and_kept_on_record_by_an_administrator(door: Desk, office: Office) -> None:
    with office.work() as session:
        assert seed_contacts(session, SYSTEM) == 0
        first = session.scalars(select(Contact).order_by(Contact.id)).first()
        assert first is not None
    browser = door.browser(Role.ADMINISTRATOR)
    sent = {"name_zh": "示例服务", "telephone": "000-11111111", "position": "5", "note_zh": "<b>示例</b>"}
    add = "/desk/contacts/new/"
    assert browser.send(add, **sent, website="https://help.example.org", active="y").status_code in {302, 303}
    page = page_of(door.app.test_client(), "/contacts", "zh")
    assert page.index("示例服务") < page.index("010-58103599")
    assert '<a href="https://help.example.org" rel="noopener noreferrer">' in page
    assert "&lt;b&gt;示例&lt;/b&gt;" in page
    for wrong in ({"website": "javascript:alert(1)"}, {"website": "http://x"}, {"telephone": "<b>"}, {"name_zh": ""}):
        assert browser.send(add, **{**sent, **wrong}).status_code == 200
    edit = f"/desk/contacts/edit/?id={first.id}"
    assert browser.send(edit, name_zh="示例关闭", position="1").status_code in {302, 303}
    assert "示例关闭" not in page_of(door.app.test_client(), "/contacts", "zh")
    assert browser.send("/desk/contacts/delete/", "/desk/contacts/", id=first.id).status_code == 404
    with office.work() as session:
        actions = session.scalars(select(AuditEntry.action).where(AuditEntry.actor != SYSTEM.label)).all()
        assert [each for each in actions if each.startswith("contact.")] == ["contact.created", "contact.changed"]
        assert len(session.scalars(select(Contact)).all()) == 4
    assert door.browser(Role.AUDITOR).client.get("/desk/contacts/").status_code == 403


def test_a_code_typed_into_an_address_never_reaches_the_page_as_markup(door: Desk) -> None:
    page = door.app.test_client().get("/authorities", query_string={"q": '"><script>x</script>' + a_code()}).text
    assert "<script>x" not in page
