"""Each rule of resolution by name, in the words of the guide and the readings (sections 2 to 4), by one example."""

import uuid
from collections.abc import Mapping

import pytest

from stardag.domain.configuration import Profile
from stardag.domain.credentials import Secret
from stardag.domain.environment import Environment
from stardag.domain.errors import InvalidName, InvalidVariable, NoProfileChosen, UnknownName, UnknownTargetRoot
from stardag.domain.layers import Layer, Notice, Origin, Setting
from stardag.domain.profile import ActiveProfile, Selection
from stardag.domain.remembered import CachedRoots, WorkspaceIdentity
from stardag.domain.resolution import resolve
from tests.domain.resolution_table import Case, FileCase


def an_id(number: int) -> str:
    return str(uuid.UUID(int=number))


LOCAL, CENTRAL = "http://localhost:3000", "https://api.startdag.com"
SAMPLE = {
    "local": Profile("local", "local", "default", "default"),
    "central-individual": Profile("central-individual", "central", "my-org", "default-username"),
    "central-dev": Profile("central-dev", "central", "my-org", "developement"),
    "central-prod": Profile("central-prod", "central", "my-org", "production"),
}
KEY = Secret("sk_1")
IDENTITY = WorkspaceIdentity(LOCAL, an_id(1), "default", an_id(2), "default", frozenset({KEY.fingerprint}))
ROOTS = CachedRoots(LOCAL, an_id(1), an_id(2), {"default": "s3://bucket/prod/", "archive": "/archive"})


def sample_file(default: str | None = "local", is_project: bool = False) -> FileCase:
    """The guide's sample `config.toml`."""
    return FileCase(is_project, {"local": LOCAL, "central": CENTRAL}, SAMPLE, default)


def resolved(
    flags: Selection | None = None,
    variables: Mapping[str, str] | None = None,
    file: FileCase | None = None,
    identities: tuple[WorkspaceIdentity, ...] = (),
    cached: tuple[CachedRoots, ...] = (),
    json_roots: Mapping[str, str] | None = None,
    root_variables: Mapping[str, str] | None = None,
) -> ActiveProfile:
    case = Case(flags or Selection(), variables or {}, json_roots or {}, root_variables or {}, file, identities, cached)
    return resolve(case.layers())


def place(profile: ActiveProfile) -> tuple[str | None, str, str | None, str | None]:
    return profile.registry.value, profile.registry_url.value, profile.organization.value, profile.workspace.value


def test_with_nothing_at_all_the_defaults_serve_local_roots() -> None:
    profile = resolved()
    assert place(profile) == ("central", "https://api.stardag.com", None, None)
    assert profile.is_local
    assert profile.target_root("default") == "/home/me/.stardag/local-target-roots/default/default/"
    assert profile.target_roots["default"].origin.layer is Layer.DEFAULT


UNCHOSEN = FileCase(is_project=True, registries={"local": LOCAL}, profiles=SAMPLE, default=None)


def test_a_file_whose_profiles_nothing_chooses_has_no_place_for_outputs() -> None:
    profile = resolved(file=UNCHOSEN)
    assert place(profile) == ("central", "https://api.stardag.com", None, None)
    assert not profile.is_local
    for look in (profile.check_chosen, lambda: profile.target_root("default")):
        with pytest.raises(NoProfileChosen) as caught:
            look()
        assert caught.value.profiles == tuple(SAMPLE)
        assert all(name in caught.value.message for name in (*SAMPLE, UNCHOSEN.path))
        assert "stardag profile use" in caught.value.fix


def test_a_file_with_registries_alone_has_none_either() -> None:
    with pytest.raises(NoProfileChosen, match="no profile") as caught:
        resolved(file=FileCase(is_project=True, registries={"local": LOCAL}, profiles={}, default=None)).check_chosen()
    assert "stardag profile add NAME --registry local" in caught.value.fix


@pytest.mark.parametrize("variables", [{"api_key": "sk_1"}, {"workspace": "w"}, {"organization": "o"}])
def test_a_key_or_a_workspace_alone_chooses_no_profile(variables: dict[str, str]) -> None:
    """It would go to the default registry, which the file does not name."""
    with pytest.raises(NoProfileChosen):
        resolved(variables=variables, file=UNCHOSEN).check_chosen()


@pytest.mark.parametrize(
    ("selection", "variables"),
    [
        (Selection(profile="local"), {}),
        (Selection(registry="local"), {}),
        (Selection(), {"profile": "local"}),
        (Selection(), {"url": LOCAL}),
    ],
)
def test_whatever_names_a_registry_chooses(selection: Selection, variables: dict[str, str]) -> None:
    resolved(selection, variables, UNCHOSEN).check_chosen()


