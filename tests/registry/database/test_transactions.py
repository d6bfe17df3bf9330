"""How transactions of the real databases run beside each other, and that none is lost."""

import threading
from collections.abc import Callable, Generator
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import cast

import psycopg
import pytest
from sqlalchemy import event as sqlalchemy_event

from stardag.domain.target_roots import TargetRoot
from stardag_registry.adapters.database import SqlDatabase, open_database
from stardag_registry.adapters.database.writing import Writing
from stardag_registry.app.ports import AuditFilter, Transaction
from stardag_registry.domain.audit import AuditEntry
from stardag_registry.domain.builds import Build, TaskRecord
from stardag_registry.domain.errors import AlreadyExists
from stardag_registry.domain.organizations import Organization, Workspace
from tests.registry.databases import Kind, new_place

NOW = datetime(2026, 11, 23, 12, 30, 15, 123456, tzinfo=UTC)
ACME = Organization("aaaaaaaa-0000-4000-8000-000000000000", "acme", "Acme")
PRODUCTION = Workspace("aaaaaaaa-0000-4000-8000-000000000001", ACME.id, "production", "Production")
BUILD = Build("bbbbbbbb-0000-4000-8000-000000000000", PRODUCTION.id, "running", NOW, NOW, "alice")
ENTRY = AuditEntry(NOW, "action", "subject", "{}", "server", "the server", ACME.id)


def furnish(database: SqlDatabase) -> None:
    with database.transaction() as transaction:
        transaction.add_organization(ACME, NOW)
        transaction.add_workspace(PRODUCTION, NOW)
        transaction.add_build(BUILD, (), None, "d" * 64)


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def two(request: pytest.FixtureRequest) -> Generator[tuple[SqlDatabase, SqlDatabase]]:
    """One database, opened twice, as two servers do."""
    place = new_place(cast("Kind", request.param), request)
    with closing(open_database(place)) as one, closing(open_database(place)) as another:
        furnish(one)
        yield one, another


