"""Builds whose outputs lie on S3, a real server over HTTP: the same promises as on a local directory."""

import os
import signal
from pathlib import Path

import pytest

import stardag
from tests.end_to_end.builds import Workspace, run
from tests.end_to_end.machine import Machine
from tests.end_to_end.registries import Registry
from tests.s3_server import REGION, ROOT, S3Server


@pytest.fixture
def bucket(s3_server: S3Server) -> str:
    return s3_server.make_bucket()


@pytest.fixture
def environment(
    machine: Machine,
    registry: Registry,
    bucket: str,
    s3_server: S3Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> dict[str, str]:
    """A workspace with a target root on S3 and one here, as variables, which are this process's own as well."""
    place = registry.place({"default": f"s3://{bucket}/stardag/prod/", "scratch": str(tmp_path / "scratch")})
    variables = {
        **place.variables,
        "AWS_ENDPOINT_URL": s3_server.url,
        "AWS_ACCESS_KEY_ID": ROOT.access,
        "AWS_SECRET_ACCESS_KEY": ROOT.secret,
        "AWS_DEFAULT_REGION": REGION,
        "HOME": str(machine.home),
    }
    for name in [name for name in os.environ if name.startswith(("STARDAG_", "AWS_"))]:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(machine.work)
    stardag.sync_target_roots()
    return {**machine.environment(), **variables, "WORKSPACE": place.workspace_id, "URL": place.url}


def test_tasks_on_s3_are_complete_reused_and_found_by_others(
    environment: dict[str, str], machine: Machine, s3_server: S3Server, bucket: str
) -> None:
    workspace = Workspace(environment["URL"], environment["WORKSPACE"], environment["STARDAG_API_KEY"])
    for expected in ("completed", "reused"):
        with stardag.build("nightly") as build:
            with build.task("train", {"lr": 0.1}) as train:
                if not train.complete:
                    train.output("model.pkl").write_bytes(b"model")
                    train.output("plots/loss.txt").write_text("0.5")
            with build.task("here", root="scratch") as here:
                here.output("copy.pkl").write_bytes(train.output("model.pkl").read_bytes())
        assert workspace.tasks(build.id) == {"train": expected, "here": "completed"}
    assert stardag.task_outputs("here", root="scratch").outputs() == ("copy.pkl",)
    program = """
import stardag
found = stardag.task_outputs("train", {"lr": 0.1})
print(found.complete, found.outputs(), found.output("model.pkl").read_bytes())
"""
    assert run(program, environment, machine.work)[0] == "True ('model.pkl', 'plots/loss.txt') b'model'\n"
    task_id = stardag.task_outputs("train", {"lr": 0.1}).id
    assert [key.replace(task_id, "ID") for key in s3_server.left_in(bucket) if key.startswith("object")] == [
        "object stardag/prod/train/ID/.stardag-task.json",
        "object stardag/prod/train/ID/model.pkl",
        "object stardag/prod/train/ID/plots/loss.txt",
    ]


def test_an_output_that_is_gone_or_was_cut_makes_a_task_incomplete(
    environment: dict[str, str], s3_server: S3Server, bucket: str
) -> None:
    with stardag.build("nightly") as build, build.task("train") as train:
        train.output("model.pkl").write_bytes(b"model")
    key = f"stardag/prod/train/{train.id}/model.pkl"
    s3_server.client().put_object(Bucket=bucket, Key=key, Body=b"mod")
    assert not train.complete
    s3_server.client().delete_object(Bucket=bucket, Key=key)
    assert not stardag.task_outputs("train").complete


def test_a_process_that_dies_in_a_task_on_s3_leaves_it_incomplete(
    environment: dict[str, str], machine: Machine
) -> None:
    program = """
import os, signal, stardag
with stardag.build("nightly") as build, build.task("train") as task:
    task.output("model.pkl").write_text("first")
with stardag.build("nightly") as build, build.task("train") as task:
    task.output("model.pkl").write_text("secnd")  # of the very same size
    os.kill(os.getpid(), signal.SIGKILL)
"""
    run(program, environment, machine.work, exits=-signal.SIGKILL)
    found = stardag.task_outputs("train")
    assert not found.complete
    assert found.output("model.pkl").read_text() == "secnd"
