"""Resolution against a table of every combination of layers: each value, its origin, and what it won over.

What is expected stands in `resolution_table`, which knows the rules and nothing of the code.
"""

import pytest
from hypothesis import event, given, settings

from stardag.domain.errors import InvalidVariable, UnknownName
from stardag.domain.layers import DEFAULT, Layer, Setting
from stardag.domain.resolution import resolve
from tests.domain import resolution_table as table
from tests.domain.generated_layers import cases
from tests.domain.resolution_table import Case


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
    assert shown(resolved.profile) == (expected_profile, table.lost_profiles(case))
    assert shown(resolved.registry) == (table.won(case, "registry"), table.lost(case, "registry"))
    assert shown(resolved.registry_url) == (table.won(case, "url"), table.lost(case, "url"))
    assert shown(resolved.organization) == (table.won(case, "organization"), table.lost(case, "organization"))
    assert shown(resolved.workspace) == (table.won(case, "workspace"), table.lost(case, "workspace"))
    assert resolved.api_key.value == case.api_key
    assert (resolved.api_key.origin.layer is Layer.ENVIRONMENT) == (case.api_key is not None)
    assert resolved.is_local == table.is_local(case)
    assert resolved.unchosen == table.unchosen(case)
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


@settings(max_examples=1_000)
@given(cases)
def test_every_combination_of_layers_gives_each_value_with_its_origin_and_what_it_won_over(case: Case) -> None:
    check(case)


@pytest.mark.slow
@settings(max_examples=20_000)
@given(cases)
def test_many_more_combinations_of_layers(case: Case) -> None:
    check(case)
