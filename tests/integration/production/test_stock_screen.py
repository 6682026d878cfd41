"""The stock's screens: a list is looked at before it is taken in, a scan leads to its token, refusals say why."""

import io
import re
from typing import Any

import pytest
from openpyxl import Workbook
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from tests.integration.production.on_screen import desk_of, make_key
from tests.support.bench import Workshop
from tests.support.desk import Desk, DeskBrowser
from tests.support.tokens import Bench
from workbench.kernel.audit import AuditEntry
from workbench.kernel.identity import Role
from workbench.keys.models import Token
from workbench.production.stock import spoil
from workbench.production.stock_views import SHOWN_PROBLEMS

STOCK = "/desk/production/stock"
KEEPERS = (Role.KEY_MAKER, Role.VENDOR_SUPERVISOR)
LIST = "serial,model,box\nEK001,示例-A,B1\nEK002,示例-A,B1\nEK003,示例-A,B2\n"


@pytest.fixture
def desk(workshop: Workshop) -> Desk:
    return desk_of(workshop)


@pytest.fixture
def keeper(desk: Desk) -> DeskBrowser:
    return desk.browser(Role.KEY_MAKER)


@pytest.fixture
def stocked(workshop: Workshop, keeper: DeskBrowser) -> DeskBrowser:
    """A keeper's browser over three tokens, one of them set aside."""
    workshop.stock("EK001", "EK002", "EK101")
    with workshop.parts.work() as session:
        spoil(session, workshop.maker, "EK101", "示例：外壳开裂")
    return keeper


def send_list(browser: DeskBrowser, content: bytes | str, name: str = "list.csv", **values: Any) -> TestResponse:
    """Look at a list, as the form does."""
    content = content.encode() if isinstance(content, str) else content
    values = {"model": "", "box": "", "alike": "y", **values}
    return browser.send(f"{STOCK}/delivery", file=(io.BytesIO(content), name), **values)


def word_of(page: TestResponse) -> str:
    found = re.search(r'name="list" value="([^"]+)"', page.text)
    assert found is not None
    return found.group(1)


def take_in(browser: DeskBrowser, word: str) -> TestResponse:
    return browser.send(f"{STOCK}/delivery/take-in", page=f"{STOCK}/delivery", list=word)


def tokens_held(workshop: Workshop) -> int:
    return workshop.read(lambda session: session.scalar(select(func.count()).select_from(Token)) or 0)


def id_of(workshop: Workshop, serial: str) -> int:
    return workshop.token(serial).id


@pytest.mark.parametrize("language", ["zh", "en"])
def test_an_empty_stock_says_what_to_do(desk: Desk, language: str) -> None:
    page = desk.browser(Role.KEY_MAKER, language).open(f"{STOCK}/")
    assert f'href="{STOCK}/delivery"' in page
    assert ("There are no tokens yet" if language == "en" else "还没有介质") in page
    assert f'href="{STOCK}/delivery"' not in desk.browser(Role.AUDITOR, language).open(f"{STOCK}/")


def test_who_reads_the_stock_and_who_keeps_it(workshop: Workshop, desk: Desk) -> None:
    workshop.stock("EK001")
    token = id_of(workshop, "EK001")
    for role in Role:
        browser = desk.browser(role)
        reads, keeps = role in (*KEEPERS, Role.AUDITOR), role in KEEPERS
        for path in ("/", "/tokens", f"/tokens/{token}"):
            browser.open(f"{STOCK}{path}", 200 if reads else 403)
        browser.open(f"{STOCK}/delivery", 200 if keeps else 403)
        if not keeps:
            for path in ("/delivery", "/delivery/take-in", f"/tokens/{token}/spoil", "/destroy"):
                assert browser.send(f"{STOCK}{path}", page="/desk/", remark="x", token="EK001").status_code == 403
    assert workshop.token("EK001").state == "blank"


def test_a_list_is_looked_at_and_then_taken_in(workshop: Workshop, keeper: DeskBrowser) -> None:
    looked = send_list(keeper, LIST, "清单.csv")
    assert looked.status_code == 200
    for shown in ("清单.csv", "B1", "B2", "EK001", "EK002", "EK003", "Take in 3 tokens"):
        assert shown in looked.text
    assert tokens_held(workshop) == 0
    taken = take_in(keeper, word_of(looked))
    assert (taken.status_code, taken.location) == (303, f"{STOCK}/")
    page = keeper.open(f"{STOCK}/")
    assert "3 tokens taken in." in page
    assert tokens_held(workshop) == 3


