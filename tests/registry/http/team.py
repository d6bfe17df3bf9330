"""An organization with an owner, an admin and a member, and a workspace, asked over HTTP as any of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from stardag_registry.domain.organizations import Organization, Workspace
from stardag_registry.domain.users import User
from tests.registry.in_process import ADDRESS, InProcess

API: Final = "/api/v1"
NOBODYS: Final = "00000000-0000-4000-8000-000000000000"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, with a token for the organization."""

    user: User
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Team:
    """The registry, and the people in one organization."""

    registry: InProcess
    organization: Organization
    workspace: Workspace
    owner: Person
    admin: Person
    member: Person

    @property
    def path(self) -> str:
        """Of the organization."""
        return f"/organizations/{self.organization.id}"

    @property
    def at(self) -> str:
        """Of the workspace."""
        return f"/workspaces/{self.workspace.id}"

    def ask(self, who: Person | str | None, method: str, path: str, body: object = None, **more: Any) -> httpx.Response:
        """One request below `/api/v1`, by somebody or with a key."""
        credential = who.token if isinstance(who, Person) else who
        if body is not None:
            more["json"] = body
        return self.registry.ask(method, API + path, credential, **more)

    def done(self, who: Person | str | None, method: str, path: str, body: object = None, **more: Any) -> Any:
        """The same, which has to succeed: what was answered."""
        answer = self.ask(who, method, path, body, **more)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def refused(
        self, who: Person | str | None, method: str, path: str, body: object = None, **more: Any
    ) -> tuple[int, str]:
        """The same, which has to be refused: status and code."""
        answer = self.ask(who, method, path, body, **more)
        assert not answer.is_success, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        return answer.status_code, answer.json()["code"]

    def person(self, role: Any, username: str) -> Person:
        """One more in the organization."""
        user = self.registry.furnish.member(self.organization, role, username)
        return Person(user, self.registry.tokens.make(user.id, self.organization.id))

    def newcomer(self, username: str) -> tuple[User, str]:
        """Somebody who has signed in and belongs nowhere, and their access token of the issuer."""
        user = self.registry.furnish.user(username)
        return user, self.registry.access_token(user)

    def audit(self, **parameters: Any) -> list[dict[str, Any]]:
        """All entries, the oldest first."""
        return self.whole_list(self.owner, f"{self.path}/audit", **parameters)[::-1]

    def whole_list(self, who: Person | str, path: str, *, limit: int = 1000, **parameters: Any) -> list[dict[str, Any]]:
        """All items, page by page."""
        items: list[dict[str, Any]] = []
        asked: dict[str, Any] = {**parameters, "limit": limit}
        while True:
            page = self.done(who, "GET", path, params=asked)
            items += page["items"]
            if page["next_cursor"] is None:
                return items
            assert len(page["items"]) == limit
            asked["cursor"] = page["next_cursor"]

    def sign_in(self, user: User) -> str:
        """What the exchange gives a member, who gets a personal workspace by it."""
        body = {"organization": self.organization.slug, "id_token": self.registry.id_token(user)}
        return str(self.done(self.registry.access_token(user), "POST", "/auth/exchange", body)["access_token"])


def team_in(registry: InProcess) -> Team:
    """Furnish an organization."""
    organization = registry.furnish.organization()
    workspace = registry.furnish.workspace(organization)
    owner, admin, member = (
        Person(user, registry.tokens.make(user.id, organization.id))
        for user in (registry.furnish.member(organization, role) for role in ("owner", "admin", "member"))
    )
    return Team(registry, organization, workspace, owner, admin, member)


def link_secret(made: Mapping[str, Any]) -> str:
    """What is secret in the link of an invitation that has just been made."""
    place, _, secret = made["link"].partition("?token=")
    assert place == f"{ADDRESS}/invitation"
    return str(secret)
