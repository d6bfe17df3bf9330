"""The ways from one target root to another of which one is in S3: up to it, down from it, and within it.

Whatever is copied is compared with its original before anyone sees it, as far as the storage allows, and else at once
afterwards; a copy that differs is removed (ADR 0051).
"""

import hashlib
import io
import os
from collections.abc import Callable, Generator
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

from stardag.adapters.storage.entity_tags import (
    MIB,
    WHOLE,
    even_layout,
    number_of_parts,
    part_size,
    tag_of_content,
)
from stardag.adapters.storage.local_files import BLOCK, LocalFiles, blocks_of
from stardag.adapters.storage.multipart import Upload, end_left_behind, upload_in_parts
from stardag.adapters.storage.parts import Part, Parts, parts_of
from stardag.adapters.storage.s3_files import S3Files, is_plain, quoted, unquoted
from stardag.adapters.storage.same_content import are_objects_same, copy_differs, is_content_same, is_file_same
from stardag.app.outputs.copying_ports import StoredFile
from stardag.domain.output_errors import StorageFailed

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from mypy_boto3_s3.type_defs import PutObjectOutputTypeDef, UploadPartOutputTypeDef

    from stardag.adapters.storage.upload_journal import UploadJournal

PART = 8 * MIB
"""Files that are larger are moved in parts of this size, as every tool of AWS's does."""

SERVER_SIDE_PART = 64 * MIB
"""Parts that never pass through this machine, where the original does not say how it is cut."""

COPIED_WHOLE_MAX = 5 * 1024 * MIB
"""S3 copies no larger object in one request."""

Moved = Callable[[int], None]


class _ToS3:
    """What is the same for all that ends in S3."""

    def __init__(self, target: S3Files, parts: Parts, journal: "UploadJournal") -> None:
        self.target = target
        self._parts = parts
        self._journal = journal

    def begin(self) -> None:
        """End the uploads that killed processes left open."""
        with self.target.failing(self.target.place("")):
            end_left_behind(self.target.client, self._journal)

    def give_up(self) -> None:
        """End the copies that are being made."""
        self._parts.give_up()


class Uploads(_ToS3):
    """From a directory to S3."""

    def __init__(self, source: LocalFiles, target: S3Files, parts: Parts, journal: "UploadJournal") -> None:
        super().__init__(target, parts, journal)
        self.source = source

    def is_same(self, original: StoredFile, other: StoredFile) -> bool:
        """Whether a file and an object have the same content."""
        return is_file_same(self.source, original, self.target, other, self._parts)

    def copy(self, original: StoredFile, moved: Moved) -> None:
        """Put a file as a whole or, where it is large, in parts of which S3 makes an object once all are right."""
        with self.target.failing(self.target.place(original.path)):
            if original.size <= PART:
                self._put(original, moved)
            else:
                self._put_in_parts(original, moved)

    def _put(self, original: StoredFile, moved: Moved) -> None:
        self._parts.check()
        whole = Part(1, 0, original.size)
        with self.source.original(original) as descriptor:
            body = _body(descriptor, whole)
            digest = _md5(body)
            self.source.check_unchanged(original, descriptor)  # so that this is the digest of one content
            answer = self.target.client.put_object(
                Bucket=self.target.bucket,
                Key=self.target.key(original.path),
                Body=body,
            )
            if not _is_as_sent(answer, digest):
                self.target.remove(original.path)
                raise copy_differs(self.target.place(original.path))
        moved(original.size)

    def _put_in_parts(self, original: StoredFile, moved: Moved) -> None:
        sizes = even_layout(original.size, part_size(original.size, PART)).parts
        with upload_in_parts(self.target, original.path, self._journal) as upload:
            with self.source.original(original) as descriptor:
                tags = list(self._parts.in_order(partial(self._put_part, upload, descriptor, moved), parts_of(sizes)))
            self._parts.check()
            upload.complete(tags)

    def _put_part(self, upload: Upload, descriptor: int, moved: Moved, part: Part) -> str:
        self._parts.check()
        body = _body(descriptor, part)
        digest = _md5(body)
        answer = self.target.client.upload_part(
            Bucket=self.target.bucket,
            Key=upload.key,
            UploadId=upload.id,
            PartNumber=part.number,
            Body=body,
        )
        if not _is_as_sent(answer, digest):
            raise copy_differs(f"s3://{self.target.bucket}/{upload.key}")
        moved(part.size)
        return answer["ETag"]


