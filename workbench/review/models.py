"""What the two review desks write: a review of one submission at one desk, its marks, and the remark templates."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy import text as sql_text
from sqlalchemy.orm import Mapped, declared_attr, mapped_column, relationship

from workbench.cases.models import CaseOwned
from workbench.kernel.db import Base, Numbered


class Review(Numbered, CaseOwned, Base):
    """One desk's look at one submission; decided once, by one person, at one time, with a remark."""

    __tablename__ = "review"

    @declared_attr.directive
    def __table_args__(cls) -> tuple[Any, ...]:  # noqa: N805
        return (
            cls.case_key(),
            UniqueConstraint("submission_id", "desk"),
            Index("ix_review_decided", "decided_by_id", "decided_at"),
            CheckConstraint("desk IN ('pre_check', 're_check')", name="desk_known"),
            CheckConstraint("verdict IN ('passed', 'failed')", name="verdict_known"),
            CheckConstraint("(verdict IS NULL) = (decided_by_id IS NULL)", name="decided_has_decider"),
            CheckConstraint("(verdict IS NULL) = (decided_at IS NULL)", name="decided_has_time"),
            CheckConstraint("verdict IS NULL OR length(btrim(remark)) > 0", name="decided_has_remark"),
            CheckConstraint("verdict IS NULL OR remark IS NOT NULL", name="decided_remark_known"),
            ForeignKeyConstraint(
                ["application_id", "decided_by_id", "desk"],
                ["case_decider.application_id", "case_decider.staff_id", "case_decider.desk"],
            ),
        )

    submission_id: Mapped[int] = mapped_column(ForeignKey("submission.id"))
    desk: Mapped[str]
    opened_at: Mapped[datetime]
    draft_remark: Mapped[str] = mapped_column(server_default="")
    verdict: Mapped[str | None]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    decided_at: Mapped[datetime | None]
    remark: Mapped[str | None]

    marks: Mapped[list["Mark"]] = relationship(back_populates="review", lazy="raise")


class Mark(Numbered, CaseOwned, Base):
    """What a desk found on one check item: ok, fault or not applicable, with a note and a place on a page.

    `region` is {"page_id", "x", "y", "w", "h"}, the last four as fractions of the unrotated page.
    """

    __tablename__ = "mark"

    @declared_attr.directive
    def __table_args__(cls) -> tuple[Any, ...]:  # noqa: N805
        return (
            cls.case_key(),
            UniqueConstraint("review_id", "check_item_id"),
            CheckConstraint("value IN ('ok', 'fault', 'not_applicable')", name="value_known"),
        )

    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"))
    check_item_id: Mapped[int] = mapped_column(ForeignKey("check_item.id"))
    value: Mapped[str]
    note: Mapped[str | None]
    region: Mapped[dict[str, Any] | None]
    carried: Mapped[bool] = mapped_column(server_default=sql_text("false"))
    marked_by_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    marked_at: Mapped[datetime]

    review: Mapped[Review] = relationship(back_populates="marks", lazy="raise")


class RemarkTemplate(Numbered, Base):
    """A paragraph a desk uses often; `%(faults)s` in the text stands for the faults found."""

    __tablename__ = "remark_template"
    __table_args__ = (
        CheckConstraint("desk IN ('pre_check', 're_check')", name="desk_known"),
        CheckConstraint("verdict IN ('passed', 'failed')", name="verdict_known"),
    )

    desk: Mapped[str]
    verdict: Mapped[str]
    title: Mapped[str]
    text: Mapped[str]
    position: Mapped[int] = mapped_column(server_default="0")
    active: Mapped[bool] = mapped_column(server_default=sql_text("true"))

    def __str__(self) -> str:
        return self.title
