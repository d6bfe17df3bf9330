"""Resolution against a table of every combination of layers: each value, its origin, and what it won over.

What is expected stands in `resolution_table`, which knows the rules and nothing of the code.
"""

import uuid

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from stardag.domain.configuration import Profile
from stardag.domain.credentials import Secret
from stardag.domain.errors import InvalidVariable, UnknownName
from stardag.domain.layers import DEFAULT, Layer, Setting
from stardag.domain.profile import Selection
from stardag.domain.remembered import CachedRoots, WorkspaceIdentity
from stardag.domain.resolution import resolve
from tests.domain import resolution_table as table
from tests.domain.resolution_table import Case, FileCase


def an_id(number: int) -> str:
    return str(uuid.UUID(int=number))


URLS = ["https://one.example", "https://two.example", table.CENTRAL_URL]
KEYS = ["sk_1", "sk_2"]
RED, BLUE = (an_id(1), "red"), (an_id(2), "blue")
WORKSPACES = [(RED, an_id(11), "prod"), (RED, an_id(12), "dev"), (BLUE, an_id(21), "prod")]
ROOT_NAMES = ["default", "data-1", "data_1"]

organizations = st.sampled_from([*RED, *BLUE])
workspaces = st.sampled_from(["prod", "dev", an_id(11), an_id(12), an_id(21)])
prefixes = st.sampled_from(["/one", "/two", "s3://bucket/three/"])


@st.composite
def files(draw: st.DrawFn) -> FileCase:
    urls = draw(st.permutations(URLS))
    names = draw(st.lists(st.sampled_from(["local", "mirror", "central"]), unique=True))
    registries = dict(zip(names, urls, strict=False))
    if "central" not in registries:  # no two names for one address
        registries = {name: url for name, url in registries.items() if url != table.CENTRAL_URL}
    known = st.sampled_from(sorted({"central", *registries}))
    profiles = {
        name: Profile(name, draw(known), draw(st.none() | organizations), draw(st.none() | workspaces))
        for name in draw(st.lists(st.sampled_from(["p1", "p2", "p3"]), unique=True))
    }
    default = draw(st.none() | st.sampled_from(sorted(profiles))) if profiles else None
    return FileCase(draw(st.booleans()), registries, profiles, default)


@st.composite
def identities(draw: st.DrawFn) -> tuple[WorkspaceIdentity, ...]:
    """What is remembered: of some registries some workspaces, each key in one of them at most."""
    found: list[WorkspaceIdentity] = []
    for url in URLS:
        owner_of = {key: draw(st.none() | st.sampled_from(WORKSPACES)) for key in KEYS}
        for place in draw(st.lists(st.sampled_from(WORKSPACES), unique=True)):
            (organization_id, organization_slug), workspace_id, workspace_slug = place
            own = frozenset(Secret(key).fingerprint for key, owner in owner_of.items() if owner == place)
            found.append(WorkspaceIdentity(url, organization_id, organization_slug, workspace_id, workspace_slug, own))
    return tuple(found)


@st.composite
def caches(draw: st.DrawFn) -> tuple[CachedRoots, ...]:
    places = draw(st.lists(st.tuples(st.sampled_from(URLS), st.sampled_from(WORKSPACES)), unique=True))
    return tuple(
        CachedRoots(url, organization[0], workspace_id, draw(st.dictionaries(st.sampled_from(ROOT_NAMES), prefixes)))
        for url, (organization, workspace_id, _) in places
    )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    file = draw(st.none() | files())
    profile_names = st.sampled_from([*(file.profiles if file else ()), "missing"][:3])
    registry_names = st.sampled_from(["central", *(file.registries if file else ()), "missing"][:4])
    flags = Selection(
        profile=draw(st.none() | profile_names),
        registry=draw(st.none() | st.none() | registry_names),
        organization=draw(st.none() | organizations),
        workspace=draw(st.none() | workspaces),
    )
    values = {
        "profile": profile_names,
        "url": st.sampled_from([*URLS, "https://unnamed.example"]),
        "organization": organizations,
        "workspace": workspaces,
        "api_key": st.sampled_from(KEYS),
    }
    variables = {key: draw(value) for key, value in values.items() if draw(st.booleans())}
    return Case(
        flags=flags,
        variables=variables,
        json_roots=draw(st.dictionaries(st.sampled_from(ROOT_NAMES), prefixes, max_size=2)),
        root_variables=draw(st.dictionaries(st.sampled_from(["default", "data_1", "extra"]), prefixes, max_size=2)),
        file=file,
        identities=draw(identities()),
        cached=draw(caches()),
    )


def shown(setting: Setting[str | None] | Setting[str]) -> tuple[table.Won, list[table.Lost]]:
    overridden = [(str(beaten.value), beaten.origin, beaten.reason) for beaten in setting.overridden]
    return (setting.value, setting.origin), overridden


def check(case: Case) -> None:
    missing = table.unknown(case)
    if missing is not None:
        event("something unknown is named")
        with pytest.raises(UnknownName) as unknown:
            resolve(case.layers())
        assert (unknown.value.kind, unknown.value.value) == missing
        return
    variable = table.ambiguous_variable(case)
    if variable is not None:
        event("a variable fits two roots")
        with pytest.raises(InvalidVariable) as invalid:
            resolve(case.layers())
        assert invalid.value.variable == variable
        return
    resolved = resolve(case.layers())
    candidates = table.profile_candidates(case)
    expected_profile = candidates[0] if candidates else (None, DEFAULT)
    assert shown(resolved.profile) == (expected_profile, table.outranked(candidates))
    assert shown(resolved.registry) == (table.won(case, "registry"), table.lost(case, "registry"))
    assert shown(resolved.registry_url) == (table.won(case, "url"), table.lost(case, "url"))
    assert shown(resolved.organization) == (table.won(case, "organization"), table.lost(case, "organization"))
    assert shown(resolved.workspace) == (table.won(case, "workspace"), table.lost(case, "workspace"))
    assert resolved.api_key.value == case.api_key
    assert (resolved.api_key.origin.layer is Layer.ENVIRONMENT) == (case.api_key is not None)
    assert resolved.is_local == table.is_local(case)
    assert {name: shown(setting) for name, setting in resolved.target_roots.items()} == {
        name: (setters[0], table.outranked(setters)) for name, setters in table.roots(case).items()
    }
    assert list(resolved.target_roots) == sorted(resolved.target_roots)
    assert resolved.overridden_roots == {
        name for name, setters in table.roots(case).items() if setters[0][1].layer is Layer.ENVIRONMENT
    }
    meant = [identity for identity in case.identities if table.is_meant(case, identity)]
    assert resolved.identity == (meant[0] if len(meant) == 1 else None)
    event(f"local: {resolved.is_local}")
    event(f"workspace dropped: {resolved.workspace.value is None and bool(resolved.workspace.overridden)}")
    event(f"cached roots: {any(it.origin.layer is Layer.CACHE for it in resolved.target_roots.values())}")


@settings(max_examples=500, deadline=None)
@given(cases())
def test_every_combination_of_layers_gives_each_value_with_its_origin_and_what_it_won_over(case: Case) -> None:
    check(case)


@pytest.mark.slow
@settings(max_examples=20_000, deadline=None)
@given(cases())
def test_many_more_combinations_of_layers(case: Case) -> None:
    check(case)
