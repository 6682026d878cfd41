"""A case as its applicant follows it: what happened, where it stands, what is still to come, in general words.

Nobody of the desks is named, and what they write to each other stays with them. Decides nothing; texts are msgids.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from workbench.cases.clocks import ClockKind
from workbench.cases.models import CaseEvent
from workbench.cases.states import CLOSED_STATES
from workbench.cases.words import Service, State
from workbench.kernel.messages import N_


class Who(StrEnum):
    """Who did or does something, as far as an applicant is told."""

    YOU = "you"
    AUTHORITY = "authority"
    PROVIDER = "provider"


WHO_WORDS: Final[Mapping[Who, str]] = {
    Who.YOU: N_("You"),
    Who.AUTHORITY: N_("Issuing authority"),
    Who.PROVIDER: N_("E-key service provider"),
}


class Place(StrEnum):
    """Where a step stands in time."""

    DONE = "done"
    NOW = "now"
    NEXT = "next"


@dataclass(frozen=True)
class Saying:
    """A title, the sentence below it, and who it is about."""

    title: str
    text: str
    who: Who


@dataclass(frozen=True)
class Period:
    """What is known of when a step to come will be done.

    `days` working days counted from what `since` (a msgid) says; `latest` is the last instant if nothing goes wrong.
    """

    days: int | None = None
    since: str = ""
    latest: datetime | None = None
    provisional: bool = False


@dataclass(frozen=True)
class Step:
    """One line of the timeline. `remark` is what was said to the applicant with it; `troubled` that it went back."""

    key: str
    place: Place
    title: str
    text: str
    who: Who
    at: datetime | None = None
    round: int = 1
    remark: str | None = None
    troubled: bool = False
    period: Period | None = None


_AUTHORITY, _PROVIDER, _YOU = Who.AUTHORITY, Who.PROVIDER, Who.YOU

HAPPENED: Final[Mapping[str, Saying]] = {
    "submitted": Saying(N_("Application sent"), "", _YOU),
    "resubmitted": Saying(N_("Corrections sent"), "", _YOU),
    "withdrawn": Saying(N_("Application withdrawn"), "", _YOU),
    "pre_check_passed": Saying(
        N_("Pre-check passed"), N_("The issuing authority found your papers in order."), _AUTHORITY
    ),
    "pre_check_failed": Saying(
        N_("Pre-check not passed"), N_("The issuing authority asks you to correct something."), _AUTHORITY
    ),
    "re_check_passed": Saying(
        N_("Re-check passed"), N_("The service provider found your papers in order as well."), _PROVIDER
    ),
    "re_check_failed": Saying(
        N_("Re-check not passed"), N_("The service provider asks you to correct something."), _PROVIDER
    ),
    "production_failed": Saying(
        N_("Returned from production"),
        N_("No seal can be made from your seal confirmation letter: please send another."),
        _PROVIDER,
    ),
    "key_produced": Saying(N_("E-key made"), "", _PROVIDER),
    "certificate_updated": Saying(N_("Certificate updated"), N_("On your key, at your own computer."), _YOU),
    "renewal_ended": Saying(
        N_("Renewal ended"),
        N_("The certificate was revoked, so nothing is left to renew: please apply for a replacement."),
        _PROVIDER,
    ),
    "handed_to_courier": Saying(N_("E-key sent by courier to the issuing authority"), "", _PROVIDER),
    "returned_to_production": Saying(
        N_("E-key has to be made again"), N_("It did not arrive in good order. You need not do anything."), _PROVIDER
    ),
    "received": Saying(N_("E-key arrived at the issuing authority"), "", _AUTHORITY),
    "forwarded": Saying(
        N_("E-key sent on"), N_("It arrived at the wrong place and is on its way to the right one."), _AUTHORITY
    ),
    "enterprise_notified": Saying(N_("You were told that the e-key is ready"), "", _AUTHORITY),
    "final_stamping_refused": Saying(
        N_("E-key could not be handed over"), N_("Something was not in order at the counter."), _AUTHORITY
    ),
    "collected": Saying(
        N_("E-key collected"), N_("The originals were compared and the final stamping was done."), _AUTHORITY
    ),
    "key_destroyed": Saying(N_("E-key destroyed"), N_("It was not collected."), _AUTHORITY),
}
"""What each event of a case means to its applicant."""

TOLD: Final = frozenset({"pre_check_failed", "re_check_failed", "production_failed", "final_stamping_refused"})
"""Events whose remark is meant for the applicant; every other remark is from desk to desk."""

NOW: Final[Mapping[State, Saying]] = {
    State.PRE_CHECK: Saying(
        N_("The issuing authority is checking your papers"),
        N_("If they are in order, the service provider checks them once more. If not, you read here what to correct."),
        _AUTHORITY,
    ),
    State.RE_CHECK: Saying(
        N_("The service provider is checking your papers"),
        N_("If they are in order, your request is carried out. If not, you read here what to correct."),
        _PROVIDER,
    ),
    State.RETURNED: Saying(
        N_("Please correct your application"),
        N_("The clocks stand still until you send the corrections. Then the issuing authority checks them."),
        _YOU,
    ),
    State.PRODUCTION: Saying(
        N_("Your e-key is being made"), N_("Then a courier takes it to the issuing authority."), _PROVIDER
    ),
    State.MADE: Saying(
        N_("Your e-key is packed for the courier"),
        N_("Then it travels to the issuing authority. You need not do anything."),
        _PROVIDER,
    ),
    State.IN_TRANSIT: Saying(
        N_("Your e-key is on its way to the issuing authority"),
        N_("Please wait until you are told that it can be collected."),
        _PROVIDER,
    ),
    State.AT_AUTHORITY: Saying(
        N_("Your e-key is at the issuing authority"),
        N_("It will tell you when the e-key can be collected. Please do not set out before."),
        _AUTHORITY,
    ),
    State.AWAITING_COLLECTION: Saying(
        N_("Your e-key can be collected"),
        N_("Bring all originals: they are compared, the final stamping is done, and the e-key is handed over."),
        _YOU,
    ),
}
UPDATING: Final = Saying(
    N_("You can update your certificate now"),
    N_("Everything is approved. Plug in your e-key and update the certificate on it; it takes a few minutes."),
    _YOU,
)
"""In place of the making of a key, for a renewal: it is the holder's turn, whose hands the key is in."""

