"""The tree of errors: drawn as it is, each leaf with a code of its own, a message and something to do."""

import copy
import inspect
import pickle
import re
import traceback
from collections.abc import Callable
from types import ModuleType

import pytest

import stardag.domain.command_errors as command_errors
import stardag.domain.errors as module
import stardag.domain.output_errors as output_errors
import stardag.domain.refusals as refusals
import stardag.domain.registry_errors as registry_errors
from stardag.domain.command_errors import CommandNotFound
from stardag.domain.errors import (
    ConfigurationError,
    ConflictingVariables,
    EditNotPossible,
    FileProblem,
    InvalidFile,
    MissingSetting,
    StardagError,
    UnknownName,
    UnknownTargetRoot,
)
from stardag.domain.output_errors import StorageFailed
from stardag.domain.refusals import TooMany
from stardag.domain.registry_errors import (
    ClockOff,
    NoCredential,
    NotKnownToRegistry,
    StorageUnavailable,
    TargetRootMismatch,
)
from stardag.domain.suggestions import nearest
from stardag.domain.target_roots import compare
from tests.domain.errors_of_every_kind import EVERY_ERROR

ELSEWHERE = {refusals: "°", registry_errors: "²", output_errors: "ˣ", command_errors: "¹"}


def drawn() -> dict[str, str]:
    """Child and parent, as the drawing in the docstring has them."""
    return {child: parent for child, (parent, _) in drawing().items()}


def drawing() -> dict[str, tuple[str, str]]:
    """Child, parent, and how the child is marked, if it stands elsewhere."""
    parents: dict[str, tuple[str, str]] = {}
    above: list[str] = []
    for line in (module.__doc__ or "").splitlines(keepends=True):
        found = re.match(r"^ {4}((?:[│ ] {3})*(?:[├└]── )?)([A-Z]\w+?)( [°ˣ¹²])?\s", line)
        if found:
            depth = len(found[1]) // 4
            above[depth:] = [found[2]]
            if depth:
                parents[found[2]] = (above[depth - 1], (found[3] or "").strip())
    return parents


def defined() -> dict[str, str]:
    return {name: parent for home in (module, *ELSEWHERE) for name, parent in defined_in(home).items()}


def defined_in(home: ModuleType) -> dict[str, str]:
    imported = () if home is module else vars(module).values()
    classes = [it for it in vars(home).values() if inspect.isclass(it) and it not in imported]
    return {it.__name__: it.__bases__[0].__name__ for it in classes if issubclass(it, StardagError)}


def test_the_tree_is_drawn_as_the_classes_are() -> None:
    classes = defined()
    assert classes.pop("StardagError") == "Exception"
    assert drawn() == classes


def test_those_that_stand_elsewhere_are_marked() -> None:
    marked = {child: mark for child, (_, mark) in drawing().items() if mark}
    assert marked == {name: mark for home, mark in ELSEWHERE.items() for name in defined_in(home)}


def test_there_is_an_example_of_every_leaf() -> None:
    leaves = set(defined()) - set(defined().values()) | {"StateNotWritable"}  # which is raised itself as well
    assert {type(error).__name__ for error in EVERY_ERROR} == leaves


def test_every_leaf_has_a_code_of_its_own() -> None:
    codes = [error.code for error in EVERY_ERROR]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", code) for code in codes)
    assert "failed" not in codes


@pytest.mark.parametrize("error", EVERY_ERROR, ids=lambda error: type(error).__name__)
def test_every_error_says_what_is_wrong_and_what_to_do(error: StardagError) -> None:
    assert error.message
    assert error.fix
    assert str(error) == error.message
    assert "None" not in error.message + error.fix


def pickled(error: StardagError) -> StardagError:
    restored: StardagError = pickle.loads(pickle.dumps(error))
    return restored


