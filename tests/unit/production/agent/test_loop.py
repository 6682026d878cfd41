"""Turns with a server that answers by script: outcomes are repeated until they are taken, troubles are told once, and
the end is reached at once."""

import itertools
import threading
from collections.abc import Callable, Sequence

import pytest

from workbench.production.agent import loop
from workbench.production.agent.client import Refused, Unanswered
from workbench.production.agent.loop import LONGEST_WAIT, Agent
from workbench.production.agent.performing import Done, Performer, StoppedBetweenCallsError
from workbench.production.agent.words import Speaker, translator
from workbench.production.algorithms import Algorithm
from workbench.production.protocol import Answer, Failed, Order, Outcome, Remove, Removed, Requested, Turn
from workbench.production.tokens.driver import Fault, PluggedToken, TokenFault

IDLE = Answer(wait_seconds=0.0, station="一号台")
ORDER = Remove(making=1, serial="01", user_pin="271828", key_id="ab")
WORK = Answer(order=ORDER, wait_seconds=0.0, station="一号台", maker="示例制作甲")
FAILED = Failed(making=1, fault=Fault.TOKEN_PULLED)
AWAY = Unanswered("it cannot be reached")
GONE = Refused(401, "no such credential", "")


class Tokens:
    """A driver that only shows tokens, as many as it is asked for."""

    algorithms = frozenset({Algorithm.RSA_2048, Algorithm.P_256})

    def __init__(self) -> None:
        self.looks = 0
        self.fault: Exception | None = None
        self.shown: Sequence[PluggedToken] = [PluggedToken("01", "blank", "model", "maker", blank=True)]

    def list_tokens(self) -> Sequence[PluggedToken]:
        self.looks += 1
        if self.fault is not None:
            raise self.fault
        return self.shown


