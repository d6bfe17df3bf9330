"""Organizations and workspaces: what they may be called."""

import pytest

from stardag.domain.errors import InvalidName
from stardag_registry.domain.errors import InvalidField
from stardag_registry.domain.organizations import Organization, Workspace, check_display_name, check_shared_slug

ID = "6f1c2a52-9f0e-4f5e-8a3d-0c5f3a8d2b11"
OTHER_ID = "00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize("slug", ["", "Acme", "a__b", "-a", "a/b", "../a", "a" * 64, ID, "ä"])
def test_a_slug_follows_the_rule_for_names_and_is_unlike_an_id(slug: str) -> None:
    with pytest.raises(InvalidName):
        Organization(ID, slug, "Acme")
    with pytest.raises(InvalidName):
        Workspace(ID, OTHER_ID, slug, "Acme")


@pytest.mark.parametrize("name", ["", " a", "a ", "a\nb", "a\x1b[31m", "a\u202eb", "x" * 101])
def test_a_display_name_is_short_and_printable(name: str) -> None:
    with pytest.raises(InvalidField):
        check_display_name(name)


@pytest.mark.parametrize("name", ["Acme", "Müller & Söhne", "x" * 100])
def test_a_display_name_may_be_anything_else(name: str) -> None:
    assert check_display_name(name) == name


def test_an_organization_is_meant_by_its_slug_or_its_id_however_that_is_written() -> None:
    organization = Organization(ID, "acme", "Acme")
    assert organization.is_meant_by("acme")
    assert organization.is_meant_by(ID)
    assert organization.is_meant_by(ID.upper())
    assert not organization.is_meant_by("ACME")
    assert not organization.is_meant_by(OTHER_ID)


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "a\x1b[31m", "\r", "x" * 2001])
def test_a_description_has_no_control_characters_and_an_end(text: str) -> None:
    with pytest.raises(InvalidField):
        Workspace(ID, OTHER_ID, "dev", "Dev", text)


def test_a_description_may_have_lines() -> None:
    assert Workspace(ID, OTHER_ID, "dev", "Dev", "two\n\tlines, ü").description == "two\n\tlines, ü"


def test_slugs_of_personal_workspaces_are_nobody_elses_choice() -> None:
    with pytest.raises(InvalidField):
        check_shared_slug("personal-alice")
    for slug in ("personal", "personal_alice", "impersonal-alice"):
        assert check_shared_slug(slug) == slug
