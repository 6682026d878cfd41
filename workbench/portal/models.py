"""What the front door keeps before there is a case: registrations, unfinished forms with their files, and what its
pages tell.

An unfinished form and everything of it belongs to one applicant; once submitted it is never reopened.
"""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from workbench.kernel.db import Base, Numbered
from workbench.kernel.scope import ApplicantOwned


class Registration(Numbered, Base):
    """A wish to be registered, until the link in the activation e-mail is opened. Occupies no login name."""

    __tablename__ = "registration"
    __table_args__ = (Index(None, "uscc", "login", "created_at"),)

    uscc: Mapped[str]
    enterprise_name: Mapped[str]
    category: Mapped[str]
    machinery_account: Mapped[str | None]
    login: Mapped[str]
    password_hash: Mapped[str]
    email: Mapped[str]
    created_at: Mapped[datetime]
    mailed_at: Mapped[datetime | None]
    mail_count: Mapped[int] = mapped_column(server_default="0")
    activated_at: Mapped[datetime | None]


class SpentToken(Base):
    """A captcha or a link that was used: it opens nothing a second time. Kept until it would have expired."""

    __tablename__ = "spent_token"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)


class EnterpriseRecord(Base):
    """One line of the enterprise registry (代码库): a code and the name it is registered under."""

    __tablename__ = "enterprise_record"

    uscc: Mapped[str] = mapped_column(String(18), primary_key=True)
    name: Mapped[str]
    loaded_at: Mapped[datetime]

    def __str__(self) -> str:
        return self.uscc


class Contact(Numbered, Base):
    """Whom an applicant may call or write to. Shown on the front page, edited by an administrator."""

    __tablename__ = "contact"

    position: Mapped[int] = mapped_column(server_default="0")
    name_zh: Mapped[str] = mapped_column(String(100))
    name_en: Mapped[str] = mapped_column(String(200), server_default="")
    telephone: Mapped[str] = mapped_column(String(60), server_default="")
    website: Mapped[str] = mapped_column(String(200), server_default="")
    note_zh: Mapped[str] = mapped_column(String(300), server_default="")
    note_en: Mapped[str] = mapped_column(String(300), server_default="")
    active: Mapped[bool] = mapped_column(default=True, server_default=text("true"))

    def __str__(self) -> str:
        return self.name_zh


class Draft(Numbered, ApplicantOwned, Base):
    """An application that is being filled in, or the next round of a returned one (then `application_id` is set).

    `version` counts every change of what the printed forms state; `printed_version` is the one printed last. The
    identity number is sealed here as it is in a submission and stands in none of the `values`.
    """

    __tablename__ = "draft"
    __table_args__ = (
        CheckConstraint("service IN ('new', 'additional', 'replacement', 'renewal')", name="service_known"),
        CheckConstraint("(submitted_at IS NULL) = (result_id IS NULL)", name="submitted_has_result"),
        UniqueConstraint("id", "applicant_id"),
        Index("ix_draft_applicant_id", "applicant_id", "updated_at"),
        Index(
            "uq_draft_round",
            "application_id",
            unique=True,
            postgresql_where=text("submitted_at IS NULL AND discarded_at IS NULL"),
        ),
    )

    service: Mapped[str]
    number: Mapped[str]
    application_id: Mapped[int | None] = mapped_column(ForeignKey("application.id"))
    values: Mapped[dict[str, Any]]
    identity_ciphertext: Mapped[bytes | None]
    identity_masked: Mapped[str | None]
    version: Mapped[int] = mapped_column(server_default="1")
    printed_version: Mapped[int | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    discarded_at: Mapped[datetime | None]
    submitted_at: Mapped[datetime | None]
    result_id: Mapped[int | None] = mapped_column(ForeignKey("application.id"))

    files: Mapped[list["DraftFile"]] = relationship(
        back_populates="draft", order_by="DraftFile.document_code, DraftFile.position", lazy="raise"
    )


class DraftFile(Numbered, ApplicantOwned, Base):
    """An examined file in a slot of a draft. `kept_from_id` is the attachment of the round before that it stands for.

    `sizes` are [width, height] of each page in pixels, `rotations` degrees clockwise of each; `marks` are the printed
    forms' marks that were read from its pages, as [page index, text].
    """

    __tablename__ = "draft_file"
    __table_args__ = (
        Index("ix_draft_file_draft_id", "draft_id", "document_code", "position"),
        CheckConstraint("position >= 0", name="position_counts"),
    )

    draft_id: Mapped[int] = mapped_column(ForeignKey("draft.id"))
    document_code: Mapped[str]
    position: Mapped[int]
    name: Mapped[str]
    sha256: Mapped[str] = mapped_column(String(64))
    byte_size: Mapped[int]
    kind: Mapped[str]
    sizes: Mapped[list[Any]]
    rotations: Mapped[list[Any]]
    marks: Mapped[list[Any]]
    image_sha256: Mapped[str] = mapped_column(String(64))
    thumbnail_sha256: Mapped[str] = mapped_column(String(64))
    kept_from_id: Mapped[int | None] = mapped_column(ForeignKey("attachment.id"))
    uploaded_at: Mapped[datetime]

    draft: Mapped[Draft] = relationship(back_populates="files", lazy="raise")


class Upload(ApplicantOwned, Base):
    """A file on its way in, piece by piece, so that a broken connection goes on where it stopped.

    Its bytes wait in a file of this id; `received` of them are on the disk.
    """

    __tablename__ = "upload"
    __table_args__ = (
        CheckConstraint("received BETWEEN 0 AND byte_size", name="received_within"),
        Index("ix_upload_draft_id", "draft_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True)
    draft_id: Mapped[int] = mapped_column(ForeignKey("draft.id"))
    document_code: Mapped[str]
    name: Mapped[str]
    byte_size: Mapped[int]
    received: Mapped[int] = mapped_column(server_default="0")
    created_at: Mapped[datetime]
    draft_file_id: Mapped[int | None] = mapped_column(ForeignKey("draft_file.id", ondelete="SET NULL"))
