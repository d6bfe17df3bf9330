"""What a registry does, told once more and simply: readings, section 7, as values in memory. It shares no rule with the
program, so that the two can be held against each other.

Whoever asks is looked at first (401), then whether what they ask for is there for them (404), then whether they may
(403), whether the workspace is archived (409), and only then what they want.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

Json = dict[str, Any]
Role = Literal["member", "admin", "owner"]
Purpose = Literal["build", "administer"]
Action = Literal["read", "build", "administer", "see and revoke keys", "archive"]

RANKS: Mapping[Role, int] = {"member": 0, "admin": 1, "owner": 2}
ENDS = ("completed", "failed", "cancelled")
LOST_AFTER = timedelta(minutes=2)
INVITATIONS_COUNT_FOR = timedelta(days=14)


class Refused(Exception):
    """The answer is a problem, with this status and code."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code


UNAUTHENTICATED = (401, "unauthenticated")
NOT_FOUND = (404, "not-found")
NOT_ALLOWED = (403, "not-allowed")
ARCHIVED = (409, "archived")
INVALID = (422, "invalid")
ALREADY_EXISTS = (409, "already-exists")
LAST_OWNER = (409, "last-owner")
BUILD_ENDED = (409, "build-ended")
KEY_REUSED = (409, "idempotency-key-reused")


@dataclass(eq=False)
class Person:
    id: str
    name: str

    @property
    def email(self) -> str:
        return f"{self.name}@acme.example"


@dataclass(eq=False)
class Invitation:
    id: str
    organization: "Organization"
    email: str
    role: Role
    token: str
    expires_at: datetime
    pending: bool = True


@dataclass(eq=False)
class Organization:
    id: str
    slug: str
    name: str
    members: dict[Person, Role] = field(default_factory=dict[Person, Role])
    workspaces: list["Workspace"] = field(default_factory=list["Workspace"])
    invitations: list[Invitation] = field(default_factory=list[Invitation])
    audit: list[str] = field(default_factory=list[str])
    deleted: bool = False

    def owners(self) -> list[Person]:
        return [person for person, role in self.members.items() if role == "owner"]

    def slugs(self) -> set[str]:
        return {workspace.slug for workspace in self.workspaces if not workspace.deleted}


@dataclass(eq=False)
class Workspace:
    id: str
    organization: Organization
    slug: str
    name: str
    description: str = ""
    owner: Person | None = None
    archived: bool = False
    deleted: bool = False
    roots: dict[str, str] = field(default_factory=dict[str, str])
    history: list[Json] = field(default_factory=list[Json])
    keys: list["Key"] = field(default_factory=list["Key"])
    builds: list["Build"] = field(default_factory=list["Build"])
    tasks: dict[str, "Task"] = field(default_factory=dict[str, "Task"])

    def builds_with(self, name: str) -> int:
        """How many builds were validated with the root as it is now."""
        wanted = self.roots[name].rstrip("/")
        return sum(build.roots.get(name, "").rstrip("/") == wanted for build in self.builds)


@dataclass(eq=False)
class Key:
    id: str
    secret: str
    workspace: Workspace
    name: str
    purpose: Purpose
    expires_at: datetime | None
    revoked: bool = False


@dataclass(eq=False)
class Build:
    id: str
    started_at: datetime
    heartbeat_at: datetime
    roots: dict[str, str]
    description: str | None
    idempotency_key: str | None
    maker: str
    kept: str = "running"
    ended_at: datetime | None = None
    error: str | None = None

    def status(self, now: datetime) -> str:
        return "lost" if self.kept == "running" and now - self.heartbeat_at > LOST_AFTER else self.kept


@dataclass(eq=False)
class Task:
    id: str
    name: str
    parameters: Json
    recorded_at: datetime
    status: str = ""
    output: Json | None = None
    error: str | None = None
    updated_at: datetime | None = None
    runs: dict[Build, tuple[str, datetime]] = field(default_factory=dict[Build, tuple[str, datetime]])