def test_a_workbook_without_model_and_box_takes_them_from_the_form(workshop: Workshop, keeper: DeskBrowser) -> None:
    book = Workbook()
    for serial in ("EK001", "EK002"):
        book.active.append([serial])
    stream = io.BytesIO()
    book.save(stream)
    assert (
        take_in(keeper, word_of(send_list(keeper, stream.getvalue(), "x.xlsx", model="示例-C", box="B9"))).status_code
        == 303
    )
    token = workshop.token("EK002")
    assert (token.model, token.box) == ("示例-C", "B9")


def test_what_is_wrong_stands_there_by_line_with_what_to_do(workshop: Workshop, stocked: DeskBrowser) -> None:
    refused = send_list(stocked, LIST + "EK003,示例-A,B2\nEK4,示例-A,B2\n", model="示例-X")
    assert refused.status_code == 400
    for said in (
        "stands in line 4 already",
        "is in stock already, in box 1",
        "looks cut off: 3 characters",
        "Remove the line",
    ):
        assert said in refused.text
    assert 'value="示例-X"' in refused.text, "what was entered is still there"
    assert "Take in" not in refused.text.split("</h1>")[1]
    assert tokens_held(workshop) == 3
    many = send_list(stocked, "serial\n" + "EK001\n" * (SHOWN_PROBLEMS + 6), model="x", box="x")
    assert f"{SHOWN_PROBLEMS + 6} lines have to be put right first" in many.text
    assert "6 more lines have problems" in many.text


@pytest.mark.parametrize("content", [b"", b"\x00\x01", b"PK\x03\x04", b"a,b\n1,2\n"])
def test_a_file_that_is_no_list_is_refused_with_a_reason(keeper: DeskBrowser, content: bytes) -> None:
    refused = send_list(keeper, content)
    assert refused.status_code == 400
    assert "the list is of no use" in refused.text


def test_without_a_file_the_form_says_so(keeper: DeskBrowser) -> None:
    for sent in ({}, {"file": "no file but words"}):
        answer = keeper.send(f"{STOCK}/delivery", **sent)
        assert answer.status_code == 400
        assert 'type="file"' in answer.text


def test_a_word_is_good_for_its_reader_alone_and_takes_in_once(
    workshop: Workshop, desk: Desk, keeper: DeskBrowser
) -> None:
    word = word_of(send_list(keeper, LIST))
    boss = desk.browser(Role.VENDOR_SUPERVISOR)
    for browser, wrong in ((boss, word), (keeper, ""), (keeper, word[:-3] + "abc"), (keeper, "x")):
        assert take_in(browser, wrong).status_code == 400
    assert tokens_held(workshop) == 0
    assert take_in(keeper, word).status_code == 303
    again = take_in(keeper, word)
    assert again.status_code == 409
    assert again.text.count("is in stock already") == 3
    assert tokens_held(workshop) == 3


def test_a_scan_leads_to_its_token_and_a_part_to_those_that_have_it(workshop: Workshop, stocked: DeskBrowser) -> None:
    def find(typed: str) -> str:
        answer = stocked.client.get(f"{STOCK}/find", query_string={"serial": typed})
        assert answer.status_code == 303
        return str(answer.location)

    assert find("EK002\n") == f"{STOCK}/tokens/{id_of(workshop, 'EK002')}"
    page = stocked.open(find("EK0"))
    assert "EK001" in page
    assert "EK101" not in page
    assert "2 tokens" in page
    for nothing in ("nothing", "%", "\x00", "9" * 300):
        assert "Nothing" not in stocked.open(find(nothing))
    assert "No token fits" in stocked.open(find("nothing"))


