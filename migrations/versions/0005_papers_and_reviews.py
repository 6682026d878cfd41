"""Attachments with their pages, reviews with their marks."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "remark_template",
        sa.Column("desk", sa.String(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("position", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.CheckConstraint("desk IN ('pre_check', 're_check')", name=op.f("ck_remark_template_desk_known")),
        sa.CheckConstraint("verdict IN ('passed', 'failed')", name=op.f("ck_remark_template_verdict_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_remark_template")),
    )
    op.create_table(
        "attachment",
        sa.Column("submission_id", sa.BigInteger(), nullable=False),
        sa.Column("document_code", sa.String(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("untrusted_name", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("byte_size", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("page_count", sa.BigInteger(), nullable=False),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("uploaded_by", sa.String(), nullable=False),
        sa.Column("carried_from_id", sa.BigInteger(), nullable=True),
        sa.Column("preview", sa.String(), server_default="waiting", nullable=False),
        sa.Column("preview_problem", sa.String(), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("authority_id", sa.SmallInteger(), nullable=False),
        sa.CheckConstraint(
            "(preview = 'failed') = (preview_problem IS NOT NULL)", name=op.f("ck_attachment_failed_has_problem")
        ),
        sa.CheckConstraint("preview IN ('waiting', 'ready', 'failed')", name=op.f("ck_attachment_preview_known")),
        sa.ForeignKeyConstraint(
            ["application_id", "authority_id"],
            ["application.id", "application.authority_id"],
            name=op.f("fk_attachment_application_id_authority_id_application"),
        ),
        sa.ForeignKeyConstraint(["authority_id"], ["authority.id"], name=op.f("fk_attachment_authority_id_authority")),
        sa.ForeignKeyConstraint(
            ["carried_from_id"], ["attachment.id"], name=op.f("fk_attachment_carried_from_id_attachment")
        ),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submission.id"], name=op.f("fk_attachment_submission_id_submission")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attachment")),
        sa.UniqueConstraint(
            "submission_id",
            "document_code",
            "position",
            name=op.f("uq_attachment_submission_id_document_code_position"),
        ),
    )
    op.create_index("ix_attachment_sha256", "attachment", ["sha256"], unique=False)
    op.create_table(
        "review",
        sa.Column("submission_id", sa.BigInteger(), nullable=False),
        sa.Column("desk", sa.String(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("draft_remark", sa.String(), server_default="", nullable=False),
        sa.Column("verdict", sa.String(), nullable=True),
        sa.Column("decided_by_id", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("remark", sa.String(), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("authority_id", sa.SmallInteger(), nullable=False),
        sa.CheckConstraint("desk IN ('pre_check', 're_check')", name=op.f("ck_review_desk_known")),
        sa.CheckConstraint("verdict IN ('passed', 'failed')", name=op.f("ck_review_verdict_known")),
        sa.CheckConstraint("(verdict IS NULL) = (decided_at IS NULL)", name=op.f("ck_review_decided_has_time")),
        sa.CheckConstraint("(verdict IS NULL) = (decided_by_id IS NULL)", name=op.f("ck_review_decided_has_decider")),
        sa.CheckConstraint("verdict IS NULL OR length(btrim(remark)) > 0", name=op.f("ck_review_decided_has_remark")),
        sa.CheckConstraint("verdict IS NULL OR remark IS NOT NULL", name=op.f("ck_review_decided_remark_known")),
        sa.ForeignKeyConstraint(
            ["application_id", "authority_id"],
            ["application.id", "application.authority_id"],
            name=op.f("fk_review_application_id_authority_id_application"),
        ),
        sa.ForeignKeyConstraint(
            ["application_id", "decided_by_id", "desk"],
            ["case_decider.application_id", "case_decider.staff_id", "case_decider.desk"],
            name=op.f("fk_review_application_id_decided_by_id_desk_case_decider"),
        ),
        sa.ForeignKeyConstraint(["authority_id"], ["authority.id"], name=op.f("fk_review_authority_id_authority")),
        sa.ForeignKeyConstraint(["decided_by_id"], ["staff.id"], name=op.f("fk_review_decided_by_id_staff")),
        sa.ForeignKeyConstraint(["submission_id"], ["submission.id"], name=op.f("fk_review_submission_id_submission")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review")),
        sa.UniqueConstraint("submission_id", "desk", name=op.f("uq_review_submission_id_desk")),
    )
    op.create_index("ix_review_decided", "review", ["decided_by_id", "decided_at"], unique=False)
    op.create_table(
        "mark",
        sa.Column("review_id", sa.BigInteger(), nullable=False),
        sa.Column("check_item_id", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("region", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("carried", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("marked_by_id", sa.BigInteger(), nullable=False),
        sa.Column("marked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("authority_id", sa.SmallInteger(), nullable=False),
        sa.CheckConstraint("value IN ('ok', 'fault', 'not_applicable')", name=op.f("ck_mark_value_known")),
        sa.ForeignKeyConstraint(
            ["application_id", "authority_id"],
            ["application.id", "application.authority_id"],
            name=op.f("fk_mark_application_id_authority_id_application"),
        ),
        sa.ForeignKeyConstraint(["authority_id"], ["authority.id"], name=op.f("fk_mark_authority_id_authority")),
        sa.ForeignKeyConstraint(["check_item_id"], ["check_item.id"], name=op.f("fk_mark_check_item_id_check_item")),
        sa.ForeignKeyConstraint(["marked_by_id"], ["staff.id"], name=op.f("fk_mark_marked_by_id_staff")),
        sa.ForeignKeyConstraint(["review_id"], ["review.id"], name=op.f("fk_mark_review_id_review")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mark")),
        sa.UniqueConstraint("review_id", "check_item_id", name=op.f("uq_mark_review_id_check_item_id")),
    )
    op.create_table(
        "page",
        sa.Column("attachment_id", sa.BigInteger(), nullable=False),
        sa.Column("index", sa.BigInteger(), nullable=False),
        sa.Column("width", sa.BigInteger(), nullable=False),
        sa.Column("height", sa.BigInteger(), nullable=False),
        sa.Column("image_sha256", sa.String(length=64), nullable=False),
        sa.Column("thumbnail_sha256", sa.String(length=64), nullable=False),
        sa.Column("rotation", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("text", sa.String(), nullable=True),
        sa.Column("words", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("authority_id", sa.SmallInteger(), nullable=False),
        sa.CheckConstraint("rotation IN (0, 90, 180, 270)", name=op.f("ck_page_rotation_right")),
        sa.ForeignKeyConstraint(
            ["application_id", "authority_id"],
            ["application.id", "application.authority_id"],
            name=op.f("fk_page_application_id_authority_id_application"),
        ),
        sa.ForeignKeyConstraint(["attachment_id"], ["attachment.id"], name=op.f("fk_page_attachment_id_attachment")),
        sa.ForeignKeyConstraint(["authority_id"], ["authority.id"], name=op.f("fk_page_authority_id_authority")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_page")),
        sa.UniqueConstraint("attachment_id", "index", name=op.f("uq_page_attachment_id_index")),
    )


def downgrade() -> None:
    op.drop_table("page")
    op.drop_table("mark")
    op.drop_index("ix_review_decided", table_name="review")
    op.drop_table("review")
    op.drop_index("ix_attachment_sha256", table_name="attachment")
    op.drop_table("attachment")
    op.drop_table("remark_template")
