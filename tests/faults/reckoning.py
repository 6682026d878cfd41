"""The reckoning: everything the people were promised is held against what the installation holds, line by line.

Each check returns what is wrong in words; nothing is repaired and nothing is forgiven.
"""

import email.policy
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from email import message_from_bytes
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.faults.installation import Installation, wait_until
from tests.faults.ledger import Ledger
from workbench.cases.notices import SHORT_MESSAGES
from workbench.cases.states import TRANSITIONS
from workbench.kernel import audit_verify, checkpoints, tasks
from workbench.kernel.blobs import BlobDamaged

DRAIN_SECONDS: Final = 120.0
VERDICTS: Final = ("pre_check_passed", "pre_check_failed", "re_check_passed", "re_check_failed")
_NOTICES: Final = {
    move.event: ("", ":sms") if move.notice in SHORT_MESSAGES else ("",)
    for move in TRANSITIONS.values()
    if move.notice is not None
}
"""Events that are told, each with the endings of its messages' names: one e-mail, for some one short message too."""
_DRAINED: Final = text(
    "SELECT NOT EXISTS (SELECT FROM outbox_message WHERE state = 'waiting')"
    " AND NOT EXISTS (SELECT FROM attachment WHERE preview = 'waiting')"
    " AND NOT EXISTS (SELECT FROM procrastinate_jobs WHERE status = 'doing' OR"
    " (status = 'todo' AND task_name IN ('send_message', 'render_attachment')))"
)


def drain(installation: Installation) -> None:
    """Let the worker finish, asking each second for what it does each minute: taking over what dead ones held.

    Raises:
        AssertionError: work is left over.
    """
    parts = installation.parts

    def asked(task: str, condition: Callable[[Session], bool]) -> Callable[[], bool]:
        def once() -> bool:
            with parts.work() as session:
                if condition(session):
                    return True
                waiting = text("SELECT count(*) FROM procrastinate_jobs WHERE task_name = :task AND status = 'todo'")
                if not session.scalar(waiting, {"task": task}):
                    tasks.enqueue(session, task, timestamp=0)
            return False

        return once

    wait_until(asked("retry_stalled_jobs", _is_drained), "the worker has finished", DRAIN_SECONDS)
    wait_until(asked("sign_audit_heads", _is_signed), "the audit heads are signed", DRAIN_SECONDS)
    wait_until(asked("retry_stalled_jobs", _is_drained), "the worker has finished", DRAIN_SECONDS)


def reckon(installation: Installation, ledger: Ledger) -> list[str]:
    """Everything that is wrong."""
    with installation.parts.work() as session:
        checks: Sequence[Iterator[str]] = (
            _decisions(session, ledger),
            _moves(session),
            _claims(session),
            _four_eyes(session),
            _entries(session, ledger),
            _files(session, installation, ledger),
            _mail(session, installation),
            _jobs(session),
        )
        problems = [problem for check in checks for problem in check]
    return [*problems, *_audit(installation)]


def _is_drained(session: Session) -> bool:
    return bool(session.scalar(_DRAINED))


def _is_signed(session: Session) -> bool:
    return not session.scalar(text("SELECT EXISTS (SELECT FROM audit_head WHERE seq > checkpointed_seq)"))


def _rows(session: Session, statement: str, **values: Any) -> Sequence[Any]:
    return session.execute(text(statement), values).all()


