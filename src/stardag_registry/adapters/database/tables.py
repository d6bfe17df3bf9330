"""The tables as the program uses them. `migrations` say how a database gets them; a test holds the two together."""

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    true,
)
from sqlalchemy.types import TypeDecorator

from stardag.domain.names import NAME_MAX_LENGTH
from stardag.domain.registry_url import URL_MAX_LENGTH
from stardag.domain.target_roots import URI_PREFIX_MAX_LENGTH
from stardag.domain.tasks import TASK_NAME_MAX_LENGTH
from stardag_registry.domain.audit import ACTION_MAX_LENGTH
from stardag_registry.domain.builds import BUILD_NAME_MAX_LENGTH, COMMIT_MAX_LENGTH, PATH_MAX_LENGTH
from stardag_registry.domain.organizations import DISPLAY_NAME_MAX_LENGTH
from stardag_registry.domain.users import EMAIL_MAX_LENGTH, SUBJECT_MAX_LENGTH

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Instant(TypeDecorator[datetime]):
    """A moment in UTC; SQLite keeps no time zones, so it is put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Turn any zone into UTC."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Say that it is UTC, where the database does not."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


ID = String(36)
SLUG = String(NAME_MAX_LENGTH)
DISPLAY_NAME = String(DISPLAY_NAME_MAX_LENGTH)
URI_PREFIX = String(URI_PREFIX_MAX_LENGTH)
FINGERPRINT = String(64)
MAKER = String(DISPLAY_NAME_MAX_LENGTH + 20)
STATUS = String(10)
NUMBER = BigInteger().with_variant(Integer, "sqlite")  # of what only grows; in SQLite an INTEGER has 64 bits as well

metadata = MetaData(naming_convention=NAMING_CONVENTION)

organizations = Table(
    "organizations",
    metadata,
    Column("id", ID, primary_key=True),
    Column("slug", SLUG, nullable=False, unique=True),
    Column("name", DISPLAY_NAME, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("deleted_at", Instant),
)

workspaces = Table(
    "workspaces",
    metadata,
    Column("id", ID, primary_key=True),
    Column("organization_id", ID, ForeignKey(organizations.c.id), nullable=False),
    Column("slug", SLUG, nullable=False),
    Column("name", DISPLAY_NAME, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("owner_id", ID),  # of users; no foreign key, since SQLite can add none to a table that others refer to
    Column("archived_at", Instant),
    Column("deleted_at", Instant),
    Column("target_roots_version", String(32), nullable=False, server_default=""),  # kept by triggers
    UniqueConstraint("organization_id", "slug"),
    Index(None, "owner_id", "organization_id"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", ID, primary_key=True),
    Column("workspace_id", ID, ForeignKey(workspaces.c.id), nullable=False, index=True),
    Column("name", DISPLAY_NAME, nullable=False),
    Column("purpose", String(20), nullable=False),
    Column("fingerprint", FINGERPRINT, nullable=False, unique=True),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant),
    Column("revoked_at", Instant),
    Column("maker", MAKER, nullable=False, server_default="the server"),
    Column("last_used_at", Instant),
    CheckConstraint("purpose IN ('administer', 'build')", name="purpose"),
)

users = Table(
    "users",
    metadata,
    Column("id", ID, primary_key=True),
    Column("issuer", String(URL_MAX_LENGTH), nullable=False),
    Column("subject", String(SUBJECT_MAX_LENGTH), nullable=False),
    Column("username", SLUG, nullable=False, unique=True),
    Column("email", String(EMAIL_MAX_LENGTH)),
    Column("email_verified", Boolean, nullable=False),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("issuer", "subject"),
)

memberships = Table(
    "memberships",
    metadata,
    Column("organization_id", ID, ForeignKey(organizations.c.id), primary_key=True),
    Column("user_id", ID, ForeignKey(users.c.id), primary_key=True, index=True),
    Column("role", String(20), nullable=False),
    Column("created_at", Instant, nullable=False),
    CheckConstraint("role IN ('owner', 'admin', 'member')", name="role"),
)

invitations = Table(
    "invitations",
    metadata,
    Column("id", ID, primary_key=True),
    Column("organization_id", ID, ForeignKey(organizations.c.id), nullable=False),
    Column("email", String(EMAIL_MAX_LENGTH), nullable=False),
    Column("role", String(20), nullable=False),
    Column("fingerprint", FINGERPRINT, nullable=False, unique=True),
    Column("made_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("maker", MAKER, nullable=False),
    UniqueConstraint("organization_id", "email"),
    CheckConstraint("role IN ('owner', 'admin', 'member')", name="role"),
)

access_tokens = Table(
    "access_tokens",
    metadata,
    Column("id", ID, primary_key=True),
    Column("organization_id", ID, ForeignKey(organizations.c.id), nullable=False),
    Column("user_id", ID, ForeignKey(users.c.id), nullable=False),
    Column("fingerprint", FINGERPRINT, nullable=False, unique=True),
    Column("made_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
    Column("revoked_at", Instant),
    Index(None, "organization_id", "user_id"),
)

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("private_key", String(1024), nullable=False),
    Column("created_at", Instant, nullable=False),
)

target_roots = Table(
    "target_roots",
    metadata,
    Column("workspace_id", ID, ForeignKey(workspaces.c.id), primary_key=True),
    Column("name", SLUG, primary_key=True),
    Column("uri_prefix", URI_PREFIX, nullable=False),
)

target_root_revisions = Table(
    "target_root_revisions",
    metadata,
    Column("id", NUMBER, primary_key=True),
    Column("workspace_id", ID, ForeignKey(workspaces.c.id), nullable=False),
    Column("name", SLUG, nullable=False),
    Column("old_uri_prefix", URI_PREFIX),
    Column("new_uri_prefix", URI_PREFIX),
    Column("at", Instant, nullable=False),
    Column("api_key_id", ID, ForeignKey(api_keys.c.id)),
    Column("user_id", ID, ForeignKey(users.c.id)),
    Column("maker", MAKER, nullable=False, server_default="the server"),
    Column("builds", Integer, nullable=False, server_default="0"),
    CheckConstraint("old_uri_prefix IS NOT NULL OR new_uri_prefix IS NOT NULL", name="something"),
    Index(None, "workspace_id", "id"),
)

builds = Table(
    "builds",
    metadata,
    Column("id", ID, primary_key=True),
    Column("workspace_id", ID, ForeignKey(workspaces.c.id), nullable=False),
    Column("status", STATUS, nullable=False),
    Column("description", Text),
    Column("commit", String(COMMIT_MAX_LENGTH)),
    Column("started_at", Instant, nullable=False),
    Column("heartbeat_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("error", Text),
    Column("maker", MAKER, nullable=False),
    Column("idempotency_key", String(200)),
    Column("digest", FINGERPRINT, nullable=False),
    Column("name", String(BUILD_NAME_MAX_LENGTH)),
    UniqueConstraint("workspace_id", "idempotency_key"),
    CheckConstraint("status IN ('running', 'completed', 'failed', 'cancelled')", name="status"),
    Index(None, "workspace_id", "started_at", "id"),
    Index(None, "workspace_id", "status", "started_at", "id"),
)

build_target_roots = Table(
    "build_target_roots",
    metadata,
    Column("build_id", ID, ForeignKey(builds.c.id), primary_key=True),
    Column("name", SLUG, primary_key=True),
    Column("workspace_id", ID, nullable=False),
    Column("uri_prefix", URI_PREFIX, nullable=False),
    Index(None, "workspace_id", "name"),
)

tasks = Table(
    "tasks",
    metadata,
    Column("workspace_id", ID, ForeignKey(workspaces.c.id), primary_key=True),
    Column("id", FINGERPRINT, primary_key=True),
    Column("name", String(TASK_NAME_MAX_LENGTH), nullable=False),
    Column("parameters", Text, nullable=False),
    Column("status", STATUS, nullable=False),
    Column("output_root", SLUG),
    Column("output_path", String(PATH_MAX_LENGTH)),
    Column("recorded_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("started_at", Instant),
    Column("ended_at", Instant),
    Column("error", Text),
    CheckConstraint("status IN ('running', 'completed', 'failed', 'cancelled')", name="status"),
    Index(None, "workspace_id", "recorded_at", "id"),
    Index(None, "workspace_id", "name", "recorded_at", "id"),
)

task_parameters = Table(
    "task_parameters",
    metadata,
    Column("workspace_id", ID, primary_key=True),
    Column("fingerprint", FINGERPRINT, primary_key=True),  # of name and value: values may be long
    Column("task_id", FINGERPRINT, primary_key=True),
)

task_runs = Table(
    "task_runs",
    metadata,
    Column("build_id", ID, ForeignKey(builds.c.id), primary_key=True),
    Column("task_id", FINGERPRINT, primary_key=True),
    Column("workspace_id", ID, nullable=False),
    Column("status", STATUS, nullable=False),
    Column("at", Instant, nullable=False),
    CheckConstraint("status IN ('running', 'completed', 'failed', 'cancelled', 'reused')", name="status"),
    Index(None, "workspace_id", "task_id", "at"),
)

audit = Table(
    "audit",
    metadata,
    Column("id", NUMBER, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("organization_id", ID),  # no foreign keys: the audit depends on nothing that it tells of
    Column("workspace_id", ID),
    Column("action", String(ACTION_MAX_LENGTH), nullable=False),
    Column("subject", String(100), nullable=False),
    Column("details", Text, nullable=False),
    Column("credential", String(20), nullable=False),
    Column("actor", MAKER, nullable=False),
    Column("user_id", ID),
    Column("api_key_id", ID),
    Column("address", String(64), nullable=False),
    Index(None, "organization_id", "id"),
    Index(None, "workspace_id", "id"),
)

# The OpenID provider's. Whatever is secret is kept as a hash only.

provider_secrets = Table(
    "provider_secrets",
    metadata,
    Column("name", String(20), primary_key=True),
    Column("value", String(128), nullable=False),
)

accounts = Table(
    "accounts",
    metadata,
    Column("id", ID, primary_key=True),
    Column("email", String(254), nullable=False, unique=True),
    Column("username", SLUG, nullable=False, unique=True),
    Column("password_hash", String(255), nullable=False),
    Column("password_kept", Boolean, nullable=False),
    Column("email_verified", Boolean, nullable=False, server_default=true()),
    Column("created_at", Instant, nullable=False),
)

browser_sessions = Table(
    "browser_sessions",
    metadata,
    Column("fingerprint", FINGERPRINT, primary_key=True),
    Column("account_id", ID, ForeignKey(accounts.c.id), nullable=False, index=True),
    Column("signed_in_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
)

refresh_families = Table(
    "refresh_families",
    metadata,
    Column("id", ID, primary_key=True),
    Column("account_id", ID, ForeignKey(accounts.c.id), nullable=False, index=True),
    Column("client_id", String(100), nullable=False),
    Column("scope", String(200), nullable=False),
    Column("signed_in_at", Instant, nullable=False),
    Column("used", Integer, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
    Column("revoked_at", Instant),
)

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("fingerprint", FINGERPRINT, primary_key=True),
    Column("family_id", ID, ForeignKey(refresh_families.c.id), nullable=False),
    Column("generation", Integer, nullable=False),
    UniqueConstraint("family_id", "generation"),
)

authorization_codes = Table(
    "authorization_codes",
    metadata,
    Column("fingerprint", FINGERPRINT, primary_key=True),
    Column("account_id", ID, ForeignKey(accounts.c.id), nullable=False),
    Column("client_id", String(100), nullable=False),
    Column("scope", String(200), nullable=False),
    Column("nonce", String(255)),
    Column("signed_in_at", Instant, nullable=False),
    Column("redirect_uri", String(100), nullable=False),
    Column("challenge", String(43), nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
    Column("used_at", Instant),
    Column("family_id", ID),  # no foreign key: codes and families are forgotten at times of their own
)

device_authorizations = Table(
    "device_authorizations",
    metadata,
    Column("fingerprint", FINGERPRINT, primary_key=True),
    Column("user_code_fingerprint", FINGERPRINT, nullable=False, unique=True),
    Column("client_id", String(100), nullable=False),
    Column("scope", String(200), nullable=False),
    Column("address", String(45), nullable=False),
    Column("asked_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
    Column("interval", Integer, nullable=False),
    Column("polled_at", Instant),
    Column("account_id", ID, ForeignKey(accounts.c.id)),
    Column("signed_in_at", Instant),
    Column("refused", Boolean, nullable=False),
    Column("used_at", Instant),
    Column("family_id", ID),
    CheckConstraint("account_id IS NULL OR signed_in_at IS NOT NULL", name="grant"),
)

sign_in_attempts = Table(
    "sign_in_attempts",
    metadata,
    Column("subject", String(100), primary_key=True),
    Column("count", Integer, nullable=False),
    Column("until", Instant, nullable=False, index=True),
)
