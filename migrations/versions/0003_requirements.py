"""What papers a service asks for, versioned, with their check items."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "requirement_version",
        sa.Column("service", sa.String(), nullable=False),
        sa.Column("authority_id", sa.SmallInteger(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_by", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.ForeignKeyConstraint(
            ["authority_id"], ["authority.id"], name=op.f("fk_requirement_version_authority_id_authority")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_requirement_version")),
    )
    op.create_index(
        "uq_requirement_version_service_authority_version",
        "requirement_version",
        ["service", sa.literal_column("coalesce(authority_id, 0)"), "version"],
        unique=True,
    )
    op.create_table(
        "required_document",
        sa.Column("version_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("name_zh", sa.String(), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column("bracket_zh", sa.String(), nullable=False),
        sa.Column("bracket_en", sa.String(), nullable=False),
        sa.Column("required", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("original_at_counter", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("shows_identity", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"], ["requirement_version.id"], name=op.f("fk_required_document_version_id_requirement_version")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_required_document")),
        sa.UniqueConstraint("version_id", "code", name=op.f("uq_required_document_version_id_code")),
    )
    op.create_table(
        "check_item",
        sa.Column("document_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("label_zh", sa.String(), nullable=False),
        sa.Column("label_en", sa.String(), nullable=False),
        sa.Column("fault_zh", sa.String(), nullable=False),
        sa.Column("fault_en", sa.String(), nullable=False),
        sa.Column("required", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("compares", sa.String(), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["required_document.id"], name=op.f("fk_check_item_document_id_required_document")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_check_item")),
        sa.UniqueConstraint("document_id", "code", name=op.f("uq_check_item_document_id_code")),
    )


def downgrade() -> None:
    op.drop_table("check_item")
    op.drop_table("required_document")
    op.drop_index("uq_requirement_version_service_authority_version", table_name="requirement_version")
    op.drop_table("requirement_version")
