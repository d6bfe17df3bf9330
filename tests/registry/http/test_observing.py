"""What is told of requests: an id that finds one, numbers that name nobody, and whether the server works."""

import re
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stardag_registry.adapters.database import DATABASE_FILE, open_database
from stardag_registry.app.ports import Database, Reading, Transaction
from stardag_registry.domain.errors import DatabaseUnavailable
from tests.registry.http.team import NOBODYS, Team, team_in
from tests.registry.in_process import InProcess, in_process


class FailingDatabase:
    """The real one, until it goes away."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.is_away = False

    @property
    def is_shared(self) -> bool:
        return self._database.is_shared

    @contextmanager
    def reading(self) -> Generator[Reading]:
        self._check_there()
        with self._database.reading() as reading:
            yield reading

    @contextmanager
    def transaction(self) -> Generator[Transaction]:
        self._check_there()
        with self._database.transaction() as transaction:
            yield transaction

    @contextmanager
    def addition(self) -> Generator[Transaction]:
        self._check_there()
        with self._database.addition() as transaction:
            yield transaction

    def _check_there(self) -> None:
        if self.is_away:
            raise DatabaseUnavailable


class TestRequestIds:
    @pytest.mark.parametrize("path", ["/health", "/nothing", "/api/v1/me", "/metrics", "/openapi.json"])
    def test_every_answer_has_one_of_its_own(self, registry_on_sqlite: InProcess, path: str) -> None:
        ids = [registry_on_sqlite.ask("GET", path).headers["x-request-id"] for _ in range(2)]
        assert all(re.fullmatch("[0-9a-f]{16}", each) for each in ids)
        assert len(set(ids)) == 2

    @pytest.mark.parametrize("given", ["a", "A-1_b.c", "0" * 64])
    def test_one_that_was_given_is_kept(self, registry_on_sqlite: InProcess, given: str) -> None:
        answer = registry_on_sqlite.ask("GET", "/api/v1/me", headers={"X-Request-ID": given})
        assert answer.headers.get_list("x-request-id") == [given]

    @pytest.mark.parametrize("given", ["", "a b", "0" * 65, "a;b", 'a"', "a\tb", "<script>", "ä"])
    def test_what_cannot_stand_in_a_log_is_not(self, registry_on_sqlite: InProcess, given: str) -> None:
        headers = [(b"X-Request-ID", given.encode("latin-1"))]
        told = registry_on_sqlite.client.get("/api/v1/me", headers=headers).headers["x-request-id"]
        assert re.fullmatch("[0-9a-f]{16}", told)


def series_of(registry: InProcess) -> dict[str, float]:
    """The numbers by what they are called."""
    answer = registry.ask("GET", "/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    lines = [line for line in answer.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


class TestMetrics:
    def test_requests_are_counted_by_method_pattern_and_status(self, team_on_sqlite: Team) -> None:
        team = team_on_sqlite
        for who in (team.member, team.member, None):
            team.ask(who, "GET", team.at)
        series = series_of(team.registry)
        labels = 'method="GET",route="/api/v1/workspaces/{workspace_id}"'
        assert series[f'stardag_requests_total{{{labels},status="200"}}'] == 2
        assert series[f'stardag_requests_total{{{labels},status="401"}}'] == 1
        assert series[f"stardag_request_seconds_count{{{labels}}}"] == 3
        assert series["stardag_requests_in_progress"] == 1  # this one
        assert any(name.startswith("process_") for name in series)

    def test_no_person_organization_workspace_or_id_is_named(self, team_on_sqlite: Team) -> None:
        team = team_on_sqlite
        team.done(team.owner, "POST", f"{team.path}/workspaces", {"slug": "confidential"})
        team.done(team.owner, "GET", "/organizations/acme/members")
        team.ask(team.owner, "PUT", team.at)  # a method that is not taken
        team.ask(team.owner, "GET", f"{team.path}/members/{team.member.user.id}")
        team.ask(team.owner, "DELETE", f"{team.at}/target-roots/confidential")
        team.ask(team.owner, "GET", "/organizations/acme/../acme/secret")
        team.registry.ask("GET", "/invitation?token=confidential")
        text = team.registry.ask("GET", "/metrics").text
        for told in ("acme", "confidential", team.organization.id, team.workspace.id, team.member.user.id):
            assert told not in text
        assert not re.search(r'="(owner|member|secret)"', text)

    def test_unknown_paths_and_methods_make_no_series_of_their_own(self, team_on_sqlite: Team) -> None:
        team = team_on_sqlite
        ask = team.registry.client.request

        def probe(number: int) -> None:
            ask("GET", f"/{number}")
            ask("GET", f"/api/v1/{number}/nothing")
            ask("GET", f"/docs/{number}")
            ask("GET", f"/openapi.json?{number}")
            ask(f"BREW{number}", "/health")
            ask("POST", f"/api/v1/workspaces/{number}")
            ask("GET", f"/api/v1/workspaces/{number}/builds/{number}")
            ask("GET", "/health", headers={"Host": f"evil-{number}.example"})

        probe(0)
        series_of(team.registry)
        before = series_of(team.registry).keys()
        for number in range(1, 20):
            probe(number)
        assert series_of(team.registry).keys() == before


class TestHealth:
    def test_it_lives_while_its_database_is_away_and_recovers(self, tmp_path: Path, migrated: Path) -> None:
        shutil.copy(migrated, tmp_path / DATABASE_FILE)
        database = open_database(tmp_path / DATABASE_FILE)
        failing = FailingDatabase(database)
        try:
            with in_process(tmp_path, failing) as registry:
                team = team_in(registry)
                key = team.done(team.admin, "POST", f"{team.at}/api-keys", {"name": "a key"})["key"]
                team.done(key, "GET", team.at)
                failing.is_away = True
                registry.app.state.use_cases.key_uses.keep()  # which is tried again the next time
                assert registry.ask("GET", "/health/live").json()["status"] == "ok"
                for path in ("/health", f"/api/v1{team.at}"):
                    answer = registry.ask("GET", path, key)
                    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
                    assert answer.headers["retry-after"] == "1"
                assert team.refused(key, "POST", f"{team.at}/builds", {"target_roots": {}})[0] == 503
                failing.is_away = False
                assert registry.ask("GET", "/health").status_code == 200
                team.done(key, "POST", f"{team.at}/builds", {"target_roots": {}})
                registry.app.state.use_cases.key_uses.keep()
                (listed,) = team.done(team.admin, "GET", f"{team.at}/api-keys")["items"]
                assert listed["last_used_at"] == "2026-11-23T12:00:00Z"
        finally:
            database.close()

    def test_both_say_the_same_while_all_is_well(self, registry: InProcess) -> None:
        health, live = (registry.ask("GET", path) for path in ("/health", "/health/live"))
        assert health.status_code == 200
        assert health.json() == live.json()
        assert registry.ask("GET", f"/api/v1/workspaces/{NOBODYS}").status_code == 401
