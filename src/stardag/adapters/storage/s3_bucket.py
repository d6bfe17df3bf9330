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
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, Protocol
from urllib.parse import urlsplit

import boto3
from botocore import exceptions
from botocore.config import Config
from botocore.parsers import ResponseParserError

if TYPE_CHECKING:
    from botocore.credentials import Credentials
    from mypy_boto3_s3.client import S3Client

SOCKET_TIMEOUT = 30
"""Seconds. The caller's own deadline is what counts; this one ends requests that were given up."""

PARALLEL_REQUESTS = 64

_PROBE = b"stardag looks whether it may write here"
_DIGEST_OF_SOMETHING_ELSE = base64.b64encode(hashlib.md5(b"", usedforsecurity=False).digest()).decode()

_WRONG_REGION = (
    "PermanentRedirect",
    "TemporaryRedirect",
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
)

_PHRASES = {
    "InvalidAccessKeyId": "S3 does not know the AWS access key",
    "SignatureDoesNotMatch": "the AWS secret access key is not that of the access key",
    "ExpiredToken": "the AWS credentials have expired",
    "RequestExpired": "the AWS credentials have expired",
    "TokenRefreshRequired": "the AWS credentials have expired",
    "InvalidToken": "the AWS session token is not valid",
    "RequestTimeTooSkewed": "this machine's clock is too far from S3's",
    "KeyTooLongError": "the prefix leaves no room for a key below it",
    "SlowDown": "S3 asks for fewer requests; try again in a while",
}
"""What S3's error codes mean here; those about the bucket itself are made where the bucket is known."""


class Session(Protocol):
    """What is used of `boto3.Session`, whose own type is a list of every service there is."""

    def get_credentials(self) -> "Credentials | None": ...

    def client(self, service_name: Literal["s3"], *, config: Config) -> "S3Client": ...


class S3Buckets:
    """Asks S3 about any number of buckets, from any number of threads, with one client made when first needed."""

    def __init__(self, make_session: Callable[[], Session] = boto3.Session) -> None:
        self._make_session = make_session
        self._lock = threading.Lock()
        self._client: S3Client | None = None
        self._credentials_from = "nowhere"

    def check(self, uri_prefix: str) -> str | None:
        """None where the bucket of `s3://bucket/prefix/` exists, is in reach and allows writing below the prefix; else
        what is wrong, as a phrase."""
        bucket, _, prefix = uri_prefix.partition("://")[2].partition("/")
        try:
            return self._try_to_write(self._open(), bucket, prefix.rstrip("/"))
        except (exceptions.BotoCoreError, exceptions.ClientError, ResponseParserError, ValueError) as error:
            return _explain_failure(error, bucket)

    def _open(self) -> "S3Client":
        with self._lock:
            if self._client is None:
                session = self._make_session()
                credentials = session.get_credentials()
                self._credentials_from = credentials.method if credentials else "nowhere"
                self._client = session.client("s3", config=_CONFIG)
            return self._client

    def _try_to_write(self, client: "S3Client", bucket: str, prefix: str) -> str | None:
        key = f"{prefix and prefix + '/'}.stardag-check-{secrets.token_hex(8)}"
        try:
            stored = client.put_object(Bucket=bucket, Key=key, Body=_PROBE, ContentMD5=_DIGEST_OF_SOMETHING_ELSE)
        except exceptions.ClientError as error:
            if _code_of(error) == "BadDigest":
                return None
            return self._explain_refusal(client, error, bucket, prefix)
        if not stored.get("ETag"):
            return f"what answers at {client.meta.endpoint_url} is not S3"
        return _take_back(client, bucket, key, stored.get("VersionId"))

    def _explain_refusal(self, client: "S3Client", error: exceptions.ClientError, bucket: str, prefix: str) -> str:
        code = _code_of(error)
        if code == "NoSuchBucket":
            return f"there is no bucket {bucket!r}"
        if code in ("AccessDenied", "AllAccessDisabled"):
            return self._explain_denial(client, error, bucket, prefix)
        if code in _WRONG_REGION:
            return _explain_region(error, client, bucket)
        if code in _PHRASES:
            return f"{_PHRASES[code]} (credentials from {self._credentials_from})"
        if not code or code.isdigit():  # an HTTP status: what answered did not say it as S3 does
            return f"what answers at {client.meta.endpoint_url} is not S3, or is out of order (it answers {code})"
        return f"S3 answers {_shown(code)}: {_message_of(error)}"

    def _explain_denial(self, client: "S3Client", error: exceptions.ClientError, bucket: str, prefix: str) -> str:
        """Whether the bucket is closed, or only writing; asked only once something was denied."""
        try:
            client.head_bucket(Bucket=bucket)
        except exceptions.ClientError:
            place = f"access to the bucket {bucket!r} is denied, for writing below {prefix + '/'!r} at the least"
        else:
            place = f"writing below {prefix + '/'!r} in the bucket {bucket!r} is denied"
        return f"{place} (credentials from {self._credentials_from}; S3 says: {_message_of(error)})"


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


