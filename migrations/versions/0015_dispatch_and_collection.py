"""Dispatch's and collection's records behind their fences: parcels of keys, what was found in them, hand-overs."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0015"
down_revision: str | None = "0014"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

IN_SCOPE = (
    "(SELECT current_setting('workbench.scope', true)) = '*' OR "
    "authority_id = ANY (string_to_array(nullif((SELECT current_setting('workbench.scope', true)), '*'), ',')::bigint[])"
)
OWN_CASE = "application_id = ANY ((SELECT own_cases())::bigint[])"
FENCED = (
    "consignment",
    "consignment_item",
    "tracking_event",
    "receipt",
    "receipt_line",
    "discrepancy",
    "pickup",
    "stamping_attempt",
    "hand_over",
)
APPEND_ONLY = ("tracking_event", "receipt_line", "stamping_attempt", "hand_over")
REVOKE_FROM_OTHERS = """
DO $$
DECLARE grantee text;
BEGIN
    FOR grantee IN SELECT DISTINCT g.grantee FROM information_schema.role_table_grants g
        WHERE g.table_schema = 'public' AND g.table_name = '{table}' AND g.grantee <> current_user
    LOOP
        EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM %I', grantee);
    END LOOP;
END
$$
"""


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
        "hand_over_terms",
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("text_zh", sa.String(), nullable=False),
        sa.Column("text_en", sa.String(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_hand_over_terms")),
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
    _fence()


def _fence() -> None:
    for table in FENCED:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY by_authority ON {table} USING ({IN_SCOPE}) WITH CHECK ({IN_SCOPE})")
    op.execute(f"CREATE POLICY by_applicant ON pickup FOR SELECT USING ({OWN_CASE})")
    for table in APPEND_ONLY:
        op.execute(REVOKE_FROM_OTHERS.replace("{table}", table))
        op.execute(
            f"CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER never_emptied BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    op.drop_table("receipt_line")
    op.drop_index("uq_pickup_token_open", table_name="pickup", postgresql_where=sa.text("ended_at IS NULL"))
    op.drop_index("uq_pickup_open", table_name="pickup", postgresql_where=sa.text("ended_at IS NULL"))
    op.drop_index("uq_pickup_code_open", table_name="pickup", postgresql_where=sa.text("ended_at IS NULL"))
    op.drop_index("ix_pickup_waiting", table_name="pickup", postgresql_where=sa.text("ended_at IS NULL"))
    op.drop_table("pickup")
    op.drop_index("uq_hand_over_token", table_name="hand_over")
    op.drop_table("hand_over")
    op.drop_index("ix_discrepancy_open", table_name="discrepancy", postgresql_where=sa.text("settled_at IS NULL"))
    op.drop_table("discrepancy")
    op.drop_index(
        "uq_consignment_item_live", table_name="consignment_item", postgresql_where=sa.text("settled_at IS NULL")
    )
    op.drop_index("ix_consignment_item_consignment", table_name="consignment_item")
    op.drop_table("consignment_item")
    op.drop_index("ix_tracking_event_consignment", table_name="tracking_event")
    op.drop_table("tracking_event")
    op.drop_index("ix_stamping_attempt_application", table_name="stamping_attempt")
    op.drop_table("stamping_attempt")
    op.drop_index("uq_receipt_open", table_name="receipt", postgresql_where=sa.text("closed_at IS NULL"))
    op.drop_table("receipt")
    op.drop_index(
        "uq_consignment_waybill",
        table_name="consignment",
        postgresql_where=sa.text("waybill IS NOT NULL AND state <> 'cancelled'"),
    )
    op.drop_index("ix_consignment_state", table_name="consignment")
    op.drop_index("ix_consignment_authority_state", table_name="consignment")
    op.drop_table("consignment")
    op.drop_table("hand_over_terms")
    op.drop_table("carrier")
    op.execute("DROP SEQUENCE consignment_number")
