"""What every keeper of the port `Trust` promises, the fake as well as the real one."""

import os
from pathlib import Path

import pytest

from stardag.adapters.trust_file import TrustFile
from stardag.app.ports import Trust
from tests.fakes.trust import FakeTrust


@pytest.fixture(params=["fake", "file"])
def trust(request: pytest.FixtureRequest, tmp_path: Path) -> Trust:
    return FakeTrust() if request.param == "fake" else TrustFile(str(tmp_path / "home" / ".stardag"))


def test_nothing_is_trusted_at_first(trust: Trust, tmp_path: Path) -> None:
    assert not trust.is_trusted(str(tmp_path / "config.toml"))
    assert not trust.is_trusted_origin(str(tmp_path / "config.toml"), "https://api.stardag.com")


def test_a_trusted_file_is_trusted_and_no_other(trust: Trust, tmp_path: Path) -> None:
    trust.trust(str(tmp_path / "one" / "config.toml"), [])
    assert trust.is_trusted(str(tmp_path / "one" / "config.toml"))
    assert not trust.is_trusted(str(tmp_path / "two" / "config.toml"))


def test_an_origin_is_trusted_only_for_the_file_that_named_it(trust: Trust, tmp_path: Path) -> None:
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    trust.trust(one, ["https://one.example/api", "http://localhost:8000"])
    trust.trust(two, ["https://two.example"])
    assert trust.is_trusted_origin(one, "https://one.example/elsewhere")
    assert trust.is_trusted_origin(one, "http://localhost:8000")
    assert not trust.is_trusted_origin(one, "https://two.example")
    assert not trust.is_trusted_origin(one, "http://one.example/api")
    assert not trust.is_trusted_origin(one, "http://localhost:8001")
    assert trust.is_trusted_origin(two, "https://two.example")


def test_trusting_again_replaces_the_origins_named_before(trust: Trust, tmp_path: Path) -> None:
    path = str(tmp_path / "config.toml")
    trust.trust(path, ["https://old.example"])
    trust.trust(path, ["https://new.example"])
    assert trust.is_trusted_origin(path, "https://new.example")
    assert not trust.is_trusted_origin(path, "https://old.example")


def test_a_file_is_the_same_by_whichever_path(trust: Trust, tmp_path: Path) -> None:
    project, link = tmp_path / "project", tmp_path / "link"
    project.mkdir()
    link.symlink_to(project)
    trust.trust(str(link / "config.toml"), ["https://one.example"])
    assert trust.is_trusted(str(project / "config.toml"))
    assert trust.is_trusted_origin(os.path.join(project, "..", "project", "config.toml"), "https://one.example")
