"""What registration sites send, as models: they check each request and they are what the OpenAPI document shows.

Shapes only, in the words of docs/intake.md; whether codes, dates and papers can stand is asked of the rooms below.
"""

import re
from typing import Annotated, Final

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from workbench.cases.words import Category, Service, State

IDEMPOTENCY_KEY: Final = r"^[\x21-\x7e]{1,100}$"
NUMBER: Final = r"^EK[0-9]{11,17}$"
MOST_FILES: Final = 60
"""Files of one request."""
MOST_ROWS: Final = 200
"""Applications of one page of the list."""
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_LINE: Final = r"^[^\x00-\x1f\x7f]*$"
_TEXT: Final = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"

Code = Annotated[str, Field(pattern=r"^[0-9]{6}$", description="An issuing authority's code of six digits.")]


class Sent(BaseModel):
    """What was sent: a member nobody knows is refused, so that a misspelt one is not silently ignored."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Enterprise(Sent):
    """Who applies."""

    name: Annotated[str, Field(min_length=1, max_length=200, pattern=_LINE)]
    uscc: Annotated[str, Field(min_length=18, max_length=18, description="Unified social credit code.")]


class Holder(Sent):
    """The authorised user (授权用户)."""

    name: Annotated[str, Field(min_length=1, max_length=60, pattern=_LINE)]
    identity_number: Annotated[str, Field(min_length=18, max_length=18, description="Never given back in clear.")]
    mobile: Annotated[str, Field(min_length=1, max_length=30, pattern=_LINE)]
    email: Annotated[str, Field(min_length=3, max_length=254, pattern=_LINE)]


class Form(Sent):
    """What the printed form states besides."""

    legal_representative: Annotated[str, Field(max_length=200, pattern=_TEXT)] = ""
    address: Annotated[str, Field(max_length=300, pattern=_TEXT)] = ""
    postcode: Annotated[str, Field(max_length=20, pattern=_TEXT)] = ""
    telephone: Annotated[str, Field(max_length=60, pattern=_TEXT)] = ""
    machinery_account: Annotated[str, Field(max_length=100, pattern=_TEXT)] = ""


class File(Sent):
    """One file of the request and the document it belongs to."""

    document: Annotated[
        str, Field(pattern=r"^[a-z][a-z0-9_]{1,39}$", description="Code of a required document, see /requirements.")
    ]
    part: Annotated[
        str, Field(min_length=1, max_length=100, description="Name of the part of this request that holds its bytes.")
    ]
    name: Annotated[
        str | None, Field(min_length=1, max_length=200, description="Name to show; the part's file name unless given.")
    ] = None


Reason = Annotated[
    str, Field(min_length=1, max_length=2000, pattern=_TEXT, description="Needed for additional and replacement.")
]
PriorKey = Annotated[str, Field(min_length=1, max_length=100, pattern=_TEXT, description="Needed for replacement.")]
SiteName = Annotated[
    str, Field(min_length=1, max_length=100, pattern=_LINE, description="Name of one of the authority's pick-up sites.")
]


class NewApplication(Sent):
    """An application: the form's facts and, in their order, its files."""

    service: Service
    category: Category
    authority: Code
    pickup_site: SiteName | None = None
    enterprise: Enterprise
    holder: Holder
    form: Form = Form()
    reason: Reason | None = None
    prior_key: PriorKey | None = None
    files: Annotated[list[File], Field(min_length=1, max_length=MOST_FILES)]


class EnterpriseName(Sent):
    """The enterprise's name as corrected; its code cannot change."""

    name: Annotated[str, Field(min_length=1, max_length=200, pattern=_LINE)]


class Correction(Sent):
    """A returned application's next round. What is left out stays as it was; files are new unless kept."""

    answer: Annotated[
        str | None, Field(max_length=2000, pattern=_TEXT, description="What the enterprise says to the remark.")
    ] = None
    keep: Annotated[
        list[Annotated[int, Field(ge=1, le=2**53 - 1)]],
        Field(max_length=300, description="Ids of attachments of the round before that stay as they are."),
    ] = []
    files: Annotated[list[File], Field(max_length=MOST_FILES)] = []
    category: Category | None = None
    pickup_site: SiteName | None = None
    enterprise: EnterpriseName | None = None
    holder: Holder | None = None
    form: Form | None = None
    reason: Reason | None = None
    prior_key: PriorKey | None = None


class WebhookWish(Sent):
    """Where the site wants to be told."""

    url: Annotated[
        str,
        Field(
            min_length=8,
            max_length=500,
            pattern=r"^https?://[\x21-\x7e]+$",
            description="https; plain http only where the installation allows it, and then on the loopback.",
        ),
    ]
    secret: Annotated[
        str | None,
        Field(
            min_length=38,
            max_length=94,
            pattern=r"^whsec_[A-Za-z0-9+/]+={0,2}$",
            description="whsec_ and 24 to 64 random bytes in base64. Left out, the one in use stays, or one is made.",
        ),
    ] = None


class Asked(BaseModel):
    """Parameters of an address: texts, so converted; unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _as_text(untrusted: object) -> object:
    """Instants are texts: a bare number would be read as seconds since 1970, which the document does not offer."""
    if not isinstance(untrusted, str) or not _INSTANT.fullmatch(untrusted):
        raise ValueError("an instant is written as in 2026-11-24T15:04:05+08:00")
    return untrusted


Instant = Annotated[AwareDatetime, BeforeValidator(_as_text)]


class ListQuery(Asked):
    """Which applications to list."""

    state: Annotated[State | None, Field(description="Only applications in this state.")] = None
    updated_since: Annotated[
        Instant | None, Field(description="Only applications that moved at or after this instant (RFC 3339).")
    ] = None
    after: Annotated[str | None, Field(pattern=NUMBER, description="Continue behind this application number.")] = None
    limit: Annotated[int, Field(ge=1, le=MOST_ROWS, description="Applications on a page.")] = 50


class RequirementsQuery(Asked):
    """Which list of documents to show."""

    service: Annotated[Service, Field(description="What is applied for.")]
    authority: Annotated[Code | None, Field(description="With the documents this authority asks for besides.")] = None
