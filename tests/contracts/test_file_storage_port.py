"""What every keeper of the port `FileStorage` promises: the fake, and the real one between directories, S3 and both."""

import threading
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import count, product
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stardag.adapters.storage.file_storage import LocalAndS3FileStorage
from stardag.app.outputs.copying_ports import FileStorage, GivenUp, StoredFile, Transfers
from stardag.domain.output_errors import StorageFailed
from stardag.domain.outputs import RootPlace
from tests.fakes.file_storage import FakeFileStorage
from tests.s3_server import ROOT, S3Server

KINDS = ("fake to fake", *(f"{source} to {target}" for source, target in product(("local", "s3"), repeat=2)))


@dataclass(frozen=True, slots=True)
class Side:
    """A root, and the way behind the storage's back to what it holds."""

    root: RootPlace
    put: Callable[[str, bytes], None]
    contents: Callable[[], Mapping[str, bytes]]


@dataclass(frozen=True, slots=True)
class Ends:
    """A storage with two roots in it."""

    storage: FileStorage
    source: Side
    target: Side


@pytest.fixture(params=KINDS)
def ends(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ends:
    kinds = str(request.param).split(" to ")
    if kinds == ["fake", "fake"]:
        storage = FakeFileStorage()
        source, target = (_in_memory(storage, name) for name in ("source", "target"))
        return Ends(storage, source, target)
    if "s3" in kinds:
        server: S3Server = request.getfixturevalue("s3_server")
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", ROOT.access)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", ROOT.secret)
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    sides = [
        _on_s3(request.getfixturevalue("s3_server")) if kind == "s3" else _in_directory(tmp_path / name)
        for kind, name in zip(kinds, ("source", "target"), strict=True)
    ]
    return Ends(LocalAndS3FileStorage(str(tmp_path / "home" / ".stardag")), *sides)


@pytest.fixture
def transfers(ends: Ends) -> Generator[Transfers]:
    with ends.storage.transfers(ends.source.root, ends.target.root) as opened:
        opened.begin()
        yield opened


def _in_memory(storage: FakeFileStorage, name: str) -> Side:
    contents = storage.root(f"/{name}")
    return Side(RootPlace("default", f"/{name}/"), contents.__setitem__, lambda: dict(contents))


def _in_directory(directory: Path) -> Side:
    def put(path: str, content: bytes) -> None:
        place = directory / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)

    def contents() -> Mapping[str, bytes]:
        files = (path for path in directory.rglob("*") if path.is_file())
        return {str(path.relative_to(directory)): path.read_bytes() for path in files}

    return Side(RootPlace("default", f"{directory}/"), put, contents)


def _on_s3(server: S3Server) -> Side:
    client, bucket = server.client(), server.make_bucket()

    def put(path: str, content: bytes) -> None:
        client.put_object(Bucket=bucket, Key=f"deep/root/{path}", Body=content)

    def contents() -> Mapping[str, bytes]:
        uploads = client.list_multipart_uploads(Bucket=bucket).get("Uploads", [])
        assert not uploads, "an upload is left open"
        keys = [each.get("Key", "") for each in client.list_objects_v2(Bucket=bucket).get("Contents", [])]
        return {
            key.removeprefix("deep/root/"): client.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys
        }

    return Side(RootPlace("default", f"s3://{bucket}/deep/root/"), put, contents)


def listed(ends: Ends, path: str = "") -> list[StoredFile]:
    return list(ends.storage.files(ends.source.root).find(path))


def file_of(ends: Ends, path: str) -> StoredFile:
    (file,) = listed(ends, path)
    return file


def test_a_directory_is_listed_with_all_below_it_in_the_order_of_the_bytes_of_paths(ends: Ends) -> None:
    paths = ["b", "a/x", "a.b/y", "a-b", "a/x.y/z", "a0", "ä", "A", "a/.stardag-task.json"]
    for path in paths:
        ends.source.put(path, path.encode())
    assert [file.path for file in listed(ends)] == sorted(paths, key=str.encode)
    assert [file.path for file in listed(ends, "a")] == ["a/.stardag-task.json", "a/x", "a/x.y/z"]
    assert {file.path: file.size for file in listed(ends)} == {path: len(path.encode()) for path in paths}
    assert all(file.modified > 1_700_000_000 for file in listed(ends))


def test_a_file_is_listed_by_its_own_path_and_others_that_begin_so_are_not(ends: Ends) -> None:
    for path in ("model", "model.pkl", "models/a"):
        ends.source.put(path, b"content")
    assert [file.path for file in listed(ends, "model")] == ["model"]
    assert listed(ends, "mode") == []
    assert listed(ends, "model/a") == []


def test_where_nothing_is_nothing_is_listed(ends: Ends) -> None:
    assert listed(ends) == []
    assert listed(ends, "a/b") == []
    assert list(ends.storage.files(ends.target.root).find("")) == []


def test_a_small_file_is_read_and_a_larger_one_is_not(ends: Ends) -> None:
    ends.source.put("record", b"four")
    files = ends.storage.files(ends.source.root)
    assert files.read(file_of(ends, "record"), 4) == b"four"
    assert files.read(file_of(ends, "record"), 3) is None
    assert files.read(StoredFile("gone", 4, 0.0, ""), 4) is None


@pytest.mark.parametrize("content", [b"", b"content", bytes(300_000)], ids=["empty", "short", "longer"])
def test_a_copy_has_the_content_of_the_original(ends: Ends, transfers: Transfers, content: bytes) -> None:
    ends.source.put("deep/down/file", content)
    moved: list[int] = []
    transfers.copy(file_of(ends, "deep/down/file"), moved.append)
    assert ends.target.contents() == {"deep/down/file": content}
    assert sum(moved) == len(content)


