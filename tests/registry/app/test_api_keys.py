"""API keys: made by those who may, for a while, so many, revoked at once, and when they were used last."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest

from stardag_registry.app.key_uses import GRAIN, KeyUses
from stardag_registry.app.paging import PageRequest
from stardag_registry.app.ports import Transaction
from stardag_registry.app.workspaces import LONGEST_LIFETIME, MAX_API_KEYS
from stardag_registry.domain.api_keys import Purpose
from stardag_registry.domain.errors import (
    DatabaseUnavailable,
    InvalidField,
    NotAllowed,
    NotFound,
    TooMany,
    Unauthenticated,
)
from tests.registry.app.scene import Team
from tests.registry.in_memory import InMemoryDatabase

ALL = PageRequest(1000)


def last_used(team: Team, api_key_id: str) -> object:
    with team.database.reading() as reading:
        found = reading.caller_by_key_id(api_key_id)
    assert found is not None
    return found.api_key.last_used_at


class TestMaking:
    @pytest.mark.parametrize("purpose", ["build", "administer"])
    def test_its_secret_is_a_credential_and_is_kept_nowhere(self, team: Team, purpose: Purpose) -> None:
        made, secret = team.api_keys.make(team.admin, team.production.id, "CI", purpose, None)
        caller = team.authenticate(secret.text)
        assert caller.api_key == made
        assert (made.name, made.purpose, made.maker, made.expires_at) == ("CI", purpose, "adam", None)
        shown = team.api_keys.list(team.admin, team.production.id, ALL, revoked=False).items
        assert secret.text not in repr(shown) + repr(team.audit()) + repr(secret)
        assert secret.fingerprint not in repr(shown) + repr(team.audit())

    def test_an_administering_key_makes_keys_and_nobody_else_of_the_workspace_does(self, team: Team) -> None:
        made, _ = team.api_keys.make(team.key("administer"), team.production.id, "CI", "administer", None)
        assert made.maker == "API key a key"
        for caller in (team.key("build"), team.plain):
            with pytest.raises(NotAllowed):
                team.api_keys.make(caller, team.production.id, "CI", "build", None)
            with pytest.raises(NotAllowed):
                team.api_keys.list(caller, team.production.id, ALL, revoked=False)

    @pytest.mark.parametrize("name", ["", " a", "a\0b", "\ud800", "x" * 101])
    def test_a_name_that_cannot_be_one_is_refused(self, team: Team, name: str) -> None:
        with pytest.raises(InvalidField, match=r"body\.name"):
            team.api_keys.make(team.admin, team.production.id, name, "build", None)

    @pytest.mark.parametrize(
        "lifetime", [timedelta(0), -timedelta(days=1), LONGEST_LIFETIME + timedelta(microseconds=1)]
    )
    def test_an_end_that_is_past_or_too_far_off_is_refused(self, team: Team, lifetime: timedelta) -> None:
        with pytest.raises(InvalidField, match=r"body\.expires_at"):
            team.api_keys.make(team.admin, team.production.id, "CI", "build", team.clock() + lifetime)

    def test_it_counts_until_its_end(self, team: Team) -> None:
        _, secret = team.api_keys.make(team.admin, team.production.id, "CI", "build", team.clock() + timedelta(hours=1))
        team.clock.move(timedelta(hours=1) - timedelta(microseconds=1))
        team.authenticate(secret.text)
        team.clock.move(timedelta(microseconds=1))
        with pytest.raises(Unauthenticated):
            team.authenticate(secret.text)

    def test_the_longest_lifetime_is_allowed(self, team: Team) -> None:
        team.api_keys.make(team.admin, team.production.id, "CI", "build", team.clock() + LONGEST_LIFETIME)

    def test_a_workspace_has_so_many_that_are_not_revoked_and_no_more(self, team: Team) -> None:
        with team.database.transaction() as transaction:
            for _ in range(MAX_API_KEYS - 1):
                team.create.api_key(transaction, team.production.id, "CI")
        last, _ = team.api_keys.make(team.admin, team.production.id, "last", "build", None)
        with pytest.raises(TooMany):
            team.api_keys.make(team.admin, team.production.id, "one more", "build", None)
        team.api_keys.revoke(team.admin, team.production.id, last.id)
        team.api_keys.make(team.admin, team.production.id, "one more", "build", None)


class TestRevoking:
    def test_a_revoked_key_is_no_credential_from_that_moment_on(self, team: Team) -> None:
        made, secret = team.api_keys.make(team.admin, team.production.id, "CI", "build", None)
        team.api_keys.revoke(team.admin, team.production.id, made.id.upper())
        with pytest.raises(Unauthenticated):
            team.authenticate(secret.text)
        (shown,) = team.api_keys.list(team.admin, team.production.id, ALL, revoked=True).items
        assert (shown.id, shown.revoked_at) == (made.id, team.clock())
        assert made.id not in {
            each.id for each in team.api_keys.list(team.admin, team.production.id, ALL, revoked=False).items
        }

    def test_a_key_may_revoke_itself_and_nothing_after_that(self, team: Team) -> None:
        key = team.key("administer")
        team.api_keys.revoke(key, team.production.id, key.api_key.id)
        with pytest.raises(Unauthenticated):
            team.api_keys.revoke(key, team.production.id, key.api_key.id)

    def test_revoking_once_more_changes_nothing(self, team: Team) -> None:
        made, _ = team.api_keys.make(team.admin, team.production.id, "CI", "build", None)
        for _ in range(2):
            team.api_keys.revoke(team.admin, team.production.id, made.id)
            team.clock.move(timedelta(hours=1))
        assert team.actions() == ["api-key.created", "api-key.revoked"]
        (shown,) = team.api_keys.list(team.admin, team.production.id, ALL, revoked=True).items
        assert shown.revoked_at == team.clock() - timedelta(hours=2)

    def test_keys_of_another_workspace_are_not_there(self, team: Team) -> None:
        theirs = team.key(workspace=team.furnish.workspace(team.acme, "staging"))
        for api_key_id in (theirs.api_key.id, "", "x", "\ud800", team.acme.id):
            with pytest.raises(NotFound):
                team.api_keys.revoke(team.owner, team.production.id, api_key_id)
        with pytest.raises(NotAllowed):
            team.api_keys.revoke(team.plain, team.production.id, team.key().api_key.id)


def test_they_are_listed_the_oldest_first_page_by_page(team: Team) -> None:
    made: list[tuple[datetime, str]] = []
    for number in range(7):
        team.clock.move(timedelta(microseconds=500_000 * (number % 2)))
        made.append((team.clock(), team.key().api_key.id))
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = team.api_keys.list(team.admin, team.production.id, PageRequest(2, cursor), revoked=False)
        seen += [each.id for each in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == [api_key_id for _, api_key_id in sorted(made)]


class InMemoryButAway(InMemoryDatabase):
    """Keeps nothing new while it is away."""

    is_away = False

    @contextmanager
    def addition(self) -> Generator[Transaction]:
        if self.is_away:
            raise DatabaseUnavailable
        with self.transaction() as transaction:
            yield transaction


class TestUses:
    def test_the_last_use_is_kept_in_batches_to_a_minute(self, team: Team) -> None:
        secret = team.furnish.api_key(team.production)
        key = team.authenticate(secret.text).api_key
        first = team.clock()
        assert last_used(team, key.id) is None
        team.key_uses.keep()
        assert last_used(team, key.id) == first
        team.clock.move(GRAIN - timedelta(microseconds=1))
        team.authenticate(secret.text)
        team.key_uses.keep()
        assert last_used(team, key.id) == first
        team.clock.move(timedelta(microseconds=1))
        team.authenticate(secret.text)
        team.key_uses.keep()
        assert last_used(team, key.id) == first + GRAIN

    def test_a_wrong_or_revoked_key_is_not_used(self, team: Team) -> None:
        secret = team.furnish.api_key(team.production)
        key = team.authenticate(secret.text).api_key
        team.key_uses.keep()
        noted = last_used(team, key.id)
        team.furnish.revoke(secret)
        team.clock.move(timedelta(hours=1))
        with pytest.raises(Unauthenticated):
            team.authenticate(secret.text)
        team.key_uses.keep()
        assert last_used(team, key.id) == noted

    def test_what_could_not_be_kept_is_kept_the_next_time(self) -> None:
        away = InMemoryButAway()
        team = Team(away)
        uses = KeyUses(away)
        key = team.key().api_key
        away.is_away = True
        uses.note(key, team.clock())
        uses.keep()
        assert last_used(team, key.id) is None
        later = team.clock() + timedelta(seconds=1)
        uses.note(key, later)
        away.is_away = False
        uses.keep()
        assert last_used(team, key.id) == later
        uses.keep()
