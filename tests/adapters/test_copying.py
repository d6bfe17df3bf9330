"""Copies that go wrong: contents that change on their way, connections that break, objects cut in other ways."""

import os
import random
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from botocore.config import Config

from stardag.adapters.storage.file_storage import LocalAndS3FileStorage
from stardag.adapters.storage.local_files import LocalFiles
from stardag.adapters.storage.local_transfers import LocalTransfers
from stardag.adapters.storage.parts import Parts
from stardag.adapters.storage.s3_files import Facts, S3Files
from stardag.adapters.storage.s3_session import S3Session
from stardag.adapters.storage.same_content import are_objects_same, is_file_same
from stardag.app.outputs.copying_ports import StoredFile, Transfers
from stardag.domain.errors import StateNotWritable
from stardag.domain.output_errors import OutsideTargetRoot, StorageFailed
from stardag.domain.outputs import RootPlace
from tests.s3_relay import Answer, Asked, S3Relay
from tests.s3_server import ROOT, S3Server

MIB = 1024 * 1024
CONTENT = random.Random(1).randbytes(20 * MIB + 17)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Where boto3 finds a server."""

    def point_to(url: str) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", ROOT.access)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", ROOT.secret)
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    return point_to


@pytest.fixture
def storage(tmp_path: Path) -> LocalAndS3FileStorage:
    return LocalAndS3FileStorage(str(tmp_path / "home"))


def root(place: object) -> RootPlace:
    return RootPlace("default", str(place))


def copy_all(transfers: Transfers) -> None:
    transfers.begin()
    for file in transfers.source.find(""):
        transfers.copy(file, lambda _size: None)


def keys(server: S3Server, bucket: str) -> list[str]:
    return [line for line in server.left_in(bucket) if line.startswith(("object", "upload"))]


@pytest.mark.parametrize("size", [100, 20 * MIB], ids=["small", "large"])
def test_what_changes_on_its_way_down_is_never_put_in_place(
    s3_server: S3Server, aws: Callable[[str], None], storage: LocalAndS3FileStorage, tmp_path: Path, size: int
) -> None:
    bucket = s3_server.make_bucket()
    s3_server.client().put_object(Bucket=bucket, Key="root/file", Body=CONTENT[:size])

    def spoil(asked: Asked, answer: Answer) -> Answer:
        is_content = asked.method == "GET" and asked.path.endswith("/root/file")
        return answer._replace(content=b"!" + answer.content[1:]) if is_content else answer

    with S3Relay(s3_server.url, change=spoil) as relay:
        aws(relay.url)
        with (
            storage.transfers(root(f"s3://{bucket}/root"), root(tmp_path / "here")) as transfers,
            pytest.raises(StorageFailed, match="not as the original"),
        ):
            copy_all(transfers)
    assert not [path for path in (tmp_path / "here").rglob("*") if path.is_file()]


@pytest.mark.parametrize("size", [100, 20 * MIB], ids=["small", "large"])
def test_what_changes_on_its_way_up_does_not_stay(
    s3_server: S3Server, aws: Callable[[str], None], storage: LocalAndS3FileStorage, tmp_path: Path, size: int
) -> None:
    bucket = s3_server.make_bucket()
    (tmp_path / "file").write_bytes(CONTENT[:size])

    def spoil(asked: Asked, answer: Answer) -> Answer:
        return answer._replace(headers={**answer.headers, "etag": '"0"'}) if asked.method == "PUT" else answer

    with S3Relay(s3_server.url, change=spoil) as relay:
        aws(relay.url)
        with (
            storage.transfers(root(tmp_path), root(f"s3://{bucket}/root")) as transfers,
            pytest.raises(StorageFailed, match="not as the original"),
        ):
            transfers.copy(next(transfers.source.find("file")), lambda _size: None)
    assert keys(s3_server, bucket) == []


def test_what_s3_copies_wrong_is_removed(
    s3_server: S3Server, aws: Callable[[str], None], storage: LocalAndS3FileStorage
) -> None:
    one, other = s3_server.make_bucket(), s3_server.make_bucket()
    client = s3_server.client()
    client.put_object(Bucket=one, Key="file", Body=b"right")

    def store_another(asked: Asked, answer: Answer) -> Answer:
        if asked.method != "PUT":
            return answer
        tag = client.put_object(Bucket=other, Key="file", Body=b"wrong")["ETag"]
        return answer._replace(content=f"<CopyObjectResult><ETag>{tag}</ETag></CopyObjectResult>".encode())

    with S3Relay(s3_server.url, change=store_another) as relay:
        aws(relay.url)
        with (
            storage.transfers(root(f"s3://{one}/"), root(f"s3://{other}/")) as transfers,
            pytest.raises(StorageFailed, match="not as the original"),
        ):
            copy_all(transfers)
    assert keys(s3_server, other) == []


def test_a_disk_that_gives_back_something_else_is_noticed(tmp_path: Path) -> None:
    class Spoiling(LocalFiles):
        def write(self, path: str, descriptor: int, block: bytes, offset: int) -> None:
            super().write(path, descriptor, b"!" + block[1:], offset)

    (tmp_path / "from").mkdir()
    (tmp_path / "from" / "file").write_bytes(b"content")
    with Parts() as parts, pytest.raises(StorageFailed, match="not as the original"):
        copy_all(LocalTransfers(LocalFiles(root(tmp_path / "from")), Spoiling(root(tmp_path / "to")), parts))
    assert list((tmp_path / "to").iterdir()) == []


def test_a_connection_that_breaks_off_is_taken_up_where_it_did(
    s3_server: S3Server, aws: Callable[[str], None], storage: LocalAndS3FileStorage, tmp_path: Path
) -> None:
    bucket = s3_server.make_bucket()
    s3_server.client().put_object(Bucket=bucket, Key="file", Body=CONTENT[: 4 * MIB])
    cuts = [3 * MIB, MIB // 2]

    def cut(asked: Asked, answer: Answer) -> Answer:
        is_content = asked.method == "GET" and asked.path.endswith("/file")
        return answer._replace(cut=cuts.pop()) if is_content and cuts else answer

    with S3Relay(s3_server.url, change=cut) as relay:
        aws(relay.url)
        with storage.transfers(root(f"s3://{bucket}/"), root(tmp_path / "here")) as transfers:
            copy_all(transfers)
    assert (tmp_path / "here" / "file").read_bytes() == CONTENT[: 4 * MIB]
    assert not cuts


def put_in_parts(server: S3Server, bucket: str, key: str, content: bytes, size: int) -> None:
    client = server.client()
    upload = client.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
    tags = [
        client.upload_part(
            Bucket=bucket, Key=key, UploadId=upload, PartNumber=number, Body=content[start : start + size]
        )
        for number, start in enumerate(range(0, len(content), size), start=1)
    ]
    client.complete_multipart_upload(
        Bucket=bucket,
        Key=key,
        UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": n, "ETag": tag["ETag"]} for n, tag in enumerate(tags, start=1)]},
    )


@pytest.mark.parametrize("size", [5 * MIB, 6 * MIB, 7 * MIB + 1, 8 * MIB, 64 * MIB])
def test_the_same_content_is_known_however_it_was_cut(
    s3_server: S3Server, aws: Callable[[str], None], storage: LocalAndS3FileStorage, tmp_path: Path, size: int
) -> None:
    one, other = s3_server.make_bucket(), s3_server.make_bucket()
    put_in_parts(s3_server, one, "file", CONTENT, size)
    put_in_parts(s3_server, other, "file", CONTENT, 9 * MIB)
    (tmp_path / "file").write_bytes(CONTENT)
    aws(s3_server.url)
    for target in (f"s3://{other}/", tmp_path):
        with storage.transfers(root(f"s3://{one}/"), root(target)) as transfers:
            (original,), (copy,) = transfers.source.find("file"), transfers.target.find("file")
            assert transfers.is_same(original, copy)
    put_in_parts(s3_server, other, "file", CONTENT[:-1] + b"!", 9 * MIB)
    (tmp_path / "file").write_bytes(b"!" + CONTENT[1:])
    for target in (f"s3://{other}/", tmp_path):
        with storage.transfers(root(f"s3://{one}/"), root(target)) as transfers:
            (original,), (copy,) = transfers.source.find("file"), transfers.target.find("file")
            assert not transfers.is_same(original, copy)


def test_what_stands_for_a_directory_in_s3_is_no_file(
    s3_server: S3Server, aws: Callable[[str], None], storage: LocalAndS3FileStorage
) -> None:
    bucket = s3_server.make_bucket()
    for key in ("root/", "root/a/", "root/a/b", "root", "rooted"):
        s3_server.client().put_object(Bucket=bucket, Key=key, Body=b"")
    aws(s3_server.url)
    assert [file.path for file in storage.files(root(f"s3://{bucket}/root")).find("")] == ["a/b"]


def test_keys_that_are_listed_in_no_order_are_an_error(
    s3_server: S3Server, aws: Callable[[str], None], storage: LocalAndS3FileStorage
) -> None:
    bucket = s3_server.make_bucket()
    pages = [b"<Key>root/b</Key>", b"<Key>root/a</Key>"]

    def page(asked: Asked) -> Answer | None:
        if "list-type" not in asked.path:
            return None
        more = b"<IsTruncated>true</IsTruncated><NextContinuationToken>x</NextContinuationToken>" if pages[1:] else b""
        each = b"<Contents>" + pages.pop(0) + b"<Size>1</Size><ETag>1</ETag></Contents>"
        return Answer(
            200, {"Content-Type": "application/xml"}, b"<ListBucketResult>" + more + each + b"</ListBucketResult>"
        )

    with S3Relay(s3_server.url, instead=page) as relay:
        aws(relay.url)
        with pytest.raises(StorageFailed, match="in no order"):
            list(storage.files(root(f"s3://{bucket}/root")).find(""))
    assert not pages, "both were asked for"


def test_an_upload_that_cannot_be_noted_is_not_begun(
    s3_server: S3Server, aws: Callable[[str], None], tmp_path: Path
) -> None:
    bucket = s3_server.make_bucket()
    (tmp_path / "from").mkdir()
    (tmp_path / "from" / "file").write_bytes(CONTENT)
    (tmp_path / "home").touch()
    aws(s3_server.url)
    storage = LocalAndS3FileStorage(str(tmp_path / "home"))
    with (
        storage.transfers(root(tmp_path / "from"), root(f"s3://{bucket}/")) as transfers,
        pytest.raises(StateNotWritable),
    ):
        copy_all(transfers)
    assert keys(s3_server, bucket) == []


def test_what_is_no_file_cannot_be_copied(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(StorageFailed, match="neither a file nor a directory"):
        list(LocalFiles(root(tmp_path)).find(""))
    os.unlink(tmp_path / "pipe")
    os.symlink("nowhere", tmp_path / "link")
    with pytest.raises(StorageFailed, match="a link to what is not there"):
        list(LocalFiles(root(tmp_path)).find(""))
    with pytest.raises(StorageFailed, match="a link to what is not there"):
        list(LocalFiles(root(tmp_path)).find("link"))


def test_a_link_in_the_place_of_a_copy_does_not_lead_it_out(tmp_path: Path) -> None:
    (tmp_path / "from").mkdir()
    (tmp_path / "from" / "file").write_bytes(b"content")
    (tmp_path / "to").mkdir()
    (tmp_path / "outside").write_bytes(b"mine")
    os.symlink(tmp_path / "outside", tmp_path / "to" / "file")
    original = next(LocalFiles(root(tmp_path / "from")).find("file"))
    with Parts() as parts, pytest.raises(OutsideTargetRoot):
        LocalTransfers(LocalFiles(root(tmp_path / "from")), LocalFiles(root(tmp_path / "to")), parts).copy(
            original, lambda _size: None
        )
    assert (tmp_path / "outside").read_bytes() == b"mine"


def test_an_original_that_was_removed_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "from").mkdir()
    gone = StoredFile("file", 1, 0.0, "x")
    with Parts() as parts, pytest.raises(StorageFailed):
        LocalTransfers(LocalFiles(root(tmp_path / "from")), LocalFiles(root(tmp_path / "to")), parts).copy(
            gone, lambda _size: None
        )
    assert not [path for path in (tmp_path / "to").rglob("*") if path.is_file()]


def test_an_etag_that_tells_nothing_is_no_reason_to_remove_what_s3_has_checked(
    s3_server: S3Server, aws: Callable[[str], None], storage: LocalAndS3FileStorage, tmp_path: Path
) -> None:
    bucket = s3_server.make_bucket()
    (tmp_path / "file").write_bytes(b"content")

    def encrypt(asked: Asked, answer: Answer) -> Answer:
        headers = {**answer.headers, "etag": '"0"', "x-amz-server-side-encryption": "aws:kms"}
        return answer._replace(headers=headers) if asked.method == "PUT" else answer

    with S3Relay(s3_server.url, change=encrypt) as relay:
        aws(relay.url)
        with storage.transfers(root(tmp_path), root(f"s3://{bucket}/root")) as transfers:
            transfers.copy(next(transfers.source.find("file")), lambda _size: None)
    assert s3_server.client().get_object(Bucket=bucket, Key="root/file")["Body"].read() == b"content"


class Opaque(S3Files):
    """Objects whose ETags tell nothing, as with keys of KMS."""

    known: Mapping[str, str] = {}

    def facts(self, file: StoredFile) -> Facts:
        return Facts(None, None, {})

    def checksums(self, file: StoredFile) -> Mapping[str, str]:
        return self.known


def opaque(bucket: str, **checksums: str) -> Opaque:
    files = Opaque(root(f"s3://{bucket}/"), S3Session(Config()))
    files.known = checksums
    return files


def test_objects_whose_etags_tell_nothing_are_compared_by_checksums_or_else_read(
    s3_server: S3Server, aws: Callable[[str], None]
) -> None:
    one, other = s3_server.make_bucket(), s3_server.make_bucket()
    for bucket in (one, other):
        s3_server.client().put_object(Bucket=bucket, Key="other", Body=bucket.encode())
    s3_server.client().put_object(Bucket=one, Key="same", Body=CONTENT)
    put_in_parts(s3_server, other, "same", CONTENT, 9 * MIB)
    aws(s3_server.url)

    def is_same(key: str, first: Opaque, second: Opaque) -> bool:
        (ours,), (theirs,) = first.find(key), second.find(key)
        with Parts() as parts:
            return are_objects_same(first, ours, second, theirs, parts)

    assert is_same("same", opaque(one), opaque(other))
    assert not is_same("other", opaque(one), opaque(other))
    assert is_same("other", opaque(one, ChecksumCRC64NVME="x"), opaque(other, ChecksumCRC64NVME="x"))
    assert not is_same("same", opaque(one, ChecksumCRC64NVME="x"), opaque(other, ChecksumCRC64NVME="y"))
    assert is_same("same", opaque(one, ChecksumCRC32="x"), opaque(other, ChecksumSHA1="x")), "no kind is common"


def test_a_file_is_compared_with_an_object_whose_etag_tells_nothing_by_reading_it(
    s3_server: S3Server, aws: Callable[[str], None], tmp_path: Path
) -> None:
    bucket = s3_server.make_bucket()
    s3_server.client().put_object(Bucket=bucket, Key="file", Body=b"content")
    aws(s3_server.url)
    files = LocalFiles(root(tmp_path))
    with Parts() as parts:
        for content in (b"content", b"another"):
            (tmp_path / "file").write_bytes(content)
            (file,), (stored,) = files.find("file"), opaque(bucket).find("file")
            assert is_file_same(files, file, opaque(bucket), stored, parts) == (content == b"content")
