"""Commands from words to what is printed, over use cases whose ports are fakes."""

import json

import pytest

from tests.app.world import sample
from tests.cli.running import ALICE, FIRST, Program


@pytest.fixture
def stardag(capsys: pytest.CaptureFixture[str]) -> Program:
    return Program(capsys)


def test_registry_list(stardag: Program) -> None:
    assert stardag.data("registry list") == {
        "registries": [
            {"name": "central", "url": "https://api.stardag.com", "active": False},
            {"name": "local", "url": "http://localhost:8000", "active": True},
        ]
    }
    assert "*  local    http://localhost:8000" in stardag("registry list").out


def test_profile_list_and_show(stardag: Program) -> None:
    local = {"name": "local", "registry": "local", "organization": "default", "workspace": "default", "active": True}
    assert stardag.data("profile list") == {"profiles": [local]}
    assert stardag.data("profile show") == local
    assert stardag.data("profile show local") == local
    assert stardag("profile show lokal").code == 2


def test_without_any_profile_the_next_step_is_said(stardag: Program) -> None:
    stardag.world.files.user = None
    assert stardag.data("profile list") == {"profiles": []}
    assert "stardag profile add NAME" in stardag("profile list").err
    assert stardag("profile show").code == 2


def test_organizations_and_workspaces_list(stardag: Program) -> None:
    workspace = stardag.world.workspace
    assert stardag.data("organizations list") == {
        "organizations": [{"id": workspace.organization_id, "slug": "default", "name": "Default", "role": None}]
    }
    assert stardag.data("workspaces list") == {
        "workspaces": [
            {
                "id": workspace.id,
                "slug": "default",
                "name": "Default",
                "description": "",
                "personal": False,
                "archived": False,
            }
        ]
    }


def test_auth_login_status_token_and_logout(stardag: Program) -> None:
    stardag.world.environment.api_key = None
    stardag.world.registry.add_user(ALICE, next(iter(stardag.world.registry.organizations.values())))
    stardag.world.identity_provider.person = ALICE
    login = stardag("auth login")
    assert login.code == 0, login.err
    assert "Signing in to 'local' (http://localhost:8000), at https://issuer.example." in login.err
    assert "A browser was opened" in login.err
    assert login.out.splitlines() == [
        "Signed in to 'local' (http://localhost:8000) as alice (alice@acme.example).",
        "added     default: /local-target-roots/default/default/",
        "1 target root of workspace 'default' synced.",
    ]

    status = stardag.data("auth status")
    assert (status["credential"], status["verified"], status["organization"]) == ("sign-in", True, "default")
    token = stardag("auth token")
    assert token.out.strip() == stardag.data("auth token")["access_token"]
    assert stardag("auth status").out.split()[-1] == "yes"

    (gone,) = json.loads(stardag("auth logout --format json").out)["data"]["registries"]
    assert gone == {"registry": "local", "registry_url": "http://localhost:8000", "revoked": True}
    again = stardag("auth logout")
    assert (again.code, again.out) == (0, "")
    assert "Nobody was signed in" in again.err


def test_auth_token_is_no_api_key(stardag: Program) -> None:
    stardag.world.environment.api_key = "sk_some_key"
    ran = stardag("auth token")
    assert (ran.code, ran.out) == (4, "")
    assert "stardag auth login --registry local" in ran.err


def test_auth_login_asks_nobody_where_nobody_is(stardag: Program) -> None:
    ran = stardag("auth login --no-input")
    assert (ran.code, ran.out) == (2, "")
    assert "--with-token" in ran.err


def test_a_sign_in_that_could_not_be_revoked_is_deleted_and_that_is_said(stardag: Program) -> None:
    stardag.world.environment.api_key = None
    stardag.world.signed_in()
    stardag.world.identity_provider.down = "nothing listens there"
    ran = stardag("auth logout")
    assert ran.code == 0
    assert "not revoked at the issuer" in ran.err
    assert stardag("auth status").code == 4


