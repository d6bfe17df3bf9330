"""`stardag outputs copy` between directories, S3 and both: killed, interrupted, refused in the middle, and done."""

import io
import os
import random
import signal
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stardag.domain.completion import Completion, read_completion, write_completion
from stardag.domain.outputs import TASK_RECORD
from stardag.domain.tasks import task_id
from tests.end_to_end.machine import PROGRAM, TIMEOUT_SECONDS, Machine
from tests.end_to_end.registries import Registry
from tests.processes import forked, stardag_program
from tests.s3_relay import S3Relay, refusing_after
from tests.s3_server import REGION, ROOT, Keys, S3Server, allow
from tests.two_profiles import COPY, write_two_profiles

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

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


def copy_and_kill(machine: Machine, seconds: float) -> int:
    """Run a copy and kill it after so many seconds, unless it is done by then; its exit code."""
    words = (*COPY, ".", "--replace")
    with forked(stardag_program, words, machine.environment(), machine.work, machine.root) as process:
        with suppress(TimeoutError):
            return process.wait(seconds)
        process.kill()
        return process.wait(TIMEOUT_SECONDS)


def kill_and_go_on(ends: Ends, kills: int, small: int, at_most: float) -> None:
    contents = filled(ends, small)
    killed = 0
    for _ in range(kills):
        code = copy_and_kill(ends.machine, random.uniform(0, at_most))
        assert code in (0, -signal.SIGKILL)
        check_that_nothing_is_half_there(ends.target.contents(), contents)
        killed += code != 0
    assert killed or kills < 5, "nothing was ever killed in the middle"
    ends.machine.run(*COPY, ".", "--replace")
    assert ends.target.contents() == contents
    assert ends.target.left() == []
    assert not list(ends.machine.directory.glob("uploads/*"))


def test_a_copy_that_was_killed_is_gone_on_with_and_nothing_is_ever_half_there(ends: Ends) -> None:
    kill_and_go_on(ends, kills=3, small=40, at_most=0.6)


@pytest.mark.slow
def test_a_copy_may_be_killed_at_any_of_many_moments(ends: Ends) -> None:
    kill_and_go_on(ends, kills=40, small=200, at_most=1.2)


def test_a_copy_that_is_interrupted_says_how_much_is_done_and_is_gone_on_with(
    s3_machine: Machine, s3_server: S3Server
) -> None:
    source, target = in_directory(s3_machine.root / "source"), on_s3(s3_server)
    write_two_profiles(s3_machine.directory, source.uri_prefix, target.uri_prefix)
    contents = {f"part-{number}": b"%d" % number for number in range(600)}
    for path, content in contents.items():
        source.put(path, content)
    process = subprocess.Popen(
        (PROGRAM, *COPY, "."), env=s3_machine.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while not target.contents():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    done = len(target.contents())
    assert (process.returncode, out) == (130, "")
    assert f"Interrupted: {done} of 600 files were copied." in err
    assert "Traceback" not in err
    assert f"; {done} already there" in s3_machine.run(*COPY, ".").out
    assert target.contents() == contents


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("ExpiredToken", "the AWS credentials have expired"),
        ("NoSuchBucket", "there is no bucket"),
        ("AccessDenied", "denied"),
    ],
)
def test_what_is_refused_in_the_middle_is_one_error_and_nothing_is_lost(
    s3_machine: Machine, s3_server: S3Server, code: str, said: str
) -> None:
    source, target = on_s3(s3_server), on_s3(s3_server)
    write_two_profiles(s3_machine.directory, source.uri_prefix, target.uri_prefix)
    contents = {f"part-{number}": b"%d" % number for number in range(60)}
    for path, content in contents.items():
        source.put(path, content)
    with S3Relay(s3_server.url, refusing_after(30, code)) as relay:
        ran = s3_machine.run(*COPY, ".", "--format", "json", exits=1, env={"AWS_ENDPOINT_URL": relay.url})
    done = len(target.contents())
    assert 0 < done < 60
    assert ran.error["code"] == "copy-stopped"
    assert said in ran.error["message"]
    assert f"{done} of 60 files" in ran.error["message"]
    assert ROOT.secret not in ran.error["message"].split()
    again = s3_machine.ask(*COPY, ".").data
    assert (again["copied"], again["already_there"]) == (60 - done, done)
    assert target.contents() == contents


