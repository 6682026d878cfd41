"""The office under fault: one authority with clerks, the vendor's re-checkers, and cases that wait for the pre-check.

Everything is made by the product's own services. The scans are examined once and shared by all waiting cases.
"""

import io
from dataclasses import dataclass

import pikepdf
from PIL import Image, ImageDraw
from sqlalchemy import select

import workbench.models  # noqa: F401 - every table, so that foreign keys are known
from workbench.cases.deadlines import load_year
from workbench.cases.facts import CaseFacts, HolderFacts
from workbench.cases.words import Category, Channel, Service
from workbench.documents.preview import Renderer
from workbench.documents.requirements import effective_documents, seed_requirements, versions_for
from workbench.documents.service import submit_case
from workbench.documents.uploads import ExaminedFile, IncomingFile, examine
from workbench.kernel.clock import SHANGHAI, now
from workbench.kernel.codes import uscc_check_character
from workbench.kernel.identity import Role, system_actor
from workbench.kernel.parts import Parts
from workbench.organisation.models import Authority
from workbench.organisation.seed import seed_authorities
from workbench.organisation.service import create_staff
from workbench.review.seed import seed_templates

SYSTEM = system_actor("seed")
PASSWORD = "示例口令 for trying faults"
IDENTITY = "110101199003070038"


@dataclass(frozen=True)
class Office:
    """Logins by desk, and the documents an application brings, those with their code alone."""

    deciders: tuple[str, ...]
    enterers: tuple[str, ...]
    re_checkers: tuple[str, ...]
    documents: tuple[str, ...]


def furnish(parts: Parts, *, cases: int) -> Office:
    """Authorities, check-lists, calendar, people, and `cases` that wait for the pre-check of one authority."""
    with parts.work() as session:
        seed_authorities(session, SYSTEM)
        seed_requirements(session, SYSTEM)
        seed_templates(session, SYSTEM)
        this_year = now().astimezone(SHANGHAI).year
        load_year(session, this_year, SYSTEM, source="示例")
        authority_id = session.scalars(select(Authority.id).order_by(Authority.position).limit(1)).one()
        documents = effective_documents(session, *versions_for(session, Service.NEW, authority_id))
        wanted = tuple(document.code for document in documents if document.required)
    office = Office(
        deciders=_hire(parts, "decider", 3, Role.PRE_CHECKER, authority_id),
        enterers=_hire(parts, "enterer", 2, Role.PRE_CHECKER, authority_id),
        re_checkers=_hire(parts, "rechecker", 2, Role.RE_CHECKER, None),
        documents=wanted,
    )
    _fill_queue(parts, wanted, authority_id, cases)
    return office


def uscc(number: int) -> str:
    """An invented enterprise code, another one for each number."""
    first = f"91110000{number:09d}"
    return first + uscc_check_character(first)


def photograph(number: int) -> bytes:
    """A small picture that differs from every other number's."""
    image = Image.new("RGB", (240, 320), "white")
    ImageDraw.Draw(image).text((20, 40), f"SPECIMEN {number}", fill=(160, 0, 0))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def paper(number: int) -> bytes:
    """A PDF of two pages that differs from every other number's: its second page is left to the worker."""
    document = pikepdf.new()
    for place in range(2):
        page = document.add_blank_page(page_size=(300, 420))
        page.Contents = document.make_stream(f"0 0 0 rg {20 + place * 40} {number % 300} 60 60 re f".encode())
    document.docinfo["/Title"] = f"SPECIMEN {number}"
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def _hire(parts: Parts, name: str, count: int, role: Role, authority_id: int | None) -> tuple[str, ...]:
    logins = tuple(f"{name}-{number}" for number in range(1, count + 1))
    with parts.work() as session:
        for login in logins:
            create_staff(
                session,
                SYSTEM,
                login=login,
                name=f"示例{login}",
                roles={role},
                authority_id=authority_id,
                first_password=PASSWORD,
                must_change_password=False,
            )
    return logins


def _fill_queue(parts: Parts, documents: tuple[str, ...], authority_id: int, cases: int) -> None:
    renderer = Renderer()
    try:
        files: list[ExaminedFile] = [
            examine(parts.blobs, renderer, IncomingFile(code, f"{code}.png", photograph(place)), shows_identity=False)
            for place, code in enumerate(documents)
        ]
        for number in range(cases):
            facts = CaseFacts(
                service=Service.NEW,
                category=Category.OTHER,
                channel=Channel.PORTAL,
                authority_id=authority_id,
                enterprise_name=f"示例第{number}进出口有限公司",
                uscc=uscc(number),
                holder=HolderFacts("示例甲", IDENTITY, "10000000000", "someone@example.invalid"),
            )
            with parts.work() as session:
                submit_case(session, parts, renderer, facts, files, SYSTEM)
    finally:
        renderer.close()
