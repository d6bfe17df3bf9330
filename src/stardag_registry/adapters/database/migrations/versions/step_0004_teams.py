"""What a team needs: invitations, personal and archived workspaces, uses of keys, builds, tasks, and the audit."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_ID = sa.String(36)
_FINGERPRINT = sa.String(64)
_MOMENT = sa.DateTime(timezone=True)
_MAKER = sa.String(120)

_SQLITE_TRIGGERS = (
    """
    CREATE TRIGGER target_roots_added AFTER INSERT ON target_roots BEGIN
        UPDATE workspaces SET target_roots_version = lower(hex(randomblob(16))) WHERE id = NEW.workspace_id;
    END
    """,
    """
    CREATE TRIGGER target_roots_changed AFTER UPDATE ON target_roots BEGIN
        UPDATE workspaces SET target_roots_version = lower(hex(randomblob(16)))
            WHERE id IN (OLD.workspace_id, NEW.workspace_id);
    END
    """,
    """
    CREATE TRIGGER target_roots_removed AFTER DELETE ON target_roots BEGIN
        UPDATE workspaces SET target_roots_version = lower(hex(randomblob(16))) WHERE id = OLD.workspace_id;
    END
    """,
)
_POSTGRESQL_TRIGGER = (
    """
    CREATE FUNCTION renew_target_roots_version() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE workspaces SET target_roots_version = replace(gen_random_uuid()::text, '-', '')
            WHERE id IN (OLD.workspace_id, NEW.workspace_id);  -- one of the two is null where a row comes or goes
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER target_roots_changed AFTER INSERT OR UPDATE OR DELETE ON target_roots
        FOR EACH ROW EXECUTE FUNCTION renew_target_roots_version()
    """,
)


def upgrade() -> None:
    """Make the tables and columns."""
    op.add_column("organizations", sa.Column("deleted_at", _MOMENT))
    op.add_column("workspaces", sa.Column("description", sa.Text, nullable=False, server_default=""))
    op.add_column("workspaces", sa.Column("owner_id", _ID))
    op.add_column("workspaces", sa.Column("archived_at", _MOMENT))
    op.add_column("workspaces", sa.Column("deleted_at", _MOMENT))
    op.add_column("workspaces", sa.Column("target_roots_version", sa.String(32), nullable=False, server_default=""))
    op.create_index("ix_workspaces_owner_id_organization_id", "workspaces", ["owner_id", "organization_id"])
    op.add_column("api_keys", sa.Column("maker", _MAKER, nullable=False, server_default="the server"))
    op.add_column("api_keys", sa.Column("last_used_at", _MOMENT))
    op.add_column("accounts", sa.Column("email_verified", sa.Boolean, nullable=False, server_default=sa.true()))
    op.add_column("target_root_revisions", sa.Column("maker", _MAKER, nullable=False, server_default="the server"))
    op.add_column("target_root_revisions", sa.Column("builds", sa.Integer, nullable=False, server_default="0"))
    if op.get_bind().dialect.name == "postgresql":  # SQLite's have 64 bits as they are
        op.alter_column("target_root_revisions", "id", type_=sa.BigInteger)
        op.execute("ALTER SEQUENCE target_root_revisions_id_seq AS bigint")
    _keep_target_roots_version()
    _make_invitations()
    _make_builds()
    _make_tasks()
    _make_audit()


def _keep_target_roots_version() -> None:
    """Let the database itself note every change to target roots, also those that come as SQL from an administrator."""
    for statement in _SQLITE_TRIGGERS if op.get_bind().dialect.name == "sqlite" else _POSTGRESQL_TRIGGER:
        op.execute(statement)


def _forget_target_roots_version() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for event in ("added", "changed", "removed"):
            op.execute(f"DROP TRIGGER target_roots_{event}")
    else:
        op.execute("DROP TRIGGER target_roots_changed ON target_roots")
        op.execute("DROP FUNCTION renew_target_roots_version")


def _make_invitations() -> None:
    op.create_table(
        "invitations",
        sa.Column("id", _ID, nullable=False),
        sa.Column("organization_id", _ID, nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("fingerprint", _FINGERPRINT, nullable=False),
        sa.Column("made_at", _MOMENT, nullable=False),
        sa.Column("expires_at", _MOMENT, nullable=False),
        sa.Column("maker", _MAKER, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_invitations"),
        sa.UniqueConstraint("fingerprint", name="uq_invitations_fingerprint"),
        sa.UniqueConstraint("organization_id", "email", name="uq_invitations_organization_id_email"),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name="fk_invitations_organization_id_organizations"
        ),
        sa.CheckConstraint("role IN ('owner', 'admin', 'member')", name=op.f("ck_invitations_role")),
    )


def _make_builds() -> None:
    op.create_table(
        "builds",
        sa.Column("id", _ID, nullable=False),
        sa.Column("workspace_id", _ID, nullable=False),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("description", sa.Text),
        sa.Column("commit", sa.String(200)),
        sa.Column("started_at", _MOMENT, nullable=False),
        sa.Column("heartbeat_at", _MOMENT, nullable=False),
        sa.Column("ended_at", _MOMENT),
        sa.Column("error", sa.Text),
        sa.Column("maker", _MAKER, nullable=False),
        sa.Column("idempotency_key", sa.String(200)),
        sa.Column("digest", _FINGERPRINT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_builds"),
        sa.UniqueConstraint("workspace_id", "idempotency_key", name="uq_builds_workspace_id_idempotency_key"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_builds_workspace_id_workspaces"),
        sa.CheckConstraint("status IN ('running', 'completed', 'failed', 'cancelled')", name=op.f("ck_builds_status")),
    )
    op.create_index("ix_builds_workspace_id_started_at_id", "builds", ["workspace_id", "started_at", "id"])
    op.create_index(
        "ix_builds_workspace_id_status_started_at_id", "builds", ["workspace_id", "status", "started_at", "id"]
    )
    op.create_table(
        "build_target_roots",
        sa.Column("build_id", _ID, nullable=False),
        sa.Column("name", sa.String(63), nullable=False),
        sa.Column("workspace_id", _ID, nullable=False),
        sa.Column("uri_prefix", sa.String(1024), nullable=False),
        sa.PrimaryKeyConstraint("build_id", "name", name="pk_build_target_roots"),
        sa.ForeignKeyConstraint(["build_id"], ["builds.id"], name="fk_build_target_roots_build_id_builds"),
    )
    op.create_index("ix_build_target_roots_workspace_id_name", "build_target_roots", ["workspace_id", "name"])


def _make_tasks() -> None:
    op.create_table(
        "tasks",
        sa.Column("workspace_id", _ID, nullable=False),
        sa.Column("id", _FINGERPRINT, nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("parameters", sa.Text, nullable=False),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("output_root", sa.String(63)),
        sa.Column("output_path", sa.String(1024)),
        sa.Column("recorded_at", _MOMENT, nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.Column("started_at", _MOMENT),
        sa.Column("ended_at", _MOMENT),
        sa.Column("error", sa.Text),
        sa.PrimaryKeyConstraint("workspace_id", "id", name="pk_tasks"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_tasks_workspace_id_workspaces"),
        sa.CheckConstraint("status IN ('running', 'completed', 'failed', 'cancelled')", name=op.f("ck_tasks_status")),
    )
    op.create_index("ix_tasks_workspace_id_recorded_at_id", "tasks", ["workspace_id", "recorded_at", "id"])
    op.create_index("ix_tasks_workspace_id_name_recorded_at_id", "tasks", ["workspace_id", "name", "recorded_at", "id"])
    op.create_table(
        "task_parameters",
        sa.Column("workspace_id", _ID, nullable=False),
        sa.Column("fingerprint", _FINGERPRINT, nullable=False),
        sa.Column("task_id", _FINGERPRINT, nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "fingerprint", "task_id", name="pk_task_parameters"),
    )
    op.create_table(
        "task_runs",
        sa.Column("build_id", _ID, nullable=False),
        sa.Column("task_id", _FINGERPRINT, nullable=False),
        sa.Column("workspace_id", _ID, nullable=False),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("build_id", "task_id", name="pk_task_runs"),
        sa.ForeignKeyConstraint(["build_id"], ["builds.id"], name="fk_task_runs_build_id_builds"),
        sa.CheckConstraint(
            "status IN ('running', 'completed', 'failed', 'cancelled', 'reused')", name=op.f("ck_task_runs_status")
        ),
    )
    op.create_index("ix_task_runs_workspace_id_task_id_at", "task_runs", ["workspace_id", "task_id", "at"])


def _make_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("organization_id", _ID),
        sa.Column("workspace_id", _ID),
        sa.Column("action", sa.String(50), nullable=False),
        sa.Column("subject", sa.String(100), nullable=False),
        sa.Column("details", sa.Text, nullable=False),
        sa.Column("credential", sa.String(20), nullable=False),
        sa.Column("actor", _MAKER, nullable=False),
        sa.Column("user_id", _ID),
        sa.Column("api_key_id", _ID),
        sa.Column("address", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_organization_id_id", "audit", ["organization_id", "id"])
    op.create_index("ix_audit_workspace_id_id", "audit", ["workspace_id", "id"])


def downgrade() -> None:
    """Drop them, with all that they hold."""
    for table in ("audit", "task_runs", "task_parameters", "tasks", "build_target_roots", "builds", "invitations"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER SEQUENCE target_root_revisions_id_seq AS integer")
        op.alter_column("target_root_revisions", "id", type_=sa.Integer)
    _forget_target_roots_version()
    op.drop_index("ix_workspaces_owner_id_organization_id", "workspaces")
    for table, columns in {
        "target_root_revisions": ("builds", "maker"),
        "accounts": ("email_verified",),
        "api_keys": ("last_used_at", "maker"),
        "workspaces": ("target_roots_version", "deleted_at", "archived_at", "owner_id", "description"),
        "organizations": ("deleted_at",),
    }.items():
        for column in columns:
            op.drop_column(table, column)
