"""What `state_files.sign_ins` promises beyond the port: its formats, its modes, and what it refuses to use."""

import json
import os
import resource
import shutil
import stat
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stardag.adapters.state_files.sign_ins import SignInFiles
from stardag.domain.configuration import StardagDirectory
from stardag.domain.credentials import Secret
from stardag.domain.errors import StateNotWritable
from stardag.domain.registry_errors import UnusableSecrets
from stardag.domain.sign_in import AccessToken, SignIn, Silence
from tests.watched_system_calls import watched

URL = "http://localhost:8000"
REFRESH, SUCCESSOR, ACCESS = "refresh-0a1b2c3d4e5f", "refresh-successor-9f8e", "access-5d6c7b8a9f"
TOKEN = AccessToken(Secret(ACCESS), 1_700_000_600.5)
SILENCE = Silence(1_700_000_000.0, "no answer within 10 seconds")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home" / ".stardag"


@pytest.fixture
def directory(home: Path) -> StardagDirectory:
    return StardagDirectory(str(home), str(home))


@pytest.fixture
def files(home: Path) -> SignInFiles:
    return SignInFiles(str(home))


@pytest.fixture
def sign_in(home: Path) -> SignIn:
    return SignIn(str(home), "local", URL, f"{URL}/oauth/token", "stardag-cli", Secret(REFRESH))


@pytest.fixture
def credentials(home: Path) -> Path:
    return home / "credentials" / "local.json"


@pytest.fixture
def cached(home: Path) -> Path:
    return home / "access-token-cache" / "local__default.json"


@pytest.fixture
def filled(files: SignInFiles, directory: StardagDirectory, sign_in: SignIn) -> SignInFiles:
    files.keep(directory, sign_in)
    files.keep_access_token(sign_in, "default", TOKEN)
    return files


@pytest.fixture
def no_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def refusal(act: Callable[[], object]) -> UnusableSecrets:
    with pytest.raises(UnusableSecrets) as caught:
        act()
    return caught.value


def follow(error: UnusableSecrets) -> None:
    """Do what an error says."""
    command = error.fix.partition(": ")[2]
    assert command.startswith(("chmod ", "rm "))
    subprocess.run(command, shell=True, check=True)


def everything(files: SignInFiles, directory: StardagDirectory, sign_in: SignIn) -> None:
    """Each way to change something, one after the other."""
    files.check_writable(directory)
    files.keep(directory, sign_in)
    with files.alone(sign_in, 5):
        successor = files.replace_refresh_token(sign_in, Secret(SUCCESSOR))
        files.keep_access_token(successor, "default", TOKEN)
        files.note_silence(successor, SILENCE)
    files.keep(directory, sign_in)
    files.note_silence(sign_in, None)
    files.keep_access_token(sign_in, "default", TOKEN)
    files.remove(sign_in)
    files.remove_unusable(directory, "local")


def test_the_files_have_exactly_the_guides_keys(filled: SignInFiles, credentials: Path, cached: Path) -> None:
    assert json.loads(credentials.read_text()) == {
        "refresh_token": REFRESH,
        "token_endpoint": f"{URL}/oauth/token",
        "client_id": "stardag-cli",
        "registry_url": URL,
    }
    assert json.loads(cached.read_text()) == {"access_token": ACCESS, "expires_at": 1_700_000_600.5}


def test_files_are_read_whoever_wrote_them_and_other_keys_have_no_effect(
    filled: SignInFiles, directory: StardagDirectory, sign_in: SignIn, credentials: Path, cached: Path
) -> None:
    written = json.loads(credentials.read_text())
    credentials.write_text(json.dumps({**written, "registry_url": "HTTP://LocalHost:8000/", "scope": ["openid"]}))
    cached.write_text(json.dumps({"expires_at": 1, "access_token": "other", "note": None}))
    assert filled.find(directory, "local", URL) == sign_in
    assert filled.access_token(sign_in, "default") == AccessToken(Secret("other"), 1.0)


