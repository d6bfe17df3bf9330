"""`config.toml`: which one counts, whom it may belong to, and every way in which one can be wrong."""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stardag.adapters.toml_config import TomlConfigurationFiles
from stardag.adapters.toml_config.document import SIZE_MAXIMUM, Document, read_document
from stardag.app.configuration_files import Edit
from stardag.domain.errors import InvalidFile, NoProjectFile, UnsafeFile, UntrustedFile
from stardag.domain.layers import Layer, NoticeLog
from tests.fakes.trust import FakeTrust

ADD = Edit(("registry", "other"), {"url": "https://other.example.com"})

UNKNOWN_IN_WRONG = [
    ('[registry.x]\nulr = "https://x.example"\n', "registry.x.ulr is not known. (did you mean 'url'?)"),
    (
        '[profiles.x]\nregistry = "central"\n[default]\nprofile = "x"\n',
        "profiles is not known. (did you mean 'profile'?)",
    ),
    ('[default]\nprofil = "x"\n[registry]\nx = 1\n', "default.profil is not known. (did you mean 'profile'?)"),
]

PATH = "/srv/project/.stardag/config.toml"


@dataclass(frozen=True)
class Machine:
    """A home and a place to work, and the trust of its user."""

    root: Path
    trust: FakeTrust

    @property
    def home(self) -> Path:
        return self.root / "home"

    def files(self, working_directory: str = "work", user_directory: str = "home/.stardag") -> TomlConfigurationFiles:
        folder = self.root / working_directory
        folder.mkdir(parents=True, exist_ok=True)
        return TomlConfigurationFiles(str(folder), str(self.root / user_directory), str(self.home), self.trust)

    def write(self, folder: str, text: str = "") -> str:
        path = self.root / folder / ".stardag" / "config.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return str(path)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    for name in ("home", "work"):
        (tmp_path / name).mkdir()
    return Machine(tmp_path, FakeTrust())


def test_the_nearest_project_at_or_above_the_working_directory_counts(machine: Machine) -> None:
    outer, inner = machine.write("work"), machine.write("work/a/b")
    assert machine.files("work").find().project == outer
    assert machine.files("work/a").find().project == outer
    assert machine.files("work/a/b").find().project == inner
    assert machine.files("work/a/b/c/d").find().project == inner
    assert machine.files("home").find().project is None


def test_a_stardag_directory_without_a_file_is_no_project(machine: Machine) -> None:
    outer = machine.write("work")
    (machine.root / "work" / "a" / ".stardag").mkdir(parents=True)
    assert machine.files("work/a").find().project == outer


def test_the_users_own_directory_is_never_a_project(machine: Machine) -> None:
    own = machine.write("home")
    found = machine.files("home/deep/down").find()
    assert (found.project, found.in_force, found.user_exists) == (None, own, True)


def test_nor_is_the_home_directorys_when_the_users_own_is_elsewhere(machine: Machine) -> None:
    machine.write("home")
    found = machine.files("home/work", user_directory="elsewhere").find()
    assert found.project is None
    assert found.in_force == str(machine.root / "elsewhere" / "config.toml")


def test_nor_where_a_link_leads_to_it(machine: Machine) -> None:
    machine.write("home")
    (machine.root / "work" / ".stardag").symlink_to(machine.home / ".stardag")
    assert machine.files("work").find().project is None


def test_a_project_below_the_home_directory_is_one(machine: Machine) -> None:
    machine.write("home")
    project = machine.write("home/work")
    assert machine.files("home/work/src").find().in_force == project


def test_a_section_in_pyproject_is_pointed_out_and_not_read(machine: Machine) -> None:
    pyproject = machine.root / "work" / "pyproject.toml"
    pyproject.write_text("[tool.stardag]\nregistry = 1\n")
    assert machine.files("work/src").find().pyproject == str(pyproject)
    assert machine.files("work/src").read().file is None
    for text in ("[tool.ruff]\n", "tool = 1\n", "not toml", "[" * 5000, "\0"):
        pyproject.write_text(text)
        assert machine.files("work/src").find().pyproject is None
    assert machine.files("home").find().pyproject is None


def test_a_file_that_everyone_may_write_is_refused_until_it_is_trusted(machine: Machine) -> None:
    path = machine.write("work", '[registry.local]\nurl = "http://localhost:1"\n')
    os.chmod(path, 0o646)
    with pytest.raises(UntrustedFile, match=f"everyone may write {path}") as caught:
        machine.files().read()
    assert caught.value.fix.endswith(f"stardag trust {path}")
    with pytest.raises(UntrustedFile):
        machine.files().problems()
    machine.trust.trust(path, [])
    assert machine.files().read().file is not None


