"""An S3 server that no one here wrote (ministack, with signatures and policies enforced), as a process of its own."""

import json
import os
import re
import subprocess
import sys
import threading
import uuid
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Literal, Protocol, TypedDict, overload

import boto3

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.literals import BucketLocationConstraintType

START_DEADLINE = 30.0
REGION = "us-east-1"

Statement = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Keys:
    """What signs the requests of one user."""

    access: str
    secret: str


ROOT = Keys("test", "test")


def allow(actions: str | Sequence[str], resources: str | Sequence[str]) -> Statement:
    """A statement of an IAM policy."""
    return {"Effect": "Allow", "Action": actions, "Resource": resources}


class _AccessKey(TypedDict):
    AccessKeyId: str
    SecretAccessKey: str


class _CreatedAccessKey(TypedDict):
    AccessKey: _AccessKey


class _Iam(Protocol):
    def create_user(self, *, UserName: str) -> object: ...  # noqa: N803  # boto3's spelling

    def put_user_policy(self, *, UserName: str, PolicyName: str, PolicyDocument: str) -> object: ...  # noqa: N803

    def create_access_key(self, *, UserName: str) -> _CreatedAccessKey: ...  # noqa: N803


class _Session(Protocol):
    """What is used of `boto3.Session`, whose own type is a list of every service there is."""

    @overload
    def client(self, service_name: Literal["iam"], *, endpoint_url: str) -> _Iam: ...

    @overload
    def client(self, service_name: Literal["s3"], *, endpoint_url: str) -> "S3Client": ...


@dataclass(frozen=True, slots=True)
class S3Server:
    """A server that answers. Everything made on it has a name of its own, so that tests share one."""

    url: str

    def client(self, keys: Keys = ROOT, region: str = REGION) -> "S3Client":
        return _s3_client(self.url, keys, region)

    def make_bucket(self, *, versioned: bool = False) -> str:
        name = f"bucket-{uuid.uuid4()}"
        self.client().create_bucket(Bucket=name)
        if versioned:
            self.client().put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return name

    def make_bucket_in(self, region: "BucketLocationConstraintType") -> str:
        name = f"bucket-{uuid.uuid4()}"
        client = self.client(region=region)
        client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})
        return name

    def make_user(self, *statements: Statement) -> Keys:
        iam = _iam_client(self.url)
        name = f"user-{uuid.uuid4()}"
        iam.create_user(UserName=name)
        policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=policy)
        made = iam.create_access_key(UserName=name)["AccessKey"]
        return Keys(made["AccessKeyId"], made["SecretAccessKey"])

    def left_in(self, bucket: str) -> list[str]:
        """Every object, version, delete marker and unfinished upload in a bucket."""
        client = self.client()
        versions = client.list_object_versions(Bucket=bucket)
        return [
            *(f"object {each.get('Key')}" for each in client.list_objects_v2(Bucket=bucket).get("Contents", [])),
            *(f"version {each.get('Key')}" for each in versions.get("Versions", [])),
            *(f"delete marker {each.get('Key')}" for each in versions.get("DeleteMarkers", [])),
            *(f"upload {each.get('Key')}" for each in client.list_multipart_uploads(Bucket=bucket).get("Uploads", [])),
        ]


@contextmanager
def running_s3_server(directory: Path) -> Generator[S3Server]:
    """A server for the length of a `with` block. `directory` takes whatever it may write."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment |= {"AUTH": "true", "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": "0", "HOME": str(directory)}
    with subprocess.Popen(
        [sys.executable, "-m", "ministack"],
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield S3Server(_wait_until_it_answers(process))
        finally:
            process.kill()  # it holds nothing worth a farewell


def _wait_until_it_answers(process: "subprocess.Popen[str]") -> str:
    """Its address. What it says is read on until it ends, so that it never blocks."""
    found: SimpleQueue[str] = SimpleQueue()
    said: list[str] = []

    def listen() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line)
            if match := re.search(r"Running on (http://\S+)", line):
                found.put(match[1])
        found.put("")

    threading.Thread(target=listen, daemon=True).start()
    with suppress(Empty):
        if address := found.get(timeout=START_DEADLINE):
            return address
    raise AssertionError("ministack did not start:\n" + "".join(said))


@cache  # making one takes longer than all that a test asks of it
def _s3_client(url: str, keys: Keys, region: str) -> "S3Client":
    return _session(keys, region).client("s3", endpoint_url=url)


@cache
def _iam_client(url: str) -> _Iam:
    return _session(ROOT, REGION).client("iam", endpoint_url=url)


def _session(keys: Keys, region: str) -> _Session:
    return boto3.Session(aws_access_key_id=keys.access, aws_secret_access_key=keys.secret, region_name=region)
