"""How people come in: the exchange of tokens, introductions, and what a token is worth."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import pytest

from stardag_registry.domain.users import User
from tests.registry.conftest import Home
from tests.registry.in_process import ADDRESS, InProcess
from tests.registry.signing_in import claims_in

NOBODYS = "00000000-0000-4000-8000-000000000000"


def exchange(registry: InProcess, user: User, organization: str, path: str = "/auth/exchange") -> httpx.Response:
    tokens = registry.access_token(user), registry.id_token(user)
    return registry.ask("POST", path, tokens[0], json={"organization": organization, "id_token": tokens[1]})


def introduce(registry: InProcess, user: User, **changed: object) -> httpx.Response:
    id_token = registry.id_token(user, **changed)
    return registry.ask("PUT", "/api/v1/me", registry.access_token(user), json={"id_token": id_token})


def newcomer(subject: str, email: str | None = None) -> User:
    """Somebody whom the registry has not seen yet."""
    return User("", ADDRESS, subject, subject, email, email_verified=True)


class TestExchange:
    @pytest.mark.parametrize("path", ["/auth/exchange", "/api/v1/auth/exchange"])
    def test_a_member_gets_a_token_of_ten_minutes(self, registry: InProcess, home: Home, path: str) -> None:
        user = registry.furnish.member(home.organization, "member")
        answer = exchange(registry, user, home.organization.slug, path)
        assert answer.status_code == 200
        given = answer.json()
        assert (given["token_type"], given["expires_in"]) == ("Bearer", 600)
        assert given["organization"]["id"] == home.organization.id
        claims = claims_in(given["access_token"])
        assert claims["exp"] - claims["iat"] == 600
        assert answer.headers["cache-control"] == "no-store"
        assert registry.ask("GET", home.target_roots, given["access_token"]).status_code == 200
        registry.furnish.clock.move(timedelta(minutes=10))
        assert registry.ask("GET", home.target_roots, given["access_token"]).status_code == 401

    def test_what_is_anothers_answers_byte_for_byte_like_what_is_missing(self, registry: InProcess, home: Home) -> None:
        user = registry.furnish.member(home.organization, "owner")
        other = registry.furnish.organization("other")
        answers = [exchange(registry, user, each) for each in (other.slug, other.id, "missing", NOBODYS, "../x", "")]
        assert {answer.status_code for answer in answers[:5]} == {404}
        assert len({answer.content for answer in answers[:5]}) == 1

    def test_the_access_token_alone_is_enough_for_one_who_is_known(self, registry: InProcess, home: Home) -> None:
        user = registry.furnish.member(home.organization, "member")
        answer = registry.ask(
            "POST", "/auth/exchange", registry.access_token(user), json={"organization": home.organization.slug}
        )
        assert answer.status_code == 200


class TestIntroductions:
    def test_a_user_is_made_at_the_first_sign_in_and_found_again(self, registry: InProcess) -> None:
        first = introduce(registry, newcomer("alice", "alice@acme.example")).json()["user"]
        again = introduce(registry, newcomer("alice", "alice@acme.example")).json()["user"]
        assert first == again
        assert (first["username"], first["email"]) == ("alice", "alice@acme.example")

    @pytest.mark.parametrize(
        ("claims", "username"),
        [
            ({"preferred_username": "Álice Smith"}, "alice-smith"),
            ({"preferred_username": None, "email": "b.jones@acme.example"}, "b-jones"),
            ({"preferred_username": "!!!", "email": "carol@acme.example"}, "carol"),
            ({"preferred_username": None, "email": None}, "user"),
        ],
    )
    def test_names_are_made_slugs(self, registry: InProcess, claims: Mapping[str, Any], username: str) -> None:
        assert introduce(registry, newcomer("x"), **claims).json()["user"]["username"] == username

    def test_names_that_are_taken_are_numbered(self, registry: InProcess) -> None:
        names = [
            introduce(registry, newcomer(f"subject-{number}"), preferred_username="alice").json()["user"]["username"]
            for number in range(3)
        ]
        assert names == ["alice", "alice-2", "alice-3"]

    def test_whoever_has_the_owners_verified_address_owns_the_first_organization(self, registry: InProcess) -> None:
        registry.furnish.organization("default")
        for subject, verified in (("mallory", False), ("owner", True), ("late", True)):
            introduce(registry, newcomer(subject, "owner@localhost"), email_verified=verified)
        listed = {
            subject: registry.ask("GET", "/api/v1/organizations", registry.access_token(newcomer(subject))).json()
            for subject in ("mallory", "owner", "late")
        }
        assert listed["mallory"]["items"] == listed["late"]["items"] == []
        assert [(each["slug"], each["role"]) for each in listed["owner"]["items"]] == [("default", "owner")]

    def test_two_first_sign_ins_at_once_make_one_user_and_one_owner(self, registry: InProcess) -> None:
        registry.furnish.organization("default")
        people = [newcomer("one", "owner@localhost"), newcomer("two", "owner@localhost")]
        with ThreadPoolExecutor(16) as pool:
            told = [pool.submit(introduce, registry, user) for user in people * 8]
            answers = [future.result().json()["user"] for future in told]
        assert len({answer["id"] for answer in answers}) == 2
        assert {answer["username"] for answer in answers} == {"one", "two"}
        listed = [
            registry.ask("GET", "/api/v1/organizations", registry.access_token(user)).json()["items"] for user in people
        ]
        assert [each["role"] for items in listed for each in items] == ["owner"]

    def test_an_address_follows_the_issuer_and_a_name_stays(self, registry: InProcess) -> None:
        introduce(registry, newcomer("alice", "alice@acme.example"))
        changed = introduce(registry, newcomer("alice", "alice@other.example"), preferred_username="bob").json()["user"]
        assert (changed["username"], changed["email"]) == ("alice", "alice@other.example")


class TestTokens:
    def test_a_token_of_one_organization_is_worth_nothing_in_another_of_the_same_user(
        self, registry: InProcess, home: Home
    ) -> None:
        user = registry.furnish.member(home.organization, "owner")
        other = registry.furnish.organization("other")
        theirs = registry.furnish.workspace(other)
        with registry.furnish.database.transaction() as transaction:
            transaction.add_member(other.id, user.id, "owner", registry.furnish.clock())
        token = registry.tokens.make(user.id, home.organization.id)
        for path in (f"workspaces/{theirs.id}/target-roots", f"organizations/{other.id}/workspaces"):
            assert registry.ask("GET", f"/api/v1/{path}", token).status_code == 404

    def test_whoever_was_removed_gets_no_token_any_more(self, registry: InProcess, home: Home) -> None:
        user = registry.furnish.member(home.organization, "owner")
        assert exchange(registry, user, home.organization.slug).status_code == 200
        registry.furnish.remove(home.organization, user)
        assert exchange(registry, user, home.organization.slug).status_code == 404


def test_the_configuration_is_told_to_everybody(registry: InProcess) -> None:
    answer = registry.ask("GET", "/api/v1/auth/configuration")
    assert answer.json() == {"issuer": ADDRESS, "client_id": "stardag-cli"}


def test_several_processes_agree_on_the_keys_and_follow_a_rotation(registry: InProcess, home: Home) -> None:
    from stardag_registry.adapters.signing import DatabaseSigner

    furnish = registry.furnish
    other = DatabaseSigner(furnish.database, furnish.clock)
    user = furnish.member(home.organization, "member")
    token = registry.tokens.make(user.id, home.organization.id)
    assert other.public_keys() == registry.signer.public_keys()
    furnish.clock.move(timedelta(minutes=2))
    made = other.rotate()
    furnish.clock.move(timedelta(minutes=2))
    assert registry.ask("GET", home.target_roots, token).status_code == 200
    renewed = registry.tokens.make(user.id, home.organization.id)
    assert registry.ask("GET", home.target_roots, renewed).status_code == 200
    keys: Any = registry.ask("GET", "/oauth/jwks").json()["keys"]
    assert keys[0]["kid"] == made
    assert not any("d" in key for key in keys)
