"""The application form in a browser without scripts, and what its script sends: kept, told, never another's."""

import re

import pytest
from flask import Flask

from tests.integration.portal.form_door import Enterprise, add_site
from tests.support.casework import IDENTITY, Office, open_office
from workbench.kernel.clock import now
from workbench.kernel.parts import Parts
from workbench.portal.models import Draft

STEPS = ("enterprise", "place", "holder", "review")


@pytest.fixture(scope="module")
def office(door_parts: Parts) -> Office:
    return open_office(door_parts.engine, door_parts.settings.key_dir)


@pytest.fixture
def enterprise(door_app: Flask, door_parts: Parts, office: Office) -> Enterprise:
    return Enterprise(door_app, door_parts, office)


def test_a_form_is_filled_in_without_scripts_from_the_first_step_to_the_print(
    enterprise: Enterprise, office: Office
) -> None:
    site = add_site(office, opening_hours="周一 9:00–11:00", telephone="000-0000", note="示例说明")
    draft_id = enterprise.start()
    answer = enterprise.post_step(draft_id, "enterprise", enterprise_name="示例远航有限公司", category="other")
    assert answer.headers["Location"].endswith("/place")
    authority = str(office.authority_ids[0])
    answer = enterprise.post_step(draft_id, "place", "stay", authority_id=authority)
    assert answer.headers["Location"].endswith("/place")
    page = enterprise.open(f"/drafts/{draft_id}/place")
    for shown in ("示例路 2 号", "周一 9:00–11:00", "000-0000", "示例说明"):
        assert shown in page
    answer = enterprise.post_step(draft_id, "place", authority_id=authority, pickup_site_id=str(site))
    assert answer.headers["Location"].endswith("/holder")
    holder = {"holder_name": "示例乙", "holder_identity_number": IDENTITY, "holder_mobile": "10000000000"}
    answer = enterprise.post_step(draft_id, "holder", **holder, holder_email="b@example.invalid")
    assert answer.headers["Location"].endswith("/review")
    review = enterprise.open(f"/drafts/{draft_id}/review")
    assert "示例大厅 · 示例路 2 号" in review
    assert "1****************8" in review
    assert enterprise.post_step(draft_id, "review").headers["Location"].endswith("/documents")


def test_what_is_missing_holds_the_step_and_stands_beside_its_field(enterprise: Enterprise) -> None:
    draft_id = enterprise.start()
    answer = enterprise.post_step(draft_id, "enterprise", enterprise_name="", address="示例路 1 号")
    assert answer.headers["Location"].endswith("/enterprise?check=1")
    page = enterprise.open(f"/drafts/{draft_id}/enterprise?check=1")
    assert 'id="enterprise_name-error"' in page
    assert 'aria-invalid="true"' in page
    assert 'value="示例路 1 号"' in page
    later = enterprise.post_step(draft_id, "enterprise", "later", enterprise_name="")
    assert later.headers["Location"].endswith("/place")
    review = enterprise.open(f"/drafts/{draft_id}/review")
    assert f"/drafts/{draft_id}/enterprise?check=1#enterprise_name" in review
    assert enterprise.post_step(draft_id, "review").headers["Location"].endswith("/review?check=1")


def test_an_empty_field_is_not_called_wrong_before_somebody_wants_to_go_on(enterprise: Enterprise) -> None:
    draft_id = enterprise.start()
    assert 'class="error"' not in enterprise.open(f"/drafts/{draft_id}/holder").split("<template")[0]
    assert "holder_name-error" in enterprise.open(f"/drafts/{draft_id}/holder?check=1")


def test_what_cannot_be_kept_is_refused_in_words_and_the_rest_stands_on_the_page(enterprise: Enterprise) -> None:
    draft_id = enterprise.start()
    answer = enterprise.post_step(draft_id, "enterprise", enterprise_name="示例\x00公司", address="示例路 7 号")
    assert answer.status_code == 400
    assert "holds characters that cannot be written" in answer.text
    assert 'value="示例公司"' in answer.text
    assert 'value="示例路 7 号"' in answer.text
    assert enterprise.draft(draft_id).values["address"] == ""


def test_the_script_saves_field_by_field_and_is_told_when_and_what_is_wrong(enterprise: Enterprise) -> None:
    draft_id = enterprise.start()
    answer = enterprise.save(draft_id, {"holder_email": "no address", "address": "示例路 5 号", "holder_name": "a\x00"})
    assert answer.status_code == 200
    assert re.fullmatch(r"[0-2]\d:[0-5]\d", answer.get_json()["saved_at"])
    assert answer.get_json()["problems"]["holder_email"] == "This is not an e-mail address."
    assert answer.get_json()["problems"]["address"] == ""
    assert "cannot be written" in answer.get_json()["problems"]["holder_name"]
    values = enterprise.draft(draft_id).values
    assert (values["address"], values["holder_email"], values["holder_name"]) == ("示例路 5 号", "no address", "")


