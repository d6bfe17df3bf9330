"""Signing in at a registry that leaves that to a provider which others wrote: Canaille, in Chromium."""

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from stardag_registry.adapters.database import DATABASE_FILE, open_database
from stardag_registry.adapters.system import now
from tests.end_to_end.canaille_server import PASSWORD
from tests.end_to_end.machine import Machine
from tests.end_to_end.signing_in import CONFIGURATION, login, secrets_of
from tests.registry.running import RunningRegistry, running_registry

CHROMIUM = shutil.which("chromium")

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="SIGNING IN AT ANOTHER PROVIDER IS NOT TESTED: there is no chromium"
)


@pytest.fixture(scope="module")
def canaille() -> Generator[str]:
    """The address of the provider."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-W", "ignore", "-m", "tests.end_to_end.canaille_server", str(port), "stardag"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        while (line := process.stdout.readline()) != "ready\n":
            assert line, "Canaille did not start"
        yield f"http://127.0.0.1:{port}"
        process.kill()


@pytest.fixture(scope="module")
def registry(canaille: str, tmp_path_factory: pytest.TempPathFactory) -> Generator[RunningRegistry]:
    data_dir = tmp_path_factory.mktemp("registry") / "data"
    with running_registry(
        data_dir,
        owner="alice@acme.example",
        oidc_issuer=canaille,
        oidc_client_id="stardag",
        oidc_audience="stardag",
    ) as running:
        yield running


def allow_in_chromium(url: str) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(url)
        page.locator("input[name=login]").fill("alice")
        page.keyboard.press("Enter")
        page.locator("input[name=password]").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.get_by_text("You can close this page").wait_for()
        browser.close()


def make_member(registry: RunningRegistry, issuer: str, subject: str) -> None:
    database = open_database(registry.data_dir / DATABASE_FILE)
    try:
        with database.transaction() as transaction:
            user, organization = transaction.user(issuer, subject), transaction.organization_by_slug("default")
            assert user is not None
            assert organization is not None
            transaction.add_member(organization.id, user.id, "admin", now())
    finally:
        database.close()


def expire(directory: Path) -> None:
    for path in directory.glob("access-token-cache/*.json"):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"expires_at": 0}))


def test_somebody_signs_in_is_known_stays_signed_in_and_leaves(
    machine: Machine, registry: RunningRegistry, canaille: str
) -> None:
    machine.configure(CONFIGURATION.format(url=registry.url))
    machine.directory.chmod(0o700)
    with login(machine, "--no-browser") as program:
        allow_in_chromium(program.page())
        said = program.ended()
    assert f", at {canaille}." in said.err
    assert "as alice" in said.out
    # Canaille does not say that it has verified an address, and then that makes nobody the owner.
    assert machine.ask("organizations", "list").data["organizations"] == []
    make_member(registry, canaille, "alice")
    organizations = machine.ask("organizations", "list").data["organizations"]
    assert [(each["slug"], each["role"]) for each in organizations] == [("default", "admin")]
    tokens = set[str]()
    for _ in range(3):
        expire(machine.directory)
        tokens.add(machine.run("auth", "token").out)
    assert len(tokens) == 3
    assert machine.ask("auth", "status").data["user"]["username"] == "alice"
    ended = machine.run("auth", "logout")
    assert "Signed out" in ended.out
    assert secrets_of(machine.directory) == []


def test_a_provider_without_a_device_flow_says_so(machine: Machine, registry: RunningRegistry) -> None:
    machine.configure(CONFIGURATION.format(url=registry.url))
    said = machine.run("auth", "login", "--device", exits=4)
    assert "no device flow" in said.err
    assert "--no-browser" in said.err


def test_without_a_browser_and_a_device_flow_the_page_is_shown(
    machine: Machine, registry: RunningRegistry, canaille: str
) -> None:
    machine.configure(CONFIGURATION.format(url=registry.url))
    with login(machine) as program:
        assert program.page().startswith(f"{canaille}/oauth/authorize?")
