"""The inner fence for applicants: the cases they made, their own drafts, and what was decided about them; nothing else.

`workbench.applicant` is told to the database as `workbench.scope` is. What a desk has marked but not decided is no
applicant's to see.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

APPLICANT = "nullif((SELECT current_setting('workbench.applicant', true)), '')::bigint"
EVERYTHING = "(SELECT current_setting('workbench.scope', true)) = '*'"
OWN_CASE = "application_id = ANY ((SELECT own_cases())::bigint[])"
OF_CASE = ("submission", "holder", "case_clock", "case_event", "attachment", "page")
DRAFTED = ("draft", "draft_file", "upload", "api_request", "webhook", "webhook_delivery")
IN_SCOPE = (
    "(SELECT current_setting('workbench.scope', true)) = '*' OR "
    "authority_id = ANY (string_to_array(nullif((SELECT current_setting('workbench.scope', true)), '*'), ',')::bigint[])"
)

OWN_CASES = """
CREATE FUNCTION own_cases() RETURNS bigint[] LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT coalesce(array_agg(id), '{}') FROM application
    WHERE applicant_id = nullif(current_setting('workbench.applicant', true), '')::bigint
$$
"""


def upgrade() -> None:
    op.execute(OWN_CASES)
    own = f"applicant_id = {APPLICANT}"
    op.execute(f"CREATE POLICY by_applicant ON application USING ({own}) WITH CHECK ({own})")
    for table in OF_CASE:
        op.execute(f"CREATE POLICY by_applicant ON {table} USING ({OWN_CASE}) WITH CHECK ({OWN_CASE})")
    op.execute(f"CREATE POLICY by_applicant ON review FOR SELECT USING (verdict IS NOT NULL AND {OWN_CASE})")
    op.execute(
        f"CREATE POLICY by_applicant ON mark FOR SELECT USING ({OWN_CASE} AND EXISTS "
        "(SELECT 1 FROM review WHERE review.id = mark.review_id AND review.verdict IS NOT NULL))"
    )
    for table in DRAFTED:
        reach = f"{EVERYTHING} OR {own}"
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY by_applicant ON {table} USING ({reach}) WITH CHECK ({reach})")
    op.execute("ALTER TABLE certificate ENABLE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY by_authority ON certificate USING ({IN_SCOPE}) WITH CHECK ({IN_SCOPE})")


def downgrade() -> None:
    op.execute("DROP POLICY by_authority ON certificate")
    op.execute("ALTER TABLE certificate DISABLE ROW LEVEL SECURITY")
    for table in (*DRAFTED, "mark", "review", *OF_CASE, "application"):
        op.execute(f"DROP POLICY by_applicant ON {table}")
    for table in DRAFTED:
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    op.execute("DROP FUNCTION own_cases()")
