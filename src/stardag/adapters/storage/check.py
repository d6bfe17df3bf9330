"""Which check a URI prefix wants, by its scheme."""

import threading
from typing import TYPE_CHECKING

from stardag.adapters.storage.deadline import within
from stardag.adapters.storage.local_directory import check_directory
from stardag.domain.target_roots import SUPPORTED_FORMS, scheme_of

if TYPE_CHECKING:
    from stardag.adapters.storage.s3_bucket import S3Buckets


class LocalAndS3StorageCheck:
    """Keeps the promises of `StorageCheck` for local directories and S3. One of it serves any number of threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._s3: S3Buckets | None = None

    def check(self, uri_prefix: str, timeout: float) -> str | None:
        """None where outputs can be written below `uri_prefix`, else what is wrong, as a phrase.

        Gives up after `timeout` seconds. On S3 there is nothing to clean up at any time; what was begun in a local
        directory cleans up after itself even then, as long as the process lives.
        """
        match scheme_of(uri_prefix):
            case "file":
                return within(timeout, lambda: check_directory(uri_prefix))
            case "s3":
                return within(timeout, lambda: self._s3_buckets().check(uri_prefix))
            case scheme:
                return f"the scheme {scheme!r} is not supported; a target root is {SUPPORTED_FORMS}"

    def _s3_buckets(self) -> "S3Buckets":
        from stardag.adapters.storage.s3_bucket import S3Buckets  # boto3 takes 300 ms to import

        with self._lock:
            if self._s3 is None:
                self._s3 = S3Buckets()
            return self._s3
