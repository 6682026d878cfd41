"""What an applicant prints: the application form, the seal confirmation, the authorisation, the agreement, the receipt.

Each page of a form carries a signed mark (`marks` beside this module), so that an upload of it is recognised. The
documents are in Chinese whatever the screen's language: they are legal papers for a Chinese authority (DOMAIN: required
documents).
"""

import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date
from typing import Any, Final

import pikepdf

from workbench.kernel.crypto import seal_identity
from workbench.kernel.secrets import Secrets
from workbench.kernel.typesetting import typeset
from workbench.portal.drafting.marks import PrintMark, digest_of, mark_svg, mark_text

PRINTABLE: Final = ("application_form", "seal_confirmation", "authorisation", "user_agreement")
USUAL_PAGES: Final = {"user_agreement": 2}
"""Where a first guess of one page would always cost a second compilation."""


@dataclass(frozen=True)
class PrintedFacts:
    """What the documents state, in clear: never to be logged or kept.

    `service` is a code (new, additional, replacement, renewal); `category_zh` a name as the screen shows it. What does
    not apply is None or empty and printed as a dash. `printed_on` is a day in Asia/Shanghai.
    """

    number: str
    version: int
    service: str
    category_zh: str
    authority_name: str
    pickup_site: str | None
    enterprise_name: str
    uscc: str
    address: str
    legal_representative: str
    postcode: str
    telephone: str
    machinery_account: str | None
    holder_name: str
    holder_identity_number: str
    holder_mobile: str
    holder_email: str
    reason: str | None
    prior_key: str | None
    printed_on: date


def facts_digest(secrets: Secrets, facts: PrintedFacts) -> str:
    """The digest of what the documents state, for their marks. Neither version nor day of printing changes it.

    The identity number goes in as its keyed fingerprint: a plain digest beside all other facts would let it be guessed.
    """
    stated = {
        field.name: str(getattr(facts, field.name) or "")
        for field in fields(facts)
        if field.name not in ("version", "printed_on", "holder_identity_number")
    }
    stated["holder_identity_number"] = seal_identity(secrets, facts.holder_identity_number).fingerprint
    return digest_of(stated)


def print_document(secrets: Secrets, code: str, facts: PrintedFacts) -> bytes:
    """One of PRINTABLE as a PDF; each page carries its mark with the true number of pages.

    Raises:
        ValueError: `code` is not printable, or number and version can't be written into a mark.
    """
    return _for_the_printer(_set_document(secrets, code, facts))


def print_bundle(secrets: Secrets, codes: Sequence[str], facts: PrintedFacts) -> bytes:
    """Several documents as one PDF to print in one go; the pages of each are counted on their own.

    Raises:
        ValueError: `codes` is empty, or as for `print_document`.
    """
    if not codes:
        raise ValueError("nothing to print")
    return _for_the_printer(*(_set_document(secrets, code, facts) for code in codes))


def print_receipt(
    facts: PrintedFacts,
    *,
    submitted_at_words: str,
    documents: Sequence[tuple[str, int]],
    next_words: str,
    due_words: str,
) -> bytes:
    """The receipt of a submission as a PDF: what came when (name and pages of each document), what is next, until when.

    It carries no mark: nobody sends it back.
    """
    values = _values(facts) | {
        "submitted_at": submitted_at_words,
        "documents": [{"name": name, "pages": pages} for name, pages in documents],
        "next": next_words,
        "due": due_words,
    }
    return _for_the_printer(typeset("receipt", values))


def _set_document(secrets: Secrets, code: str, facts: PrintedFacts) -> bytes:
    """Set with the usual number of pages; once more when it came out otherwise. Marks take no room in the layout."""
    if code not in PRINTABLE:
        raise ValueError(f"{code} is no document to print")
    pages = USUAL_PAGES.get(code, 1)
    content = _compile(secrets, code, facts, pages)
    counted = _count_pages(content)
    return content if counted == pages else _compile(secrets, code, facts, counted)


def _compile(secrets: Secrets, code: str, facts: PrintedFacts, pages: int) -> bytes:
    digest = facts_digest(secrets, facts)
    marks = [PrintMark(facts.number, facts.version, code, page, pages, digest) for page in range(1, pages + 1)]
    codes = [mark_svg(mark_text(secrets, mark)) for mark in marks]
    return typeset(code, _values(facts) | {"digest": digest, "codes": codes})


def _count_pages(content: bytes) -> int:
    with pikepdf.open(io.BytesIO(content)) as pdf:
        return len(pdf.pages)


def _values(facts: PrintedFacts) -> dict[str, Any]:
    values = {name: value if value is not None else "" for name, value in asdict(facts).items()}
    return values | {"printed_on": facts.printed_on.isoformat()}


def _for_the_printer(*contents: bytes) -> bytes:
    """One PDF of all, that asks viewers to print it in true size (the seal's box is measured) and on one side."""
    with pikepdf.open(io.BytesIO(contents[0])) as pdf:
        if len(contents) > 1:
            _append(pdf, contents[1:])
        pdf.Root.ViewerPreferences = pikepdf.Dictionary(
            PrintScaling=pikepdf.Name("/None"), Duplex=pikepdf.Name.Simplex, DisplayDocTitle=True
        )
        stream = io.BytesIO()
        pdf.save(stream, deterministic_id=True)
    return stream.getvalue()


def _append(pdf: pikepdf.Pdf, contents: Sequence[bytes]) -> None:
    """Add the pages of other documents. Tags are numbered per document; in a merged file they would be wrong: none."""
    for content in contents:
        with pikepdf.open(io.BytesIO(content)) as further:
            pdf.pages.extend(further.pages)
    for key in ("/StructTreeRoot", "/MarkInfo", "/Outlines"):
        if key in pdf.Root:
            del pdf.Root[key]
    for page in pdf.pages:
        if "/StructParents" in page:
            del page["/StructParents"]
