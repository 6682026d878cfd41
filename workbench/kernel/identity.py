"""Who acts: roles, the rows they may reach, and the actor that every verb takes as an argument."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal


class Role(StrEnum):
    """What a member of staff is employed to do (DOMAIN: the desks)."""

    PRE_CHECKER = "pre_checker"
    COUNTER_STAFF = "counter_staff"
    AUTHORITY_SUPERVISOR = "authority_supervisor"
    RE_CHECKER = "re_checker"
    KEY_MAKER = "key_maker"
    DISPATCHER = "dispatcher"
    VENDOR_SUPERVISOR = "vendor_supervisor"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"


AUTHORITY_ROLES: Final = frozenset({Role.PRE_CHECKER, Role.COUNTER_STAFF, Role.AUTHORITY_SUPERVISOR})
VENDOR_ROLES: Final = frozenset(Role) - AUTHORITY_ROLES
LONE_ROLES: Final = frozenset({Role.ADMINISTRATOR, Role.AUDITOR})
"""Roles that stand alone: administering, working cases and auditing are three separate people (三员分立)."""


@dataclass(frozen=True)
class Scope:
    """The rows that may be reached: of no authority, of some, of all; or one applicant's own, at whatever authority."""

    authority_ids: frozenset[int] = frozenset()
    everything: bool = False
    applicant_id: int | None = None

    def covers(self, authority_id: int) -> bool:
        """Whether every row of this authority is inside; never so for an applicant."""
        return self.everything or authority_id in self.authority_ids

    def may_address(self, authority_id: int) -> bool:
        """Whether a case may be opened at this authority: an applicant chooses any, staff their own."""
        return self.applicant_id is not None or self.covers(authority_id)

    def as_setting(self) -> str:
        """The form PostgreSQL's row policies read: '*', or ids parted by commas."""
        return "*" if self.everything else ",".join(str(each) for each in sorted(self.authority_ids))


NOWHERE: Final = Scope()
EVERYWHERE: Final = Scope(everything=True)


@dataclass(frozen=True)
class Actor:
    """Who does something, from where. Passed to every verb and written to the audit log."""

    kind: Literal["staff", "enterprise", "system"]
    id: int | None
    name: str
    roles: frozenset[Role] = frozenset()
    scope: Scope = NOWHERE
    address: str = ""

    @property
    def label(self) -> str:
        """How the audit log names the actor: kind and id, never a name that could change."""
        return f"{self.kind}:{self.id}" if self.id is not None else f"{self.kind}:{self.name}"


def system_actor(name: str) -> Actor:
    """The product itself, acting through a command or a background task called `name`."""
    return Actor(kind="system", id=None, name=name, scope=EVERYWHERE)
