"""Tables of the organisation. The database itself refuses a member of staff whose roles must be separate people."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, SmallInteger, String, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column, relationship

from workbench.kernel import clock
from workbench.kernel.db import Base, Numbered
from workbench.kernel.identity import AUTHORITY_ROLES, LONE_ROLES, VENDOR_ROLES, Role

AUTHORITY_KINDS: Final = ("municipality", "province", "autonomous_region", "corps", "planned_city")


def _array(roles: Iterable[Role]) -> str:
    return "ARRAY[" + ", ".join(f"'{role.value}'" for role in sorted(roles)) + "]::text[]"


class Authority(Base):
    """An issuing authority (发证机构). `position` is its place in the official order."""

    __tablename__ = "authority"
    __table_args__ = (
        CheckConstraint("code ~ '^[0-9]{6}$'", name="code_has_six_digits"),
        CheckConstraint("kind IN (" + ", ".join(f"'{kind}'" for kind in AUTHORITY_KINDS) + ")", name="kind_is_known"),
    )

    id: Mapped[int] = mapped_column(SmallInteger, Identity(), primary_key=True)
    code: Mapped[str] = mapped_column(String(6), unique=True)
    name_zh: Mapped[str] = mapped_column(String(100))
    short_zh: Mapped[str] = mapped_column(String(20))
    name_en: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(20))
    position: Mapped[int]
    active: Mapped[bool] = mapped_column(default=True, server_default=text("true"))

    pickup_sites: Mapped[list["PickupSite"]] = relationship(back_populates="authority", order_by="PickupSite.id")

    def __str__(self) -> str:
        return self.name_zh


class PickupSite(Numbered, Base):
    """Where an authority's keys are collected (领取地点); often not the authority's own address."""

    __tablename__ = "pickup_site"
    __table_args__ = (
        CheckConstraint("name <> '' AND address <> ''", name="can_be_found"),
        Index(None, "authority_id"),
    )

    authority_id: Mapped[int] = mapped_column(ForeignKey("authority.id"))
    name: Mapped[str] = mapped_column(String(100))
    address: Mapped[str] = mapped_column(String(300))
    telephone: Mapped[str] = mapped_column(String(60), default="", server_default="")
    opening_hours: Mapped[str] = mapped_column(String(200), default="", server_default="")
    note: Mapped[str] = mapped_column(Text, default="", server_default="")
    active: Mapped[bool] = mapped_column(default=True, server_default=text("true"))

    authority: Mapped[Authority] = relationship(back_populates="pickup_sites")

    def __str__(self) -> str:
        return self.name


class Staff(Numbered, Base):
    """A person who signs in to the workbench. `authority_id` is null for the vendor's people.

    `session_epoch` is carried in every session of this person; raising it ends them all.
    """

    __tablename__ = "staff"
    __table_args__ = (
        CheckConstraint("login = lower(login) AND login <> ''", name="login_is_lower_case"),
        CheckConstraint("cardinality(roles) >= 1", name="has_a_role"),
        CheckConstraint(
            f"cardinality(roles) <= 1 OR NOT (roles && {_array(LONE_ROLES)})", name="lone_roles_stand_alone"
        ),
        CheckConstraint(
            f"CASE WHEN authority_id IS NULL THEN roles <@ {_array(VENDOR_ROLES)}"
            f" ELSE roles <@ {_array(AUTHORITY_ROLES)} END",
            name="roles_fit_the_employer",
        ),
        Index(None, "authority_id"),
    )

    login: Mapped[str] = mapped_column(String(50), unique=True)
    name: Mapped[str] = mapped_column(String(60))
    password_hash: Mapped[str] = mapped_column(String(200))
    roles: Mapped[list[str]] = mapped_column(ARRAY(Text))
    authority_id: Mapped[int | None] = mapped_column(ForeignKey("authority.id"))
    email: Mapped[str] = mapped_column(String(254), default="", server_default="")
    active: Mapped[bool] = mapped_column(default=True, server_default=text("true"))
    must_change_password: Mapped[bool] = mapped_column(default=True, server_default=text("true"))
    password_changed_at: Mapped[datetime]
    session_epoch: Mapped[int] = mapped_column(default=1, server_default=text("1"))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    last_signed_in_at: Mapped[datetime | None]

    authority: Mapped[Authority | None] = relationship()

    @property
    def role_set(self) -> frozenset[Role]:
        """The roles as the permission map knows them."""
        return frozenset(Role(value) for value in self.roles)


class SignInAttempt(Numbered, Base):
    """One try at signing in, kept to slow down guessing. `login` is what was typed, known here or not."""

    __tablename__ = "sign_in_attempt"
    __table_args__ = (Index(None, "login", "at"), Index(None, "address", "at"))

    login: Mapped[str] = mapped_column(String(50))
    address: Mapped[str] = mapped_column(String(60))
    at: Mapped[datetime]
    succeeded: Mapped[bool] = mapped_column(default=False, server_default=text("false"))


class EndedSession(Base):
    """A session that was signed out of. The cookie lives with the browser, so a copy of it must be refused here."""

    __tablename__ = "ended_session"

    sid: Mapped[str] = mapped_column(String(43), primary_key=True)
    ended_at: Mapped[datetime] = mapped_column(index=True)
