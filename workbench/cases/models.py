"""The case file: enterprise, application, its submission rounds, its clocks and its history.

Every table that tells of one case carries the case's authority, tied to the case by a composite key, so that all three
fences can read it from the row itself.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ColumnElement,
    Computed,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Sequence,
    UniqueConstraint,
    select,
    text,
)
from sqlalchemy.orm import Mapped, declared_attr, mapped_column, relationship

from workbench.kernel.db import Base, Numbered
from workbench.kernel.scope import AuthorityScoped

APPLICATION_NUMBER = Sequence("application_number", metadata=Base.metadata)
"""What application numbers count; a gap means an application that was not completed, never one removed."""


class Enterprise(Numbered, Base):
    """A legal person known by its 18-character unified social credit code."""

    __tablename__ = "enterprise"
    __table_args__ = (CheckConstraint("length(uscc) = 18", name="uscc_length"),)

    uscc: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    created_at: Mapped[datetime]


class Applicant(Numbered, Base):
    """Who applies at the front door: a person of an enterprise with login and password, the holder of an e-key with its
    certificate, or a registration site with an interface key. Each reaches the cases it made and no others.

    `session_epoch` is carried in every session; raising it ends them all.
    """

    __tablename__ = "applicant"
    __table_args__ = (
        UniqueConstraint("uscc", "login"),
        CheckConstraint("kind IN ('person', 'certificate', 'site')", name="kind_known"),
        CheckConstraint(
            "(kind = 'person') = (login IS NOT NULL) AND (login IS NULL) = (password_hash IS NULL)",
            name="person_has_login",
        ),
        CheckConstraint("(kind = 'certificate') = (certificate_sha256 IS NOT NULL)", name="certificate_named"),
        CheckConstraint("(kind = 'site') = (uscc IS NULL)", name="enterprise_named"),
        CheckConstraint("login = lower(login) AND login <> ''", name="login_is_lower_case"),
    )

    kind: Mapped[str]
    name: Mapped[str]
    uscc: Mapped[str | None]
    category: Mapped[str | None]
    machinery_account: Mapped[str | None]
    login: Mapped[str | None]
    password_hash: Mapped[str | None]
    certificate_sha256: Mapped[str | None] = mapped_column(unique=True)
    email: Mapped[str | None]
    created_at: Mapped[datetime]
    password_changed_at: Mapped[datetime | None]
    last_signed_in_at: Mapped[datetime | None]
    session_epoch: Mapped[int] = mapped_column(server_default="1")
    active: Mapped[bool] = mapped_column(server_default=text("true"))


class CaseOwned(AuthorityScoped):
    """A row of one case. Its authority cannot differ from the case's."""

    application_id: Mapped[int] = mapped_column(BigInteger)

    @declared_attr.directive
    def __table_args__(cls) -> tuple[Any, ...]:  # noqa: N805 - a declared attribute receives the class
        return (cls.case_key(),)

    @staticmethod
    def case_key() -> ForeignKeyConstraint:
        """The composite key that ties the row to its case and its case's authority."""
        return ForeignKeyConstraint(["application_id", "authority_id"], ["application.id", "application.authority_id"])

    @classmethod
    def of_applicant(cls, applicant_id: int) -> ColumnElement[bool]:
        """The rows of the cases an applicant made."""
        own = select(Application.id).where(Application.applicant_id == applicant_id)
        return cls.application_id.in_(own)


class Application(Numbered, AuthorityScoped, Base):
    """One request for an e-key: what the desks call the case.

    Enterprise name and code are those of the current submission, kept here so that a queue reads one table.
    """

    __tablename__ = "application"
    __table_args__ = (
        UniqueConstraint("id", "authority_id"),
        CheckConstraint("service IN ('new', 'additional', 'replacement', 'renewal')", name="service_known"),
        CheckConstraint("category IN ('mechanical_electrical', 'other', 'agricultural_quota')", name="category_known"),
        CheckConstraint("service <> 'replacement' OR prior_key IS NOT NULL", name="replacement_names_key"),
        CheckConstraint("service NOT IN ('additional', 'replacement') OR reason IS NOT NULL", name="reason_given"),
        CheckConstraint(
            "(claimed_by_id IS NULL) = (claimed_at IS NULL) AND (claimed_by_id IS NULL) = (claim_ends_at IS NULL)",
            name="claim_whole",
        ),
        CheckConstraint("re_checked_by_id <> pre_checked_by_id", name="four_eyes"),
        CheckConstraint("(due_at IS NULL) = (due_clock IS NULL)", name="due_has_clock"),
        Index("ix_application_queue", "state", "due_at", "id"),
        Index("ix_application_authority_queue", "authority_id", "state", "due_at", "id"),
        Index("ix_application_service_queue", "state", "service", "due_at", "id"),
        Index("ix_application_authority_service_queue", "authority_id", "state", "service", "due_at", "id"),
        Index("ix_application_enterprise_id", "enterprise_id"),
        Index("ix_application_applicant_id", "applicant_id", postgresql_where=text("applicant_id IS NOT NULL")),
        Index("ix_application_claimed", "claimed_by_id", "due_at", postgresql_where=text("claimed_by_id IS NOT NULL")),
        Index("ix_application_submitted_at", "submitted_at", "id"),
        Index("ix_application_authority_submitted_at", "authority_id", "submitted_at", "id"),
        Index("ix_application_state_submitted_at", "state", "submitted_at", "id"),
        Index("ix_application_uscc", "uscc"),
    )

    number: Mapped[str] = mapped_column(unique=True)
    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id"))
    applicant_id: Mapped[int | None] = mapped_column(ForeignKey("applicant.id"))
    pickup_site_id: Mapped[int | None] = mapped_column(ForeignKey("pickup_site.id"))
    service: Mapped[str]
    category: Mapped[str]
    channel: Mapped[str]
    reason: Mapped[str | None]
    prior_key: Mapped[str | None]
    state: Mapped[str]
    round: Mapped[int] = mapped_column(server_default="1")
    enterprise_name: Mapped[str]
    uscc: Mapped[str]
    created_at: Mapped[datetime]
    submitted_at: Mapped[datetime]
    state_since: Mapped[datetime]
    due_at: Mapped[datetime | None]
    due_clock: Mapped[str | None]
    due_from: Mapped[datetime | None]
    due_provisional: Mapped[bool] = mapped_column(server_default=text("false"))
    claimed_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    claimed_at: Mapped[datetime | None]
    claim_ends_at: Mapped[datetime | None]
    pre_checked_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    re_checked_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    version: Mapped[int] = mapped_column(server_default="1")
    search_text: Mapped[str] = mapped_column(
        Computed("number || ' ' || uscc || ' ' || enterprise_name", persisted=True), deferred=True
    )

    enterprise: Mapped[Enterprise] = relationship(lazy="raise")

    @classmethod
    def of_applicant(cls, applicant_id: int) -> ColumnElement[bool]:
        """The cases an applicant made."""
        return cls.applicant_id == applicant_id


