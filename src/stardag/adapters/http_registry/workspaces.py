"""The calls about workspaces, and the target roots and API keys that belong to them."""

import re
from datetime import datetime
from http import HTTPStatus

from stardag.adapters.bounded_http import Answer
from stardag.adapters.http_registry.answers import Page, TargetRootMessage, WorkspaceMessage
from stardag.adapters.http_registry.asking import ITEMS_OF_A_PAGE, Asking, Listing, Sought
from stardag.adapters.http_registry.calling import Calls
from stardag.adapters.http_registry.team_answers import ApiKeyMessage, MadeApiKeyMessage, RootUseMessage
from stardag.app.registry_ports import RootUse, ServedRoots
from stardag.domain.api_keys import ApiKey, MadeApiKey, Purpose
from stardag.domain.organizations import Workspace
from stardag.domain.target_roots import TargetRoot

_ENTITY_TAG = re.compile(r'(W/)?"[\x21\x23-\x7e]{0,256}"')  # RFC 9110, section 8.8.3, ASCII alone


class WorkspacesCalls(Calls):
    """Keeps the promises of `WorkspacesApi`."""

    def workspaces(self, organization: str, *, archived: bool = False) -> tuple[Workspace, ...]:
        """The workspaces of an organization that the credential may see; with `archived`, those alone."""
        sought = Sought("organization", organization)
        path = f"/organizations/{self._segment(sought)}/workspaces"
        parameters = {"archived": "true"} if archived else None
        listing = self._ask(lambda asking: asking.listing(path, Page[WorkspaceMessage], sought, parameters=parameters))
        found = tuple(item.to_domain() for item in listing.items)
        self._check_unique("workspace", (workspace.slug for workspace in found))
        return found

    def make_workspace(self, organization: str, slug: str, name: str | None, description: str) -> Workspace:
        """Make a workspace."""
        sought, made = Sought("organization", organization), Sought("workspace", slug)
        path = f"/organizations/{self._segment(sought)}/workspaces"
        message = {"slug": slug, "description": description, **({} if name is None else {"name": name})}

        def send(asking: Asking) -> WorkspaceMessage:
            answer = asking.send("POST", path, message, sought, made, HTTPStatus.CREATED)
            return asking.parse(WorkspaceMessage, answer)

        return self._change(send).to_domain()

    def archive_workspace(self, workspace_id: str, *, archived: bool) -> Workspace:
        """Archive a workspace, or bring it back."""
        sought = Sought("workspace", workspace_id)
        path = f"/workspaces/{self._segment(sought)}"

        def send(asking: Asking) -> WorkspaceMessage:
            return asking.parse(WorkspaceMessage, asking.send("PATCH", path, {"archived": archived}, sought))

        return self._change(send).to_domain()

    def target_roots(self, workspace_id: str, etag: str | None = None, *, to_build: bool = False) -> ServedRoots | None:
        """The target roots of a workspace; None where they still are what `etag` names."""
        sought = Sought("workspace", workspace_id)
        path = f"/workspaces/{self._segment(sought)}/target-roots"
        known = etag if etag and _ENTITY_TAG.fullmatch(etag) else None  # it was kept in a file, where it may be damaged

        def fetch(asking: Asking) -> Listing[TargetRootMessage] | None:
            first = asking.get(path, {"limit": str(ITEMS_OF_A_PAGE)}, sought, known, to_build=to_build)
            if first.status == HTTPStatus.NOT_MODIFIED:
                return None
            return asking.listing(path, Page[TargetRootMessage], sought, first)

        listing = self._ask(fetch)
        if listing is None:
            return None
        roots = tuple(item.to_domain() for item in listing.items)
        self._check_unique("target root", (root.name for root in roots))
        return ServedRoots(roots, None if listing.answer is None else _etag_of(listing.answer))

    def target_root_use(self, workspace_id: str, name: str) -> RootUse:
        """A target root, and how many builds look incomplete once it is changed or removed."""
        sought, path = self._below(workspace_id, "target-roots", "target root", name)
        return self._ask(lambda asking: asking.parse(RootUseMessage, asking.get(path, {}, sought))).to_use()

    def add_target_root(self, workspace_id: str, root: TargetRoot) -> None:
        """Add a target root."""
        sought, made = Sought("workspace", workspace_id), Sought("target root", root.name)
        path = f"/workspaces/{self._segment(sought)}/target-roots"
        message = {"name": root.name, "uri_prefix": root.uri_prefix}
        self._change(lambda asking: asking.send("POST", path, message, sought, made, HTTPStatus.CREATED))

    def change_target_root(self, workspace_id: str, root: TargetRoot) -> None:
        """Give the target root of this name another prefix."""
        sought, path = self._below(workspace_id, "target-roots", "target root", root.name)
        self._change(lambda asking: asking.send("PATCH", path, {"uri_prefix": root.uri_prefix}, sought))

    def remove_target_root(self, workspace_id: str, name: str) -> None:
        """Remove a target root."""
        sought, path = self._below(workspace_id, "target-roots", "target root", name)
        self._change(lambda asking: asking.send("DELETE", path, None, sought, status=HTTPStatus.NO_CONTENT))

    def api_keys(self, workspace_id: str, *, revoked: bool = False) -> tuple[ApiKey, ...]:
        """The API keys of a workspace, the oldest first; with `revoked`, the revoked ones alone."""
        sought = Sought("workspace", workspace_id)
        path = f"/workspaces/{self._segment(sought)}/api-keys"
        parameters = {"revoked": "true"} if revoked else None
        listing = self._ask(lambda asking: asking.listing(path, Page[ApiKeyMessage], sought, parameters=parameters))
        return tuple(item.to_domain() for item in listing.items)

    def make_api_key(self, workspace_id: str, name: str, purpose: Purpose, expires_at: datetime | None) -> MadeApiKey:
        """Make an API key, which is shown this once."""
        sought, made = Sought("workspace", workspace_id), Sought("API key", name)
        path = f"/workspaces/{self._segment(sought)}/api-keys"
        end = None if expires_at is None else expires_at.isoformat()
        message = {"name": name, "purpose": purpose, "expires_at": end}

        def send(asking: Asking) -> MadeApiKeyMessage:
            answer = asking.send("POST", path, message, sought, made, HTTPStatus.CREATED)
            return asking.parse(MadeApiKeyMessage, answer)

        return self._change(send).to_made()

    def revoke_api_key(self, workspace_id: str, api_key_id: str) -> None:
        """Revoke an API key at once."""
        sought, path = self._below(workspace_id, "api-keys", "API key", api_key_id)
        self._change(lambda asking: asking.send("DELETE", path, None, sought, status=HTTPStatus.NO_CONTENT))

    def _below(self, workspace_id: str, collection: str, kind: str, name: str) -> tuple[Sought, str]:
        """One thing of a workspace, and its path."""
        sought = Sought(kind, name)
        within = self._segment(Sought("workspace", workspace_id))
        return sought, f"/workspaces/{within}/{collection}/{self._segment(sought)}"


def _etag_of(answer: Answer) -> str | None:
    etag = answer.headers.get("etag", "")
    return etag if _ENTITY_TAG.fullmatch(etag) else None