class Script:
    """A server that answers, or raises, in this order; the last word is always that the credential is gone."""

    def __init__(self, *answers: Answer | Exception) -> None:
        self._answers = itertools.chain(answers, itertools.repeat(GONE))
        self.turns: list[Turn] = []

    def take(self, turn: Turn) -> Answer:
        self.turns.append(turn)
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Hands(Performer):
    """Does nothing, and reports what is prepared."""

    def __init__(self, *outcomes: Outcome) -> None:
        self._outcomes = list(outcomes)
        self.orders: list[Order] = []

    def perform(self, order: Order) -> Done:
        self.orders.append(order)
        if not self._outcomes:
            raise StoppedBetweenCallsError
        return Done(self._outcomes.pop(0), 0.02, 0.01)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the agent would have waited, instead of waiting."""
    found: list[float] = []
    monkeypatch.setattr(Agent, "_pause", lambda _, seconds: found.append(seconds))
    return found


def run(
    server: Script,
    *outcomes: Outcome,
    tokens: Tokens | None = None,
    stopped: Callable[[], bool] = lambda: False,
    language: str = "en",
) -> int:
    return Agent(
        tokens or Tokens(),  # type: ignore[arg-type]  # nothing else of a driver is used here
        server,
        Hands(*outcomes),
        Speaker(translator(language)),
        software=True,
        stopped=stopped,
    ).run()


def outcomes_of(server: Script) -> list[Outcome | None]:
    return [turn.outcome for turn in server.turns]


def test_an_order_is_done_and_reported_in_the_next_turn(waits: list[float]) -> None:
    server = Script(IDLE, WORK, IDLE, IDLE)
    assert run(server, Removed(making=1)) == 1
    assert outcomes_of(server) == [None, None, Removed(making=1), None, None]
    assert {(turn.version, turn.software) for turn in server.turns} == {(1, True)}
    assert server.turns[0].algorithms == [Algorithm.P_256, Algorithm.RSA_2048]


def test_an_outcome_is_repeated_until_the_server_has_taken_it(waits: list[float]) -> None:
    server = Script(WORK, AWAY, AWAY, Unanswered("it is troubled itself", "500"), IDLE)
    run(server, FAILED)
    assert outcomes_of(server) == [None, FAILED, FAILED, FAILED, FAILED, None]


def test_waits_grow_and_never_pass_their_limit(waits: list[float]) -> None:
    run(Script(*[AWAY] * 12, IDLE, AWAY))
    troubled = [each for each in waits if each > 0]
    assert len(troubled) == 13
    assert troubled[0] <= 0.5
    assert all(LONGEST_WAIT / 2 <= each <= LONGEST_WAIT for each in troubled[6:12])
    assert troubled[12] <= 0.5, "an answer lets the waits begin anew"


def test_a_server_that_asks_to_be_left_alone_is(waits: list[float]) -> None:
    run(Script(Unanswered("it is troubled itself", "429", retry_after=37.0)))
    assert waits == [37.0]


def test_a_trouble_is_told_once_and_its_end_too(waits: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    run(Script(IDLE, AWAY, AWAY, AWAY, IDLE, IDLE))
    said = capsys.readouterr().out
    assert said.count("does not answer (it cannot be reached)") == 1
    assert said.count("answers again") == 1
    assert said.count("nobody works here") == 1


def test_a_trouble_is_told_in_the_readers_language(waits: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    run(Script(AWAY, Unanswered("it is troubled itself", "503 busy")), language="zh")
    said = capsys.readouterr().out
    assert "服务器没有应答（无法连接）" in said
    assert "服务器没有应答（服务器自身有故障: 503 busy）" in said


@pytest.mark.parametrize("refusal", [GONE, Refused(409, "update the agent", "agent_version")])
def test_an_agent_that_will_never_be_let_in_ends(
    refusal: Refused, waits: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    server = Script(IDLE, refusal)
    assert run(server) == 1
    assert len(server.turns) == 2
    assert refusal.detail in capsys.readouterr().out


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_report_that_cannot_be_read_becomes_one_that_can(status: int, waits: list[float]) -> None:
    server = Script(WORK, Refused(status, "unreadable", ""), IDLE)
    run(server, Requested(making=1, serial="01", request=b"x", token_seconds=0.1))
    reported = outcomes_of(server)[2]
    assert isinstance(reported, Failed)
    assert (reported.making, reported.fault) == (1, Fault.TOKEN_FAILED)


def test_what_is_refused_for_good_is_not_repeated_for_ever(waits: list[float]) -> None:
    server = Script(WORK, Refused(409, "gone on", ""), IDLE, WORK, Refused(400, "unreadable", ""), IDLE)
    run(server, FAILED, FAILED)
    assert outcomes_of(server) == [None, FAILED, None, None, FAILED, None, None]


@pytest.mark.parametrize("status", [403, 404, 405])
def test_a_door_that_is_missing_for_a_while_costs_no_outcome(status: int, waits: list[float]) -> None:
    server = Script(WORK, Refused(status, "not here", ""), IDLE)
    run(server, FAILED)
    assert outcomes_of(server) == [None, FAILED, FAILED, None]


def test_a_holders_agent_ends_when_all_is_done(waits: list[float]) -> None:
    done = Answer(wait_seconds=0, station="EK2026", done=True)
    server = Script(WORK, Answer(order=ORDER, wait_seconds=0, station="EK2026", done=True), done)
    assert run(server, Removed(making=1), Removed(making=1)) == 0
    assert outcomes_of(server) == [None, Removed(making=1), Removed(making=1)]


def test_the_end_is_reached_at_once_when_nothing_is_to_report() -> None:
    server = Script(IDLE)
    assert run(server, stopped=lambda: True) == 0
    assert server.turns == []


def test_the_end_comes_after_one_last_report(waits: list[float]) -> None:
    for last in (IDLE, AWAY, WORK, Refused(404, "not here", "")):
        asked = iter((False, True, True))
        server = Script(WORK, last)
        assert run(server, FAILED, stopped=lambda asked=asked: next(asked)) == 0  # type: ignore[misc]
        assert outcomes_of(server) == [None, FAILED]


def test_an_order_cut_short_by_the_end_is_not_reported(waits: list[float]) -> None:
    asked = iter((False, True))
    server = Script(WORK)
    assert run(server, stopped=lambda: next(asked)) == 0
    assert outcomes_of(server) == [None]


def test_tokens_are_looked_at_once_a_second_and_after_what_changed_them(waits: list[float]) -> None:
    tokens = Tokens()
    run(Script(*[IDLE] * 50), tokens=tokens)
    assert tokens.looks == 1
    tokens = Tokens()
    report = Requested(making=1, serial="01", request=b"x", token_seconds=0.1)
    run(Script(WORK, IDLE, WORK, IDLE), report, Removed(making=1), tokens=tokens)
    assert tokens.looks == 2


@pytest.mark.parametrize("fault", [TokenFault(Fault.DRIVER_MISSING, "gone"), ValueError("a bug")])
def test_a_driver_that_sees_nothing_is_told_once(
    fault: Exception, waits: list[float], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(loop, "LOOK_EVERY", 0.0)
    monkeypatch.setattr(loop, "LOOK_SHARE", 0)
    tokens = Tokens()
    tokens.fault = fault
    server = Script(IDLE, IDLE, IDLE)
    run(server, tokens=tokens)
    assert [turn.plugged for turn in server.turns] == [[]] * 4
    assert capsys.readouterr().out.count("No tokens can be seen") == 1


def test_only_what_the_protocol_has_room_for_is_reported(waits: list[float]) -> None:
    tokens = Tokens()
    strange = [("", "x"), ("a" * 65, "x"), ("a\nb", "x"), ("02", "y" * 100), ("03", "a\x00\x1bb")]
    tokens.shown = [PluggedToken(serial, label, label, label, blank=False) for serial, label in strange]
    server = Script(IDLE)
    run(server, tokens=tokens)
    assert [(each.serial, each.label) for each in server.turns[0].plugged] == [("02", "y" * 64), ("03", "a  b")]
    tokens.shown = [PluggedToken(f"{number:04}", "", "", "", blank=True) for number in range(600)]
    server = Script(IDLE)
    run(server, tokens=tokens)
    assert len(server.turns[0].plugged) == 500


class Patient(Hands):
    """Takes as long as it takes the server to have heard of it."""

    def __init__(self, server: "Counting") -> None:
        super().__init__(Removed(making=1))
        self._server = server

    def perform(self, order: Order) -> Done:
        assert self._server.heard.wait(10)
        return super().perform(order)


class Counting:
    """A server that orders once, and fails every second turn it is told that the agent is busy."""

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self.heard = threading.Event()

    def take(self, turn: Turn) -> Answer:
        self.turns.append(turn)
        if turn.outcome is not None:
            return Answer(wait_seconds=0, station="一号台", done=True)
        if len(self.turns) > 5:
            self.heard.set()
        if len(self.turns) % 2 == 0:
            raise AWAY
        return WORK


def test_a_long_order_leaves_nobody_thinking_that_the_agent_is_dead(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(loop, "BUSY_EVERY", 0.01)
    server = Counting()
    hands = Patient(server)
    agent = Agent(
        Tokens(),  # type: ignore[arg-type]
        server,
        hands,
        Speaker(translator("en")),
        software=True,
        stopped=lambda: False,
    )
    assert agent.run() == 0
    assert len(hands.orders) == 1, "what is ordered meanwhile is what is being done"
    assert [turn.outcome for turn in server.turns if turn.outcome is not None] == [Removed(making=1)]
    assert len({turn.model_dump_json() for turn in server.turns if turn.outcome is None}) == 1
    assert "does not answer" not in capsys.readouterr().out


@pytest.mark.parametrize("language", ["zh", "en"])
def test_lines_are_short_in_the_readers_language_and_hold_no_pin(
    waits: list[float], capsys: pytest.CaptureFixture[str], language: str
) -> None:
    run(Script(IDLE, WORK, WORK, IDLE), FAILED, Removed(making=1), language=language)
    said = capsys.readouterr().out
    assert "271828" not in said
    assert "一号台" in said
    assert "示例制作甲" in said
    assert ("介质 01：移除旧密钥对用时 20 毫秒，其中介质 10 毫秒。" in said) is (language == "zh")
    assert ("Token 01: taking the old key pair off took 20 ms, 10 ms of it the token's." in said) is (language == "en")
    assert all(len(line) < 200 for line in said.splitlines())


def test_a_server_cannot_write_to_the_terminal_what_it_likes(
    waits: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    run(Script(Answer(wait_seconds=0, station="\x1b[2J\n台"), Refused(404, "\x1b]0;x\x07", "")))
    assert "\x1b" not in capsys.readouterr().out
