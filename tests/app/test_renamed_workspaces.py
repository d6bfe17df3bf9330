"""A slug that leads to another workspace than before is looked up again, and no build goes there until a sync accepts
that (readings, section 3)."""

from collections.abc import Callable

import pytest

from stardag.domain.organizations import Workspace
from stardag.domain.profile import NO_SELECTION, Selection
from stardag.domain.registry_errors import NotKnownToRegistry, WorkspaceDisagrees, WorkspaceReplaced
from tests.app.world import World, codes

FIRST = "/local-target-roots/default/default/"
NEW = "/the/new/one"


@pytest.fixture
def world() -> World:
    """Somebody who has signed in, has synced the workspace `default`, and is about to build in it."""
    world = World()
    world.signed_in(role="admin")
    world.environment.profile = "local"
    world.synced()
    world.validate()
    world.forget_requests()
    return world


def rename(world: World, workspace: Workspace, slug: str) -> None:
    world.registry.workspaces[workspace.id] = workspace._replace(slug=slug)


def remove(world: World, workspace: Workspace) -> None:
    del world.registry.workspaces[workspace.id]


def add(world: World, slug: str = "default", root: str = NEW) -> Workspace:
    """Another workspace of the same organization."""
    organization = next(iter(world.registry.organizations.values()))
    added = world.registry.add_workspace(organization, slug)
    world.registry.set_root(added.id, "default", root)
    return added


def renamed_and_reused(world: World) -> Workspace:
    rename(world, world.workspace, "old")
    return add(world)


def removed_and_made_again(world: World) -> Workspace:
    remove(world, world.workspace)
    return add(world)


Replace = Callable[[World], Workspace]
WAYS = [renamed_and_reused, removed_and_made_again]


def test_where_nothing_has_changed_no_request_is_added(world: World) -> None:
    world.validate()
    assert world.registry.requests == [f"GET /workspaces/{world.workspace.id}/target-roots"]


@pytest.mark.parametrize("replace", WAYS)
def test_builds_stop_until_a_sync_accepts_the_other_workspace(world: World, replace: Replace) -> None:
    added = replace(world)
    for _ in range(2):
        with pytest.raises(WorkspaceReplaced) as caught:
            world.validate()
        assert caught.value.ids == (world.workspace.id, added.id)
        assert "stardag target-roots sync" in caught.value.fix
    assert world.cached() == {"default": FIRST}
    synced = world.sync()
    assert [(change.name, change.old, change.new) for change in synced.changes.modified] == [("default", FIRST, NEW)]
    assert "workspace-replaced" in codes(synced.notices)
    assert world.validate().profile.target_root("default") == NEW
    world.forget_requests()
    world.validate()
    assert world.registry.requests == [f"GET /workspaces/{added.id}/target-roots"]


@pytest.mark.parametrize("replace", WAYS)
def test_a_dry_run_and_a_sync_that_fails_accept_nothing(world: World, replace: Replace) -> None:
    replace(world)
    synced = world.sync(dry_run=True)
    assert synced.is_replaced
    assert synced.changes.modified
    with pytest.raises(WorkspaceReplaced):
        world.validate()
    world.make_state_read_only()
    with pytest.raises(Exception, match="read-only"):
        world.sync()
    with pytest.raises(WorkspaceReplaced):
        world.validate()


@pytest.mark.parametrize("replace", WAYS)
def test_what_is_no_build_goes_on_in_the_other_workspace_and_says_so(world: World, replace: Replace) -> None:
    added = replace(world)
    replies = (
        world.read_builds.builds(NO_SELECTION, None, None, 10),
        world.edit_target_roots.add(NO_SELECTION, "more", "s3://bucket/more/", confirmed=True),
        world.edit_api_keys.list(NO_SELECTION, revoked=False),
    )
    for reply in replies:
        assert "workspace-replaced" in codes(reply.notices)
    assert set(world.registry.roots[added.id]) == {"default", "more"}
    assert set(world.registry.roots[world.workspace.id]) == {"default"}
    listed = world.list_roots()
    assert {root.served for root in listed.roots} == {NEW, "s3://bucket/more/"}
    with pytest.raises(WorkspaceReplaced):
        world.validate()


