"""Which files and which way between them two target roots want, by their schemes."""

from collections.abc import Generator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from stardag.adapters.storage.local_files import LocalFiles, is_inside
from stardag.adapters.storage.upload_journal import UploadJournal
from stardag.domain.outputs import RootPlace
from stardag.domain.target_roots import scheme_of

if TYPE_CHECKING:
    from stardag.adapters.storage.parts import Parts
    from stardag.adapters.storage.s3_files import S3Files
    from stardag.adapters.storage.s3_session import S3Session
    from stardag.app.outputs.copying_ports import StoredFiles, Transfers

SOCKET_TIMEOUT = 60
"""Seconds without a byte after which a request is tried again."""

ATTEMPTS = 5
"""How often a request is made at most, where S3 asks for patience or does not answer."""

PARALLEL_REQUESTS = 64


class LocalAndS3FileStorage:
    """Keeps the promises of `FileStorage`; `user_directory` is where the user's stardag directory is."""

    def __init__(self, user_directory: str) -> None:
        self._user_directory = user_directory
        self._session: S3Session | None = None

    def files(self, root: RootPlace) -> "StoredFiles":
        """The files below a target root."""
        return self._objects(root) if _is_s3(root) else LocalFiles(root)

    def overlap(self, first: RootPlace, second: RootPlace) -> bool:
        """Whether two target roots are the same place, or one lies inside the other."""
        if _is_s3(first) != _is_s3(second):
            return False
        place_of = _s3_place if _is_s3(first) else _local_place
        one, other = place_of(first), place_of(second)
        return is_inside(one, other) or is_inside(other, one)

    @contextmanager
    def transfers(self, source: RootPlace, target: RootPlace) -> "Generator[Transfers]":
        """The way from a target root to another."""
        from stardag.adapters.storage.parts import Parts  # listing moves nothing

        with Parts() as parts, closing(UploadJournal(self._user_directory)) as journal:
            yield self._way(source, target, parts, journal)

    def _way(self, source: RootPlace, target: RootPlace, parts: "Parts", journal: UploadJournal) -> "Transfers":
        if not _is_s3(source) and not _is_s3(target):
            from stardag.adapters.storage.local_transfers import LocalTransfers

            return LocalTransfers(LocalFiles(source), LocalFiles(target), parts)
        from stardag.adapters.storage.s3_transfers import Downloads, ServerSideTransfers, Uploads

        if not _is_s3(source):
            return Uploads(LocalFiles(source), self._objects(target), parts, journal)
        if not _is_s3(target):
            return Downloads(self._objects(source), LocalFiles(target), parts)
        return ServerSideTransfers(self._objects(source), self._objects(target), parts, journal)

    def _objects(self, root: RootPlace) -> "S3Files":
        from botocore.config import Config  # boto3 takes 300 ms to import

        from stardag.adapters.storage.s3_files import S3Files
        from stardag.adapters.storage.s3_session import S3Session

        if self._session is None:
            self._session = S3Session(
                Config(
                    connect_timeout=SOCKET_TIMEOUT,
                    read_timeout=SOCKET_TIMEOUT,
                    retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
                    max_pool_connections=PARALLEL_REQUESTS,
                    tcp_keepalive=True,
                    # S3 compares what it receives with the SHA-256 that is signed; ETags tell the rest.
                    s3={"payload_signing_enabled": True},
                    request_checksum_calculation="when_required",
                    response_checksum_validation="when_required",
                )
            )
        return S3Files(root, self._session)


def _is_s3(root: RootPlace) -> bool:
    return scheme_of(root.uri_prefix) == "s3"


def _s3_place(root: RootPlace) -> str:
    bucket, _, prefix = root.uri_prefix.partition("://")[2].partition("/")
    return f"{bucket}/{prefix}".rstrip("/")


def _local_place(root: RootPlace) -> str:
    return LocalFiles(root).real_directory
