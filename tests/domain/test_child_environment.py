"""What is handed down to a child leads it to the very same place, wherever it is started (readings, section 4)."""

import json
from collections.abc import Mapping

import pytest
from hypothesis import event, given, settings

from stardag.adapters.environment import EnvironmentVariables
from stardag.domain.child_environment import (
    REPLACED,
    build_to_join,
    child_environment,
    environment_of,
    roots_left_out,
)
from stardag.domain.configuration import Profile
from stardag.domain.credentials import Secret
from stardag.domain.environment import VALUE_MAX_LENGTH, Environment
from stardag.domain.errors import InvalidVariable, UnknownName
from stardag.domain.layers import Setting
from stardag.domain.profile import NO_SELECTION, ActiveProfile, Selection
from stardag.domain.remembered import CachedRoots, WorkspaceIdentity
from stardag.domain.resolution import Layers, resolve
from tests.domain import resolution_table as table
from tests.domain.generated_layers import an_id, cases
from tests.domain.resolution_table import Case, FileCase

URL, OTHER_URL = "https://one.example", "https://two.example"
ORGANIZATION, WORKSPACE, BUILD = an_id(1), an_id(11), an_id(99)
IDENTITY = WorkspaceIdentity(URL, ORGANIZATION, "red", WORKSPACE, "prod")
CACHED = CachedRoots(URL, ORGANIZATION, WORKSPACE, {"default": "s3://bucket/prod/"})
PLACE = {"url": URL, "organization": "red", "workspace": "prod"}
TOKEN = Secret("stardag_token_x")


def resolved(
    variables: Mapping[str, str],
    case: Case,
    selection: Selection = NO_SELECTION,
) -> ActiveProfile:
    """The profile of a process with exactly these variables, on the machine of a case."""
    return resolve(case.layers()._replace(selection=selection, environment=EnvironmentVariables(variables).read()))


def inherited(case: Case) -> dict[str, str]:
    """The variables of a case, spelt out, and more spellings that would take a child elsewhere."""
    variables = {table.VARIABLES[key]: value for key, value in case.variables.items()}
    variables |= {f"STARDAG_TARGET_ROOTS__{name.upper()}": prefix for name, prefix in case.root_variables.items()}
    return {**variables, "STARDAG_TARGET_ROOTS": json.dumps(dict(case.json_roots)), "PATH": "/bin"}


def check_same_place(case: Case, child: Case) -> None:
    """Whatever file and profile there are where the child is started, and whatever it inherits."""
    try:
        profile = resolve(case.layers())
    except (UnknownName, InvalidVariable):
        event("there is no profile")
        return
    variables = environment_of(profile, profile.identity, None)
    environment = child_environment(inherited(case), variables, None)
    there = Case(file=child.file, identities=case.identities, cached=case.cached)
    found = resolved(environment, there)
    event(f"local: {profile.is_local}, known: {profile.identity is not None}")
    if profile.is_local and not found.is_local:
        assert not found.inherited_roots  # they belong to this machine, and the child is at a registry's workspace
        return
    assert {name: root.value for name, root in profile.target_roots.items()}.items() <= {
        name: root.value for name, root in found.target_roots.items()
    }.items()
    if profile.is_local:
        return
    assert found.registry_url.value == profile.registry_url.value
    known = profile.identity
    if known is not None:
        assert (found.organization.value, found.workspace.value) == (known.organization_id, known.workspace_id)
    if known is not None or None not in (profile.organization.value, profile.workspace.value):
        assert found.target_roots.keys() == profile.target_roots.keys()
    elsewhere = resolved(environment, Case(file=child.file))  # another machine, which remembers nothing
    assert {name: root.value for name, root in elsewhere.target_roots.items()} == {
        name: root.value for name, root in profile.target_roots.items()
    }


@settings(max_examples=300)
@given(cases, cases)
def test_a_child_is_at_the_very_same_place(case: Case, child: Case) -> None:
    check_same_place(case, child)


