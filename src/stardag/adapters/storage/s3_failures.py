"""What went wrong with S3, as a phrase that repeats nothing secret, and nothing that could steer a terminal."""

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from boto3.exceptions import Boto3Error
from botocore import exceptions
from botocore.parsers import ResponseParserError

from stardag.domain.output_errors import StorageFailed

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

    from stardag.adapters.storage.s3_session import S3Session

FAILURES = (exceptions.BotoCoreError, exceptions.ClientError, Boto3Error, ResponseParserError, ValueError)
"""All that boto3 raises, of S3, of the way there and of its configuration."""

WRONG_REGION = (
    "PermanentRedirect",
    "TemporaryRedirect",
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
)

DENIED = ("AccessDenied", "AllAccessDisabled")

MISSING = ("NoSuchKey", "404")

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


def storage_failed(error: Exception, place: str, bucket: str, session: "S3Session") -> StorageFailed:
    """The error that a failure of boto3 is for whoever opened `place`, which is in `bucket`."""
    return StorageFailed(place, phrase_of(error, bucket, session))


def phrase_of(error: Exception, bucket: str, session: "S3Session") -> str:
    """What is wrong, whatever boto3 raised."""
    if isinstance(error, Boto3Error):  # what a transfer of many parts wraps what went wrong in
        error = _wrapped_in(error)
    if isinstance(error, exceptions.ClientError):
        return phrase_of_refusal(error, bucket, session.client(), session.credentials_from)
    return phrase_of_silence(error, bucket)


def phrase_of_refusal(error: exceptions.ClientError, bucket: str, client: "S3Client", credentials_from: str) -> str:
    """What is wrong where S3 answered, and refused."""
    code = code_of(error)
    if code == "NoSuchBucket":
        return f"there is no bucket {bucket!r}"
    if code in DENIED:
        return f"access is denied (credentials from {credentials_from}; S3 says: {message_of(error)})"
    if code in WRONG_REGION:
        return phrase_of_region(error, client, bucket)
    if code in _PHRASES:
        return f"{_PHRASES[code]} (credentials from {credentials_from})"
    if not code or code.isdigit():  # an HTTP status: what answered did not say it as S3 does
        return f"what answers at {client.meta.endpoint_url} is not S3, or is out of order (it answers {code})"
    return f"S3 answers {shown(code)}: {message_of(error)}"


def phrase_of_region(error: exceptions.ClientError, client: "S3Client", bucket: str) -> str:
    """boto3 follows a bucket to its region by itself; this is for where it could not."""
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    region = headers.get("x-amz-bucket-region")
    right = f"is in region {shown(region)!r}" if region else "is in another region"
    return f"the bucket {bucket!r} {right}, not {client.meta.region_name!r}; set AWS_DEFAULT_REGION to match"


def phrase_of_silence(error: Exception, bucket: str) -> str:
    """What is wrong where there is no answer of S3 at all."""
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
        case Boto3Error():
            return f"the transfer broke off ({type(error).__name__})"
        case _:
            return "the S3 endpoint that the AWS configuration names is no URL"


def code_of(error: exceptions.ClientError) -> str:
    """S3's code for what is wrong; an HTTP status where the answer to a HEAD has no room for one."""
    return str(error.response.get("Error", {}).get("Code", ""))


def message_of(error: exceptions.ClientError) -> str:
    """S3's own words: often the very permission that is missing, be it of the key that encrypts."""
    return shown(error.response.get("Error", {}).get("Message", "")).rstrip(".") or "nothing"


def shown(text: str) -> str:
    """Text of a server, without what could steer a terminal."""
    return "".join(character for character in text[:300] if character.isprintable())


def _wrapped_in(error: Exception) -> Exception:
    for inner in (error.__cause__, error.__context__):
        if isinstance(inner, exceptions.BotoCoreError | exceptions.ClientError):
            return inner
    return error


def _endpoint_of(error: exceptions.BotoCoreError) -> str:
    """Scheme, host and port of the request that failed."""
    parts = urlsplit(str(error.kwargs.get("endpoint_url", "")))
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
