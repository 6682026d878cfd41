"""Signing in with an e-key by a real TLS handshake, and the renewal from there to a case with its three-day clock."""

import json
import ssl
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from http.client import HTTPException
from pathlib import Path
from threading import Barrier, Thread
from urllib.parse import quote, urlencode

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import select

from tests.integration.portal.key_door import CODE, HOLDER, NAME, KeyDoor, opened
from tests.support.applicant import form_token
from tests.support.ca import a_key, an_order, issued
from tests.support.casework import DOCUMENTS, SYSTEM, Office
from tests.support.certificates import ClientKey, issue, trial_authority
from tests.support.database import Database
from tests.unit.documents import samples
from workbench import create_app
from workbench.cases.models import Applicant, Application, CaseClock
from workbench.cases.service import advance
from workbench.cases.states import Action
from workbench.cases.words import Service
from workbench.documents.rendering import renderer
from workbench.kernel.audit import AuditEntry
from workbench.kernel.clock import now
from workbench.kernel.crypto import open_identity
from workbench.keys.service import revoke
from workbench.portal.door import actor_of
from workbench.portal.drafting.drafts import get_draft, list_open, problems_of
from workbench.portal.key.key_sign_in import start_renewal
from workbench.portal.uploads.papers import add_file
from workbench.portal.uploads.submitting import submit_draft
from workbench.production.algorithms import Algorithm
from workbench.production.ca.certificates import to_pem
from workbench.production.ca.embedded import EmbeddedAuthority
from workbench.production.ca.profile import Profile

LEGAL, ADDRESS = "示例法人", "示例市示例路 1 号"


@pytest.fixture
def door(fresh_database: Database, tmp_path: Path, office: Office) -> Iterator[KeyDoor]:
    with opened(fresh_database, tmp_path / "door", office) as found:
        yield found


def earlier_case(office: Office, holder: str = HOLDER) -> int:
    """The case that a key was made in."""
    form = {"legal_representative": LEGAL, "address": ADDRESS, "postcode": "000000", "telephone": "000-00000000"}
    return office.submit(office.facts(Service.NEW, uscc=CODE, enterprise_name=NAME, name=holder, form=form))


def test_the_holder_of_a_valid_key_signs_in_and_is_known_again(door: KeyDoor) -> None:
    key = door.issue()
    visitor = door.visitor(key)
    page = visitor.open("/key")
    assert NAME in page
    assert "K-1" in page
    status, headers, _ = visitor.post("/key")
    assert (status, headers["Location"]) == (303, "http://127.0.0.1:8000/renew")
    assert NAME in visitor.open("/renew")
    account = door.account(key)
    assert (account.kind, account.uscc, account.name, account.login) == ("certificate", CODE, NAME, None)
    again = door.signed_in(key)
    assert again.cookies["workbench"] != visitor.cookies["workbench"]
    assert door.account(key).id == account.id
    with door.office.work() as session:
        actions = session.scalars(select(AuditEntry.action).where(AuditEntry.subject == f"applicant:{account.id}"))
        assert list(actions) == ["applicant.signed_in_with_key"] * 2


def test_on_another_host_than_the_main_site_the_holder_goes_on_where_the_key_was_shown(door: KeyDoor) -> None:
    visitor = door.visitor(door.issue())
    host = {"Host": f"localhost:{door.port}"}
    _, headers, page = visitor.send("GET", "/key", headers=host)
    assert "form-action 'self';" in headers["Content-Security-Policy"]
    sent = urlencode({"csrf_token": form_token(page)})
    referer = {"Referer": f"https://localhost:{door.port}/key"}
    status, headers, _ = visitor.send("POST", "/key", sent, headers={**host, **referer})
    assert (status, headers["Location"]) == (303, "/renew")


def test_looking_at_the_page_signs_nobody_in(door: KeyDoor) -> None:
    visitor = door.visitor(door.issue())
    visitor.open("/key")
    with door.office.work() as session:
        assert session.scalars(select(Applicant)).all() == []
    assert visitor.send("GET", "/renew")[1]["Location"] == "/key"