def test_a_copy_of_many_parts_has_the_content_of_the_original(ends: Ends, transfers: Transfers) -> None:
    content = b"".join(number.to_bytes(4, "big") * 256 for number in range(20 * 1024 + 3))
    ends.source.put("large", content)
    moved: list[int] = []
    transfers.copy(file_of(ends, "large"), moved.append)
    assert ends.target.contents() == {"large": content}
    assert sum(moved) == len(content)
    (copy,) = transfers.target.find("large")
    assert transfers.is_same(file_of(ends, "large"), copy)


def test_a_copy_takes_the_place_of_what_was_there(ends: Ends, transfers: Transfers) -> None:
    ends.source.put("file", b"new")
    ends.target.put("file", b"old and longer")
    transfers.copy(file_of(ends, "file"), lambda _size: None)
    assert ends.target.contents() == {"file": b"new"}


@pytest.mark.parametrize(("ours", "theirs"), [(b"same", b"same"), (b"same", b"else"), (b"same", b"longer"), (b"", b"")])
def test_same_content_is_told_from_other(ends: Ends, transfers: Transfers, ours: bytes, theirs: bytes) -> None:
    ends.source.put("file", ours)
    ends.target.put("file", theirs)
    (other,) = transfers.target.find("file")
    assert transfers.is_same(file_of(ends, "file"), other) == (ours == theirs)


def test_an_original_that_is_not_as_it_was_listed_is_not_copied(ends: Ends, transfers: Transfers) -> None:
    ends.source.put("file", b"as listed")
    file = file_of(ends, "file")
    ends.source.put("file", b"as it is now")
    with pytest.raises(StorageFailed, match="changed"):
        transfers.copy(file, lambda _size: None)
    assert ends.target.contents() == {}


def test_what_is_given_up_is_not_put_in_place(ends: Ends, transfers: Transfers) -> None:
    ends.source.put("file", b"content")
    file = file_of(ends, "file")
    transfers.give_up()
    with pytest.raises(GivenUp):
        transfers.copy(file, lambda _size: None)
    assert ends.target.contents() == {}


def test_a_file_is_removed_and_again_without_complaint(ends: Ends, transfers: Transfers) -> None:
    ends.target.put("a/file", b"content")
    transfers.target.remove("a/file")
    transfers.target.remove("a/file")
    transfers.target.remove("never/there")
    assert ends.target.contents() == {}


def test_nothing_but_a_directory_or_a_file_above_is_an_obstacle(ends: Ends, transfers: Transfers) -> None:
    ends.target.put("file", b"content")
    assert transfers.target.obstacle("file") is None
    assert transfers.target.obstacle("a/new/one") is None


def test_overlap_is_the_same_place_or_one_inside_the_other(ends: Ends) -> None:
    source, target = ends.source.root, ends.target.root
    inside = source._replace(uri_prefix=source.uri_prefix + "deeper/")
    beside = source._replace(uri_prefix=source.uri_prefix.rstrip("/") + "-2/")
    assert not ends.storage.overlap(source, target)
    assert ends.storage.overlap(source, source._replace(uri_prefix=source.uri_prefix.rstrip("/")))
    assert ends.storage.overlap(source, inside)
    assert ends.storage.overlap(inside, source)
    assert not ends.storage.overlap(source, beside)


def test_many_are_copied_at_once(ends: Ends, transfers: Transfers) -> None:
    contents = {f"directory-{number % 3}/{number}": str(number).encode() for number in range(60)}
    for path, content in contents.items():
        ends.source.put(path, content)
    with ThreadPoolExecutor(8) as pool:
        wait([pool.submit(transfers.copy, file, lambda _size: None) for file in listed(ends)])
    assert ends.target.contents() == contents


def test_giving_up_ends_a_copy_that_is_being_made(ends: Ends, transfers: Transfers) -> None:
    ends.source.put("large", bytes(30 * 1024 * 1024))
    begun = threading.Event()

    def moved(_size: int) -> None:
        transfers.give_up()
        begun.set()

    try:
        transfers.copy(file_of(ends, "large"), moved)
    except GivenUp:
        assert ends.target.contents() == {}
    else:
        assert len(ends.target.contents()["large"]) == 30 * 1024 * 1024, "it was done before it could be given up"
    assert begun.is_set()


LETTERS = st.characters(codec="utf-8", categories=["L", "N", "S"], include_characters=" .-_+%'()!#?&")
NAMES = st.text(LETTERS, min_size=1, max_size=8).filter(lambda name: name not in (".", ".."))
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
numbers = count()


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(contents=st.dictionaries(PATHS, st.binary(max_size=20), max_size=8))
def test_whatever_outputs_are_called_all_are_listed_in_order_and_copied(
    ends: Ends, transfers: Transfers, contents: dict[str, bytes]
) -> None:
    below = f"example-{next(numbers)}"
    put = {
        f"{below}/{path}": content
        for path, content in contents.items()
        if not any(other.startswith(f"{path}/") for other in contents)  # no directory can be called as a file is
    }
    for path, content in put.items():
        ends.source.put(path, content)
    files = list(transfers.source.find(below))
    assert [file.path for file in files] == sorted(put, key=str.encode)
    for file in files:
        transfers.copy(file, lambda _size: None)
    copied = {path: content for path, content in ends.target.contents().items() if path.startswith(f"{below}/")}
    assert copied == put
