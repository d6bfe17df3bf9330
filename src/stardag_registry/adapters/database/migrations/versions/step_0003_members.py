"""Users and their memberships of organizations."""

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the tables of users and members."""


def downgrade() -> None:
    """Drop them, with all that they hold."""