class TestOneAfterTheOther:
    def test_servers_that_change_what_they_have_read_lose_nothing(self, two: tuple[SqlDatabase, SqlDatabase]) -> None:
        """Transactions and additions of two servers each add the root after those that they see, all at once."""

        def add_next(transaction: Transaction) -> None:
            count = len(transaction.target_roots(PRODUCTION.id))
            transaction.add_target_root(PRODUCTION.id, TargetRoot(f"root-{count:03}", "/data/"))

        def work(database: SqlDatabase, *, beside: bool) -> None:
            for _ in range(8):
                with database.addition() if beside else database.transaction() as transaction:
                    add_next(transaction)

        one, another = two
        threads = [
            Thread(target=work, args=(database,), kwargs={"beside": beside})
            # One adds beside others, and there are no others of its kind.
            for database, beside in ((one, False), (another, False), (one, True), (another, False))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with one.reading() as reading:
            assert [root.name for root in reading.target_roots(PRODUCTION.id)] == [f"root-{n:03}" for n in range(32)]

    def test_a_build_is_changed_by_one_at_a_time(self, two: tuple[SqlDatabase, SqlDatabase]) -> None:
        """Each adds a second to the heartbeat that it sees."""

        def beat(database: SqlDatabase) -> None:
            for _ in range(8):
                with database.addition() as addition:
                    build = addition.build_to_change(PRODUCTION.id, BUILD.id)
                    assert build is not None
                    addition.change_build(replace(build, heartbeat_at=build.heartbeat_at + timedelta(seconds=1)))

        threads = [Thread(target=beat, args=(database,)) for database in (*two, *two)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with two[0].reading() as reading:
            build = reading.build(PRODUCTION.id, BUILD.id)
        assert build is not None
        assert build.heartbeat_at == NOW + timedelta(seconds=32)

    def test_one_that_is_rolled_back_lets_the_next_begin(self, two: tuple[SqlDatabase, SqlDatabase]) -> None:
        one, another = two
        for begin in (one.transaction, one.addition):
            with suppress(ZeroDivisionError), begin() as transaction:
                transaction.add_audit_entry(ENTRY)
                raise ZeroDivisionError
            with another.transaction() as transaction:
                assert not transaction.audit_of(ACME.id, AuditFilter(), None, 10)

    def test_reading_waits_for_nobody(self, two: tuple[SqlDatabase, SqlDatabase]) -> None:
        one, another = two
        with one.transaction() as transaction:
            transaction.add_target_root(PRODUCTION.id, TargetRoot("a", "/"))
            with another.reading() as reading, one.reading() as second:
                assert not reading.target_roots(PRODUCTION.id)
                assert not second.target_roots(PRODUCTION.id)
        with another.reading() as reading:
            assert len(reading.target_roots(PRODUCTION.id)) == 1


class Waiting:
    """Somebody who begins a transaction in a thread, and waits for a lock at the PostgreSQL server."""

    def __init__(self, url: str, do: Callable[[], None]) -> None:
        self._url = url
        self._thread = Thread(target=do)

    def start(self) -> None:
        """Begin, and return once the server says that somebody waits for an advisory lock or a row."""
        self._thread.start()
        with psycopg.connect(self._url, autocommit=True) as connection:
            while True:
                row = connection.execute(
                    "SELECT count(*) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND wait_event_type = 'Lock'"
                ).fetchone()
                if row is not None and row[0] > 0:
                    return
                assert self._thread.is_alive(), "it did not wait"

    def finish(self) -> None:
        self._thread.join(30)
        assert not self._thread.is_alive()


class TestBesideOthers:
    """PostgreSQL alone: SQLite has one writer at a time in any case."""

    @pytest.fixture
    def database(self, postgresql_url: str) -> Generator[SqlDatabase]:
        with closing(open_database(postgresql_url)) as opened:
            furnish(opened)
            yield opened

    def test_additions_run_at_the_same_time(self, database: SqlDatabase) -> None:
        with database.addition() as one, database.addition() as another, database.addition() as third:
            for number, addition in enumerate((one, another, third)):
                addition.add_build(replace(BUILD, id=f"{number:036}"), (), f"key-{number}", "d" * 64)
                addition.add_audit_entry(ENTRY)
        with database.reading() as reading:
            assert len(reading.audit_of(ACME.id, AuditFilter(), None, 10)) == 3

    @pytest.mark.parametrize(
        ("first", "second"), [("transaction", "addition"), ("addition", "transaction"), ("transaction", "transaction")]
    )
    def test_nothing_runs_beside_a_transaction(
        self, database: SqlDatabase, postgresql_url: str, first: str, second: str
    ) -> None:
        order: list[str] = []

        def begin() -> None:
            with getattr(database, second)() as transaction:
                order.append("second")
                assert len(transaction.audit_of(ACME.id, AuditFilter(), None, 10)) == 1

        waiting = Waiting(postgresql_url, begin)
        with getattr(database, first)() as transaction:
            waiting.start()
            transaction.add_audit_entry(ENTRY)
            order.append("first")
        waiting.finish()
        assert order == ["first", "second"]

    def test_the_providers_transactions_run_beside_the_others(self, database: SqlDatabase) -> None:
        with database.transaction(), database.provider.transaction() as accounts:
            assert not accounts.has_accounts()

    def test_a_build_that_somebody_changes_is_waited_for(self, database: SqlDatabase, postgresql_url: str) -> None:
        ended = replace(BUILD, kept_status="cancelled", ended_at=NOW)
        seen: list[Build | None] = []

        def look() -> None:
            with database.addition() as addition:
                seen.append(addition.build_to_change(PRODUCTION.id, BUILD.id))

        waiting = Waiting(postgresql_url, look)
        with database.addition() as addition:
            addition.build_to_change(PRODUCTION.id, BUILD.id)
            waiting.start()
            addition.change_build(ended)
        waiting.finish()
        assert seen == [ended]

    def test_a_task_that_is_completed_is_reused_by_many_at_the_same_time(self, database: SqlDatabase) -> None:
        done = TaskRecord("train", {"lr": 0.1}, "completed")
        builds = [replace(BUILD, id=f"{number:036}") for number in range(2)]
        with database.addition() as addition:
            addition.record_tasks(BUILD, [done], NOW)
            for build in builds:
                addition.add_build(build, (), None, "d" * 64)
        with database.addition() as one, database.addition() as another:
            for build, addition in zip(builds, (one, another), strict=True):
                addition.record_tasks(build, [replace(done, status="reused")], NOW)
        with database.reading() as reading:
            assert len(reading.runs_of(PRODUCTION.id, done.id, 10)) == 3

    @pytest.mark.parametrize("commits", [True, False])
    def test_an_idempotency_key_that_somebody_is_about_to_use_is_waited_for(
        self, database: SqlDatabase, postgresql_url: str, *, commits: bool
    ) -> None:
        refused: list[bool] = []

        def add() -> None:
            try:
                with database.addition() as addition:
                    addition.add_build(replace(BUILD, id=f"{2:036}"), (), "a key", "d" * 64)
            except AlreadyExists:
                refused.append(True)
            else:
                refused.append(False)

        waiting = Waiting(postgresql_url, add)
        with suppress(ZeroDivisionError), database.addition() as addition:
            addition.add_build(replace(BUILD, id=f"{1:036}"), (), "a key", "d" * 64)
            waiting.start()
            if not commits:
                raise ZeroDivisionError
        waiting.finish()
        assert refused == [commits]


def test_the_lock_is_the_first_thing_that_a_transaction_asks_for(two: tuple[SqlDatabase, SqlDatabase]) -> None:
    """What is read before it could be changed by others before it is had."""
    database, _ = two
    said: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        said.append(statement)

    sqlalchemy_event.listen(database.engine, "before_cursor_execute", note)
    writing: Writing = database.writing
    for begin, first in ((database.transaction, writing.exclusive), (database.addition, writing.shared)):
        said.clear()
        with begin() as transaction:
            transaction.has_organizations()
        assert said[0] == first
    said.clear()
    with database.reading() as reading:
        reading.has_organizations()
    assert len(said) == 1


def test_many_additions_at_once_are_all_kept(two: tuple[SqlDatabase, SqlDatabase]) -> None:
    """More of them than either server has connections."""
    one, another = two
    go = Event()
    failures: list[BaseException] = []

    def add(database: SqlDatabase, number: int) -> None:
        go.wait()
        try:
            with database.addition() as addition:
                addition.add_build(replace(BUILD, id=f"{number:036}"), (), f"key-{number}", "d" * 64)
        except BaseException as error:  # noqa: BLE001 (told below)
            failures.append(error)

    threads = [threading.Thread(target=add, args=((one, another)[number % 2], number)) for number in range(60)]
    for thread in threads:
        thread.start()
    go.set()
    for thread in threads:
        thread.join()
    assert not failures
    with one.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM builds").scalar_one() == 61
