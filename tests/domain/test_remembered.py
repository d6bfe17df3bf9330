"""What is remembered of registries: which workspace some references mean, and whether two of them mean the same."""

import uuid

import pytest

from stardag.domain.credentials import Secret
from stardag.domain.remembered import CachedRoots, Remembered, WorkspaceIdentity

URL, OTHER_URL = "https://one.example", "https://two.example"
KEY, OTHER_KEY = Secret("sk_1"), Secret("sk_2")


def an_id(number: int) -> str:
    return str(uuid.UUID(int=number))


PROD = WorkspaceIdentity(URL, an_id(1), "red", an_id(11), "prod", frozenset({KEY.fingerprint}))
DEV = WorkspaceIdentity(URL, an_id(1), "red", an_id(12), "dev")
PROD_OF_BLUE = WorkspaceIdentity(URL, an_id(2), "blue", an_id(21), "prod")
ELSEWHERE = WorkspaceIdentity(OTHER_URL, an_id(1), "red", an_id(11), "prod")
ROOTS = CachedRoots(URL, an_id(1), an_id(11), {"default": "/prod"})
REMEMBERED = Remembered("/cache", (PROD, DEV, PROD_OF_BLUE, ELSEWHERE), (ROOTS,))


@pytest.mark.parametrize(
    ("organization", "workspace", "key", "found"),
    [
        ("red", "prod", None, PROD),
        (an_id(1), "prod", None, PROD),
        ("red", an_id(11), None, PROD),
        (an_id(1), an_id(11), None, PROD),
        ("blue", "prod", None, PROD_OF_BLUE),
        ("red", "dev", None, DEV),
        ("red", "dev", KEY, DEV),
        (None, an_id(12), None, DEV),
        (None, None, KEY, PROD),
        ("red", None, KEY, PROD),
        (None, "prod", KEY, PROD),
        ("blue", None, KEY, None),
        (None, "dev", KEY, None),
        (None, "prod", None, None),
        ("red", None, None, None),
        (None, None, OTHER_KEY, None),
        (None, None, None, None),
        ("red", "staging", KEY, None),
        ("blue", an_id(11), KEY, None),
    ],
)
def test_a_slug_means_something_within_an_organization_else_the_keys_workspace_counts(
    organization: str | None, workspace: str | None, key: Secret | None, found: WorkspaceIdentity | None
) -> None:
    assert REMEMBERED.find(URL, organization, workspace, key) == found


def test_registries_are_kept_apart() -> None:
    assert REMEMBERED.find(OTHER_URL, "red", "prod", None) == ELSEWHERE
    assert REMEMBERED.find(OTHER_URL, None, None, KEY) is None
    assert REMEMBERED.find("https://three.example", "red", "prod", KEY) is None


def test_what_could_mean_two_workspaces_means_none() -> None:
    twice = REMEMBERED._replace(identities=(PROD, PROD._replace(workspace_id=an_id(99))))
    assert twice.find(URL, "red", "prod", None) is None


def test_an_id_and_its_slug_are_the_same_where_that_is_known() -> None:
    assert REMEMBERED.same_organization(URL, "red", an_id(1))
    assert REMEMBERED.same_organization(URL, an_id(1), "red")
    assert REMEMBERED.same_organization(URL, "unheard-of", "unheard-of")
    assert not REMEMBERED.same_organization(URL, "red", "blue")
    assert not REMEMBERED.same_organization(URL, "red", an_id(2))
    assert not REMEMBERED.same_organization(OTHER_URL, "blue", an_id(2))


def test_roots_belong_to_registry_organization_and_workspace() -> None:
    assert REMEMBERED.roots_of(PROD) == ROOTS
    assert REMEMBERED.roots_of(DEV) is None
    assert REMEMBERED.roots_of(ELSEWHERE) is None
    assert REMEMBERED.roots_of(PROD._replace(organization_id=an_id(2))) is None


def test_what_is_learnt_replaces_what_was_known_of_that_workspace_alone() -> None:
    renamed = PROD._replace(workspace_slug="live")
    roots = ROOTS._replace(target_roots={"default": "/live"})
    learnt = REMEMBERED.learn(renamed, roots)
    assert set(learnt.identities) == {renamed, DEV, PROD_OF_BLUE, ELSEWHERE}
    assert learnt.roots_of(renamed) == roots
    assert learnt.find(URL, "red", "prod", None) is None
    assert learnt.find(URL, "red", "live", None) == renamed
    assert REMEMBERED.roots_of(PROD) == ROOTS


def test_learning_an_identity_alone_leaves_the_roots_as_they_are() -> None:
    assert REMEMBERED.learn(PROD._replace(workspace_slug="live")).cached_roots == (ROOTS,)
    assert Remembered("/cache").learn(PROD).identities == (PROD,)
