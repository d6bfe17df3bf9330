"""Two organizations with everybody in them whom the policy speaks of, and one furnished workspace of every kind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx

from stardag_registry.domain.organizations import Organization
from stardag_registry.domain.users import User
from tests.registry.http.policy import Caller, Row, Target
from tests.registry.in_process import InProcess

_IDS = (
    "organization",
    "user_id",
    "invitation_id",
    "workspace_id",
    "name",
    "build_id",
    "task_id",
    "api_key_id",
    "access_token_id",
)
NOBODYS = "00000000-0000-4000-8000-000000000000"
TASK = {"name": "train", "parameters": {"lr": 0.1}, "status": "running"}

_BODIES: Mapping[str, Mapping[str, Any]] = {
    "POST /organizations": {"slug": "new"},
    "PATCH /organizations/{organization}/members/{user_id}": {"role": "admin"},
    "POST /organizations/{organization}/invitations (to be a member)": {"email": "new@acme.example"},
    "POST /organizations/{organization}/invitations (to be an admin)": {"email": "new@acme.example", "role": "admin"},
    "POST /organizations/{organization}/workspaces": {"slug": "new"},
    "POST /organizations/{organization}/access-tokens": {"lifetime_seconds": 60},
    "PATCH /workspaces/{workspace_id} (describe)": {"description": "Changed."},
    "PATCH /workspaces/{workspace_id} (archive)": {"archived": True},
    "PATCH /workspaces/{workspace_id} (bring back)": {"archived": False},
    "POST /workspaces/{workspace_id}/api-keys": {"name": "new"},
    "POST /workspaces/{workspace_id}/target-roots": {"name": "new", "uri_prefix": "/new/"},
    "PATCH /workspaces/{workspace_id}/target-roots/{name}": {"uri_prefix": "/changed/"},
    "POST /workspaces/{workspace_id}/builds": {"target_roots": {}},
    "PATCH /workspaces/{workspace_id}/builds/{build_id}": {"status": "completed"},
    "POST /workspaces/{workspace_id}/builds/{build_id}/tasks": {"tasks": [TASK]},
}


@dataclass(frozen=True, slots=True)
class InWorkspace:
    """The ids of a workspace and of what is in it; `keys` are the texts of two that count, by caller."""

    ids: Mapping[str, str]
    keys: Mapping[Caller, str]


@dataclass(frozen=True, slots=True)
class InOrganization:
    """The ids of an organization and of what is in it. Members and invitations go by what the policy calls them, access
    tokens by whose they are."""

    organization: str
    members: Mapping[str, str]
    invitations: Mapping[str, str]
    access_tokens: Mapping[Caller, str]


@dataclass(frozen=True, slots=True)
class Scene:
    """Whom and what there is, for requests made of rows of the policy."""

    registry: InProcess
    users: Mapping[Caller, User]
    credentials: Mapping[Caller, str | None]
    home: InOrganization
    elsewhere: InOrganization
    workspaces: Mapping[Target, InWorkspace]
    personal: Mapping[Caller, InWorkspace]
    invitation: str
    id_token: str
    access_token_id: str
    """Of the token that the caller of that kind shows."""

    answers: dict[tuple[str, Caller, Target], httpx.Response] = field(
        default_factory=dict[tuple[str, Caller, Target], httpx.Response]
    )
    """Those to requests that were made already: none of them changes anything."""

    def ask(self, row: Row, caller: Caller, target: Target) -> httpx.Response:
        """Do what the row is about, once."""
        asked = (str(row), caller, target)
        if asked not in self.answers:
            self.answers[asked] = self._ask(row, caller, target)
        return self.answers[asked]

    def _ask(self, row: Row, caller: Caller, target: Target) -> httpx.Response:
        organization = self._organization(target)
        workspace = self._workspace(caller, target)
        ids = self._ids(organization, workspace, row, caller, target)
        return self.send(row, self._credential(caller, workspace), ids)

    def send(self, row: Row, credential: str | None, ids: Mapping[str, str]) -> httpx.Response:
        """The same with a credential and ids of one's own choice."""
        body = self._body(row, ids)
        extra = {} if body is None else {"json": body}
        return self.registry.ask(row.method, "/api/v1" + row.path.format(**ids), credential, **extra)

    def ids_in(self, target: Target) -> Mapping[str, str]:
        """What there is in a workspace that everybody of its organization sees."""
        return {"organization": self.home.organization, **self.workspaces[target].ids}

    def _organization(self, target: Target) -> InOrganization | None:
        if target in {"missing", "no id"}:
            return None
        return self.elsewhere if target == "other organization" else self.home

    def _workspace(self, caller: Caller, target: Target) -> InWorkspace | None:
        if target == "own personal workspace":
            return self.personal.get(caller, self.personal["member"])
        return self.workspaces.get(target)

    def _credential(self, caller: Caller, workspace: InWorkspace | None) -> str | None:
        """Keys are those of the workspace asked for, if it has any: there is one of each kind of workspace."""
        if workspace is not None and caller in workspace.keys:
            return workspace.keys[caller]
        return self.credentials[caller]

    def _ids(
        self,
        organization: InOrganization | None,
        workspace: InWorkspace | None,
        row: Row,
        caller: Caller,
        target: Target,
    ) -> Mapping[str, str]:
        nothing = "no-such" if target == "no id" else NOBODYS
        ids: dict[str, str] = dict.fromkeys(_IDS, nothing)
        if organization is not None:
            ids["organization"] = organization.organization
            ids["user_id"] = organization.members["an admin" if row.case == "an admin" else "a member"]
            ids["invitation_id"] = organization.invitations.get(row.case, nothing)
            ids["access_token_id"] = organization.access_tokens.get(caller, nothing)
            if row.case == "itself" and caller == "access token":
                ids["access_token_id"] = self.access_token_id
        if row.case == "oneself" and caller in self.users:
            ids["user_id"] = self.users[caller].id
        return ids if workspace is None else {**ids, **workspace.ids}

    def _body(self, row: Row, ids: Mapping[str, str]) -> Mapping[str, Any] | None:
        match row.operation:
            case "POST /auth/exchange":
                return {"organization": ids["organization"]}
            case "PUT /me":
                return {"id_token": self.id_token}
            case "POST /invitations/accept":
                return {"token": self.invitation}
            case _:
                return _BODIES.get(str(row), _BODIES.get(row.operation))


