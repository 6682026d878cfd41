"""E-mail about a case is seen by who may see the case: it holds the enterprise's name, its address and the remark."""

from collections.abc import Sequence

from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.execute("ALTER TABLE outbox_message ENABLE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY by_case ON outbox_message USING (case_id IS NULL "
        "OR (SELECT current_setting('workbench.scope', true)) = '*' "
        "OR EXISTS (SELECT 1 FROM application WHERE application.id = outbox_message.case_id))"
    )


def downgrade() -> None:
    op.execute("DROP POLICY by_case ON outbox_message")
    op.execute("ALTER TABLE outbox_message DISABLE ROW LEVEL SECURITY")
