"""What the certificates screen stands on at a million rows, and where a renewal remembers that the old key pair is gone.

Fragments of names and key numbers are found as cases are: by grams, through a function that applies the scope itself.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0018"
down_revision: str | None = "0017"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

INDEXES = {
    "ix_certificate_serial": (["serial"], None),
    "ix_certificate_application_id": (["application_id"], "application_id IS NOT NULL"),
    "ix_certificate_authority": (["authority_id", "id"], None),
    "ix_certificate_authority_not_after": (["authority_id", "not_after"], "state = 'valid'"),
    "ix_certificate_state": (["state", "id"], None),
    "ix_certificate_algorithm": (["algorithm", "id"], None),
    "ix_certificate_issuer": (["issuer", "id"], None),
}
SEARCHED = "(key_number || ' ' || enterprise_name)"
SEARCH = f"""
CREATE FUNCTION search_certificates(fragment text, most integer)
RETURNS SETOF bigint LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    scope text := coalesce(current_setting('workbench.scope', true), '');
BEGIN
    IF scope = '' OR fragment = '' THEN
        RETURN;
    END IF;
    RETURN QUERY EXECUTE
        'SELECT id FROM certificate WHERE search_grams{SEARCHED.replace("'", "''")} @> search_query($1) '
        'AND strpos(lower{SEARCHED.replace("'", "''")}, lower($1)) > 0 '
        || CASE WHEN scope = '*' THEN '' ELSE 'AND authority_id = ANY (string_to_array($2, '','')::bigint[]) ' END
        || 'LIMIT $3'
        USING fragment, scope, most;
END
$$
"""


def upgrade() -> None:
    for name, (columns, where) in INDEXES.items():
        op.create_index(name, "certificate", columns, postgresql_where=sa.text(where) if where else None)
    op.execute(f"CREATE INDEX ix_certificate_search ON certificate USING gin (search_grams{SEARCHED})")
    op.execute(SEARCH)
    op.add_column("making", sa.Column("old_key_removed_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("making", "old_key_removed_at")
    op.execute("DROP FUNCTION search_certificates(text, integer)")
    op.drop_index("ix_certificate_search", table_name="certificate")
    for name in reversed(INDEXES):
        op.drop_index(name, table_name="certificate")
