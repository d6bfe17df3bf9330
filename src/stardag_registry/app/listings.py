"""The lists that a caller may see of organizations, workspaces and target roots."""

from collections.abc import Sequence
from dataclasses import dataclass

from stardag.domain.target_roots import TargetRoot
from stardag_registry.app.paging import Page, PageRequest, page_of
from stardag_registry.app.ports import Database
from stardag_registry.domain.errors import NotFound
from stardag_registry.domain.organizations import Organization, Workspace
from stardag_registry.domain.permissions import Caller, check_allowed


@dataclass(frozen=True, slots=True)
class TargetRootListing:
    """One page of a workspace's target roots, and the whole set that it was cut from, read at the same moment."""

    page: Page[TargetRoot]
    whole: Sequence[TargetRoot]


def organizations_of(caller: Caller, request: PageRequest) -> Page[Organization]:
    """The organizations that the caller belongs to, by slug: for an API key, its own.

    Raises:
        InvalidField: the cursor is no good.
    """
    return page_of([caller.organization], lambda organization: organization.slug, request)


def workspaces_of(caller: Caller, organization: str, request: PageRequest) -> Page[Workspace]:
    """The workspaces that the caller may see of an organization (a slug or an id), by slug: for an API key, its own.

    Raises:
        NotFound: it is not the caller's organization, whether it exists or not.
        InvalidField: the cursor is no good.
    """
    if not caller.organization.is_meant_by(organization):
        raise NotFound("organization")
    return page_of([caller.workspace], lambda workspace: workspace.slug, request)


@dataclass(frozen=True, slots=True)
class ListTargetRoots:
    """Lists the target roots of a workspace."""

    database: Database

    def __call__(self, caller: Caller, workspace_id: str, request: PageRequest) -> TargetRootListing:
        """One page, by name.

        Raises:
            NotFound: it is not the caller's workspace.
            InvalidField: the cursor is no good.
            DatabaseUnavailable: the database cannot be read.
        """
        check_allowed(caller, "read target roots", workspace_id)
        with self.database.reading() as reading:
            roots = reading.target_roots(caller.workspace.id)
        return TargetRootListing(page_of(roots, lambda root: root.name, request), roots)
