"""What an e-key is made of: tokens and their custody, seals, certificates that name their token, and destruction by two."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "token",
        sa.Column("serial", sa.String(length=64), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("box", sa.String(), nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("authority_id", sa.SmallInteger(), nullable=True),
        sa.Column("application_id", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(), server_default="unknown", nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("custodian", sa.String(), server_default="supplier", nullable=False),
        sa.Column("custodian_ref", sa.BigInteger(), nullable=True),
        sa.Column("custody_seq", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.CheckConstraint(
            "custodian IN ('supplier', 'vendor_stock', 'maker', 'packer', 'courier', 'authority', "
            "'enterprise', 'lost', 'spoiled', 'destroyed')",
            name=op.f("ck_token_custodian_known"),
        ),
        sa.CheckConstraint(
            "state IN ('unknown', 'blank', 'allocated', 'personalised', 'handed_over', 'surrendered', "
            "'lost', 'spoiled', 'destroyed')",
            name=op.f("ck_token_state_known"),
        ),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_token_application_id_application")
        ),
        sa.ForeignKeyConstraint(["authority_id"], ["authority.id"], name=op.f("fk_token_authority_id_authority")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_token")),
        sa.UniqueConstraint("serial", name=op.f("uq_token_serial")),
    )
    op.create_index(
        "ix_token_application_id",
        "token",
        ["application_id"],
        unique=False,
        postgresql_where=sa.text("application_id IS NOT NULL"),
    )
    op.create_index("ix_token_authority_state", "token", ["authority_id", "state", "id"], unique=False)
    op.create_index("ix_token_state", "token", ["state", "box", "id"], unique=False)
    op.create_table(
        "custody_entry",
        sa.Column("token_id", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("from_custodian", sa.String(), nullable=False),
        sa.Column("from_ref", sa.BigInteger(), nullable=True),
        sa.Column("to_custodian", sa.String(), nullable=False),
        sa.Column("to_ref", sa.BigInteger(), nullable=True),
        sa.Column("state_before", sa.String(), nullable=False),
        sa.Column("state_after", sa.String(), nullable=False),
        sa.Column("authority_id", sa.SmallInteger(), nullable=True),
        sa.Column("application_id", sa.BigInteger(), nullable=True),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("actor_name", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=True),
        sa.Column("remark", sa.String(), nullable=True),
        sa.CheckConstraint(
            "(to_custodian IN ('supplier', 'vendor_stock', 'lost', 'spoiled', 'destroyed')) = (to_ref IS NULL)",
            name=op.f("ck_custody_entry_custodian_named"),
        ),
        sa.CheckConstraint(
            "state_after IN ('unknown', 'blank', 'allocated', 'personalised', 'handed_over', 'surrendered', "
            "'lost', 'spoiled', 'destroyed')",
            name=op.f("ck_custody_entry_state_known"),
        ),
        sa.CheckConstraint(
            "to_custodian IN ('supplier', 'vendor_stock', 'maker', 'packer', 'courier', 'authority', "
            "'enterprise', 'lost', 'spoiled', 'destroyed')",
            name=op.f("ck_custody_entry_custodian_known"),
        ),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_custody_entry_application_id_application")
        ),
        sa.ForeignKeyConstraint(
            ["authority_id"], ["authority.id"], name=op.f("fk_custody_entry_authority_id_authority")
        ),
        sa.ForeignKeyConstraint(["token_id"], ["token.id"], name=op.f("fk_custody_entry_token_id_token")),
        sa.PrimaryKeyConstraint("token_id", "seq", name=op.f("pk_custody_entry")),
    )
    op.create_index("ix_custody_entry_at", "custody_entry", ["at", "token_id"], unique=False)
    op.create_index("ix_custody_entry_authority_at", "custody_entry", ["authority_id", "at"], unique=False)
    op.create_table(
        "seal",
        sa.Column("serial", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("uscc", sa.String(length=18), nullable=False),
        sa.Column("page_id", sa.BigInteger(), nullable=False),
        sa.Column("crop", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("image_sha256", sa.String(length=64), nullable=False),
        sa.Column("width_mm", sa.Float(), nullable=False),
        sa.Column("height_mm", sa.Float(), nullable=False),
        sa.Column("maker_id", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("superseded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("algorithm", sa.String(), nullable=True),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("structure_sha256", sa.String(length=64), nullable=True),
        sa.Column("certificate_sha256", sa.String(length=64), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("authority_id", sa.SmallInteger(), nullable=False),
        sa.CheckConstraint(
            "(structure_sha256 IS NULL) = (certificate_sha256 IS NULL)", name=op.f("ck_seal_structure_has_owner")
        ),
        sa.CheckConstraint("valid_from < valid_until", name=op.f("ck_seal_validity_runs")),
        sa.CheckConstraint("width_mm > 0 AND height_mm > 0", name=op.f("ck_seal_has_size")),
        sa.ForeignKeyConstraint(
            ["application_id", "authority_id"],
            ["application.id", "application.authority_id"],
            name=op.f("fk_seal_application_id_authority_id_application"),
        ),
        sa.ForeignKeyConstraint(["authority_id"], ["authority.id"], name=op.f("fk_seal_authority_id_authority")),
        sa.ForeignKeyConstraint(["maker_id"], ["staff.id"], name=op.f("fk_seal_maker_id_staff")),
        sa.ForeignKeyConstraint(["page_id"], ["page.id"], name=op.f("fk_seal_page_id_page")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seal")),
        sa.UniqueConstraint("serial", name=op.f("uq_seal_serial")),
    )
    op.create_index("ix_seal_uscc", "seal", ["uscc", "made_at"], unique=False)
    op.create_index(
        "uq_seal_live", "seal", ["application_id"], unique=True, postgresql_where=sa.text("superseded_at IS NULL")
    )
    op.add_column("certificate", sa.Column("token_id", sa.BigInteger(), nullable=True))
    op.add_column("certificate", sa.Column("certificate", sa.LargeBinary(), nullable=True))
    op.add_column("certificate", sa.Column("algorithm", sa.String(), nullable=True))
    op.add_column("certificate", sa.Column("revocation_reason", sa.String(), nullable=True))
    op.add_column("certificate", sa.Column("revoked_by_ca_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_certificate_not_after",
        "certificate",
        ["not_after"],
        unique=False,
        postgresql_where=sa.text("state = 'valid'"),
    )
    op.create_index(
        "ix_certificate_token_id",
        "certificate",
        ["token_id"],
        unique=False,
        postgresql_where=sa.text("token_id IS NOT NULL"),
    )
    op.create_index(
        "uq_certificate_valid_of_case",
        "certificate",
        ["application_id"],
        unique=True,
        postgresql_where=sa.text("state = 'valid' AND application_id IS NOT NULL"),
    )
    op.create_foreign_key(op.f("fk_certificate_token_id_token"), "certificate", "token", ["token_id"], ["id"])
    op.add_column("outbox_message", sa.Column("secret_ciphertext", sa.LargeBinary(), nullable=True))
    op.create_check_constraint(
        op.f("ck_certificate_revoked_is_not_valid"), "certificate", "revoked_by_ca_at IS NULL OR state <> 'valid'"
    )
    op.create_check_constraint(
        op.f("ck_outbox_message_secret_gone_when_sent"),
        "outbox_message",
        "state <> 'sent' OR secret_ciphertext IS NULL",
    )
    op.create_table(
        "destruction",
        sa.Column("token_id", sa.BigInteger(), nullable=False),
        sa.Column("authority_id", sa.SmallInteger(), nullable=True),
        sa.Column("remark", sa.String(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("proposed_by_id", sa.BigInteger(), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("signed_by_id", sa.BigInteger(), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.CheckConstraint("(signed_by_id IS NULL) = (signed_at IS NULL)", name=op.f("ck_destruction_signed_when")),
        sa.CheckConstraint("signed_by_id <> proposed_by_id", name=op.f("ck_destruction_two_people")),
        sa.CheckConstraint("withdrawn_at IS NULL OR signed_at IS NULL", name=op.f("ck_destruction_ended_one_way")),
        sa.ForeignKeyConstraint(["authority_id"], ["authority.id"], name=op.f("fk_destruction_authority_id_authority")),
        sa.ForeignKeyConstraint(["proposed_by_id"], ["staff.id"], name=op.f("fk_destruction_proposed_by_id_staff")),
        sa.ForeignKeyConstraint(["signed_by_id"], ["staff.id"], name=op.f("fk_destruction_signed_by_id_staff")),
        sa.ForeignKeyConstraint(["token_id"], ["token.id"], name=op.f("fk_destruction_token_id_token")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_destruction")),
    )
    op.create_index(
        "uq_destruction_open",
        "destruction",
        ["token_id"],
        unique=True,
        postgresql_where=sa.text("signed_at IS NULL AND withdrawn_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_table("destruction")
    op.drop_constraint(op.f("ck_outbox_message_secret_gone_when_sent"), "outbox_message")
    op.drop_constraint(op.f("ck_certificate_revoked_is_not_valid"), "certificate")
    op.drop_column("outbox_message", "secret_ciphertext")
    for column in ("revoked_by_ca_at", "revocation_reason", "algorithm", "certificate", "token_id"):
        op.drop_column("certificate", column)
    op.drop_index("uq_certificate_valid_of_case", table_name="certificate")
    op.drop_table("seal")
    op.drop_table("custody_entry")
    op.drop_table("token")