def test_a_sign_in_without_the_pages_token_is_refused(door: KeyDoor) -> None:
    visitor = door.visitor(door.issue())
    assert visitor.send("POST", "/key", "")[0] == 400
    assert visitor.send("GET", "/renew")[0] == 303


def test_the_cookie_made_with_the_key_counts_without_it(door: KeyDoor) -> None:
    """The main site stands on another port of the same host and asks for no certificate."""
    visitor = door.signed_in(door.issue())
    elsewhere = door.visitor()
    elsewhere.cookies = visitor.cookies
    assert NAME in elsewhere.open("/renew")


def test_the_page_lets_its_form_end_on_the_main_site_and_nowhere_else(door: KeyDoor) -> None:
    policy = door.visitor().send("GET", "/key")[1]["Content-Security-Policy"]
    assert "form-action 'self' http://127.0.0.1:8000;" in policy
    assert "default-src 'none'" in policy


def test_without_a_certificate_the_page_says_how_to_show_one(door: KeyDoor) -> None:
    visitor = door.visitor()
    page = visitor.open("/key")
    assert "Your browser showed no certificate." in page
    assert visitor.post("/key")[0] == 403
    plain = door.app.test_client()
    plain.set_cookie("language", "en")
    asked_elsewhere = plain.get("/key").text
    assert "Your browser showed no certificate." not in asked_elsewhere
    assert 'href="https://127.0.0.1:9/key"' in asked_elsewhere


@pytest.mark.parametrize("ended", ["expired", "not_yet_valid", "revoked", "replaced", "unknown"])
def test_a_certificate_that_opens_nothing_is_told_why(door: KeyDoor, ended: str) -> None:
    key, words = ended_key(door, ended)
    visitor = door.visitor(key)
    page = visitor.open("/key", 403)
    assert [word for word in words if word not in page] == []
    assert "Sign in and renew" not in page
    assert visitor.post("/key")[0] == 403
    assert visitor.send("GET", "/renew")[1]["Location"] == "/key"
    with door.office.work() as session:
        assert session.scalars(select(Applicant)).all() == []


def ended_key(door: KeyDoor, ended: str) -> tuple[ClientKey, list[str]]:
    if ended == "expired":
        began = now() - timedelta(days=800)
        return door.issue(not_before=began, not_after=now() - timedelta(days=1)), ["has expired", "replacement"]
    if ended == "not_yet_valid":
        return door.issue(not_before=now() + timedelta(days=2)), ["not valid yet"]
    if ended == "unknown":
        return door.issue(registered=False), ["not on our records", "service line"]
    key = door.issue()
    if ended == "replaced":
        door.issue("K-2", replaces_id=door.record(key).id)
        return key, ["replaced by a newer one", "K-2"]
    with door.office.work() as session:
        revoke(session, door.record(key).id, "示例：遗失", SYSTEM)
    return key, ["was revoked", "示例：遗失", "cannot be renewed"]


def test_a_certificate_of_another_authority_does_not_get_through_the_handshake(door: KeyDoor, tmp_path: Path) -> None:
    foreign = issue(trial_authority(tmp_path / "foreign"), tmp_path, uscc=CODE)
    with pytest.raises((ssl.SSLError, ConnectionError, HTTPException)):
        door.visitor(foreign).send("GET", "/key")
    assert door.visitor().send("GET", "/key")[0] == 200


def test_a_certificate_without_its_private_key_opens_nothing(door: KeyDoor) -> None:
    """A certificate is public: written into a header it proves nothing where no proxy is trusted."""
    pem = door.issue().issued.certificate.public_bytes(Encoding.PEM)
    headers = {"X-Client-Certificate": quote(pem, safe=""), "X-Forwarded-For": "127.0.0.1"}
    assert "Sign in and renew" not in door.visitor().send("GET", "/key", headers=headers)[2]