@pytest.mark.usefixtures("no_umask")
@pytest.mark.parametrize("is_project", [False, True])
def test_nothing_is_open_to_others_at_any_moment_whatever_the_umask(
    home: Path, tmp_path: Path, files: SignInFiles, sign_in: SignIn, is_project: bool
) -> None:
    path = tmp_path / "project" / ".stardag" if is_project else home
    seen: set[str] = set()

    def look() -> None:
        for folder, _, names in os.walk(tmp_path):
            for entry in (folder, *(os.path.join(folder, name) for name in names)):
                if os.path.basename(entry) != ".gitignore":
                    assert stat.S_IMODE(os.lstat(entry).st_mode) & 0o077 == 0, entry
                    seen.add(os.path.basename(entry))

    tmp_path.chmod(0o700)
    sign_in = sign_in._replace(directory=str(path))
    watched(lambda: everything(files, StardagDirectory(str(path), str(home)), sign_in), look)
    assert {"local.json", "local__default.json", ".local.lock", "credentials", "access-token-cache"} <= seen
    assert any(name.endswith(".tmp") for name in seen)


def test_checking_and_signing_out_leave_no_secret_and_no_trial_behind(
    files: SignInFiles, directory: StardagDirectory, sign_in: SignIn, home: Path
) -> None:
    files.check_writable(directory)
    assert {path.name for path in home.rglob("*")} == {".gitignore", "credentials", "access-token-cache", ".lock"}
    everything(files, directory, sign_in)
    names = {str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()}
    assert {name for name in names if not name.endswith(".lock")} == {".gitignore"}


@pytest.mark.parametrize("bits", [0o040, 0o004, 0o020, 0o002, 0o060, 0o007, 0o777])
def test_a_file_that_others_can_use_is_refused_and_the_command_named_mends_it(
    filled: SignInFiles, directory: StardagDirectory, sign_in: SignIn, credentials: Path, cached: Path, bits: int
) -> None:
    for path, act in (
        (credentials, lambda: filled.find(directory, "local", URL)),
        (cached, lambda: filled.access_token(sign_in, "default")),
    ):
        path.chmod(0o600 | bits)
        error = refusal(act)
        assert (error.path, f"chmod 600 {path}" in error.fix) == (str(path), True)
        follow(error)
        assert act() in (sign_in, TOKEN)


@pytest.mark.parametrize("bits", [0o040, 0o001, 0o022, 0o055, 0o077])
def test_a_directory_that_others_can_use_is_refused_and_the_command_named_mends_it(
    filled: SignInFiles, directory: StardagDirectory, sign_in: SignIn, credentials: Path, cached: Path, bits: int
) -> None:
    for path, act in (
        (credentials, lambda: filled.find(directory, "local", URL)),
        (cached, lambda: filled.access_token(sign_in, "default")),
    ):
        path.parent.chmod(0o700 | bits)
        error = refusal(act)
        assert (error.path, f"chmod 700 {path.parent}" in error.fix) == (str(path.parent), True)
        follow(error)
        assert act() in (sign_in, TOKEN)


def test_a_command_that_is_named_can_be_pasted_whatever_the_path(tmp_path: Path, sign_in: SignIn) -> None:
    home = tmp_path / "it's; a $(strange) home"
    files, directory = SignInFiles(str(home)), StardagDirectory(str(home), str(home))
    files.keep(directory, sign_in)
    (home / "credentials" / "local.json").chmod(0o644)
    follow(refusal(lambda: files.find(directory, "local", URL)))
    assert files.find(directory, "local", URL) is not None


@pytest.mark.usefixtures("no_umask")
def test_signing_in_again_closes_directories_that_were_open(
    filled: SignInFiles, directory: StardagDirectory, sign_in: SignIn, credentials: Path, cached: Path
) -> None:
    for path in (credentials, cached):
        path.parent.chmod(0o777)
        path.chmod(0o666)
    filled.keep(directory, sign_in)
    filled.keep_access_token(sign_in, "default", TOKEN)
    assert filled.find(directory, "local", URL) == sign_in
    assert filled.access_token(sign_in, "default") == TOKEN


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("which", ["file", "directory"])
def test_what_belongs_to_another_user_is_refused(
    filled: SignInFiles, directory: StardagDirectory, sign_in: SignIn, credentials: Path, cached: Path, which: str
) -> None:
    for path, act in (
        (credentials, lambda: filled.find(directory, "local", URL)),
        (cached, lambda: filled.access_token(sign_in, "default")),
    ):
        given = path if which == "file" else path.parent
        os.chown(given, 12345, -1)
        error = refusal(act)
        assert (error.path, "belongs to another user" in error.message) == (str(given), True)
        if which == "directory":
            with pytest.raises(StateNotWritable, match="belongs to another user"):
                filled.keep(directory, sign_in)
        os.chown(given, 0, -1)


