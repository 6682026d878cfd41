"""The middle fence: every ORM statement on a fenced table is narrowed to the session's authorities, or its applicant.

The outer fence is each view's own check, the inner one PostgreSQL's row-level security. A session nobody gave a scope
reaches nothing.
"""

from typing import Final

from sqlalchemy import ColumnElement, ForeignKey, event, false
from sqlalchemy.orm import (
    LoaderCriteriaOption,
    Mapped,
    ORMExecuteState,
    Session,
    declared_attr,
    mapped_column,
    with_loader_criteria,
)

from workbench.kernel.db import Base, scope_of

NOBODY: Final = 0
"""Ids start at 1, so this matches no row: an empty scope stays a predicate, and the cached statement the same."""


class AuthorityScoped:
    """A row that belongs to one issuing authority."""

    @declared_attr
    def authority_id(cls) -> Mapped[int]:  # noqa: N805 - a declared attribute receives the class
        return mapped_column(ForeignKey("authority.id"))

    @classmethod
    def of_applicant(cls, applicant_id: int) -> ColumnElement[bool]:
        """Which of these rows are an applicant's own; none, unless the table says otherwise."""
        return false()


class ApplicantOwned:
    """A row that belongs to one applicant and to no authority yet: an unfinished form, its files."""

    @declared_attr
    def applicant_id(cls) -> Mapped[int]:  # noqa: N805
        return mapped_column(ForeignKey("applicant.id"))


@event.listens_for(Session, "do_orm_execute")
def _narrow(state: ORMExecuteState) -> None:
    if not (state.is_select or state.is_update or state.is_delete) or state.is_column_load:
        return
    scope = scope_of(state.session)
    if scope.everything:
        return
    if scope.applicant_id is not None:
        own = [
            with_loader_criteria(table, table.of_applicant(scope.applicant_id), include_aliases=True)
            for table in _authority_scoped()
        ]
        state.statement = state.statement.options(*own, _drafts_of(scope.applicant_id))
        return
    ids = tuple(sorted(scope.authority_ids)) or (NOBODY,)
    cases = with_loader_criteria(AuthorityScoped, lambda cls: cls.authority_id.in_(ids), include_aliases=True)
    state.statement = state.statement.options(cases, _drafts_of(NOBODY))


def _drafts_of(owner: int) -> LoaderCriteriaOption:
    return with_loader_criteria(ApplicantOwned, lambda cls: cls.applicant_id == owner, include_aliases=True)


def _authority_scoped() -> list[type[AuthorityScoped]]:
    """Every table with an authority. Each is named to SQLAlchemy by itself: what is one's own differs by table."""
    return [each.class_ for each in Base.registry.mappers if issubclass(each.class_, AuthorityScoped)]
