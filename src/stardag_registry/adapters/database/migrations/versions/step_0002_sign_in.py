"""What the OpenID provider keeps: accounts, browser sessions, codes, refresh tokens, and the secret these come from."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables of the provider."""
    _accounts()
    _refresh_tokens()
    _codes()


def _accounts() -> None:
    op.create_table(
        "provider_secrets",
        sa.Column("name", sa.String(20), nullable=False),
        sa.Column("value", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_provider_secrets"),
    )
    op.create_table(
        "accounts",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("username", sa.String(63), nullable=False),
        sa.Column("password_hash", sa.String(255), nullable=False),
        sa.Column("password_kept", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_accounts"),
        sa.UniqueConstraint("email", name="uq_accounts_email"),
        sa.UniqueConstraint("username", name="uq_accounts_username"),
    )
    op.create_table(
        "browser_sessions",
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(36), nullable=False),
        sa.Column("signed_in_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name="pk_browser_sessions"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_browser_sessions_account_id_accounts"),
    )
    op.create_index("ix_browser_sessions_account_id", "browser_sessions", ["account_id"])
    op.create_index("ix_browser_sessions_expires_at", "browser_sessions", ["expires_at"])
    op.create_table(
        "sign_in_attempts",
        sa.Column("subject", sa.String(100), nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("subject", name="pk_sign_in_attempts"),
    )
    op.create_index("ix_sign_in_attempts_until", "sign_in_attempts", ["until"])


def _refresh_tokens() -> None:
    op.create_table(
        "refresh_families",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("account_id", sa.String(36), nullable=False),
        sa.Column("client_id", sa.String(100), nullable=False),
        sa.Column("scope", sa.String(200), nullable=False),
        sa.Column("signed_in_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used", sa.Integer, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_refresh_families"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_refresh_families_account_id_accounts"),
    )
    op.create_index("ix_refresh_families_account_id", "refresh_families", ["account_id"])
    op.create_index("ix_refresh_families_expires_at", "refresh_families", ["expires_at"])
    op.create_table(
        "refresh_tokens",
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("family_id", sa.String(36), nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name="pk_refresh_tokens"),
        sa.ForeignKeyConstraint(
            ["family_id"], ["refresh_families.id"], name="fk_refresh_tokens_family_id_refresh_families"
        ),
        sa.UniqueConstraint("family_id", "generation", name="uq_refresh_tokens_family_id_generation"),
    )


def _codes() -> None:
    op.create_table(
        "authorization_codes",
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(36), nullable=False),
        sa.Column("client_id", sa.String(100), nullable=False),
        sa.Column("scope", sa.String(200), nullable=False),
        sa.Column("nonce", sa.String(255)),
        sa.Column("signed_in_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("redirect_uri", sa.String(100), nullable=False),
        sa.Column("challenge", sa.String(43), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True)),
        sa.Column("family_id", sa.String(36)),
        sa.PrimaryKeyConstraint("fingerprint", name="pk_authorization_codes"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_authorization_codes_account_id_accounts"),
    )
    op.create_index("ix_authorization_codes_expires_at", "authorization_codes", ["expires_at"])
    op.create_table(
        "device_authorizations",
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("user_code_fingerprint", sa.String(64), nullable=False),
        sa.Column("client_id", sa.String(100), nullable=False),
        sa.Column("scope", sa.String(200), nullable=False),
        sa.Column("address", sa.String(45), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("interval", sa.Integer, nullable=False),
        sa.Column("polled_at", sa.DateTime(timezone=True)),
        sa.Column("account_id", sa.String(36)),
        sa.Column("signed_in_at", sa.DateTime(timezone=True)),
        sa.Column("refused", sa.Boolean, nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True)),
        sa.Column("family_id", sa.String(36)),
        sa.PrimaryKeyConstraint("fingerprint", name="pk_device_authorizations"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_device_authorizations_account_id_accounts"),
        sa.UniqueConstraint("user_code_fingerprint", name="uq_device_authorizations_user_code_fingerprint"),
        sa.CheckConstraint(
            "account_id IS NULL OR signed_in_at IS NOT NULL", name=op.f("ck_device_authorizations_grant")
        ),
    )
    op.create_index("ix_device_authorizations_expires_at", "device_authorizations", ["expires_at"])


def downgrade() -> None:
    """Drop them, with all that they hold."""
    for table in (
        "device_authorizations",
        "authorization_codes",
        "refresh_tokens",
        "refresh_families",
        "sign_in_attempts",
        "browser_sessions",
        "accounts",
        "provider_secrets",
    ):
        op.drop_table(table)
