"""Organizations, workspaces, and who may do what in them."""

from datetime import UTC, datetime

import pytest

from stardag.domain.errors import InvalidName
from stardag_registry.domain.api_keys import ApiKey, Purpose
from stardag_registry.domain.errors import InvalidField, NotAllowed, NotFound
from stardag_registry.domain.organizations import Organization, Workspace, check_display_name
from stardag_registry.domain.permissions import Action, Caller, check_allowed

ID = "6f1c2a52-9f0e-4f5e-8a3d-0c5f3a8d2b11"
OTHER_ID = "00000000-0000-4000-8000-000000000000"


def caller(purpose: Purpose) -> Caller:
    api_key = ApiKey(OTHER_ID, ID, "a key", purpose, datetime(2026, 1, 1, tzinfo=UTC))
    return Caller(api_key, Workspace(ID, OTHER_ID, "dev", "Dev"), Organization(OTHER_ID, "acme", "Acme"))


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


@pytest.mark.parametrize("action", ["read target roots", "change target roots"])
def test_an_administering_key_may_do_everything_in_its_workspace(action: Action) -> None:
    check_allowed(caller("administer"), action, ID)
    check_allowed(caller("administer"), action, ID.upper())


def test_a_building_key_reads_and_changes_nothing() -> None:
    check_allowed(caller("build"), "read target roots", ID)
    with pytest.raises(NotAllowed):
        check_allowed(caller("build"), "change target roots", ID)


@pytest.mark.parametrize("purpose", ["administer", "build"])
@pytest.mark.parametrize("action", ["read target roots", "change target roots"])
def test_another_workspace_is_not_there(purpose: Purpose, action: Action) -> None:
    with pytest.raises(NotFound):
        check_allowed(caller(purpose), action, OTHER_ID)