def test_nor_may_everyone_write_its_directory(machine: Machine) -> None:
    path = machine.write("work")
    os.chmod(os.path.dirname(path), 0o777)
    with pytest.raises(UntrustedFile):
        machine.files().read()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_file_of_another_user_is_refused_until_it_is_trusted(machine: Machine) -> None:
    path = machine.write("work")
    os.chown(path, 12345, 12345)
    with pytest.raises(UntrustedFile, match="belongs to another user"):
        machine.files().read()
    machine.trust.trust(path, [])
    assert machine.files().read().file is not None


@pytest.mark.parametrize("bits", [0o020, 0o002, 0o022, 0o077])
@pytest.mark.parametrize("place", ["home/.stardag", "home/.stardag/config.toml"])
def test_a_file_of_ones_own_that_others_may_write_is_refused_until_the_named_command_closes_it(
    machine: Machine, place: str, bits: int
) -> None:
    path = Path(machine.write("home"))
    (machine.root / place).chmod(0o700 | bits)
    files = machine.files()
    for act in (files.problems, lambda: files.edit([ADD])):
        with pytest.raises(UnsafeFile, match="is not used: others may write"):
            act()
    with pytest.raises(UnsafeFile, match=re.escape(f"{path} is not used: others may write")) as caught:
        files.read()
    assert files.read_user_file() is None, "nor is its permission for plain http believed"
    assert files.find().refused == f"others may write {machine.root / place}"
    subprocess.run(caught.value.fix.partition(": ")[2], shell=True, check=True)
    assert files.read().file is not None
    assert files.read_user_file() is not None
    assert files.find().refused is None


def test_a_file_of_ones_own_in_a_dotfiles_repository_counts_only_where_nobody_else_may_write_what_it_leads_to(
    machine: Machine,
) -> None:
    dotfiles = machine.root / "dotfiles"
    dotfiles.mkdir(mode=0o755)
    path = Path(machine.write("home"))
    target = path.rename(dotfiles / "stardag.toml")
    path.symlink_to(target)
    assert machine.files().read().file is not None
    for place in (target, dotfiles):
        before = place.stat().st_mode
        place.chmod(before | 0o020)
        with pytest.raises(UnsafeFile, match=re.escape(f"others may write {place}.")):
            machine.files().read()
        place.chmod(before)
    assert machine.files().read().file is not None


def test_no_file_is_made_where_it_would_be_refused_afterwards(machine: Machine) -> None:
    directory = machine.root / "home" / ".stardag"
    directory.mkdir(parents=True)
    directory.chmod(0o775)
    files = machine.files()
    assert files.read().file is None, "there is nothing to refuse yet"
    with pytest.raises(UnsafeFile, match="others may write"):
        files.edit([ADD])
    assert list(directory.iterdir()) == []


@pytest.mark.parametrize("umask", [0, 0o002, 0o022, 0o077])
def test_what_an_edit_makes_is_never_refused_whatever_the_umask(machine: Machine, umask: int) -> None:
    before = os.umask(umask)
    try:
        machine.files().edit([ADD])
    finally:
        os.umask(before)
    assert machine.files().read().file is not None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_ones_own_that_belongs_to_another_user_is_refused_with_the_command_that_takes_it(
    machine: Machine,
) -> None:
    path = machine.write("home")
    os.chown(path, 54321, 54321)
    with pytest.raises(UnsafeFile, match="belongs to another user") as caught:
        machine.files().read()
    assert caught.value.fix.endswith(f"sudo chown {os.geteuid()} {path}")


def test_a_project_can_be_named_by_file_directory_or_root(machine: Machine) -> None:
    path = machine.write("work")
    for named in (path, os.path.dirname(path), str(machine.root / "work"), "../work", "../work/.stardag"):
        file = machine.files("home").read_project_file(named)
        assert (file.path, file.layer) == (path, Layer.PROJECT)
    with pytest.raises(NoProjectFile):
        machine.files("home").read_project_file("nowhere")
    with pytest.raises(NoProjectFile):
        machine.files("home").read_project_file(None)


def test_permission_for_plain_http_counts_in_the_users_own_file_alone_and_that_is_said(machine: Machine) -> None:
    text = '[registry.nas]\nurl = "http://nas"\nallow_http = true\n'
    path = machine.write("work", text)
    (notice,) = machine.files().read().notices
    assert notice.message.startswith(f"{path}:3: registry.nas.allow_http counts only in the user's own file")
    machine.write("home", text)
    assert machine.files("home").read().notices == ()


