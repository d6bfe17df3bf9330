"""The rule for names, and for references that are a slug or an id."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stardag.domain.errors import InvalidName
from stardag.domain.names import NAME_MAX_LENGTH, check_name, check_reference, check_slug, is_id, is_name

GOOD = ["a", "0", "local", "my-org", "my_org", "a-b_c-1", "central-individual", "9lives", "a" * NAME_MAX_LENGTH]
BAD = [
    "",
    "-a",
    "a-",
    "_a",
    "a_",
    "a__b",
    "a--b",
    "a-_b",
    "Local",
    "a b",
    "a.b",
    "a/b",
    "..",
    "../etc",
    "a\\b",
    "a\n",
    "\na",
    "a\0",
    "ä",
    "а",  # noqa: RUF001  # the Cyrillic letter
    "٣",
    "ﬁle",
    "a" * (NAME_MAX_LENGTH + 1),
]
AN_ID = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"


@pytest.mark.parametrize("name", GOOD)
def test_names_are_lower_case_letters_and_digits_with_single_separators(name: str) -> None:
    assert is_name(name)
    assert check_name("profile", name) == name


@pytest.mark.parametrize("name", BAD)
def test_nothing_else_is_a_name(name: str) -> None:
    assert not is_name(name)
    with pytest.raises(InvalidName) as caught:
        check_name("registry", name)
    assert (caught.value.kind, caught.value.value) == ("registry", name)
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 150


@given(st.text(max_size=70))
def test_a_name_is_fit_for_file_names_and_variables(text: str) -> None:
    if is_name(text):
        assert text.isascii()
        assert not set(text) - set("abcdefghijklmnopqrstuvwxyz0123456789-_")
        assert "__" not in text
        assert text[0].isalnum()
        assert text[-1].isalnum()
        assert len(text) <= NAME_MAX_LENGTH


def test_an_article_fits_its_kind() -> None:
    assert "cannot name an organization." in InvalidName("organization", "!").message
    assert "cannot name a workspace." in InvalidName("workspace", "!").message


def test_ids_are_uuids_in_either_case() -> None:
    assert is_id(AN_ID)
    assert is_id(AN_ID.upper())
    for other in (AN_ID[:-1], AN_ID + "0", AN_ID.replace("-", ""), f"{{{AN_ID}}}", f"urn:uuid:{AN_ID}", AN_ID + "\n"):
        assert not is_id(other)


@given(st.uuids())
def test_a_reference_is_a_slug_or_an_id_in_lower_case(identifier: uuid.UUID) -> None:
    assert check_reference("workspace", str(identifier).upper()) == str(identifier)
    assert check_reference("workspace", "my-workspace") == "my-workspace"


@pytest.mark.parametrize("reference", ["My-Org", "", "a/b", "../workspaces", "a?b", AN_ID + "0" * 40])
def test_a_reference_that_is_neither_is_refused(reference: str) -> None:
    with pytest.raises(InvalidName):
        check_reference("organization", reference)


def test_a_slug_never_looks_like_an_id() -> None:
    assert check_slug("workspace", "my-workspace") == "my-workspace"
    for slug in (AN_ID, "Upper"):
        with pytest.raises(InvalidName):
            check_slug("workspace", slug)
