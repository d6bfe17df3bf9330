"""`stardag outputs copy` between directories, S3 and both: killed, interrupted, refused in the middle, and done."""

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import IO

import pytest

from stardag.domain.completion import Completion, read_completion, write_completion
from stardag.domain.outputs import OWN_PREFIX, TASK_RECORD
from stardag.domain.tasks import task_id
from tests.end_to_end.machine import PROGRAM, Machine
from tests.end_to_end.registries import Place, Registry
from tests.s3_server import REGION, ROOT, Keys, S3Server, allow, running_s3_server
from tests.two_profiles import COPY, write_two_profiles

KINDS = tuple(product(("local", "s3"), repeat=2))
LARGE = 24 * 1024 * 1024
PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Side:
    """A target root, and the way to what it holds behind the program's back; Stardag's temporaries are `left`."""

    uri_prefix: str
    put: Callable[[str, bytes], None]
    contents: Callable[[], dict[str, bytes]]
    left: Callable[[], list[str]]


@dataclass(frozen=True, slots=True)
class Ends:
    """Where to copy from and where to, on a machine whose user has both as profiles."""

    machine: Machine
    source: Side
    target: Side

    def copy(self, *words: str, exits: int = 0) -> str:
        """Copy, and return everything that was said."""
        return self.machine.run(*COPY, *words, exits=exits).said


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Generator[S3Server]:
    with running_s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def s3_machine(machine: Machine, s3_server: S3Server) -> Machine:
    """A machine that boto3 finds the server from."""
    return with_aws(machine, s3_server.url, ROOT)


@pytest.fixture(params=KINDS, ids=" to ".join)
def ends(request: pytest.FixtureRequest, machine: Machine) -> Ends:
    kinds: tuple[str, str] = request.param
    if "s3" in kinds:
        request.getfixturevalue("s3_machine")
    source, target = (
        on_s3(request.getfixturevalue("s3_server")) if kind == "s3" else in_directory(machine.root / name)
        for kind, name in zip(kinds, ("source", "target"), strict=True)
    )
    write_two_profiles(machine.directory, source.uri_prefix, target.uri_prefix)
    return Ends(machine, source, target)


def with_aws(machine: Machine, url: str, keys: Keys) -> Machine:
    machine.variables.update(
        AWS_ENDPOINT_URL=url,
        AWS_ACCESS_KEY_ID=keys.access,
        AWS_SECRET_ACCESS_KEY=keys.secret,
        AWS_DEFAULT_REGION=REGION,
        AWS_MAX_ATTEMPTS="1",
        NO_PROXY="127.0.0.1",
    )
    return machine


def in_directory(directory: Path) -> Side:
    def put(path: str, content: bytes) -> None:
        place = directory / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)

    def files() -> list[str]:
        return [str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()]

    def contents() -> dict[str, bytes]:
        return {path: (directory / path).read_bytes() for path in files() if not path.endswith(".tmp")}

    return Side(str(directory), put, contents, lambda: [path for path in files() if path.endswith(".tmp")])


def on_s3(server: S3Server, bucket: str | None = None) -> Side:
    client, bucket = server.client(), bucket or server.make_bucket()

    def put(path: str, content: bytes) -> None:
        client.put_object(Bucket=bucket, Key=f"root/{path}", Body=content)

    def contents() -> dict[str, bytes]:
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        keys = [each.get("Key", "") for page in pages for each in page.get("Contents", [])]
        return {key.removeprefix("root/"): client.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}

    def left() -> list[str]:
        return [each.get("Key", "") for each in client.list_multipart_uploads(Bucket=bucket).get("Uploads", [])]

    return Side(f"s3://{bucket}/root", put, contents, left)


def task_with(outputs: Mapping[str, bytes], rate: float) -> dict[str, bytes]:
    """The files of a complete task, by their paths below the root."""
    directory = f"train/{task_id('train', {'lr': rate})}"
    sizes = {path: len(content) for path, content in outputs.items()}
    record = write_completion(Completion("train", {"lr": rate}, sizes, datetime(2026, 11, 26, tzinfo=UTC)))
    files = {f"{directory}/{path}": content for path, content in outputs.items()}
    return {**files, f"{directory}/{TASK_RECORD}": record}


def filled(ends: Ends, small: int) -> dict[str, bytes]:
    """Put what is to be copied at the source, and something older for some of it at the target."""
    contents = {f"features/{number % 7}/part-{number}": b"%d" % number for number in range(small)}
    contents["model"] = random.Random(1).randbytes(LARGE)
    for number in range(6):
        new = task_with({"a": b"new a", "deep/b": b"new b"}, float(number))
        contents.update(new)
        if number % 2:
            for path, content in task_with({"a": b"old a", "deep/b": b"old b"}, float(number)).items():
                ends.target.put(path, content)
    for path, content in contents.items():
        ends.source.put(path, content)
    return contents


def check_that_nothing_is_half_there(found: Mapping[str, bytes], contents: Mapping[str, bytes]) -> None:
    """Every file is the new one or the old one, and no task that looks complete is made of both."""
    for path, content in found.items():
        assert content in (contents[path], contents[path].replace(b"new", b"old")), f"half of {path} is there"
        directory, _, name = path.rpartition("/")
        completion = read_completion(content) if name == TASK_RECORD else None
        if completion is not None:
            outputs = [found.get(f"{directory}/{output}", b"") for output in completion.outputs]
            assert len({output[:3] for output in outputs}) == 1, f"{directory} is made of two"


class Forking:
    """The program in one process that forks for each run."""

    def __init__(self, machine: Machine) -> None:
        self._process = subprocess.Popen(
            (sys.executable, "-m", "tests.forked_program"),
            cwd=PROJECT,
            env={**machine.environment(), "PYTHONPATH": str(PROJECT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    @property
    def _pipes(self) -> tuple[IO[str], IO[str]]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        return self._process.stdin, self._process.stdout

    def run(self, *words: str, seconds: float | None) -> int:
        """Run and maybe kill it; its exit code."""
        into, out = self._pipes
        into.write(json.dumps((words, seconds)) + "\n")
        into.flush()
        return int(out.readline())

    def close(self) -> None:
        for pipe in self._pipes:
            pipe.close()
        self._process.wait()


def kill_and_go_on(ends: Ends, kills: int, small: int, at_most: float) -> None:
    contents = filled(ends, small)
    forking = Forking(ends.machine)
    try:
        killed = 0
        for _ in range(kills):
            code = forking.run(*COPY, ".", "--replace", seconds=random.uniform(0, at_most))
            assert code in (0, -signal.SIGKILL)
            check_that_nothing_is_half_there(ends.target.contents(), contents)
            killed += code != 0
        assert killed or kills < 5, "nothing was ever killed in the middle"
        assert forking.run(*COPY, ".", "--replace", seconds=None) == 0
    finally:
        forking.close()
    assert ends.target.contents() == contents
    assert ends.target.left() == []
    assert not list(ends.machine.directory.glob("uploads/*"))


def test_a_copy_that_was_killed_is_gone_on_with_and_nothing_is_ever_half_there(ends: Ends) -> None:
    kill_and_go_on(ends, kills=3, small=40, at_most=0.6)


@pytest.mark.slow
def test_a_copy_may_be_killed_at_any_of_many_moments(ends: Ends) -> None:
    kill_and_go_on(ends, kills=40, small=200, at_most=1.2)
