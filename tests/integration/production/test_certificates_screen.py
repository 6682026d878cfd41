"""The certificates screen: found by whatever is in hand, seen by their own, revoked with the CA's answer in view."""

import re
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from tests.support.applicant import a_code
from tests.support.bench import Agent, Workshop
from tests.support.casework import SYSTEM
from tests.support.certificates import issue, trial_authority
from tests.support.database import Database
from tests.support.desk import Desk
from tests.support.issued import NAME, certify, mails, record_of, told_of
from tests.support.tokens import Bench
from workbench import create_app
from workbench.kernel.clock import now
from workbench.kernel.db import make_engine, set_scope
from workbench.kernel.identity import EVERYWHERE, Role, Scope
from workbench.keys.models import Certificate
from workbench.keys.service import register_certificate, revoke
from workbench.production import revoking
from workbench.production.ca.choosing import load_authority
from workbench.production.ca.connector import CaMisconfigured, Pending, Rejected, RevocationReason
from workbench.production.certificate_queries import PAGE_SIZE, CertificateFilter, page
from workbench.production.certificate_views import colons
from workbench.production.models import RevocationOrder

LIST = "/desk/certificates/"


@pytest.fixture
def desk(workshop: Workshop) -> Desk:
    """The screens of the workshop's installation."""
    return Desk(create_app(parts=workshop.parts), workshop.parts, workshop.office.authority_ids[0])


@pytest.fixture
def three(workshop: Workshop) -> list[int]:
    """One certificate of each authority, and one of none."""
    parts, places = workshop.parts, (*workshop.office.authority_ids, None)
    names = ("示例第一进出口有限公司", "示例第二粮油贸易公司", "示例旧系统机电公司")
    return [
        certify(parts, f"KEY-{number}", uscc=a_code(number), name=name, authority_id=place)
        for number, (name, place) in enumerate(zip(names, places, strict=True), start=1)
    ]


def listed(page: str) -> list[int]:
    """The certificates a list shows, in its order."""
    return [int(found) for found in re.findall(r'href="/desk/certificates/(\d+)" title=', page)]


def test_a_certificate_is_found_by_whatever_is_in_hand(workshop: Workshop, desk: Desk, three: list[int]) -> None:
    case = workshop.approved(sealed=False)
    number = workshop.read(lambda session: session.execute(text("SELECT number FROM application")).scalar_one())
    made = certify(workshop.parts, "KEY-9", uscc=a_code(9), application_id=case)
    serial = record_of(workshop.parts, three[0]).serial
    asked = {
        serial.lower(): three[0],
        colons(serial): three[0],
        f"0x00{serial}": three[0],
        serial[:10]: three[0],
        " KEY-2 ": three[1],
        f"{a_code(2)[:9]} {a_code(2)[9:]}".lower(): three[1],
        "粮油": three[1],
        "旧系统": three[2],
        number: made,
    }
    browser = desk.browser(Role.VENDOR_SUPERVISOR)
    for words, expected in asked.items():
        answer = browser.client.get(LIST, query_string={"q": words}).text
        assert listed(answer) == [expected], words
    assert listed(browser.client.get(LIST, query_string={"q": "KEY-"}).text) == [made, *reversed(three)]
    for nothing in ("%", "_", "KEY_1", "ZZ", "'; --", "\x00", "EK20260000000"):
        assert made not in listed(browser.client.get(LIST, query_string={"q": nothing}).text) or nothing == "\x00"
    assert "No certificate matches" in browser.client.get(LIST, query_string={"q": "%"}).text


def test_lists_are_narrowed_by_what_stands_in_the_address(workshop: Workshop, desk: Desk, tmp_path: Path) -> None:
    parts = workshop.parts
    soon = certify(parts, "K-5", uscc=a_code(1), lasts=timedelta(days=5))
    later = certify(parts, "K-25", uscc=a_code(2), lasts=timedelta(days=25))
    far = certify(parts, "K-55", uscc=a_code(3), lasts=timedelta(days=55))
    long = certify(parts, "K-700", uscc=a_code(4))
    ended = certify(parts, "K-r", uscc=a_code(5))
    with parts.work() as session:
        revoke(session, ended, "示例：遗失", SYSTEM)
    foreign = old_certificate(workshop, tmp_path, days=-3)
    browser = desk.browser(Role.AUDITOR)
    issuer = record_of(parts, foreign).issuer
    expected = {
        "": [foreign, ended, long, far, later, soon],
        "expiring=60": [soon, later, far],
        "expiring=30": [soon, later],
        "expiring=7": [soon],
        "state=valid": [long, far, later, soon],
        "state=revoked": [ended],
        "state=expired": [foreign],
        "state=replaced": [],
        "algorithm=p-256": [ended, long, far, later, soon],
        "algorithm=sm2": [],
        "unconfirmed=1": [],
        "expiring=60&unreachable=1": [soon, later, far],
        "state=nonsense&expiring=8&algorithm=x&authority=x": [foreign, ended, long, far, later, soon],
    }
    for arguments, rows in expected.items():
        assert listed(browser.open(f"{LIST}?{arguments}")) == rows, arguments
    assert listed(browser.client.get(LIST, query_string={"ca": issuer}).text) == [foreign]


