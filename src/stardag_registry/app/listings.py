"""The lists that a caller may see of organizations, workspaces and target roots."""

from dataclasses import dataclass

from stardag.domain.organizations import Role
from stardag.domain.target_roots import TargetRoot
from stardag_registry.app.authorization import authorized_workspace
from stardag_registry.app.paging import Page, PageRequest, page_of
from stardag_registry.app.ports import Database
from stardag_registry.domain.errors import NotFound
from stardag_registry.domain.organizations import Organization, Workspace
from stardag_registry.domain.permissions import ApiKeyCaller, MemberCaller, UserCaller, WorkspaceAction, may_see


@dataclass(frozen=True, slots=True)
class ListedOrganization:
    """An organization and what the caller is in it; None for an API key, which is no member."""

    organization: Organization
    role: Role | None


def organizations_of(
    caller: ApiKeyCaller | MemberCaller | UserCaller, role: Role | None, request: PageRequest
) -> Page[ListedOrganization]:
    """The organizations that the caller belongs to, by slug: for an API key or an organization's token, its own. Those
    in which the caller has one role, where that is given.

    Raises:
        InvalidField: the cursor is no good.
    """
    if isinstance(caller, ApiKeyCaller):
        listed = [ListedOrganization(caller.organization, None)]
    else:
        memberships = caller.memberships if isinstance(caller, UserCaller) else (caller.membership,)
        listed = [ListedOrganization(membership.organization, membership.role) for membership in memberships]
    wanted = [each for each in listed if role in {None, each.role}]
    return page_of(wanted, lambda item: item.organization.slug, request)


@dataclass(frozen=True, slots=True)
class ListWorkspaces:
    """Lists the workspaces of an organization."""

    database: Database

    def __call__(
        self, caller: ApiKeyCaller | MemberCaller, organization: str, request: PageRequest, *, archived: bool = False
    ) -> Page[Workspace]:
        """The workspaces that the caller may see of an organization (a slug or an id), by slug: for an API key, its
        own; for a member, all but others' personal ones. Archived ones are in a list of their own.

        Raises:
            NotFound: it is not the caller's organization, whether it exists or not.
            InvalidField: the cursor is no good.
            DatabaseUnavailable: the database cannot be read.
        """
        own = caller.organization
        if not own.is_meant_by(organization):
            raise NotFound("organization")
        with self.database.reading() as reading:
            workspaces = [caller.workspace] if isinstance(caller, ApiKeyCaller) else reading.workspaces_of(own.id)
        wanted = [each for each in workspaces if may_see(caller, each) and (each.archived_at is not None) == archived]
        return page_of(wanted, lambda workspace: workspace.slug, request)

    def one(self, caller: ApiKeyCaller | MemberCaller, workspace_id: str) -> Workspace:
        """A workspace that the caller may see. Raises NotFound, DatabaseUnavailable."""
        with self.database.reading() as reading:
            return authorized_workspace(reading, caller, "read", workspace_id)


@dataclass(frozen=True, slots=True)
class ListTargetRoots:
    """Lists the target roots of a workspace. Both operations raise:

    NotFound: it is not the caller's workspace.
    DatabaseUnavailable: the database cannot be read.
    """

    database: Database

    def version(self, caller: ApiKeyCaller | MemberCaller, workspace_id: str, *, to_build: bool = False) -> str:
        """What is another after every change to any of them, and never again what it was. Who asks for it before the
        roots may be told of a change once too often, and never once too little.

        Raises:
            Archived: it is asked for `to_build`, and nothing is built there any more.
        """
        with self.database.reading() as reading:
            action: WorkspaceAction = "build" if to_build else "read"
            return authorized_workspace(reading, caller, action, workspace_id).target_roots_version

    def __call__(
        self, caller: ApiKeyCaller | MemberCaller, workspace_id: str, request: PageRequest
    ) -> Page[TargetRoot]:
        """One page, by name.

        Raises:
            InvalidField: the cursor is no good.
        """
        with self.database.reading() as reading:
            workspace = authorized_workspace(reading, caller, "read", workspace_id)
            roots = reading.target_roots(workspace.id)
        return page_of(roots, lambda root: root.name, request)
