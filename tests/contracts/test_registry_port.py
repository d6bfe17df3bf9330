"""What every keeper of the ports `Registries` and `RegistryApi` promises: the fake, and the real one, which speaks to a
real registry. What they promise a team stands in `test_registry_port_team.py`."""

import socket
import uuid
from collections.abc import Generator

import pytest

from stardag.app.registry_ports import ServedRoots
from stardag.app.sign_in.fixed_credential import FixedCredential
from stardag.domain.builds import BuildFilter, Registration
from stardag.domain.credential_source import CredentialSource
from stardag.domain.credentials import TOKEN_MAX_LENGTH, Secret
from stardag.domain.registry_errors import (
    MalformedCredential,
    NoCredential,
    NotKnownToRegistry,
    RefusedCredential,
    RegistryUnreachable,
    WorkspaceMoved,
)
from stardag.domain.remembered import WorkspaceIdentity
from stardag.domain.target_roots import TargetRoot
from tests.contracts.registry_world import TIMEOUT, World


@pytest.fixture
def root(world: World) -> Generator[TargetRoot]:
    """A target root of this test alone."""
    workspace_id = world.identity().workspace_id
    made = TargetRoot(f"root-{uuid.uuid4()}", "s3://bucket/prefix/")
    world.somebody.set_root(workspace_id, made.name, made.uri_prefix)
    yield made
    if made.name in names_of(world.connect().target_roots(workspace_id)):
        world.somebody.delete_root(workspace_id, made.name)


def names_of(served: ServedRoots | None) -> dict[str, str]:
    assert served is not None
    return {each.name: each.uri_prefix for each in served.roots}


def test_connecting_sends_nothing(world: World) -> None:
    world.registries.connect("http://localhost:1", FixedCredential(world.key), TIMEOUT)


def test_a_registry_is_known_without_a_credential(world: World) -> None:
    assert world.with_credential(None).check() is None


def test_a_check_does_not_look_at_the_credential(world: World) -> None:
    assert world.with_credential(Secret("nonsense")).check() is None


def test_a_key_tells_whom_it_belongs_to(world: World) -> None:
    identity = world.identity()
    assert (identity.organization_slug, identity.workspace_slug) == ("default", "default")
    assert uuid.UUID(identity.organization_id) != uuid.UUID(identity.workspace_id)


def test_the_organization_of_the_key_is_listed(world: World) -> None:
    api = world.connect()
    (organization,) = api.organizations()
    assert (organization.id, organization.slug) == (world.identity().organization_id, "default")
    assert organization.name
    assert organization.role is None


def test_workspaces_are_listed_by_slug_and_by_id_of_their_organization(world: World) -> None:
    api = world.connect()
    identity = world.identity()
    (workspace,) = api.workspaces("default")
    assert (workspace.id, workspace.slug) == (identity.workspace_id, "default")
    assert workspace.organization_id == identity.organization_id
    assert api.workspaces(identity.organization_id) == (workspace,)


def test_an_unknown_organization_is_named(world: World) -> None:
    for unknown in ("nobodys", str(uuid.uuid4()), "No Slug At All", ".."):
        with pytest.raises(NotKnownToRegistry) as caught:
            world.connect().workspaces(unknown)
        assert (caught.value.kind, caught.value.value) == ("organization", unknown)


def test_target_roots_are_served_with_a_name_for_this_content(world: World, root: TargetRoot) -> None:
    api = world.connect()
    served = api.target_roots(world.identity().workspace_id)
    assert served is not None
    assert root in served.roots
    assert "default" in names_of(served)
    assert served.etag


def test_target_roots_that_have_not_changed_are_not_served_again(world: World, root: TargetRoot) -> None:
    api = world.connect()
    workspace_id = world.identity().workspace_id
    served = api.target_roots(workspace_id)
    assert served is not None
    assert api.target_roots(workspace_id, served.etag) is None
    assert world.connect().target_roots(workspace_id, served.etag) is None


@pytest.mark.parametrize("change", ["added", "modified", "deleted"])
def test_every_change_of_somebody_elses_is_served(world: World, root: TargetRoot, change: str) -> None:
    api = world.connect()
    workspace_id = world.identity().workspace_id
    before = api.target_roots(workspace_id)
    assert before is not None
    expected = names_of(before)
    if change == "added":
        added = f"{root.name}-more"
        world.somebody.set_root(workspace_id, added, "/added")
        expected[added] = "/added"
    elif change == "modified":
        world.somebody.set_root(workspace_id, root.name, "s3://bucket/elsewhere/")
        expected[root.name] = "s3://bucket/elsewhere/"
    else:
        world.somebody.delete_root(workspace_id, root.name)
        del expected[root.name]
    after = api.target_roots(workspace_id, before.etag)
    assert names_of(after) == expected
    assert after is not None
    assert after.etag != before.etag
    if change == "added":
        world.somebody.delete_root(workspace_id, f"{root.name}-more")


