"""What every keeper of the port `StorageCheck` promises: the fake, and the real one on local directories and on S3."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from stardag.adapters.storage import LocalAndS3StorageCheck
from stardag.app.ports import StorageCheck
from tests.fakes.storage import FakeStorageCheck
from tests.s3_server import ROOT, S3Server

TIMEOUT = 20.0


@dataclass(frozen=True, slots=True)
class Place:
    """Storage to check: one prefix that can be written, one that cannot, and what is in the storage."""

    storage: StorageCheck
    writable: str
    unwritable: str
    left: Callable[[], list[str]]


@pytest.fixture(params=["fake", "local", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    if request.param == "fake":
        storage = FakeStorageCheck(problems={"s3://closed/": "there is no bucket 'closed'"})
        return Place(storage, "s3://open/prefix/", "s3://closed/", list)
    if request.param == "local":
        (tmp_path / "file").touch()
        return Place(
            LocalAndS3StorageCheck(),
            str(tmp_path / "deep" / "down"),
            str(tmp_path / "file" / "below"),
            lambda: sorted(set(os.listdir(tmp_path)) - {"file"}),
        )
    return _on_s3(request.getfixturevalue("s3_server"), tmp_path, monkeypatch)


def _on_s3(server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ROOT.access)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", ROOT.secret)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    bucket = server.make_bucket()
    return Place(
        LocalAndS3StorageCheck(),
        f"s3://{bucket}/prefix/",
        "s3://no-such-bucket-anywhere/prefix/",
        lambda: server.left_in(bucket),
    )


def test_what_can_be_written_has_no_problem(place: Place) -> None:
    assert place.storage.check(place.writable, TIMEOUT) is None


def test_what_cannot_be_written_is_told_as_a_phrase(place: Place) -> None:
    problem = place.storage.check(place.unwritable, TIMEOUT)
    assert problem
    assert problem == problem.strip().rstrip(".")
    assert problem.isprintable()


def test_a_trailing_slash_makes_no_difference(place: Place) -> None:
    assert place.storage.check(place.writable.rstrip("/") + "/", TIMEOUT) is None
    assert place.storage.check(place.writable.rstrip("/"), TIMEOUT) is None


def test_another_scheme_is_told_with_the_supported_ones(place: Place) -> None:
    problem = place.storage.check("gs://bucket/prefix/", TIMEOUT)
    assert problem is not None
    assert "'gs'" in problem
    assert "s3://" in problem
    assert "file://" in problem


def test_a_check_leaves_nothing_behind(place: Place) -> None:
    for uri_prefix in (place.writable, place.unwritable):
        place.storage.check(uri_prefix, TIMEOUT)
    assert place.left() == []


def test_many_threads_check_one_root_at_once(place: Place) -> None:
    with ThreadPoolExecutor(20) as threads:
        problems = list(threads.map(place.storage.check, [place.writable] * 20, [TIMEOUT] * 20))
    assert problems == [None] * 20
    assert place.left() == []
