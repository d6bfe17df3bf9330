"""The server on PostgreSQL: how it starts, again, and many at once."""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import httpx
import pytest
from sqlalchemy.engine import make_url

from stardag_registry.adapters.database import open_database
from stardag_registry.domain.errors import DatabaseUnavailable
from tests.registry.postgresql import Postgresql
from tests.registry.running import DidNotStart, running_registry
from tests.registry.server.ledger import check_ledger
from tests.registry.server.writers import client_of, workspace_of

KEY = "stardag_admin_"


def test_a_first_start_furnishes_and_a_second_finds_what_is_there(tmp_path: Path, postgresql: Postgresql) -> None:
    url = postgresql.url(postgresql.new_database())
    with running_registry(tmp_path / "data", database=url) as registry:
        assert registry.said().count(registry.owner_key) == 1
        assert sorted(path.name for path in registry.data_dir.iterdir()) == [
            ".gitignore",
            "owner-api-key",
            "owner-password",
        ]
        with client_of(registry.url, registry.owner_key) as client:
            workspace = workspace_of(client)
        assert registry.stop() == 0
    with running_registry(tmp_path / "data", database=url) as registry:
        assert registry.said() == ""
        with client_of(registry.url, registry.owner_key) as client:
            assert workspace_of(client) == workspace
    check_ledger(url)


@pytest.mark.parametrize("servers", [2, pytest.param(6, marks=pytest.mark.slow)])
def test_of_many_that_start_at_once_on_an_empty_database_one_furnishes_it(
    tmp_path: Path, postgresql: Postgresql, servers: int
) -> None:
    url = postgresql.url(postgresql.new_database())
    with ExitStack() as stack, ThreadPoolExecutor(servers) as threads:
        starting = [
            threads.submit(stack.enter_context, running_registry(tmp_path / f"data-{number}", database=url))
            for number in range(servers)
        ]
        registries = [start.result() for start in starting]
        owners = [registry for registry in registries if (registry.data_dir / "owner-api-key").exists()]
        (owner,) = owners
        assert [registry for registry in registries if KEY in registry.said()] == owners
        for registry in registries:
            with client_of(registry.url, owner.owner_key) as client:
                assert client.get("/api/v1/me").status_code == 200
        assert sum((registry.data_dir / "owner-password").exists() for registry in registries) == 1
    check_ledger(url)


def test_the_password_may_come_by_the_variables_and_the_file_that_libpq_reads(
    tmp_path: Path, postgresql_url: str
) -> None:
    """So it is in no argument, and in no list of processes."""
    url = make_url(postgresql_url)
    password, plain = str(url.password), f"postgresql://{url.username}@{url.host}:{url.port}/{url.database}"
    pgpass = tmp_path / "pgpass"
    pgpass.write_text(f"{url.host}:{url.port}:*:{url.username}:{password}\n")
    pgpass.chmod(0o600)
    without = {name: "" for name in os.environ if name.startswith("PG")}
    for environment in ({"PGPASSWORD": password}, {"PGPASSFILE": str(pgpass)}):
        with running_registry(
            tmp_path / "data", database=plain, environment={**without, **environment}, in_new_process=True
        ) as registry:
            assert httpx.get(f"{registry.url}/health", trust_env=False).status_code == 200
            words = Path(f"/proc/{registry.process.pid}/cmdline").read_bytes()
            assert password.encode() not in words
            assert password not in registry.said()
    with pytest.raises(DidNotStart) as refusal, running_registry(tmp_path / "data", database=plain):
        pass
    assert "password" in str(refusal.value), "it says what is missing"
    wrong = url.set(password="wrong-secret").render_as_string(hide_password=False)
    with pytest.raises(DidNotStart) as refusal, running_registry(tmp_path / "data", database=wrong):
        pass
    assert "unusable-database" in str(refusal.value)
    assert "wrong-secret" not in str(refusal.value)


@pytest.mark.slow
def test_a_server_that_vanishes_in_the_middle_of_a_change_holds_the_others_up_for_seconds_only(
    postgresql_url: str,
) -> None:
    """Nothing comes from it any more, not even the end of its connection."""
    with closing(open_database(postgresql_url)) as vanished, closing(open_database(postgresql_url)) as other:

        def begin_and_come_back_later() -> None:
            with vanished.transaction() as stuck:
                assert not stuck.has_organizations()
                with other.transaction() as transaction:
                    assert not transaction.has_organizations()
                stuck.has_organizations()

        with pytest.raises(DatabaseUnavailable):
            begin_and_come_back_later()