def test_a_link_is_refused_and_replaced_and_what_it_leads_to_stays(
    filled: SignInFiles, directory: StardagDirectory, sign_in: SignIn, credentials: Path, cached: Path, tmp_path: Path
) -> None:
    for path in (credentials, cached):
        path.rename(tmp_path / path.name)
        path.symlink_to(tmp_path / path.name)
    error = refusal(lambda: filled.find(directory, "local", URL))
    assert (error.path, "is a link" in error.message) == (str(credentials), True)
    assert filled.access_token(sign_in, "default") is None
    filled.keep(directory, sign_in._replace(refresh_token=Secret(SUCCESSOR)))
    assert not credentials.is_symlink()
    assert not cached.is_symlink()
    assert REFRESH in (tmp_path / credentials.name).read_text()
    assert (tmp_path / cached.name).exists()


def test_a_folder_that_is_a_link_is_neither_read_nor_written(
    filled: SignInFiles, directory: StardagDirectory, sign_in: SignIn, credentials: Path, tmp_path: Path
) -> None:
    folder = credentials.parent
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    before = (tmp_path / "elsewhere" / "local.json").read_bytes()
    error = refusal(lambda: filled.find(directory, "local", URL))
    assert (error.path, "is a link" in error.message) == (str(folder), True)
    acts: list[Callable[[], object]] = [
        lambda: filled.keep(directory, sign_in._replace(refresh_token=Secret(SUCCESSOR))),
        lambda: filled.remove(sign_in),
        lambda: filled.check_writable(directory),
    ]
    for act in acts:
        with pytest.raises(StateNotWritable, match="is a link"):
            act()
    assert (tmp_path / "elsewhere" / "local.json").read_bytes() == before
    follow(error)
    filled.keep(directory, sign_in)
    assert filled.find(directory, "local", URL) == sign_in


def test_the_users_own_stardag_directory_may_be_a_link(tmp_path: Path, sign_in: SignIn) -> None:
    (tmp_path / "dotfiles").mkdir()
    home = tmp_path / ".stardag"
    home.symlink_to("dotfiles")
    files, directory = SignInFiles(str(home)), StardagDirectory(str(home), str(home))
    files.keep(directory, sign_in._replace(directory=str(home)))
    assert files.find(directory, "local", URL) == sign_in._replace(directory=str(home))


SOUND = {
    "refresh_token": REFRESH,
    "token_endpoint": f"{URL}/oauth/token",
    "client_id": "stardag-cli",
    "registry_url": URL,
}
SOUND_TOKEN: dict[str, object] = {"access_token": ACCESS, "expires_at": 1_700_000_600}
BROKEN_ANYWHERE: dict[str, bytes] = {
    "empty": b"",
    "torn": b'{"refresh_token": "' + REFRESH.encode(),
    "not UTF-8": b'{"\xff": 1}',
    "zeros": bytes(300),
    "too deep": b"[" * 60_000,
    "too large": b"{}" + b" " * (64 * 1024),
    "an array": b"[]",
    "a text": b'"text"',
    "a huge number": b"9" * 10_000,
    "a key twice": json.dumps(SOUND | SOUND_TOKEN)[:-1].encode() + b', "client_id": "b", "expires_at": 1}',
    "a byte order mark": b"\xef\xbb\xbf" + json.dumps(SOUND | SOUND_TOKEN).encode(),
}


def altered(sound: "dict[str, object] | dict[str, str]", key: str, *values: object) -> dict[str, bytes]:
    without = {name: value for name, value in sound.items() if name != key}
    kinds = {f"no {key}": without} | {f"{key} {value!r:.40}": {**sound, key: value} for value in values}
    return {kind: json.dumps(document).encode() for kind, document in kinds.items()}