ENDS: Final[Mapping[State, Saying]] = {
    State.WITHDRAWN: Saying(
        N_("You withdrew this application"), N_("Nobody works on it any more. You may start another."), _YOU
    ),
    State.COLLECTED: Saying(N_("Done: your e-key was collected"), "", _YOU),
    State.UPDATED: Saying(N_("Done: your certificate was updated"), N_("You can use your e-key as before."), _YOU),
    State.KEY_DESTROYED: Saying(
        N_("Ended: the e-key was not collected and was destroyed"), N_("Please make a new application."), _AUTHORITY
    ),
}

_TO_COME: Final[Mapping[State, Saying]] = {
    State.PRE_CHECK: Saying(N_("Pre-check"), N_("The issuing authority checks your papers."), _AUTHORITY),
    State.RE_CHECK: Saying(N_("Re-check"), N_("The service provider checks your papers once more."), _PROVIDER),
    State.PRODUCTION: Saying(N_("E-key is made"), "", _PROVIDER),
    State.IN_TRANSIT: Saying(N_("Courier to the issuing authority"), "", _PROVIDER),
    State.AT_AUTHORITY: Saying(
        N_("Notice"), N_("The issuing authority tells you that the e-key can be collected."), _AUTHORITY
    ),
    State.AWAITING_COLLECTION: Saying(
        N_("Collection"), N_("You bring all originals, the final stamping is done, you receive the e-key."), _YOU
    ),
}
_UPDATE_TO_COME: Final = Saying(
    N_("Certificate is updated"), N_("You do it yourself with the e-key plugged in; you keep your e-key."), _YOU
)
_WAY: Final = tuple(_TO_COME)
_RENEWAL_WAY: Final = _WAY[:3]

STAGE_CLOCKS: Final[Mapping[State, tuple[ClockKind, str]]] = {
    State.PRE_CHECK: (ClockKind.PRE_CHECK, N_("your sending of the corrections")),
    State.PRODUCTION: (ClockKind.RE_CHECK_AND_PRODUCTION, N_("the passed pre-check")),
    State.AT_AUTHORITY: (ClockKind.NOTICE, N_("the arrival of the e-key")),
}
"""Which clock a step to come is counted by, and from what on (DOMAIN: deadlines)."""


def happened(events: Iterable[CaseEvent]) -> list[Step]:
    """What happened to a case, in order. What a member of staff entered for the applicant is said to be theirs."""
    steps = []
    for each in events:
        saying = HAPPENED.get(each.event)
        if saying is None:
            continue
        by_staff = saying.who is Who.YOU and each.actor.startswith("staff:")
        steps.append(
            Step(
                key=each.event,
                place=Place.DONE,
                title=saying.title,
                text=N_("Entered for you by the issuing authority.") if by_staff else saying.text,
                who=Who.AUTHORITY if by_staff else saying.who,
                at=each.at,
                round=each.round,
                remark=each.remark if each.event in TOLD else None,
                troubled=each.event in TOLD or each.event == "key_destroyed",
            )
        )
    return steps


def standing(state: State, service: Service) -> Saying:
    """Where a case stands, and what happens next."""
    if state in CLOSED_STATES:
        return ENDS[state]
    return UPDATING if waits_for_update(state, service) else NOW[state]


def waits_for_update(state: State, service: Service) -> bool:
    """Whether it is the applicant's turn to update the certificate on the key."""
    return state is State.PRODUCTION and service is Service.RENEWAL


def to_come(state: State, service: Service, periods: Mapping[State, Period]) -> list[Step]:
    """The steps that follow where a case stands, with what `periods` know of their time. A renewal sees no courier."""
    return [
        Step(
            key=stage.value,
            place=Place.NEXT,
            title=(saying := _coming(stage, service)).title,
            text=saying.text,
            who=saying.who,
            period=periods.get(stage),
        )
        for stage in stages_after(state, service)
    ]


def stages_after(state: State, service: Service) -> Sequence[State]:
    """The stages a case still has before it; none when it has ended."""
    way = _RENEWAL_WAY if service is Service.RENEWAL else _WAY
    if state in CLOSED_STATES:
        return ()
    if state is State.RETURNED:
        return way
    return way[way.index(State.IN_TRANSIT if state is State.MADE else state) + 1 :]


def timeline(
    events: Iterable[CaseEvent], state: State, service: Service, periods: Mapping[State, Period]
) -> list[Step]:
    """All steps of a case: what happened, where it stands unless it has ended, what is to come."""
    steps = happened(events)
    if state not in CLOSED_STATES:
        saying = standing(state, service)
        steps.append(Step(key=state.value, place=Place.NOW, title=saying.title, text=saying.text, who=saying.who))
    return steps + to_come(state, service, periods)


def _coming(stage: State, service: Service) -> Saying:
    if waits_for_update(stage, service):
        return _UPDATE_TO_COME
    return _TO_COME[stage]
