"""Collection's records behind their fence: keys that wait, comparisons of originals, hand-overs."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.fences import fence_by_authority, let_only_grow

revision: str = "0017"
down_revision: str | None = "0016"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

OWN_CASE = "application_id = ANY ((SELECT own_cases())::bigint[])"
FENCED = ("pickup", "stamping_attempt", "hand_over")
APPEND_ONLY = ("stamping_attempt", "hand_over")


def upgrade() -> None:
    op.create_table(
        "hand_over_terms",
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("text_zh", sa.String(), nullable=False),
        sa.Column("text_en", sa.String(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_hand_over_terms")),
    )
    op.create_table(
        "stamping_attempt",
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("captured_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("staff_id", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("originals", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("remark", sa.String(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("authority_id", sa.SmallInteger(), nullable=False),
        sa.CheckConstraint("outcome IN ('passed', 'refused')", name=op.f("ck_stamping_attempt_outcome_known")),
        sa.CheckConstraint("length(remark) > 0", name=op.f("ck_stamping_attempt_has_remark")),
        sa.ForeignKeyConstraint(
            ["application_id", "authority_id"],
            ["application.id", "application.authority_id"],
            name=op.f("fk_stamping_attempt_application_id_authority_id_application"),
        ),
        sa.ForeignKeyConstraint(
            ["authority_id"], ["authority.id"], name=op.f("fk_stamping_attempt_authority_id_authority")
        ),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_stamping_attempt_staff_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stamping_attempt")),
        sa.UniqueConstraint("client_id", name=op.f("uq_stamping_attempt_client_id")),
    )
    op.create_index("ix_stamping_attempt_application", "stamping_attempt", ["application_id", "at"], unique=False)
    op.create_table(
        "hand_over",
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("attempt_id", sa.BigInteger(), nullable=False),
        sa.Column("token_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("captured_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("staff_id", sa.BigInteger(), nullable=False),
        sa.Column("collector", sa.String(), nullable=False),
        sa.Column("collector_name", sa.String(), nullable=False),
        sa.Column("identity_ciphertext", sa.LargeBinary(), nullable=True),
        sa.Column("identity_masked", sa.String(), nullable=True),
        sa.Column("letter_sha256", sa.String(length=64), nullable=True),
        sa.Column("signature_sha256", sa.String(length=64), nullable=True),
        sa.Column("slip_sha256", sa.String(length=64), nullable=True),
        sa.Column("terms_version", sa.BigInteger(), nullable=False),
        sa.Column("surrendered_token_id", sa.BigInteger(), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("authority_id", sa.SmallInteger(), nullable=False),
        sa.CheckConstraint(
            "(collector = 'delegate') = (identity_ciphertext IS NOT NULL) AND (collector = 'delegate') = (letter_sha256 IS NOT NULL)",
            name=op.f("ck_hand_over_delegate_is_proven"),
        ),
        sa.CheckConstraint("collector IN ('holder', 'delegate')", name=op.f("ck_hand_over_collector_known")),
        sa.CheckConstraint(
            "(signature_sha256 IS NULL) <> (slip_sha256 IS NULL)", name=op.f("ck_hand_over_signed_one_way")
        ),
        sa.ForeignKeyConstraint(
            ["application_id", "authority_id"],
            ["application.id", "application.authority_id"],
            name=op.f("fk_hand_over_application_id_authority_id_application"),
        ),
        sa.ForeignKeyConstraint(
            ["attempt_id"], ["stamping_attempt.id"], name=op.f("fk_hand_over_attempt_id_stamping_attempt")
        ),
        sa.ForeignKeyConstraint(["authority_id"], ["authority.id"], name=op.f("fk_hand_over_authority_id_authority")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_hand_over_staff_id_staff")),
        sa.ForeignKeyConstraint(
            ["surrendered_token_id"], ["token.id"], name=op.f("fk_hand_over_surrendered_token_id_token")
        ),
        sa.ForeignKeyConstraint(
            ["terms_version"], ["hand_over_terms.version"], name=op.f("fk_hand_over_terms_version_hand_over_terms")
        ),
        sa.ForeignKeyConstraint(["token_id"], ["token.id"], name=op.f("fk_hand_over_token_id_token")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hand_over")),
        sa.UniqueConstraint("attempt_id", name=op.f("uq_hand_over_attempt_id")),
        sa.UniqueConstraint("client_id", name=op.f("uq_hand_over_client_id")),
    )
    op.create_index("uq_hand_over_token", "hand_over", ["token_id"], unique=True)
    op.create_table(
        "pickup",
        sa.Column("token_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.String(length=8), nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("notified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("notified_by", sa.String(), nullable=True),
        sa.Column("reminders", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disposal", sa.String(), nullable=True),
        sa.Column("disposal_remark", sa.String(), nullable=True),
        sa.Column("proposed_by_id", sa.BigInteger(), nullable=True),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("signed_by_id", sa.BigInteger(), nullable=True),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_because", sa.String(), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("authority_id", sa.SmallInteger(), nullable=False),
        sa.CheckConstraint("disposal IN ('destroy', 'return')", name=op.f("ck_pickup_disposal_known")),
        sa.CheckConstraint("ended_because IN ('collected', 'disposed', 'gone')", name=op.f("ck_pickup_end_known")),
        sa.CheckConstraint(
            "(disposal IS NULL) = (proposed_by_id IS NULL) AND (disposal IS NULL) = (proposed_at IS NULL)",
            name=op.f("ck_pickup_proposed_whole"),
        ),
        sa.CheckConstraint("(ended_at IS NULL) = (ended_because IS NULL)", name=op.f("ck_pickup_ended_whole")),
        sa.CheckConstraint("(signed_by_id IS NULL) = (signed_at IS NULL)", name=op.f("ck_pickup_signed_when")),
        sa.CheckConstraint("signed_by_id <> proposed_by_id", name=op.f("ck_pickup_two_people")),
        sa.CheckConstraint("signed_by_id IS NULL OR disposal IS NOT NULL", name=op.f("ck_pickup_signed_what")),
        sa.ForeignKeyConstraint(
            ["application_id", "authority_id"],
            ["application.id", "application.authority_id"],
            name=op.f("fk_pickup_application_id_authority_id_application"),
        ),
        sa.ForeignKeyConstraint(["authority_id"], ["authority.id"], name=op.f("fk_pickup_authority_id_authority")),
        sa.ForeignKeyConstraint(["proposed_by_id"], ["staff.id"], name=op.f("fk_pickup_proposed_by_id_staff")),
        sa.ForeignKeyConstraint(["signed_by_id"], ["staff.id"], name=op.f("fk_pickup_signed_by_id_staff")),
        sa.ForeignKeyConstraint(["site_id"], ["pickup_site.id"], name=op.f("fk_pickup_site_id_pickup_site")),
        sa.ForeignKeyConstraint(["token_id"], ["token.id"], name=op.f("fk_pickup_token_id_token")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pickup")),
    )
    op.create_index(
        "ix_pickup_waiting",
        "pickup",
        ["authority_id", "received_at"],
        unique=False,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(
        "uq_pickup_code_open", "pickup", ["code"], unique=True, postgresql_where=sa.text("ended_at IS NULL")
    )
    op.create_index(
        "uq_pickup_open", "pickup", ["application_id"], unique=True, postgresql_where=sa.text("ended_at IS NULL")
    )
    op.create_index(
        "uq_pickup_token_open", "pickup", ["token_id"], unique=True, postgresql_where=sa.text("ended_at IS NULL")
    )
    for table in FENCED:
        fence_by_authority(table)
    op.execute(f"CREATE POLICY by_applicant ON pickup FOR SELECT USING ({OWN_CASE})")
    for table in APPEND_ONLY:
        let_only_grow(table)


def downgrade() -> None:
    op.drop_table("pickup")
    op.drop_table("hand_over")
    op.drop_table("stamping_attempt")
    op.drop_table("hand_over_terms")