def test_the_header_opens_behind_the_trusted_proxy_only(door: KeyDoor) -> None:
    pem = quote(door.issue().issued.certificate.public_bytes(Encoding.PEM), safe="")
    told = {"client_certificate_proxy": "10.0.0.0/8", "trusted_proxies": 1}
    settings = door.parts.settings.model_copy(update=told)
    app = create_app(parts=replace(door.parts, settings=settings))
    answers = {}
    for peer in ("10.1.2.3", "198.51.100.7"):
        client = app.test_client()
        client.set_cookie("language", "en")
        environ = {"REMOTE_ADDR": peer}
        headers = {"X-Client-Certificate": pem, "X-Forwarded-For": "10.9.9.9"}
        page = client.get("/key", headers=headers, environ_overrides=environ).text
        sent = {"csrf_token": form_token(page)}
        answers[peer] = client.post("/key", data=sent, headers=headers, environ_overrides=environ).status_code
        assert (NAME in page) == (peer == "10.1.2.3")
    assert answers == {"10.1.2.3": 303, "198.51.100.7": 403}


def test_a_key_of_sm2_opens_behind_a_proxy_that_speaks_it(door: KeyDoor, tmp_path: Path) -> None:
    """The proxy proved that the holder has the key, no more: who signed the certificate is asked here."""
    ca = EmbeddedAuthority(door.parts, Algorithm.SM2, Profile())
    order = an_order(a_key(Algorithm.SM2, tmp_path), Algorithm.SM2)
    certificate = x509.load_der_x509_certificate(issued(ca, order))
    door.register(certificate, "K-1")
    trusted = tmp_path / "sm2.pem"
    answers = []
    for chain in (ca.chain(), (door.authority.certificate.public_bytes(Encoding.DER),)):
        trusted.write_bytes(to_pem(chain[0]))
        told = {"client_certificate_proxy": "127.0.0.1", "client_ca": trusted}
        settings = door.parts.settings.model_copy(update=told)
        client = create_app(parts=replace(door.parts, settings=settings)).test_client()
        header = quote(certificate.public_bytes(Encoding.PEM), safe="")
        answers.append(client.get("/key", headers={"X-Client-Certificate": header}).status_code)
    assert answers == [200, 403]


def test_a_key_that_is_revoked_signs_its_holder_out(door: KeyDoor) -> None:
    key = door.issue()
    visitor = door.signed_in(key)
    visitor.open("/renew")
    with door.office.work() as session:
        revoke(session, door.record(key).id, "示例：遗失", SYSTEM)
    assert visitor.send("GET", "/renew")[1]["Location"] == "/key"
    assert visitor.send("GET", "/applications")[0] == 303


def test_a_renewal_is_filled_in_from_the_certificate_and_the_case_that_made_it(door: KeyDoor) -> None:
    key = door.issue(application_id=earlier_case(door.office))
    visitor = door.signed_in(key)
    status, headers, _ = visitor.post("/renew")
    assert status == 303
    page = visitor.open(headers["Location"])
    assert ADDRESS in page
    account = door.account(key)
    actor = actor_of(account, "127.0.0.1")
    with door.office.work(actor) as session:
        (draft,) = list_open(session, account.id)
        assert headers["Location"].startswith(f"/drafts/{draft.id}/")
        expected = {
            "enterprise_name": NAME,
            "uscc": CODE,
            "category": "other",
            "legal_representative": LEGAL,
            "address": ADDRESS,
            "holder_name": HOLDER,
            "holder_mobile": "10000000000",
            "holder_email": "a@example.invalid",
            "prior_key": "K-1",
            "authority_id": str(door.office.authority_ids[0]),
        }
        assert {name: draft.values[name] for name in expected} == expected
        assert draft.service == Service.RENEWAL
        assert draft.identity_ciphertext is not None
        sealed = open_identity(door.parts.secrets, draft.identity_ciphertext)
        assert draft.identity_masked == f"{sealed[0]}{'*' * 16}{sealed[-1]}"
        assert problems_of(session, door.parts, draft) == {}


def test_another_holders_own_data_is_not_handed_on(door: KeyDoor) -> None:
    key = door.issue(application_id=earlier_case(door.office, holder="示例乙"))
    door.signed_in(key).post("/renew")
    account = door.account(key)
    with door.office.work(actor_of(account, "")) as session:
        (draft,) = list_open(session, account.id)
        assert (draft.values["holder_name"], draft.values["address"]) == (HOLDER, ADDRESS)
        assert (draft.values["holder_mobile"], draft.values["holder_email"], draft.identity_ciphertext) == (
            "",
            "",
            None,
        )