def test_a_damaged_name_for_the_content_only_costs_the_whole_answer(world: World, root: TargetRoot) -> None:
    api = world.connect()
    for damaged in ("", "no quotes", '"line\nbreak"', '"é"', '"' + "a" * 5000 + '"'):
        assert root.name in names_of(api.target_roots(world.identity().workspace_id, damaged))


def test_an_unknown_workspace_is_named(world: World) -> None:
    for unknown in (str(uuid.uuid4()), "no slug", "../me"):
        with pytest.raises(NotKnownToRegistry) as caught:
            world.connect().target_roots(unknown)
        assert (caught.value.kind, caught.value.value) == ("workspace", unknown)


def test_without_a_credential_one_is_asked_for(world: World) -> None:
    api = world.with_credential(None)
    for call in (api.identity, api.organizations, lambda: api.workspaces("default")):
        with pytest.raises(NoCredential):
            call()


def test_a_credential_that_the_registry_does_not_know_is_refused(world: World) -> None:
    api = world.with_credential(Secret("sk_unknown"))
    for call in (api.identity, api.organizations, lambda: api.target_roots(str(uuid.uuid4()))):
        with pytest.raises(RefusedCredential):
            call()


def test_a_refused_credential_is_told_by_its_source(world: World) -> None:
    credential = FixedCredential(Secret("sk_unknown"), CredentialSource("the key of this test", "Use another."))
    with pytest.raises(RefusedCredential) as caught:
        world.registries.connect(world.url, credential, TIMEOUT).identity()
    assert caught.value.message.endswith("rejected the key of this test: it is unknown, expired or revoked.")
    assert caught.value.fix == "Use another."


@pytest.mark.parametrize("malformed", ["", "a b", "line\nbreak", "é", "x" * (TOKEN_MAX_LENGTH + 1)])
def test_a_malformed_credential_is_not_sent(world: World, malformed: str) -> None:
    with pytest.raises(MalformedCredential):
        world.with_credential(Secret(malformed)).identity()


def test_where_nothing_listens_the_registry_is_out_of_reach(world: World) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://localhost:{unused.getsockname()[1]}"
        api = world.registries.connect(url, FixedCredential(world.key), TIMEOUT)
        for call in (api.check, api.identity, api.organizations):
            with pytest.raises(RegistryUnreachable) as caught:
                call()
            assert caught.value.registry_url == url
            assert "nothing listens there" in caught.value.message


def test_calls_for_a_workspace_that_is_called_so_are_answered(world: World, root: TargetRoot) -> None:
    identity = identity_in(world)
    for expected in (identity, None):
        api = world.connect().for_workspace(expected)
        assert root.name in names_of(api.target_roots(identity.workspace_id))
        assert api.builds(identity.workspace_id, BuildFilter(), 1).is_whole in (True, False)


@pytest.mark.parametrize("slugs", [("default", "renamed"), ("renamed", "default")])
def test_calls_for_a_workspace_that_is_called_otherwise_by_now_do_nothing(
    world: World, root: TargetRoot, slugs: tuple[str, str]
) -> None:
    identity = identity_in(world)._replace(organization_slug=slugs[0], workspace_slug=slugs[1])
    api = world.connect().for_workspace(identity)
    etag = world.connect().target_roots(identity.workspace_id)
    assert etag is not None
    for call in (
        lambda: api.target_roots(identity.workspace_id, etag.etag),
        lambda: api.builds(identity.workspace_id, BuildFilter(), 1),
        lambda: api.register_build(identity.workspace_id, Registration("x", {}, None, None), uuid.uuid4().hex),
        lambda: api.change_target_root(identity.workspace_id, TargetRoot(root.name, "s3://other/")),
        lambda: api.api_keys(identity.workspace_id),
    ):
        with pytest.raises(WorkspaceMoved, match="renamed"):
            call()
    assert names_of(world.connect().target_roots(identity.workspace_id))[root.name] == root.uri_prefix


def test_a_workspace_that_is_gone_is_called_nothing(world: World) -> None:
    identity = identity_in(world)._replace(workspace_id=str(uuid.uuid4()))
    with pytest.raises(WorkspaceMoved):
        world.connect().for_workspace(identity).target_roots(identity.workspace_id)
    with pytest.raises(NotKnownToRegistry):
        world.connect().target_roots(identity.workspace_id)


def identity_in(world: World) -> WorkspaceIdentity:
    """The workspace that the key belongs to, as it is called."""
    found = world.identity()
    return WorkspaceIdentity(
        "http://localhost", found.organization_id, found.organization_slug, found.workspace_id, found.workspace_slug
    )
