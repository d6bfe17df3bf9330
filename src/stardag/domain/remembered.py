"""What this machine remembers of registries: the ids that slugs stand for, whose an API key is, and target roots."""

from collections.abc import Mapping
from typing import NamedTuple

from stardag.domain.credentials import Secret
from stardag.domain.names import is_id


class WorkspaceIdentity(NamedTuple):
    """Ids and slugs of one workspace and its organization, and the fingerprints of API keys known to belong to it."""

    registry_url: str
    organization_id: str
    organization_slug: str
    workspace_id: str
    workspace_slug: str
    api_keys: frozenset[str] = frozenset()

    def is_organization(self, reference: str) -> bool:
        """Whether a slug or id names this workspace's organization."""
        return reference in (self.organization_id, self.organization_slug)

    def is_workspace(self, reference: str) -> bool:
        """Whether a slug or id names this workspace."""
        return reference in (self.workspace_id, self.workspace_slug)


class CachedRoots(NamedTuple):
    """One workspace's entry of the target-root cache: name to URI prefix.

    `etag` is what the registry called this very content when it was fetched; None where that is not known.
    """

    registry_url: str
    organization_id: str
    workspace_id: str
    target_roots: Mapping[str, str]
    etag: str | None = None


class Remembered(NamedTuple):
    """All that the state files hold, read once.

    `roots_path` is the file of the target-root cache. `is_lost` says that it was found unreadable and that not every
    workspace has been synced since (readings, section 4).
    """

    roots_path: str
    identities: tuple[WorkspaceIdentity, ...] = ()
    cached_roots: tuple[CachedRoots, ...] = ()
    is_lost: bool = False

    def find(
        self, registry_url: str, organization: str | None, workspace: str | None, api_key: Secret | None
    ) -> WorkspaceIdentity | None:
        """The one workspace that these references (slugs or ids) are known to name at this registry, or None.

        A slug means something only within an organization; where none is named, the API key's own workspace counts.
        """
        found = [identity for identity in self.identities if identity.registry_url == registry_url]
        if organization is not None:
            found = [identity for identity in found if identity.is_organization(organization)]
        if workspace is not None:
            found = [identity for identity in found if identity.is_workspace(workspace)]
        if workspace is None or (organization is None and not is_id(workspace)):
            found = [identity for identity in found if api_key is not None and api_key.fingerprint in identity.api_keys]
        return found[0] if len(found) == 1 else None

    def learn(self, identity: WorkspaceIdentity, roots: CachedRoots | None = None) -> "Remembered":
        """The same with one workspace newly looked up, and perhaps its roots, which replace what was known of it."""

        def is_other(known: WorkspaceIdentity | CachedRoots) -> bool:
            return (known.registry_url, known.workspace_id) != (identity.registry_url, identity.workspace_id)

        identities = (*filter(is_other, self.identities), identity)
        if roots is None:
            return self._replace(identities=identities)
        return self._replace(identities=identities, cached_roots=(*filter(is_other, self.cached_roots), roots))

    def same_organization(self, registry_url: str, first: str, second: str) -> bool:
        """Whether two references are known to name one organization: an id and its slug are the same."""
        return first == second or any(
            identity.registry_url == registry_url
            and identity.is_organization(first)
            and identity.is_organization(second)
            for identity in self.identities
        )

    def roots_of(self, identity: WorkspaceIdentity) -> CachedRoots | None:
        """The cached target roots of a workspace, or None where it was never synced here."""
        for cached in self.cached_roots:
            if (cached.registry_url, cached.organization_id, cached.workspace_id) == (
                identity.registry_url,
                identity.organization_id,
                identity.workspace_id,
            ):
                return cached
        return None