@pytest.mark.slow
@settings(max_examples=10_000)
@given(cases, cases)
def test_many_more_children_are_at_the_very_same_place(case: Case, child: Case) -> None:
    check_same_place(case, child)


def inherited_place(url: str | None, organization: str | None, workspace: str | None, **roots: str) -> str:
    place: dict[str, object] = {"registry_url": url, "organization": organization, "workspace": workspace}
    slugs = {"organization_slug": "red", "workspace_slug": "prod"} if url else {}
    return json.dumps({**place, **slugs, "target_roots": roots}, separators=(",", ":"))


def at_work(**variables: str) -> ActiveProfile:
    case = Case(variables={**PLACE, **variables}, identities=(IDENTITY,), cached=(CACHED,))
    return resolve(case.layers())


def test_ids_stand_for_slugs_and_nothing_secret_is_handed_down() -> None:
    variables = environment_of(at_work(api_key="sk_hunter2"), IDENTITY, BUILD)
    assert {name: value for name, value in variables.items() if value} == {
        "STARDAG_REGISTRY_URL": URL,
        "STARDAG_ORGANIZATION_ID": ORGANIZATION,
        "STARDAG_WORKSPACE_ID": WORKSPACE,
        "STARDAG_TARGET_ROOTS": '{"default":"s3://bucket/prod/"}',
        "STARDAG_BUILD_ID": BUILD,
        "STARDAG_INHERITED": inherited_place(URL, ORGANIZATION, WORKSPACE, default="s3://bucket/prod/"),
    }


def test_laid_over_an_environment_other_spellings_are_unset() -> None:
    """As whoever starts workers does it: the guide's `STARDAG_WORKSPACE` would disagree with the id."""
    guide = {"STARDAG_REGISTRY_URL": URL, "STARDAG_WORKSPACE": "prod", "STARDAG_ORGANIZATION": "red"}
    variables = {**guide, "STARDAG_PROFILE": "missing", **environment_of(at_work(), IDENTITY, None)}
    read = EnvironmentVariables(variables).read()
    assert read.workspace is not None
    assert read.workspace.value == WORKSPACE
    assert read.profile is None


def test_a_local_profile_hands_down_its_target_roots_alone() -> None:
    profile = resolve(Case().layers())
    assert profile.is_local
    handed = {name: value for name, value in environment_of(profile, None, BUILD).items() if value}
    roots = {"default": profile.target_root("default")}
    assert handed == {
        "STARDAG_TARGET_ROOTS": json.dumps(roots, separators=(",", ":")),
        "STARDAG_INHERITED": inherited_place(None, None, None, **roots),
    }


def test_working_offline_is_handed_down() -> None:
    profile = resolve(Case(flags=Selection(offline=True)).layers())
    assert environment_of(profile, None, None)["STARDAG_OFFLINE"] == "1"


def test_roots_that_do_not_fit_into_a_variable_are_left_out_and_that_is_said() -> None:
    many = {f"root-{number}": f"s3://bucket/{'x' * 900}/{number}/" for number in range(80)}
    case = Case(variables=PLACE, identities=(IDENTITY,), cached=(CACHED._replace(target_roots=many),))
    profile = resolve(case.layers())
    variables = environment_of(profile, IDENTITY, None)
    assert variables["STARDAG_TARGET_ROOTS"] == ""
    notice = roots_left_out(profile)
    assert notice is not None
    assert "80 target roots" in notice.message
    found = resolved(child_environment({}, variables, None), Case(cached=case.cached))
    assert {name: root.value for name, root in found.target_roots.items()} == many
    assert roots_left_out(at_work()) is None
    assert all(len(value) <= VALUE_MAX_LENGTH for value in variables.values())