def test_a_key_of_the_old_system_is_filled_in_from_the_certificate_alone(door: KeyDoor) -> None:
    key = door.issue()
    door.signed_in(key).post("/renew")
    account = door.account(key)
    with door.office.work(actor_of(account, "")) as session:
        (draft,) = list_open(session, account.id)
        assert (draft.values["enterprise_name"], draft.values["prior_key"]) == (NAME, "K-1")
        assert draft.values["address"] == ""


def test_one_renewal_at_a_time_and_a_case_with_a_three_day_clock(door: KeyDoor) -> None:
    key = door.issue(application_id=earlier_case(door.office))
    visitor = door.signed_in(key)
    first, second = visitor.post("/renew")[1]["Location"], door.signed_in(key).post("/renew")[1]["Location"]
    assert first == second
    assert "Go on with the form" in visitor.open("/renew")
    number = submit(door, key)
    with door.office.work() as session:
        case = session.scalars(select(Application).where(Application.number == number)).one()
        clocks = {each.kind: each.days for each in session.scalars(select(CaseClock).filter_by(application_id=case.id))}
        assert (case.service, case.prior_key, case.channel) == ("renewal", "K-1", "portal")
        assert clocks == {"pre_check": 2, "renewal": 3}
        case_id = case.id
    page = visitor.open("/renew")
    assert number in page
    assert "Start the renewal" not in page
    token = form_token(page)
    status, headers, _ = visitor.send("POST", "/renew", f"csrf_token={token}")
    assert (status, headers["Location"]) == (303, "/renew")
    assert open_drafts(door, key) == 0
    with door.office.work() as session:
        advance(session, case_id, Action.WITHDRAW, SYSTEM)
    assert "/drafts/" in visitor.post("/renew")[1]["Location"]


def test_a_renewal_stays_one_of_the_key_that_signed_in(door: KeyDoor) -> None:
    key = door.issue()
    visitor = door.signed_in(key)
    page = visitor.open(visitor.post("/renew")[1]["Location"])
    account = door.account(key)
    with door.office.work(actor_of(account, "")) as session:
        draft_id = list_open(session, account.id)[0].id
    sent = {"values": {"prior_key": "K-9", "address": ADDRESS}, "version": 1}
    headers = {"X-CSRFToken": form_token(page), "Content-Type": "application/json"}
    assert visitor.send("POST", f"/drafts/{draft_id}/save", json.dumps(sent), headers=headers)[0] == 200
    with door.office.work(actor_of(account, "")) as session:
        (draft,) = list_open(session, account.id)
        assert (draft.values["prior_key"], draft.values["address"]) == ("K-1", ADDRESS)


def test_starts_at_once_begin_one_renewal(door: KeyDoor) -> None:
    key = door.issue()
    door.signed_in(key)
    account, ready, begun = door.account(key), Barrier(4), []

    def start() -> None:
        ready.wait(20)
        with door.office.work(actor_of(account, "")) as session:
            begun.append(start_renewal(session, door.parts, account, "").id)

    threads = [Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (len(begun), len(set(begun)), open_drafts(door, key)) == (4, 1, 1)


def open_drafts(door: KeyDoor, key: ClientKey) -> int:
    account = door.account(key)
    with door.office.work(actor_of(account, "")) as session:
        return len(list_open(session, account.id))


def submit(door: KeyDoor, key: ClientKey) -> str:
    """Put a paper into each slot and send the form in; returns the case's number."""
    account = door.account(key)
    actor = actor_of(account, "127.0.0.1")
    with door.office.work(actor) as session:
        draft = get_draft(session, actor, list_open(session, account.id)[0].id)
        for code in DOCUMENTS:
            add_file(session, door.parts, renderer(), draft, code, f"{code}.pdf", samples.pdf())
        session.flush()
        return submit_draft(session, door.parts, renderer(), draft.id, actor).number
