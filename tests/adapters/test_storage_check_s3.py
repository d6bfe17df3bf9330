"""Checks of S3 against a server that no one here wrote, with its signatures, policies and regions enforced."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic

import boto3
import pytest

from stardag.adapters.storage import LocalAndS3StorageCheck
from stardag.adapters.storage.s3_bucket import S3Buckets
from stardag.adapters.storage.s3_session import Session
from tests.fakes.http_server import Request, ScriptedServer, response
from tests.s3_server import REGION, ROOT, Keys, S3Server, allow

TIMEOUT = 20.0
NOBODY = Keys("AKIANOBODYNOBODYNOBO", "nobody's secret key")


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """Sets what boto3 finds; nothing of the machine that runs the tests is left in place."""
    for name in os.environ:
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    def set_up(endpoint: str, keys: Keys | None = ROOT, region: str | None = REGION) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        if keys is not None:
            monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys.access)
            monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys.secret)
        if region is not None:
            monkeypatch.setenv("AWS_DEFAULT_REGION", region)

    return set_up


def check(uri_prefix: str, timeout: float = TIMEOUT) -> str | None:
    return LocalAndS3StorageCheck().check(uri_prefix, timeout)


@pytest.mark.parametrize("prefix", ["", "/prefix/", "/a/b c/é"])
def test_a_bucket_that_can_be_written_has_no_problem(
    s3_server: S3Server, aws: Callable[..., None], prefix: str
) -> None:
    bucket = s3_server.make_bucket()
    aws(s3_server.url)
    assert check(f"s3://{bucket}{prefix}") is None
    assert s3_server.left_in(bucket) == []


def test_permission_to_put_below_the_prefix_is_all_that_is_needed(
    s3_server: S3Server, aws: Callable[..., None]
) -> None:
    bucket = s3_server.make_bucket()
    aws(s3_server.url, s3_server.make_user(allow("s3:PutObject", f"arn:aws:s3:::{bucket}/prefix/*")))
    assert check(f"s3://{bucket}/prefix/") is None
    assert s3_server.left_in(bucket) == []


def test_nothing_is_left_in_a_versioned_bucket_that_nobody_may_delete_from(
    s3_server: S3Server, aws: Callable[..., None]
) -> None:
    bucket = s3_server.make_bucket(versioned=True)
    aws(s3_server.url, s3_server.make_user(allow("s3:PutObject", f"arn:aws:s3:::{bucket}/*")))
    assert check(f"s3://{bucket}/prefix/") is None
    assert s3_server.left_in(bucket) == []


def test_a_missing_bucket_is_named(s3_server: S3Server, aws: Callable[..., None]) -> None:
    aws(s3_server.url)
    assert check("s3://no-such-bucket-here/prefix/") == "there is no bucket 'no-such-bucket-here'"


def test_what_cannot_be_a_bucket_is_told(s3_server: S3Server, aws: Callable[..., None]) -> None:
    aws(s3_server.url)
    assert check("s3://not a bucket/prefix/") == "'not a bucket' cannot be the name of a bucket"


def test_access_denied_to_the_bucket_is_told_with_the_place_of_the_credentials(
    s3_server: S3Server, aws: Callable[..., None]
) -> None:
    bucket = s3_server.make_bucket()
    aws(s3_server.url, s3_server.make_user(allow("s3:ListAllMyBuckets", "*")))
    problem = check(f"s3://{bucket}/prefix/")
    assert problem is not None
    assert problem.startswith(
        f"access to the bucket {bucket!r} is denied, for writing below 'prefix/' at the least (credentials from env; "
    )
    assert "not authorized to perform: s3:PutObject" in problem


def test_writing_denied_below_the_prefix_is_told_as_that(s3_server: S3Server, aws: Callable[..., None]) -> None:
    bucket = s3_server.make_bucket()
    keys = s3_server.make_user(
        allow(["s3:ListBucket", "s3:GetObject"], "*"), allow("s3:PutObject", f"arn:aws:s3:::{bucket}/other/*")
    )
    aws(s3_server.url, keys)
    problem = check(f"s3://{bucket}/prefix/")
    assert problem is not None
    assert problem.startswith(f"writing below 'prefix/' in the bucket {bucket!r} is denied (credentials from env; ")
    assert "not authorized to perform: s3:PutObject" in problem
    assert check(f"s3://{bucket}/other/") is None
    assert s3_server.left_in(bucket) == []


def test_a_code_of_another_service_behind_s3_is_told(aws: Callable[..., None]) -> None:
    body = b"<Error><Code>KMS.DisabledException</Code><Message>The key is disabled.</Message></Error>"
    with ScriptedServer(response(400, body, {"Content-Type": "application/xml"})) as server:
        aws(server.url)
        assert check("s3://bucket/prefix/") == "S3 answers KMS.DisabledException: The key is disabled"


def test_a_bucket_policy_that_denies_writing_is_told(s3_server: S3Server, aws: Callable[..., None]) -> None:
    bucket = s3_server.make_bucket()
    keys = s3_server.make_user(allow("s3:*", "*"))
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Deny",
                "Principal": {"AWS": "*"},
                "Action": "s3:PutObject",
                "Resource": f"arn:aws:s3:::{bucket}/prefix/*",
            }
        ],
    }
    s3_server.client().put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    aws(s3_server.url, keys)
    problem = check(f"s3://{bucket}/prefix/")
    assert problem is not None
    assert problem.startswith(f"writing below 'prefix/' in the bucket {bucket!r} is denied")
    assert check(f"s3://{bucket}/elsewhere/") is None


@pytest.mark.parametrize("region", ["us-east-1", "ap-south-1", None])
def test_a_bucket_in_another_region_is_followed_there(
    s3_server: S3Server, aws: Callable[..., None], region: str | None
) -> None:
    bucket = s3_server.make_bucket_in("eu-west-1")
    aws(s3_server.url, region=region)
    assert check(f"s3://{bucket}/prefix/") is None
    assert s3_server.left_in(bucket) == []


def test_a_wrong_region_that_cannot_be_followed_is_told_with_the_right_one(aws: Callable[..., None]) -> None:
    body = b"<Error><Code>PermanentRedirect</Code><Message>elsewhere</Message></Error>"
    headers = {"Content-Type": "application/xml", "x-amz-bucket-region": "eu-north-1"}
    with ScriptedServer(response(301, body, headers)) as server:
        aws(server.url, region="ap-south-1")
        assert check("s3://bucket/prefix/") == (
            "the bucket 'bucket' is in region 'eu-north-1', not 'ap-south-1'; set AWS_DEFAULT_REGION to match"
        )


def test_no_credentials_are_told_with_where_to_put_them(s3_server: S3Server, aws: Callable[..., None]) -> None:
    aws(s3_server.url, keys=None)
    assert check("s3://bucket/prefix/") == (
        "no AWS credentials were found; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    )


def test_an_unknown_access_key_is_told(s3_server: S3Server, aws: Callable[..., None]) -> None:
    bucket = s3_server.make_bucket()
    aws(s3_server.url, NOBODY)
    assert check(f"s3://{bucket}/") == "S3 does not know the AWS access key (credentials from env)"


def test_a_wrong_secret_key_is_told_and_not_repeated(s3_server: S3Server, aws: Callable[..., None]) -> None:
    bucket = s3_server.make_bucket()
    aws(s3_server.url, Keys(s3_server.make_user(allow("s3:*", "*")).access, "a secret of another"))
    assert check(f"s3://{bucket}/") == (
        "the AWS secret access key is not that of the access key (credentials from env)"
    )


def test_expired_credentials_are_told(aws: Callable[..., None]) -> None:
    body = b"<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>"
    with ScriptedServer(response(400, body, {"Content-Type": "application/xml"})) as server:
        aws(server.url)
        assert check("s3://bucket/prefix/") == "the AWS credentials have expired (credentials from env)"


def test_half_of_the_credentials_is_told(
    s3_server: S3Server, aws: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    aws(s3_server.url, keys=None)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAHALF")
    assert check("s3://bucket/prefix/") == "the AWS credentials are incomplete"


def test_a_profile_that_is_not_configured_is_told(
    s3_server: S3Server, aws: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    aws(s3_server.url)
    monkeypatch.setenv("AWS_PROFILE", "nowhere")
    assert check("s3://bucket/prefix/") == "the AWS profile that AWS_PROFILE names is not in the AWS configuration"


def test_credentials_of_the_configured_profile_are_used(
    s3_server: S3Server, aws: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bucket = s3_server.make_bucket()
    keys = s3_server.make_user(allow("s3:PutObject", f"arn:aws:s3:::{bucket}/prefix/*"))
    (tmp_path / "credentials").write_text(
        f"[work]\naws_access_key_id = {keys.access}\naws_secret_access_key = {keys.secret}\n"
    )
    aws(s3_server.url, keys=None)
    monkeypatch.setenv("AWS_PROFILE", "work")
    assert check(f"s3://{bucket}/prefix/") is None
    problem = check(f"s3://{bucket}/other/")
    assert problem is not None
    assert "(credentials from shared-credentials-file; " in problem


def test_an_aws_configuration_that_cannot_be_read_is_told(
    s3_server: S3Server, aws: Callable[..., None], tmp_path: Path
) -> None:
    (tmp_path / "config").write_text("no section = at all\n")
    aws(s3_server.url)
    assert check("s3://bucket/prefix/") == "the AWS configuration cannot be used (ConfigParseError)"


def test_a_dead_endpoint_is_named(aws: Callable[..., None]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{unused.getsockname()[1]}"
        aws(endpoint)
        assert check("s3://bucket/prefix/") == f"nothing answers at the S3 endpoint {endpoint}"


def test_an_endpoint_that_is_no_url_is_told(aws: Callable[..., None]) -> None:
    aws("nonsense")
    assert check("s3://bucket/prefix/") == "the S3 endpoint that the AWS configuration names is no URL"


@pytest.mark.parametrize("status", [200, 403, 404, 405, 500, 501, 503])
def test_a_web_server_is_not_taken_for_s3(aws: Callable[..., None], status: int) -> None:
    with ScriptedServer(response(status, b"<!doctype html><p>Hello", {"Content-Type": "text/html"})) as server:
        aws(server.url)
        problem = check("s3://bucket/prefix/")
    assert problem is not None
    assert problem.startswith(("what answers at the S3 endpoint is not S3", f"what answers at {server.url} is not S3"))


def test_an_endpoint_that_hangs_is_given_up_in_time(aws: Callable[..., None]) -> None:
    def hang(_connection: socket.socket, _request: Request) -> None:
        server.stopped.wait()

    with ScriptedServer(hang) as server:
        aws(server.url)
        started = monotonic()
        assert check("s3://bucket/prefix/", 1.5) == "it gave no answer within 1.5 seconds"
        assert monotonic() - started < 20


def test_a_connection_that_breaks_off_is_told(aws: Callable[..., None]) -> None:
    def close(connection: socket.socket, _request: Request) -> None:
        connection.close()

    with ScriptedServer(close) as server:
        aws(server.url)
        assert check("s3://bucket/prefix/") == "the connection to S3 broke off (ConnectionClosedError)"


def test_what_s3_says_cannot_steer_the_terminal(aws: Callable[..., None]) -> None:
    body = "<Error><Code>Strange</Code><Message>a&#x202e;b\u009bc</Message></Error>".encode()
    with ScriptedServer(response(400, body, {"Content-Type": "application/xml"})) as server:
        aws(server.url)
        assert check("s3://bucket/prefix/") == "S3 answers Strange: abc"


def test_a_refusal_is_not_tried_again(aws: Callable[..., None]) -> None:
    body = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
    with ScriptedServer(response(503, body, {"Content-Type": "application/xml"})) as server:
        aws(server.url)
        problem = check("s3://bucket/prefix/")
        assert problem == "S3 asks for fewer requests; try again in a while (credentials from env)"
        assert len(server.requests) == 1


def test_an_object_that_a_careless_storage_stored_is_removed(aws: Callable[..., None]) -> None:
    with ScriptedServer(response(200, b"", {"ETag": '"abc"', "x-amz-version-id": "v1"})) as server:
        aws(server.url)
        assert check("s3://bucket/prefix/") is None
        put, delete = server.requests
    assert (put.method, delete.method) == ("PUT", "DELETE")
    assert delete.path.partition("?")[0] == put.path
    assert "versionId=v1" in delete.path


def test_one_client_serves_twenty_checks_at_once(s3_server: S3Server, aws: Callable[..., None]) -> None:
    made: list[Session] = []
    together = threading.Barrier(20)

    def make_session() -> Session:
        made.append(session := boto3.Session())
        return session

    def check_together(bucket: str) -> str | None:
        together.wait()
        return buckets.check(f"s3://{bucket}/prefix/")

    aws(s3_server.url)
    buckets = S3Buckets(make_session)
    bucket = s3_server.make_bucket()
    with ThreadPoolExecutor(20) as threads:
        assert list(threads.map(check_together, [bucket] * 20)) == [None] * 20
    assert len(made) == 1
    assert s3_server.left_in(bucket) == []


def test_a_check_that_is_given_up_does_not_keep_the_process() -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        environment = os.environ | {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{deaf.getsockname()[1]}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }
        code = (
            "import sys\n"
            "from stardag.adapters.storage import LocalAndS3StorageCheck\n"
            "sys.stdout.write(LocalAndS3StorageCheck().check('s3://bucket/prefix/', 2) or 'fine')\n"
        )
        ended = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=20
        )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "it gave no answer within 2 seconds", "")
