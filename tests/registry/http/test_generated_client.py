"""A client that a program of others' makes of the OpenAPI document, at work at a real server."""

import importlib
import json
import pkgutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from tests.registry.running import RunningRegistry, running_registry

PACKAGE = "generated_registry_client"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[RunningRegistry]:
    with running_registry(tmp_path_factory.mktemp("registry") / "data") as registry:
        yield registry


@pytest.fixture(scope="module")
def document(server: RunningRegistry) -> dict[str, Any]:
    told: dict[str, Any] = httpx.get(f"{server.url}/openapi.json").json()
    return told


@pytest.fixture(scope="module")
def package(document: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Generator[ModuleType]:
    """The client, generated without a warning, and imported."""
    directory = tmp_path_factory.mktemp("generated")
    (directory / "openapi.json").write_text(json.dumps(document))
    (directory / "config.yml").write_text("post_hooks: []\n")
    options = ["--path", "openapi.json", "--config", "config.yml", "--meta", "none", "--output-path", PACKAGE]
    program = Path(sys.executable).with_name("openapi-python-client")
    done = subprocess.run(
        [program, "generate", "--fail-on-warning", *options], cwd=directory, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "warning" not in (done.stdout + done.stderr).lower()
    sys.path.insert(0, str(directory))
    try:
        yield importlib.import_module(PACKAGE)
    finally:
        sys.path.remove(str(directory))
        for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
            del sys.modules[name]


@dataclass(frozen=True)
class Generated:
    """The client of somebody with a credential."""

    client: Any
    models: Any

    def call(self, operation: str, *arguments: Any, **named: Any) -> Any:
        """What an operation, as `tag.name`, answers: a value of a generated class."""
        return self._of(operation).sync(*arguments, client=self.client, **named)

    def status(self, operation: str, *arguments: Any, **named: Any) -> int:
        return int(self._of(operation).sync_detailed(*arguments, client=self.client, **named).status_code)

    def _of(self, operation: str) -> Any:
        return importlib.import_module(f"{PACKAGE}.api.{operation}")


@pytest.fixture
def generated(package: ModuleType, server: RunningRegistry) -> Generator[Generated]:
    """That of the owner's key, which administers the first workspace."""
    make: Callable[..., Any] = package.__dict__["AuthenticatedClient"]
    with make(base_url=server.url, token=server.owner_key, raise_on_unexpected_status=True) as client:
        yield Generated(client, importlib.import_module(f"{PACKAGE}.models"))


@pytest.fixture
def workspace(generated: Generated) -> uuid.UUID:
    me = generated.call("credential.me")
    assert me.kind.value == "api_key"
    found: uuid.UUID = me.workspace.id
    assert isinstance(found, uuid.UUID)
    return found


def test_every_operation_is_in_it(package: ModuleType, document: dict[str, Any]) -> None:
    operations = {one["operationId"] for methods in document["paths"].values() for one in methods.values()}
    modules = {
        info.name.rpartition(".")[2]
        for info in pkgutil.walk_packages(package.__path__, f"{PACKAGE}.")
        if info.name.startswith(f"{PACKAGE}.api.") and not info.ispkg
    }
    assert operations == modules
    for info in pkgutil.walk_packages(package.__path__, f"{PACKAGE}."):
        importlib.import_module(info.name)


def test_nothing_in_the_document_is_beyond_what_its_version_allows(document: dict[str, Any]) -> None:
    for kind in document["components"].values():
        for name in kind:
            assert all(character.isascii() and (character.isalnum() or character in "._-") for character in name), name
    assert document["openapi"].startswith("3.1.")


def test_organizations_and_target_roots(generated: Generated, workspace: uuid.UUID) -> None:
    (organization,) = generated.call("organizations.list_organizations").items
    assert (organization.slug, organization.role) == ("default", None)
    new = generated.models.NewTargetRoot(name="archive", uri_prefix="s3://bucket/archive/")
    assert generated.call("target_roots.add_target_root", workspace, body=new).uri_prefix == "s3://bucket/archive/"
    refused = generated.call("target_roots.add_target_root", workspace, body=new)
    assert isinstance(refused, generated.models.Problem)
    assert (refused.status, refused.code) == (409, "already-exists")
    roots = generated.call("target_roots.list_target_roots", workspace)
    assert [root.name for root in roots.items] == ["archive", "default"]
    answer = importlib.import_module(f"{PACKAGE}.api.target_roots.list_target_roots").sync_detailed(
        workspace, client=generated.client
    )
    tag = answer.headers["etag"]
    assert generated.status("target_roots.list_target_roots", workspace, if_none_match=tag) == 304
    history = generated.call("target_roots.list_target_root_history", workspace).items
    assert (history[0].name, history[0].old, history[0].new) == ("archive", None, "s3://bucket/archive/")
    assert isinstance(history[0].at, datetime)


def test_builds_and_tasks(generated: Generated, workspace: uuid.UUID) -> None:
    models, register = generated.models, "builds.register_build"
    roots = models.NewBuildBodyTargetRoots.from_dict({"default": "/data/"})
    new = models.NewBuildBody(target_roots=roots, name="nightly")
    build = generated.call(register, workspace, body=new, idempotency_key="one")
    assert isinstance(build.id, uuid.UUID)
    assert (build.status.value, build.ended_at, build.heartbeat_seconds) == ("running", None, 30)
    assert build.name == "nightly"
    assert generated.status(register, workspace, body=new, idempotency_key="one") == 200
    assert generated.call(register, workspace, body=new, idempotency_key="one").id == build.id
    others = [generated.call(register, workspace, body=new, idempotency_key=f"more-{number}") for number in range(4)]
    ended = models.EndedBuild(status=models.EndedBuildStatus.FAILED, error="It broke.")
    assert generated.call("builds.end_build", workspace, others[0].id, body=ended).error == "It broke."

    record = models.TaskRecordBody(
        name="train",
        parameters=models.TaskRecordBodyParameters.from_dict({"lr": 0.1}),
        status=models.TaskRecordBodyStatus.COMPLETED,
        output=models.Output(root="default", path="train/1"),
        started_at=datetime(2026, 11, 23, 12, tzinfo=UTC),
    )
    (task_id,) = generated.call("tasks.record_tasks", workspace, build.id, body=models.TaskRecords(tasks=[record])).ids
    task = generated.call("tasks.show_task", workspace, task_id)
    assert (task.output.path, task.parameters["lr"], task.error) == ("train/1", 0.1, None)
    assert task.started_at == datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert [run.build_id for run in task.builds] == [build.id]
    found = generated.call("tasks.list_tasks", workspace, name="train", parameter=["lr=0.1"], build=build.id)
    assert [each.id for each in found.items] == [task_id]

    running = models.ListBuildsStatus.RUNNING
    seen: list[uuid.UUID] = []
    page = generated.call("builds.list_builds", workspace, status=running, limit=3)
    while page.next_cursor is not None:
        assert len(page.items) == 3
        seen += [each.id for each in page.items]
        page = generated.call("builds.list_builds", workspace, status=running, limit=3, cursor=page.next_cursor)
    seen += [each.id for each in page.items]
    assert sorted(seen) == sorted([build.id, *(each.id for each in others[1:])])


def test_keys_and_refusals(
    package: ModuleType, generated: Generated, workspace: uuid.UUID, server: RunningRegistry
) -> None:
    models, expires_at = generated.models, datetime.now(UTC) + timedelta(days=1)
    new = models.NewApiKey(name="nightly", expires_at=expires_at)
    made = generated.call("api_keys.make_api_key", workspace, body=new)
    assert (made.purpose.value, made.expires_at, made.last_used_at) == ("build", expires_at, None)
    make: Callable[..., Any] = package.__dict__["AuthenticatedClient"]
    with make(base_url=server.url, token=made.key) as client:
        building = Generated(client, models)
        assert building.call("workspaces.show_workspace", workspace).slug == "default"
        refused = building.call("api_keys.list_api_keys", workspace)
        assert isinstance(refused, models.Problem)
        assert (refused.status, refused.code) == (403, "not-allowed")
        assert generated.status("api_keys.revoke_api_key", workspace, made.id) == 204
        assert building.call("credential.me").code == "unauthenticated"
    missing = generated.call("workspaces.show_workspace", uuid.uuid4())
    assert (missing.status, missing.code) == (404, "not-found")
    wrong = generated.call("target_roots.add_target_root", workspace, body=models.NewTargetRoot("No Name", "/x/"))
    assert (wrong.code, wrong.errors[0].field) == ("invalid", "body.name")
