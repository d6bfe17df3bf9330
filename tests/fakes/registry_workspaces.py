"""Workspaces of a fake registry, their target roots and API keys: the port `WorkspacesApi`."""

from datetime import datetime

from stardag.app.registry_ports import RootUse, ServedRoots
from stardag.domain.api_keys import ApiKey, MadeApiKey, Purpose
from stardag.domain.errors import NotAllowed
from stardag.domain.organizations import Workspace
from stardag.domain.refusals import AlreadyExists, RefusedValue
from stardag.domain.registry_errors import NotKnownToRegistry
from stardag.domain.target_roots import TargetRoot
from tests.fakes.registry_content import FakeCalls, Sent


class FakeWorkspacesCalls(FakeCalls):
    def workspaces(self, organization: str, *, archived: bool = False) -> tuple[Workspace, ...]:
        caller = self._ask(f"GET /organizations/{organization}/workspaces", self._caller_in_organization)
        own, workspaces = self._reach_of(caller)
        if organization not in (own.slug, own.id):
            raise NotKnownToRegistry("organization", organization, self.registry.url)
        return tuple(each for each in workspaces if each.is_archived is archived)

    def make_workspace(self, organization: str, slug: str, name: str | None, description: str) -> Workspace:
        caller = self._member(f"POST /organizations/{organization}/workspaces", organization, "admin", "owner")
        if slug.startswith("personal-"):
            raise RefusedValue(self.registry.url, "the slug: slugs that begin with 'personal-' are kept")
        if any(each.slug == slug for each in self._reach_of(caller)[1]):
            raise AlreadyExists(self.registry.url, "workspace", slug)
        made = self.registry.add_workspace(caller.organization, slug)
        made = made._replace(name=name or slug, description=description)
        self.registry.workspaces[made.id] = made
        return made

    def archive_workspace(self, workspace_id: str, *, archived: bool) -> Workspace:
        caller = self._ask(f"PATCH /workspaces/{workspace_id}", self._caller_in_organization)
        found = [each for each in self._reach_of(caller)[1] if each.id == workspace_id]
        if not found:
            raise NotKnownToRegistry("workspace", workspace_id, self.registry.url)
        if isinstance(caller, Workspace) or self._role_of(caller) == "member":
            raise NotAllowed(self.registry.url, "This needs an admin or owner of the organization")
        now = found[0]._replace(is_archived=archived)
        self.registry.workspaces[workspace_id] = now
        return now

    def target_roots(self, workspace_id: str, etag: str | None = None, *, to_build: bool = False) -> ServedRoots | None:
        self.registry.conditions.append(Sent(workspace_id, etag))
        self._workspace(f"GET /workspaces/{workspace_id}/target-roots", workspace_id, changes=to_build)
        served = self.registry.served_roots(workspace_id)
        return None if served.etag == etag else served

    def target_root_use(self, workspace_id: str, name: str) -> RootUse:
        self._workspace(f"GET /workspaces/{workspace_id}/target-roots/{name}", workspace_id)
        root = self._root(workspace_id, name)
        using = [
            build
            for build in self.registry.builds.values()
            if build.workspace_id == workspace_id and build.detail.target_roots.get(name) == root.uri_prefix
        ]
        return RootUse(root, len(using))

    def add_target_root(self, workspace_id: str, root: TargetRoot) -> None:
        self._edited(f"POST /workspaces/{workspace_id}/target-roots", workspace_id)
        if root.name in self.registry.roots[workspace_id]:
            raise AlreadyExists(self.registry.url, "target root", root.name)
        self.registry.set_root(workspace_id, root.name, root.uri_prefix)

    def change_target_root(self, workspace_id: str, root: TargetRoot) -> None:
        self._edited(f"PATCH /workspaces/{workspace_id}/target-roots/{root.name}", workspace_id)
        self._root(workspace_id, root.name)
        self.registry.set_root(workspace_id, root.name, root.uri_prefix)

    def remove_target_root(self, workspace_id: str, name: str) -> None:
        self._edited(f"DELETE /workspaces/{workspace_id}/target-roots/{name}", workspace_id)
        self._root(workspace_id, name)
        self.registry.delete_root(workspace_id, name)

    def api_keys(self, workspace_id: str, *, revoked: bool = False) -> tuple[ApiKey, ...]:
        self._workspace(f"GET /workspaces/{workspace_id}/api-keys", workspace_id, "admin", "owner")
        keys = [each.api_key for each in self.registry.api_keys.values() if each.workspace_id == workspace_id]
        return tuple(each for each in keys if (each.revoked_at is not None) is revoked)

    def make_api_key(self, workspace_id: str, name: str, purpose: Purpose, expires_at: datetime | None) -> MadeApiKey:
        workspace = self._edited(f"POST /workspaces/{workspace_id}/api-keys", workspace_id)
        if not name.strip():
            raise RefusedValue(self.registry.url, "the name: a name has 1 to 100 characters")
        if expires_at is not None and expires_at <= self.registry.now:
            raise RefusedValue(self.registry.url, "the end (--expires-in): it is within the next ten years")
        secret = self.registry.make_key(workspace, name, purpose, expires_at, "somebody")
        made = next(each for each in self.registry.api_keys.values() if each.secret == secret)
        return MadeApiKey(made.api_key, secret)

    def revoke_api_key(self, workspace_id: str, api_key_id: str) -> None:
        self._workspace(f"DELETE /workspaces/{workspace_id}/api-keys/{api_key_id}", workspace_id, "admin", "owner")
        found = self.registry.api_keys.get(api_key_id)
        if found is None or found.workspace_id != workspace_id:
            raise NotKnownToRegistry("API key", api_key_id, self.registry.url)
        if found.api_key.revoked_at is None:
            revoked = found.api_key._replace(revoked_at=self.registry.tick())
            self.registry.api_keys[api_key_id] = found._replace(api_key=revoked)
            del self.registry.keys[found.secret]

    def _edited(self, request: str, workspace_id: str) -> Workspace:
        """A workspace that is changed by somebody who administers it."""
        return self._workspace(request, workspace_id, "admin", "owner", changes=True)

    def _root(self, workspace_id: str, name: str) -> TargetRoot:
        if name not in self.registry.roots[workspace_id]:
            raise NotKnownToRegistry("target root", name, self.registry.url)
        return TargetRoot(name, self.registry.roots[workspace_id][name])
