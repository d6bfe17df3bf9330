"""Whether an S3 bucket can be written below a prefix, asked with one request that S3 must refuse.

The request puts an object with the digest of another. S3 looks at who asks, and for what, before it reads the body;
only then can it notice the digest. So `BadDigest` means that writing is allowed, and nothing was ever stored: there is
no object, version or upload to remove, no permission to delete is needed, and a process that dies leaves nothing
(ADR 0011).

Credentials, region and endpoint come from where boto3 looks for them.
"""

import base64
import hashlib
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING

import boto3
from botocore import exceptions
from botocore.config import Config

from stardag.adapters.storage.s3_failures import (
    DENIED,
    FAILURES,
    code_of,
    message_of,
    phrase_of_refusal,
    phrase_of_silence,
)
from stardag.adapters.storage.s3_session import S3Session, Session

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

SOCKET_TIMEOUT = 30
"""Seconds. The caller's own deadline is what counts; this one ends requests that were given up."""

PARALLEL_REQUESTS = 64

_PROBE = b"stardag looks whether it may write here"
_DIGEST_OF_SOMETHING_ELSE = base64.b64encode(hashlib.md5(b"", usedforsecurity=False).digest()).decode()


class S3Buckets:
    """Asks S3 about any number of buckets, from any number of threads, with one client made when first needed."""

    def __init__(self, make_session: Callable[[], Session] = boto3.Session) -> None:
        self._session = S3Session(_CONFIG, make_session)

    def check(self, uri_prefix: str) -> str | None:
        """None where the bucket of `s3://bucket/prefix/` exists, is in reach and allows writing below the prefix; else
        what is wrong, as a phrase."""
        bucket, _, prefix = uri_prefix.partition("://")[2].partition("/")
        try:
            return self._try_to_write(self._session.client(), bucket, prefix.rstrip("/"))
        except FAILURES as error:
            return phrase_of_silence(error, bucket)

    def _try_to_write(self, client: "S3Client", bucket: str, prefix: str) -> str | None:
        key = f"{prefix and prefix + '/'}.stardag-check-{secrets.token_hex(8)}"
        try:
            stored = client.put_object(Bucket=bucket, Key=key, Body=_PROBE, ContentMD5=_DIGEST_OF_SOMETHING_ELSE)
        except exceptions.ClientError as error:
            if code_of(error) == "BadDigest":
                return None
            return self._explain_refusal(client, error, bucket, prefix)
        if not stored.get("ETag"):
            return f"what answers at {client.meta.endpoint_url} is not S3"
        return _take_back(client, bucket, key, stored.get("VersionId"))

    def _explain_refusal(self, client: "S3Client", error: exceptions.ClientError, bucket: str, prefix: str) -> str:
        if code_of(error) in DENIED:
            return self._explain_denial(client, error, bucket, prefix)
        return phrase_of_refusal(error, bucket, client, self._session.credentials_from)

    def _explain_denial(self, client: "S3Client", error: exceptions.ClientError, bucket: str, prefix: str) -> str:
        """Whether the bucket is closed, or only writing; asked only once something was denied."""
        try:
            client.head_bucket(Bucket=bucket)
        except exceptions.ClientError:
            place = f"access to the bucket {bucket!r} is denied, for writing below {prefix + '/'!r} at the least"
        else:
            place = f"writing below {prefix + '/'!r} in the bucket {bucket!r} is denied"
        return f"{place} (credentials from {self._session.credentials_from}; S3 says: {message_of(error)})"


_CONFIG = Config(
    connect_timeout=SOCKET_TIMEOUT,
    read_timeout=SOCKET_TIMEOUT,
    retries={"total_max_attempts": 1},
    max_pool_connections=PARALLEL_REQUESTS,
    request_checksum_calculation="when_required",  # the digest that is given is the one to look at
    response_checksum_validation="when_required",
)


def _take_back(client: "S3Client", bucket: str, key: str, version: str | None) -> str | None:
    """Remove what a storage stored that looks at no digest, as S3 does."""
    try:
        if version:
            client.delete_object(Bucket=bucket, Key=key, VersionId=version)
        else:
            client.delete_object(Bucket=bucket, Key=key)
    except exceptions.ClientError:
        return f"it can be written, but the check's own object {key!r} could not be removed; this storage is not S3"
    return None
