"""The organisation, the audit log, the outbox: what every room stands on."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "audit_checkpoint",
        sa.Column("n", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("heads", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("signature", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("n", name=op.f("pk_audit_checkpoint")),
    )
    op.create_table(
        "audit_head",
        sa.Column("chain", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("checkpointed_seq", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("chain", name=op.f("pk_audit_head")),
    )
    op.create_index(
        "ix_audit_head_unsigned",
        "audit_head",
        ["chain"],
        unique=False,
        postgresql_where=sa.text("seq > checkpointed_seq"),
    )
    op.create_table(
        "authority",
        sa.Column("id", sa.SmallInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.String(length=6), nullable=False),
        sa.Column("name_zh", sa.String(length=100), nullable=False),
        sa.Column("short_zh", sa.String(length=20), nullable=False),
        sa.Column("name_en", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.CheckConstraint("code ~ '^[0-9]{6}$'", name=op.f("ck_authority_code_has_six_digits")),
        sa.CheckConstraint(
            "kind IN ('municipality', 'province', 'autonomous_region', 'corps', 'planned_city')",
            name=op.f("ck_authority_kind_is_known"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_authority")),
        sa.UniqueConstraint("code", name=op.f("uq_authority_code")),
    )
    op.create_table(
        "ended_session",
        sa.Column("sid", sa.String(length=43), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sid", name=op.f("pk_ended_session")),
    )
    op.create_index(op.f("ix_ended_session_ended_at"), "ended_session", ["ended_at"], unique=False)
    op.create_table(
        "outbox_message",
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("state", sa.String(), server_default="waiting", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("case_id", sa.BigInteger(), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.CheckConstraint("(state = 'sent') = (sent_at IS NOT NULL)", name=op.f("ck_outbox_message_sent_has_time")),
        sa.CheckConstraint("state IN ('waiting', 'sent', 'failed')", name=op.f("ck_outbox_message_state_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox_message")),
        sa.UniqueConstraint("event", name=op.f("uq_outbox_message_event")),
    )
    op.create_index(
        "ix_outbox_message_unsent",
        "outbox_message",
        ["created_at"],
        unique=False,
        postgresql_where=sa.text("state <> 'sent'"),
    )
    op.create_table(
        "sign_in_attempt",
        sa.Column("login", sa.String(length=50), nullable=False),
        sa.Column("address", sa.String(length=60), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("succeeded", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_attempt")),
    )
    op.create_index(op.f("ix_sign_in_attempt_address_at"), "sign_in_attempt", ["address", "at"], unique=False)
    op.create_index(op.f("ix_sign_in_attempt_login_at"), "sign_in_attempt", ["login", "at"], unique=False)
    op.create_table(
        "audit_entry",
        sa.Column("chain", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("actor_name", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("request_id", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=True),
        sa.Column("authority_id", sa.SmallInteger(), nullable=True),
        sa.Column("before", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("after", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["authority_id"], ["authority.id"], name=op.f("fk_audit_entry_authority_id_authority")),
        sa.PrimaryKeyConstraint("chain", "seq", name=op.f("pk_audit_entry")),
    )
    op.create_index("ix_audit_entry_actor_at", "audit_entry", ["actor", "at"], unique=False)
    op.create_index("ix_audit_entry_at", "audit_entry", ["at", "chain", "seq"], unique=False)
    op.create_index("ix_audit_entry_case_id_at", "audit_entry", ["case_id", "at"], unique=False)
    op.create_table(
        "pickup_site",
        sa.Column("authority_id", sa.SmallInteger(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("address", sa.String(length=300), nullable=False),
        sa.Column("telephone", sa.String(length=60), server_default="", nullable=False),
        sa.Column("opening_hours", sa.String(length=200), server_default="", nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.CheckConstraint("name <> '' AND address <> ''", name=op.f("ck_pickup_site_can_be_found")),
        sa.ForeignKeyConstraint(["authority_id"], ["authority.id"], name=op.f("fk_pickup_site_authority_id_authority")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pickup_site")),
    )
    op.create_index(op.f("ix_pickup_site_authority_id"), "pickup_site", ["authority_id"], unique=False)
    op.create_table(
        "staff",
        sa.Column("login", sa.String(length=50), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("roles", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("authority_id", sa.SmallInteger(), nullable=True),
        sa.Column("email", sa.String(length=254), server_default="", nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("must_change_password", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("password_changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("session_epoch", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_signed_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.CheckConstraint(
            "CASE WHEN authority_id IS NULL THEN roles <@ ARRAY['administrator', 'auditor', 'dispatcher', 'key_maker', 're_checker', 'vendor_supervisor']::text[] ELSE roles <@ ARRAY['authority_supervisor', 'counter_staff', 'pre_checker']::text[] END",
            name=op.f("ck_staff_roles_fit_the_employer"),
        ),
        sa.CheckConstraint(
            "cardinality(roles) <= 1 OR NOT (roles && ARRAY['administrator', 'auditor']::text[])",
            name=op.f("ck_staff_lone_roles_stand_alone"),
        ),
        sa.CheckConstraint("login = lower(login) AND login <> ''", name=op.f("ck_staff_login_is_lower_case")),
        sa.CheckConstraint("cardinality(roles) >= 1", name=op.f("ck_staff_has_a_role")),
        sa.ForeignKeyConstraint(["authority_id"], ["authority.id"], name=op.f("fk_staff_authority_id_authority")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff")),
        sa.UniqueConstraint("login", name=op.f("uq_staff_login")),
    )
    op.create_index(op.f("ix_staff_authority_id"), "staff", ["authority_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_staff_authority_id"), table_name="staff")
    op.drop_table("staff")
    op.drop_index(op.f("ix_pickup_site_authority_id"), table_name="pickup_site")
    op.drop_table("pickup_site")
    op.drop_index("ix_audit_entry_case_id_at", table_name="audit_entry")
    op.drop_index("ix_audit_entry_at", table_name="audit_entry")
    op.drop_index("ix_audit_entry_actor_at", table_name="audit_entry")
    op.drop_table("audit_entry")
    op.drop_index(op.f("ix_sign_in_attempt_login_at"), table_name="sign_in_attempt")
    op.drop_index(op.f("ix_sign_in_attempt_address_at"), table_name="sign_in_attempt")
    op.drop_table("sign_in_attempt")
    op.drop_index("ix_outbox_message_unsent", table_name="outbox_message", postgresql_where=sa.text("state <> 'sent'"))
    op.drop_table("outbox_message")
    op.drop_index(op.f("ix_ended_session_ended_at"), table_name="ended_session")
    op.drop_table("ended_session")
    op.drop_table("authority")
    op.drop_index("ix_audit_head_unsigned", table_name="audit_head", postgresql_where=sa.text("seq > checkpointed_seq"))
    op.drop_table("audit_head")
    op.drop_table("audit_checkpoint")
