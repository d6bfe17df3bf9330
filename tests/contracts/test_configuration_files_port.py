"""What every keeper of the port `ConfigurationFiles` promises, the fake as well as the real one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import tomli_w

from stardag.adapters.toml_config import TomlConfigurationFiles
from stardag.app.configuration_files import Edit, FileRead
from stardag.app.ports import ConfigurationFiles
from stardag.domain.configuration import Profile, Registry, StardagDirectory
from stardag.domain.errors import InvalidFile, NoProjectFile, UntrustedFile
from stardag.domain.layers import Layer
from tests.fakes.configuration import FakeConfigurationFiles, Sections
from tests.fakes.trust import FakeTrust


@dataclass(frozen=True)
class Subject:
    """A keeper of the port on a machine with these files, and where they are."""

    files: ConfigurationFiles
    user_directory: str
    project_directory: str

    @property
    def user_file(self) -> str:
        return f"{self.user_directory}/config.toml"

    @property
    def project_file(self) -> str:
        return f"{self.project_directory}/config.toml"


Make = Callable[..., Subject]


def fake(_tmp_path: Path, user: Sections | None, project: Sections | None, untrusted: bool) -> Subject:
    files = FakeConfigurationFiles(user, project, untrusted=untrusted)
    return Subject(files, files.user_directory, files.project_directory)


def real(tmp_path: Path, user: Sections | None, project: Sections | None, untrusted: bool) -> Subject:
    home, work = tmp_path / "home", tmp_path / "work"
    for folder in (home, work):
        folder.mkdir()
    for folder, sections in ((home, user), (work, project)):
        if sections is not None:
            (folder / ".stardag").mkdir(mode=0o700)
            file = folder / ".stardag" / "config.toml"
            file.write_text(tomli_w.dumps(unsectioned(sections)))
            file.chmod(0o666 if untrusted and folder == work else 0o600)
    user_directory = str(home / ".stardag")
    files = TomlConfigurationFiles(str(work), user_directory, str(home), FakeTrust())
    return Subject(files, user_directory, str(work / ".stardag"))


def unsectioned(sections: Sections) -> Mapping[str, object]:
    """The fake's tables as a TOML document has them."""
    return {section: tables for section, tables in sections.items() if section} | dict(sections.get("", {}))


