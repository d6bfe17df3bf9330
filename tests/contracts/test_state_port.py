"""What every keeper of the port `State` promises, the fake as well as the real one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stardag.adapters.state_files import StateFiles
from stardag.app.ports import State
from stardag.domain.configuration import StardagDirectory
from stardag.domain.credentials import Secret
from stardag.domain.remembered import CachedRoots, WorkspaceIdentity
from tests.fakes.state import FakeState

REGISTRY, OTHER_REGISTRY = "http://localhost:8000", "https://api.stardag.com"
KEY = Secret("stardag_key_0123456789")


def an_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012x}"


ROOTS = CachedRoots(REGISTRY, an_id(1), an_id(2), {"default": "s3://bucket/one/", "archive": "/data"}, '"etag-1"')
IDENTITY = WorkspaceIdentity(REGISTRY, an_id(1), "my-org", an_id(2), "production", frozenset({KEY.fingerprint}))


@dataclass(frozen=True)
class Subject:
    """A keeper of the port, a directory to keep things in, and a way to make its target-root cache unreadable."""

    state: State
    directory: StardagDirectory
    spoil: Callable[[StardagDirectory], None]

    def roots(self) -> set[tuple[str, str, tuple[tuple[str, str], ...], str | None]]:
        remembered, _ = self.state.read(self.directory)
        return {
            (it.registry_url, it.workspace_id, tuple(sorted(it.target_roots.items())), it.etag)
            for it in remembered.cached_roots
        }

    def is_lost(self) -> bool:
        return self.state.read(self.directory)[0].is_lost


def spoil_file(directory: StardagDirectory) -> None:
    path = Path(directory.path, "target-root-cache.json")
    path.write_bytes(path.read_bytes()[:-7])


@pytest.fixture(params=["fake", "files", "files in a project"])
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Subject:
    user = str(tmp_path / "home" / ".stardag")
    path = str(tmp_path / "project" / ".stardag") if request.param == "files in a project" else user
    directory = StardagDirectory(path, user)
    if request.param == "fake":
        state = FakeState()
        return Subject(state, directory, state.spoil)
    return Subject(StateFiles(), directory, spoil_file)


def test_nothing_is_remembered_at_first_and_reading_makes_nothing(subject: Subject, tmp_path: Path) -> None:
    remembered, notices = subject.state.read(subject.directory)
    assert (remembered.identities, remembered.cached_roots, remembered.is_lost, notices) == ((), (), False, ())
    assert remembered.roots_path == str(Path(subject.directory.path, "target-root-cache.json"))
    assert list(tmp_path.iterdir()) == []


def test_target_roots_are_remembered_with_their_etag(subject: Subject) -> None:
    subject.state.remember_roots(subject.directory, ROOTS)
    remembered, notices = subject.state.read(subject.directory)
    cached = remembered.roots_of(IDENTITY)
    assert cached is not None
    assert (dict(cached.target_roots), cached.etag, notices) == (dict(ROOTS.target_roots), '"etag-1"', ())


def test_a_workspaces_target_roots_are_replaced_and_others_stay(subject: Subject) -> None:
    others = [
        ROOTS._replace(workspace_id=an_id(3)),
        ROOTS._replace(registry_url=OTHER_REGISTRY),
        ROOTS._replace(organization_id=an_id(4), workspace_id=an_id(5), etag=None),
    ]
    for roots in [ROOTS, *others, ROOTS._replace(target_roots={"default": "/new"}, etag=None)]:
        subject.state.remember_roots(subject.directory, roots)
    unchanged = tuple(sorted(ROOTS.target_roots.items()))
    assert subject.roots() == {
        (REGISTRY, an_id(2), (("default", "/new"),), None),
        (REGISTRY, an_id(3), unchanged, '"etag-1"'),
        (OTHER_REGISTRY, an_id(2), unchanged, '"etag-1"'),
        (REGISTRY, an_id(5), unchanged, None),
    }


def test_a_workspace_without_target_roots_is_remembered_as_such(subject: Subject) -> None:
    subject.state.remember_roots(subject.directory, ROOTS._replace(target_roots={}))
    assert subject.roots() == {(REGISTRY, an_id(2), (), '"etag-1"')}


def test_an_identity_is_found_by_slugs_ids_and_api_key(subject: Subject) -> None:
    subject.state.remember_identity(subject.directory, IDENTITY)
    remembered, _ = subject.state.read(subject.directory)
    assert remembered.find(REGISTRY, "my-org", "production", None) == IDENTITY
    assert remembered.find(REGISTRY, None, an_id(2), None) == IDENTITY
    assert remembered.find(REGISTRY, None, None, KEY) == IDENTITY
    assert remembered.find(OTHER_REGISTRY, "my-org", "production", KEY) is None


def test_a_renamed_workspace_goes_by_its_new_slug_alone_and_keeps_its_keys(subject: Subject) -> None:
    renamed = IDENTITY._replace(workspace_slug="live", api_keys=frozenset())
    for identity in (IDENTITY, renamed):
        subject.state.remember_identity(subject.directory, identity)
    remembered, _ = subject.state.read(subject.directory)
    known = renamed._replace(api_keys=IDENTITY.api_keys, former_slugs=frozenset(("my-org/production",)))
    assert remembered.find(REGISTRY, "my-org", "live", None) == known
    assert remembered.find(REGISTRY, "my-org", "production", None) is None


def test_former_slugs_of_a_workspace_tell_it_from_another_that_they_lead_to_until_that_is_learnt(
    subject: Subject,
) -> None:
    other = IDENTITY._replace(workspace_id=an_id(3), api_keys=frozenset())
    for identity in (IDENTITY, IDENTITY._replace(workspace_slug="live")):
        subject.state.remember_identity(subject.directory, identity)
    remembered, _ = subject.state.read(subject.directory)
    namesake = remembered.namesake_of(other)
    assert namesake is not None
    assert namesake.workspace_id == IDENTITY.workspace_id
    subject.state.remember_identity(subject.directory, other)
    remembered, _ = subject.state.read(subject.directory)
    assert remembered.namesake_of(other) is None
    assert remembered.find(REGISTRY, "my-org", "production", None) == other
    assert remembered.find(REGISTRY, "my-org", "live", None) is not None


def test_an_api_key_of_another_workspace_leads_there_alone(subject: Subject) -> None:
    other = IDENTITY._replace(workspace_id=an_id(3), workspace_slug="staging")
    for identity in (IDENTITY, other):
        subject.state.remember_identity(subject.directory, identity)
    remembered, _ = subject.state.read(subject.directory)
    assert remembered.find(REGISTRY, None, None, KEY) == other
    assert remembered.find(REGISTRY, "my-org", "production", None) == IDENTITY._replace(api_keys=frozenset())


identities = st.builds(
    WorkspaceIdentity,
    registry_url=st.sampled_from([REGISTRY, OTHER_REGISTRY]),
    organization_id=st.sampled_from([an_id(1), an_id(2)]),
    organization_slug=st.sampled_from(["red", "blue"]),
    workspace_id=st.sampled_from([an_id(3), an_id(4), an_id(5)]),
    workspace_slug=st.sampled_from(["one", "two"]),
    api_keys=st.frozensets(st.sampled_from(["a1", "b2", "c3"]), max_size=2),
)


def leads(identity: WorkspaceIdentity) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Everything that leads to something through this identity, and what it leads to."""
    url, organization = identity.registry_url, identity.organization_id
    workspace = (organization, identity.workspace_id)
    return [
        ((url, "workspace", organization, identity.workspace_slug), workspace),
        ((url, "workspace", identity.workspace_id), workspace),
        *(((url, "key", key), workspace) for key in identity.api_keys),
    ]


