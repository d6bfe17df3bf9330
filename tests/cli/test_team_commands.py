"""What the commands of a team print, over use cases whose ports are fakes."""

import io
import sys
from typing import Any, cast

import pytest

from stardag.domain.profile import NO_SELECTION
from tests.cli.running import Program
from tests.fakes.environment import FakeEnvironment

OWNER, BOB = "owner@acme.example", "bob@acme.example"


@pytest.fixture
def stardag(capsys: pytest.CaptureFixture[str]) -> Program:
    """The owner of the organization is signed in."""
    program = Program(capsys)
    program.world.signed_in(OWNER, "owner")
    return program


def rows(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


def items(data: dict[str, object], key: str) -> list[dict[str, Any]]:
    return cast(list[dict[str, Any]], data[key])


def test_an_organization_is_made_and_the_next_steps_are_said(stardag: Program) -> None:
    ran = stardag("organizations create acme")
    assert ran.out == "Organization 'acme' was made at http://localhost:8000; you are its owner.\n"
    assert "stardag workspaces create SLUG --registry local --organization acme" in ran.err
    assert "stardag members invite EMAIL --registry local --organization acme" in ran.err
    data = stardag.data("organizations create other --name Other")
    assert (sorted(data), data["slug"], data["name"], data["role"]) == (
        ["id", "name", "role", "slug"],
        "other",
        "Other",
        "owner",
    )
    ran = stardag("organizations create acme")
    assert (ran.code, ran.out) == (1, "")


def test_a_link_is_printed_alone_and_what_it_is_good_for_beside_it(stardag: Program) -> None:
    ran = stardag(f"members invite {BOB} --role admin")
    link = ran.out.strip()
    assert ran.out == f"{link}\n"
    assert link.startswith("http://localhost:8000/invitation?token=")
    assert link not in ran.err
    assert "No mail is sent" in ran.err
    (invitation,) = stardag.world.edit_members.invitations(NO_SELECTION).value
    assert f"{invitation.expires_at.astimezone():%Y-%m-%d %H:%M}" in ran.err
    data = stardag.data("members invite carol@acme.example")
    assert sorted(data) == ["email", "expires_at", "id", "link", "made_at", "maker", "role"]
    assert rows(stardag("members list --invited").out)[0] == "E-MAIL ROLE COUNTS UNTIL INVITED BY ID"
    listed = items(stardag.data("members list --invited"), "invitations")
    assert [(each["email"], each["role"]) for each in listed] == [(BOB, "admin"), ("carol@acme.example", "member")]
    assert not any("link" in each for each in listed)


@pytest.mark.parametrize("by_input", [True, False])
def test_an_invitation_is_accepted_with_the_link(
    stardag: Program, by_input: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = stardag(f"members invite {BOB}").out.strip()
    stardag.world.signed_in(BOB)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"{link}\n".encode())))
    ran = stardag("organizations join -" if by_input else f"organizations join {link}")
    assert ran.out == "You are a member of organization 'default' at http://localhost:8000.\n"
    assert link.rpartition("=")[2] not in ran.err
    again = stardag(f"organizations join {link}")
    assert (again.code, again.out) == (5, "")
    assert link.rpartition("=")[2] not in again.err


def test_members_are_listed_changed_and_removed(stardag: Program) -> None:
    bob = stardag.world.registry.add_user(BOB, next(iter(stardag.world.registry.organizations.values())))
    shown = rows(stardag("members list").out)
    assert shown[0] == "USERNAME E-MAIL ROLE SINCE ID"
    assert shown[1].startswith(f"bob {BOB} member ")
    assert shown[1].endswith(bob.id)
    listed = items(stardag.data("members list --role owner"), "members")
    assert [(each["username"], each["email"], each["role"]) for each in listed] == [("owner", OWNER, "owner")]
    assert "Nobody is admin of 'default'." in stardag("members list --role admin").err
    assert stardag("members set-role bob admin").out == "'bob' was member and is now admin of 'default'.\n"
    assert stardag("members set-role bob admin").out == "'bob' already was admin of 'default'.\n"
    asked = stardag("members remove bob")
    assert (asked.code, asked.out) == (2, "")
    assert f"'bob' ({BOB}) is admin of 'default' and loses all access to it." in asked.err
    assert "--yes" in asked.err
    assert stardag("members remove bob --yes").out == "'bob' is no member of 'default' any more.\n"
    gone = stardag("members remove bob")
    assert (gone.code, "no member 'bob'" in gone.err) == (5, True)
    stardag(f"members invite {BOB}")
    assert f"The invitation of {BOB} to 'default' and its link end." in stardag(f"members remove {BOB}").err
    assert "was withdrawn" in stardag(f"members remove {BOB} --yes").out
    assert "No invitation to 'default' waits" in stardag("members list --invited").err
    last = stardag("members set-role owner member")
    assert last.code == 1
    assert "stardag members set-role MEMBER owner" in last.err


