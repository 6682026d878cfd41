"""What the board and the custody log stand on at a million keys: indexes that hold live keys alone, or one kind of
hand-over by time; and the exports that people asked for.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.fences import fence_by_authority

revision: str = "0019"
down_revision: str | None = "0018"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

INDEXES = (
    ("ix_token_live", "token", ["authority_id", "custodian", "state"], "state IN ('personalised', 'lost')"),
    ("ix_token_moved", "token", ["moved_at", "id"], None),
    ("ix_token_authority_moved", "token", ["authority_id", "moved_at", "id"], None),
    ("ix_custody_entry_event", "custody_entry", ["event", "at"], None),
    ("ix_custody_entry_authority_event", "custody_entry", ["authority_id", "event", "at"], None),
)


def upgrade() -> None:
    for name, table, columns, where in INDEXES:
        op.create_index(name, table, columns, postgresql_where=sa.text(where) if where else None)
    op.create_table(
        "custody_export",
        sa.Column("asked_by_id", sa.BigInteger(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("wanted", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("format", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("state", sa.String(), server_default="waiting", nullable=False),
        sa.Column("rows_done", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rows_expected", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("byte_size", sa.BigInteger(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("authority_id", sa.SmallInteger(), nullable=True),
        sa.CheckConstraint("format IN ('csv', 'xlsx')", name=op.f("ck_custody_export_format_known")),
        sa.CheckConstraint("language IN ('zh', 'en')", name=op.f("ck_custody_export_language_known")),
        sa.CheckConstraint(
            "state IN ('waiting', 'ready', 'refused', 'expired')", name=op.f("ck_custody_export_state_known")
        ),
        sa.CheckConstraint("(state = 'ready') = (sha256 IS NOT NULL)", name=op.f("ck_custody_export_ready_has_file")),
        sa.ForeignKeyConstraint(["asked_by_id"], ["staff.id"], name=op.f("fk_custody_export_asked_by_id_staff")),
        sa.ForeignKeyConstraint(
            ["authority_id"], ["authority.id"], name=op.f("fk_custody_export_authority_id_authority")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_custody_export")),
    )
    op.create_index("ix_custody_export_person", "custody_export", ["asked_by_id", "id"])
    fence_by_authority("custody_export")


def downgrade() -> None:
    op.drop_table("custody_export")
    for name, table, _, _ in reversed(INDEXES):
        op.drop_index(name, table_name=table)