def test_roots_that_just_fit_into_a_variable_are_handed_down() -> None:
    roots = {f"root-{number}": f"/{'x' * 900}" for number in range(70)}
    roots["last"] = "/"
    missing = VALUE_MAX_LENGTH - len(inherited_place(URL, ORGANIZATION, WORKSPACE, **roots))
    for longer, handed in ((missing, True), (missing + 1, False)):
        cached = CACHED._replace(target_roots=roots | {"last": "/" + "x" * longer})
        profile = resolve(Case(variables=PLACE, identities=(IDENTITY,), cached=(cached,)).layers())
        assert bool(environment_of(profile, IDENTITY, None)["STARDAG_TARGET_ROOTS"]) is handed
        assert (roots_left_out(profile) is None) is handed


def test_plain_http_that_this_process_may_use_is_handed_down_with_its_address_alone() -> None:
    plain = {"STARDAG_REGISTRY_URL": "http://registry:8000", "STARDAG_WORKSPACE_ID": "prod"}
    allowed = {**plain, "STARDAG_ALLOW_HTTP": "true"}
    profile = resolved(plain, Case())
    assert environment_of(profile, IDENTITY, None)["STARDAG_ALLOW_HTTP"] == "1", "a registry was asked, so it may be"
    child = environment_of(resolved(allowed, Case()), IDENTITY, None)
    assert resolved(child, Case()).allows_http
    offline = {"STARDAG_OFFLINE": "1"}
    assert environment_of(resolved(plain | offline, Case()), None, None)["STARDAG_ALLOW_HTTP"] == ""
    assert environment_of(resolved(allowed | offline, Case()), None, None)["STARDAG_ALLOW_HTTP"] == "1"
    assert environment_of(at_work(STARDAG_ALLOW_HTTP="1"), IDENTITY, None)["STARDAG_ALLOW_HTTP"] == ""


def test_only_what_says_where_is_replaced_in_what_a_child_inherits() -> None:
    kept = {"PATH": "/bin", "STARDAG_HOME": "/h", "STARDAG_API_KEY": "sk_1", "STARDAG_TIMEOUT": "3"}
    kept |= {"STARDAG_TARGET_ROOTS__ARCHIVE": "/x"}
    assert child_environment({**kept, **dict.fromkeys(REPLACED, "x")}, {}, None) == kept


def test_a_childs_token_is_the_one_given_and_never_one_inherited() -> None:
    old = {"STARDAG_ACCESS_TOKEN": "of another place"}
    assert child_environment(old, environment_of(at_work(), IDENTITY, None), None).get("STARDAG_ACCESS_TOKEN") is None
    handed = child_environment(old, environment_of(at_work(), IDENTITY, None), TOKEN)
    assert handed["STARDAG_ACCESS_TOKEN"] == TOKEN.reveal()


WHERE = {
    "STARDAG_REGISTRY_URL": URL,
    "STARDAG_ORGANIZATION_ID": ORGANIZATION,
    "STARDAG_WORKSPACE_ID": WORKSPACE,
}
HANDED = {
    "STARDAG_REGISTRY_URL": URL,
    "STARDAG_ORGANIZATION_ID": ORGANIZATION,
    "STARDAG_WORKSPACE_ID": WORKSPACE,
    "STARDAG_ACCESS_TOKEN": TOKEN.reveal(),
    "STARDAG_BUILD_ID": BUILD,
}
FILE = FileCase(
    is_project=False,
    registries={"one": URL, "two": OTHER_URL},
    profiles={
        "same": Profile("same", "one", "red", "prod"),
        "other-workspace": Profile("other-workspace", "one", "red", "dev"),
        "other-organization": Profile("other-organization", "one", "blue", "prod"),
        "other-registry": Profile("other-registry", "two", "red", "prod"),
    },
    default=None,
)
MACHINE = Case(file=FILE, identities=(IDENTITY, IDENTITY._replace(workspace_id=an_id(12), workspace_slug="dev")))


def test_a_token_is_used_where_the_same_variables_lead() -> None:
    profile = resolved(HANDED, MACHINE)
    assert profile.access_token.value == TOKEN
    assert profile.access_token.origin.variable == "STARDAG_ACCESS_TOKEN"
    assert profile.notices == ()
    assert TOKEN.reveal() not in repr(profile)


