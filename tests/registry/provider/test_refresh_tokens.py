"""Refresh tokens: a lost answer signs nobody out, a stolen token ends everything, whatever happens at once."""

import logging
import sqlite3
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from stardag_registry.adapters.database import open_database
from stardag_registry.adapters.system import random_bytes
from stardag_registry.app.provider.codes import AuthorizationCodes
from stardag_registry.app.provider.derived_secrets import Derive
from stardag_registry.app.provider.families import PREFIX, Refresh, Revoke, begin_family
from stardag_registry.domain.accounts import Account
from stardag_registry.domain.grants import CLIENT_ID, REFRESH_LIFETIME, SCOPES, Grant
from tests.registry.in_process import SettableClock
from tests.registry.provider.scene import Scene
from tests.registry.signing_in import SCOPE, claims_in

THREADS = 200


def test_the_answer_can_be_had_again_until_the_successor_is_used(scene: Scene) -> None:
    command_line = scene.command_line()
    first = scene.tokens()["refresh_token"]
    answers = [command_line.refresh(first).json() for _ in range(5)]
    (second,) = {answer["refresh_token"] for answer in answers}
    assert len({answer["access_token"] for answer in answers}) == 5
    third = command_line.refresh(second).json()["refresh_token"]
    assert len({first, second, third}) == 3
    assert command_line.refresh(second).json()["refresh_token"] == third


def test_after_that_the_predecessor_ends_everything(scene: Scene) -> None:
    command_line = scene.command_line()
    first = scene.tokens()["refresh_token"]
    second = command_line.refresh(first).json()["refresh_token"]
    third = command_line.refresh(second).json()["refresh_token"]
    for token in (first, second, third, first):
        response = command_line.refresh(token)
        assert (response.status_code, response.json()["error"]) == (400, "invalid_grant")


def test_one_familys_end_is_no_others(scene: Scene) -> None:
    command_line = scene.command_line()
    mine, other = scene.tokens()["refresh_token"], scene.tokens()["refresh_token"]
    assert command_line.revoke(mine).status_code == 200
    assert command_line.refresh(mine).json()["error"] == "invalid_grant"
    assert command_line.refresh(other).status_code == 200


@pytest.mark.parametrize("which", [0, 1, 2])
def test_signing_out_ends_the_family_whichever_token_is_shown(scene: Scene, which: int) -> None:
    command_line = scene.command_line()
    tokens = [scene.tokens()["refresh_token"]]
    tokens += [command_line.refresh(tokens[-1]).json()["refresh_token"] for _ in range(1)]
    tokens += [command_line.refresh(tokens[-1]).json()["refresh_token"]]
    for _ in range(2):
        assert (command_line.revoke(tokens[which]).status_code, command_line.revoke(tokens[which]).json()) == (200, {})
    assert {command_line.refresh(token).status_code for token in tokens} == {400}


def test_revoking_what_is_not_known_is_fine(scene: Scene) -> None:
    command_line = scene.command_line()
    access_token = scene.tokens()["access_token"]
    for token in ("unknown", access_token, PREFIX + "A" * 43):
        assert command_line.revoke(token).status_code == 200
    hinted = {"client_id": CLIENT_ID, "token": "unknown", "token_type_hint": "something_else"}
    assert scene.http.post("/oauth/revoke", data=hinted).status_code == 200
    assert scene.http.post("/oauth/revoke", data={"client_id": CLIENT_ID}).json()["error"] == "invalid_request"
    assert scene.http.post("/oauth/revoke", data={"token": "unknown"}).json()["error"] == "invalid_client"


def test_the_tokens_of_a_renewal_are_as_good_as_the_first(scene: Scene) -> None:
    first = scene.tokens()
    scene.clock.move(timedelta(hours=1))
    second = scene.command_line().refresh(first["refresh_token"]).json()
    before, after = claims_in(first["id_token"]), claims_in(second["id_token"])
    assert after.keys() == before.keys() - {"nonce"}
    for name in ("iss", "aud", "sub", "auth_time", "email", "preferred_username"):
        assert after[name] == before[name]
    assert after["iat"] == before["iat"] + 3600
    assert claims_in(second["access_token"])["exp"] == after["iat"] + 600
    assert second["scope"] == SCOPE


def test_a_renewal_may_ask_for_less_and_never_for_more(scene: Scene) -> None:
    command_line = scene.command_line()
    tokens = command_line.redeem(scene.code(command_line, scope="openid offline_access")).json()
    less = command_line.refresh(tokens["refresh_token"], scope="openid").json()
    assert less["scope"] == "openid"
    more = command_line.refresh(less["refresh_token"], scope="openid email")
    assert more.json()["error"] == "invalid_scope"
    assert command_line.refresh(less["refresh_token"]).json()["scope"] == "openid offline_access"


@pytest.mark.parametrize("changed", [{"client_id": "another"}, {"resource": "https://evil.example"}])
def test_a_renewal_that_is_refused_uses_nothing_up(scene: Scene, changed: dict[str, str]) -> None:
    command_line = scene.command_line()
    token = scene.tokens()["refresh_token"]
    form = {"grant_type": "refresh_token", "refresh_token": token} | changed
    assert command_line.token(**form).status_code == 400
    assert command_line.refresh(token).status_code == 200


def test_a_sign_in_that_nobody_uses_ends_and_one_that_is_used_does_not(scene: Scene) -> None:
    command_line = scene.command_line()
    used, unused = scene.tokens()["refresh_token"], scene.tokens()["refresh_token"]
    for _ in range(3):
        scene.clock.move(REFRESH_LIFETIME - timedelta(seconds=1))
        used = command_line.refresh(used).json()["refresh_token"]
    assert command_line.refresh(unused).json()["error"] == "invalid_grant"


