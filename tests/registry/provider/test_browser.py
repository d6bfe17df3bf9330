"""The pages in a real browser, which holds them to their own policy. JavaScript is off: nothing needs it."""

import shutil
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.registry.running import running_registry
from tests.registry.signing_in import CommandLine

pytestmark = pytest.mark.slow

CHROMIUM = shutil.which("chromium")


@contextmanager
def listener() -> Generator[tuple[int, list[str]]]:
    """What a command line listens with: the port, and the paths that a browser asks for there."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"Signed in.")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the library's name)
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port, asked
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.skipif(CHROMIUM is None, reason="THE PAGES ARE NOT TESTED IN A BROWSER: there is no chromium")
def test_somebody_signs_in_allows_a_client_and_a_device_and_leaves(tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    with (
        running_registry(tmp_path / "data") as registry,
        httpx.Client(base_url=registry.url) as http,
        listener() as (port, asked),
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context(java_script_enabled=False).new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))

        command_line = CommandLine(http, redirect_uri=f"http://127.0.0.1:{port}/callback")
        page.goto(registry.url + command_line.authorization())
        page.get_by_label("E-mail address or username").fill("owner")
        page.get_by_label("Password").fill(registry.owner_password)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("button", name="Allow").click()
        page.get_by_text("Signed in.").wait_for()
        (answer,) = [parse_qs(urlsplit(path).query) for path in asked if path.startswith("/callback")]
        assert answer["iss"] == [registry.url]
        assert command_line.redeem(answer["code"][0]).status_code == 200

        page.goto(registry.url + command_line.authorization(prompt="login"))
        page.get_by_label("E-mail address or username").fill("owner")
        page.get_by_label("Password").fill(registry.owner_password)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("button", name="Deny").click()
        page.get_by_text("Signed in.").wait_for()
        assert "error=access_denied" in page.url

        device = command_line.begin_device().json()
        page.goto(device["verification_uri_complete"])
        page.get_by_role("button", name="Continue").click()
        page.get_by_role("button", name="Allow").click()
        page.get_by_role("heading", name="Allowed").wait_for()
        assert command_line.poll(device["device_code"]).status_code == 200

        page.goto(f"{registry.url}/account")
        page.get_by_label("Current password").fill(registry.owner_password)
        page.get_by_label("New password").fill("another good password")
        page.get_by_role("button", name="Change password").click()
        page.get_by_text("Your password has been changed.").wait_for()
        page.get_by_role("button", name="Sign out").click()
        page.get_by_role("heading", name="Sign in").wait_for()
        browser.close()
    assert not complaints
