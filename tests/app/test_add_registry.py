"""Adding a registry: what was pasted is corrected, and what answers there has to be a registry."""

import pytest

from stardag.app.add_registry import AddRegistry
from stardag.domain.errors import ConfirmationNeeded, InvalidValue
from stardag.domain.registry_errors import UnusableSecrets
from stardag.domain.sign_in import SignIn
from tests.app.world import World, codes
from tests.fakes.registry import FakeRegistries, FakeRegistry

HERE = "http://localhost:8000"
SITE = "https://site.example"
PLAIN = "http://registry.lan:8000"
PROJECT_FILE = "/srv/project/.stardag/config.toml"


@pytest.fixture
def world() -> World:
    """A registry at `HERE`, and at `SITE` something that is none but at its path /stardag."""
    world = World()
    pages = (f"{HERE}/login", f"{HERE}/oauth/device", f"{HERE}/oauth", SITE, f"{SITE}/stardag/account")
    none = [FakeRegistry(page, instead="it answers 404 Not Found") for page in pages]
    world.registries.registries = FakeRegistries(world.registry, FakeRegistry(f"{SITE}/stardag"), *none)
    world.files.user = None
    return world


@pytest.fixture
def add(world: World) -> AddRegistry:
    return AddRegistry(world.environment, world.files, world.open_registry)


@pytest.mark.parametrize("page", ["/docs", "/openapi.json", "/api/v1", "/api/v1/me", "/login", "/oauth/device"])
def test_the_address_of_a_page_is_corrected_and_that_is_said(world: World, add: AddRegistry, page: str) -> None:
    added = add("r", f"{HERE}{page}")
    assert added.registry.url == HERE
    assert world.files.user == {"registry": {"r": {"url": HERE}}}
    assert codes(added.notices) == ["corrected-url"]
    assert f"{HERE}{page} " in added.notices[0].message


def test_a_registry_below_a_path_is_found_there(add: AddRegistry) -> None:
    assert add("a", f"{SITE}/stardag/account").registry.url == f"{SITE}/stardag"
    assert add("b", f"{SITE}/stardag/").notices == ()


def test_offline_only_what_is_a_registrys_for_sure_is_corrected(add: AddRegistry) -> None:
    added = add("r", f"{HERE}/docs", offline=True)
    assert (added.registry.url, codes(added.notices)) == (HERE, ["not-checked", "corrected-url"])
    assert add("s", f"{HERE}/login", offline=True).registry.url == f"{HERE}/login"


def test_a_site_that_is_no_registry_is_added_by_force_alone(world: World, add: AddRegistry) -> None:
    with pytest.raises(ConfirmationNeeded, match=r"https://site\.example is not .*: it answers 404") as caught:
        add("r", SITE)
    assert caught.value.option == "--force"
    assert world.files.user is None
    added = add("r", SITE, force=True)
    assert (added.registry.url, codes(added.notices)) == (SITE, ["not-a-registry"])


def test_plain_http_is_permitted_beside_the_url_in_the_users_own_file(world: World, add: AddRegistry) -> None:
    with pytest.raises(InvalidValue) as caught:
        add("r", PLAIN)
    assert "--allow-http" in caught.value.fix
    assert add("r", PLAIN, allow_http=True).changed
    assert world.files.user == {"registry": {"r": {"url": PLAIN, "allow_http": True}}}
    world.open_registry.check_transport(PLAIN)
    assert not add("r", PLAIN).changed


def test_plain_http_is_permitted_also_for_a_registry_that_is_there(world: World, add: AddRegistry) -> None:
    world.files.user = {"registry": {"r": {"url": PLAIN}}}
    assert add("r", PLAIN, allow_http=True).changed
    assert world.files.user == {"registry": {"r": {"url": PLAIN, "allow_http": True}}}


@pytest.mark.parametrize("in_project", [False, True])
@pytest.mark.parametrize("url", [HERE, "http://127.0.0.1:8000", "https://s.example"])
def test_a_permission_that_an_address_does_not_need_is_not_written_and_that_is_said(
    world: World, add: AddRegistry, url: str, in_project: bool
) -> None:
    if in_project:
        world.files.project = {}
    for _ in range(2):
        added = add("r", url, allow_http=True, offline=True)
        assert "unused-option" in codes(added.notices)
        assert f"--allow-http has no effect: it is needed for plain http beyond this machine alone, not for {url}." in [
            notice.message for notice in added.notices
        ]
    assert (world.files.project if in_project else world.files.user) == {"registry": {"r": {"url": url}}}


def test_another_address_does_not_inherit_the_permission(world: World, add: AddRegistry) -> None:
    add("r", PLAIN, allow_http=True)
    add("r", HERE, overwrite=True)
    assert world.files.user == {"registry": {"r": {"url": HERE}}}


def test_in_a_project_plain_http_cannot_be_permitted(world: World, add: AddRegistry) -> None:
    world.files.project = {}
    with pytest.raises(InvalidValue) as caught:
        add("r", PLAIN, allow_http=True)
    assert PROJECT_FILE in caught.value.message
    assert "/home/me/.stardag/config.toml" in caught.value.fix
    assert world.files.edits == []


def test_whether_there_is_a_credential_for_it_is_told(world: World, add: AddRegistry) -> None:
    assert add("local", HERE).has_credential, "a key in the environment"
    world.environment.api_key = None
    assert not add("r", HERE).has_credential
    world.signed_in()
    assert add("local", HERE).has_credential


def test_a_broken_sign_in_is_none(world: World, add: AddRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    world.environment.api_key = None

    def broken(*_: object) -> SignIn | None:
        raise UnusableSecrets("/x", "is a link", "Remove it.")

    monkeypatch.setattr(world.sign_ins, "find", broken)
    assert not add("local", HERE).has_credential
