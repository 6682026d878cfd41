"""Procrastinate's own tables, types and functions, as its release ships them."""

from collections.abc import Sequence

from alembic import op
from procrastinate.schema import SchemaManager

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TABLES = "procrastinate_jobs, procrastinate_events, procrastinate_periodic_defers, procrastinate_workers"
TYPES = "procrastinate_job_status, procrastinate_job_event_type, procrastinate_job_to_defer_v1"
DROP_FUNCTIONS = """
DO $$
BEGIN
    EXECUTE (
        SELECT 'DROP FUNCTION ' || string_agg(oid::regprocedure::text, ', ') || ' CASCADE' FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace AND starts_with(proname, 'procrastinate_')
    );
END
$$
"""


def upgrade() -> None:
    # Psycopg sends a script of many statements only without parameters, which SQLAlchemy's own execute would add.
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(SchemaManager.get_schema())


def downgrade() -> None:
    op.execute(f"DROP TABLE {TABLES} CASCADE")
    op.execute(DROP_FUNCTIONS)
    op.execute(f"DROP TYPE {TYPES} CASCADE")
