"""Configuration files that are wrong: each mistake is named with file, line and key; nothing is silently ignored."""

import os
import subprocess

import pytest

from tests.end_to_end.machine import PROGRAM, Machine

# What stands in the file, the line and key that have to be named, and a word of what is said.
BROKEN: dict[str, tuple[str, int | None, str | None, str]] = {
    "no closing quote": ('[registry.r]\nurl = "https://r.example\n', 2, None, "not TOML"),
    "no closing bracket": ("[registry.r\n", 1, None, "not TOML"),
    "no value": ("[registry.r]\nurl =\n", 2, None, "not TOML"),
    "no equals sign": ("\n\nword\n", 3, None, "not TOML"),
    "an unquoted value": ("[default]\nprofile = local\n", 2, None, "not TOML"),
    "a key twice": ('[registry.r]\nurl = "https://r.example"\nurl = "https://s.example"\n', 3, None, "not TOML"),
    "a table twice": ('[registry.r]\nurl = "https://r.example"\n[registry.r]\n', 3, None, "not TOML"),
    "a text without end": ('a = """\n\n\n', 4, None, "not TOML"),
    "a control character": ('a = "\x01"\n', 1, None, "not TOML"),
    "a bad escape": ('[registry.r]\nurl = "\\q"\n', 2, None, "not TOML"),
    "brackets without end": ("a = " + "[" * 5000, None, None, "deep"),
    "a key without end": ("a" + ".a" * 5000 + " = 1\n", 1, None, "parts"),
    "a registry that is text": ('registry = "r"\n', 1, "registry", "a string, where a table belongs"),
    "a registry by name that is text": ('[registry]\nr = "https://r.example"\n', 2, "registry.r", "where a table"),
    "tables in a list": ('[[registry]]\nurl = "https://r.example"\n', 1, "registry", "a list, where a table belongs"),
    "a registry without url": ("\n[registry.r]\n", 2, "registry.r", "no url"),
    "a url that is a number": ("[registry.r]\nurl = 8000\n", 2, "registry.r.url", "a number, where a string"),
    "a url that is empty": ('[registry.r]\nurl = ""\n', 2, "registry.r.url", "empty"),
    "a url that is none": ('[registry.r]\nurl = "localhost"\n', 2, "registry.r.url", "http"),
    "allow_http that is text": (
        '[registry.r]\nurl = "http://r.example"\nallow_http = "yes"\n', 3, "registry.r.allow_http", "true or false",
    ),
    "a profile without registry": ('[profile.p]\nworkspace = "w"\n', 1, "profile.p", "names no registry"),
    "an unknown registry": (
        '[registry.local]\nurl = "https://r.example"\n[profile.p]\nregistry = "locl"\n', 4, "profile.p.registry",
        "did you mean 'local'?",
    ),
    "an organization that is a list": (
        '[profile.p]\nregistry = "central"\norganization = ["o"]\n', 3, "profile.p.organization", "a list",
    ),
    "a workspace that is true": (
        '[profile.p]\nregistry = "central"\nworkspace = true\n', 3, "profile.p.workspace", "true",
    ),
    "a workspace that is a date": (
        '[profile.p]\nregistry = "central"\nworkspace = 2020-01-01\n', 3, "profile.p.workspace", "date",
    ),
    "a workspace that is a path": (
        '[profile.p]\nregistry = "central"\nworkspace = "../w"\n', 3, "profile.p.workspace", "../w",
    ),
    "a default that is unknown": (
        '[profile.local]\nregistry = "central"\n[default]\nprofile = "loca"\n', 4, "default.profile", "'local'",
    ),
    "a default that is a number": ("[default]\nprofile = 1\n", 2, "default.profile", "a number"),
    "a name that is a path": ('[registry."../r"]\nurl = "https://r.example"\n', 1, "registry.../r", "cannot name"),
    "a name with two underscores": ('[profile.a__b]\nregistry = "central"\n', 1, "profile.a__b", "cannot name"),
    "a name of capitals": ('[profile.Prod]\nregistry = "central"\n', 1, "profile.Prod", "cannot name"),
}  # fmt: skip


OF_EVERY_RUN = (
    "no closing quote",
    "a key twice",
    "a text without end",
    "brackets without end",
    "a registry that is text",
    "a registry without url",
    "a url that is a number",
    "an unknown registry",
    "a workspace that is a path",
    "a default that is unknown",
    "a name with two underscores",
)
"""The other ways are for `make test-all`: they differ from these inside of one module alone."""


@pytest.mark.parametrize(
    "way", [pytest.param(way, marks=[] if way in OF_EVERY_RUN else pytest.mark.slow) for way in BROKEN]
)
def test_a_mistake_in_the_file_is_named_with_file_line_and_key(machine: Machine, way: str) -> None:
    text, line, key, says = BROKEN[way]
    path = machine.configure(text)
    ran = machine.ask("config", "validate", exits=2)
    (problem,) = ran.data["problems"]
    assert (problem["path"], problem["line"], problem["key"]) == (str(path), line, key)
    assert says in problem["problem"]


def test_every_command_that_needs_the_file_stops_at_a_mistake_and_says_where(machine: Machine) -> None:
    path = machine.configure('[profile.p]\nregistry = "locl"\n')
    for words in ("config show", "profile list", "registry list", "profile use p", "target-roots validate"):
        ran = machine.run(*words.split(), exits=2)
        assert ran.out == ""
        assert ran.err.startswith(f"error: {path}:2: profile.p.registry: ")
        assert "stardag config validate" in ran.err
    error = machine.ask("config", "show", exits=2).error
    assert error["code"] == "invalid-file"
    assert machine.ask("config", "path").data["read"] == [str(path)]


