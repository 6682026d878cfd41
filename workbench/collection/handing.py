"""The last desk's one verb: originals compared, final stamping passed or refused, the key scanned, signed for and
handed over. What a browser captured carries its own id and is written once, by however many lines it is sent.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from workbench.cases.models import Application
from workbench.cases.service import advance, get_case
from workbench.cases.states import Action
from workbench.cases.words import State
from workbench.collection.collectors import Collector, ProvenCollector, is_same, prove
from workbench.collection.finding import normalise
from workbench.collection.models import HandOver, HandOverTerms, Pickup, StampingAttempt
from workbench.collection.originals import Tick, check_ticks, originals_of
from workbench.collection.pickups import end, find_pickup, token_at_authority
from workbench.collection.surrenders import surrender
from workbench.collection.telling import bring_list
from workbench.collection.words import Ending, Stamping
from workbench.documents.service import current_submission
from workbench.kernel import audit
from workbench.kernel.clock import now
from workbench.kernel.errors import Conflict, Invalid, NotFound
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.kernel.permissions import Permission, demand
from workbench.kernel.secrets import Secrets
from workbench.keys.models import Certificate, Token
from workbench.keys.token_states import TokenMove
from workbench.keys.tokens import hand_on

MAX_REMARK: Final = 500
"""Characters of the final stamping's remark."""


@dataclass(frozen=True)
class Comparison:
    """What was found of the originals, and what the final stamping came to."""

    client_id: UUID
    captured_at: datetime
    ticks: tuple[Tick, ...]
    stamping: Stamping
    remark: str


@dataclass(frozen=True)
class Giving:
    """Who takes which key, under which terms; one of signature and slip, as stored pictures."""

    serial: str
    collector: Collector
    terms_version: int
    signature_sha256: str | None = None
    slip_sha256: str | None = None
    surrendered: str = ""


@dataclass(frozen=True)
class Attended:
    """What came of it; `repeated` when it was written before."""

    attempt: StampingAttempt
    hand_over: HandOver | None
    repeated: bool


def attend(
    session: Session,
    secrets: Secrets,
    actor: Actor,
    application_id: int,
    comparison: Comparison,
    giving: Giving | None = None,
) -> Attended:
    """Refuse the final stamping, or pass it and hand the key over.

    Args:
        giving: what is handed to whom; needed for a pass and ignored in a refusal.

    Raises:
        NotAllowed: the actor hands no keys over, or has decided on this case at another desk.
        NotFound: no such case inside the actor's authority.
        Conflict: the key does not wait here, is not the one that was scanned, holds no valid certificate, somebody
            else was quicker, or the capture was written before with other content.
        Invalid: a tick, a remark, the collector or the signature is missing or wrong.
    """
    demand(actor, Permission.KEY_COLLECT)
    application = get_case(session, actor, application_id)
    _wait_for_twin(session, comparison.client_id)
    known = _find_attended(session, application, comparison.client_id)
    if known is not None:
        if not _says_the_same(session, secrets, known, comparison, giving):
            raise Conflict(N_("This was sent before with other content: open the case anew to see what was written."))
        return known
    application = get_case(session, actor, application_id, lock=True)
    if application.state != State.AWAITING_COLLECTION:
        raise Conflict(N_("The key of case %(number)s does not wait for collection."), number=application.number)
    pickup = find_pickup(session, application.id, lock=True)
    if pickup is None:
        raise Conflict(N_("The key of case %(number)s does not wait for collection."), number=application.number)
    attempt = _compare(session, actor, application, comparison)
    if comparison.stamping is Stamping.REFUSED:
        _refuse(session, actor, application, pickup, attempt)
        return Attended(attempt, None, repeated=False)
    if giving is None:
        raise Invalid(N_("Scan the key and let the collector sign."))
    return Attended(attempt, _give(session, secrets, actor, application, pickup, attempt, giving), repeated=False)


def _wait_for_twin(session: Session, client_id: UUID) -> None:
    """The same capture may come by two lines at once: the second waits until the first is written or has failed."""
    session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": f"attempt:{client_id}"})


def _find_attended(session: Session, application: Application, client_id: UUID) -> Attended | None:
    attempt = session.scalars(select(StampingAttempt).where(StampingAttempt.client_id == client_id)).one_or_none()
    if attempt is None:
        return None
    if attempt.application_id != application.id:
        raise Conflict(N_("This was captured for another case."))
    given = session.scalars(select(HandOver).where(HandOver.attempt_id == attempt.id)).one_or_none()
    return Attended(attempt, given, repeated=True)


def _says_the_same(
    session: Session, secrets: Secrets, known: Attended, comparison: Comparison, giving: Giving | None
) -> bool:
    """Whether a capture that comes again says of outcome, originals, key and collector what was written of it."""
    ticked = {each.document: each.matches for each in comparison.ticks}
    if known.attempt.outcome != comparison.stamping.value:
        return False
    if {each["document"]: each["matches"] for each in known.attempt.originals} != ticked:
        return False
    if known.hand_over is None:
        return True
    # Handed back at another authority since, the key is out of sight here.
    token = session.get(Token, known.hand_over.token_id)
    return (
        giving is not None
        and (token is None or token.serial == normalise(giving.serial))
        and is_same(secrets, known.hand_over, giving.collector)
        and (known.hand_over.surrendered_token_id is not None) == bool(giving.surrendered.strip())
    )


