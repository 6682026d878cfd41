"""Which services an applicant may start, said before a form is filled: three keys at most, renewal with the key."""

from dataclasses import dataclass

from workbench.cases.models import Applicant
from workbench.cases.words import Service
from workbench.kernel.errors import Conflict
from workbench.kernel.messages import N_
from workbench.kernel.parts import Parts
from workbench.keys.models import Certificate
from workbench.keys.queries import LIMIT_OF_KEYS, keys_held
from workbench.portal.models import Draft

LIMIT_REACHED = N_(
    "Your enterprise holds %(held)d valid e-keys and has asked for %(asked)d more: %(limit)d is the most it may have."
    " You can replace or renew one of them, or have one revoked by the issuing authority first."
)
LIMIT_AT_SUBMISSION = N_("Your enterprise has as many e-keys as it may hold, counting those you have asked for.")
ONLY_WITH_THE_KEY = N_(
    "A certificate is renewed by who signs in with the e-key itself. Please plug it in and sign in with it."
)
ONLY_RENEWAL = N_("With the e-key you can renew its certificate. For anything else please sign in with your account.")


@dataclass(frozen=True)
class Standing:
    """The enterprise's valid certificates, and how many keys more are asked for in its name."""

    certificates: tuple[Certificate, ...]
    asked: int

    @property
    def is_full(self) -> bool:
        """Whether one key more would be too many (DOMAIN: at most 3 valid certificates)."""
        return len(self.certificates) + self.asked >= LIMIT_OF_KEYS

    @property
    def service(self) -> Service:
        """What asking for a key is called here: new without a valid one, additional beside one."""
        return Service.ADDITIONAL if self.certificates else Service.NEW


def standing_of(parts: Parts, applicant: Applicant) -> Standing:
    """How many keys the applicant's enterprise holds and has asked for, counted as on submission."""
    held = keys_held(parts, applicant.uscc or "", applicant.id)
    return Standing(held.certificates, held.in_progress)


def check_start(parts: Parts, applicant: Applicant, service: Service) -> None:
    """Stop what could not end well before a form is filled.

    Raises:
        Conflict: the enterprise has as many keys as it may, or this sign-in is not one for the service.
    """
    if applicant.kind == "certificate" and service is not Service.RENEWAL:
        raise Conflict(ONLY_RENEWAL)
    if applicant.kind != "certificate" and service is Service.RENEWAL:
        raise Conflict(ONLY_WITH_THE_KEY)
    if service in (Service.NEW, Service.ADDITIONAL):
        standing = standing_of(parts, applicant)
        if standing.is_full:
            held, asked = len(standing.certificates), standing.asked
            raise Conflict(LIMIT_REACHED, held=held, asked=asked, limit=LIMIT_OF_KEYS)


def is_beyond_limit(parts: Parts, applicant: Applicant, draft: Draft) -> bool:
    """Whether a form asks for a key more than the enterprise may have by now; a correction asks for none."""
    if draft.application_id is not None or draft.service not in (Service.NEW, Service.ADDITIONAL):
        return False
    return standing_of(parts, applicant).is_full
