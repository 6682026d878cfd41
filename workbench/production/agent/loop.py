"""Taking turns for as long as the server has something to say: report, be told, do it, report.

An outcome is repeated until the server has taken it; what a kill loses is ordered again, because the server knows what
it has not been told.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from secrets import SystemRandom
from threading import Event, Thread
from typing import Final, Protocol

from workbench.kernel.messages import N_
from workbench.production.agent.client import Refused, Unanswered, plain
from workbench.production.agent.performing import Performer, StoppedBetweenCallsError
from workbench.production.agent.words import Speaker
from workbench.production.protocol import VERSION, Answer, Failed, Order, Outcome, Plugged, Requested, Turn
from workbench.production.tokens.driver import Fault, PluggedToken, TokenDriver, TokenFault

RELEASE: Final = "1.0"
"""Of the agent, as the bench's screens show it."""
LOOK_EVERY: Final = 1.0
"""Seconds between two looks at what is plugged in, while nothing is written."""
LOOK_SHARE: Final = 10
"""A look that takes long is taken so many times its length apart."""
BUSY_EVERY: Final = 3.0
"""Seconds between the turns that say no more than that an order is being done: a real token may take a minute."""
LONGEST_WAIT: Final = 10.0
FIRST_WAIT: Final = 0.5
"""Seconds before a turn is taken again that the server did not answer; doubles each time, less a random part."""
MOST_TOKENS: Final = 500
NAME_LENGTH: Final = 64
_UNREADABLE: Final = frozenset({400, 413, 422})
_OUTDATED: Final = "agent_version"
_SLICE: Final = 0.1
_DICE: Final = SystemRandom()


class Server(Protocol):
    """Whoever answers turns."""

    def take(self, turn: Turn) -> Answer:
        """As `Client.take`."""