def _decisions(session: Session, ledger: Ledger) -> Iterator[str]:
    """An acknowledged verdict stands once in review, history and audit log; another one in all three or in none."""
    reviews = Counter(
        tuple(row)
        for row in _rows(session, "SELECT application_id, desk, verdict, remark FROM review WHERE verdict IS NOT NULL")
    )
    events = Counter(
        tuple(row)
        for row in _rows(
            session,
            "SELECT application_id, event, remark FROM case_event WHERE event = ANY(:verdicts)",
            verdicts=list(VERDICTS),
        )
    )
    entries = Counter(
        tuple(row)
        for row in _rows(
            session,
            "SELECT case_id, substr(action, 6), after ->> 'remark' FROM audit_entry WHERE action = ANY(:actions)",
            actions=[f"case.{each}" for each in VERDICTS],
        )
    )
    for promise in ledger.decisions:
        move = (promise.case_id, f"{promise.desk}_{promise.verdict}", promise.remark)
        found = (
            reviews[promise.case_id, promise.desk, promise.verdict, promise.remark],
            events[move],
            entries[move],
        )
        if found not in ((1, 1, 1), *(((0, 0, 0),) if not promise.acknowledged else ())):
            yield f"{promise}: {found[0]} reviews, {found[1]} events, {found[2]} audit entries"
    for what, counted in (("review", reviews), ("event", events), ("audit entry", entries)):
        known = {promise.remark for promise in ledger.decisions}
        yield from (f"{what} {key} is nobody's" for key in counted if key[-1] not in known)


def _moves(session: Session) -> Iterator[str]:
    """A case is where its last event says, moved as often as its version says, and decided once a round and desk."""
    yield from (
        f"case {row.id}: state {row.state}, version {row.version}, but events lead to {row.after} after {row.moves}"
        for row in _rows(
            session,
            "SELECT a.id, a.state, a.version, count(e.id) AS moves,"
            " (array_agg(e.state_after ORDER BY e.id DESC))[1] AS after"
            " FROM application a LEFT JOIN case_event e ON e.application_id = a.id GROUP BY a.id",
        )
        if (row.state, row.version) != (row.after, row.moves)
    )
    yield from (
        f"case {row.application_id} round {row.round}: {row.moves} verdicts of the {row.desk}"
        for row in _rows(
            session,
            "SELECT application_id, round, regexp_replace(event, '_(passed|failed)$', '') AS desk, count(*) AS moves"
            " FROM case_event WHERE event = ANY(:verdicts) GROUP BY 1, 2, 3 HAVING count(*) > 1",
            verdicts=list(VERDICTS),
        )
    )


def _claims(session: Session) -> Iterator[str]:
    """Read from the audit log: nobody claims what another has in hand, nobody decides what is not in his."""
    holders: dict[str, str] = {}
    for row in _rows(
        session,
        "SELECT chain, seq, action, actor FROM audit_entry WHERE action = ANY(:actions) ORDER BY chain, seq",
        actions=["case.claimed", "case.claim_released", *(f"case.{each}" for each in VERDICTS)],
    ):
        holder = holders.pop(row.chain, None)
        if row.action == "case.claimed":
            if holder is not None:
                yield f"{row.chain} entry {row.seq}: {row.actor} claims what {holder} has in hand"
            holders[row.chain] = row.actor
        elif holder != row.actor:
            yield f"{row.chain} entry {row.seq}: {row.actor} acts on what {holder or 'nobody'} has in hand"


def _four_eyes(session: Session) -> Iterator[str]:
    yield from (
        f"case {row.application_id}: staff {row.staff_id} decided at {row.desks} desks"
        for row in _rows(
            session,
            "SELECT application_id, staff_id, count(DISTINCT split_part(event, '_check_', 1)) AS desks FROM case_event"
            " WHERE event = ANY(:verdicts) GROUP BY 1, 2"
            " HAVING count(DISTINCT split_part(event, '_check_', 1)) > 1",
            verdicts=list(VERDICTS),
        )
    )


def _entries(session: Session, ledger: Ledger) -> Iterator[str]:
    """An acknowledged application is there once with its very files; another one is there whole or not at all."""
    cases = Counter(row.uscc for row in _rows(session, "SELECT uscc FROM application"))
    files: dict[str, list[tuple[str, str]]] = {}
    for row in _rows(
        session,
        "SELECT a.uscc, f.document_code, f.sha256 FROM application a JOIN attachment f ON f.application_id = a.id",
    ):
        files.setdefault(row.uscc, []).append((row.document_code, row.sha256))
    for promise in ledger.entries:
        count = cases[promise.uscc]
        if count > 1 or (promise.acknowledged and count == 0):
            yield f"{promise}: entered {count} times"
        if count and sorted(files.get(promise.uscc, [])) != sorted(promise.files.items()):
            yield f"{promise}: holds {files.get(promise.uscc)}"
    yield from (f"enterprise {uscc}: {count} cases" for uscc, count in cases.items() if count != 1)


