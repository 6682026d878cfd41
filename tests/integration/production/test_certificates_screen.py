"""The certificates screen: found by whatever is in hand, narrowed, paged, seen by their own authority and no other."""

import re
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from tests.integration.production.on_screen import LIST, desk_of, listed, make_key
from tests.support.applicant import a_code
from tests.support.bench import Workshop
from tests.support.casework import SYSTEM
from tests.support.database import Database
from tests.support.desk import Desk
from tests.support.issued import NAME, certify, certify_elsewhere, record_of
from tests.support.tokens import Bench
from workbench.kernel.clock import now
from workbench.kernel.db import make_engine, set_scope
from workbench.kernel.identity import EVERYWHERE, Role, Scope
from workbench.keys.models import Certificate
from workbench.keys.service import revoke
from workbench.production.certificate_queries import PAGE_SIZE, CertificateFilter, page
from workbench.production.certificate_views import colons


@pytest.fixture
def desk(workshop: Workshop) -> Desk:
    """The screens of the workshop's installation."""
    return desk_of(workshop)


@pytest.fixture
def three(workshop: Workshop) -> list[int]:
    """One certificate of each authority, and one of none."""
    parts, places = workshop.parts, (*workshop.office.authority_ids, None)
    names = ("示例第一进出口有限公司", "示例第二粮油贸易公司", "示例旧系统机电公司")
    return [
        certify(parts, f"KEY-{number}", uscc=a_code(number), name=name, authority_id=place)
        for number, (name, place) in enumerate(zip(names, places, strict=True), start=1)
    ]


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
    foreign = certify_elsewhere(workshop.parts, tmp_path, days=-3)
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
    return make_key(workshop, tokens)


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
    old = certify_elsewhere(workshop.parts, tmp_path, days=200)
    shown = desk.browser(Role.AUDITOR).open(f"{LIST}{old}")
    assert "Another CA issued it than the one that is asked now." in shown
    assert "none: a key of the old system" in shown
    with workshop.parts.work() as session:
        session.get_one(Certificate, old).certificate = None
    browser = desk.browser(Role.AUDITOR)
    assert "The certificate itself is not on record" in browser.open(f"{LIST}{old}")
    assert browser.client.get(f"{LIST}{old}/certificate.cer").status_code == 404


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