@pytest.mark.parametrize("name", ["same", "other-workspace"])
def test_a_token_goes_wherever_its_organization_is_named_by_slug_or_id(name: str) -> None:
    assert resolved(HANDED, MACHINE, Selection(profile=name)).access_token.value == TOKEN


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("other-organization", f"it is for the organization '{ORGANIZATION}'"),
        ("other-registry", f"it is for the registry {URL}"),
    ],
)
def test_a_token_does_not_go_to_another_place_and_that_is_said(name: str, reason: str) -> None:
    profile = resolved(HANDED, MACHINE, Selection(profile=name))
    assert profile.access_token.value is None
    assert [lost.reason for lost in profile.access_token.overridden] == [reason]
    (notice,) = profile.notices
    assert notice.message == f"STARDAG_ACCESS_TOKEN is not used here: {reason}."


@pytest.mark.parametrize("variable", ["STARDAG_REGISTRY_URL", "STARDAG_ORGANIZATION_ID"])
def test_a_token_that_nothing_says_the_place_of_goes_nowhere(variable: str) -> None:
    """Even where a profile leads to the very place that it was made for."""
    variables = {name: value for name, value in HANDED.items() if name != variable}
    profile = resolved({**variables, "STARDAG_PROFILE": "same"}, MACHINE)
    assert profile.access_token.value is None
    assert variable in profile.notices[0].message


def test_an_api_key_comes_before_a_token() -> None:
    profile = resolved({**HANDED, "STARDAG_API_KEY": "sk_1"}, MACHINE)
    assert profile.access_token.value is None
    assert "STARDAG_API_KEY outranks it" in profile.notices[0].message


def test_a_token_that_is_in_use_is_left_where_variables_are_laid_over() -> None:
    assert "STARDAG_ACCESS_TOKEN" not in environment_of(resolved(HANDED, MACHINE), IDENTITY, None)
    elsewhere = resolved(HANDED, MACHINE, Selection(profile="other-registry"))
    assert environment_of(elsewhere, None, None)["STARDAG_ACCESS_TOKEN"] == ""


def joined(selection: Selection, variables: Mapping[str, str] = HANDED) -> str | None:
    return build_to_join(resolved(variables, MACHINE, selection), EnvironmentVariables(variables).read())


def test_a_build_is_joined_at_its_own_place_alone() -> None:
    assert joined(NO_SELECTION) == BUILD
    assert joined(Selection(profile="same")) == BUILD
    assert joined(Selection(profile="other-workspace")) is None
    assert joined(Selection(profile="other-organization")) is None
    assert joined(Selection(profile="other-registry")) is None


def test_a_build_whose_place_is_named_in_part_is_joined_where_nothing_disagrees() -> None:
    variables = {"STARDAG_PROFILE": "same", "STARDAG_BUILD_ID": BUILD}
    assert joined(NO_SELECTION, variables) == BUILD


def test_there_is_no_build_to_join_without_one_or_on_a_local_profile() -> None:
    local = resolve(Case().layers())
    assert build_to_join(local, Environment(build_id=Setting(BUILD))) is None
    assert build_to_join(at_work(), Environment()) is None


def test_layers_without_a_token_say_nothing_of_one() -> None:
    layers: Layers = MACHINE.layers()
    assert resolve(layers).access_token == Setting(None)


DEV = an_id(12)
BOTH_CACHED = (CACHED, CachedRoots(URL, ORGANIZATION, DEV, {"default": "s3://bucket/dev/", "scratch": "/tmp/dev"}))
AT_HOME = Case(file=FILE, identities=MACHINE.identities, cached=BOTH_CACHED)
ELSEWHERE = ["other-workspace", "other-organization", "other-registry"]


def roots(profile: ActiveProfile) -> dict[str, str]:
    return {name: setting.value for name, setting in profile.target_roots.items()}


