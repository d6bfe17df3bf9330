"""Users, their memberships of organizations, the keys that tokens are signed with, and users in the history."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def _something() -> sa.CheckConstraint:
    return sa.CheckConstraint(
        "old_uri_prefix IS NOT NULL OR new_uri_prefix IS NOT NULL", name=op.f("ck_target_root_revisions_something")
    )


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "users",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("issuer", sa.String(2048), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("username", sa.String(63), nullable=False),
        sa.Column("email", sa.String(254)),
        sa.Column("email_verified", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("username", name="uq_users_username"),
        sa.UniqueConstraint("issuer", "subject", name="uq_users_issuer_subject"),
    )
    op.create_table(
        "memberships",
        sa.Column("organization_id", sa.String(36), nullable=False),
        sa.Column("user_id", sa.String(36), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "user_id", name="pk_memberships"),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name="fk_memberships_organization_id_organizations"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_memberships_user_id_users"),
        sa.CheckConstraint("role IN ('owner', 'admin', 'member')", name=op.f("ck_memberships_role")),
    )
    op.create_index("ix_memberships_user_id", "memberships", ["user_id"])
    op.create_table(
        "signing_keys",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("private_key", sa.String(1024), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_signing_keys"),
    )
    # SQLite cannot add a foreign key to a table, so the table is copied; check constraints have to be told to the copy.
    with op.batch_alter_table("target_root_revisions", table_args=(_something(),)) as table:
        table.add_column(sa.Column("user_id", sa.String(36)))
        table.create_foreign_key("fk_target_root_revisions_user_id_users", "users", ["user_id"], ["id"])


def downgrade() -> None:
    """Drop them, with all that they hold."""
    with op.batch_alter_table("target_root_revisions", table_args=(_something(),)) as table:
        table.drop_constraint("fk_target_root_revisions_user_id_users", type_="foreignkey")
        table.drop_column("user_id")
    op.drop_table("signing_keys")
    op.drop_table("memberships")
    op.drop_table("users")
