"""Intake of a folder or ZIP: `case.json` and files become a case, all or nothing, with every problem named at once.

The format is docs/intake.md and intake_schema.json. Meant for an administrator's command line; nothing is taken in that
a clerk could not have entered.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path, PurePosixPath
from typing import Any, Final

from jsonschema import Draft202012Validator
from sqlalchemy import select
from sqlalchemy.orm import Session

from workbench.cases.facts import FORM_FIELDS, CaseFacts, HolderFacts, InvalidFacts, check_facts
from workbench.cases.models import Application
from workbench.cases.words import Category, Channel, Service
from workbench.documents import limits
from workbench.documents.intake_source import Source, SourceRefused, open_source
from workbench.documents.rendering import renderer
from workbench.documents.requirements import effective_documents, versions_for
from workbench.documents.service import examine_all, submit_case
from workbench.documents.uploads import ExaminedFile, IncomingFile, UploadRefused
from workbench.kernel.clock import SHANGHAI, now
from workbench.kernel.errors import WorkbenchError
from workbench.kernel.identity import Actor
from workbench.kernel.parts import Parts
from workbench.organisation.models import Authority, PickupSite

CASE_FILE: Final = "case.json"
MAX_CASE_BYTES: Final = limits.MIB
POINTERS: Final = {
    "enterprise_name": "/enterprise/name",
    "uscc": "/enterprise/uscc",
    "holder_name": "/holder/name",
    "holder_mobile": "/holder/mobile",
    "holder_email": "/holder/email",
    "holder_identity_number": "/holder/identity_number",
    "reason": "/reason",
    "prior_key": "/prior_key",
    **{name: f"/form/{name}" for name in FORM_FIELDS},
}
"""Where in the JSON of an application each of the facts stands, here and at the interface."""


@dataclass(frozen=True)
class IntakeProblem:
    """One thing that is wrong: a file of the intake, or a place in case.json (as a JSON Pointer), and what to do."""

    file: str
    pointer: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}{'#' + self.pointer if self.pointer else ''}: {self.message}"


class IntakeRefused(Exception):
    """Nothing was taken in; `problems` names each reason."""

    def __init__(self, problems: Sequence[IntakeProblem]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


def intake(parts: Parts, path: Path, actor: Actor) -> Application:
    """Take in one folder or ZIP as a case at the pre-check.

    Raises:
        IntakeRefused: with every problem found; nothing was changed.
    """
    try:
        with open_source(path) as source, parts.work(actor.scope) as session:
            case = _read_case(source)
            facts = _facts(session, case)
            examined = _examined(session, parts, source, case, facts)
            return submit_case(session, parts, renderer(), facts, examined, actor)
    except SourceRefused as refused:
        raise IntakeRefused([IntakeProblem(refused.path, "", refused.problem)]) from refused
    except WorkbenchError as error:
        raise IntakeRefused([IntakeProblem(CASE_FILE, "", str(error))]) from error


def run_intake(parts: Parts, path: Path, actor: Actor) -> int:
    """The command: prints the case's number, or each problem on a line of its own; 0 when taken in, otherwise 1."""
    try:
        application = intake(parts, path, actor)
    except IntakeRefused as refused:
        lines = [f"Nothing was taken in: {len(refused.problems)} problem(s).", *map(str, refused.problems)]
        sys.stderr.write("\n".join(lines) + "\n")
        return 1
    sys.stdout.write(f"{application.number}: {application.enterprise_name}\n")
    return 0


@cache
def _validator() -> Any:
    schema = json.loads(files("workbench.documents").joinpath("intake_schema.json").read_text(encoding="utf-8"))
    return Draft202012Validator(schema)


def _read_case(source: Source) -> dict[str, Any]:
    try:
        case = json.loads(source.read(CASE_FILE, MAX_CASE_BYTES).decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise IntakeRefused([IntakeProblem(CASE_FILE, "", f"is not JSON in UTF-8: {error}")]) from error
    problems = [
        IntakeProblem(CASE_FILE, "".join(f"/{part}" for part in error.absolute_path), error.message[:300])
        for error in sorted(_validator().iter_errors(case), key=lambda error: [str(part) for part in error.path])
    ]
    if problems:
        raise IntakeRefused(problems)
    assert isinstance(case, dict)
    return case


def _facts(session: Session, case: dict[str, Any]) -> CaseFacts:
    authority = session.scalars(select(Authority).where(Authority.code == case["authority"])).one_or_none()
    if authority is None or not authority.active:
        raise IntakeRefused([IntakeProblem(CASE_FILE, "/authority", "there is no issuing authority of this code")])
    facts = CaseFacts(
        service=Service(case["service"]),
        category=Category(case["category"]),
        channel=Channel.FOLDER,
        authority_id=authority.id,
        enterprise_name=case["enterprise"]["name"],
        uscc=case["enterprise"]["uscc"],
        holder=HolderFacts(**case["holder"]),
        form=case.get("form", {}),
        pickup_site_id=_pickup_site_id(session, authority.id, case.get("pickup_site")),
        reason=case.get("reason"),
        prior_key=case.get("prior_key"),
    )
    try:
        check_facts(facts.normalised(), now().astimezone(SHANGHAI).date())
    except InvalidFacts as invalid:
        found = [IntakeProblem(CASE_FILE, POINTERS[name], reason) for name, reason in invalid.problems.items()]
        raise IntakeRefused(found) from invalid
    return facts


def _pickup_site_id(session: Session, authority_id: int, name: str | None) -> int | None:
    if name is None:
        return None
    found = session.scalars(
        select(PickupSite.id).where(PickupSite.authority_id == authority_id, PickupSite.name == name, PickupSite.active)
    ).first()
    if found is None:
        raise IntakeRefused([IntakeProblem(CASE_FILE, "/pickup_site", "the authority has no such pick-up site")])
    return found


def _examined(
    session: Session, parts: Parts, source: Source, case: dict[str, Any], facts: CaseFacts
) -> list[ExaminedFile]:
    """Every file, read and examined; all that is wrong with any of them is told together."""
    incoming: list[IncomingFile] = []
    problems: list[IntakeProblem] = []
    unread: list[str] = []
    for number, file in enumerate(case["files"]):
        name = file.get("name") or PurePosixPath(file["path"]).name
        try:
            content = source.read(file["path"], limits.MAX_FILE_BYTES)
        except SourceRefused as refused:
            problems.append(IntakeProblem(refused.path, f"/files/{number}/path", refused.problem))
            unread.append(file["document"])
        else:
            incoming.append(IncomingFile(file["document"], name, content))
    documents = effective_documents(session, *versions_for(session, facts.service, facts.authority_id))
    examined: list[ExaminedFile] = []
    try:
        # A file that could not be read still fills its slot: its document is not called missing on top.
        examined = examine_all(parts.blobs, renderer(), documents, incoming, unread)
    except UploadRefused as refused_files:
        problems += [
            IntakeProblem(each.name or each.document_code, "/files", each.reason % dict(each.values))
            for each in refused_files.problems
        ]
    if problems:
        raise IntakeRefused(problems)
    return examined
