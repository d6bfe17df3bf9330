"""Opening a PostgreSQL database: how it is named, what cannot be opened, secrets that stay secret, many who open one at
once, and one that goes away while it is used."""

import logging
import socket
import subprocess
import sys
import traceback
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from threading import Barrier
from typing import TypeVar

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url

from stardag_registry.adapters.database import SqlDatabase, open_database
from stardag_registry.adapters.database.migrating import HEAD, MIGRATIONS
from stardag_registry.domain.errors import DatabaseUnavailable, UnusableDatabase
from stardag_registry.domain.organizations import Organization
from tests.registry.postgresql import USER, Postgresql

ACME = Organization("aaaaaaaa-0000-4000-8000-000000000000", "acme", "Acme")
NOW = datetime(2026, 11, 23, tzinfo=UTC)
SECRET = "hunter" + "2"
T = TypeVar("T")


@pytest.fixture
def empty(postgresql: Postgresql) -> Generator[str]:
    """The name of a database without tables."""
    name = postgresql.new_database()
    yield name
    postgresql.drop_database(name)


def furnish(database: SqlDatabase) -> None:
    with database.transaction() as transaction:
        transaction.add_organization(ACME, NOW)


def is_furnished(database: SqlDatabase) -> bool:
    with database.reading() as reading:
        return reading.has_organizations()


def all_at_once(count: int, do: Callable[[], T]) -> list[T]:
    together = Barrier(count)

    def wait_and_do() -> T:
        together.wait()
        return do()

    with ThreadPoolExecutor(count) as threads:
        return [done.result() for done in [threads.submit(wait_and_do) for _ in range(count)]]


def taken_back(url: str, revision: str) -> None:
    """Bring a database to an earlier form."""
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(MIGRATIONS))
        command.downgrade(config, revision)
    engine.dispose()


class TestPlaces:
    @pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
    def test_one_is_opened_by_any_of_its_names(self, new_postgresql_url: str, scheme: str) -> None:
        with closing(open_database(new_postgresql_url.replace("postgresql", scheme, 1))) as database:
            assert database.is_shared
            furnish(database)
        with closing(open_database(new_postgresql_url)) as database:
            assert is_furnished(database)

    def test_a_password_may_hold_anything_that_a_url_can_say(self, postgresql: Postgresql, empty: str) -> None:
        user = f"other_{empty}"
        postgresql.run(f"CREATE ROLE {user} LOGIN PASSWORD 'a/b@c:d%e ü'")
        postgresql.run(f'ALTER DATABASE "{empty}" OWNER TO {user}')
        encoded = "a%2Fb%40c%3Ad%25e%20%C3%BC"
        open_database(f"postgresql://{user}:{encoded}@127.0.0.1:{postgresql.port}/{empty}").close()

    def test_a_host_that_is_out_of_reach_is_named(self) -> None:
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            port = nobody.getsockname()[1]
            with pytest.raises(UnusableDatabase) as refusal:
                open_database(f"postgresql://me:{SECRET}@127.0.0.1:{port}/registry")
        assert f"postgresql://me@127.0.0.1:{port}/registry" in refusal.value.message
        assert "refused" in refusal.value.message
        assert SECRET not in "".join(traceback.format_exception(refusal.value))

    def test_a_database_that_is_not_there_is_named(self, postgresql: Postgresql) -> None:
        with pytest.raises(UnusableDatabase, match='"nothing_here" does not exist'):
            open_database(postgresql.url("nothing_here"))

    @pytest.mark.parametrize("option", ["nonsense=1", "sslmode=nonsense"])
    def test_an_option_that_nobody_knows_is_named(self, new_postgresql_url: str, option: str) -> None:
        with pytest.raises(UnusableDatabase, match="nonsense"):
            open_database(f"{new_postgresql_url}?{option}")