class Agent:
    """One agent at one station."""

    def __init__(
        self,
        driver: TokenDriver,
        server: Server,
        performer: Performer,
        speaker: Speaker,
        *,
        software: bool,
        stopped: Callable[[], bool],
    ) -> None:
        self._driver = driver
        self._server = server
        self._performer = performer
        self._speaker = speaker
        self._software = software
        self._stopped = stopped
        self._outcome: Outcome | None = None
        self._plugged: list[Plugged] = []
        self._look_at = 0.0
        self._failures = 0
        self._told: tuple[str, str | None] | None = None
        self._counted: int | None = None

    def run(self) -> int:
        """Take turns until the server says that all is done (0), the program is asked to end (0), or the server will
        not have this agent at all (1)."""
        while True:
            stopping = self._stopped()
            if stopping and self._outcome is None:
                return 0
            try:
                answer = self._server.take(self._turn())
            except Unanswered as trouble:
                if stopping:
                    return 0
                self._wait_out(trouble)
                continue
            except Refused as refusal:
                if self._is_final(refusal):
                    return 1
                if stopping:
                    return 0
                continue
            self._failures, self._outcome = 0, None
            self._tell(answer)
            if answer.order is not None:
                self._obey(answer.order)
            elif answer.done:
                self._speaker.say(N_("All done. The token can be taken out."))
                return 0
            else:
                self._pause(answer.wait_seconds)

    def _turn(self) -> Turn:
        if time.monotonic() >= self._look_at:
            self._look()
        return self._say_turn(self._outcome)

    def _say_turn(self, outcome: Outcome | None) -> Turn:
        return Turn(
            version=VERSION,
            agent=RELEASE,
            algorithms=sorted(self._driver.algorithms),
            software=self._software,
            plugged=self._plugged,
            outcome=outcome,
        )

    @contextmanager
    def _seen_to_be_busy(self) -> Iterator[None]:
        """Take empty turns beside an order that lasts, so that nobody takes a working agent for a dead one.

        They report nothing, and what they are told is what is being done already.
        """
        done, turn = Event(), self._say_turn(None)

        def take_turns() -> None:
            while not done.wait(BUSY_EVERY):
                with suppress(Unanswered, Refused):
                    self._server.take(turn)

        Thread(target=take_turns, name="busy", daemon=True).start()
        try:
            yield
        finally:
            done.set()

    def _look(self) -> None:
        began = time.monotonic()
        try:
            found = self._driver.list_tokens()
        except Exception as error:
            # A driver's own bug must not end the program either.
            fault = error.fault if isinstance(error, TokenFault) else Fault.TOKEN_FAILED
            self._plugged = []
            self._speaker.trouble("tokens", N_("No tokens can be seen. %(why)s"), why=self._speaker.fault(fault))
        else:
            self._plugged = _reported(found)
            self._speaker.relief("tokens", N_("Tokens can be seen again."))
        took = time.monotonic() - began
        self._look_at = began + took + max(LOOK_EVERY, LOOK_SHARE * took)
        if len(self._plugged) != self._counted:
            self._counted = len(self._plugged)
            self._speaker.say(N_("Tokens plugged in: %(count)s"), count=self._counted)

    def _obey(self, order: Order) -> None:
        try:
            with self._seen_to_be_busy():
                done = self._performer.perform(order)
        except StoppedBetweenCallsError:
            return
        self._outcome = done.outcome
        if not isinstance(done.outcome, Requested):  # whose token is not finished, and stays plugged in until it is
            self._look_at = 0.0
        if isinstance(done.outcome, Failed):
            why = self._speaker.fault(done.outcome.fault)
            self._speaker.say(
                N_("Token %(serial)s: %(doing)s failed. %(why)s"),
                serial=plain(order.serial),
                doing=self._speaker.doing(order),
                why=why,
            )
            return
        self._speaker.say(
            N_("Token %(serial)s: %(doing)s took %(all)d ms, %(token)d ms of it the token's."),
            serial=plain(order.serial),
            doing=self._speaker.doing(order),
            all=done.seconds * 1000,
            token=done.token_seconds * 1000,
        )

    def _tell(self, answer: Answer) -> None:
        self._speaker.relief("server", N_("The server answers again."))
        told = (answer.station, answer.maker)
        if told == self._told:
            return
        self._told = told
        if self._speaker.to_holder:
            self._speaker.say(N_("Connected. Renewal: %(station)s"), station=plain(answer.station))
        elif answer.maker is None:
            self._speaker.say(N_("Bench %(station)s: nobody works here."), station=plain(answer.station))
        else:
            self._speaker.say(
                N_("Bench %(station)s: %(maker)s works here."),
                station=plain(answer.station),
                maker=plain(answer.maker),
            )

    def _wait_out(self, trouble: Unanswered) -> None:
        why = ": ".join(part for part in (self._speaker.words(trouble.reason), plain(trouble.detail)) if part)
        self._speaker.trouble("server", N_("The server does not answer (%(why)s). Trying again."), why=why)
        self._pause(max(trouble.retry_after, self._backoff()))

    def _is_final(self, refusal: Refused) -> bool:
        """Say what the server will not have; True when this agent can never be let in again."""
        said = plain(refusal.detail) or str(refusal.status)
        if refusal.status == 401 or refusal.code == _OUTDATED:
            self._speaker.say(N_("The server refuses this agent: %(why)s"), why=said)
            return True
        self._speaker.trouble("server", N_("The server refuses what was reported: %(why)s"), why=said)
        if self._outcome is not None and refusal.status == 409:
            self._outcome = None  # taken notice of, and not wanted: what it was about has gone on
        elif self._outcome is not None and refusal.status in _UNREADABLE:
            self._outcome = _unreadable(self._outcome, refusal.status)
        self._pause(self._backoff())
        return False

    def _backoff(self) -> float:
        longest = min(FIRST_WAIT * (1 << min(self._failures, 10)), LONGEST_WAIT)
        self._failures += 1
        return longest * _DICE.uniform(0.5, 1.0)

    def _pause(self, seconds: float) -> None:
        """Wait in slices: a signal's handler can only leave a note, not wake anyone up."""
        until = time.monotonic() + seconds
        while not self._stopped() and (left := until - time.monotonic()) > 0:
            time.sleep(min(_SLICE, left))


def _unreadable(outcome: Outcome, status: int) -> Outcome | None:
    """What is reported in the place of an outcome that the server cannot read; nothing when it cannot read that."""
    if isinstance(outcome, Failed):
        return None
    return Failed(making=outcome.making, fault=Fault.TOKEN_FAILED, detail=f"agent: the report was refused ({status})")


def _reported(found: Sequence[PluggedToken]) -> list[Plugged]:
    """What the protocol has room for. A token whose number cannot be printed cannot be scanned either."""
    usable = [each for each in found if 0 < len(each.serial) <= NAME_LENGTH and each.serial.isprintable()]
    return [
        Plugged(
            serial=each.serial,
            label=plain(each.label)[:NAME_LENGTH],
            model=plain(each.model)[:NAME_LENGTH],
            maker=plain(each.maker)[:NAME_LENGTH],
            blank=each.blank,
        )
        for each in usable[:MOST_TOKENS]
    ]
