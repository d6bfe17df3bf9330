"""What the OpenID provider keeps (accounts, codes, refresh tokens), and the keys that tokens are signed with."""

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables of the provider."""


def downgrade() -> None:
    """Drop them, with all that they hold."""