def test_an_upload_in_parts_that_is_refused_in_the_middle_is_ended_by_the_next_copy(
    s3_machine: Machine, s3_server: S3Server
) -> None:
    source, target = in_directory(s3_machine.root / "source"), on_s3(s3_server)
    write_two_profiles(s3_machine.directory, source.uri_prefix, target.uri_prefix)
    source.put("model", random.Random(1).randbytes(LARGE))
    with S3Relay(s3_server.url, refusing_after(4, "ExpiredToken")) as relay:
        s3_machine.run(*COPY, "model", exits=1, env={"AWS_ENDPOINT_URL": relay.url})
        assert target.left() == ["root/model"], "it could not be ended either"
        assert list(s3_machine.directory.glob("uploads/*"))
        relay.instead = refusing_after(1000, "")
        s3_machine.run(*COPY, "model", env={"AWS_ENDPOINT_URL": relay.url})
    assert target.contents() == source.contents()
    assert target.left() == []
    assert not list(s3_machine.directory.glob("uploads/*"))


def test_credentials_that_expire_between_listing_and_looking_closer_are_told(
    s3_machine: Machine, s3_server: S3Server
) -> None:
    source, target = on_s3(s3_server), on_s3(s3_server)
    write_two_profiles(s3_machine.directory, source.uri_prefix, target.uri_prefix)
    bucket = source.uri_prefix.split("/")[2]
    s3_server.client().upload_fileobj(io.BytesIO(bytes(LARGE)), bucket, "root/model")
    with S3Relay(s3_server.url, refusing_after(2, "ExpiredToken")) as relay:
        said = s3_machine.run(*COPY, ".", exits=1, env={"AWS_ENDPOINT_URL": relay.url}).err
    assert "the AWS credentials have expired" in said
    assert "0 of 1 files" in said


def test_where_writing_is_denied_the_copy_says_so(s3_machine: Machine, s3_server: S3Server) -> None:
    source, target = in_directory(s3_machine.root / "source"), on_s3(s3_server)
    write_two_profiles(s3_machine.directory, source.uri_prefix, target.uri_prefix)
    source.put("a", b"1")
    with_aws(s3_machine, s3_server.url, s3_server.make_user(allow("s3:ListBucket", "*")))
    said = s3_machine.run(*COPY, "a", exits=1).err
    assert "access is denied" in said
    assert "0 of 1 files" in said


def test_a_disk_that_is_full_is_one_error_and_nothing_half_is_left(machine: Machine) -> None:
    source, target = in_directory(machine.root / "source"), in_directory(machine.root / "target")
    write_two_profiles(machine.directory, source.uri_prefix, target.uri_prefix)
    source.put("a", b"1")
    source.put("large", bytes(1024 * 1024))
    program = f"ulimit -f 512; trap '' XFSZ; exec {PROGRAM} {' '.join(COPY)} ."
    ended = subprocess.run(("sh", "-c", program), env=machine.environment(), capture_output=True, text=True)
    assert ended.returncode == 1, ended.stderr
    assert "target/large" in ended.stderr
    assert "of 2 files were copied" in ended.stderr
    assert set(target.contents()) <= {"a"}
    assert target.left() == []
    machine.run(*COPY, ".")
    assert target.contents() == source.contents()