class Downloads:
    """From S3 to a directory. What has arrived is read again from the file, in its order, while more arrives."""

    def __init__(self, source: S3Files, target: LocalFiles, parts: Parts) -> None:
        self.source = source
        self.target = target
        self._parts = parts

    def begin(self) -> None:
        """What was left half-written goes when its directory is written to."""

    def give_up(self) -> None:
        """End the copies that are being made."""
        self._parts.give_up()

    def is_same(self, original: StoredFile, other: StoredFile) -> bool:
        """Whether an object and a file have the same content."""
        return is_file_same(self.target, other, self.source, original, self._parts)

    def copy(self, original: StoredFile, moved: Moved) -> None:
        """Fetch an object as a whole or, where it is large, in ranges that arrive side by side."""
        is_whole = number_of_parts(original.version) == 0
        layout = WHOLE if is_whole else self.source.facts(original).layout
        with self.target.new(original.path) as copy:
            with closing(self._arriving(original, copy, moved)) as blocks:
                tag = tag_of_content(blocks, layout or WHOLE)
            if tag != original.version and not is_content_same(copy, self.source, original, self._parts):
                raise copy_differs(self.target.place(original.path))

    def _arriving(self, original: StoredFile, copy: int, moved: Moved) -> Generator[bytes]:
        """The content in its order, as it stands in the file."""
        fetch = partial(self._fetch, original, copy, moved)
        if original.size <= PART:
            fetch(Part(1, 0, original.size))
            yield from blocks_of(copy)
            return
        sizes = even_layout(original.size, PART).parts
        write_out = partial(os.fsync, copy)
        with closing(self._parts.in_order(fetch, parts_of(sizes))) as arrived, self._parts.beside(write_out) as begin:
            for part in arrived:
                yield from blocks_of(copy, part.start, part.end)
                begin()  # so that little is left to wait for in the end

    def _fetch(self, original: StoredFile, copy: int, moved: Moved, part: Part) -> Part:
        """Write a part where it belongs. Where a connection breaks off, the next goes on from there."""
        offset = part.start
        while offset < part.end:
            before = offset
            try:
                for block in self._parts.watched(self.source.blocks(original, offset, part.end)):
                    self.target.write(original.path, copy, block, offset)
                    offset += len(block)
                    moved(len(block))
            except StorageFailed:
                if offset == before:
                    raise
            if offset == before:
                raise StorageFailed(self.source.place(original.path), "S3 sends less of it than there is")
        return part


class ServerSideTransfers(_ToS3):
    """From S3 to S3, which copies by itself: nothing passes through this machine."""

    def __init__(self, source: S3Files, target: S3Files, parts: Parts, journal: "UploadJournal") -> None:
        super().__init__(target, parts, journal)
        self.source = source

    def is_same(self, original: StoredFile, other: StoredFile) -> bool:
        """Whether two objects have the same content."""
        return are_objects_same(self.source, original, self.target, other, self._parts)

    def copy(self, original: StoredFile, moved: Moved) -> None:
        """Have an object copied, cut as it was, so that the copy has the same ETag."""
        self._parts.check()
        is_whole = not number_of_parts(original.version) and original.size <= COPIED_WHOLE_MAX
        with self.target.failing(self.target.place(original.path)):
            if is_whole or original.size == 0:
                tag = self._copy_whole(original, moved)
            else:
                tag = self._copy_in_parts(original, moved)
        if unquoted(tag) != original.version:
            self._compare(original)

    def _copy_whole(self, original: StoredFile, moved: Moved) -> str:
        answer = self.target.client.copy_object(
            Bucket=self.target.bucket,
            Key=self.target.key(original.path),
            CopySource={"Bucket": self.source.bucket, "Key": self.source.key(original.path)},
            CopySourceIfMatch=quoted(original.version),
        )
        moved(original.size)
        return answer["CopyObjectResult"].get("ETag", "")

    def _copy_in_parts(self, original: StoredFile, moved: Moved) -> str:
        facts = self.source.facts(original)
        layout = facts.layout or even_layout(original.size, part_size(original.size, SERVER_SIDE_PART))
        with upload_in_parts(self.target, original.path, self._journal, facts.metadata) as upload:
            work = partial(self._copy_part, original, upload, moved)
            tags = list(self._parts.in_order(work, parts_of(layout.parts)))
            self._parts.check()
            return upload.complete(tags)

    def _copy_part(self, original: StoredFile, upload: Upload, moved: Moved, part: Part) -> str:
        self._parts.check()
        answer = self.target.client.upload_part_copy(
            Bucket=self.target.bucket,
            Key=upload.key,
            UploadId=upload.id,
            PartNumber=part.number,
            CopySource={"Bucket": self.source.bucket, "Key": self.source.key(original.path)},
            CopySourceRange=f"bytes={part.start}-{part.end - 1}",
            CopySourceIfMatch=quoted(original.version),
        )
        moved(part.size)
        return answer["CopyPartResult"].get("ETag", "")

    def _compare(self, original: StoredFile) -> None:
        """Look closer where the ETag is another: the copy may be cut or encrypted in another way."""
        copy = self.target.now(original.path)
        if not self.is_same(original, copy):
            self.target.remove(original.path)
            raise copy_differs(self.target.place(original.path))


class _Slice(io.RawIOBase):
    """A part of a file, as a file."""

    def __init__(self, descriptor: int, part: Part) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._part = part
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        begin = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._part.size}[whence]
        self._at = begin + offset
        return self._at

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        view = memoryview(buffer)
        wanted = max(0, min(len(view), self._part.size - self._at))
        block = os.pread(self._descriptor, wanted, self._part.start + self._at)
        view[: len(block)] = block
        self._at += len(block)
        return len(block)


def _body(descriptor: int, part: Part) -> io.BufferedReader:
    return io.BufferedReader(_Slice(descriptor, part), BLOCK)


def _md5(body: io.BufferedReader) -> bytes:
    digest = hashlib.file_digest(body, partial(hashlib.md5, usedforsecurity=False)).digest()
    body.seek(0)
    return digest


def _is_as_sent(answer: "PutObjectOutputTypeDef | UploadPartOutputTypeDef", digest: bytes) -> bool:
    """Whether S3 stored what it was sent. It has compared the SHA-256 that the request is signed with; the ETag, which
    is the MD5, says it again, if it can."""
    if not is_plain(answer.get("ServerSideEncryption"), answer.get("SSECustomerAlgorithm")):
        return True
    return unquoted(answer["ETag"]) == digest.hex()