def _explain_region(error: exceptions.ClientError, client: "S3Client", bucket: str) -> str:
    """boto3 follows a bucket to its region by itself; this is for where it could not."""
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    region = headers.get("x-amz-bucket-region")
    right = f"is in region {_shown(region)!r}" if region else "is in another region"
    return f"the bucket {bucket!r} {right}, not {client.meta.region_name!r}; set AWS_DEFAULT_REGION to match"


def _explain_failure(error: Exception, bucket: str) -> str:
    """What is wrong where there is no answer of S3 at all. Repeats nothing that could hold a secret."""
    match error:
        case exceptions.NoCredentialsError():
            return "no AWS credentials were found; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        case exceptions.PartialCredentialsError():
            return "the AWS credentials are incomplete"
        case exceptions.ProfileNotFound():
            return "the AWS profile that AWS_PROFILE names is not in the AWS configuration"
        case exceptions.CredentialRetrievalError() | exceptions.TokenRetrievalError() | exceptions.SSOError():
            return "the AWS credentials cannot be had, or have expired; sign in again"
        case exceptions.ParamValidationError():
            return f"{bucket!r} cannot be the name of a bucket"
        case exceptions.EndpointConnectionError():
            return f"nothing answers at the S3 endpoint {_endpoint_of(error)}"
        case exceptions.SSLError():
            return f"the TLS certificate of the S3 endpoint {_endpoint_of(error)} cannot be trusted"
        case exceptions.ProxyConnectionError():
            return "the proxy that the environment names cannot be reached"
        case exceptions.ConnectTimeoutError() | exceptions.ReadTimeoutError():
            return f"the S3 endpoint {_endpoint_of(error)} gave no answer"
        case exceptions.HTTPClientError():
            return f"the connection to S3 broke off ({type(error).__name__})"
        case ResponseParserError():
            return "what answers at the S3 endpoint is not S3"
        case exceptions.BotoCoreError():
            return f"the AWS configuration cannot be used ({type(error).__name__})"
        case _:
            return "the S3 endpoint that the AWS configuration names is no URL"


def _code_of(error: exceptions.ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _message_of(error: exceptions.ClientError) -> str:
    """S3's own words: often the very permission that is missing, be it of the key that encrypts."""
    return _shown(error.response.get("Error", {}).get("Message", "")).rstrip(".") or "nothing"


def _endpoint_of(error: exceptions.BotoCoreError) -> str:
    """Scheme, host and port of the request that failed."""
    parts = urlsplit(str(error.kwargs.get("endpoint_url", "")))
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _shown(text: str) -> str:
    """Text of a server, without what could steer a terminal."""
    return "".join(character for character in text[:300] if character.isprintable())
