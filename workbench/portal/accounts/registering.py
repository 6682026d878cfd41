"""Registering: a wish, an e-mail with a link, and the account that the link makes. Never tells who is registered.

A wish occupies nothing: whoever activates first has the login name, so a stranger cannot reserve names or block them.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from workbench.cases.facts import USCC_REASONS, looks_like_address
from workbench.cases.models import Applicant
from workbench.cases.words import Category
from workbench.kernel import audit, clock
from workbench.kernel.codes import normalise_uscc, uscc_problem
from workbench.kernel.errors import Conflict, Invalid, NotFound
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.kernel.parts import Parts
from workbench.organisation import passwords
from workbench.portal.accounts import letters, links, registry
from workbench.portal.door import actor_of
from workbench.portal.models import Registration

LOGIN: Final = re.compile(r"[a-z0-9._-]{4,30}")
LONGEST_NAME: Final = registry.LONGEST_NAME
LONGEST_ACCOUNT: Final = 100
MAILS: Final = 5
"""E-mails for one registration, and within a day to one address."""
PAUSE: Final = timedelta(minutes=1)
"""Between two e-mails for one registration."""
KEPT: Final = timedelta(days=7)
"""How long a registration that nobody activated is remembered."""
_UNWRITABLE: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories that no name holds: they hide text, or turn it round."""


@dataclass(frozen=True)
class Wish:
    """What somebody who registers has stated, as it will be kept; see `as_stated`."""

    category: str
    machinery_account: str
    uscc: str
    enterprise_name: str
    login: str
    email: str
    password: str


def as_stated(values: Mapping[str, str]) -> Wish:
    """What was typed, in the form in which it is checked and kept: blanks, width and letter case straightened."""
    category = values.get("category", "")
    machinery = category == Category.MECHANICAL_ELECTRICAL
    return Wish(
        category=category,
        machinery_account=values.get("machinery_account", "").strip() if machinery else "",
        uscc=normalise_uscc(values.get("uscc", "")),
        enterprise_name=values.get("enterprise_name", "").strip(),
        login=normalise_login(values.get("login", "")),
        email=unicodedata.normalize("NFKC", values.get("email", "")).strip(),
        password=values.get("password", ""),
    )


def normalise_login(untrusted: str) -> str:
    """A login name as it is kept: small letters, half width, no blanks around it."""
    return unicodedata.normalize("NFKC", untrusted).strip().lower()


def problems_of(wish: Wish, known: registry.EnterpriseRegistry) -> dict[str, Invalid]:
    """Every reason the wish cannot stand, by field; whether it is taken is none of them."""
    problems: dict[str, str] = {}
    if wish.category not in set(Category):
        problems["category"] = N_("Choose one of the three.")
    if wish.category == Category.MECHANICAL_ELECTRICAL and not _is_writable(wish.machinery_account, LONGEST_ACCOUNT):
        problems["machinery_account"] = N_(
            "Enter your account in the mechanical and electrical system. Without one, choose the other licences."
        )
    code = uscc_problem(wish.uscc)
    if code is not None:
        problems["uscc"] = USCC_REASONS[code]
    if not _is_writable(wish.enterprise_name, LONGEST_NAME):
        problems["enterprise_name"] = N_("Enter the name as it stands on the business licence.")
    if LOGIN.fullmatch(wish.login) is None:
        problems["login"] = N_("Use 4 to 30 letters, digits, dots, dashes or underscores.")
    if not _is_mailable(wish.email):
        problems["email"] = N_("This is not an e-mail address.")
    if "uscc" not in problems:
        name = None if "enterprise_name" in problems else wish.enterprise_name
        problems.update(registry.problem_with(known, wish.uscc, name))
    refusals = {field: Invalid(reason) for field, reason in problems.items()}
    try:
        passwords.accept(wish.password, wish.login)
    except Invalid as refusal:
        refusals["password"] = refusal
    return refusals


def register(session: Session, parts: Parts, wish: Wish, address: str) -> None:
    """Note a wish without problems and send the e-mail that activates it; or, where the login name is somebody's
    already, tell that somebody. Whoever asked learns nothing of which it was: the work is the same.

    Args:
        address: the network address it came from, for the audit log.
    """
    kept = passwords.hash_of(wish.password)
    session.execute(
        delete(Registration).where(Registration.activated_at.is_(None), Registration.created_at < clock.now() - KEPT)
    )
    owner = find_account(session, wish.uscc, wish.login)
    if owner is not None:
        _tell_owner(session, parts, owner)
        return
    registration = Registration(
        uscc=wish.uscc,
        enterprise_name=wish.enterprise_name,
        category=wish.category,
        machinery_account=wish.machinery_account or None,
        login=wish.login,
        password_hash=kept,
        email=wish.email,
        created_at=clock.now(),
        mail_count=0,
    )
    session.add(registration)
    session.flush()
    who = Actor(kind="enterprise", id=None, name=f"{wish.uscc}/{wish.login}", address=address)
    audit.record(
        session,
        "applicant.registered",
        who,
        subject=f"registration:{registration.id}",
        after={"uscc": wish.uscc, "name": wish.enterprise_name, "login": wish.login, "category": wish.category},
    )
    _mail(session, parts, registration)


