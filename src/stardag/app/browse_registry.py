"""What a registry tells of organizations and workspaces: plain reads with the active profile's credential."""

from dataclasses import dataclass

from stardag.app.connect import OpenRegistry, organization_asked
from stardag.app.resolve_profile import ResolveProfile
from stardag.domain.organizations import Organization, Workspace
from stardag.domain.profile import NO_SELECTION, ActiveProfile, Selection


@dataclass(frozen=True, slots=True)
class BrowseRegistry:
    """Lists organizations and workspaces of the selected registry.

    Raises:
        whatever ResolveProfile, OpenRegistry and the calls of RegistryApi raise.
    """

    resolve: ResolveProfile
    open_registry: OpenRegistry

    def organizations(self, selection: Selection = NO_SELECTION) -> tuple[ActiveProfile, tuple[Organization, ...]]:
        """The organizations that the credential may see, and the profile that was asked with."""
        profile = self.resolve(selection)
        return profile, self.open_registry.before_any_organization(profile).organizations()

    def workspaces(
        self, selection: Selection = NO_SELECTION, *, archived: bool = False
    ) -> tuple[ActiveProfile, tuple[Workspace, ...]]:
        """The workspaces of the profile's organization, or of the API key's own where none is set; with `archived`,
        those that are only read any more."""
        profile = self.resolve(selection)
        api = self.open_registry(profile)
        return profile, api.workspaces(organization_asked(profile, api), archived=archived)