NO_TEXTS = (None, 1, True, [REFRESH], {"token": REFRESH})
BROKEN_SIGN_INS = {
    **BROKEN_ANYWHERE,
    **altered(SOUND, "refresh_token", *NO_TEXTS, "", "with blank", "line\nbreak", "t\u00f6ken", "\ud800", "x" * 16385),
    **altered(SOUND, "client_id", *NO_TEXTS, "", "x" * 513, "line\nbreak", "caf\u00e9"),
    **altered(
        SOUND,
        "registry_url",
        *NO_TEXTS,
        "",
        "ftp://x",
        "https://user:word@x",
        "https://x?y",
        "//x",
        "x" * 3000,
        "\ud800",
    ),
    **altered(
        SOUND,
        "token_endpoint",
        *NO_TEXTS,
        "",
        "ftp://localhost/token",
        "https://user:word@localhost/token",
        "https:///token",
        "https://localhost:port/token",
        "https://localhost/token#fragment",
        "https://local host/token",
        "https://localhost\\@evil.example/token",
        "https://localhost/\ntoken",
        "http://issuer.example/token",
        "http://127.0.0.1.evil.example/token",
        "https://[::1/token",
        "https://localhost/" + "x" * 3000,
    ),
}
BROKEN_TOKENS = {
    **BROKEN_ANYWHERE,
    **altered(SOUND_TOKEN, "access_token", *NO_TEXTS, "", "with blank", "line\nbreak", "x" * 16385),
    **altered(SOUND_TOKEN, "expires_at", None, True, "1700000600", [1], -1, -0.5, float("nan"), float("inf"), 10**400),
    "expires_at out of range": b'{"access_token": "a", "expires_at": 1e999}',
}


@pytest.mark.parametrize("kind", BROKEN_SIGN_INS)
def test_a_broken_sign_in_is_refused_named_and_mended_by_signing_in_again(
    filled: SignInFiles, directory: StardagDirectory, sign_in: SignIn, credentials: Path, kind: str
) -> None:
    credentials.write_bytes(BROKEN_SIGN_INS[kind])
    error = refusal(lambda: filled.find(directory, "local", URL))
    assert error.path == str(credentials)
    assert error.fix == "Sign in again with: stardag auth login --registry local"
    assert error.message.isprintable()
    assert not filled.has_signed_in(directory, URL)
    filled.check_writable(directory)
    filled.keep(directory, sign_in)
    assert filled.find(directory, "local", URL) == sign_in


@pytest.mark.parametrize("kind", BROKEN_TOKENS)
def test_a_broken_access_token_counts_as_absent_and_is_replaced(
    filled: SignInFiles, sign_in: SignIn, cached: Path, kind: str
) -> None:
    cached.write_bytes(BROKEN_TOKENS[kind])
    assert filled.access_token(sign_in, "default") is None
    filled.keep_access_token(sign_in, "default", TOKEN)
    assert filled.access_token(sign_in, "default") == TOKEN


def link_to_nothing(path: Path) -> None:
    path.symlink_to("nowhere")


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, link_to_nothing])
def test_what_is_no_file_in_place_of_an_access_token_counts_as_absent(
    filled: SignInFiles, sign_in: SignIn, cached: Path, make: Callable[[Path], None]
) -> None:
    cached.unlink()
    make(cached)
    assert filled.access_token(sign_in, "default") is None


def test_a_broken_access_token_that_others_can_read_is_refused_all_the_same(
    filled: SignInFiles, sign_in: SignIn, cached: Path
) -> None:
    cached.write_bytes(b"torn")
    cached.chmod(0o644)
    assert "can be read or written by others" in refusal(lambda: filled.access_token(sign_in, "default")).message


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_what_is_no_regular_file_is_refused_and_keeps_nobody_waiting(
    filled: SignInFiles, directory: StardagDirectory, credentials: Path, make: Callable[[Path], None]
) -> None:
    credentials.unlink()
    make(credentials)
    assert "is no regular file" in refusal(lambda: filled.find(directory, "local", URL)).message


def test_sound_variants_are_read(filled: SignInFiles, directory: StardagDirectory, credentials: Path) -> None:
    for url, endpoint in (
        (URL, "https://issuer.example/realms/a/protocol/token/?tenant=1"),
        (URL, "http://127.0.0.1:9/token"),
        ("http://registry.example", "http://issuer.example/token"),  # the user's own file allows plain http for it
        ("https://registry.example/api", "https://[2001:db8::1]:8443/token"),
    ):
        document = {**SOUND, "registry_url": url, "token_endpoint": endpoint, "refresh_token": "x" * 16384}
        credentials.write_text(json.dumps(document))
        found = filled.find(directory, "local", url)
        assert found is not None
        assert (found.token_endpoint, found.refresh_token) == (endpoint, Secret("x" * 16384))


