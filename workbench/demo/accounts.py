"""Who works in the demo: invented staff for every role, with one shared password that is no secret.

The sign-in page offers some of them, and only in an installation whose demo data has been loaded.
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from workbench.kernel.audit import AuditEntry
from workbench.kernel.identity import Actor, Role
from workbench.kernel.messages import N_
from workbench.kernel.parts import Parts
from workbench.organisation.models import Authority, Staff
from workbench.organisation.service import create_staff

PASSWORD: Final = "shili-demo-2026"  # noqa: S105 - shown on the sign-in page of a demo, by intention
CHAIN: Final = "demo:data"
"""What the audit log calls the demo data as a whole."""
LOADED: Final = "demo.loaded"


@dataclass(frozen=True)
class DemoAccount:
    """One invented member of staff. `authority` is an authority's code, None for the vendor's people.

    `title` is a msgid; accounts without one exist, but are not offered on the sign-in page.
    """

    login: str
    name: str
    role: Role
    authority: str | None = None
    title: str = ""
    password: str = PASSWORD


_PLACES: Final = (
    ("beijing", "110000", 2),
    ("shanghai", "310000", 2),
    ("guangdong", "440000", 1),
    ("shenzhen", "440300", 1),
    ("xinjiang", "650000", 1),
    ("zhejiang", "330000", 1),
    ("shandong", "370000", 1),
    ("ningbo", "330200", 1),
)
"""Authorities with staff of their own: login prefix, code, pre-check clerks."""

_TITLES: Final = {
    "beijing.yushen1": N_("Pre-check clerk, Beijing"),
    "beijing.yushen2": N_("Second pre-check clerk, Beijing"),
    "xinjiang.yushen1": N_("Pre-check clerk, Xinjiang"),
    "beijing.zhuguan": N_("Supervisor, Beijing"),
    "beijing.guitai": N_("Counter staff, Beijing"),
}
_STEMS: Final = "甲乙丙丁戊己庚辛壬癸"


def _authority_accounts() -> list[DemoAccount]:
    clerks = [(prefix, code, number) for prefix, code, count in _PLACES for number in range(1, count + 1)]
    found = [
        DemoAccount(f"{prefix}.yushen{number}", f"示例预审{stem}", Role.PRE_CHECKER, code)
        for (prefix, code, number), stem in zip(clerks, _STEMS, strict=True)
    ]
    for (prefix, code, _), stem in zip(_PLACES, _STEMS, strict=False):
        found.append(DemoAccount(f"{prefix}.zhuguan", f"示例主管{stem}", Role.AUTHORITY_SUPERVISOR, code))
        found.append(DemoAccount(f"{prefix}.guitai", f"示例柜台{stem}", Role.COUNTER_STAFF, code))
    return [
        DemoAccount(each.login, each.name, each.role, each.authority, _TITLES.get(each.login, "")) for each in found
    ]


ACCOUNTS: Final[tuple[DemoAccount, ...]] = (
    *_authority_accounts(),
    DemoAccount("recheck1", "示例复核甲", Role.RE_CHECKER, title=N_("Re-checker")),
    DemoAccount("recheck2", "示例复核乙", Role.RE_CHECKER, title=N_("Second re-checker")),
    DemoAccount("maker", "示例制作甲", Role.KEY_MAKER, title=N_("Key maker")),
    DemoAccount("dispatcher", "示例寄送甲", Role.DISPATCHER, title=N_("Dispatcher")),
    DemoAccount("dispatcher2", "示例寄送乙", Role.DISPATCHER, title=N_("Second dispatcher")),
    DemoAccount("vendor.zhuguan", "示例主管癸", Role.VENDOR_SUPERVISOR, title=N_("Vendor supervisor")),
    DemoAccount("admin", "示例管理员", Role.ADMINISTRATOR, title=N_("Administrator")),
    DemoAccount("auditor", "示例审计员", Role.AUDITOR, title=N_("Auditor")),
)

DEMO_ACCOUNTS: Final[tuple[DemoAccount, ...]] = tuple(each for each in ACCOUNTS if each.title)
"""The accounts the sign-in page offers, one or two for each desk."""

STAFFED: Final[tuple[str, ...]] = tuple(code for _, code, _ in _PLACES)


def logins_of(role: Role, authority: str | None = None) -> list[str]:
    """The demo logins with a role at an authority, or at the vendor."""
    return [each.login for each in ACCOUNTS if each.role is role and each.authority == authority]


def summary() -> str:
    """One line for the console: who can sign in with what."""
    some = ", ".join(("beijing.yushen1", "recheck1", "vendor.zhuguan", "admin", "auditor"))
    return f"{some} (password {PASSWORD}); the sign-in page offers {len(DEMO_ACCOUNTS)}"


def hire(session: Session, actor: Actor) -> None:
    """Add the demo staff that are missing. They keep the shared password: a demo asks nobody to choose their own."""
    known = set(session.scalars(select(Staff.login)))
    ids = {each.code: each.id for each in session.scalars(select(Authority))}
    for account in ACCOUNTS:
        if account.login not in known:
            create_staff(
                session,
                actor,
                login=account.login,
                name=account.name,
                roles={account.role},
                authority_id=ids[account.authority] if account.authority is not None else None,
                first_password=account.password,
                must_change_password=False,
            )


def offered(parts: Parts) -> tuple[DemoAccount, ...]:
    """The accounts the sign-in page offers: those still active, where the demo data is loaded; none elsewhere.

    A database that cannot be read yet offers none: an entrance without hints is better than none at all.
    """
    logins = {each.login for each in DEMO_ACCOUNTS}
    try:
        with parts.work() as session:
            is_loaded = session.scalar(
                select(AuditEntry.seq).where(AuditEntry.chain == CHAIN, AuditEntry.action == LOADED)
            )
            active = set(session.scalars(select(Staff.login).where(Staff.login.in_(logins), Staff.active)))
    except SQLAlchemyError:
        return ()
    return tuple(each for each in DEMO_ACCOUNTS if each.login in active) if is_loaded is not None else ()