class TestSecrets:
    @pytest.mark.parametrize("password", ["hunter2-is-wrong", "x%40y-is-wrong"])
    def test_a_wrong_password_is_shown_nowhere(
        self, postgresql: Postgresql, caplog: pytest.LogCaptureFixture, password: str
    ) -> None:
        caplog.set_level(logging.DEBUG)
        with pytest.raises(UnusableDatabase, match="password authentication failed") as refusal:
            open_database(f"postgresql://{USER}:{password}@127.0.0.1:{postgresql.port}/postgres")
        shown = "".join(traceback.format_exception(refusal.value)) + caplog.text + repr(refusal.value)
        shown += repr(vars(refusal.value)) + refusal.value.message + refusal.value.fix
        for secret in (password, password.replace("%40", "@")):
            assert secret not in shown

    def test_the_right_password_is_shown_nowhere_either(
        self, postgresql: Postgresql, new_postgresql_url: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        with closing(open_database(new_postgresql_url)) as database:
            furnish(database)
            postgresql.run(f'ALTER DATABASE "{database.engine.url.database}" ALLOW_CONNECTIONS false')
            database.engine.dispose()
            with pytest.raises(DatabaseUnavailable) as failure:
                is_furnished(database)
            shown = repr(database) + repr(vars(database)) + "".join(traceback.format_exception(failure.value))
        assert "is not currently accepting connections" in caplog.text
        assert postgresql.password not in shown + caplog.text

    def test_what_is_stored_is_not_logged_when_a_statement_fails(
        self, postgresql: Postgresql, new_postgresql_url: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        name = make_url(new_postgresql_url).database or ""
        postgresql.run("ALTER TABLE organizations ADD CHECK (name <> 'Acme')", name)
        with closing(open_database(new_postgresql_url)) as database, pytest.raises(DatabaseUnavailable):
            furnish(database)
        assert "violates check constraint" in caplog.text
        assert "Failing row" not in caplog.text
        assert ACME.id not in caplog.text


class TestContents:
    def test_that_of_another_program_is_refused_and_left_alone(self, postgresql: Postgresql, empty: str) -> None:
        postgresql.run("CREATE TABLE songs (title TEXT)", empty)
        with pytest.raises(UnusableDatabase, match="another program"):
            open_database(postgresql.url(empty))
        assert tables_in(postgresql.url(empty)) == {"songs"}

    def test_one_that_is_newer_is_refused_and_left_alone(self, postgresql: Postgresql, new_postgresql_url: str) -> None:
        name = make_url(new_postgresql_url).database or ""
        postgresql.run("UPDATE alembic_version SET version_num = '9999'", name)
        for upgrade in (False, True):
            with pytest.raises(UnusableDatabase, match="newer version"):
                open_database(new_postgresql_url, upgrade=upgrade)
        assert revision_in(new_postgresql_url) == "9999"

    def test_one_that_is_older_is_upgraded_only_when_that_is_said(self, new_postgresql_url: str) -> None:
        taken_back(new_postgresql_url, "0003")
        with pytest.raises(UnusableDatabase, match="older version") as refusal:
            open_database(new_postgresql_url)
        assert "stardag registry upgrade" in refusal.value.fix
        assert revision_in(new_postgresql_url) == "0003"
        open_database(new_postgresql_url, upgrade=True).close()
        assert revision_in(new_postgresql_url) == HEAD
        open_database(new_postgresql_url).close()

    def test_a_migration_that_fails_leaves_nothing_behind(self, postgresql: Postgresql, empty: str) -> None:
        postgresql.run("CREATE FUNCTION renew_target_roots_version() RETURNS int LANGUAGE sql AS 'SELECT 1'", empty)
        with pytest.raises(UnusableDatabase, match="already exists"):
            open_database(postgresql.url(empty))
        assert tables_in(postgresql.url(empty)) == set()
        postgresql.run("DROP FUNCTION renew_target_roots_version", empty)
        open_database(postgresql.url(empty)).close()

    def test_its_sessions_wait_for_the_disk_and_count_in_utc(self, new_postgresql_url: str) -> None:
        with closing(open_database(new_postgresql_url)) as database, database.engine.connect() as connection:
            settings = {
                name: connection.exec_driver_sql(f"SHOW {name}").scalar_one()
                for name in ("synchronous_commit", "timezone", "application_name")
            }
        assert settings == {"synchronous_commit": "on", "timezone": "UTC", "application_name": "stardag-registry"}


class TestManyAtOnce:
    def test_eight_may_open_an_empty_one(self, postgresql: Postgresql, empty: str) -> None:
        url = postgresql.url(empty)

        def open_it() -> None:
            open_database(url).close()

        all_at_once(8, open_it)
        assert revision_in(url) == HEAD

    def test_eight_may_upgrade_one_and_it_is_done_once(self, postgresql: Postgresql, new_postgresql_url: str) -> None:
        taken_back(new_postgresql_url, "0003")
        name = make_url(new_postgresql_url).database or ""
        postgresql.run("CREATE TABLE upgrades (at TIMESTAMPTZ DEFAULT clock_timestamp())", name)
        postgresql.run(
            "CREATE RULE noted AS ON UPDATE TO alembic_version DO ALSO INSERT INTO upgrades DEFAULT VALUES", name
        )

        def upgrade() -> None:
            open_database(new_postgresql_url, upgrade=True).close()

        all_at_once(8, upgrade)
        with psycopg.connect(new_postgresql_url) as connection:
            assert connection.execute("SELECT count(*) FROM upgrades").fetchone() == (int(HEAD) - int("0003"),)
        assert revision_in(new_postgresql_url) == HEAD

    @pytest.mark.slow
    @pytest.mark.parametrize("older", [False, True])
    def test_so_may_processes(self, postgresql: Postgresql, empty: str, *, older: bool) -> None:
        url = postgresql.url(empty)
        if older:
            open_database(url).close()
            taken_back(url, "0003")
        program = "import sys; from stardag_registry.adapters.database import open_database; sys.stdin.readline();"
        program += "open_database(sys.argv[1], upgrade=True).close()"
        processes = [
            subprocess.Popen([sys.executable, "-c", program, url], stdin=subprocess.PIPE, text=True) for _ in range(8)
        ]
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        assert [process.wait(60) for process in processes] == [0] * 8
        for process in processes:
            assert process.stdin is not None
            process.stdin.close()
        assert revision_in(url) == HEAD


class TestGoingAway:
    def test_one_that_goes_away_is_unavailable_and_works_again_when_it_is_back(
        self, postgresql: Postgresql, new_postgresql_url: str
    ) -> None:
        name = make_url(new_postgresql_url).database or ""
        with closing(open_database(new_postgresql_url)) as database:
            furnish(database)
            with ExitStack() as many:  # several connections that are all lost
                for _ in range(5):
                    many.enter_context(database.reading()).has_organizations()
            postgresql.run(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
            postgresql.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
            for _ in range(3):
                with pytest.raises(DatabaseUnavailable):
                    is_furnished(database)
                with pytest.raises(DatabaseUnavailable), database.addition():
                    pass
            postgresql.run(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
            assert is_furnished(database)
            with database.transaction() as transaction:
                transaction.delete_organization(ACME.id, NOW)

    def test_a_transaction_that_loses_its_connection_changes_nothing(
        self, postgresql: Postgresql, new_postgresql_url: str
    ) -> None:
        name = make_url(new_postgresql_url).database or ""
        with closing(open_database(new_postgresql_url)) as database:

            def be_cut_off() -> None:
                with database.transaction() as transaction:
                    transaction.add_organization(ACME, NOW)
                    postgresql.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

            with pytest.raises(DatabaseUnavailable):
                be_cut_off()
            assert not is_furnished(database)
            furnish(database)
            assert is_furnished(database)


def tables_in(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        return {name for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}


def revision_in(url: str) -> str:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    assert row is not None
    return str(row[0])
