"""What is done to a registry that a team runs: backups and copies while it is written to, upgrades, and faults."""

import os
import secrets
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Column, Table, create_engine, make_url, select

from stardag_registry.adapters.database import DATABASE_FILE, HEAD, open_database
from stardag_registry.adapters.database.migrating import MIGRATIONS
from stardag_registry.adapters.database.postgresql import WRITING
from stardag_registry.adapters.database.tables import metadata
from tests.end_to_end.machine import Machine
from tests.end_to_end.test_prompts import terminal
from tests.registry.postgresql import USER, Postgresql
from tests.registry.running import RunningRegistry, running_registry
from tests.registry.server.ledger import check_ledger
from tests.registry.server.writers import Load

KINDS = ["SQLite", "PostgreSQL"]
OLDER = "0003"


@dataclass(frozen=True, slots=True)
class Databases:
    """Makes databases, and says how the program is told of them: never with a password that others can see."""

    postgresql: Postgresql
    directory: Path

    def new(self, kind: str) -> str:
        """The URL of one with nothing in it, without the password."""
        if kind == "SQLite":
            return f"sqlite:///{self.directory}/{secrets.token_hex(4)}.sqlite3"
        return f"postgresql://{USER}@127.0.0.1:{self.postgresql.port}/{self.postgresql.new_database()}"

    def whole(self, url: str) -> str:
        """The URL with the password, for the tests' own eyes."""
        return url.replace(f"{USER}@", f"{USER}:{self.postgresql.password}@")

    @property
    def variables(self) -> dict[str, str]:
        """Those that libpq reads."""
        file = self.directory / "pgpass"
        file.write_text(f"127.0.0.1:*:*:{USER}:{self.postgresql.password}\n")
        file.chmod(0o600)
        return {"PGPASSFILE": str(file)}

    def rows(self, url: str) -> dict[str, list[tuple[object, ...]]]:
        """Everything that is in a database, but for what it keeps for itself."""
        with closing(open_database(self.whole(url))) as database, database.engine.connect() as connection:
            return {
                table.name: sorted((tuple(row) for row in connection.execute(select(*kept_columns(table)))), key=repr)
                for table in metadata.sorted_tables
            }


@pytest.fixture
def databases(postgresql: Postgresql, tmp_path: Path) -> Databases:
    return Databases(postgresql, tmp_path)


def kept_columns(table: Table) -> list[Column[Any]]:
    """All but the versions of target roots, which every database makes up by itself, and the last uses of keys, which a
    running server writes down a few seconds later."""
    return [column for column in table.columns if column.name not in {"target_roots_version", "last_used_at"}]


