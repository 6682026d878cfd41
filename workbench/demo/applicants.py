"""Accounts at the front door for the demo's enterprises: whoever applied on the site can be signed in as and looked at.

They share the demo's password, which is no secret; the front door offers some of them, one for each thing to see.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from workbench.cases.models import Applicant, Application
from workbench.cases.words import Channel, State
from workbench.demo.accounts import CHAIN, LOADED, PASSWORD
from workbench.demo.story import Story
from workbench.kernel.audit import AuditEntry
from workbench.kernel.clock import now
from workbench.kernel.identity import Actor, Scope
from workbench.kernel.messages import N_
from workbench.kernel.parts import Parts
from workbench.organisation.passwords import hash_of

LOGIN: Final = "jingban"
"""The login name of every demo enterprise's authorised user."""
ADDRESS: Final = "198.51.100.20"
"""Where they sit: an address set aside for documentation (RFC 5737)."""
_SHOWN: Final[Mapping[State, str]] = {
    State.RETURNED: N_("A case that came back with remarks"),
    State.PRE_CHECK: N_("A case that waits for the pre-check"),
    State.PRODUCTION: N_("A case whose key is being made"),
    State.AWAITING_COLLECTION: N_("A key that waits to be collected"),
}


@dataclass(frozen=True)
class DemoApplicant:
    """What the front door's sign-in is filled with. `title` is a msgid for what there is to see."""

    uscc: str
    name: str
    title: str
    state: State
    login: str = LOGIN
    password: str = PASSWORD


def open_accounts(session: Session, stories: Iterable[Story]) -> dict[str, Actor]:
    """An account for each enterprise that applies on the site; returns the actors by credit code."""
    known = {each.uscc: each for each in session.scalars(select(Applicant).where(Applicant.login == LOGIN))}
    password_hash = hash_of(PASSWORD)
    for story in stories:
        if story.channel is Channel.PORTAL and story.enterprise.uscc not in known:
            known[story.enterprise.uscc] = Applicant(
                kind="person",
                name=story.enterprise.name,
                uscc=story.enterprise.uscc,
                category=story.category.value,
                login=LOGIN,
                password_hash=password_hash,
                password_changed_at=now(),
                email=story.holder.email,
                created_at=now(),
            )
            session.add(known[story.enterprise.uscc])
    session.flush()
    return {
        uscc: Actor("enterprise", each.id, each.name, scope=Scope(applicant_id=each.id), address=ADDRESS)
        for uscc, each in known.items()
        if uscc is not None
    }


def offered(parts: Parts) -> tuple[DemoApplicant, ...]:
    """The accounts the front door offers where the demo data is loaded; none elsewhere or while nothing can be read."""
    try:
        with parts.work() as session:
            loaded = select(AuditEntry.seq).where(AuditEntry.chain == CHAIN, AuditEntry.action == LOADED)
            if session.scalar(loaded) is None:
                return ()
            found = {state: _first_in(session, state) for state in _SHOWN}
    except SQLAlchemyError:
        return ()
    return tuple(
        DemoApplicant(application.uscc, application.enterprise_name, _SHOWN[state], state)
        for state, application in found.items()
        if application is not None
    )


def _first_in(session: Session, state: State) -> Application | None:
    return session.scalars(
        select(Application)
        .join(Applicant, Applicant.id == Application.applicant_id)
        .where(Application.state == state.value, Applicant.login == LOGIN, Applicant.active)
        .order_by(Application.id)
        .limit(1)
    ).first()