def test_workspaces_are_made_archived_and_brought_back(stardag: Program) -> None:
    ran = stardag("workspaces create staging --name Staging --description Before -r local -o default")
    next_step = "target-roots add default URI_PREFIX --workspace staging --registry local --organization default"
    assert next_step in ran.err
    assert "profile add NAME --workspace staging --registry local --organization default" in ran.err
    assert ran.out == "Workspace 'staging' was made in organization 'default' at http://localhost:8000.\n"
    assert "staging Staging Before" in "\n".join(rows(stardag("workspaces list").out))
    asked = stardag("workspaces archive staging")
    assert (asked.code, asked.out, "--yes" in asked.err) == (2, "", True)
    assert "is archived" in stardag("workspaces archive staging --yes").out
    assert "was archived already" in stardag("workspaces archive staging").out
    (archived,) = items(stardag.data("workspaces list --archived"), "workspaces")
    assert (archived["slug"], archived["archived"], archived["description"]) == ("staging", True, "Before")
    refused = stardag("target-roots add x /x --workspace staging")
    assert refused.code == 1
    assert "stardag workspaces archive WORKSPACE --undo" in refused.err
    assert "is in use again" in stardag("workspaces archive staging --undo").out
    assert "was not archived" in stardag("workspaces archive staging --undo").out
    assert "no archived workspace" in stardag("workspaces list --archived").err


def test_a_root_that_builds_have_used_is_changed_with_yes_alone_where_nobody_can_be_asked(stardag: Program) -> None:
    workspace = stardag.world.workspace
    stardag.world.registry.register_build(workspace.id)
    refused = stardag("target-roots set default /elsewhere")
    assert (refused.code, refused.out) == (2, "")
    assert "1 build has used the target root 'default'" in refused.err
    assert "repeat the command with --yes" in refused.err
    assert stardag.world.registry.roots[workspace.id] != {"default": "/elsewhere"}
    done = stardag("target-roots set default /elsewhere --yes")
    assert done.code == 0
    assert "and is now /elsewhere" in done.out
    assert "1 build had used it" in done.err
    assert "stardag target-roots sync" in done.err
    assert stardag("target-roots set default /elsewhere").out.endswith("already was /elsewhere.\n")
    added = stardag.data("target-roots add archive s3://archive/")
    assert added == {"name": "archive", "old": None, "new": "s3://archive/", "builds": 0, "changed": True}
    assert "what is stored in s3://archive/ stays" in stardag("target-roots remove archive").out


def test_a_key_is_standard_output_alone(stardag: Program) -> None:
    ran = stardag("api-keys create ci --expires-in 90d")
    key = ran.out.strip()
    assert ran.out == f"{key}\n"
    assert key not in ran.err
    assert "API key 'ci' for building in workspace 'default'; it counts until " in ran.err
    data = stardag.data("api-keys create ops --administer")
    assert (data["name"], data["purpose"], data["expires_at"]) == ("ops", "administer", None)
    listed = stardag("api-keys list")
    assert rows(listed.out)[0] == "NAME PURPOSE MADE BY MADE LAST USED EXPIRES ID"
    assert key not in listed.out
    assert str(data["key"]) not in listed.out
    refused = stardag("api-keys revoke ci")
    assert (refused.code, "--yes" in refused.err) == (2, True)
    assert "was revoked" in stardag("api-keys revoke ci --yes").out
    revoked = items(stardag.data("api-keys list --revoked"), "api_keys")
    assert [each["name"] for each in revoked] == ["ci"]
    assert revoked[0]["revoked_at"] is not None


