"""What holds for every test, and the real parts that tests of one process share: an S3 server and a PostgreSQL.

The parts are imported by whoever asks for one, so that tests on fakes start at once.
"""

from collections.abc import Generator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from tests.registry.postgresql import Postgresql
    from tests.s3_server import S3Server

settings.register_profile("stardag", deadline=None)  # speed is for the benchmarks: a busy machine breaks no rule
settings.load_profile("stardag")


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
