"""What the administrator keeps running: background jobs and outgoing messages, with another try for what failed."""

from typing import Final

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_babel import gettext, ngettext

from workbench.kernel import jobs, mail
from workbench.kernel.db import set_scope
from workbench.kernel.identity import EVERYWHERE
from workbench.kernel.messages import N_
from workbench.kernel.outbox import MessageChannel, MessageState
from workbench.kernel.permissions import Permission
from workbench.reports import mailbox
from workbench.shell.context import current_actor, db, parts
from workbench.shell.gate import DeskView

PAGE_SIZE: Final = 50
TASK_WORDS: Final = {
    "send_message": N_("Send a message"),
    "render_attachment": N_("Make the pictures of a file"),
    "announce_event": N_("Tell a registration site of a case's move"),
    "deliver_webhook": N_("Send a message to a registration site"),
    "retry_stalled_jobs": N_("Take over the jobs of a worker that died"),
    "sweep_uploads": N_("Clear away unfinished uploads"),
    "sign_audit_heads": N_("Sign the audit log"),
    "ask_for_certificate": N_("Ask the CA for a certificate"),
    "end_certificate": N_("Ask the CA to end a certificate"),
    "tell_expiring": N_("Tell whose certificate expires"),
    "erase_old_pins": N_("Erase PINs of letters nobody closed"),
    "export_custody": N_("Write an export of the dispatch and collection log"),
    "expire_exports": N_("Take away old exports"),
}
STATE_WORDS: Final = {
    MessageState.FAILED: N_("Given up"),
    MessageState.WAITING: N_("Not sent yet"),
    MessageState.SENT: N_("Sent"),
}
CHANNEL_WORDS: Final = {
    MessageChannel.EMAIL: N_("E-mail"),
    MessageChannel.SMS: N_("Short message"),
}


class JobsView(DeskView):
    """Background jobs."""

    permission = Permission.OPERATIONS_MANAGE

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """How the queue stands and which jobs were given up."""
        found = jobs.list_failed(db(), PAGE_SIZE + 1, request.args.get("below", type=_number))
        more = len(found) > PAGE_SIZE
        silence = parts().settings.worker_silence_seconds
        page: str = self.render(
            "reports/jobs.html",
            queue=jobs.read_queue(db(), silence),
            silence=round(silence),
            failed=found[:PAGE_SIZE],
            older=url_for("jobs.index", below=found[PAGE_SIZE - 1].id) if more else None,
            task_words=TASK_WORDS,
        )
        return page

    @expose("/<int:job_id>/retry", methods=["POST"])
    def retry(self, job_id: int) -> ResponseReturnValue:
        """Put one failed job back."""
        jobs.retry(db(), job_id, current_actor())
        flash(gettext("Job %(id)d is back in the queue.", id=job_id), "success")
        return self.see_other("jobs.index")

    @expose("/retry", methods=["POST"])
    def retry_all(self) -> ResponseReturnValue:
        """Put every failed job back."""
        count = jobs.retry_all(db(), current_actor())
        flash(ngettext("%(num)d job is back in the queue.", "%(num)d jobs are back in the queue.", count), "success")
        return self.see_other("jobs.index")


class MailView(DeskView):
    """Outgoing messages: e-mail and short messages."""

    permission = Permission.OPERATIONS_MANAGE

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """Messages by state, newest first."""
        _open_every_message()
        chosen = request.args.get("state", "")
        state = MessageState(chosen) if chosen in set(MessageState) else None
        found = mailbox.list_messages(db(), state, request.args.get("below", type=_number))
        more = len(found) > mailbox.PAGE_SIZE
        messages = found[: mailbox.PAGE_SIZE]
        page: str = self.render(
            "reports/mail.html",
            messages=[(message, mailbox.masked_recipient(message.recipient)) for message in messages],
            state=state,
            chips=_chips(state),
            state_words=STATE_WORDS,
            channel_words=CHANNEL_WORDS,
            by_file=parts().settings.smtp_url is None,
            by_log=parts().settings.sms_url is None,
            most_attempts=mail.MAX_ATTEMPTS,
            older=url_for("mail.index", state=state.value if state else None, below=messages[-1].id) if more else None,
        )
        return page

    @expose("/<int:message_id>/again", methods=["POST"])
    def again(self, message_id: int) -> ResponseReturnValue:
        """Give a failed message another round of attempts."""
        _open_every_message()
        mail.send_again(db(), message_id, current_actor())
        flash(gettext("The message is sent again."), "success")
        return self.see_other("mail.index", state=MessageState.FAILED.value)


def _open_every_message() -> None:
    """Messages are fenced like their cases, of which an administrator reaches none: the mail of all is kept here."""
    set_scope(db(), EVERYWHERE)


def _chips(current: MessageState | None) -> list[dict[str, object]]:
    counts = mailbox.count_unsent(db())
    return [
        {"label": gettext("All"), "url": url_for("mail.index"), "current": current is None, "count": None},
        *(
            {
                "label": gettext(STATE_WORDS[state]),
                "url": url_for("mail.index", state=state.value),
                "current": current is state,
                "count": counts.get(state),
            }
            for state in mailbox.STATES
        ),
    ]


def _number(text: str) -> int:
    number = int(text)
    if not 0 < number < 2**62:
        raise ValueError("not a number that was given out")
    return number
