"""What papers a service asks for, and the papers that came: required documents, check items, attachments, pages.

Requirements are versioned and never edited in place; an attachment's bytes are kept bit for bit in the blob store.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, declared_attr, mapped_column, relationship

from workbench.cases.models import CaseOwned
from workbench.kernel.db import Base, Numbered


class RequirementVersion(Numbered, Base):
    """What is asked of one service from a moment on; with an authority, what that authority asks in addition."""

    __tablename__ = "requirement_version"
    __table_args__ = (
        Index(
            "uq_requirement_version_service_authority_version",
            "service",
            text("coalesce(authority_id, 0)"),
            "version",
            unique=True,
        ),
    )

    service: Mapped[str]
    authority_id: Mapped[int | None] = mapped_column(ForeignKey("authority.id"))
    version: Mapped[int]
    published_at: Mapped[datetime]
    published_by: Mapped[str]
    note: Mapped[str]

    documents: Mapped[list["RequiredDocument"]] = relationship(
        back_populates="version", order_by="RequiredDocument.position", lazy="raise"
    )


class RequiredDocument(Numbered, Base):
    """One paper of a version, with the bracket that tells the applicant what is wanted."""

    __tablename__ = "required_document"
    __table_args__ = (UniqueConstraint("version_id", "code"),)

    version_id: Mapped[int] = mapped_column(ForeignKey("requirement_version.id"))
    code: Mapped[str]
    position: Mapped[int]
    name_zh: Mapped[str]
    name_en: Mapped[str]
    bracket_zh: Mapped[str]
    bracket_en: Mapped[str]
    required: Mapped[bool] = mapped_column(server_default=text("true"))
    original_at_counter: Mapped[bool] = mapped_column(server_default=text("true"))
    shows_identity: Mapped[bool] = mapped_column(server_default=text("false"))

    version: Mapped[RequirementVersion] = relationship(back_populates="documents", lazy="raise")
    items: Mapped[list["CheckItem"]] = relationship(
        back_populates="document", order_by="CheckItem.position", lazy="raise"
    )


class CheckItem(Numbered, Base):
    """One thing a desk checks on a paper; `compares` names the form value that must agree with it."""

    __tablename__ = "check_item"
    __table_args__ = (UniqueConstraint("document_id", "code"),)

    document_id: Mapped[int] = mapped_column(ForeignKey("required_document.id"))
    code: Mapped[str]
    position: Mapped[int]
    label_zh: Mapped[str]
    label_en: Mapped[str]
    fault_zh: Mapped[str]
    fault_en: Mapped[str]
    required: Mapped[bool] = mapped_column(server_default=text("true"))
    compares: Mapped[str | None]

    document: Mapped[RequiredDocument] = relationship(back_populates="items", lazy="raise")


class Attachment(Numbered, CaseOwned, Base):
    """One file in one slot of one submission. `untrusted_name` is what the sender called it: shown, never used."""

    __tablename__ = "attachment"

    @declared_attr.directive
    def __table_args__(cls) -> tuple[Any, ...]:  # noqa: N805
        return (
            cls.case_key(),
            UniqueConstraint("submission_id", "document_code", "position"),
            CheckConstraint("preview IN ('waiting', 'ready', 'failed')", name="preview_known"),
            CheckConstraint("(preview = 'failed') = (preview_problem IS NOT NULL)", name="failed_has_problem"),
            Index("ix_attachment_sha256", "sha256"),
        )

    submission_id: Mapped[int] = mapped_column(ForeignKey("submission.id"))
    document_code: Mapped[str]
    position: Mapped[int]
    untrusted_name: Mapped[str]
    sha256: Mapped[str] = mapped_column(String(64))
    byte_size: Mapped[int]
    kind: Mapped[str]
    page_count: Mapped[int]
    uploaded_at: Mapped[datetime]
    uploaded_by: Mapped[str]
    carried_from_id: Mapped[int | None] = mapped_column(ForeignKey("attachment.id"))
    preview: Mapped[str] = mapped_column(server_default="waiting")
    preview_problem: Mapped[str | None]

    pages: Mapped[list["Page"]] = relationship(back_populates="attachment", order_by="Page.index", lazy="raise")


class Page(Numbered, CaseOwned, Base):
    """One page's pixels and text. `words` are [text, x0, y0, x1, y1] as fractions of the page, origin top left.

    A page is known with its size from the upload on; its pictures are named when they have been made.
    """

    __tablename__ = "page"

    @declared_attr.directive
    def __table_args__(cls) -> tuple[Any, ...]:  # noqa: N805
        return (
            cls.case_key(),
            UniqueConstraint("attachment_id", "index"),
            CheckConstraint("rotation IN (0, 90, 180, 270)", name="rotation_right"),
            CheckConstraint("(image_sha256 IS NULL) = (thumbnail_sha256 IS NULL)", name="pictures_together"),
        )

    attachment_id: Mapped[int] = mapped_column(ForeignKey("attachment.id"))
    index: Mapped[int]
    width: Mapped[int]
    height: Mapped[int]
    image_sha256: Mapped[str | None] = mapped_column(String(64))
    thumbnail_sha256: Mapped[str | None] = mapped_column(String(64))
    rotation: Mapped[int] = mapped_column(server_default="0")
    text: Mapped[str | None]
    words: Mapped[list[Any] | None]

    attachment: Mapped[Attachment] = relationship(back_populates="pages", lazy="raise")
