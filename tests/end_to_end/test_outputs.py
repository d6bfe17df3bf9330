"""Outputs from Python, on a machine with a real registry: target roots as paths, in two profiles at once, offline."""

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

import stardag
from stardag.domain.errors import UnknownTargetRoot
from stardag.domain.output_errors import OutsideTargetRoot, ReadOnlyTargetRoot, TaskNotRunning, UnsupportedScheme
from stardag.domain.registry_errors import RegistryUnreachable
from tests.end_to_end.builds import start
from tests.end_to_end.machine import TIMEOUT_SECONDS, Machine
from tests.end_to_end.registries import NOWHERE, Place, Registry, passing_on
from tests.s3_server import REGION, ROOT, S3Server


def enter(monkeypatch: pytest.MonkeyPatch, machine: Machine, variables: Mapping[str, str]) -> None:
    """Let this very process be one on the machine, with nothing of the real one's."""
    for name in [name for name in os.environ if name.startswith("STARDAG_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(machine.home))
    monkeypatch.chdir(machine.work)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def production(registry: Registry, tmp_path: Path) -> Place:
    """Another workspace, whose outputs are elsewhere."""
    return registry.place({"default": str(tmp_path / "roots" / "production"), "other": str(tmp_path / "roots/other")})


@pytest.fixture
def both(machine: Machine, place: Place, production: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with a profile of each; both were synced, and no registry is in reach any more."""
    profile = '\n[profile.{name}]\nregistry = "{name}"\norganization = "{org}"\nworkspace = "{workspace}"\n'
    machine.configure(
        "".join(
            f'[registry.{name}]\nurl = "{NOWHERE}/{name}"\n'
            + profile.format(name=name, org=each.organization_id, workspace=each.workspace_id)
            for name, each in (("local", place), ("production", production))
        )
        + '\n[default]\nprofile = "local"\n'
    )
    for name, each in (("local", place), ("production", production)):
        address = f'url = "{NOWHERE}/{name}"'
        text = machine.config.read_text()
        machine.config.write_text(text.replace(address, f'url = "{each.url}"'))
        machine.run("target-roots", "sync", "--profile", name, env={"STARDAG_API_KEY": each.key})
    enter(monkeypatch, machine, {"STARDAG_OFFLINE": "1"})


def test_outputs_are_written_and_read_with_no_configuration_and_no_network(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter(monkeypatch, machine, {"STARDAG_OFFLINE": "1"})
    path = stardag.target_root() / "features/part-0.parquet"
    path.write_bytes(b"content")
    assert isinstance(path, Path)
    assert (machine.directory / "local-target-roots/default/default/features/part-0.parquet").read_bytes() == b"content"
    with pytest.raises(UnknownTargetRoot, match="no target root 'missing'; it has: default"):
        stardag.target_root("missing")


def test_a_production_worker_needs_three_variables_and_no_file(
    machine: Machine, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.home.chmod(0o500)
    enter(monkeypatch, machine, {**place.variables, "STARDAG_HOME": "/proc/nowhere"})
    with passing_on(place.url) as door:
        monkeypatch.setenv("STARDAG_REGISTRY_URL", door.url)
        with pytest.warns(stardag.StardagWarning) as caught:
            root = stardag.target_root()
        assert any("were not cached" in str(warning.message) for warning in caught)
        assert {warning.filename for warning in caught} == {__file__}
        (root / "output").write_text("done")
        assert (stardag.target_root() / "output").read_text() == "done"
        asked = [request.path for request in door.requests if "/target-roots" in request.path]
    assert len(asked) == 1
    assert (machine.root / "roots/default/output").read_text() == "done"


def test_one_program_reads_from_production_and_writes_locally(both: None, machine: Machine) -> None:
    source = machine.root / "roots/production/model.pkl"
    source.parent.mkdir(parents=True)
    source.write_bytes(b"model")
    production = stardag.target_root(profile="production", read_only=True)
    (stardag.target_root() / "copy.pkl").write_bytes((production / "model.pkl").read_bytes())
    assert (machine.root / "roots/default/copy.pkl").read_bytes() == b"model"
    with pytest.raises(ReadOnlyTargetRoot):
        (production / "model.pkl").write_bytes(b"")
    with pytest.raises(OutsideTargetRoot):
        _ = production / "../default/copy.pkl"
    with stardag.use("production"):
        assert stardag.active_profile().profile.value == "production"
        assert (stardag.target_root() / "model.pkl").exists()
        assert stardag.target_root("other").name == "other"
        assert stardag.target_root(profile="local").name == "default"
        with stardag.use(profile="local"):
            assert stardag.target_root().name == "default"
        assert stardag.target_root().name == "production"
    assert stardag.target_root().name == "default"


def test_an_overlay_reads_here_and_else_there_and_writes_here_alone(both: None, machine: Machine) -> None:
    here, there = machine.root / "roots/default", machine.root / "roots/production"
    (there / "features").mkdir(parents=True)
    (there / "features/a").write_text("production's")
    (there / "features/b").write_text("production's")
    root = stardag.overlay(read_from="production")
    (root / "features/b").write_text("mine")
    assert (root / "features/a").read_text() == "production's"
    assert (root / "features/b").read_text() == "mine"
    assert sorted(path.name for path in (root / "features").iterdir()) == ["a", "b"]
    assert sorted(path.name for path in here.rglob("*") if path.is_file()) == ["b"]
    kept = stardag.overlay(read_from="production", keep=True)
    assert (kept / "features/a").read_text() == "production's"
    assert (here / "features/a").read_text() == "production's"
    assert (there / "features/b").read_text() == "production's"
    with pytest.raises(UnknownTargetRoot):
        stardag.overlay("other", read_from="production")


def test_a_task_that_was_done_in_production_is_found_through_an_overlay(
    both: None, machine: Machine, production: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STARDAG_OFFLINE")
    monkeypatch.setenv("STARDAG_API_KEY", production.key)
    with stardag.build("nightly", profile="production") as build, build.task("train", {"lr": 0.1}) as made:
        made.output("model.pkl").write_bytes(b"model")
        assert stardag.target_root().name == "production"
        with stardag.use("production"):
            assert stardag.target_root("other").name == "other"
    monkeypatch.delenv("STARDAG_API_KEY")
    monkeypatch.setenv("STARDAG_OFFLINE", "1")
    assert not stardag.task_outputs("train", {"lr": 0.1}).complete
    for keep, left in ((False, []), (True, ["model.pkl"])):
        task = stardag.task_outputs("train", {"lr": 0.1}, root=stardag.overlay(read_from="production", keep=keep))
        assert task.complete
        assert task.output("model.pkl").read_bytes() == b"model"
        assert [path.name for path in (machine.root / "roots/default").rglob("*") if path.is_file()] == left
        with pytest.raises(TaskNotRunning):
            task.output("model.pkl").write_bytes(b"")
    assert not stardag.task_outputs("train", {"lr": 0.2}, root=stardag.overlay(read_from="production")).complete


def test_bad_input_is_one_clear_error(both: None, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(stardag.StardagError, match="no profile 'missing'"):
        stardag.target_root(profile="missing")
    with pytest.raises(stardag.StardagError, match="no profile 'missing'"):
        stardag.overlay(read_from="missing")
    monkeypatch.setenv("STARDAG_TARGET_ROOTS", '{"bucket": "gs://bucket/prefix/"}')
    with pytest.raises(UnsupportedScheme, match="'gs' is not supported"):
        stardag.target_root("bucket")


def test_without_the_registry_an_empty_cache_is_said_to_be_so(
    machine: Machine, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter(monkeypatch, machine, {**place.variables, "STARDAG_OFFLINE": "1"})
    with pytest.raises(RegistryUnreachable, match="STARDAG_OFFLINE asks to work offline"):
        stardag.target_root()
    monkeypatch.delenv("STARDAG_OFFLINE")
    monkeypatch.setenv("STARDAG_REGISTRY_URL", NOWHERE)
    with pytest.raises(RegistryUnreachable):
        stardag.target_root()


def test_an_overlay_lays_a_local_root_over_one_on_s3(
    both: None, machine: Machine, production: Place, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = s3_server.make_bucket()
    production.change("default", f"s3://{bucket}/outputs/")
    machine.run("target-roots", "sync", "--profile", "production", env={"STARDAG_API_KEY": production.key})
    for name, value in {
        "AWS_ENDPOINT_URL": s3_server.url,
        "AWS_ACCESS_KEY_ID": ROOT.access,
        "AWS_SECRET_ACCESS_KEY": ROOT.secret,
        "AWS_DEFAULT_REGION": REGION,
        "NO_PROXY": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    written = stardag.target_root(profile="production") / "features/a.parquet"
    written.write_bytes(b"content")
    assert s3_server.left_in(bucket)[0] == "object outputs/features/a.parquet"
    root = stardag.overlay(read_from="production", keep=True)
    assert [path.name for path in root.rglob("*.parquet")] == ["a.parquet"]
    assert (root / "features/a.parquet").read_bytes() == b"content"
    written.unlink()
    assert (machine.root / "roots/default/features/a.parquet").read_bytes() == b"content"
    with pytest.raises(FileNotFoundError):
        written.read_bytes()
    assert (root / "features/a.parquet").read_bytes() == b"content"


WORKER = """
import os, stardag
(stardag.target_root() / f"worker-{os.getpid()}").write_text("done")
"""


def start_at_once(machine: Machine, place: Place, processes: int) -> None:
    with passing_on(place.url) as door, ExitStack() as stack:
        environment = machine.environment(
            **{**place.variables, "STARDAG_REGISTRY_URL": door.url, "STARDAG_TIMEOUT": "60"}
        )
        workers = [
            stack.enter_context(
                subprocess.Popen(
                    (sys.executable, "-c", WORKER), env=environment, cwd=machine.work, stderr=subprocess.PIPE
                )
            )
            for _ in range(processes)
        ]
        said = [worker.communicate(timeout=10 * TIMEOUT_SECONDS)[1].decode() for worker in workers]
        assert said == [""] * processes
        asked = [request.path for request in door.requests if "/target-roots" in request.path]
    assert 1 <= len(asked) <= processes
    assert len(os.listdir(machine.root / "roots/default")) == processes
    shown = machine.ask("target-roots", "list", "--offline", env={**place.variables, "STARDAG_REGISTRY_URL": door.url})
    assert [root["name"] for root in shown.data["roots"]] == ["default"]


def test_workers_that_start_at_once_with_empty_caches_all_find_their_root(machine: Machine, place: Place) -> None:
    start_at_once(machine, place, 4)


@pytest.mark.slow
def test_two_hundred_workers_that_start_at_once_with_empty_caches_all_find_their_root(
    machine: Machine, place: Place
) -> None:
    start_at_once(machine, place, 200)


def test_a_program_that_reads_outputs_imports_no_container_and_no_s3(both: None, machine: Machine) -> None:
    program = """
import sys, stardag
stardag.target_root() / "a"
found = {"dependency_injector", "boto3", "cloudpathlib", "httpx", "pydantic"} & set(sys.modules)
assert not found, found
"""
    process = start(program, {**machine.environment(), "STARDAG_OFFLINE": "1"}, machine.work)
    _, err = process.communicate(timeout=TIMEOUT_SECONDS)
    assert process.returncode == 0, err
