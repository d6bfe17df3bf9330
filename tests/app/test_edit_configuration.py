"""Editing the file in force: what is checked, what is said where it could not be, and what is refused."""

from collections.abc import Callable

import pytest

from stardag.app.add_registry import AddRegistry
from stardag.app.edit_configuration import (
    AddProfile,
    RemoveProfile,
    RemoveRegistry,
    TrustProject,
    UseProfile,
)
from stardag.domain.configuration import Profile
from stardag.domain.environment import InheritedPlace
from stardag.domain.errors import (
    ConfirmationNeeded,
    EditNotPossible,
    InvalidFile,
    InvalidName,
    InvalidValue,
    NoProjectFile,
    StardagError,
    StateNotWritable,
    UnknownName,
    UntrustedFile,
)
from stardag.domain.layers import Notice
from stardag.domain.organizations import Workspace
from stardag.domain.profile import NO_SELECTION
from stardag.domain.registry_errors import NotKnownToRegistry, UnexpectedAnswer
from tests.app.world import World, codes, sample
from tests.fakes.registry import FakeRegistryApi

HERE = "http://localhost:8000"
NOWHERE = "http://localhost:9"
USER_FILE, PROJECT_FILE = "/home/me/.stardag/config.toml", "/srv/project/.stardag/config.toml"
NEW = Profile("new", "local", "default", "default")


@pytest.fixture
def world() -> World:
    return World()


def add_registry(world: World) -> AddRegistry:
    return AddRegistry(world.environment, world.files, world.open_registry)


def add_profile(world: World) -> AddProfile:
    return AddProfile(world.environment, world.files, world.open_registry)


def urls(world: World) -> dict[str, str]:
    file = world.files.read().file
    return {name: it.url for name, it in file.configuration.registries.items()} if file else {}


def profiles(world: World) -> dict[str, Profile]:
    file = world.files.read().file
    return dict(file.configuration.profiles) if file else {}


def test_a_registry_is_added_to_the_file_in_force_which_is_named(world: World) -> None:
    added = add_registry(world)("second", HERE)
    assert (added.path, added.registry, added.changed, added.notices) == (USER_FILE, ("second", HERE, False), True, ())
    assert urls(world) == {"local": HERE, "second": HERE}
    world.files.project = {}
    assert add_registry(world)("third", HERE).path == PROJECT_FILE
    assert urls(world) == {"third": HERE}


def test_an_added_registry_is_checked_without_any_credential(world: World) -> None:
    add_registry(world)("second", HERE)
    assert world.registry.requests == ["GET /health"]
    assert [it.credential for it in world.registries.connected] == [None]


def test_a_registry_that_does_not_answer_is_added_with_a_word(world: World) -> None:
    edited = add_registry(world)("second", NOWHERE)
    assert codes(edited.notices) == ["not-checked"]
    assert "nothing listens there" in edited.notices[0].message
    assert urls(world)["second"] == NOWHERE


def test_offline_a_registry_is_added_unasked(world: World) -> None:
    assert codes(add_registry(world)("second", HERE, offline=True).notices) == ["not-checked"]
    assert world.registries.connected == []


def test_the_first_registry_makes_the_file(world: World) -> None:
    world.files.user = None
    assert add_registry(world)("local", HERE).changed
    assert urls(world) == {"local": HERE}


def test_adding_the_same_again_changes_nothing(world: World) -> None:
    edited = add_registry(world)("local", "HTTP://LOCALHOST:8000/")
    assert (edited.changed, world.files.edits, world.registry.requests) == (False, [], [])


def test_another_address_for_a_name_is_refused_until_it_is_confirmed(world: World) -> None:
    with pytest.raises(ConfirmationNeeded) as caught:
        add_registry(world)("local", NOWHERE)
    assert caught.value.option == "--replace"
    assert HERE in caught.value.message
    assert world.files.edits == []
    assert add_registry(world)("local", NOWHERE, overwrite=True).changed
    assert urls(world) == {"local": NOWHERE}


@pytest.mark.parametrize(
    ("name", "url", "error"),
    [
        ("No Name", HERE, InvalidName),
        ("a__b", HERE, InvalidName),
        ("../etc", HERE, InvalidName),
        ("second", "localhost:8000", InvalidValue),
        ("second", "https://me:secret@registry.example", InvalidValue),
        ("second", "http://registry.example", InvalidValue),
    ],
)
def test_what_cannot_be_a_registry_is_not_added(world: World, name: str, url: str, error: type[StardagError]) -> None:
    with pytest.raises(error):
        add_registry(world)(name, url)
    assert world.files.edits == []