def _files(session: Session, installation: Installation, ledger: Ledger) -> Iterator[str]:
    """Every attachment is recorded once and can be shown; its bytes and pictures, and files sent ahead, are whole."""
    digests = set(ledger.examined)
    recorded = Counter(
        row.subject for row in _rows(session, "SELECT subject FROM audit_entry WHERE action = 'attachment.uploaded'")
    )
    for row in _rows(session, "SELECT id, sha256, preview, preview_problem FROM attachment"):
        digests.add(row.sha256)
        if recorded[f"attachment:{row.id}"] != 1:
            yield f"attachment {row.id}: {recorded[f'attachment:{row.id}']} audit entries"
        if row.preview != "ready":
            yield f"attachment {row.id}: preview {row.preview} {row.preview_problem or ''}"
    for row in _rows(session, "SELECT id, image_sha256, thumbnail_sha256 FROM page"):
        if row.image_sha256 is None:
            yield f"page {row.id}: no picture"
        else:
            digests |= {row.image_sha256, row.thumbnail_sha256}
    for digest in digests:
        try:
            installation.parts.blobs.get(digest)
        except BlobDamaged as damaged:
            yield str(damaged)


def _mail(session: Session, installation: Installation) -> Iterator[str]:
    """Each event is told by one e-mail, some by a short message too; each sent once: a file, or line, of its id."""
    messages = _rows(session, "SELECT id, event, channel, state, last_error FROM outbox_message")
    yield from (
        f"message {row.id} {row.event}: {row.state} {row.last_error}" for row in messages if row.state != "sent"
    )
    told = Counter(row.event for row in messages)
    happened = Counter(
        f"case:{row.application_id}:version:{row.version}:{row.event}{ending}"
        for row in _rows(
            session,
            "SELECT application_id, event, row_number() OVER (PARTITION BY application_id ORDER BY id) AS version"
            " FROM case_event",
        )
        for ending in _NOTICES.get(row.event, ())
    )
    yield from (
        f"{event}: happened {happened[event]} times, told {told[event]} times"
        for event in told | happened
        if told[event] != happened[event]
    )
    files = Counter(
        str(message_from_bytes(path.read_bytes(), policy=email.policy.default)["Message-ID"])
        for path in installation.parts.settings.mail_dir.glob("*.eml")
    )
    files += _short_messages(installation)
    expected = Counter(
        f"<outbox-{row.id}@workbench.invalid>" if row.channel == "email" else f"outbox-{row.id}" for row in messages
    )
    yield from (
        f"{name}: {files[name]} files or lines for {expected[name]} messages"
        for name in files | expected
        if files[name] != expected[name]
    )


def _short_messages(installation: Installation) -> Counter[str]:
    """The ids in the log that stands for a gateway."""
    log = installation.parts.settings.var_dir / "sms.log"
    return (
        Counter(json.loads(line)["id"] for line in log.read_text("utf-8").splitlines()) if log.exists() else Counter()
    )


def _jobs(session: Session) -> Iterator[str]:
    yield from (
        f"job {row.id} {row.task_name}: {row.status}"
        for row in _rows(session, "SELECT id, task_name, status FROM procrastinate_jobs")
        if row.status != "todo"
    )


def _audit(installation: Installation) -> Iterator[str]:
    """What the auditor's own script says; it prints each fault."""
    parts = installation.parts
    folder = parts.settings.audit_dir
    url = parts.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    arguments = ["--checkpoints", str(folder / checkpoints.CHECKPOINTS)]
    if audit_verify.main([url, *arguments, "--public-key", str(folder / checkpoints.PUBLIC_KEY)]) != 0:
        yield "the audit log is broken, see the output"