def _compare(session: Session, actor: Actor, application: Application, comparison: Comparison) -> StampingAttempt:
    ticks = check_ticks(originals_of(session, application), comparison.ticks)
    differ = any(not each.matches for each in ticks)
    if differ and comparison.stamping is Stamping.PASSED:
        raise Invalid(N_("An original differs: the final stamping can only be refused."))
    if not differ and comparison.stamping is Stamping.REFUSED:
        raise Invalid(N_("Mark the original that differs: the enterprise has to know what to bring."))
    remark = comparison.remark.strip()
    if not 0 < len(remark) <= MAX_REMARK:
        raise Invalid(N_("Say in 1 to %(limit)s characters how the final stamping ended."), limit=MAX_REMARK)
    attempt = StampingAttempt(
        application_id=application.id,
        authority_id=application.authority_id,
        client_id=comparison.client_id,
        at=now(),
        captured_at=min(comparison.captured_at, now()),
        staff_id=actor.id,
        outcome=comparison.stamping.value,
        originals=[each.to_json() for each in ticks],
        remark=remark,
    )
    try:
        with session.begin_nested():
            session.add(attempt)
    except IntegrityError as error:
        raise Conflict(N_("This was captured for another case.")) from error
    return attempt


def _refuse(session: Session, actor: Actor, application: Application, pickup: Pickup, attempt: StampingAttempt) -> None:
    wrong = [each for each in attempt.originals if not each["matches"]]
    names = {each.document.code: each.document.name_zh for each in originals_of(session, application)}
    said = "\n".join([attempt.remark, *(f"{names[each['document']]}：{each['remark']}" for each in wrong)])
    details = {"pickup_code": pickup.code, "bring": bring_list(session, application)}
    advance(session, application.id, Action.REFUSE_STAMPING, actor, remark=said[:2000], details=details)
    told = {"outcome": attempt.outcome, "differ": [each["document"] for each in wrong]}
    _record(session, "stamping.refused", actor, attempt, told)


def _give(
    session: Session,
    secrets: Secrets,
    actor: Actor,
    application: Application,
    pickup: Pickup,
    attempt: StampingAttempt,
    giving: Giving,
) -> HandOver:
    token = _check_key(session, application, giving.serial)
    if (giving.signature_sha256 is None) == (giving.slip_sha256 is None):
        raise Invalid(N_("The collector signs on the screen, or the signed slip is photographed."))
    if session.get(HandOverTerms, giving.terms_version) is None:
        raise NotFound(N_("There are no such terms."))
    collector = prove(secrets, giving.collector, current_submission(session, application).holder.name)
    old = surrender(session, actor, application.id, giving.surrendered) if giving.surrendered.strip() else None
    hand_over = _write(session, actor, application, attempt, token, collector, giving, old)
    hand_on(session, token, TokenMove.HAND_OVER, actor, to_ref=application.enterprise_id, place=_place(pickup))
    advance(session, application.id, Action.COLLECT, actor, remark=attempt.remark)
    end(session, actor, pickup, Ending.COLLECTED)
    told = {
        "serial": token.serial,
        "collector": collector.kind.value,
        "terms": giving.terms_version,
        "signature": hand_over.signature_sha256 or hand_over.slip_sha256,
        "letter": collector.letter_sha256,
        "surrendered": old.serial if old is not None else None,
    }
    _record(session, "key.handed_over", actor, attempt, told)
    session.flush()
    return hand_over


def _check_key(session: Session, application: Application, scanned: str) -> Token:
    token = token_at_authority(session, application)
    serial = normalise(scanned)
    if serial != token.serial:
        raise Conflict(
            N_("Key %(serial)s is not the key of case %(number)s."), serial=serial[:64], number=application.number
        )
    good = select(Certificate.id).where(
        Certificate.token_id == token.id, Certificate.state == "valid", Certificate.not_after > now()
    )
    if session.scalars(good.limit(1)).one_or_none() is None:
        raise Conflict(
            N_("Key %(serial)s holds no valid certificate: it must not be handed over."), serial=token.serial
        )
    return token


def _write(
    session: Session,
    actor: Actor,
    application: Application,
    attempt: StampingAttempt,
    token: Token,
    collector: ProvenCollector,
    giving: Giving,
    old: Token | None,
) -> HandOver:
    hand_over = HandOver(
        application_id=application.id,
        authority_id=application.authority_id,
        client_id=attempt.client_id,
        attempt_id=attempt.id,
        token_id=token.id,
        at=attempt.at,
        captured_at=attempt.captured_at,
        staff_id=actor.id,
        collector=collector.kind.value,
        collector_name=collector.name,
        identity_ciphertext=collector.identity.ciphertext if collector.identity else None,
        identity_masked=collector.identity.masked if collector.identity else None,
        letter_sha256=collector.letter_sha256,
        signature_sha256=giving.signature_sha256,
        slip_sha256=giving.slip_sha256,
        terms_version=giving.terms_version,
        surrendered_token_id=old.id if old is not None else None,
    )
    session.add(hand_over)
    session.flush()
    return hand_over


def _place(pickup: Pickup) -> str | None:
    return f"site:{pickup.site_id}" if pickup.site_id is not None else None


def _record(session: Session, action: str, actor: Actor, attempt: StampingAttempt, told: Mapping[str, Any]) -> None:
    audit.record(
        session,
        action,
        actor,
        subject=f"case:{attempt.application_id}",
        case_id=attempt.application_id,
        authority_id=attempt.authority_id,
        after={
            **{key: value for key, value in told.items() if value is not None},
            "captured_at": attempt.captured_at.isoformat(),
            "capture": hashlib.sha256(attempt.client_id.bytes).hexdigest()[:16],
        },
    )