def test_the_journal_counts_renewals_and_holds_no_token(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    command_line = scene.command_line()
    first = scene.tokens()["refresh_token"]
    second = command_line.refresh(first).json()["refresh_token"]
    command_line.refresh(first)
    third = command_line.refresh(second).json()["refresh_token"]
    command_line.refresh(first)
    command_line.refresh("unknown")
    ours = [record.getMessage() for record in caplog.records if record.name == "stardag_registry.provider"]
    assert [line.split(":")[0] for line in ours] == [
        "refresh granted", "refresh repeated", "refresh granted", "refresh refused", "refresh refused",
    ]  # fmt: skip
    families = {line.split("family ")[1].split()[0] for line in ours[:4]}
    assert len(families) == 1
    assert not any(token in caplog.text for token in (first, second, third))


def one_family(database_file: Path) -> str:
    """Makes a family in a new database; its first token."""
    with open_database(database_file).provider.transaction() as transaction:
        now = datetime.now(UTC)
        account = Account("aaaaaaaa-0000-4000-8000-000000000000", "me@localhost", "me", now)
        transaction.add_account(account, "no hash")
        _, token = begin_family(transaction, Grant(account.id, CLIENT_ID, SCOPES, now), now, random_bytes)
    assert token is not None
    return token


def test_two_hundred_at_once_get_one_and_the_same_successor(tmp_path: Path) -> None:
    """On several connections to one file, as several processes have them."""
    token = one_family(tmp_path / "registry.sqlite3")
    clock = SettableClock()
    opened = [open_database(tmp_path / "registry.sqlite3") for _ in range(4)]
    refreshes = [Refresh(one.provider, Derive(one.provider, random_bytes), clock) for one in opened]
    together = threading.Barrier(THREADS)

    def present(number: int) -> tuple[str | None, str]:
        together.wait()
        allowed, outcome = refreshes[number % len(refreshes)](token)
        return None if allowed is None else allowed.refresh_token, outcome.kind

    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(present, range(THREADS)))
    (successor,) = {answer[0] for answer in answers}
    assert successor is not None
    assert Counter(kind for _, kind in answers) == {"granted": 1, "repeated": THREADS - 1}

    assert refreshes[0](successor)[1].kind == "granted"
    assert refreshes[1](token)[1].kind == "refused"
    assert refreshes[2](successor)[1].kind == "refused"
    for one in opened:
        one.close()


def test_of_many_who_redeem_one_code_at_once_none_keeps_anything(scene: Scene) -> None:
    """One is first and gets tokens; the others show that the code was copied, so these are taken back."""
    command_line = scene.command_line()
    code = scene.code(command_line)
    codes = AuthorizationCodes(scene.database, scene.clock, random_bytes)
    found = codes.find(code, CLIENT_ID)
    assert found is not None
    together = threading.Barrier(50)

    def redeem(_: int) -> str | None:
        together.wait()
        allowed = codes.redeem(found)
        return None if allowed is None else allowed.refresh_token

    with ThreadPoolExecutor(50) as pool:
        given = [token for token in pool.map(redeem, range(50)) if token is not None]
    (token,) = given
    assert command_line.refresh(token).json()["error"] == "invalid_grant"


def test_the_secrets_of_a_family_are_hashes_at_rest(tmp_path: Path) -> None:
    token = one_family(tmp_path / "registry.sqlite3")
    with sqlite3.connect(tmp_path / "registry.sqlite3") as connection:
        dump = "\n".join(connection.iterdump())
    assert token not in dump
    assert token.removeprefix(PREFIX) not in dump


class Families(RuleBasedStateMachine):
    """One family under every order of presenting, repeating, losing and revoking, beside the rule in four lines."""

    def __init__(self) -> None:
        super().__init__()
        self._directory = TemporaryDirectory()
        file = Path(self._directory.name) / "registry.sqlite3"
        self.tokens = [one_family(file)]
        self._database = open_database(file)
        self.clock = SettableClock()
        provider = self._database.provider
        self.refresh = Refresh(provider, Derive(provider, random_bytes), self.clock)
        self.revoke = Revoke(provider, self.clock)
        self.used = -1
        self.ended = False

    @rule(back=st.integers(0, 5))
    def present(self, back: int) -> None:
        """Show the newest known token, or one that came so many before it."""
        generation = max(0, len(self.tokens) - 1 - back)
        allowed, _outcome = self.refresh(self.tokens[generation])
        if generation < self.used:
            self.ended = True
        assert (allowed is not None) is not self.ended
        if allowed is not None:
            assert allowed.refresh_token is not None
            if generation + 1 == len(self.tokens):
                self.tokens.append(allowed.refresh_token)
            assert self.tokens[generation + 1] == allowed.refresh_token
            self.used = generation

    @rule()
    def sign_out(self) -> None:
        found = self.refresh.find(self.tokens[-1])
        assert found is not None
        assert self.revoke(found.family.id) is not self.ended
        self.ended = True

    @rule(name=st.text(max_size=60))
    def guess(self, name: str) -> None:
        assert self.refresh(PREFIX + name)[0] is None

    @invariant()
    def tokens_are_all_different(self) -> None:
        assert len(set(self.tokens)) == len(self.tokens)

    def teardown(self) -> None:
        self._database.close()
        self._directory.cleanup()


TestFamilies = Families.TestCase
TestFamilies.settings = settings(max_examples=20, stateful_step_count=20, suppress_health_check=[HealthCheck.too_slow])
