"""A blank token of the house that lay in a parcel is a finding of its own: not a key, and not a foreign thing either."""

from collections.abc import Sequence

from alembic import op

revision: str = "0020"
down_revision: str | None = "0019"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

KINDS = ("missing", "extra", "damaged", "other_authority", "unknown")
FINDINGS = ("right", "damaged", "extra", "other_authority", "unknown")


def upgrade() -> None:
    _allow("discrepancy", "kind", (*KINDS[:-1], "blank", KINDS[-1]))
    _allow("receipt_line", "finding", (*FINDINGS[:-1], "blank", FINDINGS[-1]))


def downgrade() -> None:
    op.execute("UPDATE receipt_line SET finding = 'unknown' WHERE finding = 'blank'")
    op.execute("UPDATE discrepancy SET kind = 'unknown' WHERE kind = 'blank'")
    _allow("receipt_line", "finding", FINDINGS)
    _allow("discrepancy", "kind", KINDS)


def _allow(table: str, column: str, words: tuple[str, ...]) -> None:
    name = op.f(f"ck_{table}_{column}_known")
    op.drop_constraint(name, table, type_="check")
    op.create_check_constraint(name, table, f"{column} IN ({', '.join(map(repr, words))})")
