"""An organization with people, a workspace and keys, and every use case that changes anything of theirs."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property

from stardag.domain.organizations import Role
from stardag_registry.adapters.system import random_bytes
from stardag_registry.app.access_tokens import ManageAccessTokens
from stardag_registry.app.builds import FindBuilds, NewBuild, RegisterBuild, RunBuild
from stardag_registry.app.changes import Changes
from stardag_registry.app.creation import Create
from stardag_registry.app.credentials import AuthenticateAccessToken, AuthenticateApiKey
from stardag_registry.app.invitations import AcceptInvitation, Invite
from stardag_registry.app.key_uses import KeyUses
from stardag_registry.app.organizations import EditOrganization, MakeOrganization, MakePersonalWorkspace
from stardag_registry.app.ports import AuditFilter, Database, RevisionFilter
from stardag_registry.app.target_roots import EditTargetRoots, TargetRootHistory
from stardag_registry.app.workspaces import EditWorkspaces, ManageApiKeys
from stardag_registry.domain.api_keys import Purpose
from stardag_registry.domain.audit import AuditEntry
from stardag_registry.domain.builds import Build
from stardag_registry.domain.organizations import Organization, Workspace
from stardag_registry.domain.permissions import ApiKeyCaller, MemberCaller, UserCaller
from stardag_registry.domain.target_roots import TargetRootRevision
from stardag_registry.domain.users import Membership, User
from tests.registry.in_process import Furnishing, SettableClock

ROOTS = {"default": "s3://bucket/prefix/"}
ADDRESS = "192.0.2.7"


@dataclass
class Team:
    """The organization acme with the workspace production, on any database."""

    database: Database
    clock: SettableClock = field(default_factory=SettableClock)

    def __post_init__(self) -> None:
        self.create = Create(self.clock, random_bytes)
        self.changes = Changes(self.database, self.clock)
        self.furnish = Furnishing(self.database, self.create, self.clock)
        self.key_uses = KeyUses(self.database)
        self.authenticate = AuthenticateApiKey(self.database, self.clock, self.key_uses)
        self.authenticate_access_token = AuthenticateAccessToken(self.database, self.clock)
        self.acme = self.furnish.organization()
        self.production = self.furnish.workspace(self.acme)

        self.make_organization = MakeOrganization(self.database, self.create, self.clock)
        self.edit_organization = EditOrganization(self.changes)
        self.invite = Invite(self.database, self.changes, random_bytes)
        self.accept = AcceptInvitation(self.database, self.clock)
        self.make_personal_workspace = MakePersonalWorkspace(self.database, self.create, self.clock)
        self.edit_workspaces = EditWorkspaces(self.changes, self.create)
        self.api_keys = ManageApiKeys(self.database, self.changes, self.create)
        self.access_tokens = ManageAccessTokens(self.changes, self.create)
        self.edit_target_roots = EditTargetRoots(self.changes)
        self.target_root_history = TargetRootHistory(self.database)
        self.register_build = RegisterBuild(self.database, self.changes, random_bytes)
        self.run_build = RunBuild(self.changes)
        self.find_builds = FindBuilds(self.database, self.clock)

    def member(self, role: Role, username: str | None = None, organization: Organization | None = None) -> MemberCaller:
        """A new member, who asks."""
        there = organization or self.acme
        user = self.furnish.member(there, role, username)
        return MemberCaller(user, Membership(there, role), ADDRESS)

    @cached_property
    def owner(self) -> MemberCaller:
        return self.member("owner", "olivia")

    @cached_property
    def admin(self) -> MemberCaller:
        return self.member("admin", "adam")

    @cached_property
    def plain(self) -> MemberCaller:
        """Who is a member and no more."""
        return self.member("member", "mia")

    @cached_property
    def stranger(self) -> UserCaller:
        """Who has signed in and belongs to nothing."""
        return self.user("sue")

    def user(self, username: str) -> UserCaller:
        return UserCaller(self.furnish.user(username), (), ADDRESS)

    def again(self, user: User, organization: Organization | None = None) -> MemberCaller:
        """The same person, who asks as what they are now."""
        with self.database.reading() as reading:
            found = reading.member((organization or self.acme).id, user.id)
        assert found is not None
        return MemberCaller(*found, ADDRESS)

    def key(
        self, purpose: Purpose = "build", workspace: Workspace | None = None, expires_in: timedelta | None = None
    ) -> ApiKeyCaller:
        """A new key, which asks."""
        return self.authenticate(self.furnish.api_key(workspace or self.production, purpose, expires_in).text)

    def lent_by(self, caller: MemberCaller) -> MemberCaller:
        """A new access token of somebody's, which asks."""
        _, secret = self.access_tokens.make(caller, caller.organization.id, 600)
        return replace(self.authenticate_access_token(secret.text), address=ADDRESS)

    def build(self, workspace: Workspace | None = None) -> Build:
        """A new build that runs."""
        there = workspace or self.production
        shown, _ = self.register_build(self.key("build", there), there.id, NewBuild(ROOTS), None)
        return shown.build

    def audit(self, organization: Organization | None = None) -> list[AuditEntry]:
        """All of it, the oldest first."""
        with self.database.reading() as reading:
            return list(reading.audit_of((organization or self.acme).id, AuditFilter(), None, 1000))[::-1]

    def actions(self) -> list[str]:
        return [entry.action for entry in self.audit()]

    def revisions(self) -> list[TargetRootRevision]:
        """The history of the workspace's target roots, the oldest first."""
        with self.database.reading() as reading:
            return list(reading.target_root_revisions(self.production.id, RevisionFilter(), None, 1000))[::-1]

    def roles(self) -> dict[str, Role]:
        """What the members are, by username."""
        with self.database.reading() as reading:
            return {member.user.username: member.role for member in reading.members_of(self.acme.id)}
