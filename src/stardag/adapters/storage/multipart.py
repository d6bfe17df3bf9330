"""Objects that are put in parts: nobody sees them before all parts are there, and no upload is left open."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore import exceptions

from stardag.adapters.storage.s3_failures import FAILURES, code_of
from stardag.adapters.storage.s3_files import S3Files, unquoted

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

    from stardag.adapters.storage.upload_journal import OpenUpload, UploadJournal

_GONE = ("NoSuchUpload", "NoSuchBucket")
_CLOCKS = timedelta(minutes=5)
"""How far this machine's clock may be from S3's."""


class Upload(NamedTuple):
    """An upload in parts that is open."""

    objects: S3Files
    key: str
    id: str

    def complete(self, tags: Sequence[str]) -> str:
        """Make an object of the parts with these ETags, and return its own; call it where failures are told."""
        parts: list[CompletedPartTypeDef] = [
            {"PartNumber": number, "ETag": tag} for number, tag in enumerate(tags, start=1)
        ]
        answer = self.objects.client.complete_multipart_upload(
            Bucket=self.objects.bucket, Key=self.key, UploadId=self.id, MultipartUpload={"Parts": parts}
        )
        return unquoted(answer["ETag"])


@contextmanager
def upload_in_parts(
    objects: S3Files, path: str, journal: "UploadJournal", metadata: Mapping[str, Any] = {}
) -> Generator[Upload]:
    """An upload that is to be completed in the block; one that fails is ended. `metadata` are arguments of S3's own.

    Call it where failures are told.

    Raises:
        StateNotWritable: it cannot be noted in the journal.
    """
    client, key = objects.client, objects.key(path)
    number = journal.begin(client.meta.endpoint_url, objects.bucket, key)
    begun = client.create_multipart_upload(Bucket=objects.bucket, Key=key, **metadata)
    upload = Upload(objects, key, begun["UploadId"])
    journal.tell_id(number, upload.id)
    try:
        yield upload
    except BaseException:
        if _abort(client, objects.bucket, key, upload.id):  # else it stays in the journal
            journal.end(number)
        raise
    journal.end(number)


def end_left_behind(client: "S3Client", journal: "UploadJournal") -> None:
    """End the uploads that killed processes left open at the client's endpoint. What cannot be ended now is kept."""
    journal.end_left_behind(lambda upload: _end(client, upload))


def _end(client: "S3Client", upload: "OpenUpload") -> bool:
    if upload.endpoint != client.meta.endpoint_url:
        return False
    try:
        ids = [upload.id] if upload.id else _ids_of(client, upload)
    except FAILURES as error:
        return _is_gone(error)
    ended = [_abort(client, upload.bucket, upload.key, each) for each in ids]
    return all(ended)


def _ids_of(client: "S3Client", upload: "OpenUpload") -> list[str]:
    """The uploads of an object that were begun at that time: the process was killed before it heard of the id."""
    found = client.list_multipart_uploads(Bucket=upload.bucket, Prefix=upload.key)
    begun = datetime.fromtimestamp(upload.begun, UTC)
    uploads = [each for each in found.get("Uploads", []) if each.get("Key") == upload.key]
    return [each.get("UploadId", "") for each in uploads if abs(each.get("Initiated", begun) - begun) < _CLOCKS]


def _abort(client: "S3Client", bucket: str, key: str, upload_id: str) -> bool:
    """Whether an upload is not open any more."""
    try:
        client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload_id)
    except FAILURES as error:
        return _is_gone(error)
    return True


def _is_gone(error: Exception) -> bool:
    return isinstance(error, exceptions.ClientError) and code_of(error) in _GONE
