"""What holds for every test, and the real parts that tests of one process share: an S3 server and a PostgreSQL.

The parts are imported by whoever asks for one, so that tests on fakes start at once.
"""

import re
import sys
from collections.abc import Generator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from coverage import Coverage

    from tests.registry.postgresql import Postgresql
    from tests.s3_server import S3Server

# No deadline: speed is for the benchmarks, and a busy machine breaks no rule. The examples of the quick tests are the
# same each time, so that what passes once passes again; `make test-all` looks for new ones.
settings.register_profile("quick", deadline=None, derandomize=True)
settings.register_profile("thorough", deadline=None)
settings.load_profile("quick")


_TESTS = Path(__file__).parent
_UNITS = [_TESTS / part for part in ("domain", "app", "cli", "registry/domain", "registry/app")]
_CONTRACTS = [_TESTS / part for part in ("contracts", "registry/database")]
_FAKE = re.compile(r"\b(fake|in memory)\b")
_REAL = re.compile(r"\b(SQLite|PostgreSQL)\b")


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Mark the unit tests, and the tests that coverage leaves out, since tracing doubles their time: of a test on real
    parts, all cases but the first."""
    covered = set[tuple[Path, str]]()
    for item in items:
        test = (item.path, item.name.partition("[")[0])
        if _is_unit(item):
            item.add_marker("unit")
        elif test in covered:
            item.add_marker("untraced")
        covered.add(test)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Stop coverage for the length of a test that is left out, its fixtures included."""
    stopped = _stop_coverage() if item.get_closest_marker("untraced") else []
    try:
        return (yield)
    finally:
        for coverage in reversed(stopped):
            coverage.start()


def _stop_coverage() -> "list[Coverage]":
    """Stop whatever is measured here. In a process of xdist, pytest-cov starts two; the first goes on where the second
    has stopped."""
    stopped = list["Coverage"]()
    measuring = sys.modules.get("coverage")
    while measuring is not None and (current := measuring.Coverage.current()) is not None:
        current.stop()
        stopped.append(current)
    return stopped


def _is_unit(item: pytest.Item) -> bool:
    """Whether a test is of the domain, the use cases or the command line's words, or holds a fake to its contract."""
    if any(part in item.path.parents for part in _CONTRACTS):
        return bool(_FAKE.search(item.name))
    return any(part in item.path.parents for part in _UNITS) and not _REAL.search(item.name)


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Generator["S3Server"]:
    """A real S3 server. Buckets and users have names of their own, so tests do not meet on it."""
    from tests.s3_server import running_s3_server

    with running_s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(scope="session")
def postgresql() -> Generator["Postgresql"]:
    """A real PostgreSQL. Each test makes databases of its own on it."""
    from tests.registry.postgresql import NoPostgresql, running_postgresql

    with ExitStack() as stack:
        try:
            server = stack.enter_context(running_postgresql())
        except NoPostgresql as error:
            pytest.skip(f"NOTHING IS TESTED ON POSTGRESQL: {error}")
        yield server
