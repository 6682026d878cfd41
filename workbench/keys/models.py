"""What an e-key is made of, each with a life of its own: the token, the certificate, the electronic seal; and whose
hands the token has been in.

Each hand-over of a token is one entry; the token's own row follows the entries by trigger and cannot say otherwise.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Float,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    text,
)
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from workbench.cases.models import CaseOwned
from workbench.kernel.db import Base, Numbered
from workbench.kernel.scope import AuthorityScoped
from workbench.keys.token_states import CUSTODIANS, NAMELESS, TOKEN_STATES


def _one_of(column: str, words: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(each) for each in words)})"


class Token(Numbered, AuthorityScoped, Base):
    """A token (介质) known by the serial number its maker printed on it. Blank ones belong to no authority yet.

    State, authority, case and custodian follow the newest custody entry; nothing else changes them.
    """

    __tablename__ = "token"
    __table_args__ = (
        CheckConstraint(_one_of("state", TOKEN_STATES), name="state_known"),
        CheckConstraint(_one_of("custodian", CUSTODIANS), name="custodian_known"),
        Index("ix_token_state", "state", "box", "id"),
        Index("ix_token_authority_state", "authority_id", "state", "id"),
        Index("ix_token_application_id", "application_id", postgresql_where=text("application_id IS NOT NULL")),
        Index(
            "ix_token_live",
            "authority_id",
            "custodian",
            "state",
            postgresql_where=text("state IN ('personalised', 'lost')"),
        ),
        Index("ix_token_moved", "moved_at", "id"),
        Index("ix_token_authority_moved", "authority_id", "moved_at", "id"),
    )

    serial: Mapped[str] = mapped_column(String(64), unique=True)
    model: Mapped[str]
    box: Mapped[str]
    imported_at: Mapped[datetime]
    authority_id: Mapped[int | None] = mapped_column(ForeignKey("authority.id"))  # type: ignore[assignment]  # not yet
    application_id: Mapped[int | None] = mapped_column(ForeignKey("application.id"))
    state: Mapped[str] = mapped_column(server_default="unknown")
    moved_at: Mapped[datetime]
    custodian: Mapped[str] = mapped_column(server_default="supplier")
    custodian_ref: Mapped[int | None]
    custody_seq: Mapped[int] = mapped_column(server_default="0")


class CustodyEntry(AuthorityScoped, Base):
    """One hand-over of a token, and what it was before and after. Entries of a token form a chain without a gap."""

    __tablename__ = "custody_entry"
    __table_args__ = (
        CheckConstraint(_one_of("state_after", TOKEN_STATES), name="state_known"),
        CheckConstraint(_one_of("to_custodian", CUSTODIANS), name="custodian_known"),
        CheckConstraint(f"({_one_of('to_custodian', NAMELESS)}) = (to_ref IS NULL)", name="custodian_named"),
        Index("ix_custody_entry_at", "at", "token_id"),
        Index("ix_custody_entry_authority_at", "authority_id", "at"),
        Index("ix_custody_entry_event", "event", "at"),
        Index("ix_custody_entry_authority_event", "authority_id", "event", "at"),
    )

    token_id: Mapped[int] = mapped_column(ForeignKey("token.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    event: Mapped[str]
    from_custodian: Mapped[str]
    from_ref: Mapped[int | None]
    to_custodian: Mapped[str]
    to_ref: Mapped[int | None]
    state_before: Mapped[str]
    state_after: Mapped[str]
    authority_id: Mapped[int | None] = mapped_column(ForeignKey("authority.id"))  # type: ignore[assignment]  # not yet
    application_id: Mapped[int | None] = mapped_column(ForeignKey("application.id"))
    actor: Mapped[str]
    actor_name: Mapped[str]
    address: Mapped[str]
    place: Mapped[str | None]
    remark: Mapped[str | None]


class Seal(Numbered, CaseOwned, Base):
    """An electronic seal (电子签章) of a case: the impression as it was cut out, then the signed structure around it.

    The structure names the certificate, so it is there only when the certificate is.
    """

    __tablename__ = "seal"

    @declared_attr.directive
    def __table_args__(cls) -> tuple[Any, ...]:  # noqa: N805
        return (
            cls.case_key(),
            CheckConstraint("width_mm > 0 AND height_mm > 0", name="has_size"),
            CheckConstraint("valid_from < valid_until", name="validity_runs"),
            CheckConstraint("(structure_sha256 IS NULL) = (certificate_sha256 IS NULL)", name="structure_has_owner"),
            Index("uq_seal_live", "application_id", unique=True, postgresql_where=text("superseded_at IS NULL")),
            Index("ix_seal_uscc", "uscc", "made_at"),
        )

    serial: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str]
    uscc: Mapped[str] = mapped_column(String(18))
    page_id: Mapped[int] = mapped_column(ForeignKey("page.id"))
    crop: Mapped[dict[str, Any]]
    image_sha256: Mapped[str] = mapped_column(String(64))
    width_mm: Mapped[float] = mapped_column(Float)
    height_mm: Mapped[float] = mapped_column(Float)
    maker_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    made_at: Mapped[datetime]
    superseded_at: Mapped[datetime | None]
    algorithm: Mapped[str | None]
    valid_from: Mapped[datetime | None]
    valid_until: Mapped[datetime | None]
    structure_sha256: Mapped[str | None] = mapped_column(String(64))
    certificate_sha256: Mapped[str | None] = mapped_column(String(64))


class Certificate(Numbered, AuthorityScoped, Base):
    """One certificate on one e-key. `key_number` is what is printed on the key, and what a replacement names.

    Its authority is the one that handed the key over; certificates of the old system may have none, and the vendor
    alone sees those.
    """

    __tablename__ = "certificate"
    __table_args__ = (
        CheckConstraint("state IN ('valid', 'revoked', 'replaced')", name="state_known"),
        CheckConstraint("state = 'valid' OR state_reason IS NOT NULL", name="end_has_reason"),
        CheckConstraint("not_before < not_after", name="validity_runs"),
        Index("ix_certificate_uscc", "uscc", "state"),
        CheckConstraint("revoked_by_ca_at IS NULL OR state <> 'valid'", name="revoked_is_not_valid"),
        Index("ix_certificate_key_number", "key_number"),
        Index("ix_certificate_not_after", "not_after", postgresql_where=text("state = 'valid'")),
        Index("ix_certificate_token_id", "token_id", postgresql_where=text("token_id IS NOT NULL")),
        Index("ix_certificate_serial", "serial"),
        Index("ix_certificate_application_id", "application_id", postgresql_where=text("application_id IS NOT NULL")),
        Index("ix_certificate_authority", "authority_id", "id"),
        Index(
            "ix_certificate_authority_not_after",
            "authority_id",
            "not_after",
            postgresql_where=text("state = 'valid'"),
        ),
        Index("ix_certificate_state", "state", "id"),
        Index("ix_certificate_algorithm", "algorithm", "id"),
        Index("ix_certificate_issuer", "issuer", "id"),
        Index(
            "uq_certificate_valid_of_case",
            "application_id",
            unique=True,
            postgresql_where=text("state = 'valid' AND application_id IS NOT NULL"),
        ),
    )

    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    serial: Mapped[str]
    issuer: Mapped[str]
    subject: Mapped[str]
    uscc: Mapped[str] = mapped_column(String(18))
    enterprise_name: Mapped[str]
    holder_name: Mapped[str]
    key_number: Mapped[str]
    not_before: Mapped[datetime]
    not_after: Mapped[datetime]
    state: Mapped[str] = mapped_column(server_default="valid")
    state_reason: Mapped[str | None]
    state_since: Mapped[datetime]
    authority_id: Mapped[int | None] = mapped_column(ForeignKey("authority.id"))  # type: ignore[assignment]  # not all
    application_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("application.id"))
    registered_at: Mapped[datetime]
    token_id: Mapped[int | None] = mapped_column(ForeignKey("token.id"))
    certificate: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    algorithm: Mapped[str | None]
    revocation_reason: Mapped[str | None]
    revoked_by_ca_at: Mapped[datetime | None]


class Destruction(Numbered, AuthorityScoped, Base):
    """A key that two people destroy: one proposes, another signs and does it. Both are on record (DOMAIN: custody)."""

    __tablename__ = "destruction"
    __table_args__ = (
        CheckConstraint("signed_by_id <> proposed_by_id", name="two_people"),
        CheckConstraint("(signed_by_id IS NULL) = (signed_at IS NULL)", name="signed_when"),
        CheckConstraint("withdrawn_at IS NULL OR signed_at IS NULL", name="ended_one_way"),
        Index(
            "uq_destruction_open",
            "token_id",
            unique=True,
            postgresql_where=text("signed_at IS NULL AND withdrawn_at IS NULL"),
        ),
    )

    token_id: Mapped[int] = mapped_column(ForeignKey("token.id"))
    authority_id: Mapped[int | None] = mapped_column(ForeignKey("authority.id"))  # type: ignore[assignment]  # or none
    remark: Mapped[str]
    proposed_at: Mapped[datetime]
    proposed_by_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    signed_at: Mapped[datetime | None]
    signed_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    withdrawn_at: Mapped[datetime | None]
