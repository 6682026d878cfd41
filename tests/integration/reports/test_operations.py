"""What the administrator keeps running: failed jobs with their reason, failed e-mail, another try, and who may ask."""

import pytest
from sqlalchemy import select, text

from tests.support.casework import Office
from tests.support.desk import Desk
from workbench.kernel import jobs, outbox
from workbench.kernel.audit import AuditEntry
from workbench.kernel.errors import Conflict, NotAllowed, NotFound
from workbench.kernel.identity import Actor, Role
from workbench.kernel.outbox import OutboxMessage
from workbench.reports.mailbox import masked_recipient
from workbench.review.models import RemarkTemplate

ADMINISTRATOR = Actor("staff", 1, "示例管理员", frozenset({Role.ADMINISTRATOR}))


def plant_job(office: Office, status: str, task: str = "send_message", queueing_lock: str | None = None) -> int:
    with office.work() as session:
        return int(
            session.scalars(
                text(
                    "INSERT INTO procrastinate_jobs (queue_name, task_name, args, status, attempts, queueing_lock) "
                    "VALUES ('default', :task, '{}', CAST(:status AS procrastinate_job_status), 3, :lock) "
                    "RETURNING id"
                ),
                {"task": task, "status": status, "lock": queueing_lock},
            ).one()
        )


def status_of(office: Office, job_id: int) -> str:
    with office.work() as session:
        return str(session.scalar(text("SELECT status::text FROM procrastinate_jobs WHERE id = :id"), {"id": job_id}))


def plant_message(office: Office, event: str = "e") -> int:
    with office.work() as session:
        outbox.post(session, event=event, recipient="person@example.invalid", subject="退回 <b>", body="b")
        message = session.scalars(select(OutboxMessage).where(OutboxMessage.event == event)).one()
        message.state, message.attempts, message.last_error = "failed", 8, "SMTPConnectError: (421, 'away')"
        return message.id


def actions(office: Office) -> list[str]:
    with office.work() as session:
        return list(session.scalars(select(AuditEntry.action).where(AuditEntry.actor != "system:test")))


def test_a_failed_job_shows_its_reason_and_is_retried_on_record(desk: Desk, office: Office) -> None:
    failed, running = plant_job(office, "failed"), plant_job(office, "doing")
    jobs.note_failure(desk.parts, failed, RuntimeError("first line\nthe <last> line"))
    browser = desk.browser(Role.ADMINISTRATOR)
    page = browser.open("/operations/jobs/")
    assert "Send a message" in page
    assert "RuntimeError: first line … the &lt;last&gt; line" in page
    assert "No worker" in page
    assert browser.send(f"/operations/jobs/{failed}/retry", "/operations/jobs/").status_code == 303
    assert status_of(office, failed) == "todo"
    assert "job.retried" in actions(office)
    assert browser.send(f"/operations/jobs/{failed}/retry", "/operations/jobs/").status_code == 409
    assert browser.send(f"/operations/jobs/{running}/retry", "/operations/jobs/").status_code == 409
    assert browser.send("/operations/jobs/999/retry", "/operations/jobs/").status_code == 404
    assert "No failed jobs" in browser.open("/operations/jobs/")


def test_all_failed_jobs_are_retried_but_none_that_waits_already(office: Office) -> None:
    twins = [plant_job(office, "failed", queueing_lock="sign") for _ in range(2)]
    others = [plant_job(office, "failed") for _ in range(2)]
    with office.work() as session:
        assert jobs.retry_all(session, ADMINISTRATOR) == 3
    assert [status_of(office, each) for each in (*twins, *others)] == ["todo", "failed", "todo", "todo"]
    with office.work() as session:
        with pytest.raises(Conflict, match="waiting"):
            jobs.retry(session, twins[1], ADMINISTRATOR)
        with pytest.raises(NotFound):
            jobs.retry(session, 999, ADMINISTRATOR)
        with pytest.raises(NotAllowed):
            jobs.retry_all(session, Actor("staff", 2, "x", frozenset({Role.VENDOR_SUPERVISOR})))
    assert actions(office).count("job.all_retried") == 1


def test_reasons_go_with_their_jobs(desk: Desk, office: Office) -> None:
    gone, kept = plant_job(office, "failed"), plant_job(office, "failed")
    jobs.note_failure(desk.parts, gone, ValueError("x" * 900))
    with office.work() as session:
        session.execute(text("DELETE FROM procrastinate_jobs WHERE id = :id"), {"id": gone})
    jobs.note_failure(desk.parts, kept, ValueError("first"))
    jobs.note_failure(desk.parts, kept, ValueError("second"))
    with office.work() as session:
        assert session.execute(select(jobs.JobFailure.job_id, jobs.JobFailure.error)).all() == [
            (kept, "ValueError: second")
        ]
        assert [each.error for each in jobs.list_failed(session, 10)] == ["ValueError: second"]
        assert jobs.list_failed(session, 10, below=kept) == []


