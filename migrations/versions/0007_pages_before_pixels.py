"""A page is known with its size before its picture is made, so that a screen can lay it out and ask for it by its id."""

from collections.abc import Sequence

from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.alter_column("page", "image_sha256", nullable=True)
    op.alter_column("page", "thumbnail_sha256", nullable=True)
    op.create_check_constraint(
        op.f("ck_page_pictures_together"), "page", "(image_sha256 IS NULL) = (thumbnail_sha256 IS NULL)"
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_page_pictures_together"), "page")
    op.execute("DELETE FROM page WHERE image_sha256 IS NULL")
    op.alter_column("page", "image_sha256", nullable=False)
    op.alter_column("page", "thumbnail_sha256", nullable=False)
