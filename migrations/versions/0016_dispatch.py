"""Dispatch's records behind their fence: carriers, parcels of keys, where they were, what was found in them."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from migrations.fences import fence_by_authority, let_only_grow

revision: str = "0016"
down_revision: str | None = "0015"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

FENCED = ("consignment", "consignment_item", "tracking_event", "receipt", "receipt_line", "discrepancy")
APPEND_ONLY = ("tracking_event", "receipt_line")


def upgrade() -> None:
    op.execute("CREATE SEQUENCE consignment_number")
    op.create_table(
        "carrier",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name_zh", sa.String(), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column("waybill_pattern", sa.String(), nullable=False),
        sa.Column("waybill_example", sa.String(), nullable=False),
        sa.Column("usual_days", sa.BigInteger(), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.CheckConstraint("usual_days BETWEEN 1 AND 60", name=op.f("ck_carrier_days_sane")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_carrier")),
    )
    op.create_table(
        "consignment",
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(), server_default="packing", nullable=False),
        sa.Column("from_authority_id", sa.SmallInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("packer_id", sa.BigInteger(), nullable=False),
        sa.Column("boxes", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("checked_by_id", sa.BigInteger(), nullable=True),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("carrier_code", sa.String(), nullable=True),
        sa.Column("waybill", sa.String(length=40), nullable=True),
        sa.Column("handed_over_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("handed_over_by_id", sa.BigInteger(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("arrived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("inquiry_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("inquiry_remark", sa.String(), nullable=True),
        sa.Column("lost_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("authority_id", sa.SmallInteger(), nullable=False),
        sa.CheckConstraint("kind IN ('outward', 'forward', 'return')", name=op.f("ck_consignment_kind_known")),
        sa.CheckConstraint(
            "state IN ('packing', 'cancelled') OR sealed_at IS NOT NULL", name=op.f("ck_consignment_sealed_when")
        ),
        sa.CheckConstraint(
            "state IN ('packing', 'sealed', 'cancelled') OR (handed_over_at IS NOT NULL AND waybill IS NOT NULL)",
            name=op.f("ck_consignment_handed_over_when"),
        ),
        sa.CheckConstraint(
            "state IN ('packing', 'sealed', 'in_transit', 'arrived', 'opened', 'closed', 'lost', 'cancelled')",
            name=op.f("ck_consignment_state_known"),
        ),
        sa.CheckConstraint(
            "(carrier_code IS NULL) = (waybill IS NULL)", name=op.f("ck_consignment_waybill_of_carrier")
        ),
        sa.CheckConstraint("(checked_by_id IS NULL) = (checked_at IS NULL)", name=op.f("ck_consignment_checked_when")),
        sa.CheckConstraint("checked_by_id <> packer_id", name=op.f("ck_consignment_checked_by_another")),
        sa.ForeignKeyConstraint(["authority_id"], ["authority.id"], name=op.f("fk_consignment_authority_id_authority")),
        sa.ForeignKeyConstraint(["carrier_code"], ["carrier.code"], name=op.f("fk_consignment_carrier_code_carrier")),
        sa.ForeignKeyConstraint(["checked_by_id"], ["staff.id"], name=op.f("fk_consignment_checked_by_id_staff")),
        sa.ForeignKeyConstraint(
            ["from_authority_id"], ["authority.id"], name=op.f("fk_consignment_from_authority_id_authority")
        ),
        sa.ForeignKeyConstraint(
            ["handed_over_by_id"], ["staff.id"], name=op.f("fk_consignment_handed_over_by_id_staff")
        ),
        sa.ForeignKeyConstraint(["packer_id"], ["staff.id"], name=op.f("fk_consignment_packer_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consignment")),
        sa.UniqueConstraint("id", "authority_id", name=op.f("uq_consignment_id_authority_id")),
        sa.UniqueConstraint("number", name=op.f("uq_consignment_number")),
    )
    op.create_index("ix_consignment_authority_state", "consignment", ["authority_id", "state", "id"], unique=False)
    op.create_index("ix_consignment_state", "consignment", ["state", "due_on", "id"], unique=False)
    op.create_index(
        "uq_consignment_waybill",
        "consignment",
        ["carrier_code", "waybill"],
        unique=True,
        postgresql_where=sa.text("waybill IS NOT NULL AND state <> 'cancelled'"),
    )
    op.create_table(
        "receipt",
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_by_id", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("consignment_id", sa.BigInteger(), nullable=False),
        sa.Column("authority_id", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(["authority_id"], ["authority.id"], name=op.f("fk_receipt_authority_id_authority")),
        sa.ForeignKeyConstraint(
            ["consignment_id", "authority_id"],
            ["consignment.id", "consignment.authority_id"],
            name=op.f("fk_receipt_consignment_id_authority_id_consignment"),
        ),
        sa.ForeignKeyConstraint(["opened_by_id"], ["staff.id"], name=op.f("fk_receipt_opened_by_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipt")),
        sa.UniqueConstraint("consignment_id", "number", name=op.f("uq_receipt_consignment_id_number")),
    )
    op.create_index(
        "uq_receipt_open", "receipt", ["consignment_id"], unique=True, postgresql_where=sa.text("closed_at IS NULL")
    )
    op.create_table(
        "tracking_event",
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=True),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("source_ref", sa.String(), nullable=False),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("noted_by", sa.String(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("consignment_id", sa.BigInteger(), nullable=False),
        sa.Column("authority_id", sa.SmallInteger(), nullable=False),
        sa.CheckConstraint(
            "status IN ('collected', 'under_way', 'out_for_delivery', 'delivered', 'problem')",
            name=op.f("ck_tracking_event_status_known"),
        ),
        sa.ForeignKeyConstraint(
            ["authority_id"], ["authority.id"], name=op.f("fk_tracking_event_authority_id_authority")
        ),
        sa.ForeignKeyConstraint(
            ["consignment_id", "authority_id"],
            ["consignment.id", "consignment.authority_id"],
            name=op.f("fk_tracking_event_consignment_id_authority_id_consignment"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tracking_event")),
        sa.UniqueConstraint(
            "consignment_id", "source", "source_ref", name=op.f("uq_tracking_event_consignment_id_source_source_ref")
        ),
    )
    op.create_index("ix_tracking_event_consignment", "tracking_event", ["consignment_id", "at"], unique=False)
    op.create_table(
        "consignment_item",
        sa.Column("box", sa.BigInteger(), nullable=False),
        sa.Column("token_id", sa.BigInteger(), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("packed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("packed_by_id", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("consignment_id", sa.BigInteger(), nullable=False),
        sa.Column("authority_id", sa.SmallInteger(), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('taken_out', 'received', 'damaged', 'misrouted', 'lost')",
            name=op.f("ck_consignment_item_outcome_known"),
        ),
        sa.CheckConstraint("(outcome IS NULL) = (settled_at IS NULL)", name=op.f("ck_consignment_item_settled_when")),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_consignment_item_application_id_application")
        ),
        sa.ForeignKeyConstraint(
            ["authority_id"], ["authority.id"], name=op.f("fk_consignment_item_authority_id_authority")
        ),
        sa.ForeignKeyConstraint(
            ["consignment_id", "authority_id"],
            ["consignment.id", "consignment.authority_id"],
            name=op.f("fk_consignment_item_consignment_id_authority_id_consignment"),
        ),
        sa.ForeignKeyConstraint(["packed_by_id"], ["staff.id"], name=op.f("fk_consignment_item_packed_by_id_staff")),
        sa.ForeignKeyConstraint(["token_id"], ["token.id"], name=op.f("fk_consignment_item_token_id_token")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consignment_item")),
    )
    op.create_index(
        "ix_consignment_item_consignment", "consignment_item", ["consignment_id", "box", "id"], unique=False
    )
    op.create_index(
        "uq_consignment_item_live",
        "consignment_item",
        ["token_id"],
        unique=True,
        postgresql_where=sa.text("settled_at IS NULL"),
    )
    op.create_table(
        "discrepancy",
        sa.Column("serial", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("token_id", sa.BigInteger(), nullable=True),
        sa.Column("belongs_to_id", sa.SmallInteger(), nullable=True),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("found_by", sa.String(), nullable=False),
        sa.Column("remark", sa.String(), nullable=True),
        sa.Column("photo_sha256", sa.String(length=64), nullable=True),
        sa.Column("sent_on_with", sa.String(), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_by", sa.String(), nullable=True),
        sa.Column("settlement", sa.String(), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("consignment_id", sa.BigInteger(), nullable=False),
        sa.Column("authority_id", sa.SmallInteger(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('missing', 'extra', 'damaged', 'other_authority', 'unknown')",
            name=op.f("ck_discrepancy_kind_known"),
        ),
        sa.CheckConstraint(
            "(settled_at IS NULL) = (settlement IS NULL) AND (settled_at IS NULL) = (settled_by IS NULL)",
            name=op.f("ck_discrepancy_settled_whole"),
        ),
        sa.ForeignKeyConstraint(["authority_id"], ["authority.id"], name=op.f("fk_discrepancy_authority_id_authority")),
        sa.ForeignKeyConstraint(
            ["belongs_to_id"], ["authority.id"], name=op.f("fk_discrepancy_belongs_to_id_authority")
        ),
        sa.ForeignKeyConstraint(
            ["consignment_id", "authority_id"],
            ["consignment.id", "consignment.authority_id"],
            name=op.f("fk_discrepancy_consignment_id_authority_id_consignment"),
        ),
        sa.ForeignKeyConstraint(["token_id"], ["token.id"], name=op.f("fk_discrepancy_token_id_token")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_discrepancy")),
        sa.UniqueConstraint("consignment_id", "serial", "kind", name=op.f("uq_discrepancy_consignment_id_serial_kind")),
    )
    op.create_index(
        "ix_discrepancy_open",
        "discrepancy",
        ["authority_id", "found_at"],
        unique=False,
        postgresql_where=sa.text("settled_at IS NULL"),
    )
    op.create_table(
        "receipt_line",
        sa.Column("receipt_id", sa.BigInteger(), nullable=False),
        sa.Column("serial", sa.String(length=64), nullable=False),
        sa.Column("token_id", sa.BigInteger(), nullable=True),
        sa.Column("finding", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.BigInteger(), nullable=False),
        sa.Column("remark", sa.String(), nullable=True),
        sa.Column("photo_sha256", sa.String(length=64), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("consignment_id", sa.BigInteger(), nullable=False),
        sa.Column("authority_id", sa.SmallInteger(), nullable=False),
        sa.CheckConstraint(
            "finding IN ('right', 'damaged', 'extra', 'other_authority', 'unknown')",
            name=op.f("ck_receipt_line_finding_known"),
        ),
        sa.ForeignKeyConstraint(
            ["authority_id"], ["authority.id"], name=op.f("fk_receipt_line_authority_id_authority")
        ),
        sa.ForeignKeyConstraint(["by_id"], ["staff.id"], name=op.f("fk_receipt_line_by_id_staff")),
        sa.ForeignKeyConstraint(
            ["consignment_id", "authority_id"],
            ["consignment.id", "consignment.authority_id"],
            name=op.f("fk_receipt_line_consignment_id_authority_id_consignment"),
        ),
        sa.ForeignKeyConstraint(["receipt_id"], ["receipt.id"], name=op.f("fk_receipt_line_receipt_id_receipt")),
        sa.ForeignKeyConstraint(["token_id"], ["token.id"], name=op.f("fk_receipt_line_token_id_token")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipt_line")),
        sa.UniqueConstraint("consignment_id", "serial", name=op.f("uq_receipt_line_consignment_id_serial")),
    )
    for table in FENCED:
        fence_by_authority(table)
    for table in APPEND_ONLY:
        let_only_grow(table)


def downgrade() -> None:
    op.drop_table("receipt_line")
    op.drop_table("discrepancy")
    op.drop_table("consignment_item")
    op.drop_table("tracking_event")
    op.drop_table("receipt")
    op.drop_table("consignment")
    op.drop_table("carrier")
    op.execute("DROP SEQUENCE consignment_number")