@dataclass(frozen=True)
class Acting:
    """Somebody with a token for an organization, in which they may be no member any more."""

    person: Person
    organization: Organization


Actor = Acting | Key
Outcome = tuple[int, Json]


def task_id_of(name: str, parameters: Json) -> str:
    text = json.dumps([name, parameters], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def name_of(actor: Actor) -> str:
    return actor.person.name if isinstance(actor, Acting) else f"API key {actor.name}"


@dataclass
class Model:
    """All that there is. Every operation returns the status and what the answer says, or raises Refused.

    What the registry made up itself (ids, secrets) is given to the model in `made`, which holds the answer.
    """

    now: Callable[[], datetime]
    people: list[Person] = field(default_factory=list[Person])
    organizations: list[Organization] = field(default_factory=list[Organization])
    keys: list[Key] = field(default_factory=list[Key])
    invitations: list[Invitation] = field(default_factory=list[Invitation])

    # Who may.

    def counts(self, actor: Actor) -> None:
        if isinstance(actor, Acting):
            if actor.person not in actor.organization.members:
                raise Refused(*UNAUTHENTICATED)
        elif actor.revoked or (actor.expires_at is not None and self.now() >= actor.expires_at):
            raise Refused(*UNAUTHENTICATED)

    def in_organization(self, actor: Actor, organization: Organization, least: Role) -> Role:
        self.counts(actor)
        own = actor.organization if isinstance(actor, Acting) else actor.workspace.organization
        if own is not organization:
            raise Refused(*NOT_FOUND)
        if isinstance(actor, Key) or RANKS[organization.members[actor.person]] < RANKS[least]:
            raise Refused(*NOT_ALLOWED)
        return organization.members[actor.person]

    def sees(self, actor: Actor, workspace: Workspace) -> bool:
        if workspace.deleted:
            return False
        if isinstance(actor, Key):
            return actor.workspace is workspace
        if actor.organization is not workspace.organization:
            return False
        role = actor.organization.members[actor.person]
        return role != "member" or workspace.owner in {None, actor.person}

    def in_workspace(self, actor: Actor, workspace: Workspace, action: Action) -> None:
        self.counts(actor)
        if not self.sees(actor, workspace):
            raise Refused(*NOT_FOUND)
        if action not in self._actions_of(actor, workspace):
            raise Refused(*NOT_ALLOWED)
        if workspace.archived and action in {"build", "administer"}:
            raise Refused(*ARCHIVED)

    def _actions_of(self, actor: Actor, workspace: Workspace) -> set[Action]:
        builds: set[Action] = {"read", "build"}
        administers: set[Action] = {*builds, "administer", "see and revoke keys"}
        if isinstance(actor, Key):
            return administers if actor.purpose == "administer" else builds
        if workspace.organization.members[actor.person] != "member":
            return {*administers, "archive"}
        return administers if workspace.owner is actor.person else builds

    # People and organizations.

    def make_organization(self, person: Person, slug: str, made: Json) -> Outcome:
        if any(each.slug == slug and not each.deleted for each in self.organizations):
            raise Refused(*ALREADY_EXISTS)
        organization = Organization(made["id"], slug, slug)
        organization.members[person] = "owner"
        organization.audit.append("organization.created")
        self.organizations.append(organization)
        return 201, {"slug": slug, "name": slug, "role": "owner"}

    def delete_organization(self, actor: Actor, organization: Organization) -> Outcome:
        self.in_organization(actor, organization, "owner")
        organization.deleted = True
        organization.members.clear()
        for invitation in organization.invitations:
            invitation.pending = False
        for workspace in organization.workspaces:
            self._gone(workspace)
        return 204, {}

    def _gone(self, workspace: Workspace) -> None:
        workspace.deleted = True
        for key in workspace.keys:
            key.revoked = True

    def sign_in(self, person: Person, organization: Organization, personal_id: Callable[[], str]) -> Outcome:
        if person not in organization.members:
            raise Refused(*NOT_FOUND)
        if not any(each.owner is person and not each.deleted for each in organization.workspaces):
            slug = f"personal-{person.name}"
            organization.workspaces.append(Workspace(personal_id(), organization, slug, slug, owner=person))
            organization.audit.append("workspace.created")
        return 200, {"token_type": "Bearer", "expires_in": 600}

    def invite(self, actor: Actor, organization: Organization, email: str, role: Role, made: Json) -> Outcome:
        own = self.in_organization(actor, organization, "admin")
        before = [each for each in organization.invitations if each.pending and each.email == email]
        if own != "owner" and any(wanted != "member" for wanted in (role, *(each.role for each in before))):
            raise Refused(*NOT_ALLOWED)
        if "@" not in email:
            raise Refused(*INVALID)
        if any(member.email == email for member in organization.members):
            raise Refused(*ALREADY_EXISTS)
        for each in before:
            each.pending = False
        token = made["link"].rpartition("=")[2]
        expires_at = self.now() + INVITATIONS_COUNT_FOR
        invitation = Invitation(made["id"], organization, email, role, token, expires_at)
        organization.invitations.append(invitation)
        self.invitations.append(invitation)
        organization.audit.append("invitation.made")
        return 201, {"email": email, "role": role, "expires_at": expires_at, "maker": name_of(actor)}

    def withdraw(self, actor: Actor, organization: Organization, invitation: Invitation) -> Outcome:
        own = self.in_organization(actor, organization, "admin")
        if not invitation.pending or invitation.organization is not organization:
            raise Refused(*NOT_FOUND)
        if invitation.role != "member" and own != "owner":
            raise Refused(*NOT_ALLOWED)
        invitation.pending = False
        organization.audit.append("invitation.withdrawn")
        return 204, {}

    def accept(self, person: Person, invitation: Invitation) -> Outcome:
        if not invitation.pending or self.now() >= invitation.expires_at:
            raise Refused(*NOT_FOUND)
        if person.email != invitation.email:
            raise Refused(*NOT_ALLOWED)
        invitation.pending = False
        organization = invitation.organization
        organization.members[person] = invitation.role
        organization.audit.append("member.joined")
        return 200, {"slug": organization.slug, "role": invitation.role}

    def set_role(self, actor: Actor, organization: Organization, whom: Person, role: Role) -> Outcome:
        self.in_organization(actor, organization, "owner")
        old = self._role_of(organization, whom)
        if old != role:
            self._keep_an_owner(organization, whom)
            organization.members[whom] = role
            organization.audit.append("member.role-changed")
        return 200, {"id": whom.id, "username": whom.name, "email": whom.email, "role": role}

    def remove(self, actor: Actor, organization: Organization, whom: Person) -> Outcome:
        leaves = isinstance(actor, Acting) and actor.person is whom
        own = self.in_organization(actor, organization, "member" if leaves else "admin")
        role = self._role_of(organization, whom)
        if not leaves and role != "member" and own != "owner":
            raise Refused(*NOT_ALLOWED)
        self._keep_an_owner(organization, whom)
        del organization.members[whom]
        for workspace in organization.workspaces:
            if workspace.owner is whom:  # nobody is left whose keys these are
                for key in workspace.keys:
                    key.revoked = True
        organization.audit.append("member.left" if leaves else "member.removed")
        return 204, {}

    def _role_of(self, organization: Organization, whom: Person) -> Role:
        if whom not in organization.members:
            raise Refused(*NOT_FOUND)
        return organization.members[whom]

    def _keep_an_owner(self, organization: Organization, whom: Person) -> None:
        if organization.owners() == [whom]:
            raise Refused(*LAST_OWNER)

    # Workspaces, target roots and keys.

    def make_workspace(self, actor: Actor, organization: Organization, slug: str, made: Json) -> Outcome:
        self.in_organization(actor, organization, "admin")
        self._check_slug(organization, slug)
        organization.workspaces.append(Workspace(made["id"], organization, slug, slug))
        organization.audit.append("workspace.created")
        return 201, {"slug": slug, "name": slug, "personal": False, "archived": False}

    def _check_slug(self, organization: Organization, slug: str) -> None:
        if not slug or slug.startswith("personal-"):
            raise Refused(*INVALID)
        if slug in organization.slugs():
            raise Refused(*ALREADY_EXISTS)

    def change_workspace(self, actor: Actor, workspace: Workspace, edit: Json) -> Outcome:
        self.in_workspace(actor, workspace, "archive" if "archived" in edit else "administer")
        new = {name: value for name, value in edit.items() if getattr(workspace, name) != value}
        if "slug" in new:
            if workspace.owner is not None:
                raise Refused(*INVALID)
            self._check_slug(workspace.organization, new["slug"])
        if new.get("name") == "":
            raise Refused(*INVALID)
        if workspace.archived and new.keys() - {"archived"}:  # it is brought back first, by itself
            raise Refused(*ARCHIVED)
        for name, value in new.items():
            setattr(workspace, name, value)
        if new:
            workspace.organization.audit.append("workspace.changed")
        return 200, shown_workspace(workspace)

    def delete_workspace(self, actor: Actor, workspace: Workspace) -> Outcome:
        self.in_workspace(actor, workspace, "archive")
        self._gone(workspace)
        workspace.organization.audit.append("workspace.deleted")
        return 204, {}

    def set_root(self, actor: Actor, workspace: Workspace, name: str, prefix: str | None, *, new: bool) -> Outcome:
        """Add one where it is `new`; else change it, or remove it where there is no prefix."""
        self.in_workspace(actor, workspace, "administer")
        if new and (name == "No Name" or prefix == "relative"):
            raise Refused(*INVALID)
        if new and name in workspace.roots:
            raise Refused(*ALREADY_EXISTS)
        if not new and prefix == "relative":
            raise Refused(*INVALID)
        if not new and name not in workspace.roots:
            raise Refused(*NOT_FOUND)
        old = workspace.roots.get(name)
        if prefix != old:
            builds = 0 if old is None else workspace.builds_with(name)
            by = name_of(actor)
            workspace.history.append({"name": name, "old": old, "new": prefix, "by": by, "builds": builds})
            done = "added" if old is None else "removed" if prefix is None else "changed"
            workspace.organization.audit.append(f"target-root.{done}")
        if prefix is None:
            del workspace.roots[name]
            return 204, {}
        workspace.roots[name] = prefix
        return 201 if new else 200, {"name": name, "uri_prefix": prefix}

    def make_key(
        self, actor: Actor, workspace: Workspace, purpose: Purpose, expires_in: timedelta | None, made: Json
    ) -> Outcome:
        self.in_workspace(actor, workspace, "administer")
        expires_at = None if expires_in is None else self.now() + expires_in
        if expires_in is not None and expires_in <= timedelta():
            raise Refused(*INVALID)
        key = Key(made["id"], made["key"], workspace, "a key", purpose, expires_at)
        workspace.keys.append(key)
        self.keys.append(key)
        workspace.organization.audit.append("api-key.created")
        return 201, {"name": "a key", "purpose": purpose, "maker": name_of(actor), "expires_at": expires_at}

    def revoke_key(self, actor: Actor, workspace: Workspace, key: Key) -> Outcome:
        self.in_workspace(actor, workspace, "see and revoke keys")
        if key.workspace is not workspace:
            raise Refused(*NOT_FOUND)
        if not key.revoked:
            key.revoked = True
            workspace.organization.audit.append("api-key.revoked")
        return 204, {}

    # Builds and tasks.

    def register(
        self,
        actor: Actor,
        workspace: Workspace,
        roots: dict[str, str],
        description: str | None,
        idempotency_key: str | None,
        made: Json,
    ) -> Outcome:
        self.in_workspace(actor, workspace, "build")
        for build in workspace.builds:
            if idempotency_key is not None and build.idempotency_key == idempotency_key:
                if (build.roots, build.description) != (roots, description):
                    raise Refused(*KEY_REUSED)
                return 200, {"id": build.id, "status": build.status(self.now()), "heartbeat_seconds": 30}
        now = self.now()
        workspace.builds.append(Build(made["id"], now, now, roots, description, idempotency_key, name_of(actor)))
        workspace.organization.audit.append("build.registered")
        return 201, {"status": "running", "description": description, "heartbeat_seconds": 30}

    def heartbeat(self, actor: Actor, workspace: Workspace, build: Build) -> Outcome:
        self._check_build(actor, workspace, build)
        if build.kept == "running":
            build.heartbeat_at = self.now()
        return 200, {"id": build.id, "status": build.kept, "heartbeat_at": build.heartbeat_at}

    def end(self, actor: Actor, workspace: Workspace, build: Build, end: str, error: str | None) -> Outcome:
        self._check_build(actor, workspace, build)
        if error is not None and end != "failed":
            raise Refused(*INVALID)
        if build.kept not in {"running", end}:
            raise Refused(*BUILD_ENDED)
        if build.kept == "running":
            build.kept, build.ended_at, build.error = end, self.now(), error
            workspace.organization.audit.append(f"build.{end}")
        return 200, {"id": build.id, "status": end, "ended_at": build.ended_at, "error": build.error}

    def record(self, actor: Actor, workspace: Workspace, build: Build, records: Sequence[Json]) -> Outcome:
        self._check_build(actor, workspace, build)
        if not records or any((one.get("output") or {"path": ""})["path"].startswith("/") for one in records):
            raise Refused(*INVALID)
        for record in records:
            self._keep(workspace, build, record)
        workspace.organization.audit.append("tasks.recorded")
        ids = [task_id_of(record["name"], record["parameters"]) for record in records]
        return 200, {"ids": ids, "build_status": build.kept}

    def _keep(self, workspace: Workspace, build: Build, record: Json) -> None:
        task_id = task_id_of(record["name"], record["parameters"])
        known = workspace.tasks.get(task_id)
        task = known or Task(task_id, record["name"], record["parameters"], self.now())
        workspace.tasks[task_id] = task
        task.runs[build] = (record["status"], self.now())
        if known is None or record["status"] != "reused":
            task.status = "completed" if record["status"] == "reused" else record["status"]
            task.output, task.error = record.get("output"), record.get("error")
            task.updated_at = self.now()
        elif task.status != "completed":  # who reuses it has seen that its output is complete
            task.status, task.error = "completed", None

    def _check_build(self, actor: Actor, workspace: Workspace, build: Build) -> None:
        self.in_workspace(actor, workspace, "build")
        if build not in workspace.builds:
            raise Refused(*NOT_FOUND)

    # What is seen.

    def listed_workspaces(self, actor: Actor, *, archived: bool) -> list[Json]:
        self.counts(actor)
        own = actor.organization if isinstance(actor, Acting) else actor.workspace.organization
        there = [each for each in own.workspaces if self.sees(actor, each) and each.archived == archived]
        return [shown_workspace(each) for each in sorted(there, key=lambda each: each.slug)]


def shown_workspace(workspace: Workspace) -> Json:
    return {
        "id": workspace.id,
        "organization_id": workspace.organization.id,
        "slug": workspace.slug,
        "name": workspace.name,
        "description": workspace.description,
        "personal": workspace.owner is not None,
        "archived": workspace.archived,
    }


def shown_build(build: Build, now: datetime) -> Json:
    return {
        "id": build.id,
        "status": build.status(now),
        "name": None,
        "description": build.description,
        "commit": None,
        "started_at": build.started_at,
        "heartbeat_at": build.heartbeat_at,
        "ended_at": build.ended_at,
        "error": build.error,
        "maker": build.maker,
    }


def shown_task(task: Task) -> Json:
    return {
        "id": task.id,
        "name": task.name,
        "parameters": task.parameters,
        "status": task.status,
        "output": task.output,
        "recorded_at": task.recorded_at,
        "updated_at": task.updated_at,
        "started_at": None,
        "ended_at": None,
        "error": task.error,
    }
