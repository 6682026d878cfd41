"""Who takes a key: the authorised user of the case, or a delegate whose name, identity number and letter are on record.

The number is kept sealed and shown masked; who sees it in clear says why, and that is recorded (PIPL).
"""

import unicodedata
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from workbench.collection.models import HandOver
from workbench.collection.words import CollectorKind
from workbench.kernel import audit
from workbench.kernel.arguments import visible
from workbench.kernel.clock import SHANGHAI, now
from workbench.kernel.codes import IdentityProblem, identity_problem, normalise_identity
from workbench.kernel.crypto import SealedIdentity, open_identity, seal_identity
from workbench.kernel.errors import Invalid, NotFound
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.kernel.permissions import Permission, demand
from workbench.kernel.secrets import Secrets

MAX_NAME: Final = 60
"""Characters of a collector's name."""
LEAST_LETTERS: Final = 2
_FILLERS: Final = frozenset("\u115f\u1160\u3164\uffa0")
"""Letters by name that show nothing."""
_PROBLEMS: Final = {
    IdentityProblem.LENGTH: N_("The delegate's identity number has 18 characters."),
    IdentityProblem.CHARACTERS: N_("The delegate's identity number holds digits, and X at the end only."),
    IdentityProblem.DATE: N_("The date of birth in the delegate's identity number does not exist."),
    IdentityProblem.CHECKSUM: N_("The delegate's identity number is mistyped: its last character does not fit."),
}


@dataclass(frozen=True)
class Collector:
    """Who stands at the counter. Of a delegate: name, identity number in clear, and the letter's stored picture."""

    kind: CollectorKind
    name: str = ""
    identity_number: str = field(default="", repr=False)
    letter_sha256: str | None = None


@dataclass(frozen=True)
class ProvenCollector:
    """A collector as it is kept."""

    kind: CollectorKind
    name: str
    identity: SealedIdentity | None
    letter_sha256: str | None


def prove(secrets: Secrets, collector: Collector, holder_name: str) -> ProvenCollector:
    """The collector as it is kept; the authorised user bears the name the case gives.

    Raises:
        Invalid: a delegate without name, identity number that can be right, or letter of authorisation.
    """
    if collector.kind is CollectorKind.HOLDER:
        return ProvenCollector(collector.kind, holder_name, None, None)
    name = visible(collector.name)
    if not _is_name(name):
        raise Invalid(N_("Enter the delegate's name as it stands on the identity card."))
    number = normalise_identity(collector.identity_number)
    problem = identity_problem(number, now().astimezone(SHANGHAI).date())
    if problem is not None:
        raise Invalid(_PROBLEMS[problem])
    if collector.letter_sha256 is None:
        raise Invalid(N_("Take a photo of the delegate's letter of authorisation."))
    return ProvenCollector(collector.kind, name, seal_identity(secrets, number), collector.letter_sha256)


def is_same(secrets: Secrets, hand_over: HandOver, collector: Collector) -> bool:
    """Whether this collector is the one on record."""
    if collector.kind.value != hand_over.collector:
        return False
    if hand_over.identity_ciphertext is None:
        return True
    kept = (hand_over.collector_name, open_identity(secrets, hand_over.identity_ciphertext))
    return (visible(collector.name), normalise_identity(collector.identity_number)) == kept


def get_hand_over(session: Session, actor: Actor, application_id: int) -> HandOver:
    """The hand-over of a case inside the actor's authority.

    Raises:
        NotFound: there is none, or it belongs to another authority.
    """
    found = session.scalars(
        select(HandOver).where(HandOver.application_id == application_id).order_by(HandOver.id.desc()).limit(1)
    ).one_or_none()
    if found is None or not actor.scope.covers(found.authority_id):
        raise NotFound(N_("This key has not been handed over."))
    return found


def reveal_delegate(session: Session, secrets: Secrets, actor: Actor, application_id: int, reason: str) -> str:
    """The delegate's identity number in clear; who asked and why is recorded first (PIPL).

    Raises:
        NotAllowed: the actor may not see identity numbers.
        NotFound: no hand-over to a delegate inside the actor's authority.
        Invalid: no reason was given.
    """
    demand(actor, Permission.IDENTITY_REVEAL)
    found = get_hand_over(session, actor, application_id)
    if found.identity_ciphertext is None:
        raise NotFound(N_("The authorised user collected this key, no delegate did."))
    said = reason.strip()
    if not said:
        raise Invalid(N_("Say why the full number is needed; it is recorded."))
    audit.record(
        session,
        "identity.revealed",
        actor,
        subject=f"hand_over:{found.id}",
        case_id=found.application_id,
        authority_id=found.authority_id,
        after={"reason": said},
    )
    session.flush()
    return open_identity(secrets, found.identity_ciphertext)


def _is_name(name: str) -> bool:
    if len(name) > MAX_NAME or any(unicodedata.category(each) == "Cc" for each in name):
        return False
    # Rare characters of Chinese names are still written by code points of private use.
    letters = [each for each in name if each.isalpha() or unicodedata.category(each) == "Co"]
    return sum(each not in _FILLERS for each in letters) >= LEAST_LETTERS
