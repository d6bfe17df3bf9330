"""Furnishes a new registry, so that one person can use it at once: the names are those of the guide's examples."""

from dataclasses import dataclass

from stardag.domain.target_roots import TargetRoot
from stardag_registry.app.changes import entry_of
from stardag_registry.app.creation import Create
from stardag_registry.app.ports import Clock, Database, OwnerKeyFile
from stardag_registry.domain.api_keys import ApiKeySecret
from stardag_registry.domain.target_roots import TargetRootRevision

NAME = "default"
"""The slug of the first organization and workspace, and the name of the first target root."""


@dataclass(frozen=True, slots=True)
class Furnished:
    """What a first start made, for the person who started the server."""

    secret: ApiKeySecret
    uri_prefix: str
    kept_at: str
    replaced_another_key: bool


@dataclass(frozen=True, slots=True)
class FirstStart:
    """Makes the first organization, workspace, target root and administering key where there is nothing yet."""

    database: Database
    create: Create
    clock: Clock
    owner_key_file: OwnerKeyFile

    def __call__(self, local_target_roots: str) -> Furnished | None:
        """What was made, or None where the registry was furnished before; then nothing is touched.

        The key is written to its file before it is committed: whoever dies in between leaves a key that opens nothing,
        and the next start, finding an empty registry, makes another. The other way round, the owner would have none.

        Args:
            local_target_roots: the directory under which the first root is named; it is not made.

        Raises:
            UnusableDataDirectory: the key cannot be kept.
            DatabaseUnavailable: the database cannot be written.
            InvalidValue: that directory cannot be part of a URI prefix.
        """
        with self.database.transaction() as transaction:
            if transaction.has_organizations():
                return None
            root = TargetRoot(NAME, f"{local_target_roots.rstrip('/')}/{NAME}/{NAME}/")
            organization = self.create.organization(transaction, NAME, NAME.capitalize())
            workspace = self.create.workspace(transaction, organization.id, NAME, NAME.capitalize())
            transaction.add_target_root(workspace.id, root)
            transaction.add_target_root_revision(
                TargetRootRevision(workspace.id, root.name, None, root.uri_prefix, self.clock(), api_key_id=None)
            )
            _, secret = self.create.api_key(transaction, workspace.id, "owner", "administer")
            transaction.add_audit_entry(
                entry_of(
                    None,
                    self.clock(),
                    "organization.created",
                    organization.id,
                    {"slug": NAME, "workspace": workspace.id, "target_root": root.uri_prefix},
                    organization.id,
                    workspace.id,
                )
            )
            replaced = self.owner_key_file.exists()
            self.owner_key_file.write(secret)
        return Furnished(secret, root.uri_prefix, self.owner_key_file.location, replaced)