def test_a_profile_that_is_only_to_be_added_may_be_named_by_the_variable_already(world: World) -> None:
    world.environment.profile = "new"
    assert add_registry(world)("second", HERE).changed
    assert add_profile(world)(NEW).changed


def test_a_profile_is_added_and_checked_at_its_registry(world: World) -> None:
    added = add_profile(world)(NEW)
    assert added == (USER_FILE, True, (), False, True, False)
    assert profiles(world)["new"] == NEW
    assert world.registry.requests == ["GET /organizations/default/workspaces"]


def test_a_profile_may_name_ids_and_the_default_registry(world: World) -> None:
    by_id = Profile("ids", "local", world.workspace.organization_id, world.workspace.id)
    assert add_profile(world)(by_id).notices == ()
    assert add_profile(world)(Profile("far", "central", "o", "w"), offline=True).changed


def test_what_the_registry_does_not_know_is_refused(world: World) -> None:
    with pytest.raises(NotKnownToRegistry) as caught:
        add_profile(world)(Profile("new", "local", "default", "defalt"))
    assert "Did you mean 'default'?" in caught.value.message
    with pytest.raises(NotKnownToRegistry):
        add_profile(world)(Profile("new", "local", "other", "default"))
    assert world.files.edits == []


@pytest.mark.parametrize("trouble", ["down", "offline", "no key", "refused", "forbidden"])
def test_a_profile_that_cannot_be_checked_is_added_with_a_word(world: World, trouble: str) -> None:
    if trouble == "down":
        world.registry.down = "nothing listens there"
    if trouble == "no key":
        world.environment.api_key = None
    if trouble == "refused":
        world.environment.api_key = "sk_unknown"
    if trouble == "forbidden":
        world.registry.forbidden.add(world.registry.owner_key)
    edited = add_profile(world)(NEW, offline=trouble == "offline")
    assert codes(edited.notices) == ["not-checked"]
    assert profiles(world)["new"] == NEW


def test_a_profile_is_checked_with_the_sign_in_of_the_user(world: World) -> None:
    world.environment.api_key = None
    world.signed_in()
    assert add_profile(world)(Profile("mine", "local", "default", "default")).notices == ()
    with pytest.raises(NotKnownToRegistry, match="'nobodys'"):
        add_profile(world)(Profile("other", "local", "nobodys", "default"))
    with pytest.raises(NotKnownToRegistry, match="'nothing'"):
        add_profile(world)(Profile("other", "local", "default", "nothing"))


class OddApi(FakeRegistryApi):
    """A registry that answers nonsense."""

    def check(self) -> str | None:
        raise UnexpectedAnswer(self.registry.url, "it is HTML")

    def workspaces(self, organization: str, *, archived: bool = False) -> tuple[()]:
        raise UnexpectedAnswer(self.registry.url, "it is HTML")


def test_nonsense_from_the_registry_is_no_check_either(world: World) -> None:
    world.registries.api = OddApi
    assert codes(add_registry(world)("second", HERE).notices) == ["not-checked"]
    assert codes(add_profile(world)(NEW).notices) == ["not-checked"]


def test_a_profile_without_an_organization_has_nothing_to_check(world: World) -> None:
    assert add_profile(world)(Profile("bare", "local")).notices == ()
    assert world.registry.requests == []


def test_the_same_profile_again_changes_nothing(world: World) -> None:
    assert not add_profile(world)(Profile("local", "local", "default", "default")).changed
    assert (world.files.edits, world.registry.requests) == ([], [])


def test_a_profile_of_that_name_is_replaced_only_when_confirmed(world: World) -> None:
    other = Profile("local", "local", "default")
    with pytest.raises(ConfirmationNeeded) as caught:
        add_profile(world)(other)
    assert caught.value.option == "--replace"
    assert add_profile(world)(other, overwrite=True).changed
    assert profiles(world)["local"] == other


def test_a_profile_of_an_unknown_registry_is_refused_with_the_nearest_name(world: World) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'local'"):
        add_profile(world)(Profile("new", "locl", "o", "w"))


def test_the_first_profile_becomes_the_default_in_the_same_edit(world: World) -> None:
    world.files.user = {"registry": {"local": {"url": HERE}}}
    added = add_profile(world)(NEW)
    assert (added.is_default, added.has_default) == (True, True)
    assert [edit.table for edit in world.files.edits] == [("profile", "new"), ("default",)]
    assert world.resolve().profile.value == "new"
    assert add_profile(world)(NEW) == (USER_FILE, False, (), True, True, False)


