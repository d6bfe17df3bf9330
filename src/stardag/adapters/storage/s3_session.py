"""One session and one client of boto3 for all that is asked of S3 with one configuration.

Credentials, region and endpoint come from where boto3 looks for them.
"""

import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, Protocol

import boto3

if TYPE_CHECKING:
    from botocore.config import Config
    from botocore.credentials import Credentials
    from mypy_boto3_s3.client import S3Client


class Session(Protocol):
    """What is used of `boto3.Session`, whose own type is a list of every service there is."""

    def get_credentials(self) -> "Credentials | None": ...

    def client(self, service_name: Literal["s3"], *, config: "Config") -> "S3Client": ...


class S3Session:
    """Makes the client when it is first needed, for any number of threads.

    A process that was forked makes another: two that share a connection read each other's answers.
    """

    def __init__(self, config: "Config", make_session: Callable[[], Session] = boto3.Session) -> None:
        self._config = config
        self._make_session = make_session
        self._lock = threading.Lock()
        self._client: S3Client | None = None
        self._process = os.getpid()
        self._credentials_from = "nowhere"

    @property
    def credentials_from(self) -> str:
        """Where boto3 found the credentials: its word for it, never what they are."""
        return self._credentials_from

    def client(self) -> "S3Client":
        """The client.

        Raises:
            BotoCoreError, ValueError: the AWS configuration cannot be used.
        """
        with self._lock:
            if self._client is None or self._process != os.getpid():
                session = self._make_session()
                credentials = session.get_credentials()
                self._credentials_from = credentials.method if credentials else "nowhere"
                self._client = session.client("s3", config=self._config)
                self._process = os.getpid()
            return self._client