def test_target_roots_sync_list_and_validate(stardag: Program) -> None:
    added = {"name": "default", "old": None, "new": FIRST}
    nothing: dict[str, object] = {"added": [], "modified": [], "deleted": [], "applied": False}
    assert stardag.data("target-roots sync --dry-run") == {**nothing, "added": [added]}
    assert stardag.data("target-roots sync") == {**nothing, "added": [added], "applied": True}
    assert stardag.data("target-roots validate") == nothing
    (root,) = json.loads(stardag("target-roots list --format json").out)["data"]["roots"]
    assert (root["name"], root["uri_prefix"], root["status"], root["origin"]["layer"]) == (
        "default",
        FIRST,
        "same",
        "cache",
    )


def test_with_exit_code_a_difference_exits_3(stardag: Program) -> None:
    assert stardag("target-roots sync --dry-run").code == 0
    assert stardag("target-roots sync --dry-run --exit-code").code == 3
    assert stardag("target-roots sync --exit-code").code == 3
    assert stardag("target-roots sync --exit-code").code == 0


def test_a_mismatch_exits_3_and_lists_old_and_new(stardag: Program) -> None:
    stardag("target-roots sync")
    stardag.world.set_root("default", "/moved")
    ran = stardag("target-roots validate")
    assert (ran.code, ran.out) == (3, "")
    assert f"default: {FIRST} -> /moved" in ran.err
    assert "stardag target-roots sync" in ran.err


def test_config_show_has_every_key_its_origin_and_what_lost(stardag: Program) -> None:
    stardag("target-roots sync")
    stardag.world.environment.workspace = "default"
    values = json.loads(stardag("config show --format json").out)["data"]["values"]
    by_key = {value["key"]: value for value in values}
    keys = ["profile", "registry", "registry_url", "organization", "workspace", "api_key", "target_roots.default"]
    assert list(by_key) == keys
    assert by_key["api_key"]["value"] == "****"
    assert by_key["workspace"]["origin"]["variable"] == "STARDAG_WORKSPACE_ID"
    assert by_key["workspace"]["overridden"][0]["origin"]["layer"] == "user"
    assert isinstance(by_key["registry_url"]["origin"]["line"], int)
    assert by_key["target_roots.default"]["origin"]["layer"] == "cache"
    assert stardag.world.registry.owner_key.reveal() not in json.dumps(values)


def test_config_explain_tells_every_losing_layer(stardag: Program) -> None:
    stardag.world.environment.workspace = "other"
    ran = stardag("config explain workspace")
    assert "workspace = other" in ran.out
    assert "from STARDAG_WORKSPACE_ID (environment layer)" in ran.out
    assert "not used: default from /home/me/.stardag/config.toml" in ran.out
    ran = stardag("config explain workspce")
    assert ran.code == 2
    assert "Did you mean 'workspace'?" in ran.err


def test_config_explain_and_path_say_that_the_users_file_is_not_read(stardag: Program) -> None:
    stardag.world.files.project = sample()
    for words in ("config explain", "config path"):
        assert "is not read: the project file /srv/project/.stardag/config.toml replaces it whole" in stardag(words).err
    assert stardag.data("config path")["read"] == ["/srv/project/.stardag/config.toml"]


def test_config_validate_lists_all_that_is_wrong_and_exits_2(stardag: Program) -> None:
    assert stardag("config validate").code == 0
    stardag.world.files.user = {
        "profile": {"a": {"registry": "missing"}, "b": {"registry": "missing"}},
    }
    ran = stardag("config validate")
    assert ran.code == 2
    assert ran.out.count("there is no registry 'missing'") == 2
    assert len(json.loads(stardag("config validate --format json").out)["data"]["problems"]) == 2


def test_editing_commands_say_which_file_they_edited(stardag: Program) -> None:
    for words in (
        "registry add second --url http://localhost:8000",
        "profile add new -r second -o default -w default",
        "profile use new",
        "profile remove new --yes",
        "registry remove second",
    ):
        ran = stardag(words)
        assert ran.code == 0, ran.err
        assert "/home/me/.stardag/config.toml" in ran.out
    assert stardag.world.files.user == {
        **sample(),
        "": {"default": {}},
    }


@pytest.mark.parametrize(
    "words", ["profile list", "profile show", "profile show local", "registry list", "config show", "config validate"]
)
def test_a_profile_that_does_not_exist_is_an_error_wherever_one_counts(stardag: Program, words: str) -> None:
    ran = stardag(f"{words} -p lokal")
    assert (ran.code, ran.out) == (2, "")
    assert "no profile 'lokal' (named by --profile). Did you mean 'local'?" in ran.err


