"""The guide's "Target Roots Synchronization": sync, validation at build start, the cache, and working offline."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from stardag.domain.target_roots import TargetRoot
from stardag_registry.adapters.system import now
from tests.end_to_end.machine import Machine, files_below, write
from tests.end_to_end.registries import NOWHERE, Place, Registry, passing_on
from tests.registry.running import running_registry

CACHE = "target-root-cache.json"


def change(name: str, old: str | None, new: str | None) -> dict[str, str | None]:
    return {"name": name, "old": old, "new": new}


def test_a_root_that_is_rarely_meant_is_asked_about_before_it_is_added(
    machine: Machine, place: Place, tmp_path: Path
) -> None:
    inside = str(tmp_path / "roots" / "default" / "inside")
    words = ("target-roots", "add", "more", inside)
    error = machine.ask(*words, exits=2, env=place.variables).error
    assert error["code"] == "confirmation-needed"
    assert f"'more' ({inside}) would lie inside the target root 'default'" in error["message"]
    assert "--yes" in error["fix"]
    assert machine.ask("target-roots", "add", "home", "/home/alice/x", exits=2, env=place.variables).error["fix"]
    assert machine.ask(*words, "--yes", env=place.variables).data["new"] == inside


def test_an_archived_workspace_fails_to_validate_as_a_build_fails_to_start(
    machine: Machine, place: Place, registry: Registry
) -> None:
    machine.run("target-roots", "sync", env=place.variables)
    with registry.database.transaction() as transaction:
        workspace = transaction.workspace(place.workspace_id)
        assert workspace is not None
        transaction.change_workspace(replace(workspace, archived_at=now()))
    assert machine.ask("target-roots", "validate", exits=1, env=place.variables).error["code"] == "archived"
    said = {
        machine.run(*words, exits=1, env=place.variables).err
        for words in (
            ("target-roots", "validate"),
            ("exec", "--build", "x", "--", "true"),
        )
    }
    assert len(said) == 1
    machine.run("exec", "--", "true", env=place.variables)  # which may only read
    assert not machine.ask("target-roots", "sync", env=place.variables).data["modified"]
    assert machine.ask("target-roots", "list", env=place.variables).data["roots"]


def test_a_root_from_before_the_rules_is_still_synced_listed_and_handed_down(
    machine: Machine, place: Place, registry: Registry
) -> None:
    with registry.database.transaction() as transaction:
        transaction.add_target_root(place.workspace_id, TargetRoot("old", "s3://Old_Bucket//x"))
    added = machine.ask("target-roots", "sync", env=place.variables).data["added"]
    assert {change["name"] for change in added} == {"old", "default"}
    listed = machine.ask("target-roots", "list", env=place.variables).data["roots"]
    assert {root["name"] for root in listed} == {"old", "default"}
    parent = ("import os, stardag, subprocess, sys\n"
              "from stardag.domain.child_environment import environment_of\n"
              "profile = stardag.active_profile()\n"
              "env = {**os.environ, **environment_of(profile, profile.identity, None)}\n"
              "code = 'import stardag; print(stardag.active_profile().target_roots[\"old\"].value)'\n"
              "sys.exit(subprocess.run([sys.executable, '-c', code], env=env).returncode)")  # fmt: skip
    ran = subprocess.run([sys.executable, "-c", parent], env=machine.environment(**place.variables), cwd=machine.work,
                         capture_output=True, text=True, timeout=60)  # fmt: skip
    assert (ran.returncode, ran.stdout) == (0, "s3://Old_Bucket//x\n"), ran.stderr


def test_the_guides_way_from_add_registry_to_a_build_and_through_a_mismatch(machine: Machine, place: Place) -> None:
    env = {"STARDAG_API_KEY": place.key}
    default = f"{machine.root}/roots/default"
    machine.run("registry", "add", "local", "--url", place.url)
    added = machine.run(
        "profile", "add", "local", "--registry=local", f"--organization={place.organization}", "-w", place.workspace,
        env=env,
    )  # fmt: skip
    assert "not checked" not in added.err

    synced = machine.ask("target-roots", "sync", env=env).data
    assert synced == {"added": [change("default", None, default)], "modified": [], "deleted": [], "applied": True}
    again = machine.ask("target-roots", "sync", env=env).data
    assert again == {"added": [], "modified": [], "deleted": [], "applied": False}
    assert machine.ask("target-roots", "validate", env=env).data == again

    # Somebody adds a root: it is synced by itself, and said.
    archive = f"{machine.root}/roots/archive"
    place.add("archive", archive)
    validated = machine.ask("target-roots", "validate", env=env)
    assert validated.data == {
        "added": [change("archive", None, archive)],
        "modified": [],
        "deleted": [],
        "applied": True,
    }
    assert "'archive'" in validated.warnings["root-added"]
    assert machine.ask("target-roots", "validate", env=env).data["added"] == []

    # Somebody changes one and deletes one: the build stops, and says everything, until a person syncs.
    moved = f"{machine.root}/roots/moved"
    place.change("default", moved)
    place.remove("archive")
    place.add("third", f"{machine.root}/roots/third")
    stopped = machine.run("target-roots", "validate", env=env, exits=3)
    assert stopped.out == ""
    assert "Target root mismatch" in stopped.err
    for line in (
        f"modified  default: {default} -> {moved}",
        f"deleted   archive: {archive}",
        f"added     third: {machine.root}/roots/third",
    ):
        assert line in stopped.err
    assert "stardag target-roots sync" in stopped.err
    assert machine.ask("target-roots", "validate", env=env, exits=3).error["code"] == "target-root-mismatch"
    accepted = machine.ask("target-roots", "sync", env=env).data
    assert accepted["modified"] == [change("default", default, moved)]
    assert accepted["deleted"] == [change("archive", archive, None)]
    assert accepted["added"] == [change("third", None, f"{machine.root}/roots/third")]
    machine.run("stardag", "target-roots", "validate", env=env)
    assert not Path(f"{machine.root}/roots").exists(), "a check leaves nothing behind"


def test_a_dry_run_shows_the_differences_and_writes_nothing(machine: Machine, place: Place) -> None:
    machine.run("config", "show")
    env = place.variables
    dry = machine.ask("target-roots", "sync", "--dry-run", env=env).data
    assert ([item["name"] for item in dry["added"]], dry["applied"]) == (["default"], False)
    assert files_below(machine.home) == {}
    machine.run("target-roots", "sync", env=env)
    before = files_below(machine.home)
    place.change("default", "/elsewhere")
    ran = machine.run("target-roots", "sync", "--dry-run", "--exit-code", env=env, exits=3)
    assert "modified  default" in ran.out, "it is an answer all the same"
    assert files_below(machine.home) == before


def test_exit_code_says_3_where_there_was_a_difference_and_0_where_there_was_none(
    machine: Machine, place: Place
) -> None:
    env = place.variables
    assert machine.ask("target-roots", "sync", "--exit-code", env=env, exits=3).data["applied"] is True
    assert machine.ask("target-roots", "sync", "--exit-code", env=env).data["applied"] is False


def test_a_workspace_never_synced_before_has_only_additions(machine: Machine, registry: Registry) -> None:
    roots = {"default": str(machine.root / "a"), "other": str(machine.root / "b")}
    place = registry.place(roots)
    validated = machine.ask("target-roots", "validate", env=place.variables).data
    assert validated["added"] == [change(name, None, prefix) for name, prefix in roots.items()]
    assert (validated["modified"], validated["deleted"], validated["applied"]) == ([], [], True)


def test_a_trailing_slash_makes_no_difference(machine: Machine, place: Place) -> None:
    machine.run("target-roots", "sync", env=place.variables)
    place.change("default", f"{machine.root}/roots/default/")
    data = machine.ask("target-roots", "validate", env=place.variables).data
    assert (data["modified"], data["deleted"]) == ([], [])


def test_the_cache_is_exactly_the_guides_flat_array(machine: Machine, place: Place, registry: Registry) -> None:
    other = registry.place({"name-1": "s3://bucket/prefix/"})
    for env in (place.variables, other.variables):
        machine.run("target-roots", "sync", env=env)
    cache = json.loads((machine.directory / CACHE).read_text())
    assert sorted(cache, key=lambda entry: "name-1" in entry["target_roots"]) == [
        {
            "registry_url": place.url,
            "organization_id": place.organization_id,
            "workspace_id": place.workspace_id,
            "target_roots": {"default": f"{machine.root}/roots/default"},
        },
        {
            "registry_url": other.url,
            "organization_id": other.organization_id,
            "workspace_id": other.workspace_id,
            "target_roots": {"name-1": "s3://bucket/prefix/"},
        },
    ]
    identities = json.loads((machine.directory / "id-cache.json").read_text())
    assert {entry["workspace_slug"] for entry in identities} == {place.workspace, other.workspace}
    assert place.key not in (machine.directory / "id-cache.json").read_text()
    for path in machine.directory.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, f"{path} is for its owner alone"


def test_an_overridden_root_is_reported_and_left_out_of_the_comparison(machine: Machine, place: Place) -> None:
    machine.run("target-roots", "sync", env=place.variables)
    place.change("default", "/changed/by/somebody")
    env = {**place.variables, "STARDAG_TARGET_ROOTS__DEFAULT": f"{machine.root}/mine"}
    validated = machine.ask("target-roots", "validate", env=env)
    assert validated.data["modified"] == []
    assert "default" in validated.warnings["root-overridden"]
    (listed,) = machine.ask("target-roots", "list", env=env).data["roots"]
    assert (listed["status"], listed["origin"]["variable"]) == ("overridden", "STARDAG_TARGET_ROOTS__DEFAULT")
    # Once the override goes, the change behind it is noticed.
    assert machine.ask("target-roots", "validate", env=place.variables, exits=3).error["code"] == "target-root-mismatch"


@pytest.mark.slow
def test_an_override_of_one_root_hides_no_change_of_another(machine: Machine, registry: Registry) -> None:
    place = registry.place({"default": "/old", "other": "/other"})
    machine.run("target-roots", "sync", env=place.variables)
    place.change("default", "/new")
    env = {**place.variables, "STARDAG_TARGET_ROOTS": '{"other": "/mine"}'}
    stopped = machine.run("target-roots", "validate", env=env, exits=3)
    assert "modified  default: /old -> /new" in stopped.err
    assert "other" not in stopped.err.partition("Target root mismatch")[2].replace("another", "")


def test_a_corrupt_cache_is_set_aside_and_a_build_stops_until_a_sync(machine: Machine, place: Place) -> None:
    env = place.variables
    machine.run("target-roots", "sync", env=env)
    place.change("default", "/changed/meanwhile")
    (machine.directory / CACHE).write_text('[{"registry_url": "http')
    assert str(machine.directory / CACHE) in machine.ask("config", "show", env=env).warnings["state-set-aside"]
    for _ in range(2):
        error = machine.ask("target-roots", "validate", env=env, exits=3).error
        assert error["code"] == "target-root-cache-lost"
        assert "stardag target-roots sync" in error["fix"]
    aside = [path for path in machine.directory.iterdir() if path.name.startswith(f"{CACHE}.corrupt")]
    assert [path.read_text() for path in aside] == ['[{"registry_url": "http'], "set aside, not thrown away"
    machine.run("target-roots", "sync", env={**env, "STARDAG_TARGET_ROOTS__DEFAULT": f"{machine.root}/x"})
    assert machine.values(env=env)["target_roots.default"]["value"] == "/changed/meanwhile"
    machine.run("target-roots", "validate", env={**env, "STARDAG_TARGET_ROOTS__DEFAULT": f"{machine.root}/x"})


@pytest.mark.slow
def test_a_cache_that_was_edited_by_hand_is_compared_anew(machine: Machine, place: Place) -> None:
    """An ETag stands for the content that came with it, not for whatever is in the file now."""
    machine.run("target-roots", "sync", env=place.variables)
    cache = machine.directory / CACHE
    cache.write_text(cache.read_text().replace("roots/default", "roots/mine"))
    assert machine.ask("target-roots", "validate", env=place.variables, exits=3).error["code"] == "target-root-mismatch"


def test_unchanged_roots_cost_one_conditional_request_and_looking_none(machine: Machine, place: Place) -> None:
    with passing_on(place.url) as proxy:
        env = {**place.variables, "STARDAG_REGISTRY_URL": proxy.url}
        machine.run("target-roots", "validate", env=env)
        first = len(proxy.requests)
        machine.run("target-roots", "validate", env=env)
        for words in ("config show", "config explain", "config validate", "config path", "profile list"):
            machine.run(*words.split(), env=env)
        (request,) = proxy.requests[first:]
    assert request.path.startswith(f"/api/v1/workspaces/{place.workspace_id}/target-roots")
    assert request.headers["if-none-match"].startswith('"')
    assert request.headers["authorization"] == f"Bearer {place.key}"


def test_target_roots_list_compares_with_the_registry_and_writes_nothing(machine: Machine, registry: Registry) -> None:
    place = registry.place({"same": "/same", "changed": "/before", "gone": "/gone"})
    env = place.variables
    listed = machine.ask("target-roots", "list", env=env).data["roots"]
    assert {root["name"]: root["status"] for root in listed} == {"same": "new", "changed": "new", "gone": "new"}
    assert files_below(machine.home) == {}
    machine.run("target-roots", "sync", env=env)
    before = files_below(machine.home)
    place.change("changed", "/after")
    place.remove("gone")
    place.add("new", "/new")
    listed = machine.ask("target-roots", "list", env=env).data["roots"]
    assert {root["name"]: (root["uri_prefix"], root["status"]) for root in listed} == {
        "same": ("/same", "same"),
        "changed": ("/before", "changed"),
        "gone": ("/gone", "gone"),
        "new": ("/new", "new"),
    }
    assert {root["origin"]["layer"] for root in listed if root["name"] != "new"} == {"cache"}
    assert "changed to /after" in machine.run("target-roots", "list", env=env).out
    assert files_below(machine.home) == before


@pytest.mark.slow
def test_roots_are_cached_by_registry_organization_and_workspace(machine: Machine, registry: Registry) -> None:
    one, two = registry.place({"default": "/one"}), registry.place({"default": "/two"})
    for place in (one, two):
        machine.run("target-roots", "sync", env=place.variables)
    for place, prefix in ((one, "/one"), (two, "/two")):
        assert machine.values(env=place.variables)["target_roots.default"]["value"] == prefix
    elsewhere = {**one.variables, "STARDAG_REGISTRY_URL": NOWHERE}
    assert "target_roots.default" not in machine.values(env=elsewhere)


def test_an_unsupported_scheme_is_stored_and_listed_and_its_storage_not_checked(
    machine: Machine, registry: Registry
) -> None:
    place = registry.place({"default": "gs://bucket/prefix/"})
    validated = machine.ask("target-roots", "validate", env=place.variables)
    assert "'default'" in validated.warnings["not-checked"]
    (root,) = machine.ask("target-roots", "list", env=place.variables).data["roots"]
    assert root["uri_prefix"] == "gs://bucket/prefix/"


def test_the_storage_of_every_form_of_a_local_root_is_checked_and_nothing_is_left(
    machine: Machine, registry: Registry
) -> None:
    forms = {"path": f"{machine.home}/a", "uri": f"file://{machine.home}/b", "tilde": "~/c"}
    place = registry.place(forms)
    machine.run("target-roots", "validate", env=place.variables)
    there = [machine.home / name for name in "abc"]
    assert not [path for path in there if path.exists()]
    for path in there:
        path.mkdir()
    machine.run("target-roots", "validate", env=place.variables)
    assert [list(path.iterdir()) for path in there] == [[], [], []]


def test_every_storage_that_fails_is_named_at_once(machine: Machine, registry: Registry) -> None:
    write(machine.home / "file", "")
    forms = {"path": f"{machine.home}/file/a", "uri": f"file://{machine.home}/file/b", "tilde": "~/file/c"}
    place = registry.place({**forms, "fine": str(machine.root / "fine")})
    error = machine.ask("target-roots", "validate", env=place.variables, exits=1).error
    assert error["code"] == "storage-unavailable"
    for name, prefix in forms.items():
        assert f"  {name} ({prefix}): {machine.home}/file is not a directory" in error["message"]
    assert "fine" not in error["message"]


def test_cached_roots_are_read_with_the_registry_stopped_and_a_build_does_not_start(
    machine: Machine, tmp_path: Path
) -> None:
    with running_registry(tmp_path / "data") as running:
        env = {"STARDAG_REGISTRY_URL": running.url, "STARDAG_API_KEY": running.owner_key}
        env["STARDAG_WORKSPACE"] = "default"
        machine.run("target-roots", "sync", env=env)
        running.stop(signal.SIGTERM)
        root = machine.values(env=env)["target_roots.default"]
        assert root["origin"]["layer"] == "cache"
        listed = machine.ask("target-roots", "list", env=env)
        assert [(item["name"], item["status"]) for item in listed.data["roots"]] == [("default", "unknown")]
        assert "out of reach" in listed.warnings["not-compared"]
        error = machine.ask("target-roots", "validate", env=env, exits=6).error
        assert error["code"] == "registry-unreachable"
        assert running.url in error["message"]
        assert machine.ask("target-roots", "sync", env=env, exits=6).error["code"] == "registry-unreachable"


def test_offline_asks_no_registry_and_starts_no_build(machine: Machine, place: Place) -> None:
    with passing_on(place.url) as proxy:
        env = {**place.variables, "STARDAG_REGISTRY_URL": proxy.url}
        machine.run("target-roots", "sync", env=env)
        asked = len(proxy.requests)
        assert machine.values("--offline", env=env)["target_roots.default"]["origin"]["layer"] == "cache"
        (root,) = machine.ask("target-roots", "list", "--offline", env=env).data["roots"]
        assert root["status"] == "unknown"
        by_variable = {**env, "STARDAG_OFFLINE": "1"}
        for command in ("target-roots validate", "target-roots sync"):
            assert "STARDAG_OFFLINE" in machine.ask(*command.split(), env=by_variable, exits=6).error["message"]
        for command in ("target-roots validate", "organizations list", "workspaces list"):
            assert "--offline" in machine.ask(*command.split(), "--offline", env=env, exits=6).error["message"]
        machine.run("registry", "add", "r", "--url", proxy.url, "--offline", env=env)
        machine.run("profile", "add", "p", "-r", "r", "-o", "o", "-w", "w", env=by_variable)
        assert len(proxy.requests) == asked


def test_a_build_starts_where_the_cache_cannot_be_written(machine: Machine, place: Place) -> None:
    """A production worker's home may be read-only; what is learnt is then asked for each time, and that is said."""
    blocked = write(machine.root / "no-directory", "")
    env = {**place.variables, "STARDAG_HOME": f"{blocked}/home"}
    validated = machine.ask("target-roots", "validate", env=env)
    assert "not-cached" in validated.warnings
    assert machine.ask("target-roots", "sync", env=env, exits=1).error["code"] == "not-writable"


@pytest.mark.slow
def test_a_root_with_no_name_in_the_environment_is_taken_from_the_cache_of_the_project(
    machine: Machine, place: Place
) -> None:
    machine.project(place.profile())
    env = {"STARDAG_API_KEY": place.key}
    machine.run("trust", env=env)
    machine.run("target-roots", "sync", env=env)
    inside, outside = machine.values(env=env), machine.values(env=place.variables, cwd=machine.home)
    assert inside["target_roots.default"]["origin"]["layer"] == "cache"
    assert "target_roots.default" not in outside
    assert os.path.exists(machine.work / ".stardag" / CACHE)