def test_the_first_profile_of_a_project_becomes_the_default_there(world: World) -> None:
    world.files.project = {"registry": {"local": {"url": HERE}}}
    assert add_profile(world)(NEW)[:1] == (PROJECT_FILE,)
    assert world.resolve().profile.value == "new"
    assert world.files.user == sample()


def test_the_first_profile_does_not_become_the_default_where_that_is_not_wanted(world: World) -> None:
    world.files.user = {"registry": {"local": {"url": HERE}}}
    added = add_profile(world)(NEW, may_become_default=False)
    assert (added.is_default, added.has_default) == (False, False)
    assert world.resolve().profile.value is None


def test_among_several_profiles_none_becomes_the_default_by_being_added(world: World) -> None:
    world.files.user = {**sample(), "": {}}
    added = add_profile(world)(NEW)
    assert (added.is_default, added.has_default) == (False, False)
    assert world.resolve().profile.value is None


def test_a_default_that_another_process_sets_meanwhile_stays(world: World) -> None:
    world.files.user = {"registry": {"local": {"url": HERE}}}
    workspaces = FakeRegistryApi.workspaces

    class Meanwhile(FakeRegistryApi):
        def workspaces(self, organization: str, *, archived: bool = False) -> tuple[Workspace, ...]:
            world.files.user = sample()
            return workspaces(self, organization, archived=archived)

    world.registries.api = Meanwhile
    added = add_profile(world)(NEW)
    assert (added.is_default, added.has_default) == (False, True)
    assert world.resolve().profile.value == "local"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("profile", "local"),
        ("registry_url", "https://elsewhere.example"),
        ("organization", "other"),
        ("workspace", "other"),
    ],
)
def test_a_variable_that_outranks_the_default_is_named(world: World, variable: str, value: str) -> None:
    add_profile(world)(NEW)
    setattr(world.environment, variable, value)
    notice = UseProfile(world.environment, world.files)("new").notices[0]
    assert notice.code == "outranked"
    assert f"STARDAG_{variable.upper()}" in notice.message
    assert f"={value} " in notice.message
    world.files.user = {"registry": {"local": {"url": HERE}}}
    assert codes(add_profile(world)(NEW, offline=True).notices) == ["not-checked", "outranked"]


def test_variables_that_say_the_same_as_the_default_outrank_nothing(world: World) -> None:
    world.environment.profile = "local"
    world.environment.registry_url, world.environment.workspace = HERE, "default"
    assert UseProfile(world.environment, world.files)("local").notices == ()


ELSEWHERE = InheritedPlace("https://elsewhere.example", "o-id", "w-id", {}, "acme", "prod")


def started_for(world: World, place: InheritedPlace) -> None:
    """What `stardag exec` sets for a place."""
    world.environment.inherited = place
    world.environment.registry_url = place.registry_url
    world.environment.organization, world.environment.workspace = place.organization, place.workspace


def test_what_exec_set_is_no_variable_to_unset_but_the_place_that_the_process_works_at(world: World) -> None:
    started_for(world, ELSEWHERE)
    (notice,) = UseProfile(world.environment, world.files)("local").notices
    assert notice.code == "outranked"
    assert "workspace 'prod' at https://elsewhere.example" in notice.message
    assert "STARDAG_" not in notice.message


def test_what_a_person_sets_in_there_is_still_named(world: World) -> None:
    started_for(world, ELSEWHERE)
    world.environment.workspace = "mine"
    notices = UseProfile(world.environment, world.files)("local").notices
    assert [notice.message.split()[0] for notice in notices] == ["This", "STARDAG_WORKSPACE_ID=mine"]


def test_the_profile_that_a_process_was_started_for_outranks_nothing(world: World) -> None:
    started_for(world, ELSEWHERE._replace(registry_url=HERE, organization_slug="default", workspace_slug="default"))
    assert UseProfile(world.environment, world.files)("local").notices == ()


def test_a_profile_is_used(world: World) -> None:
    add_profile(world)(NEW)
    edited = UseProfile(world.environment, world.files)("new")
    assert edited == (USER_FILE, True, ())
    assert world.resolve().profile.value == "new"
    assert not UseProfile(world.environment, world.files)("new").changed


def test_an_unknown_profile_can_be_neither_used_nor_removed(world: World) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'local'"):
        UseProfile(world.environment, world.files)("locl")
    with pytest.raises(UnknownName):
        RemoveProfile(world.files)("locl")
    assert world.files.edits == []


def test_a_removed_profile_takes_the_default_along_where_it_was_that(world: World) -> None:
    add_profile(world)(NEW)
    assert RemoveProfile(world.files)("new") == (USER_FILE, False, True, ())
    with pytest.raises(ConfirmationNeeded, match="'local' is the default") as caught:
        RemoveProfile(world.files)("local")
    assert caught.value.option == "--yes"
    assert set(profiles(world)) == {"local"}
    assert RemoveProfile(world.files)("local", confirmed=True) == (USER_FILE, True, False, ())
    assert world.resolve().profile.value is None
    assert profiles(world) == {}


