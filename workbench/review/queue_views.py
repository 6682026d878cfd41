"""The lists of cases: a queue for each review desk, the search over all cases, claiming the next, reassigning."""

from typing import ClassVar
from urllib.parse import urlencode

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_babel import gettext, ngettext

from workbench.cases import claims
from workbench.cases.states import REVIEW_PERMISSIONS
from workbench.cases.words import Desk, State
from workbench.kernel.errors import WorkbenchError
from workbench.kernel.permissions import PERMISSIONS, Permission, permits
from workbench.organisation.models import Staff
from workbench.organisation.queries import list_authorities, list_own_desk
from workbench.review import presenting, queue, workload
from workbench.review.case_views import open_next
from workbench.review.chips import chip_groups
from workbench.review.forms import ReassignForm
from workbench.review.queue import QueueFilter
from workbench.shell.context import current_actor, db, parts
from workbench.shell.gate import DeskView, needs

PAGE_SIZE = 50


class QueueView(DeskView):
    """The queue of one review desk."""

    desk: ClassVar[Desk]
    title: ClassVar[str]

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """One page of the queue, most urgent first; everything that narrows it stands in the address."""
        actor = current_actor()
        may_reassign = permits(actor, Permission.CASE_REASSIGN)
        people = deciders(self.desk) if may_reassign else []
        return str(
            self.render(
                "review/queue.html",
                desk=self.desk,
                title=presenting.desk_word(self.desk),
                counts=queue.counts(db(), actor, self.desk),
                may_decide=permits(actor, REVIEW_PERMISSIONS[self.desk]),
                reassign_form=ReassignForm.for_people(people) if may_reassign else None,
                workload=workload.load_workload(db(), actor) if permits(actor, Permission.CASE_REASSIGN) else None,
                **list_context(QueueFilter.from_args(request.args, self.desk), f"{self.endpoint}.index"),
            )
        )

    @expose("/next", methods=["POST"])
    def next(self) -> ResponseReturnValue:
        """Claim the most urgent case this person may decide and open it."""
        found = open_next(self.desk)
        if found is None:
            flash(gettext("No case is waiting that nobody has in hand and that you may decide."), "info")
            return self.see_other(f"{self.endpoint}.index")
        return self.see_other("review_case.show", case_id=found)

    @expose("/reassign", methods=["POST"])
    @needs(Permission.CASE_REASSIGN)
    def reassign(self) -> ResponseReturnValue:
        """Hand the selected cases to one person; those that cannot be handed over are named with the reason."""
        form = ReassignForm.for_people(deciders(self.desk), request.form)
        chosen = request.form.getlist("case", type=int)[:PAGE_SIZE]
        if not form.validate() or not chosen:
            flash(gettext("Select at least one case, a person and a note."), "error")
            return self.see_other(f"{self.endpoint}.index")
        moved, refused = 0, []
        for case_id in chosen:
            try:
                with db().begin_nested():
                    claims.reassign(
                        db(),
                        current_actor(),
                        case_id,
                        form.person.data,
                        form.note.data,
                        minutes=parts().settings.claim_minutes,
                    )
                moved += 1
            except WorkbenchError as refusal:
                refused.append(gettext(refusal.reason, **refusal.values))
        if moved:
            flash(ngettext("%(num)d case reassigned.", "%(num)d cases reassigned.", moved), "success")
        for reason in dict.fromkeys(refused):
            flash(gettext("Not reassigned: %(reason)s", reason=reason), "error")
        return self.see_other(f"{self.endpoint}.index")


class PreCheckQueue(QueueView):
    """What waits for the pre-check."""

    permission = Permission.PRE_CHECK_READ
    desk = Desk.PRE_CHECK


class ReCheckQueue(QueueView):
    """What waits for the re-check."""

    permission = Permission.RE_CHECK_READ
    desk = Desk.RE_CHECK


class AllCasesView(DeskView):
    """Every case this person may read, closed ones too: the search of the top bar leads here."""

    permission = Permission.CASE_READ

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """Newest first, narrowed by what stands in the address."""
        return str(
            self.render(
                "review/queue.html",
                desk=None,
                title=gettext("All cases"),
                counts=None,
                may_decide=False,
                reassign_form=None,
                workload=None,
                states=[(state.value, presenting.state_word(state)) for state in State],
                **list_context(QueueFilter.from_args(request.args, None), f"{self.endpoint}.index"),
            )
        )


def list_context(wanted: QueueFilter, endpoint: str) -> dict[str, object]:
    """What both lists show: rows with their reasons, chips, addresses of the pages around."""
    actor = current_actor()
    page = queue.page(
        db(), actor, wanted, after=request.args.get("after"), before=request.args.get("before"), size=PAGE_SIZE
    )

    here = url_for(endpoint)

    def address(**arguments: str) -> str:
        return f"{here}?{urlencode(arguments)}" if arguments else here

    arguments = wanted.to_args()
    return {
        "page": page,
        "wanted": wanted,
        "arguments": arguments,
        "list_url": address(),
        "groups": chip_groups(wanted, address),
        "reasons": {
            (begun, due): presenting.why_due(page.calendar, begun, due)
            for begun, due in {(row.due_from, row.due_at) for row in page.rows}
        },
        "left_words": {left: presenting.left_word(left) for left in {row.working_days_left for row in page.rows}},
        "next_url": address(**arguments, after=page.after) if page.after else None,
        "previous_url": address(**arguments, before=page.before) if page.before else None,
        "authorities": list_authorities(db()) if actor.scope.everything else [],
        "words": presenting,
        "row_words": presenting.row_words(),
        "due_days": {due: presenting.day_word(due) for due in {row.due_at for row in page.rows} if due},
        "case_url": url_for("review_case.show", case_id=0).removesuffix("0"),
    }


def deciders(desk: Desk) -> list[Staff]:
    """The supervisor's own people who decide at a desk."""
    permission = REVIEW_PERMISSIONS[desk]
    return [
        person
        for person in list_own_desk(db(), current_actor())
        if any(permission in PERMISSIONS[role] for role in person.role_set)
    ]