def test_a_list_narrowed_by_its_address(stocked: DeskBrowser) -> None:
    page = stocked.open(f"{STOCK}/tokens?state=spoiled")
    assert "EK101" in page
    assert "EK001" not in page
    assert 'aria-current="true">Spoiled' in page
    for odd in ("?state=golden", "?after=%00", "?before=x&after=y", "?box=%F0%9F%94%91", "?model='"):
        stocked.open(f"{STOCK}/tokens{odd}")
    for missing in ("0", "999999", "9" * 40):
        stocked.open(f"{STOCK}/tokens/{missing}", 404)


def test_a_token_shows_its_way_its_case_and_its_certificate(workshop: Workshop, tokens: Bench, desk: Desk) -> None:
    case, certificate = make_key(workshop, tokens)
    (made,) = workshop.read(lambda session: session.scalars(select(Token)).all())
    for language in ("zh", "en"):
        page = desk.browser(Role.KEY_MAKER, language).open(f"{STOCK}/tokens/{made.id}")
        way = page.split('<ol class="custody">')[1].split("</ol>")[0]
        assert way.count("<li") == 3
        assert workshop.maker.name in way
        assert f'href="/review/cases/{case}"' in page
        assert f'href="/desk/certificates/{certificate}"' in page
        assert ("revoke it first" if language == "en" else "请先在证书页面吊销") in page
        assert f'action="{STOCK}/tokens/{made.id}/spoil"' not in page
    refused = desk.browser(Role.KEY_MAKER).send(
        f"{STOCK}/tokens/{made.id}/spoil", page=f"{STOCK}/tokens/{made.id}", remark="示例"
    )
    assert refused.status_code == 409
    assert "revoke it first" in refused.text


def test_a_token_is_set_aside_with_a_remark(workshop: Workshop, stocked: DeskBrowser) -> None:
    path = f"{STOCK}/tokens/{id_of(workshop, 'EK001')}"
    for nothing in ("", " "):
        refused = stocked.send(f"{path}/spoil", page=path, remark=nothing)
        assert refused.status_code == 400
    assert workshop.token("EK001").state == "blank"
    assert stocked.send(f"{path}/spoil", page=path, remark="<b>示例</b>").status_code == 303
    page = stocked.open(path)
    assert "&lt;b&gt;示例&lt;/b&gt;" in page
    assert f"{path}/spoil" not in page
    assert workshop.token("EK001").state == "spoiled"


def test_what_was_set_aside_is_destroyed_from_its_list(workshop: Workshop, desk: Desk, stocked: DeskBrowser) -> None:
    listed = f"{STOCK}/tokens?state=spoiled"
    assert 'name="token" value="EK101"' in stocked.open(listed)
    assert 'name="token"' not in stocked.open(f"{STOCK}/tokens")
    assert 'name="token"' not in desk.browser(Role.AUDITOR).open(listed)
    for values, words in (
        ({"token": "EK101", "remark": ""}, "Say why; it is recorded."),
        ({"remark": "示例"}, "Select at least one token."),
    ):
        stocked.send(f"{STOCK}/destroy", page=listed, **values)
        assert words in stocked.open(listed)
    for values, status in (
        ({"token": "EK001", "remark": "示例"}, 409),
        ({"token": "EK999", "remark": "示例"}, 404),
        ({"token": "EK101", "remark": "示例"}, 303),
    ):
        assert stocked.send(f"{STOCK}/destroy", page=listed, **values).status_code == status
    assert workshop.token("EK101").state == "destroyed"
    assert "1 token destroyed." in stocked.open(listed)


def test_whoever_keeps_the_stock_is_warned_on_the_first_page(workshop: Workshop, desk: Desk) -> None:
    workshop.stock("EK001")
    for role in Role:
        page = desk.browser(role).open("/desk/")
        assert ("Blank tokens are running low" in page) is (role in KEEPERS), role
    assert "Blank tokens are running low" in desk.browser(Role.AUDITOR).open(f"{STOCK}/")


def test_looking_changes_nothing(workshop: Workshop, stocked: DeskBrowser) -> None:
    def written() -> int:
        return workshop.read(lambda session: session.scalar(select(func.count()).select_from(AuditEntry)) or 0)

    before = written()
    for path in ("/", "/?all=1", "/tokens", f"/tokens/{id_of(workshop, 'EK001')}", "/delivery"):
        stocked.open(f"{STOCK}{path}")
    assert send_list(stocked, LIST).status_code == 400
    assert written() == before
