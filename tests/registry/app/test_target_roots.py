"""Changing target roots: what each change leaves in the history, and who may not make it. On the database in memory."""

from dataclasses import dataclass
from datetime import timedelta

import pytest

from stardag.domain.target_roots import TargetRoot
from stardag_registry.adapters.system import random_bytes
from stardag_registry.app.creation import Create
from stardag_registry.app.credentials import AuthenticateApiKey
from stardag_registry.app.target_roots import EditTargetRoots
from stardag_registry.domain.api_keys import Purpose
from stardag_registry.domain.errors import AlreadyExists, NotAllowed, NotFound, TooMany, Unauthenticated
from stardag_registry.domain.permissions import ApiKeyCaller
from stardag_registry.domain.target_roots import MAX_TARGET_ROOTS, TargetRootRevision
from tests.registry.in_memory import InMemoryDatabase
from tests.registry.in_process import Furnishing, SettableClock


@dataclass(frozen=True, slots=True)
class Scene:
    database: InMemoryDatabase
    clock: SettableClock
    furnish: Furnishing
    edit: EditTargetRoots
    workspace_id: str
    owner: ApiKeyCaller

    def caller(self, purpose: Purpose, expires_in: timedelta | None = None) -> ApiKeyCaller:
        secret = self.furnish.api_key(self.owner.workspace, purpose, expires_in)
        return AuthenticateApiKey(self.database, self.clock)(secret.text)

    def history(self) -> list[tuple[str, str | None, str | None]]:
        return [(revision.name, revision.old, revision.new) for revision in self.revisions()]

    def revisions(self) -> list[TargetRootRevision]:
        with self.database.transaction() as transaction:
            return list(transaction.target_root_revisions(self.workspace_id))


@pytest.fixture
def scene() -> Scene:
    database, clock = InMemoryDatabase(), SettableClock()
    furnish = Furnishing(database, Create(clock, random_bytes), clock)
    workspace = furnish.workspace(furnish.organization())
    owner = AuthenticateApiKey(database, clock)(furnish.api_key(workspace, "administer").text)
    return Scene(database, clock, furnish, EditTargetRoots(database, clock), workspace.id, owner)


def test_every_change_is_in_the_history_with_who_and_when(scene: Scene) -> None:
    scene.edit.add(scene.owner, scene.workspace_id, "a", "/1/")
    scene.clock.move(timedelta(minutes=1))
    scene.edit.change(scene.owner, scene.workspace_id, "a", "/2/")
    scene.edit.remove(scene.owner, scene.workspace_id, "a")
    assert scene.history() == [("a", None, "/1/"), ("a", "/1/", "/2/"), ("a", "/2/", None)]
    first, second, _ = scene.revisions()
    assert second.at - first.at == timedelta(minutes=1)
    assert {revision.api_key_id for revision in scene.revisions()} == {scene.owner.api_key.id}


def test_a_change_to_what_it_is_already_is_no_change(scene: Scene) -> None:
    scene.edit.add(scene.owner, scene.workspace_id, "a", "/1/")
    assert scene.edit.change(scene.owner, scene.workspace_id, "a", "/1/") == TargetRoot("a", "/1/")
    assert len(scene.history()) == 1


def test_a_refused_change_leaves_no_history(scene: Scene) -> None:
    scene.edit.add(scene.owner, scene.workspace_id, "a", "/1/")
    with pytest.raises(AlreadyExists):
        scene.edit.add(scene.owner, scene.workspace_id, "a", "/2/")
    with pytest.raises(NotFound):
        scene.edit.change(scene.owner, scene.workspace_id, "b", "/2/")
    with pytest.raises(NotFound):
        scene.edit.remove(scene.owner, scene.workspace_id, "b")
    with pytest.raises(NotAllowed):
        scene.edit.remove(scene.caller("build"), scene.workspace_id, "a")
    assert len(scene.history()) == 1


def test_a_key_that_is_revoked_after_it_was_shown_changes_nothing(scene: Scene) -> None:
    secret = scene.furnish.api_key(scene.owner.workspace, "administer")
    caller = AuthenticateApiKey(scene.database, scene.clock)(secret.text)
    scene.furnish.revoke(secret)
    with pytest.raises(Unauthenticated):
        scene.edit.add(caller, scene.workspace_id, "a", "/1/")
    assert not scene.history()


def test_a_key_that_expires_after_it_was_shown_changes_nothing(scene: Scene) -> None:
    caller = scene.caller("administer", expires_in=timedelta(seconds=1))
    scene.clock.move(timedelta(seconds=1))
    with pytest.raises(Unauthenticated):
        scene.edit.add(caller, scene.workspace_id, "a", "/1/")
    assert not scene.history()


def test_a_workspace_has_so_many_roots_and_no_more(scene: Scene) -> None:
    with scene.database.transaction() as transaction:
        for number in range(MAX_TARGET_ROOTS):
            transaction.add_target_root(scene.workspace_id, TargetRoot(f"root-{number}", "/data/"))
    with pytest.raises(TooMany):
        scene.edit.add(scene.owner, scene.workspace_id, "one-more", "/data/")
    with pytest.raises(AlreadyExists):
        scene.edit.add(scene.owner, scene.workspace_id, "root-0", "/data/")
    scene.edit.remove(scene.owner, scene.workspace_id, "root-0")
    scene.edit.add(scene.owner, scene.workspace_id, "one-more", "/data/")
