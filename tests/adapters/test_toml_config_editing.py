"""Editing `config.toml`: what a person wrote stays byte for byte, and what would not read back changes nothing."""

import os
import stat
import tomllib
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stardag.adapters.toml_config import TomlConfigurationFiles
from stardag.adapters.toml_config.editing import edited
from stardag.app.configuration_files import Edit
from stardag.domain.errors import EditNotPossible, InvalidFile, StateNotWritable
from tests.fakes.trust import FakeTrust

WRITTEN_BY_HAND = """\
# My registries.   Do not touch!

[registry.local]   # the one on this machine
url = "http://localhost:3000" # port 3000
colour = "red"

[profile.local]
workspace = "default"      # order is mine
registry = 'local'

  # indented on purpose
  [profile.other]
  registry = "central"

[tool]
list = [
  1,  # one
  2,
]
text = '''
[profile.local]
registry = "not a table"
'''
"""

ADD = Edit(("profile", "new"), {"registry": "central", "organization": "o", "workspace": None})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "home" / ".stardag"
    folder.mkdir(parents=True, mode=0o700)
    return folder / "config.toml"


def files_at(path: Path) -> TomlConfigurationFiles:
    folder = str(path.parent)
    return TomlConfigurationFiles(folder, folder, str(path.parent.parent), FakeTrust())


def edit(path: Path, *edits: Edit) -> bytes:
    assert files_at(path).edit(edits) == str(path)
    return path.read_bytes()


def test_a_new_table_is_appended_and_nothing_before_it_changes(path: Path) -> None:
    path.write_text(WRITTEN_BY_HAND)
    added = '\n[profile.new]\nregistry = "central"\norganization = "o"\n'
    assert edit(path, ADD).decode() == WRITTEN_BY_HAND + added


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", '[profile.new]\nregistry = "central"\norganization = "o"\n'),
        ("# x", '# x\n\n[profile.new]\nregistry = "central"\norganization = "o"\n'),
        ("# x\r\n", '# x\r\n\r\n[profile.new]\r\nregistry = "central"\r\norganization = "o"\r\n'),
    ],
)
def test_line_ends_stay_as_they_are(path: Path, before: str, after: str) -> None:
    path.write_bytes(before.encode())
    assert edit(path, ADD) == after.encode()


def test_a_value_is_changed_where_it_stands_and_nothing_else(path: Path) -> None:
    path.write_text(WRITTEN_BY_HAND)
    changed = edit(path, Edit(("registry", "local"), {"url": "https://new.example"})).decode()
    before, after = WRITTEN_BY_HAND.splitlines(), changed.splitlines()
    assert len(before) == len(after)
    different = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert different == [
        ('url = "http://localhost:3000" # port 3000', 'url = "https://new.example" # port 3000'),
    ]


def test_a_value_is_taken_out_and_nothing_else(path: Path) -> None:
    path.write_text(WRITTEN_BY_HAND)
    changed = edit(path, Edit(("profile", "local"), {"workspace": None})).decode()
    assert changed == WRITTEN_BY_HAND.replace('workspace = "default"      # order is mine\n', "")


def test_a_table_is_taken_out_and_the_comments_and_tables_around_it_stay(path: Path) -> None:
    path.write_text(WRITTEN_BY_HAND)
    changed = edit(path, Edit(("profile", "local"), None)).decode()
    assert "order is mine" not in changed
    for kept in ("# My registries.   Do not touch!", "# indented on purpose", "  [profile.other]", "  1,  # one"):
        assert kept in changed
    values = tomllib.loads(WRITTEN_BY_HAND)
    del values["profile"]["local"]
    assert tomllib.loads(changed) == values


