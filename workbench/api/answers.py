"""What the interface answers, as models: each answer is built from one, and the OpenAPI document shows the same."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, RootModel

from workbench.cases.words import Category, Desk, Service, State


class Answer(BaseModel):
    """Something answered. Instants are UTC."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def as_json(self) -> dict[str, Any]:
        """The answer's body."""
        return self.model_dump(mode="json")


class PickupSiteAnswer(Answer):
    """Where keys are collected."""

    name: str
    address: str
    telephone: str
    opening_hours: str
    note: str


class AuthorityAnswer(Answer):
    """An issuing authority with its open pick-up sites."""

    code: str
    name_zh: str
    name_en: str
    short_zh: str
    kind: str
    pickup_sites: list[PickupSiteAnswer]


class Authorities(Answer):
    """Every issuing authority that takes part, in the official order."""

    authorities: list[AuthorityAnswer]


class DocumentAnswer(Answer):
    """One required document; the bracket says what is wanted: signed by whom, stamped, which form."""

    code: str
    name_zh: str
    name_en: str
    bracket_zh: str
    bracket_en: str
    required: bool
    original_at_counter: bool


class FileLimits(Answer):
    """What one file and one document may hold."""

    formats: list[str]
    file_bytes: int
    files_per_document: int
    pages_per_file: int
    request_bytes: int


class Requirements(Answer):
    """What is asked of a service today."""

    service: Service
    authority: str | None
    documents: list[DocumentAnswer]
    limits: FileLimits


class Taken(Answer):
    """A case that was made or moved by this request."""

    number: str
    state: State
    round: int
    due_at: Annotated[datetime | None, Field(description="Until when the next verdict is due.")]
    due_provisional: Annotated[bool, Field(description="The year's calendar is not official yet; the day may move.")]


class CaseLine(Taken):
    """A case in the list."""

    service: Service
    authority: str
    enterprise_name: str
    uscc: str
    submitted_at: datetime
    updated_at: Annotated[datetime, Field(description="When it came into its state.")]


class Cases(Answer):
    """One page of the site's own cases, by number."""

    applications: list[CaseLine]
    after: Annotated[str | None, Field(description="Ask with this for the next page; null on the last.")]
    next_updated_since: Annotated[
        datetime, Field(description="What the next poll asks for, once all pages of this one were read.")
    ]


class EnterpriseAnswer(Answer):
    """Who applied."""

    name: str
    uscc: str


class HolderAnswer(Answer):
    """The authorised user; of the identity number only the first and the last character."""

    name: str
    identity_number_masked: str
    mobile: str
    email: str


class AttachmentAnswer(Answer):
    """One file of the current round. `id` is what `keep` of a resubmission names."""

    id: int
    document: str
    name: str
    kind: str
    byte_size: int
    sha256: str
    page_count: int
    kept: Annotated[bool, Field(description="It was carried over from the round before.")]


class RegionAnswer(Answer):
    """A rectangle on a page, in fractions of the page before any turning, origin top left."""

    attachment: int
    page: Annotated[int, Field(ge=1, description="The page's place in its file, from 1.")]
    x: float
    y: float
    w: float
    h: float


class FaultAnswer(Answer):
    """One thing found wrong on a document."""

    item: str
    label_zh: str
    label_en: str
    fault_zh: str
    fault_en: str
    note: str | None
    region: RegionAnswer | None


class FaultyDocument(Answer):
    """A document with what was found wrong on it."""

    document: str
    name_zh: str
    name_en: str
    faults: list[FaultAnswer]


class RemarkAnswer(Answer):
    """What a desk said when it returned the case."""

    round: int
    desk: Desk
    remark: str
    at: datetime
    documents: list[FaultyDocument]


class EventAnswer(Answer):
    """One move of the case. `id` is the one its webhook message carries."""

    id: str
    event: str
    state: State
    round: int
    at: datetime


class Case(CaseLine):
    """A case as its site may see it: nothing a desk has not decided."""

    category: Category
    pickup_site: PickupSiteAnswer | None
    enterprise: EnterpriseAnswer
    holder: HolderAnswer
    form: dict[str, str]
    reason: str | None
    prior_key: str | None
    answer: str | None
    attachments: list[AttachmentAnswer]
    remarks: list[RemarkAnswer]
    events: list[EventAnswer]


class WebhookAnswer(Answer):
    """Where the site is told."""

    url: str
    created_at: datetime


class WebhookMade(WebhookAnswer):
    """As it was kept; a secret that was made here is shown in this answer alone."""

    secret: str | None


class EventData(Answer):
    """What happened to which case."""

    number: str
    event: str
    state: State
    round: int


class WebhookMessage(Answer):
    """The body of a webhook message. Its id travels in the header webhook-id and is the event's."""

    id: str
    type: Annotated[str, Field(description="application. and the event.", examples=["application.pre_check_failed"])]
    timestamp: datetime
    data: EventData


class ProblemItem(Answer):
    """One thing wrong with the request: where in the body (JSON Pointer), or which parameter or header."""

    pointer: str | None = None
    parameter: str | None = None
    detail: str


class Problem(BaseModel):
    """RFC 9457, with what to do, the request's id and every single problem as extension members."""

    type: str
    title: str
    status: int
    detail: str
    advice: str
    request_id: str
    reason: str
    errors: list[ProblemItem] = []


class Document(RootModel[dict[str, Any]]):
    """The OpenAPI document itself."""