@pytest.mark.parametrize("replace", WAYS)
def test_outputs_are_read_where_they_were_synced_and_fetched_from_nowhere_else(world: World, replace: Replace) -> None:
    replace(world)
    assert world.find_target_root.profile(NO_SELECTION, "default").target_root("default") == FIRST
    fresh = World()
    fresh.registry, fresh.registries = world.registry, world.registries
    fresh.real_state.remember_identity(fresh.directory, world.real_state.read(world.directory)[0].identities[0])
    fresh.environment, fresh.sign_ins, fresh.identity_provider = (
        world.environment,
        world.sign_ins,
        world.identity_provider,
    )
    with pytest.raises(WorkspaceReplaced) as caught:
        fresh.find_target_root(Selection(profile="local"))
    assert caught.value.fix.endswith("stardag target-roots sync --profile local")


def test_a_workspace_that_was_only_renamed_is_not_found_under_the_old_slug(world: World) -> None:
    rename(world, world.workspace, "old")
    with pytest.raises(NotKnownToRegistry, match="'default'"):
        world.validate()
    assert world.validate(Selection(workspace="old")).profile.target_root("default") == FIRST


def test_one_that_is_named_by_its_id_goes_on_under_its_new_slug(world: World) -> None:
    rename(world, world.workspace, "old")
    by_id = Selection(organization=world.workspace.organization_id, workspace=world.workspace.id)
    assert world.validate(by_id).workspace == "old"
    add(world)
    assert world.validate(by_id).workspace == "old"
    with pytest.raises(WorkspaceReplaced):
        world.validate()


def test_slugs_that_were_swapped_stop_builds_in_either(world: World) -> None:
    other = add(world, "prod")
    prod = Selection(workspace="prod")
    world.validate(prod)
    rename(world, world.workspace, "prod")
    rename(world, other, "default")
    for selection in (NO_SELECTION, prod, NO_SELECTION):
        with pytest.raises(WorkspaceReplaced):
            world.validate(selection)
    synced = world.sync(prod)
    assert [(change.old, change.new) for change in synced.changes.modified] == [(NEW, FIRST)]
    assert synced.applied
    assert world.validate(prod).profile.target_root("default") == FIRST
    with pytest.raises(WorkspaceReplaced):
        world.validate()


def test_a_build_that_runs_is_of_its_workspace_whatever_that_is_called_by_then(world: World) -> None:
    build = world.start_build(NO_SELECTION, "nightly")
    rename(world, world.workspace, "old")
    assert build.end("completed") == ()
    (detail,) = (each.detail for each in world.registry.builds.values())
    assert detail.build.status == "completed"


class TestWithAnApiKey:
    @pytest.fixture
    def world(self) -> World:
        return World().synced()

    def test_a_key_alone_is_clear_whatever_its_workspace_is_called(self, world: World) -> None:
        added = removed_and_made_again(world)
        world.environment.registry_url, world.files.user = world.registry.url, None
        world.environment.api_key = world.registry.make_key(added).reveal()
        assert world.validate().profile.target_root("default") == NEW

    def test_a_key_of_a_renamed_workspace_disagrees_with_the_old_slug(self, world: World) -> None:
        renamed_and_reused(world)
        with pytest.raises(WorkspaceDisagrees, match="'old'"):
            world.validate()

    def test_a_key_alone_goes_on_under_the_new_slug(self, world: World) -> None:
        world.environment.registry_url, world.files.user = world.registry.url, None
        world.synced()
        rename(world, world.workspace, "old")
        assert world.validate().workspace == "old"
        world.forget_requests()
        assert world.validate().workspace == "old"
        assert world.registry.requests == [f"GET /workspaces/{world.workspace.id}/target-roots"]

    def test_a_new_key_of_a_workspace_that_was_made_again_stops_builds(self, world: World) -> None:
        added = removed_and_made_again(world)
        world.environment.api_key = world.registry.make_key(added).reveal()
        with pytest.raises(WorkspaceReplaced):
            world.validate()
        world.sync()
        assert world.validate().profile.target_root("default") == NEW
