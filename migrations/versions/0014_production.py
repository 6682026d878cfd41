"""The bench's records: stations, batches, makings, and what is asked of a CA before it is asked."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0014"
down_revision: str | None = "0013"
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


def downgrade() -> None:
    op.drop_table("certificate_order")
    op.drop_table("revocation_order")
    op.drop_table("making")
    op.drop_table("batch")
    op.drop_table("bench_station")
    op.drop_table("trial_entry")
