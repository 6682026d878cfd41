"""The fences that migrations put around tables. A migration that has been applied somewhere stands on these words: what
they say is never changed, a new rule gets a new function.
"""

from alembic import op

_EVERYTHING = "(SELECT current_setting('workbench.scope', true)) = '*'"
_IN_SCOPE = (
    f"{_EVERYTHING} OR "
    "authority_id = ANY (string_to_array(nullif((SELECT current_setting('workbench.scope', true)), '*'), ',')::bigint[])"
)
_REVOKE_FROM_OTHERS = """
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


def fence_by_authority(table: str) -> None:
    """Rows are seen and written by those alone whose scope (`workbench.scope`) holds the row's authority."""
    _fence(table, _IN_SCOPE)


def fence_to_house(table: str) -> None:
    """Rows are seen and written by those alone whose scope is everything."""
    _fence(table, _EVERYTHING)


def let_only_grow(table: str) -> None:
    """Rows are added and never changed, whoever asks (`refuse_change`, migration 0006)."""
    op.execute(_REVOKE_FROM_OTHERS.replace("{table}", table))
    op.execute(
        f"CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        f"CREATE TRIGGER never_emptied BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def _fence(table: str, reach: str) -> None:
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY by_authority ON {table} USING ({reach}) WITH CHECK ({reach})")
