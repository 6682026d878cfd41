"""The case file and the working-day calendar."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.execute(sa.schema.CreateSequence(sa.Sequence("application_number")))
    op.create_table(
        "calendar_exception",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.CheckConstraint("kind IN ('holiday', 'make_up_workday')", name=op.f("ck_calendar_exception_kind_known")),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_calendar_exception")),
    )
    op.create_table(
        "calendar_year",
        sa.Column("year", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("loaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("loaded_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("year", name=op.f("pk_calendar_year")),
    )
    op.create_table(
        "enterprise",
        sa.Column("uscc", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.CheckConstraint("length(uscc) = 18", name=op.f("ck_enterprise_uscc_length")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enterprise")),
        sa.UniqueConstraint("uscc", name=op.f("uq_enterprise_uscc")),
    )
    op.create_table(
        "service_deadline",
        sa.Column("service", sa.String(), nullable=False),
        sa.Column("clock", sa.String(), nullable=False),
        sa.Column("days", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("days BETWEEN 1 AND 60", name=op.f("ck_service_deadline_days_sane")),
        sa.PrimaryKeyConstraint("service", "clock", name=op.f("pk_service_deadline")),
    )
    op.create_table(
        "application",
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("enterprise_id", sa.BigInteger(), nullable=False),
        sa.Column("pickup_site_id", sa.BigInteger(), nullable=True),
        sa.Column("service", sa.String(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("prior_key", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("round", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("enterprise_name", sa.String(), nullable=False),
        sa.Column("uscc", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_clock", sa.String(), nullable=True),
        sa.Column("due_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_provisional", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("claimed_by_id", sa.BigInteger(), nullable=True),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claim_ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pre_checked_by_id", sa.BigInteger(), nullable=True),
        sa.Column("re_checked_by_id", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column(
            "search_text",
            sa.String(),
            sa.Computed("number || ' ' || uscc || ' ' || enterprise_name", persisted=True),
            nullable=False,
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("authority_id", sa.SmallInteger(), nullable=False),
        sa.CheckConstraint(
            "category IN ('mechanical_electrical', 'other', 'agricultural_quota')",
            name=op.f("ck_application_category_known"),
        ),
        sa.CheckConstraint(
            "service <> 'replacement' OR prior_key IS NOT NULL", name=op.f("ck_application_replacement_names_key")
        ),
        sa.CheckConstraint(
            "service IN ('new', 'additional', 'replacement', 'renewal')", name=op.f("ck_application_service_known")
        ),
        sa.CheckConstraint(
            "service NOT IN ('additional', 'replacement') OR reason IS NOT NULL",
            name=op.f("ck_application_reason_given"),
        ),
        sa.CheckConstraint(
            "(claimed_by_id IS NULL) = (claimed_at IS NULL) AND (claimed_by_id IS NULL) = (claim_ends_at IS NULL)",
            name=op.f("ck_application_claim_whole"),
        ),
        sa.CheckConstraint("(due_at IS NULL) = (due_clock IS NULL)", name=op.f("ck_application_due_has_clock")),
        sa.CheckConstraint("re_checked_by_id <> pre_checked_by_id", name=op.f("ck_application_four_eyes")),
        sa.ForeignKeyConstraint(["authority_id"], ["authority.id"], name=op.f("fk_application_authority_id_authority")),
        sa.ForeignKeyConstraint(["claimed_by_id"], ["staff.id"], name=op.f("fk_application_claimed_by_id_staff")),
        sa.ForeignKeyConstraint(
            ["enterprise_id"], ["enterprise.id"], name=op.f("fk_application_enterprise_id_enterprise")
        ),
        sa.ForeignKeyConstraint(
            ["pickup_site_id"], ["pickup_site.id"], name=op.f("fk_application_pickup_site_id_pickup_site")
        ),
        sa.ForeignKeyConstraint(
            ["pre_checked_by_id"], ["staff.id"], name=op.f("fk_application_pre_checked_by_id_staff")
        ),
        sa.ForeignKeyConstraint(["re_checked_by_id"], ["staff.id"], name=op.f("fk_application_re_checked_by_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_application")),
        sa.UniqueConstraint("id", "authority_id", name=op.f("uq_application_id_authority_id")),
        sa.UniqueConstraint("number", name=op.f("uq_application_number")),
    )
    op.create_index(
        "ix_application_authority_queue", "application", ["authority_id", "state", "due_at", "id"], unique=False
    )
    op.create_index(
        "ix_application_authority_submitted_at", "application", ["authority_id", "submitted_at", "id"], unique=False
    )
    op.create_index(
        "ix_application_claimed",
        "application",
        ["claimed_by_id", "due_at"],
        unique=False,
        postgresql_where=sa.text("claimed_by_id IS NOT NULL"),
    )
    op.create_index("ix_application_enterprise_id", "application", ["enterprise_id"], unique=False)
    op.create_index("ix_application_queue", "application", ["state", "due_at", "id"], unique=False)
    op.create_index("ix_application_service_queue", "application", ["state", "service", "due_at", "id"], unique=False)
    op.create_index(
        "ix_application_authority_service_queue",
        "application",
        ["authority_id", "state", "service", "due_at", "id"],
        unique=False,
    )
    op.create_index("ix_application_state_submitted_at", "application", ["state", "submitted_at", "id"], unique=False)
    op.create_index("ix_application_submitted_at", "application", ["submitted_at", "id"], unique=False)
    op.create_index("ix_application_uscc", "application", ["uscc"], unique=False)
    op.create_table(
        "case_clock",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("days", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_days", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("provisional", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("authority_id", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id", "authority_id"],
            ["application.id", "application.authority_id"],
            name=op.f("fk_case_clock_application_id_authority_id_application"),
        ),
        sa.ForeignKeyConstraint(["authority_id"], ["authority.id"], name=op.f("fk_case_clock_authority_id_authority")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_clock")),
    )
    op.create_index("ix_case_clock_application_id", "case_clock", ["application_id"], unique=False)
    op.create_index(
        "uq_case_clock_running",
        "case_clock",
        ["application_id", "kind"],
        unique=True,
        postgresql_where=sa.text("stopped_at IS NULL"),
    )
    op.create_table(
        "case_decider",
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("staff_id", sa.BigInteger(), nullable=False),
        sa.Column("desk", sa.String(), nullable=False),
        sa.Column("authority_id", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id", "authority_id"],
            ["application.id", "application.authority_id"],
            name=op.f("fk_case_decider_application_id_authority_id_application"),
        ),
        sa.ForeignKeyConstraint(
            ["authority_id"], ["authority.id"], name=op.f("fk_case_decider_authority_id_authority")
        ),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_case_decider_staff_id_staff")),
        sa.PrimaryKeyConstraint("application_id", "staff_id", name=op.f("pk_case_decider")),
        sa.UniqueConstraint(
            "application_id", "staff_id", "desk", name=op.f("uq_case_decider_application_id_staff_id_desk")
        ),
    )
    op.create_table(
        "case_event",
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("state_before", sa.String(), nullable=True),
        sa.Column("state_after", sa.String(), nullable=False),
        sa.Column("round", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("actor_name", sa.String(), nullable=False),
        sa.Column("staff_id", sa.BigInteger(), nullable=True),
        sa.Column("remark", sa.String(), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("authority_id", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id", "authority_id"],
            ["application.id", "application.authority_id"],
            name=op.f("fk_case_event_application_id_authority_id_application"),
        ),
        sa.ForeignKeyConstraint(["authority_id"], ["authority.id"], name=op.f("fk_case_event_authority_id_authority")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_case_event_staff_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_event")),
    )
    op.create_index("ix_case_event_application_id", "case_event", ["application_id", "id"], unique=False)
    op.create_index("ix_case_event_arrivals", "case_event", ["state_after", "at", "authority_id"], unique=False)
    op.create_table(
        "submission",
        sa.Column("round", sa.BigInteger(), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("submitted_by", sa.String(), nullable=False),
        sa.Column("form", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("answer", sa.String(), nullable=True),
        sa.Column("requirement_version_id", sa.BigInteger(), nullable=False),
        sa.Column("extra_version_id", sa.BigInteger(), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("authority_id", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id", "authority_id"],
            ["application.id", "application.authority_id"],
            name=op.f("fk_submission_application_id_authority_id_application"),
        ),
        sa.ForeignKeyConstraint(["authority_id"], ["authority.id"], name=op.f("fk_submission_authority_id_authority")),
        sa.ForeignKeyConstraint(
            ["extra_version_id"],
            ["requirement_version.id"],
            name=op.f("fk_submission_extra_version_id_requirement_version"),
        ),
        sa.ForeignKeyConstraint(
            ["requirement_version_id"],
            ["requirement_version.id"],
            name=op.f("fk_submission_requirement_version_id_requirement_version"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submission")),
        sa.UniqueConstraint("application_id", "round", name=op.f("uq_submission_application_id_round")),
        sa.UniqueConstraint("id", "application_id", name=op.f("uq_submission_id_application_id")),
    )
    op.create_table(
        "holder",
        sa.Column("submission_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("mobile", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("identity_ciphertext", sa.LargeBinary(), nullable=False),
        sa.Column("identity_masked", sa.String(), nullable=False),
        sa.Column("identity_fingerprint", sa.String(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("authority_id", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id", "authority_id"],
            ["application.id", "application.authority_id"],
            name=op.f("fk_holder_application_id_authority_id_application"),
        ),
        sa.ForeignKeyConstraint(["authority_id"], ["authority.id"], name=op.f("fk_holder_authority_id_authority")),
        sa.ForeignKeyConstraint(["submission_id"], ["submission.id"], name=op.f("fk_holder_submission_id_submission")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holder")),
        sa.UniqueConstraint("submission_id", name=op.f("uq_holder_submission_id")),
    )
    op.create_index(op.f("ix_holder_identity_fingerprint"), "holder", ["identity_fingerprint"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_holder_identity_fingerprint"), table_name="holder")
    op.drop_table("holder")
    op.drop_table("submission")
    op.drop_index("ix_case_event_arrivals", table_name="case_event")
    op.drop_index("ix_case_event_application_id", table_name="case_event")
    op.drop_table("case_event")
    op.drop_table("case_decider")
    op.drop_index("uq_case_clock_running", table_name="case_clock", postgresql_where=sa.text("stopped_at IS NULL"))
    op.drop_index("ix_case_clock_application_id", table_name="case_clock")
    op.drop_table("case_clock")
    op.drop_index("ix_application_uscc", table_name="application")
    op.drop_index("ix_application_submitted_at", table_name="application")
    op.drop_index("ix_application_state_submitted_at", table_name="application")
    op.drop_index("ix_application_queue", table_name="application")
    op.drop_index("ix_application_service_queue", table_name="application")
    op.drop_index("ix_application_authority_service_queue", table_name="application")
    op.drop_index("ix_application_enterprise_id", table_name="application")
    op.drop_index(
        "ix_application_claimed", table_name="application", postgresql_where=sa.text("claimed_by_id IS NOT NULL")
    )
    op.drop_index("ix_application_authority_submitted_at", table_name="application")
    op.drop_index("ix_application_authority_queue", table_name="application")
    op.drop_table("application")
    op.drop_table("service_deadline")
    op.drop_table("enterprise")
    op.drop_table("calendar_year")
    op.drop_table("calendar_exception")
    op.execute(sa.schema.DropSequence(sa.Sequence("application_number")))