@pytest.mark.parametrize("error", EVERY_ERROR, ids=lambda error: type(error).__name__)
def test_a_traceback_shows_the_public_name_the_message_and_once_the_fix(error: StardagError) -> None:
    assert shown(error) == f"stardag.errors.{type(error).__name__}: {error.message}\n{error.fix}\n"
    try:
        raise error
    except StardagError as raised:
        with pytest.raises(StardagError) as again:
            raise raised
    assert shown(again.value) == shown(error)


@pytest.mark.parametrize("error", EVERY_ERROR, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("transport", [copy.copy, copy.deepcopy, pickled])
def test_an_error_is_the_same_when_it_is_copied_or_sent_to_another_process(
    error: StardagError, transport: Callable[[StardagError], StardagError]
) -> None:
    other = transport(transport(error))
    assert type(other) is type(error)
    assert shown(other) == shown(error)
    assert (str(other), other.fix, other.code, other.args) == (str(error), error.fix, error.code, error.args)
    assert vars(other).keys() == vars(error).keys()


def test_a_note_on_a_copy_stays_on_the_copy() -> None:
    error = UnknownTargetRoot("x", [])
    copy.copy(error).add_note("another")
    assert "another" not in shown(error)


def test_another_fix_replaces_the_note_and_leaves_those_of_others() -> None:
    error = UnknownTargetRoot("x", [])
    error.add_note("in the nightly run")
    error.fix = "Look first."
    assert shown(error).endswith("it has: none.\nLook first.\nin the nightly run\n")


def shown(error: StardagError) -> str:
    """What a traceback says below its frames."""
    return "".join(traceback.format_exception_only(error))


def test_an_unknown_name_comes_with_the_nearest_known_one() -> None:
    error = UnknownName("profile", "lokal", "STARDAG_PROFILE", ["prod", "local"])
    assert error.message == "There is no profile 'lokal' (named by STARDAG_PROFILE). Did you mean 'local'?"
    assert error.fix == "Known: local, prod. Add it with: stardag profile add NAME"
    assert "Did you mean" not in UnknownName("profile", "zzz", "--profile", ["local"]).message
    assert UnknownName("registry", "zzz", "--registry", []).fix.startswith("Known: none.")
    assert "Did you mean 'prod'?" in NotKnownToRegistry("workspace", "prd", "https://x", ["prod"]).message


def test_what_the_registry_does_not_know_comes_with_what_it_does_and_no_guess_where_nothing_is_near() -> None:
    error = NotKnownToRegistry("workspace", "zzz", "https://x", ["staging", "prod"])
    assert error.message == "The registry https://x knows no workspace 'zzz' that the credential may see."
    assert error.fix == "Known there: prod, staging. List them with: stardag workspaces list"


@pytest.mark.parametrize(
    ("kind", "command"),
    [
        ("workspace", "workspaces list"),
        ("API key", "api-keys list"),
        ("target root", "target-roots list"),
        ("invitation", "members list --invited"),
    ],
)
def test_what_is_not_known_comes_with_the_command_that_lists_what_is(kind: str, command: str) -> None:
    assert NotKnownToRegistry(kind, "x", "https://x").fix == f"List them with: stardag {command}"


def test_a_long_or_hostile_name_does_not_drown_the_error() -> None:
    error = UnknownName("profile", "\x1b[31m" + "a" * 100_000, "--profile", ["local"])
    assert len(error.message) < 200
    assert error.message.isprintable()
    assert nearest("a" * 1_000_000, ["local"]) is None


def test_a_mismatch_lists_every_difference_old_and_new_and_the_command() -> None:
    error = TargetRootMismatch(compare({"a": "/1", "b": "/2", "c": "/3"}, {"a": "/9", "c": "/3", "d": "/4"}), "prod")
    assert error.message.startswith("Target root mismatch")
    assert "modified  a: /1 -> /9" in error.message
    assert "deleted   b: /2" in error.message
    assert "added     d: /4" in error.message
    assert "/3" not in error.message
    assert error.fix.endswith("stardag target-roots sync")


def test_an_invalid_file_says_its_first_problem_with_line_and_key_and_how_many_more() -> None:
    first, second = FileProblem("/c.toml", 3, "registry.x", "it has no url"), FileProblem("/c.toml", None, None, "odd")
    assert InvalidFile([first]).message == "/c.toml:3: registry.x: it has no url"
    assert InvalidFile([first, second]).message == "/c.toml:3: registry.x: it has no url (and 1 more)"
    assert str(second) == "/c.toml: odd"


def test_two_spellings_are_both_named() -> None:
    error = ConflictingVariables("STARDAG_API_KEY", "STARDAG_REGISTRY_API_KEY")
    assert isinstance(error, ConfigurationError)
    assert "STARDAG_API_KEY and STARDAG_REGISTRY_API_KEY" in error.message


def test_an_unknown_target_root_lists_those_there_are() -> None:
    assert "it has: archive, default." in UnknownTargetRoot("x", ["default", "archive"]).message
    assert "it has: none." in UnknownTargetRoot("x", []).message


def test_unusable_storage_is_told_root_by_root() -> None:
    error = StorageUnavailable([("a", "/a", "it is full"), ("b", "s3://b", "there is no bucket 'b'")])
    assert error.message.splitlines() == [
        "The storage of 2 target roots cannot be used:",
        "  a (/a): it is full",
        "  b (s3://b): there is no bucket 'b'",
    ]


@pytest.mark.parametrize(
    ("offset", "said"),
    [
        (-1.0, "1 seconds behind"),
        (59.0, "59 seconds ahead of"),
        (60.0, "1 minute ahead of"),
        (-120.0, "2 minutes behind"),
        (3600.0, "1 hour ahead of"),
        (-7200.0, "2 hours behind"),
        (51_840.0, "14 hours ahead of"),
        (86_000.0, "1 day ahead of"),
        (86_400.0, "1 day ahead of"),
        (-172_800.0, "2 days behind"),
    ],
)
def test_a_clock_is_off_by_the_largest_unit_that_fits(offset: float, said: str) -> None:
    error = ClockOff("https://x", offset)
    assert error.message.startswith(f"This machine's clock is {said} that of https://x,")
    assert error.offset == offset


def test_without_a_credential_the_command_to_sign_in_names_the_registry_where_it_has_a_name() -> None:
    assert "`stardag auth login`" in NoCredential("https://x").fix
    assert "`stardag auth login --registry acme`" in NoCredential("https://x", "acme").fix


def test_a_note_follows_the_sentence_and_leaves_no_blank_where_there_is_none() -> None:
    assert NoCredential("https://x").message.endswith("the registry https://x.")
    assert NoCredential("https://x", note="One is unused.").message.endswith("the registry https://x. One is unused.")
    assert MissingSetting("workspace", "X").message == "No workspace is set."
    assert MissingSetting("workspace", "X", "Two fit.").message == "No workspace is set. Two fit."


def test_what_to_paste_keeps_its_indentation() -> None:
    assert EditNotPossible("/c.toml", "it is odd", "  [profile.x]\n\n").fix.endswith(":\n  [profile.x]")


def test_a_command_is_looked_for_as_a_file_or_on_the_path() -> None:
    assert "it is no file" in CommandNotFound("./pipeline.py").message
    assert "it is in no directory of PATH" in CommandNotFound("pyhton").message


def test_too_many_access_tokens_are_waited_for_and_other_things_are_removed() -> None:
    assert TooMany("https://x", "100 count", "access token").fix.startswith("Wait")
    assert "stardag workspaces list" in TooMany("https://x", "2 count", "workspace").fix


def test_one_unusable_storage_is_told_in_the_singular() -> None:
    assert "storage of 1 target root cannot" in StorageUnavailable([("a", "/a", "it is full")]).message


def test_a_failure_of_a_storage_says_what_to_do_about_it_where_that_is_known() -> None:
    assert StorageFailed("/srv/x", "it is full", "Make room.").fix == "Make room."
    assert "stardag target-roots validate" in StorageFailed("/srv/x", "it is full").fix
