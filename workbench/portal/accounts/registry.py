"""The enterprise registry (代码库): which codes exist, and under which name. Asked when somebody registers.

Whatever answers `find` may stand behind it; the table in our own database, loaded from CSV, is the default. A registry
without any record checks nothing.
"""

import csv
import io
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Protocol

from sqlalchemy import exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from workbench.kernel import audit, clock
from workbench.kernel.codes import normalise_uscc, uscc_problem
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.kernel.text import NotText, decode_text
from workbench.portal.models import EnterpriseRecord

LONGEST_NAME: Final = 200
COLUMNS: Final = ("uscc", "name")
UNKNOWN_CODE: Final = N_(
    "The registry has no record of this code (代码库无信息). Compare it with the licence; an enterprise that is newly "
    "founded or has just changed its licence may not be in the registry yet."
)
OTHER_NAME: Final = N_(
    "The registry holds another name for this code. Enter the name exactly as it stands on the business licence."
)
_AT_ONCE: Final = 1000
"""Rows per statement."""
_SHOWN: Final = 50
"""Problems told at once: a file of another kind would fill the screen."""


@dataclass(frozen=True)
class RegistryEntry:
    """An enterprise as the registry knows it."""

    uscc: str
    name: str


class EnterpriseRegistry(Protocol):
    """Who knows which enterprises exist."""

    def in_use(self) -> bool:
        """Whether there is anything to ask."""

    def find(self, uscc: str) -> RegistryEntry | None:
        """The enterprise of a normalised code, or None (代码库无信息)."""


class TableRegistry:
    """The registry in our own database."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def in_use(self) -> bool:
        """Whether any record has been loaded."""
        return bool(self._session.scalar(select(exists().select_from(EnterpriseRecord))))

    def find(self, uscc: str) -> RegistryEntry | None:
        """The record of a normalised code."""
        found = self._session.get(EnterpriseRecord, uscc)
        return RegistryEntry(found.uscc, found.name) if found else None


class BadRegistryFile(Exception):
    """A file that cannot be loaded; `problems` names each by its line."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


def problem_with(registry: EnterpriseRegistry, uscc: str, name: str | None = None) -> Mapping[str, str]:
    """What the registry says against a code, and against a name if one is given: a msgid by field, or nothing."""
    if not registry.in_use():
        return {}
    entry = registry.find(uscc)
    if entry is None:
        return {"uscc": UNKNOWN_CODE}
    if name is not None and _comparable(name) != _comparable(entry.name):
        return {"enterprise_name": OTHER_NAME}
    return {}


def load(session: Session, actor: Actor, content: bytes) -> int:
    """Add what a CSV file with the columns uscc and name holds, and correct the names of codes known already.

    UTF-8, with or without its mark, or GB 18030. All of the file is loaded, or nothing. Recorded.

    Raises:
        BadRegistryFile: with a line per problem.
    """
    rows = _read(content)
    now = clock.now()
    values = [{"uscc": uscc, "name": name, "loaded_at": now} for uscc, name in rows.items()]
    for start in range(0, len(values), _AT_ONCE):
        statement = insert(EnterpriseRecord).values(values[start : start + _AT_ONCE])
        renewed = {column: statement.excluded[column] for column in ("name", "loaded_at")}
        session.execute(statement.on_conflict_do_update(index_elements=["uscc"], set_=renewed))
    digest = sha256(content).hexdigest()
    audit.record(
        session, "registry.loaded", actor, subject="registry:enterprise", after={"rows": len(rows), "sha256": digest}
    )
    return len(rows)


def _read(content: bytes) -> dict[str, str]:
    problems: list[str] = []
    rows: dict[str, str] = {}
    try:
        text = decode_text(content)
    except NotText:
        raise BadRegistryFile(["line 1: this is no text in UTF-8 or GB 18030"]) from None
    for line, uscc, name in _lines(text):
        problem = _problem_of_row(uscc, name) or ("this code stands in the file twice" if uscc in rows else None)
        if problem:
            problems.append(f"line {line}: {problem}")
            if len(problems) == _SHOWN:
                break
        rows[uscc] = name
    if not rows and not problems:
        problems.append("line 2: there is no record")
    if problems:
        raise BadRegistryFile(problems)
    return rows


def _lines(text: str) -> Iterator[tuple[int, str, str]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        heading = [each.strip().lower() for each in next(reader, [])]
        if sorted(heading) != sorted(COLUMNS):
            raise BadRegistryFile([f"line 1: the columns must be {','.join(COLUMNS)}"])
        for row in reader:
            if not any(each.strip() for each in row):
                continue
            if len(row) != len(COLUMNS):
                raise BadRegistryFile([f"line {reader.line_num}: {len(row)} columns instead of {len(COLUMNS)}"])
            values = dict(zip(heading, row, strict=True))
            yield reader.line_num, normalise_uscc(values["uscc"]), values["name"].strip()
    except csv.Error as error:
        raise BadRegistryFile([f"line {reader.line_num}: {error}"]) from error


def _problem_of_row(uscc: str, name: str) -> str | None:
    problem = uscc_problem(uscc)
    if problem is not None:
        return f"{uscc[:40]!r} is no unified social credit code ({problem})"
    if not name or len(name) > LONGEST_NAME or any(ord(character) < 32 for character in name):
        return "the name is missing, too long or holds characters that cannot be written"
    return None


def _comparable(name: str) -> str:
    """Names compare without blanks and whichever way brackets were typed."""
    return "".join(unicodedata.normalize("NFKC", name).split()).casefold()