def test_a_root_that_a_person_sets_is_there_whatever_is_chosen() -> None:
    case = Case(file=UNCHOSEN, json_roots={"default": "/mine"})
    assert resolve(case.layers()).target_root("default") == "/mine"


@pytest.mark.parametrize("name", SAMPLE)
def test_the_guides_sample_resolves_under_each_of_its_profiles(name: str) -> None:
    profile = resolved(Selection(profile=name), file=sample_file())
    wanted = SAMPLE[name]
    url = LOCAL if wanted.registry == "local" else CENTRAL
    assert place(profile) == (wanted.registry, url, wanted.organization, wanted.workspace)


def test_the_files_default_profile_is_active_where_nothing_else_names_one() -> None:
    file = sample_file()
    profile = resolved(file=file)
    assert profile.profile == Setting("local", file.origin("default", "profile"))
    assert profile.organization.origin == file.origin("profile", "local", "organization")
    assert profile.registry_url.origin == file.origin("registry", "local", "url")


def test_flag_beats_variable_beats_file_in_naming_the_profile() -> None:
    file = sample_file()
    by_variable = resolved(variables={"profile": "central-dev"}, file=file)
    assert by_variable.profile.value == "central-dev"
    by_flag = resolved(Selection(profile="central-prod"), {"profile": "central-dev"}, file)
    assert by_flag.profile.value == "central-prod"
    assert [lost.value for lost in by_flag.profile.overridden] == ["central-dev", "local"]
    assert [lost.reason for lost in by_flag.profile.overridden] == [
        "--profile outranks it",
        "STARDAG_PROFILE outranks it",
    ]


def test_url_key_and_workspace_fully_specify_and_override_everything_else() -> None:
    variables = {"url": "https://own.example", "api_key": "sk_1", "workspace": "production"}
    profile = resolved(variables=variables, file=sample_file())
    assert place(profile) == (None, "https://own.example", None, "production")
    assert profile.organization.overridden[0].reason == "STARDAG_REGISTRY_URL names another registry"
    assert not profile.is_local


def test_url_key_and_workspace_override_a_file_that_names_the_same_address() -> None:
    variables = {"url": CENTRAL, "api_key": "sk_1", "workspace": "theirs"}
    profile = resolved(variables=variables | {"profile": "central-prod"}, file=sample_file())
    assert place(profile) == ("central", CENTRAL, None, "theirs")
    assert profile.organization.overridden[0].reason == "STARDAG_API_KEY brings its own organization"


@pytest.mark.parametrize("file", [None, sample_file()])
def test_a_profile_that_only_a_variable_names_is_not_needed_beside_them(file: FileCase | None) -> None:
    variables = {"url": CENTRAL, "api_key": "sk_1", "workspace": "theirs", "profile": "missing"}
    profile = resolved(variables=variables, file=file)
    assert place(profile)[1:] == (CENTRAL, None, "theirs")
    assert [notice.code for notice in profile.notices] == ["profile-not-used"]
    with pytest.raises(UnknownName):
        resolved(Selection(profile="missing"), variables, file)


@pytest.mark.parametrize("missing", ["url", "api_key", "workspace"])
def test_two_of_the_three_leave_the_profiles_organization_in_force(missing: str) -> None:
    variables = {"url": CENTRAL, "api_key": "sk_1", "workspace": "theirs", "profile": "central-prod"}
    del variables[missing]
    assert resolved(variables=variables, file=sample_file()).organization.value == "my-org"


def test_a_profile_named_by_the_flag_stands_against_the_three() -> None:
    variables = {"url": CENTRAL, "api_key": "sk_1", "workspace": "theirs"}
    profile = resolved(Selection(profile="central-prod"), variables, sample_file())
    assert place(profile) == ("central", CENTRAL, "my-org", "production")


def test_a_profile_named_by_the_flag_beats_the_environments_registry_organization_and_workspace() -> None:
    variables = {"url": "https://own.example", "organization": "theirs", "workspace": "theirs"}
    profile = resolved(Selection(profile="central-prod"), variables, sample_file())
    assert place(profile) == ("central", CENTRAL, "my-org", "production")


@pytest.mark.parametrize("variables", [{"profile": "central-prod"}, {}])
def test_one_named_by_variable_or_file_does_not(variables: dict[str, str]) -> None:
    file = sample_file(default="central-prod")
    profile = resolved(variables={**variables, "workspace": "staging"}, file=file)
    assert place(profile) == ("central", CENTRAL, "my-org", "staging")
    assert profile.workspace.origin == Origin(Layer.ENVIRONMENT, variable="STARDAG_WORKSPACE_ID")


