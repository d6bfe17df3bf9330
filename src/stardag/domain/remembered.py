"""What this machine remembers of registries: the ids that slugs stand for, whose an API key is, and target roots."""

from collections.abc import Mapping
from typing import NamedTuple

from stardag.domain.credentials import Secret
from stardag.domain.names import is_id


class WorkspaceIdentity(NamedTuple):
    """Ids and slugs of one workspace and its organization, and the fingerprints of API keys known to belong to it.

    `former_slugs` are those that led to it before it was renamed, each as `organization/workspace`: for as long as
    nobody has accepted that they lead to another workspace.
    """

    registry_url: str
    organization_id: str
    organization_slug: str
    workspace_id: str
    workspace_slug: str
    api_keys: frozenset[str] = frozenset()
    former_slugs: frozenset[str] = frozenset()

    @property
    def slugs(self) -> str:
        """What it is called: `organization/workspace`."""
        return f"{self.organization_slug}/{self.workspace_slug}"

    def is_organization(self, reference: str) -> bool:
        """Whether a slug or id names this workspace's organization."""
        return reference in (self.organization_id, self.organization_slug)

    def is_workspace(self, reference: str) -> bool:
        """Whether a slug or id names this workspace."""
        return reference in (self.workspace_id, self.workspace_slug)

    def is_called_like(self, other: "WorkspaceIdentity") -> bool:
        """Whether this is another workspace, that is called the same at the same registry."""
        return (
            self.registry_url == other.registry_url
            and self.workspace_id != other.workspace_id
            and self.workspace_slug == other.workspace_slug
            and (self.organization_slug == other.organization_slug or self.organization_id == other.organization_id)
        )

    def was_called_like(self, other: "WorkspaceIdentity") -> bool:
        """Whether this is another workspace, that is called the same, or was."""
        is_same = self.registry_url == other.registry_url and self.workspace_id == other.workspace_id
        was = self.registry_url == other.registry_url and other.slugs in self.former_slugs
        return not is_same and (was or self.is_called_like(other))

    def renamed(self, organization_slug: str, workspace_slug: str) -> "WorkspaceIdentity":
        """The same with other slugs; those so far are kept as former ones."""
        now = self._replace(organization_slug=organization_slug, workspace_slug=workspace_slug)
        return now._replace(former_slugs=(self.former_slugs | {self.slugs}) - {now.slugs})

    def beside(self, learnt: "WorkspaceIdentity") -> "WorkspaceIdentity | None":
        """What stays known of this workspace once another one is learnt of: without the slugs and the API keys that
        lead there now; None where nothing stays."""
        if self.registry_url != learnt.registry_url:
            return self
        if self.is_called_like(learnt):
            return None
        known = self
        if self.organization_id == learnt.organization_id and self.organization_slug != learnt.organization_slug:
            known = self.renamed(learnt.organization_slug, self.workspace_slug)
        return known._replace(
            api_keys=known.api_keys - learnt.api_keys, former_slugs=known.former_slugs - {learnt.slugs}
        )

    def after(self, before: "WorkspaceIdentity | None") -> "WorkspaceIdentity":
        """This identity with what was known of the same workspace before: its API keys and its former slugs."""
        if before is None:
            return self
        former = before.renamed(self.organization_slug, self.workspace_slug).former_slugs
        return self._replace(api_keys=self.api_keys | before.api_keys, former_slugs=former)


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

        others = (known.beside(identity) for known in self.identities if is_other(known))
        identities = (*filter(None, others), identity)
        if roots is None:
            return self._replace(identities=identities)
        return self._replace(identities=identities, cached_roots=(*filter(is_other, self.cached_roots), roots))

    def namesake_of(self, identity: WorkspaceIdentity) -> WorkspaceIdentity | None:
        """The other workspace that the slugs of this one are remembered to lead to, if there is one."""
        return next((known for known in self.identities if known.was_called_like(identity)), None)

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
