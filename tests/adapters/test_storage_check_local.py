"""Checks of local directories: what can be written, what cannot, and that nothing stays behind."""

import errno
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from stardag.adapters.storage import LocalAndS3StorageCheck
from stardag.adapters.storage.deadline import within

TIMEOUT = 20.0


def check(uri_prefix: str | Path) -> str | None:
    return LocalAndS3StorageCheck().check(str(uri_prefix), TIMEOUT)


def everything_in(directory: Path) -> list[str]:
    return sorted(str(found.relative_to(directory)) for found in directory.rglob("*"))


def test_an_existing_directory_can_be_written(tmp_path: Path) -> None:
    assert check(tmp_path) is None
    assert everything_in(tmp_path) == []


def test_missing_directories_could_be_made_and_are_not_there_afterwards(tmp_path: Path) -> None:
    assert check(tmp_path / "not" / "there" / "yet") is None
    assert everything_in(tmp_path) == []


def test_what_was_in_the_directory_stays(tmp_path: Path) -> None:
    (tmp_path / "root" / "empty").mkdir(parents=True)
    (tmp_path / "root" / "output").write_text("kept")
    assert check(tmp_path / "root") is None
    assert everything_in(tmp_path) == ["root", "root/empty", "root/output"]


def test_a_home_directory_is_put_for_the_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("HOME", str(tmp_path))
    assert check("~") is None
    assert check("~/roots") is None
    assert check("~/file") == f"{tmp_path}/file is not a directory"


@pytest.mark.parametrize("start", ["file://", "FILE://", "file://localhost"])
def test_a_file_uri_is_decoded(tmp_path: Path, start: str) -> None:
    (tmp_path / "a b%").touch()
    assert check(f"{start}{tmp_path}/a%20b%25") == f"{tmp_path}/a b% is not a directory"
    assert check(f"{start}{tmp_path}/other") is None


def test_a_file_uri_of_another_machine_is_refused() -> None:
    assert check("file://server/share") == (
        "it names another machine; a file:// prefix has three slashes: file:///path"
    )


@pytest.mark.parametrize("path", ["/a%00b", "/a/%2E%2e/b"])
def test_a_file_uri_that_hides_its_path_is_refused(path: str) -> None:
    assert check(f"file://{path}") == "its path holds a null character or steps upwards with '..'"


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert check(tmp_path / "file") == f"{tmp_path}/file is not a directory"
    assert check(tmp_path / "file" / "below") == f"{tmp_path}/file is not a directory"


def test_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert check(tmp_path / "link") is None
    assert check(tmp_path / "link" / "below") is None
    assert everything_in(tmp_path) == ["link", "real"]


def test_a_link_to_nothing_is_named(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("gone")
    assert check(tmp_path / "link" / "below") == f"{tmp_path}/link is a symbolic link to gone, which is not there"


def test_a_circle_of_links_is_named(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("link")
    assert check(tmp_path / "link") == f"its symbolic links lead in a circle ({tmp_path}/link)"


def test_a_name_that_is_too_long_is_told(tmp_path: Path) -> None:
    problem = check(tmp_path / ("n" * 300))
    assert problem is not None
    assert problem.startswith("a name in the path is too long (")


def test_a_missing_directory_with_too_long_a_name_below_it_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    assert check(f"{tmp_path}/there/one/{'é' * 200}") is not None
    assert everything_in(tmp_path) == ["there"]


def test_permission_denied_is_told_with_the_directory(public_directory: Path) -> None:
    closed = public_directory / "closed"
    closed.mkdir(mode=0o555)
    assert _check_as_somebody_else(closed / "below") == f"permission denied ({closed})"


def test_a_directory_that_cannot_be_entered_is_told(public_directory: Path) -> None:
    closed = public_directory / "closed"
    closed.mkdir(mode=0o000)
    assert _check_as_somebody_else(closed / "below") == f"permission denied ({closed}/below)"


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="this system has no /proc")
def test_where_no_directory_can_be_made_nothing_is_left_and_the_reason_is_told() -> None:
    problem = check("/proc/self/fd/root")
    assert problem is not None
    assert problem.endswith("(/proc/self/fd)")


def test_a_full_device_is_told(tmp_path: Path) -> None:
    """A file-size limit stands in for the end of the space: like it, it shows when the bytes are written."""
    code = (
        "import resource, sys\n"
        "from stardag.adapters.storage.local_directory import check_directory\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))\n"
        "sys.stdout.write(check_directory(sys.argv[1]) or 'fine')\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "root")], capture_output=True, text=True, check=True
    )
    assert told.stdout == f"{os.strerror(errno.EFBIG)} ({tmp_path})"
    assert everything_in(tmp_path) == []


def test_checks_of_nested_roots_at_once_leave_nothing(tmp_path: Path) -> None:
    roots = [tmp_path / "a", tmp_path / "a" / "b", tmp_path / "a" / "b" / "c"] * 20
    with ThreadPoolExecutor(16) as threads:
        assert list(threads.map(check, roots)) == [None] * len(roots)
    assert everything_in(tmp_path) == []


def test_a_directory_that_someone_makes_meanwhile_is_left_alone(tmp_path: Path) -> None:
    root = tmp_path / "root"
    stop = threading.Event()

    def keep_checking() -> None:
        while not stop.is_set():
            assert check(root) is None

    with ThreadPoolExecutor(1) as threads:
        checking = threads.submit(keep_checking)
        for number in range(200):
            root.mkdir(exist_ok=True)
            (root / str(number)).touch()
            (root / str(number)).unlink()
        stop.set()
        checking.result()
    assert everything_in(tmp_path) == ["root"]


def test_a_check_of_a_storage_that_hangs_is_given_up() -> None:
    released = threading.Event()

    def hang() -> None:
        released.wait()

    assert within(0.05, hang) == "it gave no answer within 0.05 seconds"
    released.set()


def test_a_check_that_is_given_up_does_not_keep_the_process(tmp_path: Path) -> None:
    code = (
        "import sys, threading\n"
        "from stardag.adapters.storage.deadline import within\n"
        "sys.stdout.write(within(0.05, lambda: threading.Event().wait() and None) or '')\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "it gave no answer within 0.05 seconds", "")


def test_a_local_check_needs_no_boto3() -> None:
    code = (
        "import sys\n"
        "from stardag.adapters.storage import LocalAndS3StorageCheck\n"
        "LocalAndS3StorageCheck().check('~', 10)\n"
        "sys.exit('boto3' in sys.modules or 'botocore' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.fixture
def public_directory() -> Generator[Path]:
    """A directory that every user reaches, unlike `tmp_path`."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o755)
        yield directory


def _check_as_somebody_else(directory: Path) -> str:
    """A check by a user whom permissions apply to, unlike root."""
    code = (
        "import os, sys\n"
        "from stardag.adapters.storage.local_directory import check_directory\n"
        "if os.geteuid() == 0:\n"
        "    os.setgroups([])\n"
        "    os.setgid(65534)\n"
        "    os.setuid(65534)\n"
        "sys.stdout.write(check_directory(sys.argv[1]) or 'fine')\n"
    )
    told = subprocess.run([sys.executable, "-c", code, str(directory)], capture_output=True, text=True, check=True)
    return told.stdout