def handed_down(profile: ActiveProfile, **changed: str) -> dict[str, str]:
    """The environment of a child of a process with this profile, in which the child has changed something."""
    return {**child_environment({}, environment_of(profile, profile.identity, BUILD), TOKEN), **changed}


@pytest.mark.parametrize("name", ["same", None])
def test_target_roots_count_at_the_place_that_they_were_handed_down_for(name: str | None) -> None:
    child = resolved(handed_down(at_work()), MACHINE, Selection(profile=name))  # which has nothing cached
    assert roots(child) == {"default": "s3://bucket/prod/"}
    assert child.inherited_roots == roots(child)
    assert not child.overridden_roots
    assert not child.notices


@pytest.mark.parametrize("name", ELSEWHERE)
def test_target_roots_that_were_handed_down_count_nowhere_else(name: str) -> None:
    child = resolved(handed_down(at_work()), AT_HOME, Selection(profile=name))
    own = {"default": "s3://bucket/dev/", "scratch": "/tmp/dev"}
    assert roots(child) == (own if name == "other-workspace" else {})


@pytest.mark.parametrize(
    "changed",
    [
        {"STARDAG_WORKSPACE_ID": DEV},
        {"STARDAG_WORKSPACE_ID": "dev"},
        {"STARDAG_ORGANIZATION_ID": an_id(2), "STARDAG_WORKSPACE_ID": "prod"},
        {"STARDAG_REGISTRY_URL": OTHER_URL},
        {
            "STARDAG_REGISTRY_URL": "",
            "STARDAG_ORGANIZATION_ID": "",
            "STARDAG_WORKSPACE_ID": "",
            "STARDAG_PROFILE": "other-workspace",
        },
    ],
)
def test_a_child_that_changes_where_by_variable_leaves_behind_what_it_was_handed_down(changed: dict[str, str]) -> None:
    variables = handed_down(at_work(), **changed)
    child = resolved(variables, AT_HOME)
    assert "s3://bucket/prod/" not in roots(child).values()
    assert build_to_join(child, EnvironmentVariables(variables).read()) is None
    same_organization = child.organization.value in ("red", ORGANIZATION) and child.registry_url.value == URL
    assert (child.access_token.value == TOKEN) is same_organization


@pytest.mark.parametrize("variable", ["STARDAG_TARGET_ROOTS", "STARDAG_TARGET_ROOTS__DEFAULT"])
@pytest.mark.parametrize("name", [None, *ELSEWHERE])
def test_a_root_that_a_person_sets_counts_in_every_child_at_every_place(variable: str, name: str | None) -> None:
    mine = {variable: "/mine" if variable.endswith("DEFAULT") else '{"default": "/mine"}'}
    parent = resolved({**WHERE, **mine}, AT_HOME)
    child = resolved(handed_down(parent), AT_HOME, Selection(profile=name))
    grandchild = resolved(handed_down(child), AT_HOME, Selection(profile=name))
    for profile in (parent, child, grandchild):
        assert profile.target_root("default") == "/mine"
        assert profile.overridden_roots == {"default"}
    set_inside = resolved(handed_down(resolved(WHERE, AT_HOME), **mine), AT_HOME, Selection(profile=name))
    assert set_inside.target_root("default") == "/mine"


def test_a_grandchild_is_handed_down_the_roots_of_its_parents_place_alone() -> None:
    nested = resolved(handed_down(at_work()), AT_HOME, Selection(profile="other-workspace"))
    grandchild = handed_down(nested)
    assert roots(resolved(grandchild, MACHINE)) == {"default": "s3://bucket/dev/", "scratch": "/tmp/dev"}
    assert roots(resolved(grandchild, AT_HOME, Selection(profile="same"))) == {"default": "s3://bucket/prod/"}