@pytest.mark.parametrize("what", ["directory", "pipe", "dangling link", "link in a circle", "too large"])
def test_what_cannot_be_read_as_a_file_is_one_problem(machine: Machine, what: str) -> None:
    path = Path(machine.write("work"))
    path.unlink()
    if what == "directory":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    elif what == "dangling link":
        path.symlink_to(path.parent / "nothing")
    elif what == "link in a circle":
        path.symlink_to(path)
    else:
        path.write_bytes(b"#" * (SIZE_MAXIMUM + 1))
    with pytest.raises(InvalidFile) as caught:
        machine.files().read()
    (problem,) = caught.value.problems
    assert problem.path == str(path)
    assert [str(it) for it in machine.files().problems()] == [str(problem)]


def test_a_file_of_exactly_the_bound_is_read(machine: Machine) -> None:
    Path(machine.write("work")).write_bytes(b"#" * SIZE_MAXIMUM)
    assert machine.files().read().file is not None


GOOD_PROFILE = '[profile.a]\nregistry = "central"\n'

WRONG = [
    # text, line, key, a part of the problem
    ("[registry", 1, None, "not TOML"),
    ('\n\nurl = "x', 3, None, "not TOML"),
    ("[a]\n[a]\n", 2, None, "not TOML"),
    ("a = 1\na = 2\n", 2, None, "not TOML"),
    ("a = \n", 1, None, "not TOML"),
    ("a = 1 b = 2", 1, None, "not TOML"),
    ("a = '''\n\n", 3, None, "not TOML"),
    ('a = "\\q"', 1, None, "not TOML"),
    ("a = [1, 2", 1, None, "not TOML"),
    ("a = 2020-13-45", 1, None, "not TOML"),
    ("a = 1\n\ufeffb = 1", 2, None, "not TOML"),
    ("registry = 3", 1, "registry", "a number, where a table belongs"),
    ("\nprofile = true", 2, "profile", "true or false, where a table belongs"),
    ('default = "a"', 1, "default", "a string, where a table belongs"),
    ("[[registry]]\n", 1, "registry", "a list, where a table belongs"),
    ("[registry]\nlocal = 2020-01-01\n", 2, "registry.local", "a date or time, where a table belongs"),
    ("[registry.local]\n", 1, "registry.local", "no url"),
    ("[registry.local]\nurl = 3\n", 2, "registry.local.url", "a number, where a string belongs"),
    ("[registry.local]\nurl = 3.5\n", 2, "registry.local.url", "a number, where a string belongs"),
    ("[registry.local]\nurl = []\n", 2, "registry.local.url", "a list, where a string belongs"),
    ("[registry.local]\nurl = {}\n", 2, "registry.local.url", "a table, where a string belongs"),
    ('[registry.local]\nurl = ""\n', 2, "registry.local.url", "empty"),
    ('[registry.local]\n\nurl = "localhost"\n', 3, "registry.local.url", "does not start with http"),
    ('[registry.local]\nurl = "https://x"\nallow_http = "yes"', 3, "registry.local.allow_http", "true or false"),
    ('[registry."No Name"]\nurl = "https://x"\n', 1, "registry.No Name", "cannot name a registry"),
    ('[registry.a__b]\nurl = "https://x"\n', 1, "registry.a__b", "cannot name a registry"),
    ('[profile."../x"]\nregistry = "central"\n', 1, "profile.../x", "cannot name a profile"),
    ("[profile.a]\n", 1, "profile.a", "names no registry"),
    ("[profile.a]\nregistry = 1\n", 2, "profile.a.registry", "a number, where a string belongs"),
    ('[profile.a]\nregistry = "remote"\n', 2, "profile.a.registry", "there is no registry 'remote'"),
    ('[profile.a]\nregistry = "centrl"\n', 2, "profile.a.registry", "(did you mean 'central'?)"),
    (GOOD_PROFILE + "organization = false\n", 3, "profile.a.organization", "true or false, where a string"),
    (GOOD_PROFILE + 'organization = "My Org"\n', 3, "profile.a.organization", "cannot name an organization"),
    (GOOD_PROFILE + 'workspace = ""\n', 3, "profile.a.workspace", "empty"),
    (GOOD_PROFILE + 'workspace = "a/b"\n', 3, "profile.a.workspace", "cannot name a workspace"),
    ('[default]\nprofile = "a"\n', 2, "default.profile", "there is no profile 'a'"),
    (GOOD_PROFILE + '[default]\nprofile = "aa"\n', 4, "default.profile", "(did you mean 'a'?)"),
    (GOOD_PROFILE + "[default]\nprofile = 7\n", 4, "default.profile", "a number, where a string belongs"),
]


