"""Finished keys for tests of what comes after the bench: a case in state "made", its personalised token in the vendor's
stock, a valid certificate. `made_key` goes through the verbs; `made_keys` and `bulk_keys` write the same rows by the
thousand, each custody entry past the same triggers.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from tests.support.casework import IDENTITY, SYSTEM, Office, actor_of
from workbench.cases.clocks import ClockKind
from workbench.cases.models import Application, CaseClock, CaseDecider, CaseEvent, Enterprise, Holder, Submission
from workbench.cases.service import advance
from workbench.cases.states import Action
from workbench.cases.words import Category, Channel, Desk, Service, State
from workbench.documents.models import RequirementVersion
from workbench.kernel.clock import SHANGHAI, now
from workbench.kernel.codes import uscc_check_character
from workbench.kernel.crypto import seal_identity
from workbench.kernel.identity import Actor, Role
from workbench.kernel.secrets import Secrets
from workbench.keys.models import Certificate, CustodyEntry, Token
from workbench.keys.service import digest_of, register_certificate, revoke
from workbench.keys.token_states import Custodian, TokenMove, TokenState, find_token_transition
from workbench.keys.tokens import get_token, hand_on, move, take_in
from workbench.keys.trial import TrialAuthority
from workbench.organisation.models import Staff
from workbench.production.algorithms import Algorithm

MODEL: Final = "示例介质"
BOX: Final = "示例箱"
HOLDER_NAME: Final = "示例甲"


class MadeKey(NamedTuple):
    """A finished key: its case, and the serial number on its token."""

    application_id: int
    serial: str


class _Hands(NamedTuple):
    """Three people, as four eyes and more demand: clerk, re-checker, maker."""

    clerk: Actor
    checker: Actor
    maker: Actor


class _Form(NamedTuple):
    """One case to be written, and the serial of its token."""

    number: str
    uscc: str
    name: str
    serial: str


def made_key(
    office: Office, authority: int = 0, *, service: Service = Service.NEW, serial: str | None = None, **stated: Any
) -> MadeKey:
    """One finished key of a case with papers, through the verbs.

    Args:
        authority: the first or the second of the office.
        stated: what the applicant states otherwise than `Office.facts` would.
    """
    facts = office.facts(service, authority, **stated)
    application_id = office.submit(facts)
    with office.work() as session:
        hands = _hands(session, facts.authority_id)
        advance(session, application_id, Action.PRE_CHECK_PASS, hands.clerk, remark="示例批语")
        advance(session, application_id, Action.RE_CHECK_PASS, hands.checker, remark="示例批语")
        own: dict[str, Any] = {"authority_id": facts.authority_id, "application_id": application_id}
        serial = serial or _serial(application_id)
        token = take_in(session, SYSTEM, serial, model=MODEL, box=BOX)
        move(session, token.id, TokenMove.ALLOCATE, hands.maker, to_ref=hands.maker.id, **own)
        register_certificate(
            session,
            _certificate(facts.uscc, facts.enterprise_name),
            key_number=serial,
            holder_name=facts.holder.name,
            uscc=facts.uscc,
            enterprise_name=facts.enterprise_name,
            actor=hands.maker,
            token_id=token.id,
            algorithm=Algorithm.P_256,
            **own,
        )
        advance(session, application_id, Action.PRODUCE, hands.maker)
        move(session, token.id, TokenMove.PERSONALISE, hands.maker, **own)
    return MadeKey(application_id, serial)


def made_keys(office: Office, count: int, authority: int = 0) -> list[MadeKey]:
    """Many finished keys of one authority, written in bulk; see `bulk_keys`."""
    with office.work() as session:
        return bulk_keys(session, office.secrets, office.authority_ids[authority], count)


def bulk_keys(session: Session, secrets: Secrets, authority_id: int, count: int) -> list[MadeKey]:
    """Finished keys in any database with a check-list for new applications, in order of their serials.

    The cases have no papers, and neither audit entries nor mails of what came before the making.

    Args:
        session: one that reaches everything.
    """
    hands, at = _hands(session, authority_id), now()
    forms = [_form(each) for each in _counted(session, count)]
    cases = _write_cases(session, secrets, authority_id, forms, hands, at)
    own = [{"authority_id": authority_id, "application_id": each} for each in cases]
    tokens = _write_tokens(session, forms, own, hands.maker, at)
    certificates = [
        {**_certificate_row(form, _certificate(form.uscc, form.name), at), **rest, "token_id": token_id}
        for form, rest, token_id in zip(forms, own, tokens, strict=True)
    ]
    session.execute(insert(Certificate), certificates)
    return [MadeKey(application_id, form.serial) for application_id, form in zip(cases, forms, strict=True)]


def _hands(session: Session, authority_id: int) -> _Hands:
    """The people whose work lies before dispatch, hired when first asked for."""
    return _Hands(
        _person(session, Role.PRE_CHECKER, authority_id),
        _person(session, Role.RE_CHECKER),
        _person(session, Role.KEY_MAKER),
    )


def _person(session: Session, role: Role, authority_id: int | None = None) -> Actor:
    login = f"before-dispatch-{role.value}-{authority_id or 0}"
    staff = session.scalars(select(Staff).where(Staff.login == login)).one_or_none()
    if staff is None:
        staff = Staff(
            login=login,
            name=f"示例{role.value}",
            password_hash="x",
            roles=[role.value],
            authority_id=authority_id,
            password_changed_at=now(),
        )
        session.add(staff)
        session.flush()
    return actor_of(staff)


def _counted(session: Session, count: int) -> list[int]:
    drawn = text("SELECT nextval('application_number') FROM generate_series(1, :count)")
    return sorted(session.scalars(drawn, {"count": count}))


def _form(count: int) -> _Form:
    first_17 = f"92990000{count:09d}"
    uscc = first_17 + uscc_check_character(first_17)
    year = now().astimezone(SHANGHAI).year
    return _Form(f"EK{year}{count:07d}", uscc, f"示例第{count}进出口有限公司", f"BK{count:010d}")


def _serial(application_id: int) -> str:
    return f"VK{application_id:010d}"


def _write_cases(
    session: Session, secrets: Secrets, authority_id: int, forms: Sequence[_Form], hands: _Hands, at: datetime
) -> list[int]:
    """The cases with form, holder, history, clocks and deciders; returns their ids in order."""
    submitted = at - timedelta(days=3)
    enterprises = _insert(
        session, Enterprise, [{"uscc": each.uscc, "name": each.name, "created_at": submitted} for each in forms]
    )
    stated = {
        "authority_id": authority_id,
        "service": Service.NEW.value,
        "category": Category.OTHER.value,
        "channel": Channel.PORTAL.value,
        "state": State.MADE.value,
        "version": 4,
        "created_at": submitted,
        "submitted_at": submitted,
        "state_since": at,
        "pre_checked_by_id": hands.clerk.id,
        "re_checked_by_id": hands.checker.id,
    }
    rows = [
        {"number": each.number, "uscc": each.uscc, "enterprise_name": each.name, "enterprise_id": enterprise, **stated}
        for each, enterprise in zip(forms, enterprises, strict=True)
    ]
    cases = _insert(session, Application, rows)
    own = [{"authority_id": authority_id, "application_id": each} for each in cases]
    _write_submissions(session, secrets, own, forms, submitted)
    session.execute(insert(CaseEvent), [event for each in own for event in _events(each, hands, submitted, at)])
    session.execute(insert(CaseClock), [clock for each in own for clock in _clocks(each, submitted, at)])
    desks = ((hands.clerk, Desk.PRE_CHECK), (hands.checker, Desk.RE_CHECK), (hands.maker, Desk.PRODUCTION))
    session.execute(
        insert(CaseDecider),
        [{**each, "staff_id": person.id, "desk": desk.value} for each in own for person, desk in desks],
    )
    return cases


def _write_submissions(
    session: Session, secrets: Secrets, own: Sequence[Mapping[str, int]], forms: Sequence[_Form], at: datetime
) -> None:
    version_id = session.scalars(
        select(RequirementVersion.id)
        .where(RequirementVersion.service == Service.NEW.value)
        .order_by(RequirementVersion.version.desc())
        .limit(1)
    ).one()
    stated = {"round": 1, "submitted_at": at, "submitted_by": SYSTEM.label, "requirement_version_id": version_id}
    rows = [
        {**each, **stated, "form": {"enterprise_name": form.name, "uscc": form.uscc, "category": Category.OTHER.value}}
        for each, form in zip(own, forms, strict=True)
    ]
    submissions = _insert(session, Submission, rows)
    sealed = seal_identity(secrets, IDENTITY)
    holder = {
        "name": HOLDER_NAME,
        "mobile": "10000000000",
        "email": "a@example.invalid",
        "identity_ciphertext": sealed.ciphertext,
        "identity_masked": sealed.masked,
        "identity_fingerprint": sealed.fingerprint,
    }
    session.execute(
        insert(Holder),
        [{**each, **holder, "submission_id": number} for each, number in zip(own, submissions, strict=True)],
    )


def _events(own: Mapping[str, int], hands: _Hands, submitted: datetime, made: datetime) -> list[dict[str, Any]]:
    moves = (
        ("submitted", None, State.PRE_CHECK, SYSTEM, submitted),
        ("pre_check_passed", State.PRE_CHECK, State.RE_CHECK, hands.clerk, submitted + timedelta(days=1)),
        ("re_check_passed", State.RE_CHECK, State.PRODUCTION, hands.checker, submitted + timedelta(days=2)),
        ("key_produced", State.PRODUCTION, State.MADE, hands.maker, made),
    )
    return [
        {
            **own,
            "event": event,
            "state_before": before.value if before else None,
            "state_after": after.value,
            "round": 1,
            "at": at,
            "actor": actor.label,
            "actor_name": actor.name,
            "staff_id": actor.id,
            "remark": "示例批语" if event.endswith("passed") else None,
        }
        for event, before, after, actor, at in moves
    ]


def _clocks(own: Mapping[str, int], submitted: datetime, made: datetime) -> list[dict[str, Any]]:
    checked = submitted + timedelta(days=1)
    runs = ((ClockKind.PRE_CHECK, 2, submitted, checked), (ClockKind.RE_CHECK_AND_PRODUCTION, 5, checked, made))
    return [
        {**own, "kind": kind.value, "days": days, "started_at": start, "stopped_at": end}
        for kind, days, start, end in runs
    ]


def _write_tokens(
    session: Session, forms: Sequence[_Form], own: Sequence[Mapping[str, int]], maker: Actor, at: datetime
) -> list[int]:
    """The tokens with the entries by which they came to be finished keys; returns their ids in order."""
    came = at - timedelta(days=10)
    rows = [
        {"serial": each.serial, "model": MODEL, "box": BOX, "imported_at": came, "moved_at": came} for each in forms
    ]
    tokens = _insert(session, Token, rows)
    state, holder, ref = TokenState.UNKNOWN, Custodian.SUPPLIER, None
    steps = ((TokenMove.IMPORT, came), (TokenMove.ALLOCATE, at), (TokenMove.PERSONALISE, at))
    for seq, (what, when) in enumerate(steps, start=1):
        transition = find_token_transition(state, what)
        assert transition is not None
        to_ref = maker.id if transition.to is Custodian.MAKER else None
        entry = {
            "seq": seq,
            "at": when,
            "event": transition.event,
            "from_custodian": holder.value,
            "from_ref": ref,
            "to_custodian": transition.to.value,
            "to_ref": to_ref,
            "state_before": state.value,
            "state_after": transition.after.value,
            "actor": maker.label,
            "actor_name": maker.name,
            "address": maker.address,
        }
        nobody = {"authority_id": None, "application_id": None}
        whose = [nobody if what is TokenMove.IMPORT else each for each in own]
        session.execute(
            insert(CustodyEntry),
            [{"token_id": token_id, **each, **entry} for token_id, each in zip(tokens, whose, strict=True)],
        )
        state, holder, ref = transition.after, transition.to, to_ref
    return tokens


def _certificate_row(form: _Form, certificate: x509.Certificate, at: datetime) -> dict[str, Any]:
    return {
        "sha256": digest_of(certificate),
        "serial": format(certificate.serial_number, "X"),
        "issuer": certificate.issuer.rfc4514_string(),
        "subject": certificate.subject.rfc4514_string(),
        "uscc": form.uscc,
        "enterprise_name": form.name,
        "holder_name": HOLDER_NAME,
        "key_number": form.serial,
        "not_before": certificate.not_valid_before_utc,
        "not_after": certificate.not_valid_after_utc,
        "state": "valid",
        "state_since": at,
        "registered_at": at,
        "certificate": certificate.public_bytes(Encoding.DER),
        "algorithm": Algorithm.P_256.value,
    }


def _insert(session: Session, table: type[Any], rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Insert rows; returns their ids in the order of the rows."""
    statement = insert(table).returning(table.id, sort_by_parameter_order=True)
    return list(session.scalars(statement, [dict(each) for each in rows]))


def _certificate(uscc: str, enterprise_name: str) -> x509.Certificate:
    return _authority().issue_client(uscc=uscc, enterprise_name=enterprise_name, holder_name=HOLDER_NAME).certificate


@cache
def _authority() -> TrialAuthority:
    """One authority for the whole process; its files are not needed once it has been made."""
    with TemporaryDirectory() as folder:
        return TrialAuthority.load_or_create(Path(folder))


def withdraw(session: Session, serial: str) -> None:
    """Nobody collected this key, which its authority holds: its certificate has ended, and it goes back."""
    token = get_token(session, serial)
    ended = session.scalars(select(Certificate.id).where(Certificate.token_id == token.id)).one()
    revoke(session, ended, "长期未领取", SYSTEM)
    hand_on(session, token, TokenMove.WITHDRAW, SYSTEM, to_ref=token.custodian_ref, remark="长期未领取")
