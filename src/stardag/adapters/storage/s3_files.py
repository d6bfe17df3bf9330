"""The objects below an S3 target root, as copying and listing see them."""

from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from botocore import exceptions

from stardag.adapters.storage.entity_tags import WHOLE, Layout, even_layout, number_of_parts, usual_layout
from stardag.adapters.storage.s3_failures import FAILURES, MISSING, code_of, storage_failed
from stardag.app.outputs.copying_ports import StoredFile
from stardag.domain.output_errors import StorageFailed

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import (
        GetObjectRequestTypeDef,
        HeadObjectRequestTypeDef,
        ListObjectsV2OutputTypeDef,
        ListObjectsV2RequestTypeDef,
    )

    from stardag.adapters.storage.s3_session import S3Session
    from stardag.domain.outputs import RootPlace

BLOCK = 256 * 1024
"""Bytes that are read at once."""

_CHANGED = ("PreconditionFailed", "412")
_CHECKSUMS = ("ChecksumSHA256", "ChecksumCRC64NVME", "ChecksumSHA1", "ChecksumCRC32C", "ChecksumCRC32")
_KEPT = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Expires",
    "Metadata",
    "WebsiteRedirectLocation",
)


_UNKNOWN = datetime.fromtimestamp(0, UTC)


class Removed(StorageFailed):
    """An object that was listed, and is not there any more."""

    def __init__(self, place: str) -> None:
        super().__init__(place, "it was removed while it was copied")


class Facts(NamedTuple):
    """What a HEAD tells of an object: its ETag where that is made of MD5s, how the object is cut where that is known,
    and the metadata that a copy keeps."""

    tag: str | None
    layout: Layout | None
    metadata: Mapping[str, object]


