"""The review desks' screens and what they add to the rail, the search box and everybody's first page."""

from flask import Flask
from flask_admin import Admin
from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from workbench.cases.words import Desk
from workbench.kernel.identity import Actor
from workbench.kernel.permissions import Permission
from workbench.review import cards, queue
from workbench.review.case_views import CaseView
from workbench.review.queue_views import AllCasesView, PreCheckQueue, ReCheckQueue
from workbench.shell import menu


def register(app: Flask, admin: Admin) -> None:
    """Add the screens, their lines in the menu, the search and the cards."""
    admin.add_view(PreCheckQueue(name=_("Pre-check"), endpoint="pre_check", url="/review/pre-check"))
    admin.add_view(ReCheckQueue(name=_("Re-check"), endpoint="re_check", url="/review/re-check"))
    admin.add_view(CaseView(name=_("Case"), endpoint="review_case", url="/review/cases"))
    admin.add_view(AllCasesView(name=_("All cases"), endpoint="cases", url="/cases"))
    for label, endpoint, permission, count, group, icon in (
        (_("Pre-check"), "pre_check.index", Permission.PRE_CHECK_READ, _waiting_for_pre_check, "PRE_CHECK", "inbox"),
        (_("Re-check"), "re_check.index", Permission.RE_CHECK_READ, _waiting_for_re_check, "RE_CHECK", "check"),
        (_("All cases"), "cases.index", Permission.CASE_READ, None, "CASES", "folder"),
    ):
        item = menu.MenuItem(label, endpoint, permission, count=count, group=menu.Group[group], icon=icon)
        menu.register(app, item)
    menu.register_search(app, menu.Search("cases.index", Permission.CASE_READ, placeholder=_("Number, code or name")))
    cards.register(app)


def _waiting_for_pre_check(session: Session, actor: Actor) -> int:
    return queue.counts(session, actor, Desk.PRE_CHECK).waiting.n


def _waiting_for_re_check(session: Session, actor: Actor) -> int:
    return queue.counts(session, actor, Desk.RE_CHECK).waiting.n
