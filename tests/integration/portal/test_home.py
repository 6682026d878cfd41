"""The applicant's home: what is unfinished, what was sent, and which service may be started with how many keys."""

from dataclasses import replace

import pytest
from flask import Flask

from tests.integration.portal.form_door import Enterprise
from tests.support.casework import Office, open_office, whole
from workbench.cases.models import Applicant, Application
from workbench.cases.words import Service, Verdict
from workbench.kernel.identity import Actor, Scope
from workbench.kernel.parts import Parts


@pytest.fixture(scope="module")
def office(door_parts: Parts) -> Office:
    return open_office(door_parts.engine, door_parts.settings.key_dir)


@pytest.fixture
def enterprise(door_app: Flask, door_parts: Parts, office: Office) -> Enterprise:
    return Enterprise(door_app, door_parts, office)


def submit(enterprise: Enterprise) -> int:
    """A case of this applicant."""
    actor = Actor("enterprise", enterprise.applicant.id, "示例", scope=Scope(applicant_id=enterprise.applicant.id))
    facts = replace(enterprise.office.facts(), uscc=enterprise.applicant.uscc or "")
    return enterprise.office.submit(facts, whole(), actor)


def test_an_empty_home_offers_three_services_and_says_what_they_need(enterprise: Enterprise) -> None:
    page = enterprise.open("/applications")
    assert "You have not submitted an application yet." in page
    assert "Valid e-keys of your enterprise: 0 of at most 3" in page
    assert "You will need 3 papers" in page
    assert "At most 7 working days" in page
    assert 'value="apply"' in page
    assert 'value="replacement"' in page
    assert 'href="/key"' in page


@pytest.mark.parametrize(("keys", "service"), [(0, Service.NEW), (1, Service.ADDITIONAL), (2, Service.ADDITIONAL)])
def test_the_keys_held_tell_a_new_key_from_an_additional_one(
    enterprise: Enterprise, keys: int, service: Service
) -> None:
    enterprise.hold(keys)
    for wanted in ("apply", "new", "additional"):
        draft = enterprise.draft(enterprise.start(wanted))
        assert draft.service == service
    asks_reason = 'name="reason"' in enterprise.open(f"/drafts/{draft.id}/holder")
    assert asks_reason == (service is Service.ADDITIONAL)


@pytest.mark.parametrize("wanted", ["apply", "new", "additional"])
def test_with_three_keys_a_further_one_is_refused_before_the_form_with_what_can_be_done(
    enterprise: Enterprise, wanted: str
) -> None:
    keys = enterprise.hold(3)
    page = enterprise.open("/applications")
    assert 'value="apply"' not in page
    assert "have one revoked by the issuing authority first" in page
    assert all(f"…{key.key_number[-4:]}" in page and key.key_number not in page for key in keys)
    answer = enterprise.send("/applications/start", page="/applications", service=wanted)
    assert answer.status_code == 409
    assert "3 valid e-keys" in answer.text
    assert enterprise.start("replacement")


def test_keys_asked_for_count_too(enterprise: Enterprise) -> None:
    enterprise.hold(2)
    submit(enterprise)
    assert "1 more is asked for" in enterprise.open("/applications")
    assert enterprise.send("/applications/start", page="/applications", service="apply").status_code == 409


def test_an_account_is_told_to_renew_with_the_key_itself(enterprise: Enterprise) -> None:
    answer = enterprise.send("/applications/start", page="/applications", service="renewal")
    assert answer.status_code in (303, 409)
    led = answer.headers.get("Location", "") + answer.text
    assert "/renew" in led or "/key" in led


@pytest.mark.parametrize("wanted", ["", "x", "NEW", "new' OR 1=1"])
def test_a_service_that_does_not_exist_is_not_started(enterprise: Enterprise, wanted: str) -> None:
    assert enterprise.send("/applications/start", page="/applications", service=wanted).status_code == 404


def test_unfinished_forms_lead_to_where_something_is_missing(enterprise: Enterprise) -> None:
    draft_id = enterprise.start()
    enterprise.save(draft_id, {"address": "示例路 1 号"})
    assert f'href="/drafts/{draft_id}/place"' in enterprise.open("/applications")
    enterprise.fill(draft_id)
    page = enterprise.open("/applications")
    assert f'href="/drafts/{draft_id}/documents"' in page
    assert f'href="/drafts/{draft_id}/discard"' in page


def test_cases_stand_with_their_state_due_date_and_what_is_next_and_only_the_own(
    enterprise: Enterprise, office: Office, door_app: Flask, door_parts: Parts
) -> None:
    case = submit(enterprise)
    colleague = Enterprise(door_app, door_parts, office, uscc=enterprise.applicant.uscc or "")
    with office.work() as session:
        number = session.get_one(Application, case).number
    page = enterprise.open("/applications")
    assert f'href="/applications/{number}"' in page
    assert "Waiting for pre-check" in page
    assert "working day" in page
    assert "The issuing authority is checking your papers" in page
    assert number not in colleague.open("/applications")


def test_a_returned_case_asks_to_be_read_and_its_correction_to_be_continued(
    enterprise: Enterprise, office: Office
) -> None:
    case = submit(enterprise)
    clerk = office.clerk(f"clerk{case}")
    office.decide(clerk, case, Verdict.FAILED)
    page = enterprise.open("/applications")
    assert "Returned to the enterprise" in page
    assert "Read what to correct" in page
    number = page.split('class="line-link" href="/applications/')[1].split('"')[0]
    assert enterprise.send(f"/applications/{number}/correct", page=f"/applications/{number}").status_code in (302, 303)
    page = enterprise.open("/applications")
    assert "Returned, please correct" in page
    assert "Read what to correct" not in page


def test_who_signed_in_with_the_key_sees_the_renewal_alone(enterprise: Enterprise) -> None:
    (key,) = enterprise.hold(1)
    with enterprise.parts.work() as session:
        holder = session.get_one(Applicant, enterprise.applicant.id)
        holder.kind, holder.certificate_sha256, holder.login, holder.password_hash = (
            "certificate",
            key.sha256,
            None,
            None,
        )
    page = enterprise.open("/applications")
    assert 'href="/renew"' in page
    assert 'value="apply"' not in page
    assert 'value="replacement"' not in page
    for wanted in ("apply", "replacement"):
        assert enterprise.send("/applications/start", page="/applications", service=wanted).status_code == 409
