"""The verbs of a case. `advance()` is the only code that changes a case's state; it writes state, event, clocks, audit
entry and notice in the caller's transaction.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from workbench.cases import notices
from workbench.cases.deadlines import move_clocks
from workbench.cases.facts import CaseFacts, check_facts
from workbench.cases.models import Application, CaseDecider, CaseEvent, Holder, Submission
from workbench.cases.states import ENTERPRISE_STATES, Action, Transition, find_transition
from workbench.cases.words import Channel, Desk, Service, State
from workbench.kernel import audit, tasks
from workbench.kernel.clock import SHANGHAI, now
from workbench.kernel.crypto import open_identity, seal_identity
from workbench.kernel.errors import Conflict, Invalid, NotAllowed, NotFound
from workbench.kernel.identity import Actor, Scope
from workbench.kernel.messages import N_
from workbench.kernel.permissions import Permission, demand, permits
from workbench.kernel.secrets import Secrets

MAX_REMARK: Final = 2000
"""Characters; a remark is read on a phone and printed in an e-mail."""
ANNOUNCE_TASK: Final = "announce_event"
"""Tells the registration site that made the case of a move; the room of the interface has the task."""


def get_case(session: Session, actor: Actor, application_id: int, *, lock: bool = False) -> Application:
    """One case inside the actor's authority, locked against other writers when asked.

    Raises:
        NotFound: there is none, or it belongs to another authority.
    """
    statement = select(Application).where(Application.id == application_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    application = session.scalars(statement).one_or_none()
    if application is None or not _within(actor.scope, application):
        raise NotFound(N_("There is no such case."))
    return application


def _within(scope: Scope, application: Application) -> bool:
    if scope.applicant_id is not None:
        return application.applicant_id == scope.applicant_id
    return scope.covers(application.authority_id)


def reserve_number(session: Session) -> str:
    """The next application number: EK, the year in Asia/Shanghai, seven digits that only ever grow."""
    count = session.execute(text("SELECT nextval('application_number')")).scalar_one()
    return f"EK{now().astimezone(SHANGHAI).year}{count:07d}"


def open_case(
    session: Session,
    secrets: Secrets,
    facts: CaseFacts,
    actor: Actor,
    *,
    requirement_version_id: int,
    extra_version_id: int | None = None,
    number: str | None = None,
) -> tuple[Application, Submission]:
    """Open a case with its first submission and send it to the pre-check.

    Args:
        number: one that `reserve_number` gave out before, for printed forms to bear; a new one is taken without it.

    Raises:
        InvalidFacts: with a reason per field.
        NotAllowed: a member of staff without the permission to enter cases.
        NotFound: the authority is not the actor's.
    """
    facts = facts.normalised()
    check_facts(facts, now().astimezone(SHANGHAI).date())
    if not actor.scope.may_address(facts.authority_id):
        raise NotFound(N_("There is no such authority."))
    transition = _find_move(None, Action.SUBMIT, facts.service, actor)
    at = now()
    application = Application(
        number=number or reserve_number(session),
        enterprise_id=_enterprise_id(session, facts, at),
        applicant_id=actor.scope.applicant_id,
        authority_id=facts.authority_id,
        pickup_site_id=facts.pickup_site_id,
        service=facts.service.value,
        category=facts.category.value,
        channel=facts.channel.value,
        reason=facts.reason,
        prior_key=facts.prior_key,
        state=transition.after.value,
        round=1,
        enterprise_name=facts.enterprise_name,
        uscc=facts.uscc,
        created_at=at,
        submitted_at=at,
        state_since=at,
    )
    session.add(application)
    session.flush()
    submission = _add_submission(
        session, secrets, application, facts, actor, (requirement_version_id, extra_version_id), answer=None
    )
    _apply(session, application, transition, actor, before=None, remark=None, details={})
    return application, submission


def resubmit(
    session: Session,
    secrets: Secrets,
    application_id: int,
    facts: CaseFacts,
    actor: Actor,
    *,
    requirement_version_id: int,
    extra_version_id: int | None = None,
    answer: str | None = None,
) -> tuple[Application, Submission]:
    """Send a returned case in again with what was corrected; it starts at the pre-check.

    Service, authority and enterprise code stay what they were: a change of those is another application.

    Raises:
        InvalidFacts, NotFound, NotAllowed: as `open_case`.
        Conflict: the case is not with the enterprise.
    """
    application = get_case(session, actor, application_id, lock=True)
    facts = facts.normalised()
    check_facts(facts, now().astimezone(SHANGHAI).date())
    if (facts.service.value, facts.authority_id, facts.uscc) != (
        application.service,
        application.authority_id,
        application.uscc,
    ):
        raise Invalid(N_("Service, authority and enterprise code cannot change: please make a new application."))
    if answer is not None and len(answer) > MAX_REMARK:
        raise Invalid(N_("This is too long or holds characters that cannot be written."))
    transition = _find_move(State(application.state), Action.RESUBMIT, facts.service, actor)
    before = State(application.state)
    application.round += 1
    application.category = facts.category.value
    application.pickup_site_id = facts.pickup_site_id
    application.reason = facts.reason
    application.prior_key = facts.prior_key
    application.enterprise_name = facts.enterprise_name
    application.pre_checked_by_id = None
    application.re_checked_by_id = None
    submission = _add_submission(
        session, secrets, application, facts, actor, (requirement_version_id, extra_version_id), answer=answer
    )
    _apply(session, application, transition, actor, before=before, remark=None, details={})
    return application, submission


def advance(
    session: Session,
    application_id: int,
    action: Action,
    actor: Actor,
    *,
    remark: str | None = None,
    seen_version: int | None = None,
    details: Mapping[str, Any] | None = None,
) -> Application:
    """Make one move of the transition table.

    Args:
        remark: what the mover says; some moves demand it.
        seen_version: the case's version the actor was looking at; another one stops the move.
        details: what the notice tells besides, such as the faults found.

    Raises:
        NotFound: no such case inside the actor's authority.
        NotAllowed: the actor lacks the permission, or has decided on this case at another desk.
        Conflict: the case is elsewhere by now.
        Invalid: a remark is missing or too long.
    """
    application = get_case(session, actor, application_id, lock=True)
    transition = _find_move(State(application.state), action, Service(application.service), actor)
    if seen_version is not None and seen_version != application.version:
        raise Conflict(N_("The case has changed since this page was opened."))
    remark = (remark or "").strip() or None
    if transition.needs_remark and remark is None:
        raise Invalid(N_("A remark is needed."))
    if remark is not None and len(remark) > MAX_REMARK:
        raise Invalid(N_("The remark is longer than %(limit)s characters."), limit=MAX_REMARK)
    if transition.desk is not None:
        _bind_to_desk(session, application, transition.desk, actor)
    _apply(session, application, transition, actor, State(application.state), remark, details or {})
    return application


def reveal_identity(session: Session, secrets: Secrets, application_id: int, actor: Actor, reason: str) -> str:
    """The identity number of the case's current holder in clear; who asked and why is recorded first (PIPL).

    Raises:
        NotFound, NotAllowed: no such case, or no permission.
        Invalid: no reason was given.
    """
    demand(actor, Permission.IDENTITY_REVEAL)
    application = get_case(session, actor, application_id)
    reason = reason.strip()
    if not reason:
        raise Invalid(N_("Say why the full number is needed; it is recorded."))
    holder = session.scalars(
        select(Holder)
        .join(Submission, Submission.id == Holder.submission_id)
        .where(Submission.application_id == application.id, Submission.round == application.round)
    ).one()
    audit.record(
        session,
        "identity.revealed",
        actor,
        subject=f"holder:{holder.id}",
        case_id=application.id,
        authority_id=application.authority_id,
        after={"reason": reason},
    )
    return open_identity(secrets, holder.identity_ciphertext)


def _find_move(state: State | None, action: Action, service: Service, actor: Actor) -> Transition:
    transition = find_transition(state, action, service)
    if transition is None:
        raise Conflict(N_("The case is no longer where this can be done."))
    if transition.permission is not None:
        demand(actor, transition.permission)
    elif actor.kind == "staff" and not permits(actor, Permission.CASE_ENTER):
        raise NotAllowed(N_("Your role does not include entering cases for an enterprise."))
    return transition


def _apply(
    session: Session,
    application: Application,
    transition: Transition,
    actor: Actor,
    before: State | None,
    remark: str | None,
    details: Mapping[str, Any],
) -> None:
    """Write everything a move writes. The row is locked, or was made in this transaction."""
    at = now()
    application.state = transition.after.value
    application.state_since = at
    application.claimed_by_id = application.claimed_at = application.claim_ends_at = None
    if before is not None:
        application.version += 1
    if transition.desk is Desk.PRE_CHECK:
        application.pre_checked_by_id = actor.id
    elif transition.desk is Desk.RE_CHECK:
        application.re_checked_by_id = actor.id
    move_clocks(session, application, transition.clocks, at)
    if transition.after in ENTERPRISE_STATES:
        application.due_at = application.due_clock = application.due_from = None
    event = CaseEvent(
        application_id=application.id,
        authority_id=application.authority_id,
        event=transition.event,
        state_before=before.value if before is not None else None,
        state_after=transition.after.value,
        round=application.round,
        at=at,
        actor=actor.label,
        actor_name=actor.name,
        staff_id=actor.id if actor.kind == "staff" else None,
        remark=remark,
    )
    session.add(event)
    audit.record(
        session,
        f"case.{transition.event}",
        actor,
        subject=f"case:{application.id}",
        case_id=application.id,
        authority_id=application.authority_id,
        before={"state": before.value} if before is not None else None,
        after={"state": transition.after.value, "round": application.round, "remark": remark},
    )
    if transition.notice is not None:
        notices.tell_enterprise(session, application, transition, remark, details)
    session.flush()
    if application.channel == Channel.API:
        tasks.enqueue(session, ANNOUNCE_TASK, event_id=event.id)


def _bind_to_desk(session: Session, application: Application, desk: Desk, actor: Actor) -> None:
    """A person decides on a case at one desk only, over all its rounds; the table's key makes a second impossible."""
    if actor.kind != "staff" or actor.id is None:
        raise NotAllowed(N_("Only a member of staff decides on a case."))
    session.execute(
        insert(CaseDecider)
        .values(
            application_id=application.id, authority_id=application.authority_id, staff_id=actor.id, desk=desk.value
        )
        .on_conflict_do_nothing()
    )
    bound = session.scalars(
        select(CaseDecider.desk).where(CaseDecider.application_id == application.id, CaseDecider.staff_id == actor.id)
    ).one()
    if bound != desk.value:
        raise NotAllowed(N_("You have decided on this case at another desk: a second person has to look at it here."))


