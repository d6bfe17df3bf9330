"""What holds whoever else acts at the same moment: tried by threads, on both kinds of database, many times over."""

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from threading import Barrier
from typing import cast

import pytest

from stardag.domain.organizations import Role
from stardag_registry.app.builds import NewBuild
from stardag_registry.app.ports import AuditFilter, BuildFilter, TaskFilter
from stardag_registry.app.workspaces import WorkspaceEdit
from stardag_registry.domain.builds import BuildEnd, RecordedStatus, TaskRecord
from stardag_registry.domain.errors import (
    AlreadyExists,
    Archived,
    BuildEnded,
    LastOwner,
    NotAllowed,
    NotFound,
    RegistryError,
    Unauthenticated,
)
from stardag_registry.domain.permissions import MemberCaller
from tests.registry.app.scene import ADDRESS, ROOTS, Team
from tests.registry.databases import Kind, new_sql_database

NEW = NewBuild(ROOTS)

rounds = pytest.mark.parametrize("times", [8, pytest.param(100, marks=pytest.mark.slow)])


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def team(request: pytest.FixtureRequest) -> Generator[Team]:
    with new_sql_database(cast("Kind", request.param), request) as opened:
        yield Team(opened)


def at_once(*actions: Callable[[], object]) -> list[object]:
    """What each gives, or the error that it raises, when all begin at the same moment."""
    together = Barrier(len(actions))

    def act(action: Callable[[], object]) -> object:
        together.wait()
        try:
            return action()
        except RegistryError as error:
            return error

    with ThreadPoolExecutor(len(actions)) as threads:
        return [done.result() for done in [threads.submit(act, action) for action in actions]]


def refused(results: Sequence[object]) -> list[RegistryError]:
    return [result for result in results if isinstance(result, RegistryError)]


def kinds_of(results: Sequence[object]) -> set[type]:
    return {type(error) for error in refused(results)}


class TestOwners:
    @pytest.fixture
    def second(self, team: Team) -> MemberCaller:
        return team.member("owner", "second")

    @staticmethod
    def owners_again(team: Team, *owners: MemberCaller) -> None:
        """As it was before a round."""
        with team.database.transaction() as transaction:
            for owner in owners:
                if transaction.member(team.acme.id, owner.user.id) is None:
                    transaction.add_member(team.acme.id, owner.user.id, "owner", team.clock())
                transaction.change_role(team.acme.id, owner.user.id, "owner")

    @rounds
    @pytest.mark.parametrize("how", ["leave", "demote themselves", "remove each other", "demote each other", "mixed"])
    def test_one_is_left_whatever_two_do_at_the_same_moment(
        self, team: Team, second: MemberCaller, how: str, times: int
    ) -> None:
        edit, first = team.edit_organization, team.owner

        def remove(caller: MemberCaller, user: MemberCaller) -> Callable[[], object]:
            return lambda: edit.remove(caller, "acme", user.user.id)

        def demote(caller: MemberCaller, user: MemberCaller, role: Role = "admin") -> Callable[[], object]:
            return lambda: edit.set_role(caller, "acme", user.user.id, role)

        actions = {
            "leave": [remove(first, first), remove(second, second)],
            "demote themselves": [demote(first, first), demote(second, second)],
            "remove each other": [remove(first, second), remove(second, first)],
            "demote each other": [demote(first, second), demote(second, first)],
            "mixed": [remove(first, first), demote(first, second), demote(second, second), remove(second, first)],
        }[how]
        for _ in range(times):
            self.owners_again(team, first, second)
            results = at_once(*actions)
            owners = [username for username, role in team.roles().items() if role == "owner"]
            assert len(owners) == 1
            assert kinds_of(results) <= {LastOwner, Unauthenticated, NotAllowed, NotFound}
            assert sum(isinstance(result, RegistryError) for result in results) >= 1


class TestMembers:
    @rounds
    def test_one_link_opens_once_for_whoever_follows_it_in_two_windows(self, team: Team, times: int) -> None:
        for number in range(times):
            user = team.user(f"u-{number}")
            token = team.invite(team.owner, "acme", user.user.email or "", "member").token
            results = at_once(*[partial(team.accept, user, token)] * 4)
            assert sum(isinstance(result, NotFound) for result in results) == 3
        assert len(team.roles()) == times + 1
        assert team.actions().count("member.joined") == times

    @rounds
    def test_two_first_sign_ins_make_one_personal_workspace(self, team: Team, times: int) -> None:
        for number in range(times):
            user = team.member("member", f"u-{number}").user
            at_once(*[partial(team.make_personal_workspace, user, team.acme, ADDRESS)] * 4)
        with team.database.reading() as reading:
            workspaces = reading.workspaces_of(team.acme.id)
        assert len(workspaces) == times + 1
        assert team.actions().count("workspace.created") == times

    @rounds
    def test_a_slug_goes_to_one_of_those_who_want_it(self, team: Team, times: int) -> None:
        callers = [team.owner, team.member("admin", "second"), team.admin]
        for number in range(times):
            slug = f"w-{number}"
            add = team.edit_workspaces.add
            results = at_once(*(partial(add, caller, "acme", slug, "W", "") for caller in callers))
            assert sum(isinstance(result, AlreadyExists) for result in results) == 2


