"""The demo load: what stands where afterwards, whether its past obeys the rules, and whether a cut load can go on."""

from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import func, select

from tests.integration.demo.conftest import SMALL, LoadedDemo, settings_for
from tests.support.database import Database
from workbench.cases.models import Application, CaseDecider, CaseEvent, Submission
from workbench.demo import load, telling
from workbench.demo.accounts import ACCOUNTS, DEMO_ACCOUNTS, PASSWORD, offered
from workbench.demo.story import Ending
from workbench.documents.models import Attachment
from workbench.kernel import audit_verify, checkpoints
from workbench.kernel.audit import AuditEntry
from workbench.kernel.clock import now
from workbench.kernel.parts import make_parts
from workbench.organisation.models import PickupSite, Staff
from workbench.organisation.passwords import matches
from workbench.review.models import Mark, Review

# Papers are drawn and opened for real, which takes long on a machine with other work.
pytestmark = pytest.mark.timeout(600)

STATES = {
    "pre_check": Ending.PRE_CHECK,
    "re_check": Ending.RE_CHECK,
    "returned": Ending.RETURNED,
    "production": Ending.PRODUCTION,
    "withdrawn": Ending.WITHDRAWN,
}


def test_every_case_stands_where_its_story_ends(demo: LoadedDemo) -> None:
    with demo.parts.work() as session:
        states = Counter(session.scalars(select(Application.state)))
    expected = Counter(ending for row in SMALL.values() for ending, count in row.items() for _ in range(count))
    assert {STATES[state]: count for state, count in states.items()} == expected


def test_nobody_decided_at_two_desks_of_one_case_and_every_verdict_has_its_remark(demo: LoadedDemo) -> None:
    with demo.parts.work() as session:
        desks = session.execute(
            select(func.count(func.distinct(CaseDecider.desk))).group_by(
                CaseDecider.application_id, CaseDecider.staff_id
            )
        ).scalars()
        assert set(desks) == {1}
        verdicts = session.scalars(select(Review).where(Review.verdict.is_not(None))).all()
        assert {review.desk for review in verdicts} == {"pre_check", "re_check"}
        assert all(review.remark and "%(faults)s" not in review.remark for review in verdicts)


def test_a_review_passed_without_faults_and_failed_with_some(demo: LoadedDemo) -> None:
    with demo.parts.work() as session:
        rows = session.execute(
            select(Review.verdict, func.count(Mark.id).filter(Mark.value == "fault"))
            .outerjoin(Mark, Mark.review_id == Review.id)
            .where(Review.verdict.is_not(None))
            .group_by(Review.id)
        ).all()
    assert {verdict for verdict, _ in rows} == {"passed", "failed"}
    assert all((faults > 0) == (verdict == "failed") for verdict, faults in rows)


def test_faults_carry_regions_and_later_rounds_carry_files(demo: LoadedDemo) -> None:
    with demo.parts.work() as session:
        regions = session.scalars(select(Mark.region).where(Mark.value == "fault")).all()
        carried = session.scalar(select(func.count()).where(Attachment.carried_from_id.is_not(None)))
        answers = session.scalars(select(Submission.answer).where(Submission.round > 1)).all()
    assert any(region is not None for region in regions)
    assert carried
    assert answers
    assert all(answer and answer.endswith("请审核。") for answer in answers)


def test_history_is_in_order_and_nothing_lies_in_the_future(demo: LoadedDemo) -> None:
    with demo.parts.work() as session:
        events = session.execute(select(CaseEvent.application_id, CaseEvent.at).order_by(CaseEvent.id)).all()
        running = session.scalars(
            select(Application).where(Application.state.in_(("pre_check", "re_check", "production")))
        ).all()
        assert all(each.due_at is not None for each in running)
    last: dict[int, object] = {}
    for application_id, at in events:
        assert at <= now()
        assert application_id not in last or at > last[application_id]  # type: ignore[operator]
        last[application_id] = at


def test_one_case_is_in_a_colleagues_hands(demo: LoadedDemo) -> None:
    with demo.parts.work() as session:
        holders = session.scalars(select(Staff.login).join(Application, Application.claimed_by_id == Staff.id)).all()
    assert holders == [load.CLAIMED_BY]


def test_the_audit_log_verifies(demo: LoadedDemo, capsys: pytest.CaptureFixture[str]) -> None:
    with demo.parts.work() as session:
        checkpoints.take_checkpoint(session, demo.parts.secrets)
    with demo.parts.work() as session:
        checkpoints.export_checkpoints(session, demo.settings, demo.parts.secrets)
    url = demo.parts.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    audit_dir = demo.settings.audit_dir
    words = [url, "--public-key", str(audit_dir / checkpoints.PUBLIC_KEY)]
    code = audit_verify.main([*words, "--checkpoints", str(audit_dir / checkpoints.CHECKPOINTS)])
    assert code == 0, capsys.readouterr()


def test_accounts_work_as_the_sign_in_page_says(demo: LoadedDemo) -> None:
    with demo.parts.work() as session:
        staff = {each.login: each for each in session.scalars(select(Staff))}
        sites = session.scalars(select(PickupSite)).all()
    assert set(staff) == {account.login for account in ACCOUNTS}
    assert not any(each.must_change_password for each in staff.values())
    assert matches(staff["admin"].password_hash, PASSWORD)
    assert offered(demo.parts) == DEMO_ACCOUNTS
    assert all("示例路" in site.address and site.telephone == "000-00000000" for site in sites)


def test_a_second_load_does_nothing(demo: LoadedDemo) -> None:
    lines: list[str] = []
    with demo.parts.work() as session:
        before = session.scalar(select(func.count()).select_from(AuditEntry))
    load.load_demo(demo.settings, lines.append, cast=SMALL, processes=1)
    with demo.parts.work() as session:
        assert session.scalar(select(func.count()).select_from(AuditEntry)) == before
    assert lines == []
    assert any("cases loaded" in line for line in demo.lines)


class _CutShortError(Exception):
    """What ends the first load of the test below."""


def test_a_load_that_was_cut_short_is_completed(fresh_database: Database, tmp_path: Path) -> None:
    settings = settings_for(fresh_database.app_url, tmp_path)
    cast = {"110000": {Ending.RETURNED: 2, Ending.RE_CHECK: 1}}

    def stop_midway(steps_told: list[int]) -> None:
        steps_told.append(1)
        if len(steps_told) == 3:
            raise _CutShortError

    told: list[int] = []
    with pytest.MonkeyPatch.context() as patch:

        def tell_some(*arguments: object) -> int:
            stop_midway(told)
            return telling.tell(*arguments)  # type: ignore[arg-type]

        patch.setattr(load, "tell", tell_some)
        with pytest.raises(_CutShortError):
            load.load_demo(settings, print, cast=cast, processes=1)
    parts = make_parts(settings)
    assert offered(parts) == ()
    load.load_demo(settings, print, cast=cast, processes=1)
    with parts.work() as session:
        states = Counter(session.scalars(select(Application.state)))
        numbers = sorted(session.scalars(select(Application.number)))
    parts.engine.dispose()
    assert states == {"returned": 2, "re_check": 1}
    assert len(numbers) == 3