def send_again(session: Session, parts: Parts, uscc: str, login: str) -> None:
    """Send the newest registration's e-mail once more, if there is one and it had not many; says nothing of it."""
    owner = find_account(session, uscc, login)
    if owner is not None:
        _tell_owner(session, parts, owner)
        return
    code, name = writable(normalise_uscc(uscc)), writable(normalise_login(login))
    newest_first = (
        select(Registration)
        .where(Registration.uscc == code, Registration.login == name)
        .order_by(Registration.created_at.desc(), Registration.id.desc())
    )
    registration = session.scalar(newest_first.limit(1).with_for_update())
    if registration is not None:
        _mail(session, parts, registration)


def find_account(session: Session, uscc: str, login: str) -> Applicant | None:
    """The account of a code and a login name as somebody typed them."""
    code, name = writable(normalise_uscc(uscc)), writable(normalise_login(login))
    return session.scalar(select(Applicant).where(Applicant.uscc == code, Applicant.login == name))


def find_registration(session: Session, registration_id: int) -> Registration | None:
    """A registration that is remembered, by id."""
    return session.get(Registration, registration_id)


def activate(session: Session, registration_id: int, address: str) -> Applicant:
    """Make the account a registration wished for.

    Raises:
        NotFound: the registration is not remembered any more.
        Conflict: it was activated before, or somebody else activated the same login name first.
    """
    registration = session.get(Registration, registration_id, with_for_update=True)
    if registration is None:
        raise NotFound(N_("This registration is not kept any more. Please register again."))
    if registration.activated_at is not None:
        raise Conflict(N_("This account has been activated already. You can sign in."))
    now = clock.now()
    applicant_id = session.scalar(
        insert(Applicant)
        .values(
            kind="person",
            name=registration.enterprise_name,
            uscc=registration.uscc,
            category=registration.category,
            machinery_account=registration.machinery_account,
            login=registration.login,
            password_hash=registration.password_hash,
            email=registration.email,
            created_at=now,
            password_changed_at=now,
        )
        .on_conflict_do_nothing(index_elements=["uscc", "login"])
        .returning(Applicant.id)
    )
    if applicant_id is None:
        raise Conflict(N_("This login name is in use at your enterprise by now. Please register with another."))
    registration.activated_at = now
    applicant = session.get_one(Applicant, applicant_id)
    audit.record(
        session,
        "applicant.activated",
        actor_of(applicant, address),
        subject=f"applicant:{applicant.id}",
        after={"uscc": applicant.uscc, "name": applicant.name, "login": applicant.login},
    )
    return applicant


def _tell_owner(session: Session, parts: Parts, owner: Applicant) -> None:
    """At most once an hour: else anybody could fill the owner's mailbox."""
    letters.write(
        session,
        "already_registered",
        event=f"applicant:{owner.id}:registered_again:{clock.now():%Y-%m-%dT%H}",
        recipient=owner.email or "",
        uscc=owner.uscc,
        login=owner.login,
        sign_in_link=links.site_link(parts.settings, "/entrance"),
        forgotten_link=links.site_link(parts.settings, "/password/forgotten"),
    )


def _mail(session: Session, parts: Parts, registration: Registration) -> None:
    """Send the link, unless this registration or its address has had enough of them."""
    now = clock.now()
    recent = registration.mailed_at is not None and registration.mailed_at > now - PAUSE
    enough = max(registration.mail_count, _mails_today(session, registration.email)) >= MAILS
    if recent or enough or registration.activated_at is not None:
        return
    registration.mail_count += 1
    registration.mailed_at = now
    letters.write(
        session,
        "activation",
        event=f"registration:{registration.id}:mail:{registration.mail_count}",
        recipient=registration.email,
        uscc=registration.uscc,
        link=links.activation_link(parts, registration.id),
    )


def _mails_today(session: Session, email: str) -> int:
    """So that nobody can have a stranger's mailbox filled, whatever codes and names are entered with its address."""
    sent = select(func.coalesce(func.sum(Registration.mail_count), 0)).where(
        func.lower(Registration.email) == email.lower(), Registration.created_at > clock.ago(days=1)
    )
    return int(session.scalar(sent) or 0)


def writable(text: str) -> str:
    """Without what stands in no column and cannot even be asked for."""
    return "".join(each for each in text if each.isprintable())


def _is_writable(text: str, longest: int) -> bool:
    """Whether it can stand as a name on paper and screen."""
    return 0 < len(text) <= longest and not any(unicodedata.category(each) in _UNWRITABLE for each in text)


def _is_mailable(text: str) -> bool:
    return len(text) <= 254 and text.isascii() and text.isprintable() and looks_like_address(text)
