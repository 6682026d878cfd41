"""Entries as people read them: papers, items, people and authorities by name, codes in words, long things cut short."""

import re
from collections.abc import Mapping
from html import unescape
from typing import Any

from tests.support.casework import Office
from tests.support.desk import Desk as Browsed
from workbench.cases.service import get_case
from workbench.cases.words import Desk
from workbench.documents.models import CheckItem, RequiredDocument
from workbench.kernel import audit
from workbench.kernel.identity import Role, system_actor
from workbench.review import service as review
from workbench.review.marking import Finding, mark
from workbench.review.marks import MarkValue

HASH = "0123456789abcdef" * 4


def write(office: Office, action: str, after: Mapping[str, Any], before: Mapping[str, Any] | None = None) -> None:
    with office.work() as session:
        audit.record(session, action, system_actor("test"), subject="thing:1", before=before, after=after)


def told(desk: Browsed, action: str, language: str = "zh") -> list[str]:
    """The changes of the newest entry of this action, as text."""
    page = desk.browser(Role.AUDITOR, language).open(f"/audit/?action={action}")
    cell = page.split('<td class="changes">')[1].split("</td>")[0]
    rows = re.findall(r"<div.*?</div>", cell, re.DOTALL)
    return [" ".join(unescape(re.sub(r"<[^>]+>", " ", each)).split()) for each in rows]


def test_a_file_is_told_by_name_kind_and_size(desk: Browsed, office: Office) -> None:
    with office.work() as session:
        paper = session.query(RequiredDocument).order_by(RequiredDocument.id.desc()).first()
        assert paper is not None
        code, chinese, english = paper.code, paper.name_zh, paper.name_en
    after = {"document": code, "name": "示例.pdf", "sha256": HASH, "size": 2_000_000, "kind": "pdf"}
    write(office, "attachment.uploaded", after={**after, "carried_from": None})
    chinese_rows = told(desk, "attachment.uploaded")
    assert {f"材料 {chinese}", "类别 PDF", "大小 1.9 MB", f"内容（SHA-256） {HASH[:12]}"} <= set(chinese_rows)
    assert len(chinese_rows) == 5
    assert f"Document {english}" in told(desk, "attachment.uploaded", "en")
    assert f'title="{HASH}"' in desk.browser(Role.AUDITOR).open("/audit/?action=attachment.uploaded")


def test_marks_are_told_paper_by_paper_in_words(desk: Browsed, office: Office) -> None:
    clerk, case = office.clerk(), office.submit()
    with office.work() as session:
        first, second = office.items(session, case)[:2]
    with office.work(clerk) as session:
        review.open_review(session, clerk, case, Desk.PRE_CHECK)
        version = get_case(session, clerk, case).version
        found = [Finding(first, MarkValue.OK), Finding(second, MarkValue.FAULT, "左下角")]
        mark(session, clerk, case, found, seen_version=version)
    with office.work(clerk) as session:
        version = get_case(session, clerk, case).version
        mark(session, clerk, case, [Finding(first, MarkValue.NOT_APPLICABLE)], seen_version=version)
    with office.work() as session:
        item = session.get_one(CheckItem, first)
        other = session.get_one(CheckItem, second)
        name = session.get_one(RequiredDocument, item.document_id).name_zh
        label, fault = item.label_zh, other.label_zh
    assert told(desk, "marks.set") == [f"{name}： {label} 符合 → 不适用"]
    everything = unescape(desk.browser(Role.AUDITOR, "zh").open("/audit/?action=marks.set"))
    assert f"{fault} 有问题（左下角）" in everything


def test_long_lists_of_marks_end_in_how_many_more(desk: Browsed, office: Office) -> None:
    after = {f"paper_{n}.item_{m}": {"value": "ok"} for n in range(6) for m in range(6)}
    write(office, "marks.set", after=after)
    rows = told(desk, "marks.set")
    assert len(rows) == 4
    assert rows[0].endswith("+2")
    assert rows[-1] == "+3"


def test_people_authorities_and_codes_are_told_by_name(desk: Browsed, office: Office) -> None:
    clerk = office.clerk()
    authority = office.authority_ids[0]
    write(
        office,
        "remark_template.changed",
        before={"claimed_by": clerk.id, "desk": "pre_check", "verdict": "passed", "active": True},
        after={"claimed_by": None, "desk": "re_check", "verdict": "failed", "active": False},
    )
    write(office, "staff.roles_changed", after={"authority_id": authority, "until": "2026-11-17T03:51:03+00:00"})
    assert set(told(desk, "remark_template.changed")) == {
        f"办理人 {clerk.name} → –",
        "岗位 预审 → 复核",
        "结论 通过 → 未通过",
        "启用 是 → 否",
    }
    rows = told(desk, "staff.roles_changed")
    assert "至 2026-11-17 11:51" in rows
    assert not any(f"发证机构 {authority}" == each for each in rows)


def test_published_papers_are_told_with_their_items(desk: Browsed, office: Office) -> None:
    case = office.submit()
    with office.work() as session:
        item = session.get_one(CheckItem, office.items(session, case)[0])
        paper = session.get_one(RequiredDocument, item.document_id)
        documents = {paper.code: [item.code]}
        name, label = paper.name_zh, item.label_zh
    write(office, "requirements.published", after={"service": "renewal", "documents": documents})
    assert set(told(desk, "requirements.published")) == {f"{name}： {label}", "业务 更新"}
