"""Random sequences of operations over HTTP, on both databases, beside a simple model: every answer and what is seen
afterwards are the same."""

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

import httpx
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from stardag_registry.domain.users import User
from tests.registry.in_process import ADDRESS, InProcess
from tests.registry.model.rules import (
    ENDS,
    RANKS,
    Acting,
    Actor,
    Build,
    Invitation,
    Json,
    Key,
    Model,
    Organization,
    Outcome,
    Person,
    Purpose,
    Refused,
    Role,
    Workspace,
    shown_build,
    shown_task,
    shown_workspace,
    task_id_of,
)

_NUMBERS = itertools.count(1)

WHICH = st.integers(0, 11)
"""Picks something of what is there."""

ROLES = st.sampled_from(sorted(RANKS))
ROOTS = st.sampled_from(["default", "archive", "scratch"])
PREFIXES = st.sampled_from(["/data/", "/data", "s3://bucket/prefix/", "relative"])
PURPOSES: st.SearchStrategy[Purpose] = st.sampled_from(["build", "administer"])
LIFETIMES = st.sampled_from([None, timedelta(minutes=1), timedelta(days=1), timedelta(seconds=-1)])
STEPS = st.sampled_from(
    [timedelta(seconds=1), timedelta(minutes=2), timedelta(minutes=2, seconds=1), timedelta(days=13), timedelta(days=1)]
)
EDITS = st.sampled_from(
    [
        {"archived": True},
        {"archived": False},
        {"name": "Étage"},
        {"name": ""},
        {"description": "Two\nlines"},
        {"slug": "staging"},
        {"slug": ""},
        {"slug": "personal-x"},
        {"archived": True, "name": "archive"},
        {"archived": False, "slug": "production"},
    ]
)
PARAMETERS = st.sampled_from([{}, {"lr": 0.1}, {"lr": 1}, {"lr": "1"}, {"n": {"b": [1, None, "é"], "a": True}}])
RECORDS = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["train", "load"]),
        "parameters": PARAMETERS,
        "status": st.sampled_from(["running", "completed", "failed", "cancelled", "reused"]),
    },
    optional={
        "output": st.sampled_from([None, {"root": "default", "path": "a/b"}, {"root": "default", "path": "/out"}]),
        "error": st.sampled_from([None, "It broke.\nTwice."]),
    },
)


_OPERATIONS: list[st.SearchStrategy[tuple[str, Json]]] = []