def test_a_registry_nobody_uses_is_removed(world: World) -> None:
    add_registry(world)("second", HERE)
    edited, gone = RemoveRegistry(world.files, world.sign_ins)("second")
    assert (edited.changed, gone) == (True, ())
    assert urls(world) == {"local": HERE}


def test_a_registry_that_profiles_use_is_removed_with_them_only_when_confirmed(world: World) -> None:
    add_profile(world)(NEW)
    with pytest.raises(ConfirmationNeeded) as caught:
        RemoveRegistry(world.files, world.sign_ins)("local")
    assert caught.value.option == "--yes"
    assert "2 profiles" in caught.value.message
    assert set(profiles(world)) == {"local", "new"}
    _, gone = RemoveRegistry(world.files, world.sign_ins)("local", and_profiles=True)
    assert set(gone) == {"local", "new"}
    assert (urls(world), profiles(world), world.resolve().profile.value) == ({}, {}, None)


def test_a_sign_in_at_a_removed_registry_is_kept_and_that_is_said(world: World) -> None:
    world.signed_in()
    edited, _ = RemoveRegistry(world.files, world.sign_ins)("local", and_profiles=True)
    assert codes(edited.notices) == ["still-signed-in"]
    assert "stardag auth logout --registry local" in edited.notices[0].message


def test_a_registry_that_the_file_does_not_define_cannot_be_removed(world: World) -> None:
    with pytest.raises(UnknownName):
        RemoveRegistry(world.files, world.sign_ins)("missing")


def test_the_default_registry_that_no_file_defines_is_not_said_to_be_unknown_when_it_is_removed(world: World) -> None:
    with pytest.raises(InvalidValue, match=f"known without an entry, and {USER_FILE} has none"):
        RemoveRegistry(world.files, world.sign_ins)("central")


@pytest.mark.parametrize(
    ("trouble", "error"), [("stubborn", EditNotPossible), ("read_only", StateNotWritable), ("untrusted", UntrustedFile)]
)
def test_what_keeps_a_file_from_being_edited_is_its_error(
    world: World, trouble: str, error: type[StardagError]
) -> None:
    world.files.project = sample()
    setattr(world.files, trouble, True)
    edits: list[Callable[[], object]] = [
        lambda: add_registry(world)("second", HERE),
        lambda: add_profile(world)(NEW),
        lambda: RemoveProfile(world.files)("local", confirmed=True),
        lambda: RemoveRegistry(world.files, world.sign_ins)("local", and_profiles=True),
    ]
    for edit in edits:
        with pytest.raises(error):
            edit()
    assert world.files.project == sample()


def test_an_invalid_file_is_never_edited(world: World) -> None:
    world.files.user = {"profile": {"local": {"registry": "missing"}}}
    edits: list[Callable[[], object]] = [
        lambda: add_registry(world)("missing", HERE),
        lambda: UseProfile(world.environment, world.files)("local"),
    ]
    for edit in edits:
        with pytest.raises(InvalidFile):
            edit()
    assert world.files.edits == []


def test_notices_of_the_file_are_handed_on(world: World) -> None:
    world.files.notices = (Notice("unknown-key", "x"),)
    assert codes(add_registry(world)("second", HERE).notices) == ["unknown-key"]
    assert codes(UseProfile(world.environment, world.files)("local").notices) == ["unknown-key"]


def test_a_trusted_project_may_name_the_registries_that_it_names_today(world: World) -> None:
    world.files.project = sample("https://evil.example")
    world.files.untrusted = True
    trusted = TrustProject(world.files, world.trust)()
    assert trusted.path == PROJECT_FILE
    assert world.trust.is_trusted(PROJECT_FILE)
    world.files.untrusted = False
    assert world.open_registry(world.resolve(NO_SELECTION)) is not None


def test_a_projects_file_may_be_trusted_by_path(world: World) -> None:
    world.files.project = sample()
    assert TrustProject(world.files, world.trust)(PROJECT_FILE).path == PROJECT_FILE


def test_without_a_project_there_is_nothing_to_trust(world: World) -> None:
    with pytest.raises(NoProjectFile):
        TrustProject(world.files, world.trust)()
    world.files.project = {"profile": {"x": {"registry": "missing"}}}
    with pytest.raises(InvalidFile):
        TrustProject(world.files, world.trust)()
    assert world.trust.origins == {}