def test_what_would_not_be_read_again_is_not_written(
    filled: SignInFiles, directory: StardagDirectory, sign_in: SignIn, credentials: Path, cached: Path
) -> None:
    before = credentials.read_bytes(), cached.read_bytes()
    for broken in (
        sign_in._replace(refresh_token=Secret("with blank")),
        sign_in._replace(token_endpoint="http://issuer.example/token"),
        sign_in._replace(client_id=""),
    ):
        with pytest.raises(StateNotWritable, match="it would be corrupt"):
            filled.keep(directory, broken)
    with pytest.raises(StateNotWritable, match="it would be corrupt"):
        filled.replace_refresh_token(sign_in, Secret(""))
    for token in (TOKEN._replace(token=Secret("")), TOKEN._replace(expires_at=float("nan"))):
        with pytest.raises(StateNotWritable, match="it would be corrupt"):
            filled.keep_access_token(sign_in, "default", token)
    assert (credentials.read_bytes(), cached.read_bytes()) == before


def test_files_under_other_names_are_no_sign_ins(
    filled: SignInFiles, directory: StardagDirectory, sign_in: SignIn, credentials: Path
) -> None:
    for name in ("Local.json", "local.json.corrupt-1", "local__default.json", ".local.json", "notes"):
        shutil.copy(credentials, credentials.with_name(name))
    assert list(filled.all_in(directory)) == [sign_in]


def secrets_in(error: BaseException | None) -> bool:
    """Whether a secret stands anywhere in an error, or in one that led to it."""
    shown = [] if error is None else traceback.format_exception(error)
    while error is not None:
        shown += [str(error), repr(error), repr(error.args)]
        error = error.__cause__ or error.__context__
    return any(secret in text for text in shown for secret in (REFRESH, SUCCESSOR, ACCESS))


def test_no_error_shows_anything_of_a_secret(
    filled: SignInFiles, directory: StardagDirectory, sign_in: SignIn, credentials: Path, cached: Path
) -> None:
    everywhere = dict.fromkeys(SOUND, f"{REFRESH}é")
    contents = [
        *BROKEN_SIGN_INS.values(),
        *(json.dumps({**SOUND, key: value}).encode() for key, value in everywhere.items()),
        json.dumps({REFRESH: REFRESH}).encode(),
        json.dumps({**SOUND, "registry_url": f"https://user:{REFRESH}@x"}).encode(),
        json.dumps({**SOUND, "token_endpoint": f"https://{REFRESH}:{REFRESH}/"}).encode(),
        f'{{"refresh_token": "{REFRESH}", "refresh_token": "{REFRESH}"}}'.encode(),
        f'{{"refresh_token": "{REFRESH}\\q"}}'.encode(),
        f'{{"refresh_token": {REFRESH}}}'.encode(),
    ]
    for content in contents:
        credentials.write_bytes(content)
        assert not secrets_in(refusal(lambda: filled.find(directory, "local", URL)))
    for content in (*BROKEN_TOKENS.values(), f'{{"access_token": "{ACCESS}", "expires_at": "{ACCESS}"}}'.encode()):
        cached.write_bytes(content)
        assert filled.access_token(sign_in, "default") is None
    shutil.rmtree(credentials.parent)
    credentials.parent.write_text("in the way")
    for act in (
        lambda: filled.keep(directory, sign_in),
        lambda: filled.replace_refresh_token(sign_in, Secret(SUCCESSOR)),
        lambda: filled.keep_access_token(sign_in, "default", TOKEN),
        lambda: filled.keep_access_token(sign_in, "default", TOKEN._replace(token=Secret(ACCESS + "\n"))),
        lambda: filled.keep(directory, sign_in._replace(refresh_token=Secret(REFRESH + "\u00e9"))),
    ):
        with pytest.raises(StateNotWritable) as caught:
            act()
        assert not secrets_in(caught.value)


