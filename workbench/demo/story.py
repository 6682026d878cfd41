"""What happens to each demo case, as plain values: who applies for what, which papers come when, who decides what.

Everything follows from the seed, the anchor and the calendar. Stories are laid out backwards from where they stand now.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from workbench.cases.words import Category, Channel, Desk, Service
from workbench.demo.papers import Document, Fault, Form, InventedEnterprise, InventedHolder, Quirk


class Ending(StrEnum):
    """Where a story stands when the demo opens."""

    PRE_CHECK = "pre_check"
    RE_CHECK = "re_check"
    RETURNED = "returned"
    PRODUCTION = "production"
    WITHDRAWN = "withdrawn"
    KEY = "key"
    """Its key was made; `journeys` tells how far it got since."""


@dataclass(frozen=True)
class PaperPlan:
    """One document as it is sent: equal plans give equal bytes."""

    form: Form
    quirk: Quirk
    seed: int
    faults: frozenset[Fault] = frozenset()


@dataclass(frozen=True)
class Decision:
    """One desk's verdict on a round. `found` are the faults it marks; the case was opened `minutes` earlier."""

    desk: Desk
    login: str
    at: datetime
    minutes: int
    found: Mapping[Document, frozenset[Fault]]

    @property
    def passed(self) -> bool:
        """Whether the desk found nothing."""
        return not self.found


@dataclass(frozen=True)
class Round:
    """One submission: every paper it holds, which of them are sent with it (others are kept), what the desks say."""

    submitted_at: datetime
    papers: Mapping[Document, PaperPlan]
    sent: tuple[Document, ...]
    answer: str | None
    telephone: str
    decisions: tuple[Decision, ...]


@dataclass(frozen=True)
class Story:
    """One case from its first submission to where it stands. (credit code, service) is its key."""

    index: int
    authority: str
    ending: Ending
    service: Service
    category: Category
    channel: Channel
    enterprise: InventedEnterprise
    holder: InventedHolder
    reason: str | None
    prior_key: str | None
    rounds: tuple[Round, ...]
    withdrawn_at: datetime | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What tells this story's case from every other."""
        return self.enterprise.uscc, self.service.value


@dataclass(frozen=True)
class Step:
    """One move of a story. `number` counts the story's moves from 0: each leaves exactly one event on the case."""

    at: datetime
    number: int
    story: Story
    round: int
    decision: Decision | None = None
    withdraws: bool = False

    @property
    def sends_papers(self) -> bool:
        """Whether the step is a submission."""
        return self.decision is None and not self.withdraws


def steps_of(story: Story) -> list[Step]:
    """The story's moves in order."""
    steps: list[Step] = []
    for index, each in enumerate(story.rounds):
        steps.append(Step(each.submitted_at, len(steps), story, index))
        for decision in each.decisions:
            steps.append(Step(decision.at, len(steps), story, index, decision=decision))
    if story.withdrawn_at is not None:
        steps.append(Step(story.withdrawn_at, len(steps), story, len(story.rounds) - 1, withdraws=True))
    return steps


_FORM_WEIGHTS: Final[Mapping[Form, int]] = {
    Form.SCAN_PDF: 27,
    Form.JPEG: 41,
    Form.PHOTO: 4,
    Form.PDF: 10,
    Form.TIFF: 7,
    Form.PNG: 5,
    Form.WEBP: 6,
}
_SCANNED: Final = frozenset({Form.SCAN_PDF, Form.TIFF})


def draw_paper(rng: random.Random, favourite: Form, faults: frozenset[Fault] = frozenset()) -> PaperPlan:
    """A paper in the enterprise's favourite form or another, now and then sideways, upside down or faxed."""
    form = favourite if rng.random() < 0.7 else draw_form(rng)
    dice = rng.random()
    quirk = Quirk.NONE
    if form not in (Form.PDF, Form.PHOTO):
        if dice < 0.04:
            quirk = Quirk.SIDEWAYS
        elif dice < 0.07:
            quirk = Quirk.UPSIDE_DOWN
        elif dice < 0.11 and form in _SCANNED:
            quirk = Quirk.FAX
    return PaperPlan(form, quirk, rng.randrange(10**9), faults)


def draw_form(rng: random.Random) -> Form:
    """A form by how often it comes."""
    return rng.choices(list(_FORM_WEIGHTS), list(_FORM_WEIGHTS.values()))[0]


def mended(rng: random.Random, plan: PaperPlan) -> PaperPlan:
    """The same document made anew, without its faults and the right way up."""
    return replace(plan, quirk=Quirk.NONE, seed=rng.randrange(10**9), faults=frozenset())
