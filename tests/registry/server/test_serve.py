"""The server as a process of its own: how it starts, where it listens, what it says, and how it ends."""

import signal
import socket
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from stardag.domain.errors import ConfigurationError, InvalidValue, StardagError
from stardag_registry.adapters.database import DATABASE_FILE, open_database
from stardag_registry.adapters.http.guards import MAX_BODY
from stardag_registry.domain.errors import (
    PortNotFree,
    UnsupportedDatabase,
    UnusableDatabase,
    UnusableDataDirectory,
    UnusableHost,
)
from stardag_registry.program import serve
from tests.registry.running import DEADLINE, DidNotStart, RunningRegistry, running_registry
from tests.registry.server.ledger import check_ledger
from tests.registry.server.writers import CLIENTS, Answered, Writer, asking

SECRET = "stardag_admin_"


def client_of(registry: RunningRegistry) -> httpx.Client:
    return httpx.Client(base_url=registry.url, headers={"Authorization": f"Bearer {registry.owner_key}"})


def files_in(directory: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()}


def test_a_first_start_leaves_nothing_to_be_desired_and_a_second_changes_nothing(tmp_path: Path) -> None:
    """One story, since every start costs a second: what is made, printed and kept, and that it stays."""
    data_dir = tmp_path / "some" / "data"
    data_dir.parent.mkdir()
    with running_registry(data_dir, umask=0) as registry:
        assert files_in(data_dir.parent)["data"] == 0o700
        with client_of(registry) as client:
            me = client.get("/api/v1/me").json()
            path = f"/api/v1/workspaces/{me['workspace']['id']}/target-roots"
            roots = client.get(path).json()["items"]
            assert client.post(path, json={"name": "more", "uri_prefix": "/more/"}).status_code == 201
        modes = files_in(data_dir)
        key = registry.owner_key
        said = registry.said()
        assert registry.stop() == 0
    assert (me["organization"]["slug"], me["workspace"]["slug"]) == ("default", "default")
    assert me["api_key"]["purpose"] == "administer"
    assert roots == [
        {"name": "default", "uri_prefix": f"{data_dir.parent}/local-target-roots/default/default/"},
    ]
    assert not (data_dir.parent / "local-target-roots").exists()
    assert {"owner-api-key", "owner-password", "registry.sqlite3", "registry.sqlite3-wal"} <= modes.keys()
    assert set(modes.values()) == {0o600}
    assert said.count(key) == 1
    assert str(data_dir / "owner-api-key") in said

    with running_registry(data_dir) as registry:
        assert registry.said() == ""
        assert registry.owner_key == key
        with client_of(registry) as client:
            assert [root["name"] for root in client.get(path).json()["items"]] == ["default", "more"]
            headers = {"Authorization": f"Bearer {key[:-1]}"}
            assert client.get("/api/v1/me", headers=headers).status_code == 401
            assert client.get("/nothing").status_code == 404
        assert registry.stop(signal.SIGINT) == 130
        assert registry.said() == ""
        assert registry.process.out.read_text() == f"{registry.url}\n"


def test_localhost_is_both_loopback_addresses_and_no_other(tmp_path: Path) -> None:
    with running_registry(tmp_path / "data") as registry:
        assert registry.url == f"http://localhost:{registry.port}"
        for host in ("127.0.0.1", "localhost", *(("[::1]",) if has_ipv6() else ())):
            assert httpx.get(f"http://{host}:{registry.port}/health").json()["status"] == "ok"
        outside = own_address()
        if outside is not None:
            with pytest.raises(httpx.ConnectError):
                httpx.get(f"http://{outside}:{registry.port}/health")
        refused = httpx.get(f"{registry.url}/health", headers={"Host": "evil.example"})
        assert (refused.status_code, refused.json()["code"]) == (421, "host-refused")
        assert "server" not in refused.headers


def test_listening_where_others_reach_it_is_warned_of(tmp_path: Path) -> None:
    with running_registry(tmp_path / "data", host="0.0.0.0") as registry:
        assert registry.url == f"http://127.0.0.1:{registry.port}"
        assert "Warning" in registry.said()
        address = own_address() or "127.0.0.1"
        assert httpx.get(f"http://{address}:{registry.port}/health").status_code == 200


