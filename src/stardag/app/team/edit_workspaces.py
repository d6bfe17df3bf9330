"""Making the workspaces of an organization, and archiving them."""

from dataclasses import dataclass
from typing import NamedTuple

from stardag.app.connect import OpenRegistry, organization_asked
from stardag.app.resolve_profile import ResolveProfile
from stardag.app.team.reply import Reply
from stardag.domain.errors import ConfirmationNeeded
from stardag.domain.names import check_slug
from stardag.domain.organizations import Workspace
from stardag.domain.profile import Selection
from stardag.domain.registry_errors import NotKnownToRegistry


class ArchivedWorkspace(NamedTuple):
    """A workspace as it is now, and whether it was otherwise before."""

    workspace: Workspace
    changed: bool


@dataclass(frozen=True, slots=True)
class EditWorkspaces:
    """Makes workspaces, archives them and brings them back.

    Raises:
        MissingSetting: somebody is signed in, and no organization is named.
        and whatever ResolveProfile, OpenRegistry and the calls of WorkspacesApi raise.
    """

    resolve: ResolveProfile
    open_registry: OpenRegistry

    def create(self, selection: Selection, slug: str, name: str | None, description: str) -> Reply[Workspace]:
        """Make a workspace.

        Raises:
            InvalidName: the slug cannot be one.
        """
        check_slug("workspace", slug)
        profile = self.resolve(selection)
        api = self.open_registry(profile)
        organization = organization_asked(profile, api)
        made = api.make_workspace(organization, slug, name, description)
        return Reply(made, profile.registry_url.value, organization, profile.notices)

    def archive(self, selection: Selection, reference: str, *, undo: bool, confirmed: bool) -> Reply[ArchivedWorkspace]:
        """Archive a workspace (slug or id), or bring it back with `undo`; one that is so already is left alone.

        Raises:
            ConfirmationNeeded: it would be archived, and nobody has confirmed that.
            NotKnownToRegistry: there is no such workspace to this credential.
        """
        profile = self.resolve(selection)
        api = self.open_registry(profile)
        url, organization = profile.registry_url.value, organization_asked(profile, api)
        known: list[str] = []
        for archived in (undo, not undo):
            for workspace in api.workspaces(organization, archived=archived):
                if workspace.is_meant_by(reference):
                    changed = archived is undo
                    if changed and not undo and not confirmed:
                        lost = (
                            f"Nobody can build in the workspace {workspace.slug!r} while it is archived, or change it."
                        )
                        raise ConfirmationNeeded(lost, "--yes")
                    now = api.archive_workspace(workspace.id, archived=not undo) if changed else workspace
                    return Reply(ArchivedWorkspace(now, changed), url, organization, profile.notices)
                known.append(workspace.slug)
        raise NotKnownToRegistry("workspace", reference[:80], url, known)
