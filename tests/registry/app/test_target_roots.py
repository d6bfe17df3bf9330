"""Changing target roots: what each change leaves in the history, and who may not make it. On the database in memory."""

from datetime import timedelta

import pytest

from stardag.domain.errors import InvalidName, InvalidValue
from stardag.domain.target_roots import TargetRoot
from stardag_registry.app.builds import NewBuild
from stardag_registry.app.paging import PageRequest
from stardag_registry.app.ports import RevisionFilter
from stardag_registry.domain.errors import AlreadyExists, InvalidField, NotAllowed, NotFound, TooMany, Unauthenticated
from stardag_registry.domain.target_roots import MAX_TARGET_ROOTS
from tests.registry.app.scene import Team


def history(team: Team) -> list[tuple[str, str | None, str | None]]:
    return [(revision.name, revision.old, revision.new) for revision in team.revisions()]


def test_every_change_is_in_the_history_with_who_and_when(team: Team) -> None:
    owner = team.key("administer")
    team.edit_target_roots.add(owner, team.production.id, "a", "/1/")
    team.clock.move(timedelta(minutes=1))
    team.edit_target_roots.change(owner, team.production.id, "a", "/2/")
    team.edit_target_roots.remove(owner, team.production.id, "a")
    assert history(team) == [("a", None, "/1/"), ("a", "/1/", "/2/"), ("a", "/2/", None)]
    first, second, _ = team.revisions()
    assert second.at - first.at == timedelta(minutes=1)
    assert {revision.api_key_id for revision in team.revisions()} == {owner.api_key.id}


def test_a_change_to_what_it_is_already_is_no_change(team: Team) -> None:
    owner = team.key("administer")
    team.edit_target_roots.add(owner, team.production.id, "a", "/1/")
    assert team.edit_target_roots.change(owner, team.production.id, "a", "/1/") == TargetRoot("a", "/1/")
    assert len(history(team)) == 1


def test_a_refused_change_leaves_no_history(team: Team) -> None:
    owner = team.key("administer")
    team.edit_target_roots.add(owner, team.production.id, "a", "/1/")
    with pytest.raises(AlreadyExists):
        team.edit_target_roots.add(owner, team.production.id, "a", "/2/")
    with pytest.raises(NotFound):
        team.edit_target_roots.change(owner, team.production.id, "b", "/2/")
    with pytest.raises(NotFound):
        team.edit_target_roots.remove(owner, team.production.id, "b")
    with pytest.raises(NotAllowed):
        team.edit_target_roots.remove(team.key("build"), team.production.id, "a")
    assert len(history(team)) == 1


def test_a_key_that_is_revoked_after_it_was_shown_changes_nothing(team: Team) -> None:
    secret = team.furnish.api_key(team.production, "administer")
    caller = team.authenticate(secret.text)
    team.furnish.revoke(secret)
    with pytest.raises(Unauthenticated):
        team.edit_target_roots.add(caller, team.production.id, "a", "/1/")
    assert not history(team)


def test_a_key_that_expires_after_it_was_shown_changes_nothing(team: Team) -> None:
    caller = team.key("administer", expires_in=timedelta(seconds=1))
    team.clock.move(timedelta(seconds=1))
    with pytest.raises(Unauthenticated):
        team.edit_target_roots.add(caller, team.production.id, "a", "/1/")
    assert not history(team)


def test_a_workspace_has_so_many_roots_and_no_more(team: Team) -> None:
    owner = team.key("administer")
    with team.database.transaction() as transaction:
        for number in range(MAX_TARGET_ROOTS):
            transaction.add_target_root(team.production.id, TargetRoot(f"root-{number}", "/data/"))
    with pytest.raises(TooMany):
        team.edit_target_roots.add(owner, team.production.id, "one-more", "/data/")
    with pytest.raises(AlreadyExists):
        team.edit_target_roots.add(owner, team.production.id, "root-0", "/data/")
    team.edit_target_roots.remove(owner, team.production.id, "root-0")
    team.edit_target_roots.add(owner, team.production.id, "one-more", "/data/")


def test_a_name_and_a_prefix_that_cannot_be_are_refused(team: Team) -> None:
    owner = team.key("administer")
    with pytest.raises(InvalidName):
        team.edit_target_roots.add(owner, team.production.id, "A", "/1/")
    with pytest.raises(InvalidValue):
        team.edit_target_roots.add(owner, team.production.id, "a", "../1/")
    team.edit_target_roots.add(owner, team.production.id, "a", "/1/")
    for prefix in ("", "relative", "/a/\0", "/a/\ud800", "s3://", "/" * 1025):
        with pytest.raises(InvalidValue):
            team.edit_target_roots.change(owner, team.production.id, "a", prefix)
    assert history(team) == [("a", None, "/1/")]


def test_the_history_says_how_many_builds_had_used_the_old_root(team: Team) -> None:
    owner = team.key("administer")
    team.edit_target_roots.add(owner, team.production.id, "a", "/1/")
    for prefix in ("/1/", "/1", "/2/"):
        team.register_build(owner, team.production.id, NewBuild({"a": prefix}), None)
    use = team.target_root_history.use(owner, team.production.id, "a")
    assert (use.root, use.builds) == (TargetRoot("a", "/1/"), 2)
    team.edit_target_roots.change(owner, team.production.id, "a", "/2")
    team.edit_target_roots.remove(owner, team.production.id, "a")
    assert [revision.builds for revision in team.revisions()] == [0, 2, 1]
    with pytest.raises(NotFound):
        team.target_root_history.use(owner, team.production.id, "a")


def test_the_history_is_read_page_by_page_by_everybody_in_the_workspace(team: Team) -> None:
    owner = team.key("administer")
    for number in range(5):
        team.edit_target_roots.add(owner, team.production.id, f"root-{number}", "/data/")
    names: list[str] = []
    cursor: str | None = None
    while True:
        page = team.target_root_history(team.plain, team.production.id, RevisionFilter(), PageRequest(2, cursor))
        names += [revision.name for revision in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert names == [f"root-{number}" for number in reversed(range(5))]


def test_the_history_is_read_by_name_and_no_root_has_an_odd_one(team: Team) -> None:
    owner = team.key("administer")
    for name in ("a", "b"):
        team.edit_target_roots.add(owner, team.production.id, name, "/data/")
    named = RevisionFilter("b")
    (revision,) = team.target_root_history(team.plain, team.production.id, named, PageRequest(10)).items
    assert revision.name == "b"
    for nothing in ("", "B", "a\0b", "é"):
        with pytest.raises(InvalidField):
            team.target_root_history(team.plain, team.production.id, RevisionFilter(nothing), PageRequest(10))


def test_a_user_who_changes_a_root_is_named_in_the_history(team: Team) -> None:
    team.edit_target_roots.add(team.admin, team.production.id, "a", "/1/")
    (revision,) = team.revisions()
    assert (revision.user_id, revision.api_key_id, revision.by) == (team.admin.user.id, None, "adam")