def test_a_chunked_body_that_grows_too_large_is_refused_before_its_end(tmp_path: Path) -> None:
    with running_registry(tmp_path / "data") as registry, connected(registry) as connection:
        head = f"POST /api/v1/me HTTP/1.1\r\nHost: localhost:{registry.port}\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head.encode())
        for _ in range(MAX_BODY // 0x4000 + 1):
            connection.sendall(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")
        answer = read_to_the_end(connection)
    assert b"413" in answer.split(b"\r\n")[0]
    assert b'"code":"too-large"' in answer


def test_sigterm_lets_a_request_in_progress_finish(tmp_path: Path) -> None:
    body = b'{"name": "late", "uri_prefix": "/late/"}'
    with running_registry(tmp_path / "data") as registry:
        with client_of(registry) as client:
            workspace = client.get("/api/v1/me").json()["workspace"]["id"]
        with connected(registry) as connection:
            connection.sendall(
                f"POST /api/v1/workspaces/{workspace}/target-roots HTTP/1.1\r\nHost: localhost:{registry.port}\r\n"
                f"Authorization: Bearer {registry.owner_key}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n".encode()
            )
            assert connection.recv(100).startswith(b"HTTP/1.1 100")  # so it is in progress
            registry.process.send_signal(signal.SIGTERM)
            wait_until_refused(registry)
            connection.sendall(body)
            assert read_to_the_end(connection).startswith(b"HTTP/1.1 201")
        assert registry.process.wait(DEADLINE) == 0
    with running_registry(tmp_path / "data") as registry, client_of(registry) as client:
        items = client.get(f"/api/v1/workspaces/{workspace}/target-roots").json()["items"]
        assert {"name": "late", "uri_prefix": "/late/"} in items


def test_sigterm_under_load_ends_it_with_every_answer_kept(tmp_path: Path) -> None:
    answered, noted = Answered(), threading.Semaphore(0)
    with (
        running_registry(tmp_path / "data") as registry,
        ThreadPoolExecutor(CLIENTS) as threads,
        ExitStack() as stack,
    ):
        for _ in range(CLIENTS):
            client = stack.enter_context(client_of(registry))
            workspace = client.get("/api/v1/me").json()["workspace"]["id"]
            threads.submit(Writer(asking(client, workspace), answered, noted).write)
        for _ in range(20):
            assert noted.acquire(timeout=60)
        assert registry.stop() == 0
        assert "Traceback" not in registry.said()
    check_ledger(tmp_path / "data" / DATABASE_FILE, answered)


def test_two_may_start_on_one_new_directory_at_once(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with ExitStack() as stack, ThreadPoolExecutor(2) as threads:
        starting = [threads.submit(stack.enter_context, running_registry(data_dir)) for _ in range(2)]
        registries = [start.result() for start in starting]
        ids: set[str] = set()
        for registry in registries:
            with client_of(registry) as client:
                ids.add(client.get("/api/v1/me").json()["workspace"]["id"])
        assert len(ids) == 1
        assert sum(registry.said().count(SECRET) for registry in registries) == 1


def test_a_port_that_is_taken_is_said_and_nothing_is_made(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port: int = other.getsockname()[1]
        for host in ("localhost", "127.0.0.1"):
            with pytest.raises(PortNotFree) as refusal:
                start_here(tmp_path, host=host, port=port)
            assert str(port) in refusal.value.message
    assert not (tmp_path / "data").exists()


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_a_port_taken_on_one_loopback_address_is_taken_on_localhost(tmp_path: Path) -> None:
    if not has_ipv6():
        pytest.skip("no IPv6 here")
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as other, pytest.raises(PortNotFree):
        start_here(tmp_path, port=other.getsockname()[1])


@pytest.mark.parametrize("host", ["no-such-host.invalid", "203.0.113.7", "", "a b", "\ud800", "x" * 300])
def test_a_host_that_is_not_this_machine_is_said(tmp_path: Path, host: str) -> None:
    with pytest.raises(UnusableHost) as refusal:
        start_here(tmp_path, host=host)
    assert isinstance(refusal.value, ConfigurationError)


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_is_none_is_said(tmp_path: Path, port: int) -> None:
    with pytest.raises(PortNotFree):
        start_here(tmp_path, port=port)


def test_a_postgresql_that_does_not_answer_is_said_without_the_password(tmp_path: Path) -> None:
    with pytest.raises(UnusableDatabase) as refusal:
        start_here(tmp_path, database="postgresql://stardag:top-secret@127.0.0.1:9/registry?sslpassword=top-secret")
    assert "postgresql://stardag@127.0.0.1:9/registry" in refusal.value.message
    assert "top-secret" not in f"{refusal.value.message} {refusal.value.fix}"


def test_a_corrupt_database_is_said(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o700)
    (tmp_path / "data" / "registry.sqlite3").write_bytes(b"x" * 4096)
    with pytest.raises(UnusableDatabase) as refusal:
        start_here(tmp_path)
    assert "registry.sqlite3" in refusal.value.message


def test_a_data_directory_that_is_a_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("hello")
    with pytest.raises(UnusableDataDirectory, match="not a directory"):
        start_here(tmp_path)
    with pytest.raises(UnusableDataDirectory):
        serve(host="localhost", port=0, data_dir=str(tmp_path / "data" / "in"), local_target_roots="/", database=None)


def test_a_data_directory_that_others_may_write_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "something").touch()
    (tmp_path / "data").chmod(0o777)
    with pytest.raises(UnusableDataDirectory, match="others may write") as refusal:
        start_here(tmp_path)
    assert "chmod 700" in refusal.value.fix


def test_directories_that_are_made_on_the_way_are_private_too(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue):
        serve(
            host="localhost", port=0, data_dir=str(tmp_path / "a" / "b"), local_target_roots="relative", database=None
        )
    assert files_in(tmp_path)["a"] == 0o700
    assert files_in(tmp_path / "a")["b"] == 0o700


def test_an_empty_data_directory_becomes_private(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data").chmod(0o777)
    with pytest.raises(InvalidValue):  # it gets as far as the first target root
        serve(host="localhost", port=0, data_dir=str(tmp_path / "data"), local_target_roots="relative", database=None)
    assert files_in(tmp_path)["data"] == 0o700


def test_a_start_that_fails_gives_the_port_back(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    with pytest.raises(UnsupportedDatabase):
        start_here(tmp_path, port=port, database="nonsense")
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_what_is_wrong_is_one_sentence_and_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(DidNotStart) as failure, running_registry(tmp_path / "data", database="mysql://h/d"):
        pass
    assert str(failure.value).startswith("unsupported-database: ")
    assert "Traceback" not in str(failure.value)


def test_the_key_of_an_earlier_database_is_replaced_and_that_is_said(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    data_dir.mkdir(mode=0o700)
    (data_dir / "owner-api-key").write_text("stardag_admin_of_another_time\n")
    with running_registry(data_dir, database=f"sqlite:///{tmp_path}/elsewhere.db") as registry:
        assert "key of another database" in registry.said()
        assert "another_time" not in registry.said()
        with client_of(registry) as client:
            assert client.get("/api/v1/me").status_code == 200
        assert files_in(data_dir) == {"owner-api-key": 0o600, "owner-password": 0o600}
    assert (tmp_path / "elsewhere.db").is_file()


def test_a_database_that_is_furnished_keeps_whatever_key_is_there(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with running_registry(data_dir):
        pass
    (data_dir / "owner-api-key").unlink()
    with running_registry(data_dir) as registry:
        assert registry.said() == ""
        assert not (data_dir / "owner-api-key").exists()
    database = open_database(data_dir / "registry.sqlite3")
    with database.reading() as reading:
        assert reading.has_organizations()
    database.close()


def start_here(tmp_path: Path, *, host: str = "localhost", port: int = 0, database: str | None = None) -> None:
    """Start a server in this process that is expected to fail before it runs."""
    serve(
        host=host,
        port=port,
        data_dir=str(tmp_path / "data"),
        local_target_roots=str(tmp_path / "local-target-roots"),
        database=database,
    )
    raise AssertionError(StardagError)


def connected(registry: RunningRegistry) -> socket.socket:
    return socket.create_connection(("127.0.0.1", registry.port), timeout=20)


def read_to_the_end(connection: socket.socket) -> bytes:
    parts: list[bytes] = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


def wait_until_refused(registry: RunningRegistry) -> None:
    """Return once the server no longer accepts: it has begun to stop."""
    while True:
        try:
            connected(registry).close()
        except ConnectionResetError:  # it stopped listening between taking the connection and accepting it
            continue
        except ConnectionRefusedError:
            return


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


def own_address() -> str | None:
    """An address of this machine that is not loopback, if it has one. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        address: str = probe.getsockname()[0]
    return None if address.startswith("127.") else address