def test_another_registry_drops_organization_and_workspace_that_are_not_restated() -> None:
    profile = resolved(Selection(registry="central"), file=sample_file())
    assert place(profile) == ("central", CENTRAL, None, None)
    assert profile.workspace.overridden[0].value == "default"
    assert profile.workspace.overridden[0].reason == "--registry names another registry"


def test_another_organization_drops_the_workspace_that_is_not_restated() -> None:
    profile = resolved(Selection(organization="theirs"), file=sample_file())
    assert place(profile) == ("local", LOCAL, "theirs", None)
    assert profile.workspace.overridden[0].reason == "--organization names another organization"


def test_what_is_restated_stays() -> None:
    profile = resolved(Selection(registry="central", organization="o", workspace="w"), file=sample_file())
    assert place(profile) == ("central", CENTRAL, "o", "w")


def test_the_same_registry_said_again_drops_nothing() -> None:
    by_url = resolved(variables={"url": LOCAL}, file=sample_file())
    assert place(by_url) == ("local", LOCAL, "default", "default")
    by_flag = resolved(Selection(registry="local"), file=sample_file())
    assert place(by_flag) == ("local", LOCAL, "default", "default")


def test_an_id_and_its_slug_are_the_same_organization() -> None:
    known = resolved(Selection(organization=an_id(1)), file=sample_file(), identities=(IDENTITY,))
    assert place(known) == ("local", LOCAL, an_id(1), "default")
    unknown = resolved(Selection(organization=an_id(1)), file=sample_file())
    assert unknown.workspace.value is None


def test_an_organization_named_where_none_was_drops_nothing() -> None:
    profile = resolved(Selection(organization="mine"), {"workspace": "w"})
    assert (profile.organization.value, profile.workspace.value) == ("mine", "w")


def test_the_default_registry_is_at_the_address_that_the_file_gives_its_name() -> None:
    file = FileCase(is_project=False, registries={"central": CENTRAL}, profiles={}, default=None)
    profile = resolved(variables={"workspace": "w"}, file=file)
    assert place(profile) == ("central", CENTRAL, None, "w")
    assert profile.registry_url.origin == file.origin("registry", "central", "url")


def test_an_address_without_a_name_is_a_registry_without_a_name() -> None:
    assert resolved(variables={"url": "https://own.example"}).registry.value is None
    assert resolved(variables={"url": "https://api.stardag.com"}).registry.value == "central"


@pytest.mark.parametrize(
    "variables",
    [{"workspace": "w"}, {"organization": "o"}, {"url": "https://api.stardag.com"}, {"api_key": "sk_1"}],
)
def test_as_soon_as_anything_names_one_the_local_roots_do_not_serve(variables: dict[str, str]) -> None:
    profile = resolved(variables=variables)
    assert not profile.is_local
    assert profile.target_roots == {}
    with pytest.raises(UnknownTargetRoot):
        profile.target_root("default")


def test_a_flag_too_ends_the_local_roots() -> None:
    assert not resolved(Selection(workspace="w")).is_local
    assert not resolved(Selection(registry="central")).is_local


def test_roots_come_from_the_cache_of_registry_organization_and_workspace() -> None:
    profile = resolved(file=sample_file(), identities=(IDENTITY,), cached=(ROOTS,))
    assert {name: it.value for name, it in profile.target_roots.items()} == dict(ROOTS.target_roots)
    assert profile.target_roots["default"].origin == Origin(Layer.CACHE, path="/state/target-root-cache.json")
    assert profile.identity == IDENTITY
    other = resolved(Selection(workspace="other"), file=sample_file(), identities=(IDENTITY,), cached=(ROOTS,))
    assert other.target_roots == {}


def test_named_by_ids_the_cache_alone_is_enough() -> None:
    variables = {"url": LOCAL, "organization": an_id(1), "workspace": an_id(2)}
    assert resolved(variables=variables, cached=(ROOTS,)).target_root("archive") == "/archive"
    assert resolved(variables={**variables, "workspace": an_id(3)}, cached=(ROOTS,)).target_roots == {}


def test_a_key_whose_workspace_is_known_is_enough_to_find_the_roots() -> None:
    variables = {"url": LOCAL, "api_key": "sk_1"}
    assert resolved(variables=variables, identities=(IDENTITY,), cached=(ROOTS,)).target_root("archive") == "/archive"
    other = {**variables, "api_key": "sk_2"}
    assert resolved(variables=other, identities=(IDENTITY,), cached=(ROOTS,)).target_roots == {}


