"""The load: people who claim, mark, decide and enter applications over HTTP while processes die under them.

Whoever loses an answer does what a person would: presses again where that is safe, looks first where it is not.
"""

import hashlib
import random
import re
import threading
import traceback
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from tests.faults.browser import Answer, Browser, Lost, Upload
from tests.faults.ledger import Decision, Entry, Ledger
from tests.faults.office import IDENTITY, paper, photograph, uscc

T = TypeVar("T")
LOST_PAUSE = 0.2
"""Seconds before a person presses again."""
PRESSES_TWICE = 0.2
"""How often a person sends a verdict again after its answer: to the server it looks as if that answer was lost."""
FIRST_ENTERED = 500_000
"""Where the numbers of entered applications begin, apart from those seeded."""
_CASE_PATH = re.compile(r"/review/cases/(\d+)$")


class Person(threading.Thread):
    """Somebody who works until told to stop."""

    breath = (0.2, 0.8)
    """Seconds between two pieces of work."""

    def __init__(self, port: int, login: str, ledger: Ledger, stop: threading.Event, seed: int) -> None:
        super().__init__(name=login)
        self.login = login
        self.browser = Browser(port, login)
        self.ledger = ledger
        self.chance = random.Random(f"{seed} {login}")
        self._stopped = stop

    def run(self) -> None:
        """Sign in, then piece of work after piece of work; what goes wrong is written down."""
        try:
            self.insist(self.browser.sign_in)
            self.ledger.count_signed_in()
            while not self._stopped.wait(self.chance.uniform(*self.breath)):
                self.work()
        except _HomeTime:
            return
        except Exception:
            self.ledger.note_surprise(f"{self.login}: {traceback.format_exc(limit=4)}")

    def work(self) -> None:
        """One piece of work. Raises Unexpected and _HomeTime."""
        raise NotImplementedError

    def insist(self, step: Callable[[], T]) -> T:
        """Do what may be done twice until an answer comes. Raises _HomeTime when the day is over first."""
        while True:
            try:
                return step()
            except Lost:
                self.pause_after_loss()

    def pause_after_loss(self) -> None:
        """Count the lost answer and wait a moment. Raises _HomeTime."""
        self.ledger.count_lost()
        if self._stopped.wait(LOST_PAUSE):
            raise _HomeTime


class Decider(Person):
    """Claims the next case of a desk, marks it, passes or fails it."""

    def __init__(self, desk: str, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._desk = desk
        self._queue = f"/review/{desk.replace('_', '-')}/"
        self._at: str | None = None
        self._count = 0

    def work(self) -> None:
        """One case, from claim to verdict."""
        path = self._at or self._claim_next()
        self._at = None
        if path is None:
            return
        data = self.insist(lambda: self.browser.get(path)).case_data()
        if not data["may"]["mark"]:
            return
        verdict = "failed" if self.chance.random() < 0.35 else "passed"
        required = [item for document in data["documents"] for item in document["required"]]
        values = ["fault" if verdict == "failed" and place == 0 else "ok" for place in range(len(required))]
        marks = [{"item": item, "value": value} for item, value in zip(required, values, strict=True)]
        seen = data["case"]["version"]
        self.insist(lambda: self.browser.post_json(data["urls"]["marks"], {"version": seen, "marks": marks}))
        self._decide(data, verdict, seen)

    def _decide(self, data: Any, verdict: str, seen: int) -> None:
        """Press until there is an answer: the same person saying the same again is answered as the first time."""
        self._count += 1
        remark = f"示例批语 {self.login} {self._count:05d}"
        decision = self.ledger.try_decision(Decision(data["case"]["id"], self._desk, verdict, remark))
        url, sent = data["urls"]["decide"], {"verdict": verdict, "remark": remark, "version": seen}
        by_script = self.chance.random() < 0.5

        def press() -> str:
            if by_script:
                return str(self.browser.post_json(url, sent)["next"])
            return self.browser.post(url, {name: str(value) for name, value in sent.items()}).location

        following = self.insist(press)
        self.ledger.acknowledge(decision)
        if self.chance.random() < PRESSES_TWICE:
            following = self.insist(press)
        self._at = following if _CASE_PATH.search(following) else None

    def _claim_next(self) -> str | None:
        answer = self.insist(lambda: self.browser.post(f"{self._queue}next", {}))
        return answer.location if _CASE_PATH.search(answer.location) else None


class Enterer(Person):
    """Enters paper applications with their scans: some files at once, as scripts do, the rest with the form."""

    breath = (0.4, 1.5)

    def __init__(self, documents: tuple[str, ...], numbers: Iterator[int], *arguments: Any) -> None:
        super().__init__(*arguments)
        self._documents = documents
        self._numbers = numbers

    def work(self) -> None:
        """One application. A lost answer is not sent again: it could be entered twice, so the person looks."""
        number = FIRST_ENTERED + next(self._numbers)
        files = {
            code: paper(number) if place == 0 else photograph(number * 10 + place)
            for place, code in enumerate(self._documents)
        }
        ahead = self._documents[:2] if self.chance.random() < 0.5 else ()
        fields = [*self._form(number), *(("draft", self._send_ahead(code, files[code])) for code in ahead)]
        uploads = [Upload(f"file-{code}", f"{code}.bin", files[code]) for code in files if code not in ahead]
        digests = {code: hashlib.sha256(content).hexdigest() for code, content in files.items()}
        entry = self.ledger.try_entry(Entry(uscc(number), digests))
        try:
            self.browser.upload("/desk/paper/new?service=new", fields, uploads, (303,))
        except Lost:
            self.pause_after_loss()
            if not self._is_there(entry):
                return
        self.ledger.acknowledge(entry)

    def _form(self, number: int) -> list[tuple[str, str]]:
        return [
            ("enterprise_name", f"示例第{number}进出口有限公司"),
            ("uscc", uscc(number)),
            ("category", "other"),
            ("holder_name", "示例乙"),
            ("holder_identity_number", IDENTITY),
            ("holder_mobile", "10000000000"),
            ("holder_email", "someone@example.invalid"),
            ("pickup_site_id", ""),
        ]

    def _send_ahead(self, code: str, content: bytes) -> str:
        """Have one file examined before the form goes in; the word that stands for it."""

        def send() -> Answer:
            fields = [("service", "new"), ("slot", code)]
            return self.browser.upload("/desk/paper/files", fields, [Upload("file", f"{code}.bin", content)], (200,))

        reference = self.insist(send).json()["reference"]
        self.ledger.acknowledge_file(hashlib.sha256(content).hexdigest())
        return str(reference)

    def _is_there(self, entry: Entry) -> bool:
        """Look for the application among all cases; one that was seen has to stay."""
        page = self.insist(lambda: self.browser.get(f"/cases/?q={entry.uscc}")).text
        return _CASE_LINK.search(page) is not None


class _HomeTime(Exception):
    """The day is over."""


_CASE_LINK = re.compile(r"/review/cases/\d+")