def _add_submission(
    session: Session,
    secrets: Secrets,
    application: Application,
    facts: CaseFacts,
    actor: Actor,
    versions: tuple[int, int | None],
    answer: str | None,
) -> Submission:
    sealed = seal_identity(secrets, facts.holder.identity_number)
    own = {"application_id": application.id, "authority_id": application.authority_id}
    submission = Submission(
        **own,
        round=application.round,
        submitted_at=now(),
        submitted_by=actor.label,
        form={
            **facts.form,
            "enterprise_name": facts.enterprise_name,
            "uscc": facts.uscc,
            "category": facts.category.value,
            "reason": facts.reason,
            "prior_key": facts.prior_key,
        },
        answer=(answer or "").strip() or None,
        requirement_version_id=versions[0],
        extra_version_id=versions[1],
    )
    session.add(submission)
    session.flush()
    session.add(
        Holder(
            **own,
            submission_id=submission.id,
            name=facts.holder.name,
            mobile=facts.holder.mobile,
            email=facts.holder.email,
            identity_ciphertext=sealed.ciphertext,
            identity_masked=sealed.masked,
            identity_fingerprint=sealed.fingerprint,
        )
    )
    session.flush()
    return submission


def _enterprise_id(session: Session, facts: CaseFacts, at: datetime) -> int:
    """The enterprise of this code, known or new. A database function finds it, because row security hides enterprises
    that only other authorities have met."""
    return int(
        session.execute(
            text("SELECT enterprise_id_for(:uscc, :name, :at)"),
            {"uscc": facts.uscc, "name": facts.enterprise_name, "at": at},
        ).scalar_one()
    )
