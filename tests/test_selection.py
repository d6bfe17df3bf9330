"""What a library call selects: its own arguments, laid over `stardag.use`, and the pinned roots of the build around."""

import asyncio
import threading
from dataclasses import dataclass
from functools import partial

import pytest

import stardag
from stardag.api.current import current_build, pinned_profile, selection_of
from stardag.domain.profile import ActiveProfile, Selection

NOTHING = (None, None, None, None)


by_argument = partial(Selection, profile_option="the argument profile=", option_form="the argument {}=")


def selected(**arguments: str) -> Selection:
    names = ("profile", "registry", "organization", "workspace")
    return selection_of(*(arguments.get(name) for name in names))


def test_without_use_a_call_selects_what_it_says() -> None:
    assert selected() == by_argument()
    assert selected(profile="p", workspace="w") == by_argument("p", workspace="w")


def test_a_call_lays_its_arguments_over_what_is_used() -> None:
    with stardag.use("p", registry="r", organization="o", workspace="w"):
        assert selected() == by_argument("p", "r", "o", "w")
        assert selected(workspace="other") == by_argument("p", "r", "o", "other")
        assert selected(profile="q") == by_argument("q")
    assert selected() == by_argument()


def test_another_registry_or_organization_drops_what_was_named_with_the_one_before() -> None:
    with stardag.use("p", registry="r", organization="o", workspace="w"):
        assert selected(registry="other") == by_argument("p", "other")
        assert selected(organization="other") == by_argument("p", "r", "other")
        assert selected(organization="other", workspace="w") == by_argument("p", "r", "other", "w")


def test_the_innermost_use_counts_and_is_over_when_its_block_fails() -> None:
    with stardag.use("outer", workspace="w"):
        with stardag.use(workspace="inner"):
            assert selected() == by_argument("outer", workspace="inner")
        with pytest.raises(KeyError), stardag.use("failing"):
            raise KeyError
        assert selected() == by_argument("outer", workspace="w")


def test_threads_and_tasks_of_asyncio_do_not_disturb_each_other() -> None:
    async def use(profile: str, entered: asyncio.Event, other: asyncio.Event) -> Selection:
        with stardag.use(profile):
            entered.set()
            await other.wait()
            return selected()

    async def both() -> tuple[Selection, Selection]:
        one, other = asyncio.Event(), asyncio.Event()
        found = await asyncio.gather(use("one", one, other), use("other", other, one))
        return found[0], found[1]

    assert asyncio.run(both()) == (by_argument("one"), by_argument("other"))
    found: list[Selection] = []
    with stardag.use("here"):
        thread = threading.Thread(target=lambda: found.append(selected()))
        thread.start()
        thread.join()
    assert found == [by_argument()]


@dataclass(eq=False)
class Running:
    """A build, as far as it decides where outputs are."""

    selection: Selection
    profile: ActiveProfile


@pytest.fixture(autouse=True)
def _nothing_configured(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("STARDAG_HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.chdir(tmp_path_factory.mktemp("work"))


def test_the_pinned_roots_are_in_force_until_something_else_is_selected_in_the_build() -> None:
    assert pinned_profile(*NOTHING) is None
    profile, other = stardag.active_profile(), stardag.active_profile(organization="other")
    with stardag.use("around"):
        build = Running(by_argument("p"), profile)
        token = current_build.set(build)
        try:
            assert pinned_profile(*NOTHING) is build.profile
            assert pinned_profile("p", None, None, None) is build.profile
            assert pinned_profile("q", None, None, None) is None
            assert pinned_profile(None, None, None, "w") is None
            with stardag.use("q"):
                assert pinned_profile(*NOTHING) is None
                inner = Running(by_argument("q"), other)
                inner_token = current_build.set(inner)
                assert pinned_profile(*NOTHING) is inner.profile
                current_build.reset(inner_token)
            with stardag.use("p"):
                assert pinned_profile(*NOTHING) is build.profile
        finally:
            current_build.reset(token)