def make_older(url: str) -> None:
    """Give an empty database the form that an older version knew."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, OLDER)
    engine.dispose()


def validate(machine: Machine, registry: RunningRegistry, key: str) -> None:
    """Start a build, as far as its target roots go, as a client of the registry."""
    env = {"STARDAG_REGISTRY_URL": registry.url, "STARDAG_API_KEY": key, "STARDAG_WORKSPACE": "default"}
    added = machine.ask("target-roots", "validate", env=env).data["added"]
    assert "default" in [root["name"] for root in added]


@pytest.mark.parametrize("source", KINDS)
def test_a_backup_during_load_is_one_state_and_may_be_restored_to_either_kind(
    machine: Machine, databases: Databases, source: str
) -> None:
    url = databases.new(source)
    backup = machine.root / "registry.backup"
    with running_registry(machine.root / "data", database=databases.whole(url)) as registry:
        key = registry.owner_key
        with Load([registry.url], key) as load:
            load.wait_for(10)
            data = machine.ask("registry", "backup", str(backup), "--database", url, env=databases.variables).data
            assert data["file"] == str(backup)
            assert data["rows"] > 10
            load.wait_for(1)
    assert check_ledger(databases.whole(url), load.answered) > check_ledger(f"sqlite:///{backup}") > 0
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    saved = f"sqlite:///{backup}"
    restored = ""
    for kind in KINDS:
        restored = databases.new(kind)
        words = ("registry", "restore", str(backup), "--database", restored)
        assert machine.ask(*words, env=databases.variables).data["rows"] > 10
        check_ledger(databases.whole(restored))
        assert databases.rows(restored) == databases.rows(saved)
        again = machine.ask(*words, env=databases.variables, exits=1)
        assert again.error["code"] == "unusable-database", "it is not empty any more"
    with running_registry(machine.root / "other", database=databases.whole(restored)) as registry:
        validate(machine, registry, key)


def test_a_registry_moves_from_sqlite_to_postgresql_with_one_command(machine: Machine, databases: Databases) -> None:
    data, target = machine.directory / "registry", databases.new("PostgreSQL")
    data.parent.mkdir()
    with running_registry(data) as registry:
        key = registry.owner_key
        with Load([registry.url], key) as load:
            load.wait_for(20)
        copied = machine.run("registry", "copy", target, env=databases.variables)
        assert "rows" in copied.out
    assert databases.rows(target) == databases.rows(f"sqlite:///{data / DATABASE_FILE}")
    refused = machine.ask("registry", "copy", target, env=databases.variables, exits=1)
    assert "holds a registry already" in refused.error["message"]
    with running_registry(machine.root / "other", database=databases.whole(target)) as registry:
        assert os.listdir(machine.root / "other") == [".gitignore"], "nothing is furnished a second time"
        validate(machine, registry, key)
        with Load([registry.url], key) as more:
            more.wait_for(20)
    whole = load.answered
    whole += more.answered
    check_ledger(databases.whole(target), whole)


def test_of_many_upgrades_at_once_one_does_it_and_all_succeed(machine: Machine, databases: Databases) -> None:
    url = databases.new("PostgreSQL")
    make_older(databases.whole(url))
    serve = ("registry", "serve", "--port", "0", "--database", url)
    refused = machine.ask(*serve, env=databases.variables, exits=1)
    assert "stardag registry upgrade" in refused.error["fix"]
    with ThreadPoolExecutor(4) as threads:
        running = [
            threads.submit(machine.ask, "registry", "upgrade", "--database", url, env=databases.variables)
            for _ in range(4)
        ]
        assert [run.result().data for run in running] == [{"revision": HEAD}] * 4
    assert not (machine.directory / "registry").exists(), "nothing is kept there by these"
    with running_registry(machine.root / "data", database=databases.whole(url)) as registry:
        validate(machine, registry, registry.owner_key)


def test_a_backup_replaces_nothing_unless_it_is_told_to(machine: Machine, databases: Databases) -> None:
    with running_registry(machine.root / "data"):
        pass
    words = ("registry", "backup", "there", "--data-dir", str(machine.root / "data"))
    (machine.work / "there").write_text("something else")
    refused = machine.ask(*words, exits=1)
    assert "--replace" in refused.error["fix"]
    assert (machine.work / "there").read_text() == "something else"
    machine.run(*words, "--replace")
    assert [path.name for path in machine.work.iterdir()] == ["there"], "and leaves nothing beside it"
    check_ledger(f"sqlite:///{machine.work}/there")


@pytest.mark.filterwarnings("ignore:.*forkpty.*:DeprecationWarning")
def test_whoever_waits_longer_than_a_second_is_told_for_what(machine: Machine, databases: Databases) -> None:
    url = databases.new("PostgreSQL")
    open_database(databases.whole(url)).close()
    words = ("registry", "upgrade", "--database", url)
    with psycopg.connect(databases.whole(url), autocommit=True) as another:
        another.execute(WRITING.exclusive.replace("_xact", "").encode())  # as if it changed the database
        with terminal(machine, *words, **databases.variables) as waiting:
            waiting.reads("Upgrading the database")
            another.close()
            code, said = waiting.ends()
    assert code == 0
    assert HEAD in said


PASSWORD = "the-password-of-the-database"
ELSEWHERE = f"postgresql://stardag:{PASSWORD}@127.0.0.1:9/registry"


@pytest.mark.parametrize(
    ("words", "exits", "code"),
    [
        (("serve", "--port", "0", "--database", ELSEWHERE), 1, "unusable-database"),
        (("upgrade", "--database", ELSEWHERE), 1, "unusable-database"),
        (("backup", "file", "--database", ELSEWHERE), 1, "unusable-database"),
        (("restore", "file", "--database", ELSEWHERE), 1, "unusable-database"),
        (("copy", ELSEWHERE, "--database", "sqlite:////tmp/x/y/z"), 1, "unusable-database"),
        (("rotate-signing-key", "--database", ELSEWHERE), 1, "unusable-database"),
        (("copy", "--database", ELSEWHERE), 2, "usage"),
        (("backup", "file", "--database", ELSEWHERE, "--databse", ELSEWHERE), 2, "usage"),
        (("serve", "--port", "x", "--database", ELSEWHERE), 2, "usage"),
        (("upgrade", "--database", f"mysql://stardag:{PASSWORD}@localhost/registry"), 2, "unsupported-database"),
        (
            ("upgrade", "--database", f"postgresql://stardag:{PASSWORD}@localhost:{PASSWORD}/x"),
            2,
            "unsupported-database",
        ),
        (("upgrade", "--database", f"postgresql://h/x?no_such_option={PASSWORD}"), 1, "unusable-database"),
        (("backup", "file", "--data-dir", "nowhere"), 1, "unusable-data-directory"),
    ],
)
def test_what_goes_wrong_has_an_exit_code_and_never_tells_the_password(
    machine: Machine, words: tuple[str, ...], exits: int, code: str
) -> None:
    (machine.work / "file").write_bytes(b"")
    told = machine.run("registry", *words, "--verbose", exits=exits)
    assert told.out == ""
    asked = machine.ask("registry", *words, exits=exits)
    assert asked.error["code"] == code
    assert PASSWORD not in told.said + asked.said


@pytest.mark.parametrize(
    "words",
    [
        ("restore", "missing.backup", "--data-dir", "new"),
        ("backup", "made.backup", "--data-dir", "empty"),
        ("copy", "sqlite:///made.sqlite3", "--data-dir", "empty"),
        ("upgrade", "--data-dir", "empty"),
    ],
)
def test_what_cannot_be_done_leaves_nothing_behind(machine: Machine, words: tuple[str, ...]) -> None:
    (machine.work / "empty").mkdir(mode=0o700)
    ran = machine.run("registry", *words, exits=1)
    assert ("there is no such file" in ran.err) or ("there is no registry in it" in ran.err)
    assert [path.name for path in machine.work.rglob("*")] == ["empty"]