def test_builds_are_listed_shown_and_cancelled(stardag: Program) -> None:
    registry, workspace = stardag.world.registry, stardag.world.workspace
    assert "Workspace 'default' has no build." in stardag("builds list").err
    first = registry.register_build(workspace.id, "A night\nof training", name="nightly")
    second = registry.register_build(workspace.id)
    shown = rows(stardag("builds list").out)
    assert shown[0] == "ID NAME STATUS STARTED BY DESCRIPTION"
    assert shown[1].startswith(f"{second} - running ")
    assert shown[2].startswith(f"{first} nightly running ")
    assert shown[2].endswith("a key A night")
    limited = stardag("builds list --limit 1")
    assert len(rows(limited.out)) == 2
    assert "There are more" in limited.err
    assert stardag.data("builds list --limit 1")["more"] is True
    assert stardag("builds list --status failed").err == "Workspace 'default' has no build that you ask for.\n"
    told = stardag(f"builds show {first}")
    assert "of training" in told.out
    assert "name nightly" in rows(told.out)
    assert "target root default /local-target-roots/default/default/" in "\n".join(rows(told.out))
    assert f"stardag tasks list --build {first}" in told.err
    data = stardag.data(f"builds show {first}")
    assert data["name"] == "nightly"
    assert data["target_roots"] == {"default": "/local-target-roots/default/default/"}
    assert str(data["started_at"]).endswith("+00:00")
    assert stardag(f"builds cancel {first}").out == f"Build {first} is cancelled.\n"
    registry.end_build(workspace.id, second, "completed")
    ended = stardag(f"builds cancel {second}")
    assert (ended.code, f"stardag builds show {second}" in ended.err) == (1, True)


def test_tasks_are_found_and_shown_with_their_builds(stardag: Program) -> None:
    registry, workspace = stardag.world.registry, stardag.world.workspace
    assert "Workspace 'default' has no task." in stardag("tasks list").err
    first, second = (registry.register_build(workspace.id) for _ in range(2))
    task = registry.record_task(workspace.id, first, "train", {"rate": 0.1, "note": "a\x1b[31m"}, "completed")
    registry.record_task(workspace.id, second, "train", {"rate": 0.1, "note": "a\x1b[31m"}, "reused")
    registry.record_task(workspace.id, second, "load", {"day": "x" * 100}, "running")
    shown = rows(stardag("tasks list").out)
    assert shown[0] == "NAME STATUS UPDATED PARAMETERS ID"
    assert "…" in shown[1]
    assert shown[2].endswith(task)
    assert [each["id"] for each in items(stardag.data("tasks list --parameter rate=0.1"), "tasks")] == [task]
    assert "no task that you ask for" in stardag("tasks list --name nothing").err
    told = stardag(f"tasks show {task}")
    assert "parameter rate 0.1" in "\n".join(rows(told.out))
    assert "\x1b" not in told.out
    assert rows(told.out)[-2].startswith(f"{second} reused ")
    data = stardag.data(f"tasks show {task}")
    assert data["parameters"] == {"rate": 0.1, "note": "a\x1b[31m"}
    assert [(run["build_id"], run["status"]) for run in items(data, "builds")] == [
        (second, "reused"),
        (first, "completed"),
    ]


def test_a_key_may_look_and_not_administer(stardag: Program) -> None:
    key = stardag("api-keys create ci").out.strip()
    stardag.world.environment = FakeEnvironment(api_key=key)
    assert stardag("builds list").code == 0
    for words in ("api-keys list", "api-keys create x", "target-roots add x /x", "members list", "workspaces create x"):
        assert stardag(words).code == 7


def test_offline_nobody_is_asked(stardag: Program) -> None:
    stardag.world.forget_requests()
    for words in ("organizations create x", "members list", "workspaces create x", "builds list", "tasks list"):
        assert stardag(f"{words} --offline").code == 6
    assert stardag.world.registry.requests == []