def test_profile_show_says_that_the_variable_names_no_profile(stardag: Program) -> None:
    stardag.world.environment.profile = "lokal"
    ran = stardag("profile show")
    assert ran.code == 2
    assert "no profile 'lokal' (named by STARDAG_PROFILE)" in ran.err
    assert stardag("profile show local").code == 0


@pytest.mark.parametrize(
    "words", ["config path", "version", "profile use local", "registry add local --url http://localhost:8000"]
)
def test_a_profile_that_makes_no_difference_is_said_to(stardag: Program, words: str) -> None:
    ran = stardag(f"{words} -p lokal")
    assert ran.code == 0
    command = " ".join(words.split()[:2])
    assert f"--profile lokal has no effect: `stardag {command}` does the same with every profile." in ran.err
    assert "no effect" not in stardag(words).err


def test_removing_the_default_profile_needs_yes(stardag: Program) -> None:
    ran = stardag("profile remove local")
    assert (ran.code, "--yes" in ran.err) == (2, True)
    assert stardag.data("profile remove local --yes")["was_default"] is True
    stardag.world.files.user = sample()
    assert "It was the default; there is no other." in stardag("profile remove local --yes").err


def test_profile_show_says_what_there_is_to_choose_from(stardag: Program) -> None:
    stardag.world.files.user = {**sample(), "": {}}
    ran = stardag("profile show")
    assert (ran.code, "There are: local." in ran.err, "stardag profile use NAME" in ran.err) == (2, True, True)
    stardag.world.files.user = None
    ran = stardag("profile show")
    assert (ran.code, "stardag profile add NAME" in ran.err, "profile use" in ran.err) == (2, True, False)


def test_the_first_profile_is_said_to_be_the_default_and_a_further_one_how_to_become_it(stardag: Program) -> None:
    added = "profile add new -r central -o o -w w --offline"
    assert "stardag profile use new" in stardag(added).err
    stardag.world.files.user = None
    ran = stardag(added)
    assert "is the default there" in ran.out
    assert "Next: " not in ran.err, "offline, there is a warning"
    assert "profile use" not in ran.err
    stardag.world.files.user = None
    ran = stardag(f"{added} --no-default")
    assert "default" not in ran.out
    assert "No profile is the default. Make it the default with `stardag profile use new`" in ran.err
    assert stardag.data(f"{added}")["default"] is False


def test_what_is_missing_is_an_error_that_names_the_option(stardag: Program) -> None:
    for words, option in (
        ("registry add second", "--url"),
        ("profile add new", "--registry"),
        ("profile add new -r local", "--organization"),
        ("profile add new -r local -o default", "--workspace"),
    ):
        ran = stardag(f"{words} --no-input")
        assert ran.code == 2
        assert option in ran.err
    example = "stardag profile add new --registry local --organization default --workspace my-workspace"
    assert example in stardag("profile add new -r local -o default").err, "what was given stays"


def test_the_default_address_is_offered_for_central_and_remote(stardag: Program) -> None:
    for name in ("central", "remote"):
        assert f"stardag registry add {name} --url https://api.stardag.com" in stardag(f"registry add {name}").err


def test_another_address_needs_replace_and_a_used_registry_yes(stardag: Program) -> None:
    assert "--replace" in stardag("registry add local --url http://localhost:1").err
    assert stardag("registry add local --url http://localhost:1 --replace").code == 0
    ran = stardag("registry remove local")
    assert (ran.code, "--yes" in ran.err) == (2, True)
    assert stardag.data("registry remove local --yes")["profiles"] == ["local"]


def test_trust_says_what_it_trusts(stardag: Program) -> None:
    assert stardag("trust").code == 2
    stardag.world.files.project = sample("https://evil.example")
    assert stardag.data("trust") == {
        "path": "/srv/project/.stardag/config.toml",
        "registry_urls": ["https://evil.example"],
    }


def test_the_guides_slip_works_and_says_the_right_spelling(stardag: Program) -> None:
    ran = stardag("stardag target-roots sync")
    assert ran.code == 0
    assert "stardag target-roots sync" in ran.err


def test_version(stardag: Program) -> None:
    assert stardag.data("version")["version"] == stardag("version").out.strip()