def test_the_identity_number_is_answered_masked_and_shown_masked(enterprise: Enterprise) -> None:
    draft_id = enterprise.start()
    answer = enterprise.save(draft_id, {"holder_identity_number": IDENTITY})
    assert answer.get_json()["identity"] == "1****************8"
    pages = [answer.text, *(enterprise.open(f"/drafts/{draft_id}/{step}") for step in STEPS)]
    wrong = enterprise.post_step(draft_id, "holder", holder_identity_number="110101199003070039", holder_name="示例乙")
    assert wrong.status_code == 400
    assert "check character does not fit" in wrong.text
    assert "示例乙" in wrong.text
    for page in (*pages, wrong.text):
        assert IDENTITY not in page
        assert "110101199003070039" not in page


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "{}",
        '{"values": []}',
        '{"values": {"address": 1}}',
        '{"values": {"address": {"a": 1}}}',
        '{"values": {"uscc": "91110000000000000X"}}',
        '{"values": {"applicant_id": "1"}}',
        '{"values": {"number": "EK1"}}',
        '{"values": {"prior_choice": "99999"}}',
        "[" * 30_000,
        '{"values": ' * 5_000 + "{}" + "}" * 5_000,
        '{"values": {"address": ' + "[" * 9_000 + "]" * 9_000 + "}}",
    ],
)
def test_what_no_page_of_ours_sends_is_refused_and_changes_nothing(enterprise: Enterprise, body: str) -> None:
    draft_id = enterprise.start()
    before = enterprise.draft(draft_id)
    assert enterprise.post_json(f"/drafts/{draft_id}/save", body).status_code == 400
    after = enterprise.draft(draft_id)
    assert (after.values, after.number, after.applicant_id) == (before.values, before.number, before.applicant_id)


def test_a_form_as_large_as_a_book_is_refused(enterprise: Enterprise) -> None:
    draft_id = enterprise.start()
    assert enterprise.save(draft_id, {"address": "示" * 40_000}).status_code == 413


@pytest.mark.parametrize("value", ["\ud800", "a\x08", "\u202eabc"])
def test_odd_characters_are_told_and_not_kept(enterprise: Enterprise, value: str) -> None:
    draft_id = enterprise.start()
    answer = enterprise.save(draft_id, {"address": value})
    assert answer.status_code == 200
    assert "cannot be written" in answer.get_json()["problems"]["address"]
    assert enterprise.draft(draft_id).values["address"] == ""


def test_a_page_posts_no_field_of_another_step_and_no_column(enterprise: Enterprise) -> None:
    draft_id = enterprise.start()
    before = enterprise.draft(draft_id)
    enterprise.post_step(
        draft_id, "enterprise", enterprise_name="示例", uscc="X", number="EK1", holder_name="示例丁", applicant_id="1"
    )
    after = enterprise.draft(draft_id)
    assert after.values["enterprise_name"] == "示例"
    assert (after.values["uscc"], after.values["holder_name"]) == (before.values["uscc"], "")
    assert (after.number, after.applicant_id) == (before.number, before.applicant_id)


def test_markup_in_every_field_is_shown_as_text(enterprise: Enterprise) -> None:
    attack = """"'><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}"""
    draft_id = enterprise.start()
    fields = ["enterprise_name", "machinery_account", "legal_representative", "address", "postcode", "telephone"]
    fields += ["holder_name", "holder_mobile", "holder_email", "reason", "prior_key"]
    assert enterprise.save(draft_id, dict.fromkeys(fields, attack)).status_code == 200
    assert enterprise.draft(draft_id).values["address"] == attack
    for path in (*(f"/drafts/{draft_id}/{step}" for step in STEPS), f"/drafts/{draft_id}/documents", "/applications"):
        page = enterprise.open(path)
        assert "<script>alert" not in page
        assert "<img src=x" not in page
    assert "&lt;script&gt;alert(1)" in enterprise.open(f"/drafts/{draft_id}/enterprise")