class TestBuilds:
    @rounds
    def test_requests_with_one_idempotency_key_make_one_build(self, team: Team, times: int) -> None:
        key = team.key()
        for number in range(times):
            register = partial(team.register_build, key, team.production.id, NEW, f"key-{number}")
            results = at_once(*[register] * 6)
            made = cast("list[tuple[object, bool]]", results)
            assert len({repr(shown) for shown, _ in made}) == 1
            assert sum(is_new for _, is_new in made) == 1
        assert team.actions().count("build.registered") == times

    @rounds
    def test_a_build_has_one_end(self, team: Team, times: int) -> None:
        key = team.key()
        for _ in range(times):
            build = team.build()
            ends: tuple[BuildEnd, ...] = ("completed", "failed", "cancelled", "completed")
            results = at_once(
                *(partial(team.run_build.end, key, team.production.id, build.id, end, None) for end in ends),
                partial(team.run_build.heartbeat, key, team.production.id, build.id),
            )
            assert kinds_of(results) <= {BuildEnded}
            shown, _ = team.find_builds.build(key, team.production.id, build.id)
            assert shown.status != "running"
            assert sum(isinstance(result, BuildEnded) for result in results) in {2, 3}
        kept = [action for action in team.actions() if action in {"build.completed", "build.failed", "build.cancelled"}]
        assert len(kept) == times

    @rounds
    def test_builds_that_record_the_same_tasks_do_not_wait_for_each_other_in_a_ring(
        self, team: Team, times: int
    ) -> None:
        key = team.key()
        for number in range(times):
            records = [TaskRecord("t", {"round": number, "n": n, "x": "y"}, "completed") for n in range(20)]
            builds = [team.build() for _ in range(4)]
            orders = [records, records[::-1], [replace(each, status="reused") for each in records], records[10:]]
            record = partial(team.run_build.record_tasks, key, team.production.id)
            results = at_once(*(partial(record, build.id, order) for build, order in zip(builds, orders, strict=True)))
            assert not kinds_of(results)
            with team.database.reading() as reading:
                wanted = TaskFilter(parameters=(("round", str(number)),))
                assert len(reading.tasks(team.production.id, wanted, None, 100)) == 20
                runs = [len(reading.runs_of(team.production.id, each.id, 10)) for each in records]
            assert runs == [3] * 10 + [4] * 10

    @rounds
    def test_nor_do_those_that_reuse_some_of_them(self, team: Team, times: int) -> None:
        """Some are new and others known, completed or not, when each build says something else of each."""
        key = team.key()
        statuses: tuple[RecordedStatus, ...] = ("reused", "completed", "running", "reused", "failed")
        for number in range(times):
            tasks = [TaskRecord("t", {"round": number, "n": n}, "running") for n in range(30)]
            known = [replace(each, status=statuses[n % 5]) for n, each in enumerate(tasks[::2])]
            record = partial(team.run_build.record_tasks, key, team.production.id)
            record(team.build().id, known)
            builds = [team.build() for _ in range(5)]
            said = [[replace(each, status=statuses[(n + of) % 5]) for n, each in enumerate(tasks)] for of in range(5)]
            results = at_once(*(partial(record, build.id, each) for build, each in zip(builds, said, strict=True)))
            assert not kinds_of(results)
            with team.database.reading() as reading:
                wanted = TaskFilter(parameters=(("round", str(number)),))
                assert len(reading.tasks(team.production.id, wanted, None, 100)) == 30
                assert {len(reading.runs_of(team.production.id, each.id, 10)) for each in tasks[1::2]} == {5}

    @rounds
    def test_nothing_is_registered_in_a_workspace_once_it_is_archived(self, team: Team, times: int) -> None:
        """A change waits for the additions before it, and those after it see what it changed."""
        key = team.key()
        for _ in range(times):
            results = at_once(
                *[partial(team.register_build, key, team.production.id, NEW, None)] * 4,
                partial(team.edit_workspaces.change, team.owner, team.production.id, WorkspaceEdit(archived=True)),
            )
            assert kinds_of(results) <= {Archived}
            with team.database.reading() as reading:
                builds = len(reading.builds(team.production.id, BuildFilter(), team.clock(), None, 10_000))
                entries = [entry.action for entry in reading.audit_of(team.acme.id, AuditFilter(), None, 10_000)]
            assert entries.count("build.registered") == builds
            assert "build.registered" not in entries[: entries.index("workspace.changed")]
            team.edit_workspaces.change(team.owner, team.production.id, WorkspaceEdit(archived=False))

    @rounds
    def test_a_key_registers_nothing_once_it_is_revoked(self, team: Team, times: int) -> None:
        for _ in range(times):
            key = team.key()
            before = len(team.audit())
            results = at_once(
                *[partial(team.register_build, key, team.production.id, NEW, None)] * 3,
                partial(team.api_keys.revoke, team.owner, team.production.id, key.api_key.id),
            )
            assert kinds_of(results) <= {Unauthenticated}
            assert team.actions()[before:] == ["build.registered"] * (3 - len(refused(results))) + ["api-key.revoked"]

    @rounds
    def test_an_access_token_registers_nothing_once_it_is_revoked(self, team: Team, times: int) -> None:
        for _ in range(times):
            lent = team.lent_by(team.owner)
            assert lent.access_token is not None
            before = len(team.audit())
            results = at_once(
                *[partial(team.register_build, lent, team.production.id, NEW, None)] * 3,
                partial(team.access_tokens.revoke, team.owner, "acme", lent.access_token.id),
            )
            assert kinds_of(results) <= {Unauthenticated}
            registered = ["build.registered"] * (3 - len(refused(results)))
            assert team.actions()[before:] == [*registered, "access-token.revoked"]