def test_on_a_full_disk_what_stood_there_stays(
    filled: SignInFiles, directory: StardagDirectory, sign_in: SignIn, credentials: Path, cached: Path
) -> None:
    before = credentials.read_bytes(), cached.read_bytes()
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        for size in (0, 1, 40, 100):
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, limit[1]))
            for act in (
                lambda: filled.check_writable(directory),
                lambda: filled.replace_refresh_token(sign_in, Secret(SUCCESSOR)),
                lambda: filled.keep_access_token(sign_in, "default", TOKEN._replace(token=Secret("x" * 100))),
            ):
                with pytest.raises(StateNotWritable, match="file too large"):
                    act()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert (credentials.read_bytes(), cached.read_bytes()) == before
    assert {path.name for path in credentials.parent.iterdir()} == {"local.json", ".lock"}
    assert {path.name for path in cached.parent.iterdir()} == {"local__default.json", ".lock"}


def test_a_directory_that_cannot_be_made_is_an_error_and_reading_gives_nothing(tmp_path: Path, sign_in: SignIn) -> None:
    (tmp_path / "file").write_text("")
    home = str(tmp_path / "file" / ".stardag")
    files, directory, sign_in = SignInFiles(home), StardagDirectory(home, home), sign_in._replace(directory=home)
    assert files.find(directory, "local", URL) is None
    files.note_silence(sign_in, SILENCE)
    assert files.silence(sign_in) is None
    acts: list[Callable[[], object]] = [
        lambda: files.check_writable(directory),
        lambda: files.keep(directory, sign_in),
    ]
    for act in acts:
        with pytest.raises(StateNotWritable):
            act()
    with pytest.raises(StateNotWritable), files.alone(sign_in, 1):
        pass


def test_what_a_killed_writer_left_half_written_goes_with_the_next_change(
    filled: SignInFiles, directory: StardagDirectory, sign_in: SignIn, credentials: Path, cached: Path
) -> None:
    left = [path.with_name(".stardag-0123456789abcdef.tmp") for path in (credentials, cached)]
    for path in left:
        path.write_text(REFRESH)
    filled.remove(sign_in)
    assert not any(path.exists() for path in left)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"token_endpoint": "http://localhost:8000/oauth/token", "at": NaN, "reason": "x"}',
        b'{"token_endpoint": "http://localhost:8000/oauth/token", "at": 1, "reason": "\\u001b[2J"}',
        b'{"token_endpoint": "http://localhost:8000/oauth/token", "at": 1, "reason": 7}',
        b" " * 100_000,
    ],
)
def test_a_broken_note_of_silence_counts_as_absent(
    filled: SignInFiles, sign_in: SignIn, home: Path, content: bytes
) -> None:
    filled.note_silence(sign_in, SILENCE)
    (note,) = [path for path in home.rglob("*") if path.is_file() and b"10 seconds" in path.read_bytes()]
    assert not {"credentials", "access-token-cache"} & set(note.parts)
    note.write_bytes(content)
    assert filled.silence(sign_in) is None
    filled.note_silence(sign_in, SILENCE)
    assert filled.silence(sign_in) == SILENCE


def test_a_note_of_silence_can_be_shown_whatever_was_said(filled: SignInFiles, sign_in: SignIn) -> None:
    filled.note_silence(sign_in, Silence(1.0, "no\x1b[2J answer\n" + "x" * 5000))
    noted = filled.silence(sign_in)
    assert noted is not None
    assert noted.reason.isprintable()
    assert len(noted.reason) == 1000


def test_reading_loads_no_library_that_only_writing_needs(filled: SignInFiles, directory: StardagDirectory) -> None:
    probe = (
        "import sys; from stardag.adapters.state_files.sign_ins import SignInFiles;"
        "from stardag.domain.configuration import StardagDirectory;"
        f"assert SignInFiles(sys.argv[2]).find(StardagDirectory(*sys.argv[1:]), 'local', {URL!r});"
        "print(sorted({'filelock', 'asyncio', 'pydantic', 'httpx', 'logging'} & set(sys.modules)))"
    )
    arguments = [sys.executable, "-c", probe, directory.path, directory.user_path]
    assert subprocess.run(arguments, capture_output=True, text=True, check=True).stdout == "[]\n"


def test_who_only_reads_other_state_loads_nothing_of_this() -> None:
    probe = (
        "import sys; from stardag.adapters.state_files import StateFiles;"
        "from stardag.domain.configuration import StardagDirectory;"
        "StateFiles().read(StardagDirectory('/nowhere', '/nowhere/else'));"
        "print([name for name in sys.modules if 'sign_in' in name or 'secret' in name or name == 'threading'])"
    )
    assert subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True).stdout == "[]\n"