def test_roots_of_a_local_profile_stay_on_this_machine() -> None:
    local = resolve(Case().layers())
    child = resolved(handed_down(local), AT_HOME, Selection(profile="same"))
    assert roots(child) == {"default": "s3://bucket/prod/"}
    assert roots(resolved(handed_down(local), Case())) == roots(local)


@pytest.mark.parametrize(("own", "other"), [({}, {"my-root": "/theirs"}), ({"my-root": "/theirs"}, {"my_root": "/x"})])
def test_a_variable_of_one_root_means_the_root_of_either_spelling_at_every_place(
    own: dict[str, str], other: dict[str, str]
) -> None:
    cached = (CACHED._replace(target_roots=own), CachedRoots(URL, ORGANIZATION, DEV, other))
    machine = Case(file=FILE, identities=MACHINE.identities, cached=cached)
    parent = resolved({**WHERE, "STARDAG_TARGET_ROOTS__MY_ROOT": "/mine"}, machine)
    worker = {"STARDAG_TARGET_ROOTS__MY_ROOT": "/mine", **environment_of(parent, parent.identity, None)}
    for variables in (handed_down(parent), worker):
        for name in ("same", "other-workspace"):
            profile = resolved(variables, machine, Selection(profile=name))
            assert set(roots(profile).values()) == {"/mine"}
            assert len(profile.target_roots) == 1


@pytest.mark.parametrize("variable", ["STARDAG_TARGET_ROOTS", "STARDAG_TARGET_ROOTS__DEFAULT"])
def test_a_root_that_a_person_sets_is_handed_down_where_the_others_do_not_fit(variable: str) -> None:
    many = {f"root-{number}": f"s3://bucket/{'x' * 900}/{number}/" for number in range(80)}
    case = Case(file=FILE, identities=MACHINE.identities, cached=(CACHED._replace(target_roots=many),))
    mine = {variable: "/mine" if variable.endswith("DEFAULT") else '{"default": "/mine"}'}
    parent = resolved({**WHERE, **mine}, case)
    assert roots_left_out(parent) is not None
    for variables in (handed_down(parent), environment_of(parent, parent.identity, None)):
        child = resolved(variables, case)
        assert child.target_root("default") == "/mine"
        assert len(child.target_roots) == 81


def test_a_child_that_names_a_profile_by_variable_is_at_that_ones_place() -> None:
    child = resolved(handed_down(at_work(), STARDAG_PROFILE="other-workspace"), AT_HOME)
    assert (child.workspace.value, child.target_root("default")) == ("dev", "s3://bucket/dev/")
    changed = handed_down(at_work(), STARDAG_PROFILE="other-workspace", STARDAG_WORKSPACE_ID="staging")
    assert resolved(changed, AT_HOME).workspace.value == "staging"


def test_a_place_that_is_named_by_slug_is_known_on_a_machine_that_remembers_nothing() -> None:
    variables = handed_down(at_work())
    child = resolved(variables, Case(file=FILE), Selection(profile="same"))
    assert child.identity is None
    assert roots(child) == {"default": "s3://bucket/prod/"}
    assert child.access_token.value == TOKEN
    assert build_to_join(child, EnvironmentVariables(variables).read()) == BUILD


def test_plain_http_is_permitted_to_the_address_that_it_was_handed_down_for_alone() -> None:
    place = json.dumps({"registry_url": "http://one.example", "target_roots": {}})
    for url, allowed in (("http://one.example", True), ("http://two.example", False)):
        variables = {"STARDAG_REGISTRY_URL": url, "STARDAG_ALLOW_HTTP": "1", "STARDAG_INHERITED": place}
        assert resolved(variables, Case()).allows_http is allowed


@pytest.mark.parametrize("variables", [{"STARDAG_ACCESS_TOKEN": "token"}, {"STARDAG_BUILD_ID": BUILD}])
def test_what_was_handed_down_alone_leads_to_no_local_roots(variables: dict[str, str]) -> None:
    profile = resolved(variables, Case())
    assert not profile.is_local
    assert not profile.target_roots
