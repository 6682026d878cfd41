"""The screens of the reports room: the board, the custody log, the audit reader, the keeper's jobs and messages, the
remark templates.
"""

from flask import Flask
from flask_admin import Admin
from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from workbench.kernel import jobs
from workbench.kernel.identity import Actor
from workbench.kernel.outbox import MessageState
from workbench.kernel.permissions import Permission
from workbench.reports import board_views, custody_views, mailbox
from workbench.reports.audit_views import AuditView
from workbench.reports.operations_views import JobsView, MailView
from workbench.reports.remark_views import RemarkTemplateView
from workbench.shell import menu
from workbench.shell.context import parts


def register(app: Flask, admin: Admin) -> None:
    """Add the screens and their lines in the menu."""
    board_views.register(app, admin)
    custody_views.register(app, admin)
    admin.add_view(AuditView(name=_("Audit log"), endpoint="audit", url="/audit"))
    admin.add_view(JobsView(name=_("Background jobs"), endpoint="jobs", url="/operations/jobs"))
    admin.add_view(MailView(name=_("Outgoing messages"), endpoint="mail", url="/operations/mail"))
    admin.add_view(RemarkTemplateView())
    administration = menu.Group.ADMINISTRATION
    for item in (
        menu.MenuItem(_("Audit log"), "audit.index", Permission.AUDIT_READ, group=menu.Group.REPORTS, icon="shield"),
        menu.MenuItem(
            _("Remark templates"),
            "remark_templates.index_view",
            Permission.REMARK_TEMPLATE_MANAGE,
            group=administration,
            icon="pencil",
        ),
        menu.MenuItem(
            _("Failed jobs"),
            "jobs.index",
            Permission.OPERATIONS_MANAGE,
            count=lambda session, actor: jobs.count_failed(session),
            group=administration,
            icon="gear",
        ),
        menu.MenuItem(
            _("Outgoing messages"),
            "mail.index",
            Permission.OPERATIONS_MANAGE,
            count=_failed_messages,
            group=administration,
            icon="mail",
        ),
    ):
        menu.register(app, item)


def _failed_messages(session: Session, actor: Actor) -> int:
    """How many messages were given up: of every case, which the keeper of the mail does not reach otherwise."""
    with parts().work() as everything:
        return mailbox.count_unsent(everything)[MessageState.FAILED]