def test_another_applicants_form_is_not_found_at_any_address(
    enterprise: Enterprise, door_app: Flask, door_parts: Parts, office: Office
) -> None:
    draft_id = enterprise.start()
    enterprise.fill(draft_id)
    colleague = Enterprise(door_app, door_parts, office, uscc=enterprise.applicant.uscc or "")
    names = (*STEPS, "documents", "discard", "documents/application_form.pdf", "documents/all.pdf")
    for name in names:
        for other in (draft_id, 2**62, 2**80):
            assert colleague.client.get(f"/drafts/{other}/{name}").status_code == 404, name
    page = "/applications"
    for name in (*STEPS, "discard"):
        assert colleague.send(f"/drafts/{draft_id}/{name}", page=page, address="x").status_code == 404
    assert colleague.save(draft_id, {"address": "x"}).status_code == 404
    assert enterprise.draft(draft_id).discarded_at is None
    assert enterprise.draft(draft_id).values["address"] == ""


def test_a_stranger_is_led_to_the_entrance(door_app: Flask, enterprise: Enterprise) -> None:
    draft_id = enterprise.start()
    answer = door_app.test_client().get(f"/drafts/{draft_id}/holder")
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/entrance?next=")


def test_a_submitted_form_leads_to_its_case_from_every_address(enterprise: Enterprise, office: Office) -> None:
    draft_id = enterprise.start()
    number = enterprise.draft(draft_id).number
    case = office.submit()
    with enterprise.parts.work() as session:
        draft = session.get_one(Draft, draft_id)
        draft.submitted_at, draft.result_id = now(), case
    for name in (*STEPS, "documents", "discard", "documents/all.pdf"):
        assert f'href="/applications/{number}"' in enterprise.open(f"/drafts/{draft_id}/{name}", 409)
    answer = enterprise.save(draft_id, {"address": "x"})
    assert answer.status_code == 409
    assert answer.get_json()["url"] == f"/applications/{number}"


def test_a_replacement_names_a_key_of_ours_without_showing_its_number(enterprise: Enterprise) -> None:
    (key,) = enterprise.hold(1)
    draft_id = enterprise.start("replacement")
    page = enterprise.open(f"/drafts/{draft_id}/holder")
    assert f"…{key.key_number[-4:]}" in page
    assert enterprise.save(draft_id, {"prior_choice": str(key.id)}).get_json()["problems"] == {"prior_key": ""}
    assert enterprise.draft(draft_id).values["prior_key"] == key.key_number
    for step in STEPS:
        assert key.key_number not in enterprise.open(f"/drafts/{draft_id}/{step}")


def test_a_key_we_do_not_know_is_taken_with_a_hint(enterprise: Enterprise) -> None:
    draft_id = enterprise.start("replacement")
    enterprise.fill(draft_id, prior_key="示例-旧-1", reason="示例：遗失")
    assert "not in our records" in enterprise.open(f"/drafts/{draft_id}/holder")
    assert enterprise.post_step(draft_id, "review").headers["Location"].endswith("/documents")


def test_the_key_of_another_enterprise_cannot_be_chosen(
    enterprise: Enterprise, door_app: Flask, door_parts: Parts, office: Office
) -> None:
    (theirs,) = Enterprise(door_app, door_parts, office).hold(1)
    draft_id = enterprise.start("replacement")
    assert enterprise.save(draft_id, {"prior_choice": str(theirs.id)}).status_code == 400
    assert enterprise.draft(draft_id).values["prior_key"] == ""


def test_two_windows_write_field_by_field_and_the_older_is_told_of_the_void_print(enterprise: Enterprise) -> None:
    draft_id = enterprise.start()
    enterprise.fill(draft_id)
    assert enterprise.client.get(f"/drafts/{draft_id}/documents/all.pdf").status_code == 200
    first = enterprise.save(draft_id, {"holder_name": "示例丙"}, version=1)
    assert (first.get_json()["version"], first.get_json()["stale"]) == (2, "")
    assert "version 1) is void" in first.get_json()["void"]
    second = enterprise.save(draft_id, {"address": "示例路 8 号"}, version=1)
    assert "another window" in second.get_json()["stale"]
    values = enterprise.draft(draft_id).values
    assert (values["holder_name"], values["address"]) == ("示例丙", "示例路 8 号")
    enterprise.post_step(draft_id, "holder", version="1", holder_name="示例丁")
    assert "another window" in enterprise.open(f"/drafts/{draft_id}/review")


def test_a_form_is_given_up_after_one_question(enterprise: Enterprise) -> None:
    draft_id = enterprise.start()
    number = enterprise.draft(draft_id).number
    assert number in enterprise.open(f"/drafts/{draft_id}/discard")
    assert enterprise.draft(draft_id).discarded_at is None
    assert enterprise.send(f"/drafts/{draft_id}/discard").status_code == 303
    assert f"The form {number} was discarded." in enterprise.open("/applications")
    enterprise.open(f"/drafts/{draft_id}/enterprise", 404)