def test_content_type_and_metadata_stay_on_the_way_within_s3(s3_machine: Machine, s3_server: S3Server) -> None:
    client, one, other = s3_server.client(), s3_server.make_bucket(), s3_server.make_bucket()
    write_two_profiles(s3_machine.directory, f"s3://{one}/root/", f"s3://{other}/root/")
    kept = {"ContentType": "text/csv", "Metadata": {"made-by": "me"}, "CacheControl": "no-store"}
    client.put_object(Bucket=one, Key="root/small", Body=b"1", **kept)  # type: ignore[arg-type]  # its own arguments
    upload = client.create_multipart_upload(Bucket=one, Key="root/large", **kept)  # type: ignore[arg-type]  # as above
    parts: list[CompletedPartTypeDef] = []
    for number, size in enumerate((5 * 1024 * 1024, 5 * 1024 * 1024, 17), start=1):
        answer = client.upload_part(
            Bucket=one, Key="root/large", UploadId=upload["UploadId"], PartNumber=number, Body=bytes(size)
        )
        parts.append({"PartNumber": number, "ETag": answer["ETag"]})
    client.complete_multipart_upload(
        Bucket=one, Key="root/large", UploadId=upload["UploadId"], MultipartUpload={"Parts": parts}
    )
    s3_machine.run(*COPY, ".")
    for key in ("root/small", "root/large"):
        ours, theirs = client.head_object(Bucket=one, Key=key), client.head_object(Bucket=other, Key=key)
        assert ours["ETag"] == theirs["ETag"], "the copy is cut as the original was"
        assert (theirs["ContentType"], theirs["Metadata"], theirs["CacheControl"]) == tuple(kept.values())


def test_links_that_lead_out_of_a_root_are_not_followed(machine: Machine) -> None:
    source, target = in_directory(machine.root / "source"), in_directory(machine.root / "target")
    write_two_profiles(machine.directory, source.uri_prefix, target.uri_prefix)
    secret = machine.root / "secret"
    secret.mkdir()
    (secret / "key").write_text("secret")
    source.put("a/inside", b"1")
    os.symlink(machine.root / "source" / "a", machine.root / "source" / "b")
    assert "2 files" in machine.run(*COPY, ".").out
    assert target.contents() == {"a/inside": b"1", "b/inside": b"1"}
    os.symlink(secret, machine.root / "source" / "c")
    assert "a link leads out" in machine.run(*COPY, ".", exits=2).err
    os.unlink(machine.root / "source" / "c")
    os.symlink(machine.root / "source", machine.root / "source" / "a" / "up")
    assert "in a circle" in machine.run(*COPY, ".", exits=1).err
    os.unlink(machine.root / "source" / "a" / "up")
    source.put("d/file", b"1")
    os.symlink(secret, machine.root / "target" / "d")
    assert "a link leads out" in machine.run(*COPY, "d", exits=2).err
    assert sorted(os.listdir(secret)) == ["key"]


def test_between_two_workspaces_of_a_registry_as_people_do_it(
    machine: Machine, registry: Registry, tmp_path: Path
) -> None:
    prod = registry.place({"default": str(tmp_path / "prod"), "archive": str(tmp_path / "old")})
    here = registry.place({"default": str(tmp_path / "here")})
    for name, place in (("prod", prod), ("here", here)):
        machine.run("registry", "add", "local", "--url", place.url, "--replace")
        machine.run(
            "profile", "add", name, "--registry=local", f"--organization={place.organization}", "-w", place.workspace,
            env={"STARDAG_API_KEY": place.key},
        )  # fmt: skip
    machine.run("target-roots", "sync", "-p", "prod", env={"STARDAG_API_KEY": prod.key})
    side = in_directory(tmp_path / "prod")
    for path, content in task_with({"model.pkl": b"model"}, 0.1).items():
        side.put(path, content)
    env = {"STARDAG_API_KEY": here.key}
    words = ("outputs", "copy", "--from", "prod", "--to", "here", "--task", "train")
    dry = machine.ask(*words, "--dry-run", env=env).data
    assert (len(dry["to_copy"]), dry["copied"]) == (2, 0)
    assert machine.ask(*words, env=env).data["copied"] == 2
    (listed,) = machine.ask("outputs", "list", "-p", "here", "--task", "train", env=env).data["tasks"]
    assert (listed["is_complete"], listed["outputs"], listed["size"]) == (True, 1, 5)
    (file,) = machine.ask("outputs", "list", "train", "-p", "here", env=env).data["files"]
    assert file["path"].endswith("/model.pkl")
    assert "yes" in machine.run("outputs", "list", "-p", "here", "--task", "train", env=env).out
    assert "no target root" in machine.run(*words, "--root", "archive", env=env, exits=2).err
    here.change("default", str(tmp_path / "moved"))
    assert "Target root mismatch" in machine.run(*words, env=env, exits=3).err
    assert not (tmp_path / "moved").exists()
