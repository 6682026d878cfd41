"""What the form is printed as: complete forms only, under their version, recorded, and void after a change."""

import io
from collections.abc import Sequence

import pdfplumber
import pytest
from flask import Flask
from sqlalchemy import select

from tests.integration.portal.form_door import Enterprise
from tests.support.casework import IDENTITY, Office, open_office
from workbench.kernel.audit import AuditEntry
from workbench.kernel.parts import Parts


@pytest.fixture(scope="module")
def office(door_parts: Parts) -> Office:
    return open_office(door_parts.engine, door_parts.settings.key_dir)


@pytest.fixture
def enterprise(door_app: Flask, door_parts: Parts, office: Office) -> Enterprise:
    return Enterprise(door_app, door_parts, office)


def words_of(content: bytes) -> str:
    with pdfplumber.open(io.BytesIO(content)) as pdf:
        return "".join((page.extract_text() or "") for page in pdf.pages).replace(" ", "").replace("\n", "")


def entries(enterprise: Enterprise, draft_id: int) -> Sequence[AuditEntry]:
    with enterprise.parts.work() as session:
        mine = select(AuditEntry).where(AuditEntry.subject == f"draft:{draft_id}", AuditEntry.action == "draft.printed")
        return session.scalars(mine.order_by(AuditEntry.seq)).all()


def test_an_incomplete_form_is_not_printed_and_says_where_to_look(enterprise: Enterprise) -> None:
    draft_id = enterprise.start()
    page = enterprise.open(f"/drafts/{draft_id}/documents")
    assert "not complete yet" in page
    assert ".pdf" not in page
    for name in ("application_form", "all"):
        assert enterprise.client.get(f"/drafts/{draft_id}/documents/{name}.pdf").status_code == 400
    assert enterprise.draft(draft_id).printed_version is None


def test_the_print_states_the_form_and_is_kept_by_nobody(enterprise: Enterprise) -> None:
    draft_id = enterprise.start()
    enterprise.fill(draft_id)
    number = enterprise.draft(draft_id).number
    page = enterprise.open(f"/drafts/{draft_id}/documents")
    assert f"number {number} and version 1" in page
    answer = enterprise.client.get(f"/drafts/{draft_id}/documents/application_form.pdf")
    assert answer.mimetype == "application/pdf"
    assert answer.headers["Content-Disposition"] == f'inline; filename="{number}-v1-application_form.pdf"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    words = words_of(answer.data)
    for stated in (number, "示例乙", "示例远航进出口有限公司", enterprise.applicant.uscc or "", IDENTITY):
        assert stated in words
    (entry,) = entries(enterprise, draft_id)
    assert entry.after == {"document": "application_form", "version": 1}
    assert entry.address == "127.0.0.1"


def test_all_in_one_prints_what_the_check_list_asks_for(enterprise: Enterprise) -> None:
    draft_id = enterprise.start()
    enterprise.fill(draft_id)
    answer = enterprise.client.get(f"/drafts/{draft_id}/documents/all.pdf")
    assert answer.data.startswith(b"%PDF")
    for code in ("seal_confirmation", "business_licence", "receipt", "..%2fetc", "none"):
        assert enterprise.client.get(f"/drafts/{draft_id}/documents/{code}.pdf").status_code == 404
    assert len(entries(enterprise, draft_id)) == 1


def test_a_change_after_printing_is_said_on_every_later_page_until_it_is_printed_again(enterprise: Enterprise) -> None:
    draft_id = enterprise.start()
    enterprise.fill(draft_id)
    enterprise.client.get(f"/drafts/{draft_id}/documents/all.pdf")
    pages = [f"/drafts/{draft_id}/{name}" for name in ("enterprise", "place", "holder", "review", "documents")]
    assert not any("is void" in enterprise.open(path) for path in pages)
    enterprise.post_step(draft_id, "enterprise", legal_representative="示例丁")
    for path in pages:
        assert "(version 1) is void. Please print, sign and stamp version 2." in enterprise.open(path)
    enterprise.client.get(f"/drafts/{draft_id}/documents/all.pdf")
    assert not any("is void" in enterprise.open(path) for path in pages)
    assert [each.after["version"] for each in entries(enterprise, draft_id) if each.after] == [1, 2]


def test_looking_at_the_list_prints_nothing(enterprise: Enterprise) -> None:
    draft_id = enterprise.start()
    enterprise.fill(draft_id)
    enterprise.open(f"/drafts/{draft_id}/documents")
    assert enterprise.draft(draft_id).printed_version is None
    assert entries(enterprise, draft_id) == []