class S3Files:
    """Keeps the promises of `StoredFiles` for a prefix in a bucket, and is what `Transfers` asks of S3."""

    def __init__(self, root: "RootPlace", session: "S3Session") -> None:
        self.bucket, _, prefix = root.uri_prefix.partition("://")[2].partition("/")
        self.prefix = prefix.rstrip("/") and prefix.rstrip("/") + "/"
        self._session = session

    def key(self, path: str) -> str:
        """The key of the object at a path below the root."""
        return f"{self.prefix}{path}"

    def place(self, path: str) -> str:
        """The address of the object at a path, for people."""
        return f"s3://{self.bucket}/{self.key(path)}"

    @property
    def client(self) -> "S3Client":
        """The client; call it where failures are told."""
        return self._session.client()

    def find(self, path: str) -> Iterator[StoredFile]:
        """The object at a path and all below it; what stands for a directory is left out."""
        place = self.place(path)
        if path:
            with self.failing(place):
                first = self.client.list_objects_v2(Bucket=self.bucket, Prefix=self.key(path), MaxKeys=1)
            yield from (file for file in self._files(first) if file.path == path)
        before = b""
        below: ListObjectsV2RequestTypeDef = {"Bucket": self.bucket, "Prefix": self.key(f"{path}/" if path else "")}
        while True:
            with self.failing(place):
                page = self.client.list_objects_v2(**below)
            for file in self._files(page):
                order = file.path.encode()
                if order <= before:
                    raise StorageFailed(place, "it lists its keys in no order, as S3's directory buckets do")
                before = order
                yield file
            if not page.get("IsTruncated"):
                return
            below["ContinuationToken"] = page["NextContinuationToken"]

    def read(self, file: StoredFile, limit: int) -> bytes | None:
        """The content of a small object."""
        if file.size > limit:
            return None
        try:
            with self.failing(self.place(file.path)):
                answer = self.client.get_object(Bucket=self.bucket, Key=self.key(file.path))
                with closing(answer["Body"]) as body:
                    content = body.read(limit + 1)
        except Removed:
            return None
        return content if len(content) <= limit else None

    def facts(self, file: StoredFile) -> Facts:
        """What S3 tells of an object that still is as it was listed."""
        wanted: HeadObjectRequestTypeDef = {"Bucket": self.bucket, "Key": self.key(file.path)}
        wanted["IfMatch"] = quoted(file.version)
        parts = number_of_parts(file.version)
        if parts:
            wanted["PartNumber"] = 1
        with self.failing(self.place(file.path)):
            told = self.client.head_object(**wanted)
        metadata = {name: value for name, value in told.items() if name in _KEPT}
        if parts is None or not is_plain(told.get("ServerSideEncryption"), told.get("SSECustomerAlgorithm")):
            return Facts(None, None, metadata)
        layout = _layout(file, parts, told["ContentLength"], told.get("PartsCount")) if parts else WHOLE
        return Facts(file.version, layout, metadata)

    def checksums(self, file: StoredFile) -> Mapping[str, str]:
        """The checksums over all of an object that still is as it was listed, by their kinds."""
        with self.failing(self.place(file.path)):
            told = self.client.head_object(
                Bucket=self.bucket, Key=self.key(file.path), IfMatch=quoted(file.version), ChecksumMode="ENABLED"
            )
        is_of_all = told.get("ChecksumType") == "FULL_OBJECT"
        return {name: str(value) for name, value in told.items() if is_of_all and name in _CHECKSUMS}

    def now(self, path: str) -> StoredFile:
        """The object that is at a path now."""
        with self.failing(self.place(path)):
            found = self.client.head_object(Bucket=self.bucket, Key=self.key(path))
        return StoredFile(path, found["ContentLength"], found["LastModified"].timestamp(), unquoted(found["ETag"]))

    def blocks(self, file: StoredFile, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The content of an object that still is as it was listed, or a part of it, as it arrives."""
        end = file.size if end is None else end
        wanted: GetObjectRequestTypeDef = {"Bucket": self.bucket, "Key": self.key(file.path)}
        wanted["IfMatch"] = quoted(file.version)
        if (start, end) != (0, file.size):
            wanted["Range"] = f"bytes={start}-{end - 1}"
        with self.failing(self.place(file.path)):
            answer = self.client.get_object(**wanted)
            with closing(answer["Body"]) as body:
                yield from body.iter_chunks(BLOCK)

    def remove(self, path: str) -> None:
        """Remove an object, if there is one."""
        with self.failing(self.place(path)):
            self.client.delete_object(Bucket=self.bucket, Key=self.key(path))

    def obstacle(self, path: str) -> None:  # the port's
        """Nothing ever: S3 has no directories."""

    @contextmanager
    def failing(self, place: str) -> Generator[None]:
        """Turn what boto3 raises into what the ports promise."""
        try:
            yield
        except exceptions.ClientError as error:
            if code_of(error) in _CHANGED:
                raise StorageFailed(place, "it was changed while it was copied") from None
            if code_of(error) in MISSING:
                raise Removed(place) from None
            raise storage_failed(self._in_words(error, place), place, self.bucket, self._session) from None
        except FAILURES as error:
            raise storage_failed(error, place, self.bucket, self._session) from None

    def _in_words(self, error: exceptions.ClientError, place: str) -> Exception:
        """What is wrong, asked again where the answer was to a HEAD, which has no room for words."""
        if not code_of(error).isdigit():
            return error
        try:
            key = place.removeprefix(f"s3://{self.bucket}/")
            self.client.get_object(Bucket=self.bucket, Key=key, Range="bytes=0-0")["Body"].close()
        except FAILURES as told:
            return told
        return error

    def _files(self, page: "ListObjectsV2OutputTypeDef") -> Iterator[StoredFile]:
        for each in page.get("Contents", []):
            path = each.get("Key", "")[len(self.prefix) :]
            if path and not path.endswith("/"):
                yield StoredFile(
                    path,
                    each.get("Size", 0),
                    each.get("LastModified", _UNKNOWN).timestamp(),
                    unquoted(each.get("ETag", "")),
                )


def quoted(version: str) -> str:
    """An ETag as HTTP spells it."""
    return f'"{version}"'


def unquoted(tag: str) -> str:
    """An ETag without the quotes of HTTP."""
    return tag.strip('"')


def is_plain(encryption: str | None, customer_algorithm: str | None) -> bool:
    """Whether the ETag of what is encrypted like this is made of MD5s."""
    return encryption in (None, "AES256") and customer_algorithm is None


def _layout(file: StoredFile, parts: int, first: int, counted: int | None) -> Layout | None:
    """How an object in so many parts is cut, as far as the size of the first tells."""
    if counted != parts:  # not every server tells of parts
        return usual_layout(file.size, parts)
    layout = even_layout(file.size, first or 1, is_certain=False)
    return layout if len(layout.parts) == parts else None
