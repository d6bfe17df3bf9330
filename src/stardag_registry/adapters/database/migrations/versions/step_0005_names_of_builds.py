"""Builds have names."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the column; the builds that there are have none."""
    op.add_column("builds", sa.Column("name", sa.String(100)))


def downgrade() -> None:
    """Drop it, with what it holds."""
    op.drop_column("builds", "name")
