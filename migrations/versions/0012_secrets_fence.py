"""What opens accounts is closed to applicants' sessions: others' accounts, registrations, staff, keys, and e-mails that
hold links. One who reads through a hole in a page reads the own account and the own cases.

E-mail about no case is written by whoever causes it and read by the house alone.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

EVERYTHING = "(SELECT current_setting('workbench.scope', true)) = '*'"
OWN = "nullif((SELECT current_setting('workbench.applicant', true)), '')::bigint"
NO_APPLICANT = f"{OWN} IS NULL"
OF_OWN_CASE = "EXISTS (SELECT 1 FROM application WHERE application.id = outbox_message.case_id)"
REACH = {
    "applicant": f"{NO_APPLICANT} OR id = {OWN}",
    "registration": NO_APPLICANT,
    "staff": NO_APPLICANT,
    "api_key": NO_APPLICANT,
    "spent_token": EVERYTHING,
}


def upgrade() -> None:
    for table, reach in REACH.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY by_asker ON {table} USING ({reach}) WITH CHECK ({reach})")
    op.execute("DROP POLICY by_case ON outbox_message")
    op.execute(
        f"CREATE POLICY by_case ON outbox_message USING ({EVERYTHING} OR {OF_OWN_CASE}) "
        f"WITH CHECK (case_id IS NULL OR {EVERYTHING} OR {OF_OWN_CASE})"
    )


def downgrade() -> None:
    op.execute("DROP POLICY by_case ON outbox_message")
    op.execute(f"CREATE POLICY by_case ON outbox_message USING (case_id IS NULL OR {EVERYTHING} OR {OF_OWN_CASE})")
    for table in REACH:
        op.execute(f"DROP POLICY by_asker ON {table}")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