@pytest.mark.parametrize(("text", "line", "key", "problem"), WRONG)
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_what_is_wrong_is_told_with_file_line_and_key(
    text: str, line: int, key: str | None, problem: str, newline: str
) -> None:
    document = read_document(PATH, text.replace("\n", newline).encode())
    (found,) = document.problems
    assert (found.path, found.line, found.key) == (PATH, line, key)
    assert problem in found.problem


def test_text_that_is_no_utf8_is_told_with_its_line() -> None:
    (problem,) = read_document(PATH, b"# fine\n# b\xe4d\n").problems
    assert (problem.line, problem.problem) == (2, "this is not UTF-8 text")


def test_a_null_byte_is_not_toml() -> None:
    (problem,) = read_document(PATH, b"a = 1\n\0").problems
    assert problem.line == 2


def test_all_that_is_wrong_is_listed_and_one_mistake_is_one_problem() -> None:
    text = '[registry.x]\nurl = 1\n[profile.a]\nregistry = "x"\n[profile.b]\nregistry = "y"\n[default]\nprofile = "c"\n'
    problems = read_document(PATH, text.encode()).problems
    assert [(it.line, it.key) for it in problems] == [
        (2, "registry.x.url"),
        (6, "profile.b.registry"),
        (8, "default.profile"),
    ]


