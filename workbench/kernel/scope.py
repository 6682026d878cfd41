"""The middle fence: every ORM statement on a fenced table is narrowed to the session's authorities.

The outer fence is each view's own check, the inner one PostgreSQL's row-level security. A session nobody gave a scope
reaches nothing.
"""

from typing import Final

from sqlalchemy import ForeignKey, event
from sqlalchemy.orm import Mapped, ORMExecuteState, Session, declared_attr, mapped_column, with_loader_criteria

from workbench.kernel.db import scope_of

NO_AUTHORITY: Final = (0,)
"""Ids start at 1, so this matches no row: an empty scope stays a predicate, and the cached statement the same."""


class AuthorityScoped:
    """A row that belongs to one issuing authority."""

    @declared_attr
    def authority_id(cls) -> Mapped[int]:  # noqa: N805 - a declared attribute receives the class
        return mapped_column(ForeignKey("authority.id"))


@event.listens_for(Session, "do_orm_execute")
def _narrow(state: ORMExecuteState) -> None:
    if not (state.is_select or state.is_update or state.is_delete) or state.is_column_load:
        return
    scope = scope_of(state.session)
    if scope.everything:
        return
    ids = tuple(sorted(scope.authority_ids)) or NO_AUTHORITY
    state.statement = state.statement.options(
        with_loader_criteria(AuthorityScoped, lambda cls: cls.authority_id.in_(ids), include_aliases=True)
    )