def scene_in(registry: InProcess) -> Scene:
    """Set the scene in an empty registry."""
    return _SceneMaking(registry).scene()


@dataclass(frozen=True, slots=True)
class _SceneMaking:
    registry: InProcess

    def scene(self) -> Scene:
        furnish = self.registry.furnish
        home, elsewhere = furnish.organization("acme"), furnish.organization("stranger")
        users: dict[Caller, User] = {
            "owner": furnish.member(home, "owner"),
            "admin": furnish.member(home, "admin"),
            "member": furnish.member(home, "member"),
            "outsider": furnish.member(elsewhere, "owner", "outsider"),
            "removed member": furnish.member(home, "owner", "removed"),
            "issuer's token": furnish.member(home, "owner", "signed-in"),
        }
        furnish.member(elsewhere, "owner", "another-owner")
        furnish.remove(home, users["removed member"])
        credentials: dict[Caller, str | None] = {
            caller: self._token(user, elsewhere if caller == "outsider" else home) for caller, user in users.items()
        }
        signed_in = users["issuer's token"]
        credentials |= {"issuer's token": self.registry.access_token(signed_in), "nobody": None}
        owner, outsider = credentials["owner"], credentials["outsider"]
        assert owner is not None
        assert outsider is not None
        had: Sequence[Caller] = ("owner", "admin", "member")
        lent: dict[Caller, str] = {caller: self._access_token(credentials[caller], home)["id"] for caller in had}
        lent["access token"] = lent["owner"]
        shown = self._access_token(owner, home)
        users["access token"] = users["owner"]
        credentials |= {"access token": shown["access_token"], **self._bad_access_tokens(owner, home)}
        colleague = furnish.member(home, "member", "colleague")
        own = self._workspace(owner, furnish.workspace(home).id)
        workspaces: dict[Target, InWorkspace] = {
            "own workspace": own,
            "sibling workspace": self._without_keys(owner, furnish.workspace(home, "staging").id),
            "another's personal workspace": self._without_keys(owner, self._personal(colleague, home)),
            "archived workspace": self._workspace(owner, furnish.workspace(home, "old").id),
            "other organization": self._without_keys(outsider, furnish.workspace(elsewhere).id),
        }
        personal: dict[Caller, InWorkspace] = {
            "owner": self._without_keys(owner, self._personal(users["owner"], home)),
            "admin": self._without_keys(owner, self._personal(users["admin"], home)),
            "member": self._workspace(owner, self._personal(users["member"], home)),
        }
        personal["access token"] = personal["owner"]
        old = workspaces["archived workspace"].ids["workspace_id"]
        self._done("PATCH", f"/workspaces/{old}", owner, {"archived": True})
        credentials |= {**own.keys, **self._bad_keys(owner, own.ids["workspace_id"])}
        their_member = furnish.member(elsewhere, "member", "their-member").id
        their_admin = furnish.member(elsewhere, "admin", "their-admin").id
        _, invitation = self._invitation(outsider, elsewhere, str(signed_in.email), "member")
        return Scene(
            self.registry,
            users,
            credentials,
            self._organization(
                owner,
                home,
                {"a member": colleague.id, "an admin": furnish.member(home, "admin", "another-admin").id},
                lent,
            ),
            self._organization(
                outsider,
                elsewhere,
                {"a member": their_member, "an admin": their_admin},
                {"outsider": self._access_token(outsider, elsewhere)["id"]},
            ),
            workspaces,
            personal,
            invitation,
            self.registry.id_token(signed_in),
            shown["id"],
        )

    def _access_token(self, token: str | None, organization: Organization, lifetime_seconds: int = 43200) -> Any:
        assert token is not None
        body = {"lifetime_seconds": lifetime_seconds}
        return self._done("POST", f"/organizations/{organization.id}/access-tokens", token, body)

    def _bad_access_tokens(self, owner: str, organization: Organization) -> Mapping[Caller, str]:
        revoked = self._access_token(owner, organization)
        self._done("DELETE", f"/organizations/{organization.id}/access-tokens/{revoked['id']}", owner)
        expired = self._access_token(owner, organization, 1)
        self.registry.furnish.clock.move(timedelta(seconds=1))
        return {"revoked access token": revoked["access_token"], "expired access token": expired["access_token"]}

    def _bad_keys(self, owner: str, workspace: str) -> Mapping[Caller, str]:
        furnish = self.registry.furnish
        soon = (furnish.clock() + timedelta(seconds=1)).isoformat()
        path = f"/workspaces/{workspace}/api-keys"
        body = {"name": "a key", "purpose": "administer"}
        expired = self._done("POST", path, owner, {**body, "expires_at": soon})["key"]
        furnish.clock.move(timedelta(seconds=1))
        revoked = self._done("POST", path, owner, body)
        self._done("DELETE", f"{path}/{revoked['id']}", owner)
        return {"expired key": expired, "revoked key": revoked["key"]}

    def _organization(
        self,
        token: str,
        organization: Organization,
        members: Mapping[str, str],
        access_tokens: Mapping[Caller, str],
    ) -> InOrganization:
        waiting = {
            "to be a member": self._invitation(token, organization, "one@acme.example", "member")[0],
            "to be an admin": self._invitation(token, organization, "two@acme.example", "admin")[0],
        }
        return InOrganization(organization.id, members, waiting, access_tokens)

    def _invitation(self, token: str, organization: Organization, email: str, role: str) -> tuple[str, str]:
        """The id, and the secret of the link."""
        body = {"email": email, "role": role}
        made = self._done("POST", f"/organizations/{organization.id}/invitations", token, body)
        return made["id"], made["link"].partition("token=")[2]

    def _personal(self, user: User, organization: Organization) -> str:
        """The personal workspace that the first sign-in makes."""
        body = {"organization": organization.id}
        token = self._done("POST", "/auth/exchange", self.registry.access_token(user), body)["access_token"]
        listed = self._done("GET", f"/organizations/{organization.id}/workspaces", token)["items"]
        return next(str(item["id"]) for item in listed if item["slug"] == f"personal-{user.username}")

    def _without_keys(self, token: str, workspace: str) -> InWorkspace:
        """Keys that come with this one as their target are those of another workspace, then."""
        return InWorkspace(self._workspace(token, workspace).ids, {})

    def _workspace(self, token: str, workspace: str) -> InWorkspace:
        path = f"/workspaces/{workspace}"
        self._done("POST", f"{path}/target-roots", token, {"name": "there", "uri_prefix": "/there/"})
        build = self._done("POST", f"{path}/builds", token, {"target_roots": {"there": "/there/"}})["id"]
        task = self._done("POST", f"{path}/builds/{build}/tasks", token, {"tasks": [TASK]})["ids"][0]
        spare, administering, building = (
            self._done("POST", f"{path}/api-keys", token, {"name": "a key", "purpose": purpose})
            for purpose in ("build", "administer", "build")
        )
        return InWorkspace(
            {
                "workspace_id": workspace,
                "name": "there",
                "build_id": build,
                "task_id": task,
                "api_key_id": spare["id"],
            },
            {"administering key": administering["key"], "building key": building["key"]},
        )

    def _token(self, user: User, organization: Organization) -> str:
        return self.registry.tokens.make(user.id, organization.id)

    def _done(self, method: str, path: str, token: str, body: Mapping[str, Any] | None = None) -> Any:
        extra = {} if body is None else {"json": body}
        answer = self.registry.ask(method, f"/api/v1{path}", token, **extra)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None
