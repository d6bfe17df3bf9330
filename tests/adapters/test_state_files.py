"""What `state_files` promises beyond the port: its formats, its modes, and what it makes of files that are broken."""

import json
import os
import resource
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stardag.adapters.state_files import MOST_API_KEYS, StateFiles
from stardag.domain.configuration import StardagDirectory
from stardag.domain.errors import StateNotWritable
from stardag.domain.remembered import CachedRoots, WorkspaceIdentity

REGISTRY = "http://localhost:8000"
ORGANIZATION, WORKSPACE = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
ROOTS = CachedRoots(REGISTRY, ORGANIZATION, WORKSPACE, {"default": "s3://bucket/one/", "archive": "/data"}, '"e1"')
IDENTITY = WorkspaceIdentity(REGISTRY, ORGANIZATION, "my-org", WORKSPACE, "production", frozenset({"a1"}))
NAMES = ["target-root-cache.json", "id-cache.json", "sync-state.json"]

GUIDES_FORMAT = """[
  {
    "registry_url": "http://localhost:8000",
    "organization_id": "00000000-0000-4000-8000-000000000001",
    "workspace_id": "00000000-0000-4000-8000-000000000002",
    "target_roots": {
      "archive": "/data",
      "default": "s3://bucket/one/"
    }
  }
]
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home" / ".stardag"


@pytest.fixture
def directory(home: Path) -> StardagDirectory:
    return StardagDirectory(str(home), str(home))


@pytest.fixture
def no_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def fill(directory: StardagDirectory) -> None:
    StateFiles().remember_identity(directory, IDENTITY)
    StateFiles().remember_roots(directory, ROOTS)


def test_the_target_root_cache_is_exactly_the_guides_flat_array(directory: StardagDirectory, home: Path) -> None:
    fill(directory)
    assert (home / "target-root-cache.json").read_text() == GUIDES_FORMAT


def test_a_cache_in_the_guides_format_is_read_whoever_wrote_it(directory: StardagDirectory, home: Path) -> None:
    home.mkdir(parents=True)
    (home / "target-root-cache.json").write_text(json.dumps(json.loads(GUIDES_FORMAT.replace("8000", "8000/", 1))))
    remembered, notices = StateFiles().read(directory)
    assert (remembered.cached_roots, notices) == ((ROOTS._replace(etag=None),), ())


def test_the_id_cache_is_a_flat_array_of_ids_slugs_and_fingerprints(directory: StardagDirectory, home: Path) -> None:
    fill(directory)
    assert json.loads((home / "id-cache.json").read_text()) == [
        {
            "registry_url": REGISTRY,
            "organization_id": ORGANIZATION,
            "organization_slug": "my-org",
            "workspace_id": WORKSPACE,
            "workspace_slug": "production",
            "api_keys": ["a1"],
        }
    ]


def test_of_many_api_keys_the_newest_stay_known(directory: StardagDirectory) -> None:
    for number in range(MOST_API_KEYS + 3):
        StateFiles().remember_identity(directory, IDENTITY._replace(api_keys=frozenset({f"a{number}"})))
    (identity,) = StateFiles().read(directory)[0].identities
    assert identity.api_keys == {f"a{number}" for number in range(3, MOST_API_KEYS + 3)}


def test_an_etag_never_vouches_for_content_that_it_does_not_name(directory: StardagDirectory, home: Path) -> None:
    fill(directory)
    path = home / "target-root-cache.json"
    path.write_text(path.read_text().replace("/data", "/elsewhere"))
    (cached,) = StateFiles().read(directory)[0].cached_roots
    assert (cached.target_roots["archive"], cached.etag) == ("/elsewhere", None)
    path.write_text(GUIDES_FORMAT)
    assert StateFiles().read(directory)[0].cached_roots[0].etag == '"e1"'


def test_an_etag_that_cannot_stand_in_a_header_is_not_kept(directory: StardagDirectory) -> None:
    StateFiles().remember_roots(directory, ROOTS._replace(etag='"e1"\r\nX: y'))
    assert StateFiles().read(directory)[0].cached_roots == (ROOTS._replace(etag=None),)


@pytest.mark.usefixtures("no_umask")
def test_every_file_is_for_its_owner_alone_whatever_the_umask(directory: StardagDirectory, home: Path) -> None:
    fill(directory)
    assert stat.S_IMODE(home.stat().st_mode) == stat.S_IMODE(home.parent.stat().st_mode) == 0o700
    modes = {name: stat.S_IMODE((home / name).stat().st_mode) for name in os.listdir(home)}
    assert modes == dict.fromkeys([*NAMES, ".lock", ".gitignore"], 0o600)


def test_remembering_what_is_known_writes_nothing(directory: StardagDirectory, home: Path) -> None:
    fill(directory)
    before = {name: (home / name).stat().st_ino for name in NAMES}
    for name in (".lock", ".gitignore"):
        (home / name).unlink()
    fill(directory)
    assert {name: (home / name).stat().st_ino for name in os.listdir(home)} == before


def test_what_would_not_be_read_again_is_not_written(directory: StardagDirectory, home: Path) -> None:
    with pytest.raises(StateNotWritable, match="archive root"):
        StateFiles().remember_roots(directory, ROOTS._replace(target_roots={"archive root": "/data"}))
    with pytest.raises(StateNotWritable, match="workspace_id"):
        StateFiles().remember_identity(directory, IDENTITY._replace(workspace_id="production"))
    many = {f"root-{number}": f"/{number}/" + "long" * 250 for number in range(4200)}
    with pytest.raises(StateNotWritable, match="too large"):
        StateFiles().remember_roots(directory, ROOTS._replace(target_roots=many))
    assert not set(NAMES) & set(os.listdir(home))


def test_a_directory_that_cannot_be_made_is_an_error_and_reading_gives_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    directory = StardagDirectory(str(tmp_path / "file" / ".stardag"), str(tmp_path / "file" / ".stardag"))
    assert StateFiles().read(directory)[0].cached_roots == ()
    with pytest.raises(StateNotWritable):
        fill(directory)


ENTRY = json.loads(GUIDES_FORMAT)[0]
CORRUPT_ANYWHERE = {
    "empty": b"",
    "torn": GUIDES_FORMAT[:-7].encode(),
    "not UTF-8": b'["\xff"]',
    "zeros": bytes(300),
    "too deep": b"[" * 200_000,
    "too large": b" " * (4 * 1024 * 1024 + 1),
    "another type": b'"text"',
    "entries of another type": b"[1, null]",
    "not a number": b"NaN",
    "a huge number": b"9" * 10_000,
}
CORRUPT_CACHES = {
    "an object": json.dumps(ENTRY),
    "a missing key": json.dumps([{key: ENTRY[key] for key in ENTRY if key != "organization_id"}]),
    "an entry twice": json.dumps([ENTRY, {**ENTRY, "registry_url": REGISTRY + "/"}]),
    "a key twice": GUIDES_FORMAT.replace('"archive"', '"default"'),
    "no URL": json.dumps([{**ENTRY, "registry_url": "ftp://x"}]),
    "an id that is none": json.dumps([{**ENTRY, "workspace_id": "../../etc"}]),
    "roots in a list": json.dumps([{**ENTRY, "target_roots": ["/data"]}]),
    "a prefix of another type": json.dumps([{**ENTRY, "target_roots": {"default": 1}}]),
    "a prefix that steps upwards": json.dumps([{**ENTRY, "target_roots": {"default": "/data/../etc"}}]),
    "a relative prefix": json.dumps([{**ENTRY, "target_roots": {"default": "data"}}]),
    "a prefix with control characters": json.dumps([{**ENTRY, "target_roots": {"default": "/\u001b[2J"}}]),
    "half a character": json.dumps([{**ENTRY, "target_roots": {"default": "/\ud800"}}]),
    "a name that is a path": json.dumps([{**ENTRY, "target_roots": {"../x": "/data"}}]),
    "a name with two underscores": json.dumps([{**ENTRY, "target_roots": {"a__b": "/data"}}]),
}
CORRUPT_KINDS = {**CORRUPT_ANYWHERE, **{kind: text.encode() for kind, text in CORRUPT_CACHES.items()}}


@pytest.mark.parametrize("kind", CORRUPT_KINDS)
def test_a_corrupt_cache_is_absent_lost_named_and_set_aside(directory: StardagDirectory, home: Path, kind: str) -> None:
    fill(directory)
    path = home / "target-root-cache.json"
    path.write_bytes(CORRUPT_KINDS[kind])
    remembered, notices = StateFiles().read(directory)
    assert (remembered.cached_roots, remembered.is_lost) == ((), True)
    assert [notice.code for notice in notices] == ["state-set-aside"]
    assert str(path) in notices[0].message
    assert notices[0].message.isprintable()
    StateFiles().remember_roots(directory, ROOTS)
    remembered, notices = StateFiles().read(directory)
    assert (remembered.cached_roots, remembered.is_lost, notices) == ((ROOTS,), False, ())
    assert (home / "target-root-cache.json.corrupt-1").read_bytes() == CORRUPT_KINDS[kind]


@pytest.mark.parametrize("name", ["id-cache.json", "sync-state.json"])
@pytest.mark.parametrize("kind", CORRUPT_ANYWHERE)
def test_other_corrupt_files_are_absent_named_and_replaced(
    directory: StardagDirectory, home: Path, name: str, kind: str
) -> None:
    fill(directory)
    (home / name).write_bytes(CORRUPT_ANYWHERE[kind])
    remembered, notices = StateFiles().read(directory)
    assert [str(home / name) in notice.message for notice in notices] == [True]
    assert not remembered.is_lost
    assert [cached.target_roots for cached in remembered.cached_roots] == [ROOTS.target_roots]
    fill(directory)
    remembered, notices = StateFiles().read(directory)
    assert (remembered.cached_roots, remembered.identities, notices) == ((ROOTS,), (IDENTITY,), ())
    assert (home / f"{name}.corrupt-1").read_bytes() == CORRUPT_ANYWHERE[kind]


def test_something_else_than_a_file_is_set_aside_like_a_corrupt_one(directory: StardagDirectory, home: Path) -> None:
    home.mkdir(parents=True)
    os.mkfifo(home / "target-root-cache.json")
    (home / "id-cache.json").mkdir()
    assert StateFiles().read(directory)[0].is_lost
    assert StateFiles().set_aside_corrupt_roots(directory)
    fill(directory)
    assert StateFiles().read(directory)[0].cached_roots == (ROOTS,)


def test_a_cache_that_was_set_aside_is_lost_even_if_its_mover_is_killed_on_the_way(
    directory: StardagDirectory, home: Path
) -> None:
    fill(directory)
    (home / "target-root-cache.json").write_text("torn")
    assert StateFiles().set_aside_corrupt_roots(directory)
    # Killed between the two steps, the mark is there already and the file still is: the same answer.
    (home / "target-root-cache.json.corrupt-1").rename(home / "target-root-cache.json")
    assert StateFiles().read(directory)[0].is_lost
    (home / "target-root-cache.json").unlink()
    assert StateFiles().read(directory)[0].is_lost


def test_a_corrupt_cache_stays_lost_if_what_is_to_replace_it_cannot_be_written(
    directory: StardagDirectory, home: Path
) -> None:
    fill(directory)
    (home / "target-root-cache.json").write_text("torn")
    large = ROOTS._replace(target_roots={f"root-{number}": "/data" for number in range(500)})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))  # as on a full disk: small files still fit
    try:
        with pytest.raises(StateNotWritable, match="file too large"):
            StateFiles().remember_roots(directory, large)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    left = {".gitignore", ".lock", "id-cache.json", "sync-state.json", "target-root-cache.json.corrupt-1"}
    assert set(os.listdir(home)) == left
    assert StateFiles().read(directory)[0].is_lost


def test_reading_loads_no_library_that_only_writing_needs(directory: StardagDirectory) -> None:
    fill(directory)
    probe = (
        "import sys; from stardag.adapters.state_files import StateFiles;"
        "from stardag.domain.configuration import StardagDirectory;"
        "assert StateFiles().read(StardagDirectory(*sys.argv[1:]))[0].cached_roots;"
        "print(sorted({'filelock', 'asyncio', 'pydantic', 'httpx', 'logging'} & set(sys.modules)))"
    )
    arguments = [sys.executable, "-c", probe, directory.path, directory.user_path]
    assert subprocess.run(arguments, capture_output=True, text=True, check=True).stdout == "[]\n"