@pytest.fixture(params=[fake, real], ids=["fake", "real"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    def make_one(user: Sections | None = None, project: Sections | None = None, untrusted: bool = False) -> Subject:
        subject: Subject = request.param(tmp_path, user, project, untrusted)
        return subject

    return make_one


def sample() -> Sections:
    return {
        "registry": {"local": {"url": "http://localhost:3000"}, "nas": {"url": "http://nas", "allow_http": True}},
        "profile": {
            "local": {"registry": "local", "organization": "default", "workspace": "default"},
            "bare": {"registry": "central"},
        },
        "": {"default": {"profile": "local"}},
    }


BROKEN: list[Sections] = [
    {"profile": {"x": {"registry": "missing"}}},
    {"registry": {"x": {"url": "no url"}}},
    {"registry": {"No Name": {"url": "https://x.example"}}},
    {"": {"default": {"profile": "missing"}}},
]


def test_with_no_file_at_all_the_users_is_in_force_and_not_there(make: Make) -> None:
    subject = make()
    found = subject.files.find()
    assert (found.in_force, found.exists) == (subject.user_file, False)
    assert (found.project, found.user, found.user_exists, found.pyproject) == (None, subject.user_file, False, None)
    assert subject.files.read() == FileRead(None, StardagDirectory(subject.user_directory, subject.user_directory))
    assert subject.files.read_user_file() is None
    assert list(subject.files.problems()) == []


def test_the_users_file_is_read_with_lines(make: Make) -> None:
    subject = make(user=sample())
    assert subject.files.find().exists
    file, directory, notices = subject.files.read()
    assert file is not None
    assert (file.layer, file.path, notices) == (Layer.USER, subject.user_file, ())
    assert directory == StardagDirectory(subject.user_directory, subject.user_directory)
    assert dict(file.configuration.registries) == {
        "local": Registry("local", "http://localhost:3000"),
        "nas": Registry("nas", "http://nas", allow_http=True),
    }
    assert dict(file.configuration.profiles) == {
        "local": Profile("local", "local", "default", "default"),
        "bare": Profile("bare", "central"),
    }
    assert file.configuration.default_profile == "local"
    lines = [file.line_of(key) for key in (("registry", "local", "url"), ("profile", "local", "workspace"))]
    assert all(lines)
    assert lines[0] != lines[1]
    assert file.line_of(("profile", "bare", "workspace")) is None
    assert file.line_of(("profile", "missing")) is None


def test_a_projects_file_replaces_the_users_whole(make: Make) -> None:
    subject = make(user=sample(), project={"registry": {"own": {"url": "https://own.example"}}})
    found = subject.files.find()
    assert (found.in_force, found.project, found.user_exists) == (subject.project_file, subject.project_file, True)
    file, directory, _ = subject.files.read()
    assert file is not None
    assert (file.layer, list(file.configuration.registries), list(file.configuration.profiles)) == (
        Layer.PROJECT,
        ["own"],
        [],
    )
    assert directory == StardagDirectory(subject.project_directory, subject.user_directory)
    assert directory.is_project


def test_the_users_own_file_can_be_asked_for_beside_a_projects(make: Make) -> None:
    own = make(user=sample(), project={}).files.read_user_file()
    assert own is not None
    assert (own.layer, own.configuration.registries["nas"].allow_http) == (Layer.USER, True)


@pytest.mark.parametrize("sections", BROKEN)
def test_a_broken_file_is_an_error_that_names_it(make: Make, sections: Sections) -> None:
    subject = make(user=sections)
    with pytest.raises(InvalidFile) as caught:
        subject.files.read()
    assert caught.value.problems[0].path == subject.user_file
    assert [str(it) for it in subject.files.problems()] == [str(it) for it in caught.value.problems]
    assert subject.files.read_user_file() is None
    with pytest.raises(InvalidFile):
        subject.files.edit([Edit(("registry", "y"), {"url": "https://y.example"})])


def test_one_that_is_not_needed_is_left_unread_with_a_notice(make: Make) -> None:
    subject = make(user=sample(), project=sample(), untrusted=True)
    read = subject.files.read(is_needed=False)
    assert (read.file, read.directory.path) == (None, subject.user_directory)
    (notice,) = read.notices
    assert notice.code == "untrusted-file"
    assert subject.project_file in notice.message


def test_one_that_is_not_needed_and_is_trusted_is_read(make: Make) -> None:
    subject = make(user=sample(), project=sample())
    file = subject.files.read(is_needed=False).file
    assert file is not None
    assert file.path == subject.project_file


def test_a_projects_file_of_somebody_elses_is_refused_and_can_be_looked_at_by_name(make: Make) -> None:
    subject = make(user=sample(), project=sample(), untrusted=True)
    for refuse in (
        subject.files.read,
        subject.files.problems,
        lambda: subject.files.edit([Edit(("registry", "y"), {"url": "https://y.example"})]),
    ):
        with pytest.raises(UntrustedFile) as caught:
            refuse()
        assert caught.value.path == subject.project_file
    for path in (None, subject.project_file):
        file = subject.files.read_project_file(path)
        assert (file.layer, file.path, file.configuration.default_profile) == (
            Layer.PROJECT,
            subject.project_file,
            "local",
        )


def test_a_project_file_that_is_not_there_is_an_error(make: Make) -> None:
    subject = make(user=sample())
    for path in (None, "/nowhere/.stardag/config.toml"):
        with pytest.raises(NoProjectFile):
            subject.files.read_project_file(path)


@pytest.mark.parametrize("sections", BROKEN)
def test_a_broken_project_file_is_an_error_also_when_asked_for_by_name(make: Make, sections: Sections) -> None:
    with pytest.raises(InvalidFile):
        make(project=sections).files.read_project_file(None)


@pytest.mark.parametrize("where", ["user", "project", "nowhere"])
def test_edits_go_to_the_file_in_force_and_read_back(make: Make, where: str) -> None:
    subject = make(user=sample() if where == "user" else None, project=sample() if where == "project" else None)
    edits = [
        Edit(("registry", "new"), {"url": "https://new.example"}),
        Edit(("profile", "new"), {"registry": "new", "organization": "o", "workspace": None}),
        Edit(("default",), {"profile": "new"}),
    ]
    assert subject.files.edit(edits) == subject.files.find().in_force
    file = subject.files.read().file
    assert file is not None
    assert file.path == (subject.project_file if where == "project" else subject.user_file)
    assert file.configuration.registries["new"].url == "https://new.example"
    assert file.configuration.profiles["new"] == Profile("new", "new", "o")
    assert file.configuration.default_profile == "new"
    assert ("local" in file.configuration.profiles) == (where != "nowhere")


def test_values_are_changed_and_removed_and_others_stay(make: Make) -> None:
    files = make(user=sample()).files
    files.edit([Edit(("profile", "local"), {"organization": "other", "workspace": None})])
    files.edit([Edit(("registry", "nas"), {"url": "https://nas"})])
    file = files.read().file
    assert file is not None
    assert file.configuration.profiles["local"] == Profile("local", "local", "other")
    assert file.configuration.registries["nas"] == Registry("nas", "https://nas", allow_http=True)


@pytest.mark.parametrize("sections", [sample(), {"": {"default": {}}}, None])
def test_what_is_only_for_the_unset_leaves_what_is_set(make: Make, sections: Sections | None) -> None:
    files = make(user=sections).files
    added = Edit(("profile", "new"), {"registry": "central", "organization": "o"})
    files.edit([added, Edit(("default",), {"profile": "new"}, unless_set=True)])
    file = files.read().file
    assert file is not None
    assert file.configuration.profiles["new"] == Profile("new", "central", "o")
    assert file.configuration.default_profile == ("local" if sections == sample() else "new")


def test_tables_are_removed_as_one_step(make: Make) -> None:
    files = make(user=sample()).files
    files.edit([Edit(("profile", "local"), None), Edit(("default",), {"profile": None})])
    files.edit([Edit(("registry", "local"), None)])
    file = files.read().file
    assert file is not None
    assert list(file.configuration.registries) == ["nas"]
    assert list(file.configuration.profiles) == ["bare"]
    assert file.configuration.default_profile is None