def test_config_validate_lists_all_mistakes_at_once(machine: Machine) -> None:
    path = machine.configure(
        '[registry.r]\nurl = 1\n[profile.p]\n[profile.q]\nregistry = "nope"\n[default]\nprofile=2\n'
    )
    ran = machine.run("config", "validate", exits=2)
    assert [line.split(" ")[0] for line in ran.out.splitlines()[:-1]] == [f"{path}:{line}:" for line in (2, 3, 5, 7)]
    assert "4 problems" in ran.out
    assert "(and 3 more)" in machine.run("config", "show", exits=2).err


def test_config_validate_of_a_good_file_and_of_none(machine: Machine) -> None:
    assert machine.ask("config", "validate").data == {"path": str(machine.config), "exists": False, "problems": []}
    machine.configure("")
    assert machine.ask("config", "validate").data["exists"] is True
    machine.configure("# only a comment\n[registry]\n[profile]\n[default]\n")
    assert machine.ask("config", "validate").data["problems"] == []


def test_an_unknown_key_is_a_warning_with_its_place_and_the_nearest_known_key(machine: Machine) -> None:
    path = machine.configure(
        '[registry.r]\nurl = "https://r.example"\nalow_http = true\n'
        '[profile.p]\nregistry = "r"\norganisation = "o"\n\n[defaults]\n'
    )
    warnings = machine.ask("profile", "list").warnings["unknown-key"].splitlines()
    assert warnings == [
        f"{path}:8: defaults is not known. (did you mean 'default'?)",
        f"{path}:3: registry.r.alow_http is not known. (did you mean 'allow_http'?)",
        f"{path}:6: profile.p.organisation is not known. (did you mean 'organization'?)",
    ]


@pytest.mark.parametrize("words", ["-p loca", "--profile=loca"])
def test_an_unknown_profile_is_an_error_with_the_nearest_one(machine: Machine, words: str) -> None:
    machine.configure('[profile.local]\nregistry = "central"\n')
    error = machine.ask("config", "show", *words.split(), exits=2).error
    assert "Did you mean 'local'?" in error["message"]
    by_variable = machine.ask("config", "show", env={"STARDAG_PROFILE": "loca"}, exits=2).error
    assert "named by STARDAG_PROFILE" in by_variable["message"]
    listed = machine.ask("profile", "list", env={"STARDAG_PROFILE": "loca"})
    assert "Did you mean 'local'?" in listed.warnings["unknown-name"], "a list is how one finds that out"
    assert [profile["active"] for profile in listed.data["profiles"]] == [False]


def test_an_unknown_registry_on_the_command_line_is_an_error_with_the_nearest_one(machine: Machine) -> None:
    machine.configure('[registry.local]\nurl = "https://r.example"\n')
    error = machine.ask("workspaces", "list", "-r", "locl", exits=2).error
    assert (error["code"], "'local'" in error["message"]) == ("unknown-name", True)


def test_a_file_that_is_no_text(machine: Machine) -> None:
    path = machine.configure("")
    path.write_bytes(b"a = 1\nb = '\xff'\n")
    (problem,) = machine.ask("config", "validate", exits=2).data["problems"]
    assert (problem["line"], "UTF-8" in problem["problem"]) == (2, True)


@pytest.mark.parametrize("way", ["a directory", "a pipe", "a link to nothing", "a link to itself", "a huge file"])
def test_a_file_that_is_no_file(machine: Machine, way: str) -> None:
    machine.directory.mkdir()
    match way:
        case "a directory":
            machine.config.mkdir()
        case "a pipe":
            os.mkfifo(machine.config)
        case "a link to nothing":
            machine.config.symlink_to("nothing")
        case "a link to itself":
            machine.config.symlink_to(machine.config)
        case _:
            machine.config.write_text("#" * 1024 * 1025)
    error = machine.ask("profile", "list", exits=2).error
    assert (error["code"], str(machine.config) in error["message"]) == ("invalid-file", True)


@pytest.mark.skipif(os.geteuid() == 0, reason="NOT TESTED: root may read every file")
def test_a_file_that_may_not_be_read(machine: Machine) -> None:
    machine.configure("").chmod(0)
    assert "permission denied" in machine.ask("profile", "list", exits=2).error["message"]


def test_control_characters_in_a_file_do_not_reach_the_terminal(machine: Machine) -> None:
    machine.configure('"evil\\u001b[31m" = 1\n[registry.r]\nurl = "https://r.example/\\u001b[2J"\n')
    for words in ("config validate", "profile list", "config show"):
        assert "\x1b" not in machine.run(*words.split(), exits=2).said


def test_a_working_directory_that_was_removed_is_no_reason_to_fail(machine: Machine) -> None:
    gone = machine.work / "gone"
    gone.mkdir()
    script = f'cd {gone} && rmdir {gone} && exec "{PROGRAM}" config path'
    ended = subprocess.run(["/bin/sh", "-c", script], env=machine.environment(), capture_output=True, text=True)
    assert (ended.returncode, "Traceback" in ended.stderr) == (0, False)


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ('[registry.r]\nulr = "https://r.example"\n', "registry.r.ulr is not known. (did you mean 'url'?)"),
        ('[profiles.p]\nregistry = "central"\n[default]\nprofile = "p"\n', "(did you mean 'profile'?)"),
    ],
)
def test_a_key_that_is_not_known_is_said_also_where_the_file_has_an_error(
    machine: Machine, text: str, unknown: str
) -> None:
    machine.configure(text)
    for command in ("config show", "config validate", "profile list", "target-roots sync"):
        ran = machine.run(*command.split(), exits=2)
        assert ran.err.count(unknown) == 1
