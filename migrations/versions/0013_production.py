"""Production's records: tokens and their custody, seals, benches, makings, and what is asked of a CA before it is asked."""

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
        "trial_entry",
        sa.Column("transaction_id", sa.String(length=32), nullable=False),
        sa.Column("serial", sa.String(length=40), nullable=False),
        sa.Column("certificate", sa.LargeBinary(), nullable=False),
        sa.Column("algorithm", sa.String(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revocation_reason", sa.String(), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.CheckConstraint(
            "(revoked_at IS NULL) = (revocation_reason IS NULL)", name=op.f("ck_trial_entry_revoked_has_reason")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trial_entry")),
        sa.UniqueConstraint("serial", name=op.f("uq_trial_entry_serial")),
        sa.UniqueConstraint("transaction_id", name=op.f("uq_trial_entry_transaction_id")),
    )
    op.create_index(
        "ix_trial_entry_revoked",
        "trial_entry",
        ["algorithm"],
        unique=False,
        postgresql_where=sa.text("revoked_at IS NOT NULL"),
    )
    op.create_table(
        "bench_station",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("hint", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("application_id", sa.BigInteger(), nullable=True),
        sa.Column("maker_id", sa.BigInteger(), nullable=True),
        sa.Column("maker_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("agent_version", sa.String(), nullable=True),
        sa.Column("plugged", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.CheckConstraint(
            "(kind = 'holder') = (application_id IS NOT NULL)", name=op.f("ck_bench_station_holder_has_case")
        ),
        sa.CheckConstraint(
            "(kind = 'holder') = (expires_at IS NOT NULL)", name=op.f("ck_bench_station_holder_expires")
        ),
        sa.CheckConstraint("kind IN ('bench', 'holder')", name=op.f("ck_bench_station_kind_known")),
        sa.CheckConstraint(
            "(maker_id IS NULL) = (maker_since IS NULL)", name=op.f("ck_bench_station_maker_since_when")
        ),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_bench_station_application_id_application")
        ),
        sa.ForeignKeyConstraint(["maker_id"], ["staff.id"], name=op.f("fk_bench_station_maker_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bench_station")),
        sa.UniqueConstraint("name", name=op.f("uq_bench_station_name")),
        sa.UniqueConstraint("sha256", name=op.f("uq_bench_station_sha256")),
    )
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
        "batch",
        sa.Column("station_id", sa.BigInteger(), nullable=False),
        sa.Column("maker_id", sa.BigInteger(), nullable=False),
        sa.Column("wanted", sa.BigInteger(), nullable=False),
        sa.Column("made", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("state", sa.String(), server_default="running", nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.CheckConstraint("(state = 'running') = (ended_at IS NULL)", name=op.f("ck_batch_ended_when")),
        sa.CheckConstraint("state IN ('running', 'done', 'stopped')", name=op.f("ck_batch_state_known")),
        sa.CheckConstraint("wanted BETWEEN 1 AND 500 AND made BETWEEN 0 AND wanted", name=op.f("ck_batch_counts_sane")),
        sa.ForeignKeyConstraint(["maker_id"], ["staff.id"], name=op.f("fk_batch_maker_id_staff")),
        sa.ForeignKeyConstraint(["station_id"], ["bench_station.id"], name=op.f("fk_batch_station_id_bench_station")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch")),
    )
    op.create_index(
        "uq_batch_running", "batch", ["station_id"], unique=True, postgresql_where=sa.text("state = 'running'")
    )
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
        "making",
        sa.Column("token_id", sa.BigInteger(), nullable=False),
        sa.Column("station_id", sa.BigInteger(), nullable=True),
        sa.Column("maker_id", sa.BigInteger(), nullable=True),
        sa.Column("batch_id", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(), server_default="open", nullable=False),
        sa.Column("step", sa.String(), server_default="token", nullable=False),
        sa.Column("algorithm", sa.String(), nullable=False),
        sa.Column("key_id", sa.String(length=32), nullable=False),
        sa.Column("challenge", sa.String(length=64), nullable=False),
        sa.Column("pin_ciphertext", sa.LargeBinary(), nullable=True),
        sa.Column("pin_printed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pin_delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ends_certificate_id", sa.BigInteger(), nullable=True),
        sa.Column("ends_because", sa.String(), nullable=True),
        sa.Column("fault", sa.String(), nullable=True),
        sa.Column("fault_detail", sa.String(), nullable=True),
        sa.Column("faulted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("label_printed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("authority_id", sa.SmallInteger(), nullable=False),
        sa.CheckConstraint("(state = 'made') = (step = 'verified')", name=op.f("ck_making_made_is_verified")),
        sa.CheckConstraint("(state = 'open') = (ended_at IS NULL)", name=op.f("ck_making_ended_when")),
        sa.CheckConstraint("label_printed_at IS NULL OR state = 'made'", name=op.f("ck_making_no_label_unverified")),
        sa.CheckConstraint("pin_printed_at IS NULL OR state = 'made'", name=op.f("ck_making_no_pin_unverified")),
        sa.CheckConstraint("state IN ('open', 'made', 'put_back', 'spoiled')", name=op.f("ck_making_state_known")),
        sa.CheckConstraint(
            "step IN ('token', 'key', 'certificate', 'seal', 'read_back', 'verified')",
            name=op.f("ck_making_step_known"),
        ),
        sa.CheckConstraint(
            "pin_delivered_at IS NULL OR pin_ciphertext IS NULL", name=op.f("ck_making_pin_gone_when_delivered")
        ),
        sa.ForeignKeyConstraint(
            ["application_id", "authority_id"],
            ["application.id", "application.authority_id"],
            name=op.f("fk_making_application_id_authority_id_application"),
        ),
        sa.ForeignKeyConstraint(["authority_id"], ["authority.id"], name=op.f("fk_making_authority_id_authority")),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_making_batch_id_batch")),
        sa.ForeignKeyConstraint(
            ["ends_certificate_id"], ["certificate.id"], name=op.f("fk_making_ends_certificate_id_certificate")
        ),
        sa.ForeignKeyConstraint(["maker_id"], ["staff.id"], name=op.f("fk_making_maker_id_staff")),
        sa.ForeignKeyConstraint(["station_id"], ["bench_station.id"], name=op.f("fk_making_station_id_bench_station")),
        sa.ForeignKeyConstraint(["token_id"], ["token.id"], name=op.f("fk_making_token_id_token")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_making")),
    )
    op.create_index("ix_making_application_id", "making", ["application_id"], unique=False)
    op.create_index("ix_making_maker", "making", ["maker_id", "ended_at"], unique=False)
    op.create_index(
        "ix_making_batch", "making", ["batch_id"], unique=False, postgresql_where=sa.text("batch_id IS NOT NULL")
    )
    op.create_index(
        "ix_making_pin_kept",
        "making",
        ["ended_at"],
        unique=False,
        postgresql_where=sa.text("state = 'made' AND pin_ciphertext IS NOT NULL"),
    )
    op.create_index("ix_making_station", "making", ["station_id", "started_at"], unique=False)
    op.create_index(
        "uq_making_open_case", "making", ["application_id"], unique=True, postgresql_where=sa.text("state = 'open'")
    )
    op.create_index(
        "uq_making_open_station", "making", ["station_id"], unique=True, postgresql_where=sa.text("state = 'open'")
    )
    op.create_index(
        "uq_making_open_token", "making", ["token_id"], unique=True, postgresql_where=sa.text("state = 'open'")
    )
    op.create_table(
        "revocation_order",
        sa.Column("certificate_id", sa.BigInteger(), nullable=False),
        sa.Column("transaction_id", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("state", sa.String(), server_default="stored", nullable=False),
        sa.Column("ordered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("ask_again_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.CheckConstraint("(state = 'done') = (done_at IS NOT NULL)", name=op.f("ck_revocation_order_done_when")),
        sa.CheckConstraint(
            "state IN ('stored', 'pending', 'done', 'rejected')", name=op.f("ck_revocation_order_state_known")
        ),
        sa.ForeignKeyConstraint(
            ["certificate_id"], ["certificate.id"], name=op.f("fk_revocation_order_certificate_id_certificate")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_revocation_order")),
        sa.UniqueConstraint("certificate_id", name=op.f("uq_revocation_order_certificate_id")),
        sa.UniqueConstraint("transaction_id", name=op.f("uq_revocation_order_transaction_id")),
    )
    op.create_index(
        "ix_revocation_order_open",
        "revocation_order",
        ["ordered_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('stored', 'pending')"),
    )
    op.create_table(
        "certificate_order",
        sa.Column("making_id", sa.BigInteger(), nullable=False),
        sa.Column("token_id", sa.BigInteger(), nullable=False),
        sa.Column("purpose", sa.String(), server_default="signing", nullable=False),
        sa.Column("transaction_id", sa.String(length=32), nullable=False),
        sa.Column("uscc", sa.String(length=18), nullable=False),
        sa.Column("algorithm", sa.String(), nullable=False),
        sa.Column("key_id", sa.String(length=32), nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("request_sha256", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.LargeBinary(), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("not_after", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(), server_default="stored", nullable=False),
        sa.Column("ordered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("ask_again_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("certificate_id", sa.BigInteger(), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("authority_id", sa.SmallInteger(), nullable=False),
        sa.CheckConstraint(
            "(state = 'issued') <= (certificate_id IS NOT NULL)",
            name=op.f("ck_certificate_order_issued_has_certificate"),
        ),
        sa.CheckConstraint(
            "state IN ('stored', 'pending', 'issued', 'rejected', 'abandoned')",
            name=op.f("ck_certificate_order_state_known"),
        ),
        sa.CheckConstraint("not_before < not_after", name=op.f("ck_certificate_order_validity_runs")),
        sa.ForeignKeyConstraint(
            ["application_id", "authority_id"],
            ["application.id", "application.authority_id"],
            name=op.f("fk_certificate_order_application_id_authority_id_application"),
        ),
        sa.ForeignKeyConstraint(
            ["authority_id"], ["authority.id"], name=op.f("fk_certificate_order_authority_id_authority")
        ),
        sa.ForeignKeyConstraint(
            ["certificate_id"], ["certificate.id"], name=op.f("fk_certificate_order_certificate_id_certificate")
        ),
        sa.ForeignKeyConstraint(["making_id"], ["making.id"], name=op.f("fk_certificate_order_making_id_making")),
        sa.ForeignKeyConstraint(["token_id"], ["token.id"], name=op.f("fk_certificate_order_token_id_token")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_certificate_order")),
        sa.UniqueConstraint("certificate_id", name=op.f("uq_certificate_order_certificate_id")),
        sa.UniqueConstraint("transaction_id", name=op.f("uq_certificate_order_transaction_id")),
    )
    op.create_index(
        "ix_certificate_order_open",
        "certificate_order",
        ["ordered_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('stored', 'pending')"),
    )
    op.create_index(
        "ix_certificate_order_uscc",
        "certificate_order",
        ["uscc"],
        unique=False,
        postgresql_where=sa.text("state IN ('stored', 'pending')"),
    )
    op.create_index(
        "uq_certificate_order_alive",
        "certificate_order",
        ["application_id", "purpose"],
        unique=True,
        postgresql_where=sa.text("state IN ('stored', 'pending', 'issued')"),
    )
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


def downgrade() -> None:
    op.drop_constraint(op.f("ck_outbox_message_secret_gone_when_sent"), "outbox_message")
    op.drop_constraint(op.f("ck_certificate_revoked_is_not_valid"), "certificate")
    op.drop_column("outbox_message", "secret_ciphertext")
    op.drop_constraint(op.f("fk_certificate_token_id_token"), "certificate", type_="foreignkey")
    op.drop_index(
        "uq_certificate_valid_of_case",
        table_name="certificate",
        postgresql_where=sa.text("state = 'valid' AND application_id IS NOT NULL"),
    )
    op.drop_index("ix_certificate_token_id", table_name="certificate", postgresql_where=sa.text("token_id IS NOT NULL"))
    op.drop_index("ix_certificate_not_after", table_name="certificate", postgresql_where=sa.text("state = 'valid'"))
    op.drop_column("certificate", "revoked_by_ca_at")
    op.drop_column("certificate", "revocation_reason")
    op.drop_column("certificate", "algorithm")
    op.drop_column("certificate", "certificate")
    op.drop_column("certificate", "token_id")
    op.drop_index("uq_seal_live", table_name="seal", postgresql_where=sa.text("superseded_at IS NULL"))
    op.drop_index("ix_seal_uscc", table_name="seal")
    op.drop_table("seal")
    op.drop_index(
        "uq_certificate_order_alive",
        table_name="certificate_order",
        postgresql_where=sa.text("state IN ('stored', 'pending', 'issued')"),
    )
    op.drop_index(
        "ix_certificate_order_uscc",
        table_name="certificate_order",
        postgresql_where=sa.text("state IN ('stored', 'pending')"),
    )
    op.drop_index(
        "ix_certificate_order_open",
        table_name="certificate_order",
        postgresql_where=sa.text("state IN ('stored', 'pending')"),
    )
    op.drop_table("certificate_order")
    op.drop_index(
        "ix_revocation_order_open",
        table_name="revocation_order",
        postgresql_where=sa.text("state IN ('stored', 'pending')"),
    )
    op.drop_table("revocation_order")
    op.drop_index("uq_making_open_token", table_name="making", postgresql_where=sa.text("state = 'open'"))
    op.drop_index("uq_making_open_station", table_name="making", postgresql_where=sa.text("state = 'open'"))
    op.drop_index("uq_making_open_case", table_name="making", postgresql_where=sa.text("state = 'open'"))
    op.drop_index("ix_making_station", table_name="making")
    op.drop_index(
        "ix_making_pin_kept",
        table_name="making",
        postgresql_where=sa.text("state = 'made' AND pin_ciphertext IS NOT NULL"),
    )
    op.drop_index("ix_making_maker", table_name="making")
    op.drop_index("ix_making_batch", table_name="making", postgresql_where=sa.text("batch_id IS NOT NULL"))
    op.drop_index("ix_making_application_id", table_name="making")
    op.drop_table("making")
    op.drop_index("ix_custody_entry_authority_at", table_name="custody_entry")
    op.drop_index("ix_custody_entry_at", table_name="custody_entry")
    op.drop_table("custody_entry")
    op.drop_index("uq_batch_running", table_name="batch", postgresql_where=sa.text("state = 'running'"))
    op.drop_table("batch")
    op.drop_index("ix_token_state", table_name="token")
    op.drop_index("ix_token_authority_state", table_name="token")
    op.drop_index("ix_token_application_id", table_name="token", postgresql_where=sa.text("application_id IS NOT NULL"))
    op.drop_table("token")
    op.drop_table("bench_station")
    op.drop_index(
        "ix_trial_entry_revoked", table_name="trial_entry", postgresql_where=sa.text("revoked_at IS NOT NULL")
    )
    op.drop_table("trial_entry")
