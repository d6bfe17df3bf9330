"""Organizations, workspaces, API keys, target roots and the history of these."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the first tables."""
    op.create_table(
        "organizations",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("slug", sa.String(63), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_organizations"),
        sa.UniqueConstraint("slug", name="uq_organizations_slug"),
    )
    op.create_table(
        "workspaces",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("organization_id", sa.String(36), nullable=False),
        sa.Column("slug", sa.String(63), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_workspaces"),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name="fk_workspaces_organization_id_organizations"
        ),
        sa.UniqueConstraint("organization_id", "slug", name="uq_workspaces_organization_id_slug"),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("workspace_id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("purpose", sa.String(20), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_api_keys_workspace_id_workspaces"),
        sa.UniqueConstraint("fingerprint", name="uq_api_keys_fingerprint"),
        sa.CheckConstraint("purpose IN ('administer', 'build')", name=op.f("ck_api_keys_purpose")),
    )
    op.create_index("ix_api_keys_workspace_id", "api_keys", ["workspace_id"])
    op.create_table(
        "target_roots",
        sa.Column("workspace_id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(63), nullable=False),
        sa.Column("uri_prefix", sa.String(1024), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "name", name="pk_target_roots"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_target_roots_workspace_id_workspaces"),
    )
    op.create_table(
        "target_root_revisions",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("workspace_id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(63), nullable=False),
        sa.Column("old_uri_prefix", sa.String(1024)),
        sa.Column("new_uri_prefix", sa.String(1024)),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("api_key_id", sa.String(36)),
        sa.PrimaryKeyConstraint("id", name="pk_target_root_revisions"),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name="fk_target_root_revisions_workspace_id_workspaces"
        ),
        sa.ForeignKeyConstraint(["api_key_id"], ["api_keys.id"], name="fk_target_root_revisions_api_key_id_api_keys"),
        sa.CheckConstraint(
            "old_uri_prefix IS NOT NULL OR new_uri_prefix IS NOT NULL", name=op.f("ck_target_root_revisions_something")
        ),
    )
    op.create_index("ix_target_root_revisions_workspace_id_id", "target_root_revisions", ["workspace_id", "id"])


def downgrade() -> None:
    """Drop them, with all that they hold."""
    for table in ("target_root_revisions", "target_roots", "api_keys", "workspaces", "organizations"):
        op.drop_table(table)