class Submission(Numbered, CaseOwned, Base):
    """One round: the form as it was submitted, under the check-list version of that day."""

    __tablename__ = "submission"

    @declared_attr.directive
    def __table_args__(cls) -> tuple[Any, ...]:  # noqa: N805
        return (cls.case_key(), UniqueConstraint("application_id", "round"), UniqueConstraint("id", "application_id"))

    round: Mapped[int]
    submitted_at: Mapped[datetime]
    submitted_by: Mapped[str]
    form: Mapped[dict[str, Any]]
    answer: Mapped[str | None]
    requirement_version_id: Mapped[int] = mapped_column(ForeignKey("requirement_version.id"))
    extra_version_id: Mapped[int | None] = mapped_column(ForeignKey("requirement_version.id"))

    holder: Mapped["Holder"] = relationship(back_populates="submission", lazy="raise", uselist=False)


class Holder(Numbered, CaseOwned, Base):
    """The authorised user (授权用户) named in one submission. The identity number is never kept in clear."""

    __tablename__ = "holder"

    submission_id: Mapped[int] = mapped_column(ForeignKey("submission.id"), unique=True)
    name: Mapped[str]
    mobile: Mapped[str]
    email: Mapped[str]
    identity_ciphertext: Mapped[bytes]
    identity_masked: Mapped[str]
    identity_fingerprint: Mapped[str] = mapped_column(index=True)

    submission: Mapped[Submission] = relationship(back_populates="holder", lazy="raise")


class CaseClock(Numbered, CaseOwned, Base):
    """One period running on a case. At most one of a kind is not stopped."""

    __tablename__ = "case_clock"

    @declared_attr.directive
    def __table_args__(cls) -> tuple[Any, ...]:  # noqa: N805
        return (
            cls.case_key(),
            Index("ix_case_clock_application_id", "application_id"),
            Index(
                "uq_case_clock_running",
                "application_id",
                "kind",
                unique=True,
                postgresql_where=text("stopped_at IS NULL"),
            ),
        )

    kind: Mapped[str]
    days: Mapped[int]
    started_at: Mapped[datetime]
    used_days: Mapped[int] = mapped_column(server_default="0")
    paused_at: Mapped[datetime | None]
    stopped_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    provisional: Mapped[bool] = mapped_column(server_default=text("false"))


class CaseEvent(Numbered, CaseOwned, Base):
    """One move of the case through the transition table."""

    __tablename__ = "case_event"

    @declared_attr.directive
    def __table_args__(cls) -> tuple[Any, ...]:  # noqa: N805
        return (
            cls.case_key(),
            Index("ix_case_event_application_id", "application_id", "id"),
            Index("ix_case_event_arrivals", "state_after", "at", "authority_id"),
        )

    event: Mapped[str]
    state_before: Mapped[str | None]
    state_after: Mapped[str]
    round: Mapped[int]
    at: Mapped[datetime]
    actor: Mapped[str]
    actor_name: Mapped[str]
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    remark: Mapped[str | None]


class CaseDecider(CaseOwned, Base):
    """The one desk at which a person may decide on a case: the key admits no second desk (four eyes)."""

    __tablename__ = "case_decider"

    @declared_attr.directive
    def __table_args__(cls) -> tuple[Any, ...]:  # noqa: N805
        return (cls.case_key(), UniqueConstraint("application_id", "staff_id", "desk"))

    application_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    desk: Mapped[str]


class CalendarYear(Base):
    """A year whose working days are official: the State Council's notice has been loaded and confirmed."""

    __tablename__ = "calendar_year"

    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    source: Mapped[str]
    loaded_at: Mapped[datetime]
    loaded_by: Mapped[str]


class CalendarException(Base):
    """A day that differs from the plain week: a weekday off, a weekend day worked (调休)."""

    __tablename__ = "calendar_exception"
    __table_args__ = (CheckConstraint("kind IN ('holiday', 'make_up_workday')", name="kind_known"),)

    day: Mapped[date] = mapped_column(primary_key=True)
    kind: Mapped[str]
    name: Mapped[str]
    name_en: Mapped[str]


class ServiceDeadline(Base):
    """How many working days a clock of a service runs; an administrator may change it for later starts."""

    __tablename__ = "service_deadline"
    __table_args__ = (CheckConstraint("days BETWEEN 1 AND 60", name="days_sane"),)

    service: Mapped[str] = mapped_column(primary_key=True)
    clock: Mapped[str] = mapped_column(primary_key=True)
    days: Mapped[int]