@pytest.mark.parametrize(
    "before",
    [
        'profile = { local = { registry = "central" } }\n',
        '[profile]\nlocal = { registry = "central" }  # inline\n',
        'profile.local.registry = "central"\n',
        '[profile]\nlocal.registry = "central"\n',
        '["profile"."local"]\n"registry" = "central"\n',
        '[profile.local]\nregistry = "central"\n[registry.x]\nurl = "https://x"\n[profile.z]\nregistry = "x"\n',
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_however_the_tables_are_spelt_edits_read_back(path: Path, before: str, newline: str) -> None:
    path.write_bytes(before.replace("\n", newline).encode())
    values = tomllib.loads(before)
    edit(path, ADD)
    values["profile"]["new"] = {"registry": "central", "organization": "o"}
    assert tomllib.loads(path.read_text()) == values
    edit(path, Edit(("profile", "local"), {"workspace": "w"}))
    values["profile"]["local"]["workspace"] = "w"
    assert tomllib.loads(path.read_text()) == values
    edit(path, Edit(("profile", "new"), None))
    del values["profile"]["new"]
    assert tomllib.loads(path.read_text()) == values


def test_the_mode_stays(path: Path) -> None:
    path.write_text(WRITTEN_BY_HAND)
    for mode in (0o600, 0o640, 0o644):
        path.chmod(mode)
        edit(path, Edit(("profile", f"p{mode}"), {"registry": "central"}))
        assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_new_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "home" / ".stardag" / "config.toml"
    edit(path, ADD)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_link_stays_one_and_what_it_leads_to_is_edited(path: Path, tmp_path: Path) -> None:
    dotfiles = tmp_path / "dotfiles.toml"
    dotfiles.write_text("# mine\n")
    dotfiles.chmod(0o640)
    path.symlink_to(dotfiles)
    edit(path, ADD)
    assert path.is_symlink()
    assert dotfiles.read_text().startswith("# mine\n")
    assert "[profile.new]" in dotfiles.read_text()
    assert stat.S_IMODE(dotfiles.stat().st_mode) == 0o640


@pytest.mark.parametrize("text", ["[registry", 'default = "x"', "[profile.a]\nregistry = 1\n"])
def test_an_invalid_file_is_never_overwritten(path: Path, text: str) -> None:
    path.write_text(text)
    with pytest.raises(InvalidFile):
        files_at(path).edit([ADD])
    assert path.read_text() == text


def test_what_is_no_file_is_never_replaced(path: Path) -> None:
    path.mkdir()
    with pytest.raises(InvalidFile):
        files_at(path).edit([ADD])
    assert path.is_dir()


def test_a_dangling_link_is_never_replaced(path: Path) -> None:
    path.symlink_to(path.parent / "nothing")
    with pytest.raises(InvalidFile):
        files_at(path).edit([ADD])
    assert path.is_symlink()


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file where a directory belongs")
    with pytest.raises(StateNotWritable):
        files_at(tmp_path / "home" / ".stardag" / "config.toml").edit([ADD])


def test_an_edit_that_would_not_read_back_changes_nothing_and_says_what_to_paste() -> None:
    values = {"profile": {"kept": {"registry": "central"}}}  # not what the text says: as if an edit lost something
    with pytest.raises(EditNotPossible) as caught:
        edited("/c.toml", "# nothing in here\n", values, [ADD, Edit(("registry", "x"), None)])
    assert "/c.toml was left as it is" in caught.value.message
    assert '[profile.new]\nregistry = "central"\norganization = "o"' in caught.value.fix
    assert "registry.x" in caught.value.fix


def test_the_first_edit_in_a_project_keeps_everything_else_out_of_git(tmp_path: Path) -> None:
    project = tmp_path / "work" / ".stardag"
    project.mkdir(parents=True)
    (project / "config.toml").write_text("")
    home = tmp_path / "home"
    files = TomlConfigurationFiles(str(tmp_path / "work"), str(home / ".stardag"), str(home), FakeTrust())
    assert files.edit([ADD]) == str(project / "config.toml")
    assert "!config.toml" in (project / ".gitignore").read_text()
    assert not (home / ".stardag").exists()


def test_a_byte_order_mark_is_skipped_and_goes_with_the_next_edit(path: Path) -> None:
    text = '[registry.mine]\r\nurl = "https://mine.example"\r\n'
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert files_at(path).read().file is not None
    edit(path, ADD)
    content = path.read_bytes()
    assert content.startswith(text.encode())
    assert b"new" in content


def test_nothing_but_the_file_and_a_lock_is_left(path: Path) -> None:
    edit(path, ADD)
    assert sorted(os.listdir(path.parent)) == [".gitignore", ".lock", "config.toml"]


names = st.from_regex(r"[a-z][a-z0-9]{0,3}", fullmatch=True)
values = st.sampled_from(
    ['"text"', "'literal'", "1", "true", "[1, 2]", "[\n  1,\n]", '"""\n[profile.x]\n"""', "{ a = 1 }"]
)
comments = st.sampled_from(["", "# a comment", "#[profile.new]", "   ", "\t# tab"])


@st.composite
def documents(draw: st.DrawFn) -> str:
    """A valid document of a person's: comments, blanks, unknown keys and tables, profiles in several spellings."""
    lines = draw(st.lists(comments, max_size=2))
    lines += [f"{key} = {draw(values)}" for key in draw(st.lists(names.map("k{}".format), unique=True, max_size=2))]
    for name in draw(st.lists(names.map("p{}".format), unique=True, max_size=3)):
        lines += draw(st.lists(comments, max_size=2))
        header = draw(st.sampled_from(["[profile.{}]", "  [ profile.{} ]  # x", '["profile"."{}"]']))
        lines.append(header.format(name))
        lines.append(draw(st.sampled_from(['registry = "central"', "  \"registry\"   =   'central' # x"])))
        lines += [f"{key} = {draw(values)}" for key in draw(st.lists(names.map("u{}".format), unique=True, max_size=2))]
    for name in draw(st.lists(names.map("t{}".format), unique=True, max_size=2)):
        lines += [f"[{name}]", f"x = {draw(values)}", *draw(st.lists(comments, max_size=1))]
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    text = "\n".join(lines) + draw(st.sampled_from(["", "\n", "\n\n"]))
    return text.replace("\n", newline)


def is_part_of(lines: list[str], all_lines: list[str]) -> bool:
    """Whether the lines stand among all of them in this order."""
    rest = iter(all_lines)
    return all(line in rest for line in lines)


@settings(max_examples=60)
@given(documents())
@example(WRITTEN_BY_HAND)
def test_adding_a_profile_changes_nothing_before_the_appended_text(text: str) -> None:
    before = tomllib.loads(text)
    after = edited("/c.toml", text, before, [ADD])
    assert after.startswith(text)
    assert "[profile.new]" in after[len(text) :]
    expected = tomllib.loads(text)
    expected.setdefault("profile", {})["new"] = {"registry": "central", "organization": "o"}
    assert tomllib.loads(after) == expected


@settings(max_examples=50)
@given(documents(), st.data())
def test_changing_a_profile_leaves_every_other_line_as_it_is(text: str, data: st.DataObject) -> None:
    before = tomllib.loads(text)
    profiles = sorted(before.get("profile", {}))
    if not profiles:
        return
    name = data.draw(st.sampled_from(profiles))
    change = Edit(("profile", name), {"registry": "changed", "workspace": "w"})
    after = edited("/c.toml", text, before, [change])
    expected = tomllib.loads(text)
    expected["profile"][name] |= {"registry": "changed", "workspace": "w"}
    assert tomllib.loads(after) == expected
    old, new = ([line.strip() for line in it.split("\n") if line.strip()] for it in (text, after))
    assert (Counter(old) - Counter(new)).total() == 1  # the line of the registry
    added = Counter(new) - Counter(old)
    assert added.total() == 2  # that line as it is now, and the new one
    assert is_part_of([line for line in new if line not in added], old)


@settings(max_examples=60)
@given(documents(), st.data())
def test_removing_a_profile_leaves_every_other_table_as_it_is(text: str, data: st.DataObject) -> None:
    before = tomllib.loads(text)
    profiles = sorted(before.get("profile", {}))
    if not profiles:
        return
    name = data.draw(st.sampled_from(profiles))
    after = edited("/c.toml", text, before, [Edit(("profile", name), None)])
    expected = tomllib.loads(text)
    del expected["profile"][name]
    if not expected["profile"]:
        del expected["profile"]
    assert {key: value for key, value in tomllib.loads(after).items() if value != {}} == expected
    assert is_part_of([line for line in after.split("\n") if line.strip()], text.split("\n"))
