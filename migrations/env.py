"""Alembic's entry: runs as the owner, on the address `workbench.launch.migrate` hands over."""

from alembic import context
from sqlalchemy import create_engine, pool

from workbench.models import Base


def include_name(name: str | None, kind: str, parents: object) -> bool:
    """Leave procrastinate's own tables to procrastinate."""
    return not (kind == "table" and name is not None and name.startswith("procrastinate"))


engine = create_engine(context.config.get_main_option("sqlalchemy.url") or "", poolclass=pool.NullPool)
with engine.connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        include_name=include_name,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()
