"""What `trust_file` promises beyond the port: whose record counts, and that none is thrown away."""

import json
import os
import stat
from pathlib import Path

import pytest

from stardag.adapters.trust_file import TrustFile
from stardag.domain.errors import StateNotWritable


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    TrustFile(str(home)).trust(str(tmp_path / "config.toml"), ["https://one.example/api"])
    return home


def trusts(home: Path, tmp_path: Path) -> bool:
    trust, path = TrustFile(str(home)), str(tmp_path / "config.toml")
    answer = trust.is_trusted(path)
    assert trust.is_trusted_origin(path, "https://one.example/api") == answer
    return answer


def refusal(home: Path, tmp_path: Path) -> str:
    with pytest.raises(StateNotWritable) as caught:
        TrustFile(str(home)).trust(str(tmp_path / "other.toml"), [])
    return caught.value.message


def test_the_record_holds_real_paths_and_origins_for_the_user_alone(home: Path, tmp_path: Path) -> None:
    entries = json.loads((home / "trust.json").read_text())
    assert entries == [{"path": str(tmp_path / "config.toml"), "origins": ["https://one.example"]}]
    assert stat.S_IMODE((home / "trust.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert trusts(home, tmp_path)


def test_asking_makes_nothing(tmp_path: Path) -> None:
    assert not trusts(tmp_path / "home", tmp_path)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[1]",
        b"\xff",
        b"[" * 100_000,
        b'[{"path": "/x"}]',
        b'[{"path": "x", "origins": []}]',
        b'[{"path": "/x", "origins": [1]}]',
        b'[{"path": "/x", "origins": []}, {"path": "/x", "origins": []}]',
        b" " * (1024 * 1024 + 1),
    ],
)
def test_a_corrupt_record_trusts_nothing_and_is_not_overwritten(home: Path, tmp_path: Path, content: bytes) -> None:
    (home / "trust.json").write_bytes(content)
    assert not trusts(home, tmp_path)
    assert str(home / "trust.json") in refusal(home, tmp_path)
    assert (home / "trust.json").read_bytes() == content


@pytest.mark.parametrize("bits", [0o020, 0o002])
def test_a_record_that_others_may_write_does_not_count(home: Path, tmp_path: Path, bits: int) -> None:
    (home / "trust.json").chmod(0o600 | bits)
    assert not trusts(home, tmp_path)
    assert "others may write it" in refusal(home, tmp_path)


@pytest.mark.parametrize("bits", [0o020, 0o002])
def test_a_record_in_a_directory_that_others_may_write_does_not_count(home: Path, tmp_path: Path, bits: int) -> None:
    home.chmod(0o700 | bits)
    assert not trusts(home, tmp_path)
    assert "others may write it" in refusal(home, tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("name", [".", "trust.json"])
def test_a_record_of_another_users_does_not_count(home: Path, tmp_path: Path, name: str) -> None:
    os.chown(home / name, 12345, -1)
    assert not trusts(home, tmp_path)
    assert "belongs to another user" in refusal(home, tmp_path)


def test_a_record_that_is_a_link_does_not_count(home: Path, tmp_path: Path) -> None:
    (home / "trust.json").rename(tmp_path / "elsewhere.json")
    (home / "trust.json").symlink_to(tmp_path / "elsewhere.json")
    assert not trusts(home, tmp_path)
    assert "is a link" in refusal(home, tmp_path)


def test_a_path_of_bytes_that_are_no_text_can_be_trusted(home: Path, tmp_path: Path) -> None:
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xff/config.toml")
    TrustFile(str(home)).trust(path, [])
    assert TrustFile(str(home)).is_trusted(path)
    assert trusts(home, tmp_path)