def test_a_worker_alive_is_told_from_one_that_fell_silent(office: Office) -> None:
    with office.work() as session:
        session.execute(
            text("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now()), (now() - interval '5 minutes')")
        )
        queue = jobs.read_queue(session, 30)
        assert (queue.workers, queue.failed) == (1, 0)
        assert jobs.read_queue(session, 3600).workers == 2


def test_failed_mail_is_seen_masked_and_sent_again_on_record(desk: Desk, office: Office) -> None:
    number = plant_message(office)
    browser = desk.browser(Role.ADMINISTRATOR)
    page = browser.open("/operations/mail/?state=failed")
    assert "p***@example.invalid" in page
    assert "person@example.invalid" not in page
    assert "退回 &lt;b&gt;" in page
    assert "SMTPConnectError" in page
    assert browser.client.get("/desk/counts").get_json()["mail.index"] == 1
    assert browser.send(f"/operations/mail/{number}/again", "/operations/mail/").status_code == 303
    assert "message.sent_again" in actions(office)
    assert browser.send(f"/operations/mail/{number}/again", "/operations/mail/").status_code == 409
    assert "No failed messages" in browser.open("/operations/mail/?state=failed")
    assert "没有发送失败的消息" in desk.browser(Role.ADMINISTRATOR, "zh").open("/operations/mail/?state=failed")


def test_long_lists_go_on_at_the_number_where_the_page_ended(desk: Desk, office: Office) -> None:
    numbers = [plant_message(office, f"e{each}") for each in range(60)]
    browser = desk.browser(Role.ADMINISTRATOR)
    assert f"below={numbers[10]}" in browser.open("/operations/mail/")
    assert 'rel="next"' not in browser.open(f"/operations/mail/?below={numbers[10]}")
    for strange in ("below=x", "below=-1", "below=99999999999999999999999", "state=lost"):
        browser.open(f"/operations/mail/?{strange}")
        browser.open(f"/operations/jobs/?{strange}")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("a@b.c", "a***@b.c"),
        ("longer.name@b.c", "l***@b.c"),
        ("@b.c", "***@b.c"),
        ("10000000000", "1***00"),
        ("12345", "1***"),
        ("", "***"),
    ],
)
def test_addresses_and_numbers_are_shown_in_part(address: str, shown: str) -> None:
    assert masked_recipient(address) == shown


def test_others_keep_out(desk: Desk) -> None:
    for path in ("/operations/jobs/", "/operations/mail/", "/remark-templates/"):
        assert "403" in desk.browser(Role.AUDITOR).open(path, 403)


def test_remark_templates_are_edited_on_record_and_never_removed(desk: Desk, office: Office) -> None:
    browser = desk.browser(Role.ADMINISTRATOR)
    sent = {
        "desk": "pre_check",
        "verdict": "failed",
        "title": "示例",
        "text": "请补正：\r\n%(faults)s",
        "position": "5",
    }
    assert browser.send("/remark-templates/new/", **sent, active="y").status_code in {302, 303}
    with office.work() as session:
        template = session.scalars(select(RemarkTemplate).where(RemarkTemplate.title == "示例")).one()
        assert (template.text, template.active) == ("请补正：\n%(faults)s", True)
    assert "请补正" in browser.open("/remark-templates/")
    assert browser.send(f"/remark-templates/edit/?id={template.id}", **sent).status_code in {302, 303}
    with office.work() as session:
        assert not session.get_one(RemarkTemplate, template.id).active
    assert [each for each in actions(office) if each.startswith("remark_template.")] == [
        "remark_template.created",
        "remark_template.changed",
    ]
    assert browser.send("/remark-templates/delete/", "/remark-templates/", id=template.id).status_code == 404
    for typed in ("{问题}", "｛问题｝", "{ Problems }"):
        browser.send(f"/remark-templates/edit/?id={template.id}", **{**sent, "text": f"请补正：{typed}"})
        with office.work() as session:
            assert session.get_one(RemarkTemplate, template.id).text == "请补正：%(faults)s"
    for page in (browser.open("/remark-templates/"), browser.open(f"/remark-templates/edit/?id={template.id}")):
        assert "请补正：{problems}" in page
        assert "%(faults)s" not in page
        assert " object at 0x" not in page
    for wrong in ({"title": ""}, {"text": "x" * 2001}, {"desk": "production"}, {"position": "-1"}):
        assert browser.send("/remark-templates/new/", **{**sent, **wrong}).status_code == 200
    with office.work() as session:
        assert len(session.scalars(select(RemarkTemplate)).all()) == 1
