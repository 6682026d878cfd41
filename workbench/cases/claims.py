"""Who has which case in hand. A claim keeps two people from doing one job twice; it ends by itself without activity.

Expiry is read from the row, so no job has to run; a claim that has ended is anybody's again. No claim is a right to
decide: the desk's own checks, four eyes included, come at the decision.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from workbench.cases.models import Application, CaseDecider
from workbench.cases.service import get_case
from workbench.cases.states import REVIEW_PERMISSIONS, REVIEW_STATES
from workbench.cases.words import Desk, State
from workbench.kernel import audit
from workbench.kernel.clock import SHANGHAI, now
from workbench.kernel.errors import Conflict, Invalid, NotAllowed, NotFound
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.kernel.permissions import PERMISSIONS, Permission, demand, permits
from workbench.organisation.models import Staff

LOOKS: Final = 8
"""How often a next case is looked for while others hold all that is left, each time for LOCK_WAIT at most."""

LOCK_WAIT: Final = "250ms"
MAX_NOTE: Final = 500
_LOCK_NOT_AVAILABLE: Final = "55P03"


def claim_next(session: Session, actor: Actor, desk: Desk, *, minutes: int) -> Application | None:
    """Claim the most urgent case nobody has in hand that this person may decide at `desk`; None when there is none.

    Rows others hold for a moment are skipped. When nothing else is left they are waited for, because their holder may
    let go of them: nobody goes away empty-handed while work remains.

    Raises:
        NotAllowed: the actor does not decide at this desk.
    """
    demand(actor, REVIEW_PERMISSIONS[desk])
    for _ in range(LOOKS):
        application = _first_free(session, actor, desk, skip_locked=True)
        if application is None:
            try:
                with session.begin_nested():
                    session.execute(text(f"SET LOCAL lock_timeout = '{LOCK_WAIT}'"))
                    application = _first_free(session, actor, desk, skip_locked=False)
                    session.execute(text("SET LOCAL lock_timeout TO DEFAULT"))
            except OperationalError as error:
                if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
                    raise
                continue
        if application is not None:
            take(session, actor, application, minutes=minutes)
        return application
    return None


def claim(session: Session, actor: Actor, application_id: int, *, minutes: int) -> Application:
    """Claim this case, or keep it when it is the actor's already.

    Raises:
        NotFound: no such case inside the actor's authority.
        NotAllowed: the actor does not decide at the desk the case is at, or has decided on it at another one.
        Conflict: somebody else has it, or it is at no review desk.
    """
    application = get_case(session, actor, application_id, lock=True)
    claim_locked(session, actor, application, minutes=minutes)
    return application


def claim_locked(session: Session, actor: Actor, application: Application, *, minutes: int) -> None:
    """Claim a case whose row the caller has locked; raises as `claim` does."""
    desk = desk_of(application)
    if desk is None:
        raise Conflict(N_("The case is no longer where this can be done."))
    demand(actor, REVIEW_PERMISSIONS[desk])
    _refuse_second_desk(session, application, desk, actor.id)
    take(session, actor, application, minutes=minutes)


def take(session: Session, actor: Actor, application: Application, *, minutes: int) -> None:
    """Put a locked case into the actor's hands, or extend the actor's own claim; the caller has checked the desk.

    Raises:
        Conflict: somebody else has it, by name and since when.
    """
    holder = holder_id(application)
    if holder is not None and holder != actor.id:
        refuse_taken(session, application)
    at = now()
    application.claim_ends_at = at + timedelta(minutes=minutes)
    if holder is None:
        application.claimed_by_id, application.claimed_at = actor.id, at
        _record(session, "case.claimed", actor, application, after={"until": _iso(at, minutes)})
    session.flush()


def release(session: Session, actor: Actor, application_id: int) -> Application:
    """Let go of a case; a supervisor may let go of anyone's. A case that is not the actor's to let go stays as it is.

    Raises:
        NotFound: no such case inside the actor's authority.
        Conflict: somebody else has it.
    """
    application = get_case(session, actor, application_id, lock=True)
    own = application.claimed_by_id == actor.id or permits(actor, Permission.CASE_REASSIGN)
    if holder_id(application) is not None and not own:
        refuse_taken(session, application)
    if application.claimed_by_id is not None and own:
        before = {"claimed_by": application.claimed_by_id}
        application.claimed_by_id = application.claimed_at = application.claim_ends_at = None
        _record(session, "case.claim_released", actor, application, before=before)
        session.flush()
    return application


def reassign(
    session: Session, actor: Actor, application_id: int, to_staff_id: int, note: str, *, minutes: int
) -> Application:
    """Hand a case to one of the supervisor's own people, with a note that is recorded.

    Raises:
        NotFound: no such case inside the actor's authority, or no such person among the actor's own.
        NotAllowed: the actor may not reassign; or the person does not decide here or has decided at another desk.
        Invalid: no note, or one that is too long.
        Conflict: the case is at no review desk.
    """
    demand(actor, Permission.CASE_REASSIGN)
    note = note.replace("\x00", "").strip()
    if not note or len(note) > MAX_NOTE:
        raise Invalid(
            N_("Say in 1 to %(limit)s characters why the case is reassigned; it is recorded."), limit=MAX_NOTE
        )
    application = get_case(session, actor, application_id, lock=True)
    desk = desk_of(application)
    if desk is None:
        raise Conflict(N_("The case is no longer where this can be done."))
    person = _own_person(session, actor, application, to_staff_id)
    if not any(REVIEW_PERMISSIONS[desk] in PERMISSIONS[role] for role in person.role_set):
        raise NotAllowed(N_("%(name)s does not decide at this desk."), name=person.name)
    if barred(session, application.id, desk, person.id):
        raise NotAllowed(
            N_("%(name)s has decided on this case at another desk: a second person has to look at it here."),
            name=person.name,
        )
    at = now()
    before = {"claimed_by": application.claimed_by_id}
    application.claimed_by_id, application.claimed_at = person.id, at
    application.claim_ends_at = at + timedelta(minutes=minutes)
    after = {"claimed_by": person.id, "name": person.name, "note": note, "until": _iso(at, minutes)}
    _record(session, "case.claim_reassigned", actor, application, before=before, after=after)
    session.flush()
    return application


def keep(session: Session, actor: Actor, application_id: int, *, minutes: int) -> datetime:
    """Extend the actor's claim, because the actor is at work on the case; returns when it ends now.

    A claim that ran out is still the actor's as long as nobody else has taken the case.

    Raises:
        NotFound: no such case inside the actor's authority.
        Conflict: the case is in other hands, or in nobody's.
    """
    application = get_case(session, actor, application_id, lock=True)
    if application.claimed_by_id != actor.id:
        refuse_taken(session, application)
    application.claim_ends_at = now() + timedelta(minutes=minutes)
    session.flush()
    return application.claim_ends_at


def desk_of(application: Application) -> Desk | None:
    """The review desk a case is at, if it is at one."""
    return next((desk for desk, state in REVIEW_STATES.items() if State(application.state) is state), None)


def holder_id(application: Application) -> int | None:
    """Who has the case in hand now; None for nobody, or when the claim has ended."""
    live = application.claim_ends_at is not None and application.claim_ends_at > now()
    return application.claimed_by_id if live else None


def find_held(session: Session, actor: Actor, desk: Desk) -> int | None:
    """The most urgent case of a desk that the actor has in hand."""
    return session.scalars(
        select(Application.id)
        .where(Application.claimed_by_id == actor.id, is_held(now()), Application.state == REVIEW_STATES[desk].value)
        .order_by(Application.due_at, Application.id)
        .limit(1)
    ).one_or_none()


def is_free(at: datetime) -> ColumnElement[bool]:
    """The condition that nobody has a case in hand at an instant."""
    return or_(Application.claimed_by_id.is_(None), Application.claim_ends_at <= at)


def is_held(at: datetime) -> ColumnElement[bool]:
    """The condition that somebody has a case in hand at an instant."""
    return and_(Application.claimed_by_id.is_not(None), Application.claim_ends_at > at)


def barred(session: Session, application_id: int, desk: Desk, staff_id: int | None) -> bool:
    """Whether a person may not decide a case at `desk`, having decided on it at another one (four eyes)."""
    statement = select(CaseDecider.desk).where(
        CaseDecider.application_id == application_id, CaseDecider.staff_id == staff_id
    )
    return any(other != desk.value for other in session.scalars(statement))


def refuse_taken(session: Session, application: Application) -> None:
    """Stop with the name of whoever has the case.

    Raises:
        Conflict: always.
    """
    holder = holder_id(application)
    if holder is None or application.claimed_at is None:
        raise Conflict(N_("You no longer have this case in hand: please claim it again."))
    raise Conflict(
        N_("%(name)s has had this case in hand since %(since)s."),
        name=session.scalars(select(Staff.name).where(Staff.id == holder)).one(),
        since=application.claimed_at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M"),
    )


def _first_free(session: Session, actor: Actor, desk: Desk, *, skip_locked: bool) -> Application | None:
    statement = _free_cases(actor, desk).limit(1).with_for_update(of=Application, skip_locked=skip_locked)
    return session.scalars(statement.execution_options(populate_existing=True)).one_or_none()


def _free_cases(actor: Actor, desk: Desk) -> Select[Application]:
    # A scalar, not an EXISTS: the planner would gather everything this person ever decided before the first row.
    own_desk = (
        select(CaseDecider.desk)
        .where(CaseDecider.application_id == Application.id, CaseDecider.staff_id == actor.id)
        .scalar_subquery()
    )
    return (
        select(Application)
        .where(
            Application.state == REVIEW_STATES[desk].value,
            is_free(now()),
            func.coalesce(own_desk, desk.value) == desk.value,
        )
        .order_by(Application.due_at, Application.id)
    )


def _refuse_second_desk(session: Session, application: Application, desk: Desk, staff_id: int | None) -> None:
    if barred(session, application.id, desk, staff_id):
        raise NotAllowed(N_("You have decided on this case at another desk: a second person has to look at it here."))


def _own_person(session: Session, actor: Actor, application: Application, staff_id: int) -> Staff:
    """An active member of the supervisor's own people who can reach the case."""
    person = session.scalars(select(Staff).where(Staff.id == staff_id, Staff.active)).one_or_none()
    own = person is not None and (
        person.authority_id is None if actor.scope.everything else person.authority_id == application.authority_id
    )
    if person is None or not own:
        raise NotFound(N_("There is no such person among your staff."))
    return person


def _iso(at: datetime, minutes: int) -> str:
    return (at + timedelta(minutes=minutes)).isoformat()


def _record(
    session: Session,
    action: str,
    actor: Actor,
    application: Application,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    audit.record(
        session,
        action,
        actor,
        subject=f"case:{application.id}",
        case_id=application.id,
        authority_id=application.authority_id,
        before=before,
        after=after,
    )