def operation(**drawn: st.SearchStrategy[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Marks an operation, with what its arguments are drawn from."""

    def mark(method: Callable[..., None]) -> Callable[..., None]:
        _OPERATIONS.append(st.tuples(st.just(method.__name__), st.fixed_dictionaries(drawn)))
        return method

    return mark


class Made(dict[str, Any]):
    """What the registry made up, in its answer; nothing where it refused."""

    def __missing__(self, key: str) -> str:
        return "nothing was made"


class RegistryBesideModel(RuleBasedStateMachine):
    """Does everything twice."""

    registry: InProcess

    def __init__(self) -> None:
        super().__init__()
        self.clock = self.registry.furnish.clock
        self.model = Model(self.clock)
        self.touched: list[Organization | Workspace] = []
        self.users: dict[Person, User] = {}
        self.number = next(_NUMBERS)

    # Asking, and holding answers against the model.

    def credential_of(self, actor: Actor | Person) -> str:
        if isinstance(actor, Key):
            return actor.secret
        if isinstance(actor, Acting):
            return self.registry.tokens.make(actor.person.id, actor.organization.id)
        return self.registry.access_token(self.users[actor])

    def ask(self, method: str, path: str, actor: Actor | Person, **more: Any) -> httpx.Response:
        return self.registry.ask(method, f"/api/v1{path}", self.credential_of(actor), **more)

    def same(self, answer: httpx.Response, expected: Callable[[Made], Outcome], *, invalid: bool = False) -> None:
        """The answer is what the model says. A body that is `invalid` may also be refused as such before anything else
        is, unless nobody asks."""
        made = Made(answer.json() if answer.is_success and answer.content else {})
        try:
            status, said = expected(made)
        except Refused as refused:
            told = (answer.status_code, answer.json().get("code") if answer.content else "")
            allowed = {(refused.status, refused.code)}
            if invalid and refused.status != 401:
                allowed.add((422, "invalid"))
            assert told in allowed, (told, allowed, answer.text)
            return
        assert answer.status_code == status, (status, answer.status_code, answer.text)
        found = plain(dict(made))
        assert {name: found.get(name) for name in said} == plain(said), answer.text
        assert answer.content or not said

    def listed(self, path: str, actor: Actor | Person, limit: int = 1000, **query: Any) -> list[Json]:
        """All items, page after page."""
        items: list[Json] = []
        cursor: Mapping[str, str] = {}
        while True:
            answer = self.ask("GET", path, actor, params={**query, "limit": limit, **cursor})
            assert answer.status_code == 200, answer.text
            page: Json = answer.json()
            assert len(page["items"]) <= limit
            items += page["items"]
            if page["next_cursor"] is None:
                return items
            assert len(page["items"]) == limit
            cursor = {"cursor": page["next_cursor"]}

    # Picking something of what is there.

    def organization(self, which: int) -> Organization:
        """One that is there, mostly the first."""
        there = [each for each in self.model.organizations if not each.deleted] or self.model.organizations
        return there[0 if which < 6 else which % len(there)]

    def workspace(self, which: int) -> Workspace:
        """One that is there, mostly the first; the last two choices are among all that ever were."""
        ever = [each for one in self.model.organizations for each in one.workspaces]
        there = [each for each in ever if not each.deleted] if which < 10 else []
        return (there or ever)[0 if which < 4 else which % len(there or ever)]

    def person(self, which: int) -> Person:
        """Anybody."""
        return self.model.people[which % len(self.model.people)]

    def member(self, organization: Organization, which: int) -> Person:
        """A member, mostly."""
        there = list(organization.members) if which < 9 else []
        return there[which % len(there)] if there else self.person(which)

    def actor(self, who: int, organization: Organization, workspace: Workspace | None = None) -> Actor:
        """Somebody to whom it may matter: members, others, keys of the place and of elsewhere."""
        people = sorted(organization.members, key=lambda each: -RANKS[organization.members[each]])
        others = [each for each in self.model.people if each not in organization.members]
        own = [key for key in self.model.keys if workspace is None or key.workspace is workspace]
        elsewhere = [
            Acting(person, each)
            for each in self.model.organizations
            if each is not organization
            for person in each.members
        ]
        acting = [Acting(person, organization) for person in (*people[:1], *people[:2], *people, *others[:1])]
        there: list[Actor] = [*acting, *own[:2], *own[-2:], *elsewhere[:1], *self.model.keys[:1]]
        return there[who % len(there)]

    # Operations. They are one rule: among many, only some would be tried in one run, and few runs would get anywhere.

    @rule(what=st.deferred(lambda: st.one_of(_OPERATIONS)))
    def do(self, what: tuple[str, Json]) -> None:
        name, drawn = what
        getattr(self, name)(**drawn)

    @initialize()
    def furnish(self) -> None:
        """Four people and two organizations, one of them at work: its owner, an admin, a member with a personal
        workspace and a key of it, somebody invited as admin, and a workspace with a root, keys and builds."""
        for name in ("alice", "bob", "carol", "dave"):
            subject = f"{name}-{self.number}"
            user = User("", ADDRESS, subject, subject, f"{subject}@acme.example", email_verified=True)
            body = {"id_token": self.registry.id_token(user)}
            answer = self.registry.ask("PUT", "/api/v1/me", self.registry.access_token(user), json=body)
            person = Person(answer.json()["user"]["id"], subject)
            self.model.people.append(person)
            self.users[person] = user
        for number in (0, 1):
            self.make_organization(number, number)
        self.make_workspace(0, 0, "production")
        admin, member = 1, 2
        roles: dict[int, Role] = {admin: "admin", member: "member"}
        for whom, role in roles.items():
            self.invite(0, 0, whom, role)
            self.accept(0, 0)
        self.sign_in(member, 0)
        self.add_root(0, 0, "default", "/data/")
        for purpose in ("administer", "build"):
            self.make_key(0, 0, purpose, None)
        self.make_key(0, 5, "build", None)
        self.invite(0, 0, 3, "admin")
        for key in ("first", "second"):
            self.register(0, 0, None, None, key)
        self.record(0, 0, 0, [{"name": "train", "parameters": {"lr": 0.1}, "status": "completed"}])

    @operation(who=WHICH, slug=st.integers(0, 3))
    def make_organization(self, who: int, slug: int) -> None:
        body = {"slug": f"team-{self.number}-{slug}"}
        person = self.person(who)
        answer = self.ask("POST", "/organizations", person, json=body)
        self.same(answer, lambda made: self.model.make_organization(person, body["slug"], made))

    @operation(who=WHICH, which=WHICH, sure=st.integers(0, 4))
    def delete_organization(self, who: int, which: int, sure: int) -> None:
        organization = self.organization(which)
        actor = self.actor(who, organization)
        if sure == 4:
            answer = self.ask("DELETE", f"/organizations/{organization.slug}", actor)
            self.same(answer, lambda _: self.model.delete_organization(actor, organization))

    @operation(who=WHICH, which=WHICH)
    def sign_in(self, who: int, which: int) -> None:
        person, organization = self.person(who), self.organization(which)
        answer = self.ask("POST", "/auth/exchange", person, json={"organization": organization.slug})
        self.same(answer, lambda _: self.model.sign_in(person, organization, lambda: self.personal(person, answer)))
        self.touched = [organization]

    def personal(self, person: Person, answer: httpx.Response) -> str:
        """The id of the workspace that a sign-in has made, as its owner sees it."""
        token: str = answer.json()["access_token"]
        organization: str = answer.json()["organization"]["id"]
        listed = self.registry.ask("GET", f"/api/v1/organizations/{organization}/workspaces", token).json()["items"]
        ids: list[str] = [each["id"] for each in listed if each["slug"] == f"personal-{person.name}"]
        return ids[0]

    @operation(who=WHICH, which=WHICH, whom=st.integers(0, 5), role=ROLES)
    def invite(self, who: int, which: int, whom: int, role: Role) -> None:
        organization = self.organization(which)
        emails = [person.email for person in self.model.people]
        email = [*emails, f"nobody-{self.number}@acme.example", "nobody"][whom]
        actor = self.actor(who, organization)
        path = f"/organizations/{organization.id}/invitations"
        answer = self.ask("POST", path, actor, json={"email": email, "role": role})
        self.same(
            answer, lambda made: self.model.invite(actor, organization, email, role, made), invalid=email == "nobody"
        )
        self.touched = [organization]

    @operation(which=WHICH, who=WHICH)
    def accept(self, which: int, who: int) -> None:
        """The newest, mostly, and the person who was invited."""
        invitation = self.invitation(which)
        if invitation is None:
            return
        invited = [person for person in self.model.people if person.email == invitation.email]
        person = invited[0] if invited and who < 9 else self.person(who)
        answer = self.ask("POST", "/invitations/accept", person, json={"token": invitation.token})
        self.same(answer, lambda _: self.model.accept(person, invitation))
        self.touched = [invitation.organization]

    @operation(who=WHICH, which=WHICH)
    def withdraw(self, who: int, which: int) -> None:
        invitation = self.invitation(which)
        if invitation is None:
            return
        organization = invitation.organization if who < 10 else self.organization(which)
        actor = self.actor(who, organization)
        answer = self.ask("DELETE", f"/organizations/{organization.id}/invitations/{invitation.id}", actor)
        self.same(answer, lambda _: self.model.withdraw(actor, organization, invitation))
        self.touched = [organization]

    def invitation(self, which: int) -> Invitation | None:
        """The newest first."""
        there = self.model.invitations
        return there[-1 - which % len(there)] if there else None

    @operation(who=WHICH, which=WHICH, whom=WHICH, role=ROLES)
    def set_role(self, who: int, which: int, whom: int, role: Role) -> None:
        organization = self.organization(which)
        person = self.member(organization, whom)
        actor = self.actor(who, organization)
        answer = self.ask(
            "PATCH", f"/organizations/{organization.slug}/members/{person.id}", actor, json={"role": role}
        )
        self.same(answer, lambda _: self.model.set_role(actor, organization, person, role))
        self.touched = [organization]

    @operation(who=WHICH, which=WHICH, whom=WHICH)
    def remove_member(self, who: int, which: int, whom: int) -> None:
        organization = self.organization(which)
        person = self.member(organization, whom)
        actor = self.actor(who, organization)
        answer = self.ask("DELETE", f"/organizations/{organization.id}/members/{person.id}", actor)
        self.same(answer, lambda _: self.model.remove(actor, organization, person))
        self.touched = [organization, *(each for each in organization.workspaces if each.owner is person)]

    @operation(who=WHICH, which=WHICH, slug=st.sampled_from(["production", "staging", "third", "personal-x"]))
    def make_workspace(self, who: int, which: int, slug: str) -> None:
        organization = self.organization(which)
        actor = self.actor(who, organization)
        answer = self.ask("POST", f"/organizations/{organization.id}/workspaces", actor, json={"slug": slug})
        self.same(
            answer,
            lambda made: self.model.make_workspace(actor, organization, slug, made),
            invalid=slug.startswith("personal-"),
        )
        self.touched = [organization]

    @operation(who=WHICH, which=WHICH, edit=EDITS)
    def change_workspace(self, who: int, which: int, edit: Json) -> None:
        workspace, actor = self.place(who, which)
        answer = self.ask("PATCH", f"/workspaces/{workspace.id}", actor, json=edit)
        invalid = edit.get("slug") in {"", "personal-x"} or edit.get("name") == ""
        self.same(answer, lambda _: self.model.change_workspace(actor, workspace, edit), invalid=invalid)
        self.touched = [workspace.organization]

    @operation(who=WHICH, which=WHICH, sure=st.integers(0, 2))
    def delete_workspace(self, who: int, which: int, sure: int) -> None:
        workspace, actor = self.place(who, which)
        if sure == 2:
            answer = self.ask("DELETE", f"/workspaces/{workspace.id}", actor)
            self.same(answer, lambda _: self.model.delete_workspace(actor, workspace))
            self.touched = [workspace, workspace.organization]

    @operation(who=WHICH, which=WHICH, name=st.one_of(ROOTS, st.just("No Name")), prefix=PREFIXES)
    def add_root(self, who: int, which: int, name: str, prefix: str) -> None:
        workspace, actor = self.place(who, which)
        body = {"name": name, "uri_prefix": prefix}
        answer = self.ask("POST", f"/workspaces/{workspace.id}/target-roots", actor, json=body)
        self.same(
            answer,
            lambda _: self.model.set_root(actor, workspace, name, prefix, new=True),
            invalid=name == "No Name" or prefix == "relative",
        )
        self.touched = [workspace]

    @operation(who=WHICH, which=WHICH, name=ROOTS, prefix=PREFIXES)
    def change_root(self, who: int, which: int, name: str, prefix: str) -> None:
        workspace, actor = self.place(who, which)
        path = f"/workspaces/{workspace.id}/target-roots/{name}"
        answer = self.ask("PATCH", path, actor, json={"uri_prefix": prefix})
        self.same(
            answer,
            lambda _: self.model.set_root(actor, workspace, name, prefix, new=False),
            invalid=prefix == "relative",
        )
        self.touched = [workspace]

    @operation(who=WHICH, which=WHICH, name=ROOTS)
    def remove_root(self, who: int, which: int, name: str) -> None:
        workspace, actor = self.place(who, which)
        answer = self.ask("DELETE", f"/workspaces/{workspace.id}/target-roots/{name}", actor)
        self.same(answer, lambda _: self.model.set_root(actor, workspace, name, None, new=False))
        self.touched = [workspace]

    @operation(who=WHICH, which=WHICH, purpose=PURPOSES, expires_in=LIFETIMES)
    def make_key(self, who: int, which: int, purpose: Purpose, expires_in: timedelta | None) -> None:
        workspace, actor = self.place(who, which)
        expires_at = None if expires_in is None else (self.clock() + expires_in).isoformat()
        body = {"name": "a key", "purpose": purpose, "expires_at": expires_at}
        answer = self.ask("POST", f"/workspaces/{workspace.id}/api-keys", actor, json=body)
        self.same(
            answer,
            lambda made: self.model.make_key(actor, workspace, purpose, expires_in, made),
            invalid=expires_in is not None and expires_in < timedelta(),
        )
        self.touched = [workspace]

    @operation(who=WHICH, which=WHICH, what=WHICH)
    def revoke_key(self, who: int, which: int, what: int) -> None:
        if not self.model.keys:
            return
        key = self.model.keys[what % len(self.model.keys)]
        workspace = key.workspace if which < 10 else self.workspace(which)
        actor = self.actor(who, workspace.organization, workspace)
        answer = self.ask("DELETE", f"/workspaces/{workspace.id}/api-keys/{key.id}", actor)
        self.same(answer, lambda _: self.model.revoke_key(actor, workspace, key))
        self.touched = [workspace]

    @operation(
        who=WHICH,
        which=WHICH,
        roots=st.one_of(st.none(), st.dictionaries(ROOTS, PREFIXES.filter(lambda each: each != "relative"))),
        description=st.sampled_from([None, "nightly"]),
        key=st.sampled_from([None, "first", "second"]),
    )
    def register(
        self, who: int, which: int, roots: dict[str, str] | None, description: str | None, key: str | None
    ) -> None:
        """With the roots as they are, mostly."""
        workspace, actor = self.place(who, which)
        validated = dict(workspace.roots) if roots is None else roots
        body = {"target_roots": validated, "description": description}
        headers = {} if key is None else {"Idempotency-Key": key}
        answer = self.ask("POST", f"/workspaces/{workspace.id}/builds", actor, json=body, headers=headers)
        self.same(answer, lambda made: self.model.register(actor, workspace, validated, description, key, made))
        self.touched = [workspace]

    @operation(who=WHICH, which=WHICH, what=WHICH)
    def heartbeat(self, who: int, which: int, what: int) -> None:
        workspace, build = self.run(which, what)
        if build is not None:
            actor = self.actor(who, workspace.organization, workspace)
            answer = self.ask("POST", f"/workspaces/{workspace.id}/builds/{build.id}/heartbeat", actor)
            self.same(answer, lambda _: self.model.heartbeat(actor, workspace, build))
            self.touched = [workspace]

    @operation(
        who=WHICH, which=WHICH, what=WHICH, end=st.sampled_from(ENDS), error=st.sampled_from([None, "It broke."])
    )
    def end(self, who: int, which: int, what: int, end: str, error: str | None) -> None:
        workspace, build = self.run(which, what)
        if build is not None:
            actor = self.actor(who, workspace.organization, workspace)
            body = {"status": end, "error": error}
            answer = self.ask("PATCH", f"/workspaces/{workspace.id}/builds/{build.id}", actor, json=body)
            self.same(
                answer,
                lambda _: self.model.end(actor, workspace, build, end, error),
                invalid=error is not None and end != "failed",
            )
            self.touched = [workspace]

    @operation(who=WHICH, which=WHICH, what=WHICH, records=st.lists(RECORDS, max_size=3))
    def record(self, who: int, which: int, what: int, records: list[Json]) -> None:
        workspace, build = self.run(which, what)
        if build is not None:
            actor = self.actor(who, workspace.organization, workspace)
            path = f"/workspaces/{workspace.id}/builds/{build.id}/tasks"
            answer = self.ask("POST", path, actor, json={"tasks": records})
            self.same(
                answer,
                lambda _: self.model.record(actor, workspace, build, records),
                invalid=not records or "/out" in json.dumps(records),
            )
            self.touched = [workspace]

    @operation(by=STEPS)
    def wait(self, by: timedelta) -> None:
        self.clock.move(by)
        self.touched = [each for one in self.model.organizations[:1] for each in one.workspaces[:1]]

    def place(self, who: int, which: int) -> tuple[Workspace, Actor]:
        workspace = self.workspace(which)
        return workspace, self.actor(who, workspace.organization, workspace)

    def run(self, which: int, what: int) -> tuple[Workspace, Build | None]:
        """A workspace and a build, now and then one of another."""
        workspace = self.workspace(which)
        own = workspace.builds or self.workspace(0).builds
        return workspace, own[what % len(own)] if own else None

    # Looking.

    @operation(
        which=WHICH,
        name=st.sampled_from([None, "train"]),
        parameter=st.sampled_from([None, ("lr", 0.1), ("lr", "1"), ("n", {"a": True, "b": [1, None, "é"]})]),
        status=st.sampled_from([None, "completed", "failed"]),
        build=st.one_of(st.none(), WHICH),
        oldest_first=st.booleans(),
        limit=st.sampled_from([1, 2, 1000]),
    )
    def search_tasks(
        self,
        which: int,
        name: str | None,
        parameter: tuple[str, Any] | None,
        status: str | None,
        build: int | None,
        oldest_first: bool,
        limit: int,
    ) -> None:
        workspace = self.workspace(which)
        if workspace.deleted:
            return
        query = {"name": name, "status": status, "order": "oldest" if oldest_first else "newest"}
        found = [
            task for task in workspace.tasks.values() if name in {None, task.name} and status in {None, task.status}
        ]
        if parameter is not None:
            query["parameter"] = f"{parameter[0]}={json.dumps(parameter[1])}"
            found = [task for task in found if said(task.parameters.get(parameter[0])) == said(parameter[1])]
        if build is not None and workspace.builds:
            ran = workspace.builds[build % len(workspace.builds)]
            query["build"] = ran.id
            found = [task for task in found if ran in task.runs]
        found.sort(key=lambda task: (task.recorded_at, task.id), reverse=not oldest_first)
        items = self.listed(
            f"/workspaces/{workspace.id}/tasks", self.owner_of(workspace.organization), limit, **given(query)
        )
        assert plain(items) == plain([shown_task(task) for task in found])

    @operation(
        which=WHICH,
        status=st.sampled_from([None, "running", "lost", "failed"]),
        after=st.one_of(st.none(), WHICH),
        before=st.one_of(st.none(), WHICH),
        task=st.sampled_from([None, ("train", {"lr": 0.1}), ("load", {})]),
        oldest_first=st.booleans(),
        limit=st.sampled_from([1, 2, 1000]),
    )
    def search_builds(
        self,
        which: int,
        status: str | None,
        after: int | None,
        before: int | None,
        task: tuple[str, Json] | None,
        oldest_first: bool,
        limit: int,
    ) -> None:
        workspace = self.workspace(which)
        if workspace.deleted or not workspace.builds:
            return
        now, found, query = self.clock(), list(workspace.builds), {"order": "oldest" if oldest_first else "newest"}
        if status is not None:
            query["status"] = status
            found = [build for build in found if build.status(now) == status]
        if after is not None:
            moment = workspace.builds[after % len(workspace.builds)].started_at
            query["started_after"] = moment.isoformat()
            found = [build for build in found if build.started_at >= moment]
        if before is not None:
            moment = workspace.builds[before % len(workspace.builds)].started_at
            query["started_before"] = moment.isoformat()
            found = [build for build in found if build.started_at < moment]
        if task is not None:
            query["task"] = task_id_of(*task)
            ran = workspace.tasks.get(query["task"])
            found = [build for build in found if ran is not None and build in ran.runs]
        found.sort(key=lambda build: (build.started_at, build.id), reverse=not oldest_first)
        items = self.listed(f"/workspaces/{workspace.id}/builds", self.owner_of(workspace.organization), limit, **query)
        assert plain(items) == plain([shown_build(build, now) for build in found])

    @operation(who=WHICH, which=WHICH, archived=st.booleans())
    def look_around(self, who: int, which: int, archived: bool) -> None:
        """What one caller sees: who they are, which organizations and workspaces, and one workspace."""
        workspace, actor = self.place(who, which)
        try:
            workspaces = self.model.listed_workspaces(actor, archived=archived)
        except Refused:
            assert self.ask("GET", "/me", actor).status_code == 401
            assert self.ask("GET", f"/workspaces/{workspace.id}", actor).status_code == 401
            return
        own = actor.organization if isinstance(actor, Acting) else actor.workspace.organization
        role = own.members[actor.person] if isinstance(actor, Acting) else None
        assert self.listed("/organizations", actor) == [
            {"id": own.id, "slug": own.slug, "name": own.name, "role": role}
        ]
        me = self.ask("GET", "/me", actor).json()
        assert (me["user"] or me["api_key"])["id"] == (actor.person if isinstance(actor, Acting) else actor).id
        path = f"/organizations/{own.id}/workspaces"
        assert self.listed(path, actor, limit=1, archived=archived) == workspaces
        answer = self.ask("GET", f"/workspaces/{workspace.id}", actor)
        assert answer.status_code == (200 if self.model.sees(actor, workspace) else 404)

    @operation(who=WHICH)
    def look_at_ones_organizations(self, who: int) -> None:
        person = self.person(who)
        own = [each for each in self.model.organizations if person in each.members]
        assert self.listed("/organizations", person, limit=1) == [
            {"id": each.id, "slug": each.slug, "name": each.name, "role": each.members[person]}
            for each in sorted(own, key=lambda each: each.slug)
        ]

    def owner_of(self, organization: Organization) -> Acting:
        return Acting(organization.owners()[0], organization)

    def check_invariants(self, settings: Any, *more: Any, **named: Any) -> None:
        """What the step before has touched is the same in both."""
        super().check_invariants(settings, *more, **named)
        touched, self.touched = self.touched, []
        for each in touched:
            self.compare(each)

    def teardown(self) -> None:
        for organization in self.model.organizations:
            self.compare(organization)
            for workspace in organization.workspaces:
                self.compare(workspace)
        for key in self.model.keys:
            try:
                self.model.counts(key)
                assert self.ask("GET", "/me", key).status_code == 200
            except Refused:
                assert self.ask("GET", "/me", key).status_code == 401

    def compare(self, thing: Organization | Workspace) -> None:
        if isinstance(thing, Organization):
            if not thing.deleted:
                self.compare_organization(thing)
        elif not thing.organization.deleted:
            self.compare_workspace(thing)

    def compare_organization(self, organization: Organization) -> None:
        owner, path = self.owner_of(organization), f"/organizations/{organization.id}"
        members = [
            {"id": person.id, "username": person.name, "email": person.email, "role": role}
            for person, role in sorted(organization.members.items(), key=lambda member: member[0].name)
        ]
        assert [
            some(each, "id", "username", "email", "role") for each in self.listed(f"{path}/members", owner)
        ] == members
        pending = sorted((each for each in organization.invitations if each.pending), key=lambda each: each.email)
        assert [some(each, "id", "email", "role") for each in self.listed(f"{path}/invitations", owner)] == [
            {"id": each.id, "email": each.email, "role": each.role} for each in pending
        ]
        assert [each["action"] for each in self.listed(f"{path}/audit", owner)] == organization.audit[::-1]
        for archived in (False, True):
            shown = self.listed(f"{path}/workspaces", owner, archived=archived)
            assert shown == self.model.listed_workspaces(owner, archived=archived)

    def compare_workspace(self, workspace: Workspace) -> None:
        owner, path = self.owner_of(workspace.organization), f"/workspaces/{workspace.id}"
        if workspace.deleted:
            assert {self.ask("GET", each, owner).status_code for each in (path, f"{path}/builds")} == {404}
            return
        assert self.ask("GET", path, owner).json() == shown_workspace(workspace)
        roots = [{"name": name, "uri_prefix": workspace.roots[name]} for name in sorted(workspace.roots)]
        assert self.listed(f"{path}/target-roots", owner) == roots
        for name in list(workspace.roots)[:1]:
            shown = self.ask("GET", f"{path}/target-roots/{name}", owner).json()
            assert shown["builds"] == workspace.builds_with(name)
        history = self.listed(f"{path}/target-root-history", owner)
        assert [some(each, "name", "old", "new", "by", "builds") for each in history] == workspace.history[::-1]
        for revoked in (False, True):
            keys = {each["id"] for each in self.listed(f"{path}/api-keys", owner, revoked=revoked)}
            assert keys == {key.id for key in workspace.keys if key.revoked == revoked}
        now = self.clock()
        builds = sorted(workspace.builds, key=lambda build: (build.started_at, build.id), reverse=True)
        assert plain(self.listed(f"{path}/builds", owner)) == plain([shown_build(build, now) for build in builds])
        tasks = sorted(workspace.tasks.values(), key=lambda task: (task.recorded_at, task.id), reverse=True)
        assert plain(self.listed(f"{path}/tasks", owner)) == plain([shown_task(task) for task in tasks])
        for task in tasks[:1]:
            runs = self.ask("GET", f"{path}/tasks/{task.id}", owner).json()["builds"]
            assert {(run["build_id"], run["status"]) for run in runs} == {
                (build.id, status) for build, (status, _) in task.runs.items()
            }


def plain(value: Any) -> Any:
    """JSON with its moments as such, however they are written."""
    if isinstance(value, Mapping):
        return {name: plain(each) for name, each in cast("Mapping[str, object]", value).items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in cast("Sequence[object]", value)]
    if isinstance(value, str) and len(value) >= 20 and value[4:5] == "-" and value[10:11] == "T":
        return datetime.fromisoformat(value)
    return value


def some(item: Json, *names: str) -> Json:
    return {name: item[name] for name in names}


def given(query: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in query.items() if value is not None}


def said(value: Any) -> str:
    """As JSON, which tells 1 from 1.0, and "1" from both."""
    return json.dumps(value, sort_keys=True)


@pytest.mark.parametrize(("examples", "steps"), [(5, 40), pytest.param(500, 50, marks=pytest.mark.slow)])
def test_the_registry_does_what_the_rules_say(registry: InProcess, examples: int, steps: int) -> None:
    class Machine(RegistryBesideModel):
        pass

    Machine.registry = registry
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            derandomize=True,
            database=None,
            print_blob=True,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
        ),
    )