def test_the_environments_roots_are_over_the_cached_ones_name_by_name() -> None:
    profile = resolved(
        file=sample_file(), identities=(IDENTITY,), cached=(ROOTS,), json_roots={"default": "/mine", "extra": "/extra"}
    )
    assert {name: it.value for name, it in profile.target_roots.items()} == {
        "archive": "/archive",
        "default": "/mine",
        "extra": "/extra",
    }
    assert profile.target_roots["default"].overridden[0].value == "s3://bucket/prod/"
    assert profile.overridden_roots == {"default", "extra"}


def test_a_roots_own_variable_beats_the_json() -> None:
    profile = resolved(json_roots={"default": "/json"}, root_variables={"default": "/own"})
    assert profile.target_root("default") == "/own"
    assert [lost.value for lost in profile.target_roots["default"].overridden] == [
        "/json",
        "/home/me/.stardag/local-target-roots/default/default/",
    ]


def test_a_variables_underscore_stands_for_a_hyphen_too() -> None:
    cached = (ROOTS._replace(target_roots={"cold-storage": "/cold"}),)
    profile = resolved(
        file=sample_file(), identities=(IDENTITY,), cached=cached, root_variables={"cold_storage": "/warm"}
    )
    assert {name: it.value for name, it in profile.target_roots.items()} == {"cold-storage": "/warm"}


def test_an_unknown_profile_is_an_error_with_the_nearest_name() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'central-prod'"):
        resolved(Selection(profile="central-prd"), file=sample_file())
    with pytest.raises(UnknownName, match="named by STARDAG_PROFILE"):
        resolved(variables={"profile": "local"})


def test_an_unknown_registry_is_an_error_with_the_nearest_name() -> None:
    with pytest.raises(UnknownName, match=r"named by --registry.*Did you mean 'local'"):
        resolved(Selection(registry="locl"), file=sample_file())


@pytest.mark.parametrize("flags", [Selection(organization="../me"), Selection(workspace="No Slug")])
def test_a_flag_that_names_neither_slug_nor_id_is_refused(flags: Selection) -> None:
    with pytest.raises(InvalidName):
        resolved(flags)


def test_an_id_given_by_flag_may_be_in_upper_case() -> None:
    flags = Selection(organization=str(uuid.UUID(int=0xABC)).upper())
    assert resolved(flags).organization.value == str(uuid.UUID(int=0xABC))


def test_a_profile_that_is_only_being_added_may_be_left_out_of_account() -> None:
    profile = resolved(Selection(registry="local", without_profile=True), {"profile": "to-be-added"}, sample_file())
    assert place(profile) == ("local", LOCAL, None, None)
    assert profile.profile.value is None


def test_offline_is_asked_for_by_flag_or_variable() -> None:
    case = Case()
    environment = Environment(offline=Setting(True, Origin(Layer.ENVIRONMENT, variable="STARDAG_OFFLINE")))
    layers = case.layers()._replace(environment=environment)
    assert resolve(layers).offline == environment.offline
    by_flag = resolve(layers._replace(selection=Selection(offline=True))).offline
    assert (by_flag.value, by_flag.origin.layer) == (True, Layer.FLAG)
    assert resolve(case.layers()).offline.value is False


def test_timeout_and_notices_of_the_environment_are_handed_on() -> None:
    environment = Environment(timeout=3.0, notices=(Notice("x", "y"),))
    profile = resolve(Case().layers()._replace(environment=environment))
    assert (profile.timeout, profile.notices) == (3.0, (Notice("x", "y"),))


def test_nobody_changes_what_was_resolved() -> None:
    layers = Case(json_roots={"default": "/json"}).layers()
    assert resolve(layers) == resolve(layers)


def test_a_variable_with_the_address_in_force_keeps_the_name_in_force() -> None:
    names = {"first": LOCAL, "second": LOCAL}
    file = FileCase(False, names, {"mine": Profile("mine", "second", "default", "default")}, "mine")
    profile = resolved(variables={"url": LOCAL}, file=file)
    assert place(profile) == ("second", LOCAL, "default", "default")
    assert profile.registry.origin.variable == "STARDAG_REGISTRY_URL"


def test_a_variable_that_fits_two_roots_is_told_with_both_and_with_the_one_that_spells_names_out() -> None:
    case = Case(json_roots={"a-b": "/1", "a_b": "/2"}, root_variables={"a_b": "/3"})
    with pytest.raises(InvalidVariable, match="'a-b' and 'a_b'") as caught:
        resolve(case.layers())
    assert "STARDAG_TARGET_ROOTS," in caught.value.fix