@pytest.mark.parametrize("kind", ["fake", "files"])
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(learnt=st.lists(identities, min_size=1, max_size=6))
def test_a_slug_or_key_leads_to_one_thing_the_newest_and_other_identities_survive(
    kind: str, learnt: Sequence[WorkspaceIdentity], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = str(tmp_path_factory.mktemp("home"))
    state: State = FakeState() if kind == "fake" else StateFiles()
    directory = StardagDirectory(path, path)
    for identity in learnt:
        before = state.read(directory)[0].identities
        state.remember_identity(directory, identity)
        after = state.read(directory)[0].identities
        everything = [lead for known in after for lead in leads(known)]
        assert len({reference for reference, _ in everything}) == len(dict.fromkeys(everything))
        assert set(leads(identity)) <= set(everything)
        assert not any(known.was_called_like(identity) for known in after)
        own = {reference for reference, _ in leads(identity)} | {(identity.registry_url, identity.organization_id)}
        unrelated = [
            known
            for known in before
            if not own & {*(reference for reference, _ in leads(known)), (known.registry_url, known.organization_id)}
            and not known.was_called_like(identity)
        ]
        assert set(unrelated) <= set(after)


def test_a_sound_cache_is_not_set_aside(subject: Subject) -> None:
    assert not subject.state.set_aside_corrupt_roots(subject.directory)
    subject.state.remember_roots(subject.directory, ROOTS)
    assert not subject.state.set_aside_corrupt_roots(subject.directory)
    assert len(subject.roots()) == 1


def test_an_unreadable_cache_counts_as_absent_and_lost_and_is_spoken_of(subject: Subject) -> None:
    subject.state.remember_identity(subject.directory, IDENTITY)
    subject.state.remember_roots(subject.directory, ROOTS)
    subject.spoil(subject.directory)
    remembered, notices = subject.state.read(subject.directory)
    assert (remembered.cached_roots, remembered.is_lost) == ((), True)
    assert remembered.identities == (IDENTITY,)
    assert len(notices) == 1
    assert remembered.roots_path in notices[0].message


def test_a_cache_that_was_set_aside_stays_lost_until_every_workspace_is_synced_again(subject: Subject) -> None:
    other = ROOTS._replace(workspace_id=an_id(3))
    for roots in (ROOTS, other):
        subject.state.remember_roots(subject.directory, roots)
    subject.spoil(subject.directory)
    assert subject.state.set_aside_corrupt_roots(subject.directory)
    assert not subject.state.set_aside_corrupt_roots(subject.directory)
    assert subject.is_lost()
    assert subject.state.read(subject.directory)[1] == ()
    subject.state.remember_roots(subject.directory, ROOTS)
    assert subject.is_lost()
    subject.state.remember_roots(subject.directory, other)
    assert not subject.is_lost()
    assert len(subject.roots()) == 2


def test_remembering_roots_sets_an_unreadable_cache_aside_by_itself(subject: Subject) -> None:
    other = ROOTS._replace(workspace_id=an_id(3))
    for roots in (ROOTS, other):
        subject.state.remember_roots(subject.directory, roots)
    subject.spoil(subject.directory)
    subject.state.remember_roots(subject.directory, other)
    assert {workspace for _, workspace, _, _ in subject.roots()} == {an_id(3)}
    assert subject.is_lost()


def test_directories_are_kept_apart(subject: Subject, tmp_path: Path) -> None:
    elsewhere = StardagDirectory(str(tmp_path / "elsewhere"), str(tmp_path / "elsewhere"))
    subject.state.remember_roots(subject.directory, ROOTS)
    assert subject.state.read(elsewhere)[0].cached_roots == ()
