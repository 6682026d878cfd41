"""The way of a user PIN: into a letter or an e-mail, and into nothing else that anybody can read; erased when it is
delivered, and after seven days at the latest.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest
from sqlalchemy import select, text

from tests.integration.production.bench_floor import ROOT, Floor, open_floor, words_of
from tests.support.database import Database
from tests.support.prints import pages_of, text_of
from workbench.cases.models import Application, CaseDecider
from workbench.kernel.audit import AuditEntry
from workbench.kernel.clock import clock_at, now
from workbench.kernel.crypto import open_secret
from workbench.kernel.errors import NotAllowed
from workbench.kernel.identity import Actor, Role
from workbench.kernel.mail import send_message
from workbench.kernel.outbox import OutboxMessage
from workbench.production import pins
from workbench.production.models import Making
from workbench.production.tasks import erase_old_pins

READABLE = ("outbox_message", "audit_entry", "procrastinate_jobs", "making", "application", "custody_entry", "seal")
"""Tables of which a dump must not hold a PIN in clear."""


@contextmanager
def a_bench(database: Database, folder: Path, delivery: str) -> Iterator[Floor]:
    with open_floor(database, folder, pin_delivery=delivery) as floor:
        floor.sit_down()
        yield floor


@pytest.fixture
def bench(fresh_database: Database, tmp_path: Path) -> Iterator[Floor]:
    """A maker at a bench of a house that sends PINs by letter."""
    with a_bench(fresh_database, tmp_path, "letter") as floor:
        yield floor


@pytest.fixture
def mailing(fresh_database: Database, tmp_path: Path) -> Iterator[Floor]:
    """A maker at a bench of a house that sends PINs by e-mail."""
    with a_bench(fresh_database, tmp_path, "email") as floor:
        yield floor


def pin_of(bench: Floor, making_id: int) -> str:
    """The PIN as it lies sealed."""
    kept = bench.workshop.making(making_id).pin_ciphertext
    assert kept is not None
    return open_secret(bench.workshop.parts.secrets, kept)


def dump(bench: Floor) -> str:
    """Everything that whoever reads the database finds in text."""
    return bench.workshop.read(
        lambda session: " ".join(
            row for table in READABLE for row in session.scalars(text(f"SELECT t::text FROM {table} t"))
        )
    )


def recorded(bench: Floor) -> list[str]:
    """What the audit log says of PINs, in order."""
    return list(
        bench.workshop.read(
            lambda session: session.scalars(
                select(AuditEntry.action).where(AuditEntry.action.like("pin.%")).order_by(AuditEntry.at, AuditEntry.seq)
            ).all()
        )
    )


def test_a_letter_holds_the_pin_and_nothing_else_does(bench: Floor) -> None:
    (made,) = bench.made()
    pin = pin_of(bench, made)
    answer = bench.act("letters", making=made)
    assert (answer.status_code, answer.mimetype) == (200, "application/pdf")
    letter = text_of(answer.data)
    assert pin in re.sub(r"\s", "", letter)
    for said in ("示例甲", "口令", "请勿拆封"):
        assert said in letter
    assert pin not in str(answer.headers)
    assert answer.headers["Cache-Control"] == "no-store"
    shown = bench.page(key=made) + str(bench.state(key=made)) + bench.browser.get("/desk/").text
    assert pin not in shown
    assert pin not in dump(bench)
    assert recorded(bench) == ["pin.letter_printed"]


def test_a_letter_is_printed_until_it_is_closed_and_never_after(bench: Floor) -> None:
    (made,) = bench.made()
    refused = bench.act("letters/sealed", making=made)
    assert refused.status_code == 409
    assert "has not been printed yet" in refused.get_json()["detail"]
    assert bench.act("letters", making=made).status_code == 200
    assert bench.act("letters", making=made).status_code == 200
    assert "letter to close" in words_of(bench.state()["pieces"]["log"])
    assert bench.act("letters/sealed", making=made).get_json()["tone"] == "ok"
    making = bench.workshop.making(made)
    assert making.pin_ciphertext is None
    assert making.pin_delivered_at is not None
    again = bench.act("letters", making=made)
    assert "has been delivered; nobody can print it again" in again.get_json()["detail"]
    assert bench.act("letters/sealed", making=made).status_code == 409
    assert recorded(bench) == ["pin.letter_printed", "pin.letter_printed", "pin.letter_sealed"]


def test_all_letters_are_printed_and_closed_together(bench: Floor) -> None:
    first, second = bench.made(2)
    pins_kept = [pin_of(bench, first), pin_of(bench, second)]
    assert "2 letters wait" in words_of(bench.state()["pieces"]["letters"])
    answer = bench.act("letters", all="1")
    assert pages_of(answer.data) == 2
    for page, pin in enumerate(pins_kept):
        assert pin in re.sub(r"\s", "", text_of(answer.data, page))
    assert bench.act("letters/sealed", all="1").status_code == 200
    assert "None waits." in words_of(bench.state()["pieces"]["letters"])
    assert bench.act("letters", all="1").status_code == 404
    assert bench.act("letters").status_code == 404


def test_only_printed_letters_are_offered_and_taken_as_closed(bench: Floor) -> None:
    first, second, third = bench.made(3)

    def piece() -> str:
        return str(bench.state()["pieces"]["letters"])

    assert "letters/sealed" not in piece()
    assert "Print 3 letters" in words_of(piece())
    assert bench.act("letters/sealed", all="1").status_code == 404
    bench.act("letters", making=first)
    shown = piece()
    assert "Are the" not in shown
    assert "Is the 1 printed letter closed?" in shown
    assert "Print the rest first" in words_of(shown)
    assert "Print 2 letters" in words_of(shown)
    sealing = shown[shown.index("letters/sealed") :]
    assert re.findall(r'name="making" value="(\d+)"', sealing) == [str(first)]
    assert bench.act("letters/sealed", all="1").status_code == 200
    kept = [bench.workshop.making(each).pin_ciphertext is not None for each in (first, second, third)]
    assert kept == [False, True, True]
    bench.act("letters", making=second)
    assert pages_of(bench.act("letters", rest="1").data) == 1
    assert "All are closed" in words_of(piece())
    assert recorded(bench).count("pin.letter_printed") == 3


def test_no_letter_is_printed_of_a_key_that_is_not_made(bench: Floor) -> None:
    bench.workshop.approved()
    (serial,) = bench.tokens()
    making = bench.making_id(bench.scan(serial))
    assert bench.act("letters", making=making).status_code == 409
    assert bench.act("letters/sealed", making=making).status_code == 409
    assert bench.workshop.making(making).pin_ciphertext is not None


def test_letters_are_for_makers_who_did_not_decide_on_the_case(bench: Floor) -> None:
    (made,) = bench.made()
    with bench.workshop.parts.work() as session:
        making = session.get_one(Making, made)
        authority = session.get_one(Application, making.application_id).authority_id
        checker = Actor("staff", bench.workshop.re_checker.id, "x", frozenset({Role.KEY_MAKER}))
        assert session.get(CaseDecider, (making.application_id, checker.id)) is not None
        assert authority == making.authority_id
        with pytest.raises(NotAllowed):
            pins.print_letters(session, bench.workshop.parts, checker, [made])
    _, supervisor = bench.hire("boss", Role.VENDOR_SUPERVISOR)
    assert bench.act("letters", supervisor, making=made).status_code == 403
    assert bench.act("letters/sealed", supervisor, making=made).status_code == 403
    assert recorded(bench) == []


def test_a_pin_is_erased_after_seven_days_and_said_to_be(bench: Floor) -> None:
    (made,) = bench.made()
    ended_at = bench.workshop.making(made).ended_at
    assert ended_at is not None
    with clock_at(ended_at + timedelta(days=7) - timedelta(minutes=1)):
        erase_old_pins(0)
    assert bench.workshop.making(made).pin_ciphertext is not None
    with clock_at(ended_at + timedelta(days=7, minutes=1)):
        erase_old_pins(0)
        erase_old_pins(0)
    making = bench.workshop.making(made)
    assert (making.pin_ciphertext, making.pin_delivered_at) == (None, None)
    assert "was erased because its letter" in bench.act("letters", making=made).get_json()["detail"]
    assert "PIN erased" in words_of(bench.state(key=made)["pieces"]["job"])
    assert recorded(bench) == ["pin.erased"]


def test_a_key_that_stands_still_keeps_its_pin_however_long(bench: Floor) -> None:
    bench.workshop.approved()
    (serial,) = bench.tokens()
    making = bench.making_id(bench.scan(serial))
    with clock_at(now() + timedelta(days=40)):
        erase_old_pins(0)
    assert bench.workshop.making(making).pin_ciphertext is not None
    bench.act(f"makings/{making}/put-back")
    assert bench.workshop.making(making).pin_ciphertext is None


def mail_of(bench: Floor, making_id: int) -> OutboxMessage:
    return bench.workshop.read(
        lambda session: session.scalars(select(OutboxMessage).where(OutboxMessage.event == f"pin:{making_id}")).one()
    )


def test_by_mail_the_pin_goes_to_the_holder_and_stays_sealed_until_it_is_sent(mailing: Floor) -> None:
    mailing.workshop.approved(enterprise_name="示例远航进出口有限公司")
    (serial,) = mailing.tokens()
    made = mailing.making_id(mailing.scan(serial))
    pin = pin_of(mailing, made)
    mailing.agent.work()
    making = mailing.workshop.making(made)
    assert (making.state, making.pin_ciphertext) == ("made", None)
    assert making.pin_delivered_at is not None
    waiting = mail_of(mailing, made)
    assert waiting.recipient == "a@example.invalid"
    assert waiting.secret_ciphertext is not None
    assert open_secret(mailing.workshop.parts.secrets, waiting.secret_ciphertext) == pin
    assert pin not in dump(mailing)
    send_message(waiting.id)
    sent = mail_of(mailing, made)
    assert (sent.state, sent.secret_ciphertext) == ("sent", None)
    assert pin not in dump(mailing)
    file = mailing.workshop.parts.settings.mail_dir / f"{waiting.id:09d}.eml"
    read = message_from_bytes(file.read_bytes(), policy=default)
    assert str(read.get_content()).count(pin) == 2
    assert serial in read.get_content()
    assert pin not in str(read["Subject"])
    assert recorded(mailing) == ["pin.mailed"]


def test_by_mail_no_letter_is_offered(mailing: Floor) -> None:
    (made,) = mailing.made()
    job = words_of(mailing.state(key=made)["pieces"]["job"])
    assert "PIN delivered" in job
    assert "PIN letter" not in job
    assert "None waits." in words_of(mailing.state()["pieces"]["letters"])
    assert mailing.act("letters", making=made).status_code == 409


def test_a_holder_who_calls_themselves_like_the_place_of_a_secret_gets_nobody_elses(mailing: Floor) -> None:
    mailing.workshop.approved(enterprise_name="示例⟦secret⟧有限公司")
    (serial,) = mailing.tokens()
    made = mailing.making_id(mailing.scan(serial))
    mailing.agent.work()
    assert mailing.workshop.making(made).state == "made"
    assert ROOT in mailing.page()
