"""Files made to keep a reader busy: each is answered quickly, with one clear problem or a list that has an end."""

import time

import pytest

from stardag.adapters.toml_config.document import DEPTH_MAXIMUM, LISTED_MAXIMUM, SIZE_MAXIMUM, Document, read_document

PATH = "/srv/project/.stardag/config.toml"
LONG = 10.0
"""Seconds; what grows with the square of a file's size takes minutes, and everything here well under a second."""


def read(text: str) -> Document:
    started = time.monotonic()
    document = read_document(PATH, text.encode())
    assert time.monotonic() - started < LONG
    return document


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 200_000,
        "a = " + "{a = " * 100_000,
        ".".join(["a"] * 200_000) + " = 1",
        "[" + ".".join(["a"] * 200_000) + "]",
        ".".join(['"a"'] * 100_000) + " = 1",
        " . ".join(["'a'"] * 100_000) + " = 1",
        "[[" + ".".join(["a"] * 200_000) + "]]",
        "x = { " + ".".join(["a"] * 100_000) + " = 1 }",
        "a" * 1_000_000,
        '"' * 1_000_000,
        " " * 500_000 + "a",
        "[" + " " * 1_000_000,
        "\n" * 1_000_000 + "[",
        "x = '''\n" + '"""' * 100_000,
    ],
    ids=lambda text: text[:12] + "…",
)
def test_deep_keys_deep_brackets_and_endless_tokens_are_one_problem(text: str) -> None:
    document = read(text)
    assert len(document.problems) == 1
    assert document.values == {}


def test_a_key_as_deep_as_is_read_is_read() -> None:
    deepest = ".".join(["a"] * DEPTH_MAXIMUM) + " = 1\n"
    assert read(deepest).problems == []
    (problem,) = read("\n" + ".".join(["a"] * (DEPTH_MAXIMUM + 2)) + " = 1\n").problems
    assert (problem.line, f"more than {DEPTH_MAXIMUM} parts" in problem.problem) == (2, True)


def test_many_dots_alone_are_no_deep_key() -> None:
    dots = "." * 1000
    assert read(f'# and so on{dots}\n[registry.x]\nurl = "https://x"  # {". " * 100}\n').problems == []


def test_of_very_many_unknown_keys_some_are_named_and_that_there_are_more_is_said() -> None:
    document = read("\n".join(f"key{number} = 1" for number in range(20_000)))
    assert document.problems == []
    assert len(document.notices) == LISTED_MAXIMUM + 1
    assert document.notices[-1].message == f"{PATH}: more keys are not known."


def test_of_very_many_problems_some_are_listed_and_that_there_are_more_is_said() -> None:
    text = "\n".join(f'[registry.r{number}]\nurl = 1\n[profile.p{number}]\nregistry = "r"' for number in range(5_000))
    problems = read(text).problems
    assert len(problems) == LISTED_MAXIMUM + 1
    assert all(problem.line for problem in problems[:-1])
    assert str(problems[-1]) == f"{PATH}: more is wrong, which is not listed here"


def test_many_references_to_nothing_are_not_all_compared_with_all_names() -> None:
    text = "\n".join(f'[registry.r{it}]\nurl = "https://x"\n[profile.p{it}]\nregistry = "q{it}"' for it in range(3000))
    assert len(read(text).problems) == LISTED_MAXIMUM + 1


def test_a_name_of_nothing_is_looked_for_once() -> None:
    document = read('[profile.""]\nregistry = "central"\n"\\u0061" = 1\n')
    assert [problem.line for problem in document.problems] == [1]


def test_a_thousand_profiles_are_no_burden() -> None:
    text = "\n".join(f'[profile.p{number}]\nregistry = "central"\nworkspace = "w"' for number in range(1000))
    document = read(text)
    assert len(document.profiles) == 1000
    assert document.line_of(("profile", "p999", "workspace")) == 3000


def test_the_bound_of_a_file_is_a_mebibyte() -> None:
    assert SIZE_MAXIMUM == 2**20