SPELLINGS = {
    "dotted keys at the top": 'x = 1\nprofile.a.registry = "central"\nprofile.a.workspace = 7\n',
    "dotted keys in a table": '[profile]\na.registry = "central"\na.workspace = 7\n',
    "an inline table": '\n[profile]\na = { registry = "central", workspace = 7 }\n',
    "an inline table of all": '\n\nprofile = { a = { registry = "central", workspace = 7 } }\n',
    "quoted keys": '["profile"."a"]\n"registry" = "central"\n\'workspace\' = 7\n',
    "blanks around": '[ profile . a ]\nregistry = "central"\n  workspace   =   7\n',
    "quoted and dotted": '[profile]\na."registry" = "central"\n"a" . workspace = 7\n',
    "a comment behind the header": '[profile.a] # workspace = 1\nregistry = "central"\nworkspace = 7 # registry = 1\n',
    "after a string like a table": 'x = """[profile.a]"""\n[profile.a]\nregistry = "central"\nworkspace = 7\n',
    "a table within": '[profile.a]\nregistry = "central"\n[profile.a.workspace]\n',
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_the_line_is_right_however_the_key_is_spelt(spelling: str, newline: str) -> None:
    lines = {"after a string like a table": 4}
    text = SPELLINGS[spelling].replace("\n", newline)
    (problem,) = read_document(PATH, text.encode()).problems
    assert problem.key == "profile.a.workspace"
    assert problem.line == lines.get(spelling, 3)


@pytest.mark.parametrize("quotes", ['"""', "'''"])
def test_strings_of_several_lines_that_look_like_tables_are_none(quotes: str) -> None:
    text = (
        f"x = {quotes}\n[profile.a]\nworkspace = 1\n# not a comment {quotes}  # {quotes}\n"
        '[profile.a]\ny = "#"\nregistry = "central"\nworkspace = 7\n'
    )
    (problem,) = read_document(PATH, text.encode()).problems
    assert (problem.line, problem.key) == (8, "profile.a.workspace")


def lines_of(text: str, *keys: tuple[str, ...]) -> list[int | None]:
    document = read_document(PATH, text.encode())
    assert document.problems == []
    return [document.line_of(key) for key in keys]


def test_a_table_stands_where_its_header_does() -> None:
    text = '\n[profile]\n[profile.a]\nregistry = "central"\n[profile.b]\nregistry = "central"\n'
    assert lines_of(text, ("profile", "a"), ("profile", "b"), ("profile",)) == [3, 5, 2]
    assert lines_of(text, ("profile", "c"), ("profile", "a", "workspace"), ("registry",)) == [None, None, None]


def test_names_that_begin_alike_are_told_apart() -> None:
    text = (
        '[profile.ab]\nregistry = "central"\n[profile.a]\nregistry = "central"\n[profile.a-b]\nregistry = "central"\n'
    )
    keys = [("profile", name, "registry") for name in ("ab", "a", "a-b")]
    assert lines_of(text, *keys) == [2, 4, 6]


names = st.from_regex(r"[a-z0-9]{1,3}(-[a-z0-9]{1,2})?", fullmatch=True)


@settings(max_examples=50)
@given(st.lists(names, unique=True, max_size=8), st.data())
def test_every_key_of_a_generated_file_has_its_line(profiles: list[str], data: st.DataObject) -> None:
    lines: list[str] = []
    expected: dict[tuple[str, ...], int] = {}
    for name in profiles:
        lines += data.draw(st.lists(st.sampled_from(["", "# [profile.a]", "#workspace = 1"]), max_size=2))
        lines.append(
            data.draw(st.sampled_from([f"[profile.{name}]", f'[ "profile" . {name} ]', f"[profile.'{name}'] #"]))
        )
        expected["profile", name] = len(lines)
        for key, value in (("registry", "central"), ("organization", "o"), ("workspace", "w")):
            if key == "registry" or data.draw(st.booleans()):
                lines.append(
                    data.draw(st.sampled_from([f'{key} = "{value}"', f"  {key}='{value}' # x", f'"{key}"="{value}"']))
                )
                expected["profile", name, key] = len(lines)
    newline = data.draw(st.sampled_from(["\n", "\r\n"]))
    document = read_document(PATH, newline.join(lines).encode())
    assert document.problems == []
    assert {key: document.line_of(key) for key in expected} == expected


def notices(text: str) -> list[str]:
    document: Document = read_document(PATH, text.encode())
    assert document.problems == []
    assert {notice.code for notice in document.notices} <= {"unknown-key"}
    return [notice.message for notice in document.notices]


def test_an_unknown_key_is_a_warning_with_line_and_nearest_key() -> None:
    registry = '[registry.x]\nurl = "https://x"\nalow_http = true\n'
    text = registry + '[profile.a]\nregistry = "x"\n\norganisation = "o"\n[defaults]\n'
    assert notices(text) == [
        f"{PATH}:8: defaults is not known. (did you mean 'default'?)",
        f"{PATH}:3: registry.x.alow_http is not known. (did you mean 'allow_http'?)",
        f"{PATH}:7: profile.a.organisation is not known. (did you mean 'organization'?)",
    ]
    assert notices("[default]\nzzz = 1\n") == [f"{PATH}:2: default.zzz is not known."]


def test_an_unknown_key_of_control_characters_is_shown_harmlessly() -> None:
    (message,) = notices('"a\\u001b[31mb" = 1\n')
    assert message.isprintable()


@given(st.text(max_size=60) | st.text(alphabet="[]{}.=\"'#\n ab1", max_size=60))
def test_any_text_is_read_or_one_list_of_problems(text: str) -> None:
    document = read_document(PATH, text.encode(errors="replace"))
    for problem in document.problems:
        assert problem.line is None or 1 <= problem.line <= text.count("\n") + 2
        assert str(problem).startswith(PATH)


@given(st.binary(max_size=60))
def test_any_bytes_are_too(content: bytes) -> None:
    assert read_document(PATH, content).path == PATH


def test_a_table_without_a_header_stands_where_the_first_below_it_does() -> None:
    text = '[registry.local]\nurl = "http://localhost"\n\n[profiles.x]\nregistry = "local"\n'
    assert lines_of(text, ("profiles",), ("registry",), ("elsewhere",)) == [4, 1, None]


@pytest.mark.parametrize(("text", "unknown"), UNKNOWN_IN_WRONG)
def test_a_key_that_is_not_known_is_said_where_the_file_is_wrong_as_well(
    machine: Machine, text: str, unknown: str
) -> None:
    machine.write("work", text)
    log = NoticeLog()
    files = TomlConfigurationFiles(str(machine.root / "work"), str(machine.home / ".stardag"), None, FakeTrust(), log)
    with pytest.raises(InvalidFile) as caught:
        files.read()
    assert any(unknown in notice.message for notice in log)
    assert any(unknown in note for note in caught.value.__notes__), "for Python, which shows notes"
    again = NoticeLog()
    TomlConfigurationFiles(str(machine.root / "work"), str(machine.home), None, FakeTrust(), again).problems()
    assert any(unknown in notice.message for notice in again)


def test_the_remedy_closes_no_directory_that_everybody_shares(machine: Machine) -> None:
    path = Path(machine.write("home"))
    path.parent.chmod(0o1777)
    with pytest.raises(UnsafeFile, match="which is shared") as caught:
        machine.files().read()
    assert "STARDAG_HOME" in caught.value.fix
    assert "chmod" not in caught.value.fix


def test_a_directory_without_a_configuration_cannot_be_trusted(machine: Machine) -> None:
    (machine.root / "empty").mkdir()
    with pytest.raises(NoProjectFile, match="empty"):
        machine.files().read_project_file(str(machine.root / "empty"))
