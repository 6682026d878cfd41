"""Draws the demo's stories: how many stand where in which authority, and what led there.

A paper with a fault is failed for that fault, or was passed by a first desk that overlooked it, or still waits to be
found; a paper without fault is never marked.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from workbench.cases.words import Category, Channel, Desk, Service
from workbench.demo.accounts import logins_of
from workbench.demo.faults import ANSWERS, ITEM_OF, SUBTLE
from workbench.demo.papers import Document, Fault, InventedEnterprise, Quirk, invented_enterprise, invented_holder
from workbench.demo.story import (
    Decision,
    Ending,
    PaperPlan,
    Round,
    Step,
    Story,
    draw_form,
    draw_paper,
    mended,
    steps_of,
)
from workbench.demo.worktime import DAY, WorkTime
from workbench.kernel.identity import Role

SEED: Final = 20260101
Cast = Mapping[str, Mapping[Ending, int]]
"""Authority code → how many stories stand where."""


def _row(pre_check: int, re_check: int, returned: int, production: int, withdrawn: int, key: int) -> dict[Ending, int]:
    return dict(zip(Ending, (pre_check, re_check, returned, production, withdrawn, key), strict=True))


FULL: Final[Cast] = {
    "110000": _row(22, 6, 6, 6, 2, 9),
    "310000": _row(7, 4, 3, 4, 1, 5),
    "440000": _row(7, 3, 3, 3, 1, 3),
    "440300": _row(6, 3, 2, 3, 1, 2),
    "650000": _row(6, 3, 3, 2, 1, 2),
    "330000": _row(5, 3, 2, 2, 0, 2),
    "370000": _row(5, 2, 2, 2, 0, 1),
    "330200": _row(5, 2, 2, 2, 1, 1),
}
"""168 cases: 63 at the pre-check, 26 at the re-check, 23 returned, 24 in production, 7 withdrawn, 25 with a key."""

_DUE_IN: Final = (1, 0, 2, 1, -1, 0, 1, 2, 0, 1, 2, -3)
"""Working days from today to the due date of cases waiting for the pre-check, dealt out in turn."""
_PRE_CHECK_DAYS: Final = 2
_N, _A, _R, _U = Service
_P, _C, _F, _ = Channel
_SERVICES: Final = (_N, _N, _U, _N, _A, _R, _N, _U, _N, _A)
_CHANNELS: Final = (_P, _P, _C, _P, _P, _P, _F, _P, _C, _P)
_CATEGORIES: Final = tuple(Category)
_REASONS: Final[Mapping[Service, tuple[str, ...]]] = {
    Service.ADDITIONAL: ("业务量增加，需增加操作人员", "新设分支机构使用", "进口与出口业务分别办理"),
    Service.REPLACEMENT: ("电子钥匙遗失", "电子钥匙损坏，无法识别", "介质接口损坏"),
}


def plan_stories(cast: Cast, worktime: WorkTime, seed: int = SEED) -> list[Story]:
    """The stories of a cast, in an order of no meaning."""
    rng = random.Random(seed)
    planner = _Planner(rng, worktime)
    drawn = [(code, ending) for code, row in cast.items() for ending, count in row.items() for _ in range(count)]
    # Keys last: whoever waits for a desk looks the same with them and without.
    places = sorted(drawn, key=lambda place: place[1] is Ending.KEY)
    return [planner.story(index, code, ending) for index, (code, ending) in enumerate(places)]


def _in_colour(plan: PaperPlan) -> PaperPlan:
    """The letter whose impression the maker cuts out: no desk would have passed a black-and-white copy of it."""
    return replace(plan, quirk=Quirk.NONE) if plan.quirk is Quirk.FAX else plan


def in_order(stories: Sequence[Story]) -> list[Step]:
    """Every move of every story as it happened."""
    return sorted(
        (step for story in stories for step in steps_of(story)),
        key=lambda each: (each.at, each.story.index, each.number),
    )


class _Planner:
    """Draws one story after the other; remembers who could apply a second time, and whose turn it is."""

    def __init__(self, rng: random.Random, worktime: WorkTime) -> None:
        self._rng = rng
        self._time = worktime
        self._known: dict[str, list[InventedEnterprise]] = {}
        self._codes: set[str] = set()
        self._turns: dict[str, int] = {}

    def story(self, index: int, authority: str, ending: Ending) -> Story:
        rng = self._rng
        service = _SERVICES[(index * 7 + index // 10) % len(_SERVICES)]
        if ending is Ending.KEY and service is Service.RENEWAL:
            service = Service.NEW  # a renewal's key stays with its holder
        channel = _CHANNELS[(index * 3 + index // 7) % len(_CHANNELS)]
        holder = invented_holder(rng)
        first = self._first_papers(service)
        rounds, withdrawn = self._rounds(index, authority, ending, service, first, self._count_of(index, ending))
        return Story(
            index=index,
            authority=authority,
            ending=ending,
            service=service,
            category=_CATEGORIES[(index + index // 3) % len(_CATEGORIES)],
            channel=channel,
            enterprise=self._enterprise(authority, service),
            holder=holder,
            reason=rng.choice(_REASONS[service]) if service in _REASONS else None,
            prior_key=f"SL-EK-{index:04d}" if service in (Service.REPLACEMENT, Service.RENEWAL) else None,
            rounds=rounds,
            withdrawn_at=self._time.at(withdrawn) if withdrawn is not None else None,
        )

    def _count_of(self, index: int, ending: Ending) -> int:
        """How many rounds: most pass or wait in the first; a few come back twice."""
        if ending is Ending.RETURNED:
            return 2 if index % 3 == 0 else 1
        return 3 if index % 13 == 5 else 2 if index % 4 == 1 else 1

    def _enterprise(self, authority: str, service: Service) -> InventedEnterprise:
        """A new enterprise; one that applied for its first key before may come for another."""
        known = self._known.setdefault(authority, [])
        if service in _REASONS and known and self._rng.random() < 0.4:
            return known.pop()
        enterprise = invented_enterprise(self._rng)
        while enterprise.uscc in self._codes:
            enterprise = invented_enterprise(self._rng)
        self._codes.add(enterprise.uscc)
        if service is Service.NEW:
            known.append(enterprise)
        return enterprise

    def _first_papers(self, service: Service) -> dict[Document, PaperPlan]:
        favourite = draw_form(self._rng)
        leaves_out = service is Service.RENEWAL and self._rng.random() < 0.7
        wanted = [each for each in Document if not (leaves_out and each is Document.AUTHORISATION)]
        return {document: draw_paper(self._rng, favourite) for document in wanted}

    def _rounds(
        self,
        index: int,
        authority: str,
        ending: Ending,
        service: Service,
        papers: dict[Document, PaperPlan],
        count: int,
    ) -> tuple[tuple[Round, ...], float | None]:
        """The rounds in order, and the position of a withdrawal."""
        identical = count == 3 and index % 2 == 1
        moments, withdrawn = self._moments(ending, count, service)
        telephone = f"000-{self._rng.randrange(10**8):08d}"
        rounds: list[Round] = []
        sent: tuple[Document, ...] = tuple(papers)
        answer: str | None = None
        for number, (submitted, decided) in enumerate(moments):
            if identical and number < 2:
                decided = decided[-1:]  # the first desk sees at once that nothing has changed
            is_last = number == count - 1
            failing = not is_last or ending is Ending.RETURNED or (ending is Ending.WITHDRAWN and bool(decided))
            if not (identical and number == 1):
                papers = self._with_faults(papers, sent, failing, ending if is_last else None, len(decided))
            if is_last and ending in (Ending.PRODUCTION, Ending.KEY):
                papers = {**papers, Document.SEAL_CONFIRMATION: _in_colour(papers[Document.SEAL_CONFIRMATION])}
            rounds.append(
                Round(
                    submitted_at=self._time.at(submitted),
                    papers=papers,
                    sent=sent,
                    answer=answer,
                    telephone=telephone,
                    decisions=self._decisions(authority, papers, decided, failing),
                )
            )
            faulty = {document: plan for document, plan in papers.items() if plan.faults}
            sent = tuple(faulty)
            answer = self._answer(faulty)
            if not (identical and number == 0):
                papers = {**papers, **{document: mended(self._rng, plan) for document, plan in faulty.items()}}
            if self._rng.random() < 0.3:
                telephone = f"000-{self._rng.randrange(10**8):08d}"
        return tuple(rounds), withdrawn

    def _moments(
        self, ending: Ending, count: int, service: Service
    ) -> tuple[list[tuple[float, tuple[float, ...]]], float | None]:
        """Positions of each round's submission and decisions, laid out backwards from the last."""
        rng = self._rng
        withdrawn: float | None = None
        last: tuple[float, tuple[float, ...]]
        if ending is Ending.PRE_CHECK:
            last = self._waiting_since(), ()
        elif ending is Ending.RE_CHECK:
            passed = self._back(self._time.end, 0.05, 1.6 if service is Service.RENEWAL else 4.6)
            last = self._back(passed, 0.2, 1.5), (passed,)
        elif ending in (Ending.PRODUCTION, Ending.KEY):
            long_ago = ending is Ending.KEY
            re_checked = self._back(self._time.end, *((7, 14) if long_ago else (0.05, 2.8)))
            passed = self._back(re_checked, 0.2, 2.4)
            last = self._back(passed, 0.2, 1.5), (passed, re_checked)
        elif ending is Ending.RETURNED:
            last = self._failed(self._back(self._time.end, 0.2, 11))
        else:
            withdrawn = self._back(self._time.end, 0.5, 9)
            waiting: tuple[float, tuple[float, ...]] = (self._back(withdrawn, 0.2, 1.2), ())
            last = waiting if rng.random() < 0.4 else self._failed(self._back(withdrawn, 0.5, 4))
        moments = [last]
        for _ in range(count - 1):
            moments.insert(0, self._failed(self._back(moments[0][0], 0.4, 3.5)))
        return moments, withdrawn

    def _failed(self, at: float) -> tuple[float, tuple[float, ...]]:
        """A round that came back at a position: mostly from the pre-check, sometimes from the re-check."""
        if self._rng.random() < 0.25:
            passed = self._back(at, 0.2, 2.0)
            return self._back(passed, 0.2, 1.5), (passed, at)
        return self._back(at, 0.2, 1.8), (at,)

    def _waiting_since(self) -> float:
        """When a case was submitted that is due so many working days from today."""
        turn = self._turns["due"] = self._turns.get("due", -1) + 1
        index = self._time.today + _DUE_IN[turn % len(_DUE_IN)] - _PRE_CHECK_DAYS
        if index * DAY + 15 > self._time.end:
            index -= 1
        return self._time.within(index, self._rng)

    def _back(self, position: float, least: float, most: float) -> float:
        """A position so many working days earlier."""
        return position - self._rng.uniform(least, most) * DAY

    def _with_faults(
        self,
        papers: dict[Document, PaperPlan],
        sent: tuple[Document, ...],
        failing: bool,
        ending: Ending | None,
        decisions: int,
    ) -> dict[Document, PaperPlan]:
        """The papers with the faults this round needs, and those nobody has found yet; only what is sent can change.

        `ending` is given for the last round alone.
        """
        overlooked = decisions == 2 if failing else ending is Ending.RE_CHECK
        choices = [each for each in ITEM_OF if each[0] in sent]
        if overlooked:
            choices = [each for each in choices if each[1] in SUBTLE] or choices
        possible = sorted({document for document, _ in choices})
        count = min(self._fault_count(failing, overlooked, ending), len(possible))
        changed = dict(papers)
        for document in self._rng.sample(possible, count):
            fault = self._rng.choice([one for each, one in choices if each is document])
            changed[document] = draw_paper(self._rng, papers[document].form, frozenset({fault}))
        return changed

    def _fault_count(self, failing: bool, overlooked: bool, ending: Ending | None) -> int:
        if failing:
            return 1 if overlooked else self._rng.choice((1, 1, 2, 3))
        if ending is Ending.PRE_CHECK:
            return self._rng.choice((0, 0, 0, 1, 1, 2))
        return 1 if ending is Ending.RE_CHECK and self._rng.random() < 0.2 else 0

    def _decisions(
        self, authority: str, papers: Mapping[Document, PaperPlan], decided: tuple[float, ...], failing: bool
    ) -> tuple[Decision, ...]:
        found: dict[Document, frozenset[Fault]] = {
            document: plan.faults for document, plan in papers.items() if plan.faults
        }
        desks = (Desk.PRE_CHECK, Desk.RE_CHECK)
        logins = (logins_of(Role.PRE_CHECKER, authority), logins_of(Role.RE_CHECKER))
        return tuple(
            Decision(
                desk=desks[number],
                login=self._rng.choice(logins[number]),
                at=self._time.at(position),
                minutes=self._rng.randint(4, 15),
                found=found if failing and number == len(decided) - 1 else {},
            )
            for number, position in enumerate(decided)
        )

    def _answer(self, faulty: Mapping[Document, PaperPlan]) -> str:
        said = sorted({ANSWERS[fault] for plan in faulty.values() for fault in plan.faults})
        return "；".join(said) + "，请审核。"