def old_certificate(workshop: Workshop, folder: Path, days: int, number: int = 8) -> int:
    """A certificate of another CA, which ends so many days from now."""
    key = issue(
        trial_authority(folder / "old"),
        folder / "old-keys",
        uscc=a_code(number),
        not_before=now() - timedelta(days=400),
        not_after=now() + timedelta(days=days),
    )
    with workshop.parts.work() as session:
        return register_certificate(
            session,
            key.issued.certificate,
            key_number=f"OLD-{number}",
            holder_name="示例甲",
            uscc=a_code(number),
            enterprise_name="示例旧系统公司",
            authority_id=None,
            application_id=None,
            actor=SYSTEM,
        ).id


def test_pages_follow_each_other_without_gap_or_repeat(workshop: Workshop, desk: Desk) -> None:
    total = 2 * PAGE_SIZE + 7
    with workshop.parts.work() as session:
        # Half of them end at the same instant: the place in a list is not told by the instant alone.
        session.add_all(a_record(number, now() + timedelta(days=50 + number // 60)) for number in range(total))
    supervisor = workshop.office.hire("supervisor", Role.VENDOR_SUPERVISOR)
    for wanted in (CertificateFilter(), CertificateFilter(expiring=60)):
        with workshop.parts.work() as session:
            first = page(session, supervisor, wanted)
            second = page(session, supervisor, wanted, after=first.after)
            third = page(session, supervisor, wanted, after=second.after)
            back = page(session, supervisor, wanted, before=third.before)
        assert [len(each.rows) for each in (first, second, third)] == [PAGE_SIZE, PAGE_SIZE, 7]
        ids = [row.id for each in (first, second, third) for row in each.rows]
        assert len(set(ids)) == total
        assert [row.id for row in back.rows] == [row.id for row in second.rows]
        assert (first.before, third.after, str(first.total)) == (None, None, str(total))
    browser = desk.browser(Role.VENDOR_SUPERVISOR)
    assert len(listed(browser.open(f"{LIST}?after=nonsense"))) == PAGE_SIZE
    assert f"{total} certificates, newest first" in browser.open(LIST)


def a_record(number: int, not_after: object) -> Certificate:
    return Certificate(
        sha256=f"{number:064x}",
        serial=f"{number + 0xA0000000:X}",
        issuer="CN=示例",
        subject="CN=示例甲",
        uscc=a_code(number),
        enterprise_name=f"示例第{number}公司",
        holder_name="示例甲",
        key_number=f"B-{number}",
        not_before=now() - timedelta(days=600),
        not_after=not_after,
        state_since=now(),
        registered_at=now(),
    )


def test_an_authority_sees_its_own_certificates_alone(workshop: Workshop, desk: Desk, three: list[int]) -> None:
    own, foreign, old = three
    browser = desk.browser(Role.PRE_CHECKER)
    assert listed(browser.open(LIST)) == [own]
    assert listed(browser.client.get(LIST, query_string={"q": "粮油"}).text) == []
    assert listed(browser.client.get(LIST, query_string={"q": record_of(workshop.parts, foreign).serial}).text) == []
    assert "Authority</th>" not in browser.open(LIST)
    browser.open(f"{LIST}{own}")
    for hidden in (foreign, old, 10**17, 2**63):
        for path in ("", "/certificate.cer", "/certificate.pem", "/end"):
            assert browser.client.get(f"{LIST}{hidden}{path}").status_code == 404, (hidden, path)
    assert browser.send(f"{LIST}{own}/revoke", LIST, because="lost", remark="示例").status_code == 403


def test_the_orm_narrows_certificates_where_no_policy_stands_behind_it(
    workshop: Workshop, three: list[int], fresh_database: Database
) -> None:
    """The owner is bound by no policy: what narrows here is the fence of the ORM alone."""
    engine = make_engine(fresh_database.owner_url)
    reach = {
        EVERYWHERE: three,
        Scope(frozenset({workshop.office.authority_ids[1]})): [three[1]],
        Scope(applicant_id=1): [],
        Scope(): [],
    }
    for scope, expected in reach.items():
        with Session(engine) as session:
            set_scope(session, scope)
            assert session.scalars(select(Certificate.id).order_by(Certificate.id)).all() == expected
            assert session.execute(text("SELECT count(*) FROM certificate")).scalar_one() == len(three)
    engine.dispose()


def test_the_database_narrows_certificates_whatever_is_sent(workshop: Workshop, three: list[int]) -> None:
    own = workshop.office.clerk("another").scope
    for scope, expected in ((own, [three[0]]), (Scope(applicant_id=1), []), (Scope(), [])):
        with workshop.parts.work(scope) as session:
            assert session.execute(text("SELECT id FROM certificate")).scalars().all() == expected
            found = session.execute(text("SELECT search_certificates('示例', 100)")).scalars().all()
            assert found == expected


@pytest.fixture
def made(workshop: Workshop, tokens: Bench) -> tuple[int, int]:
    """A case whose key was made at the bench, and its certificate."""
    (serial,) = tokens.add(1)
    workshop.stock(serial)
    case, station = workshop.approved(), workshop.bench()
    workshop.scan(station, serial)
    Agent(workshop.parts, station, tokens.driver).work()
    (certificate,) = workshop.certificates(case)
    return case, certificate.id


def test_one_certificate_shows_all_that_is_on_record(
    workshop: Workshop, desk: Desk, made: tuple[int, int], tmp_path: Path
) -> None:
    record = record_of(workshop.parts, made[1])
    browser = desk.browser(Role.KEY_MAKER)
    shown = browser.open(f"{LIST}{record.id}")
    for words in (
        record.serial,
        colons(record.serial),
        record.key_number,
        "Issued by the CA and put on record",
        "Written on the token, read back and found right",
        "Electronic seal signed for it",
        "Token: personalised and verified",
        "Vendor's stock",
        "TRIAL Issuing CA 试用",
        "TRIAL Root CA 试用",
        f"S{made[0]}",
        "Issued by a trial CA",
    ):
        assert words in shown, words
    assert "Revoke</button>" not in shown
    chinese = desk.browser(Role.KEY_MAKER, "zh").open(f"{LIST}{record.id}")
    assert "证书链" in chinese
    der, pem = tmp_path / "one.cer", tmp_path / "one.pem"
    for file in (der, pem):
        answer = browser.client.get(f"{LIST}{record.id}/certificate{file.suffix}")
        assert f'filename="{record.serial}{file.suffix}"' in answer.headers["Content-Disposition"]
        file.write_bytes(answer.data)
    for form, file in (("DER", der), ("PEM", pem)):
        command = ["openssl", "x509", "-inform", form, "-in", str(file), "-noout", "-serial"]
        told = subprocess.run(command, capture_output=True, text=True, check=True)
        assert int(told.stdout.strip().removeprefix("serial="), 16) == int(record.serial, 16)


def test_an_authority_reads_the_history_of_its_own(workshop: Workshop, desk: Desk, made: tuple[int, int]) -> None:
    page_ = desk.browser(Role.AUTHORITY_SUPERVISOR).open(f"{LIST}{made[1]}")
    assert "Issued by the CA and put on record" in page_
    assert "personalised and verified" in page_
    assert "/desk/production/stock" not in page_


def test_a_certificate_of_the_old_system_says_what_is_not_known(desk: Desk, workshop: Workshop, tmp_path: Path) -> None:
    old = old_certificate(workshop, tmp_path, days=200)
    shown = desk.browser(Role.AUDITOR).open(f"{LIST}{old}")
    assert "Another CA issued it than the one that is asked now." in shown
    assert "none: a key of the old system" in shown
    with workshop.parts.work() as session:
        session.get_one(Certificate, old).certificate = None
    browser = desk.browser(Role.AUDITOR)
    assert "The certificate itself is not on record" in browser.open(f"{LIST}{old}")
    assert browser.client.get(f"{LIST}{old}/certificate.cer").status_code == 404


def test_a_supervisor_revokes_and_the_ca_publishes_the_end(
    workshop: Workshop, desk: Desk, made: tuple[int, int]
) -> None:
    record = record_of(workshop.parts, made[1])
    browser, path = desk.browser(Role.VENDOR_SUPERVISOR), f"{LIST}{made[1]}"
    question = re.search(r'data-confirm="(Revoke the certificate[^"]+)"', browser.open(path))
    assert question is not None
    assert [
        word for word in (record.enterprise_name, record.key_number, record.serial) if word not in question[1]
    ] == []
    assert browser.send(f"{path}/revoke", path, because="lost", remark=" ").status_code == 400
    assert browser.send(f"{path}/revoke", path, because="none", remark="示例").status_code == 400
    assert record_of(workshop.parts, made[1]).state == "valid"
    assert browser.send(f"{path}/revoke", path, because="lost", remark="示例：办公室被盗").status_code == 303

    ended = record_of(workshop.parts, made[1])
    assert (ended.state, ended.state_reason, ended.revocation_reason) == (
        "revoked",
        "示例：办公室被盗",
        "keyCompromise",
    )
    (mail,) = mails(workshop.parts)
    assert (mail.event, mail.recipient) == (f"certificate:{made[1]}:revoked", "a@example.invalid")
    assert "示例：办公室被盗" in mail.body
    assert "电子钥匙遗失" in mail.body
    assert "办公室" not in mail.subject
    assert browser.client.get(f"{path}/end").get_json()["waits"] is True
    assert "has not confirmed yet" in browser.open(path)
    assert listed(browser.open(f"{LIST}?unconfirmed=1")) == [made[1]]

    revoking.end_at_ca(workshop.parts, made[1])
    told = browser.client.get(f"{path}/end").get_json()
    assert (told["waits"], told["words"]) == (False, "The CA has confirmed the end")
    assert listed(browser.open(f"{LIST}?unconfirmed=1")) == []
    crl = x509.load_der_x509_crl(browser.client.get("/ca/p-256.crl").data)
    entry = crl.get_revoked_certificate_by_serial_number(int(record.serial, 16))
    assert entry is not None
    assert entry.extensions.get_extension_for_class(x509.CRLReason).value.reason is x509.ReasonFlags.key_compromise
    assert told_of(workshop.parts, made[1])[-3:] == [
        "certificate.revoked",
        "certificate.end_ordered",
        "certificate.ended_by_ca",
    ]
    assert browser.send(f"{path}/revoke", path, because="lost", remark="示例").status_code == 409


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.VENDOR_SUPERVISOR])
def test_nobody_else_revokes(workshop: Workshop, desk: Desk, role: Role) -> None:
    one = certify(workshop.parts, authority_id=workshop.office.authority_ids[0])
    browser = desk.browser(role)
    for verb in ("revoke", "ask-again", "confirm"):
        sent = browser.send(f"{LIST}{one}/{verb}", "/desk/", because="lost", remark="示例")
        assert sent.status_code == 403, verb
    assert record_of(workshop.parts, one).state == "valid"


class Refusing:
    """Stands before the CA: says no, later, or nothing at all."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answer: Pending | Rejected | Exception | None) -> None:
        self.answer = answer
        self.real = load_authority
        monkeypatch.setattr(revoking, "load_authority", self)

    def __call__(self, parts: object) -> "Refusing":
        if isinstance(self.answer, CaMisconfigured):
            raise self.answer
        self.parts = parts
        return self

    def chain(self) -> object:
        return self.real(self.parts).chain()  # type: ignore[arg-type]

    def revoke(self, transaction_id: str, certificate: bytes, reason: RevocationReason) -> object:
        if self.answer is not None:
            assert not isinstance(self.answer, Exception)
            return self.answer
        return self.real(self.parts).revoke(transaction_id, certificate, reason)  # type: ignore[arg-type]


@pytest.fixture
def one(workshop: Workshop) -> int:
    """A certificate of no case."""
    return certify(workshop.parts)


def order_of(workshop: Workshop, certificate_id: int) -> RevocationOrder:
    statement = select(RevocationOrder).where(RevocationOrder.certificate_id == certificate_id)
    return workshop.read(lambda session: session.scalars(statement).one())


def test_a_refused_end_is_shown_and_asked_for_again(
    workshop: Workshop, desk: Desk, one: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ca = Refusing(monkeypatch, Rejected("示例：请先书面申请"))
    browser, path = desk.browser(Role.VENDOR_SUPERVISOR), f"{LIST}{one}"
    answer = browser.send(f"{path}/revoke", path, because="other", remark="示例")
    assert answer.status_code == 303
    assert "please tell the enterprise yourself" in browser.client.get(path).text
    revoking.end_at_ca(workshop.parts, one)
    shown = browser.open(path)
    assert "The CA refused to end it" in shown
    assert "示例：请先书面申请" in shown
    first = order_of(workshop, one).transaction_id
    ca.answer = None
    assert browser.send(f"{path}/ask-again", path).status_code == 303
    assert order_of(workshop, one).transaction_id != first, "under the old one a CA repeats its answer"
    revoking.end_at_ca(workshop.parts, one)
    assert "The CA has confirmed the end" in browser.open(path)
    assert browser.send(f"{path}/ask-again", path).status_code == 409


def test_an_unanswered_end_stays_asked_and_can_be_pressed(
    workshop: Workshop, desk: Desk, one: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ca = Refusing(monkeypatch, Pending(timedelta(hours=1)))
    browser, path = desk.browser(Role.VENDOR_SUPERVISOR), f"{LIST}{one}"
    browser.send(f"{path}/revoke", path, because="damaged", remark="示例")
    revoking.end_at_ca(workshop.parts, one)
    assert order_of(workshop, one).ask_again_at is not None
    first = order_of(workshop, one).transaction_id
    ca.answer = None
    browser.send(f"{path}/ask-again", path)
    assert order_of(workshop, one).transaction_id == first, "the CA is at it: the same transaction goes on"
    revoking.end_at_ca(workshop.parts, one)
    assert record_of(workshop.parts, one).revoked_by_ca_at is not None


def test_a_certificate_ends_on_record_while_no_ca_can_be_asked(
    workshop: Workshop, desk: Desk, one: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ca = Refusing(monkeypatch, CaMisconfigured("示例：no key"))
    browser, path = desk.browser(Role.VENDOR_SUPERVISOR), f"{LIST}{one}"
    assert browser.send(f"{path}/revoke", path, because="lost", remark="示例").status_code == 303
    assert record_of(workshop.parts, one).state == "revoked"
    browser.open(path)
    ca.answer = None
    browser.send(f"{path}/ask-again", path)
    revoking.end_at_ca(workshop.parts, one)
    assert record_of(workshop.parts, one).revoked_by_ca_at is not None


def test_an_end_that_is_known_otherwise_is_noted_with_its_reason(
    workshop: Workshop, desk: Desk, tmp_path: Path
) -> None:
    old = old_certificate(workshop, tmp_path, days=200)
    browser, path = desk.browser(Role.VENDOR_SUPERVISOR), f"{LIST}{old}"
    assert browser.send(f"{path}/confirm", path, remark="示例").status_code == 409
    browser.send(f"{path}/revoke", path, because="lost", remark="示例")
    revoking.end_at_ca(workshop.parts, old)
    assert "Another CA issued it: it has to be ended there" in browser.open(path)
    assert browser.send(f"{path}/confirm", path, remark="").status_code == 400
    assert browser.send(f"{path}/confirm", path, remark="示例：对方回函").status_code == 303
    shown = browser.open(path)
    assert "The CA has confirmed the end" in shown
    assert "示例：对方回函" in shown


def test_supervisors_see_on_their_first_page_what_expires(workshop: Workshop, desk: Desk) -> None:
    first, second = workshop.office.authority_ids
    certify(workshop.parts, "K-1", uscc=a_code(1), lasts=timedelta(days=5), authority_id=first)
    certify(workshop.parts, "K-2", uscc=a_code(2), lasts=timedelta(days=40), authority_id=second)
    figures = {}
    for role in (Role.VENDOR_SUPERVISOR, Role.AUTHORITY_SUPERVISOR):
        shown = desk.browser(role).open("/desk/")
        figures[role] = re.findall(r"within \d+ days</a></dt><dd>(\d+)</dd>", shown)
        assert "expiring=60&amp;unreachable=1" in shown
    assert figures == {Role.VENDOR_SUPERVISOR: ["1", "1", "2"], Role.AUTHORITY_SUPERVISOR: ["1", "1", "1"]}
    assert "expire" not in desk.browser(Role.KEY_MAKER).open("/desk/")


def test_names_stay_text(workshop: Workshop, desk: Desk) -> None:
    one = certify(workshop.parts, name="<b>示例</b>公司", uscc=a_code(3))
    browser = desk.browser(Role.AUDITOR)
    for path in (LIST, f"{LIST}{one}"):
        assert "<b>示例</b>" not in browser.open(path)
    assert NAME not in browser.open(LIST)
