"""The inner fence: row-level security by authority, an audit log that only grows, and the functions that see past it.

The application's role owns nothing, so these policies bind it whatever it sends.
"""

from collections.abc import Sequence

from alembic import op

from migrations.fences import fence_by_authority, let_only_grow

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

FENCED = (
    "application",
    "submission",
    "holder",
    "case_clock",
    "case_event",
    "case_decider",
    "attachment",
    "page",
    "review",
    "mark",
)
IN_SCOPE = (
    "(SELECT current_setting('workbench.scope', true)) = '*' OR "
    "authority_id = ANY (string_to_array(nullif((SELECT current_setting('workbench.scope', true)), '*'), ',')::bigint[])"
)
APPEND_ONLY = ("audit_entry", "audit_checkpoint", "case_event")

SEARCH_GRAMS = """
CREATE FUNCTION search_grams(value text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT coalesce(array_agg(DISTINCT gram), '{}') FROM (
        SELECT substr(lower(value), at, length) AS gram
        FROM generate_series(1, char_length(value)) AS at, (VALUES (1), (2)) AS lengths (length)
        WHERE at + length - 1 <= char_length(value)
    ) AS grams
$$
"""
SEARCH_QUERY = """
CREATE FUNCTION search_query(value text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT CASE WHEN char_length(value) = 1 THEN ARRAY[lower(value)] ELSE (
        SELECT array_agg(DISTINCT substr(lower(value), at, 2)) FROM generate_series(1, char_length(value) - 1) AS at
    ) END
$$
"""
SEARCH = """
CREATE FUNCTION search_applications(fragment text, most integer)
RETURNS SETOF bigint LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    scope text := coalesce(current_setting('workbench.scope', true), '');
BEGIN
    IF scope = '' OR fragment = '' THEN
        RETURN;
    END IF;
    RETURN QUERY EXECUTE
        'SELECT id FROM application WHERE search_grams(search_text) @> search_query($1) '
        'AND strpos(lower(search_text), lower($1)) > 0 '
        || CASE WHEN scope = '*' THEN '' ELSE 'AND authority_id = ANY (string_to_array($2, '','')::bigint[]) ' END
        || 'LIMIT $3'
        USING fragment, scope, most;
END
$$
"""
ENTERPRISE = """
CREATE FUNCTION enterprise_id_for(code text, called text, at timestamptz)
RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    INSERT INTO enterprise (uscc, name, created_at) VALUES (code, called, at)
    ON CONFLICT (uscc) DO UPDATE SET uscc = EXCLUDED.uscc
    RETURNING id
$$
"""
REFUSE_CHANGE = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% only grows: corrections are new entries', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$$
"""


def upgrade() -> None:
    for table in FENCED:
        fence_by_authority(table)
    _fence_enterprise()
    _fence_audit()
    op.execute(REFUSE_CHANGE)
    for table in APPEND_ONLY:
        let_only_grow(table)
    for function in (SEARCH_GRAMS, SEARCH_QUERY, SEARCH, ENTERPRISE):
        op.execute(function)
    op.execute("CREATE INDEX ix_application_search ON application USING gin (search_grams(search_text))")


def _fence_enterprise() -> None:
    """An enterprise is seen by the authorities that have a case of it; it is made through its function."""
    op.execute("ALTER TABLE enterprise ENABLE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY by_case ON enterprise USING ((SELECT current_setting('workbench.scope', true)) = '*' "
        "OR EXISTS (SELECT 1 FROM application WHERE application.enterprise_id = enterprise.id))"
    )


def _fence_audit() -> None:
    """Anyone adds entries; only who sees everything, or the entry's authority, reads them."""
    op.execute("ALTER TABLE audit_entry ENABLE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY read_by_authority ON audit_entry FOR SELECT USING ({IN_SCOPE})")
    op.execute("CREATE POLICY anyone_adds ON audit_entry FOR INSERT WITH CHECK (true)")


def downgrade() -> None:
    op.execute("DROP INDEX ix_application_search")
    for function in (
        "enterprise_id_for(text, text, timestamptz)",
        "search_applications(text, integer)",
        "search_query(text)",
        "search_grams(text)",
    ):
        op.execute(f"DROP FUNCTION {function}")
    for table in APPEND_ONLY:
        op.execute(f"DROP TRIGGER only_grows ON {table}")
        op.execute(f"DROP TRIGGER never_emptied ON {table}")
    op.execute("DROP FUNCTION refuse_change()")
    for table, policy in (
        *((table, "by_authority") for table in FENCED),
        ("enterprise", "by_case"),
        ("audit_entry", "read_by_authority"),
        ("audit_entry", "anyone_adds"),
    ):
        op.execute(f"DROP POLICY {policy} ON {table}")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
