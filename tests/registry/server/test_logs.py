"""What the running server says: lines for programs are JSON, every one, and none of them holds a secret."""

import json
from pathlib import Path
from typing import Any

import httpx

from tests.registry.running import RunningRegistry, running_registry
from tests.registry.server.raw import answers_to

SECRET = "the-secret-that-nobody-logs"


def lines_of(registry: RunningRegistry) -> list[dict[str, Any]]:
    """What it has logged, all of which has to be JSON objects with what every line has."""
    lines: list[dict[str, Any]] = [json.loads(line) for line in registry.said().splitlines()]
    for line in lines:
        assert {"time", "level", "logger", "message", "request_id"} <= line.keys()
    return lines


def test_every_line_is_json_and_holds_no_secret(tmp_path: Path) -> None:
    with running_registry(tmp_path / "data", log_format="json") as registry:
        secrets = [SECRET, registry.owner_key, registry.owner_password]
        with httpx.Client(base_url=registry.url, trust_env=False) as client:
            show_secrets(client, registry)
            told = client.get("/api/v1/me", headers={"X-Request-ID": "the-id-1"}).headers["X-Request-ID"]
        answers_to(registry.port, f"GET /invitation?token={SECRET}\x00 HTTP/1.1\r\n\r\n".encode())
        answers_to(registry.port, f"{SECRET}\r\n\r\n".encode())
        lines = lines_of(registry)
        assert registry.stop() == 0
    assert not [secret for secret in secrets if secret in registry.said()]
    (request,) = [line for line in lines if line["request_id"] == "the-id-1"]
    assert told == "the-id-1"
    assert (request["method"], request["route"], request["status"]) == ("GET", "/api/v1/me", 401)
    assert request["address"] in {"127.0.0.1", "::1"}
    assert request["milliseconds"] >= 0
    assert any(line["logger"].startswith("uvicorn") for line in lines), "other libraries' lines are JSON, too"
    requests = [line for line in lines if line["logger"] == "stardag_registry.requests"]
    assert len({line["request_id"] for line in requests}) == len(requests)
    assert any(line["route"] == "/api/v1/workspaces/{workspace_id}/target-roots" for line in requests)


def show_secrets(client: httpx.Client, registry: RunningRegistry) -> None:
    """Put secrets wherever a request can have one, rightly or not."""
    owner = {"Authorization": f"Bearer {registry.owner_key}"}
    workspace = client.get("/api/v1/me", headers=owner).json()["workspace"]["id"]
    roots = f"/api/v1/workspaces/{workspace}/target-roots"
    assert client.get(roots, headers=owner).status_code == 200
    client.get(roots, headers={"Authorization": f"Bearer {registry.owner_key}x"})
    client.get(f"/{SECRET}", params={"token": SECRET})
    client.get("/invitation", params={"token": SECRET})
    client.get("/oauth/authorize", params={"state": SECRET, "client_id": SECRET})
    form = {"grant_type": "refresh_token", "refresh_token": SECRET, "client_id": "stardag-cli"}
    assert client.post("/oauth/token", data=form).status_code == 400
    client.post("/sign-in", data={"name": "owner@localhost", "password": registry.owner_password})
    client.post(roots, headers=owner, content=f'{{"name": "{SECRET}'.encode())
    client.request(SECRET, "/health")
    client.get("/health", headers={"X-Request-ID": f"{SECRET} with spaces", "Cookie": f"session={SECRET}"})


def test_a_first_start_shows_no_secret_where_standard_error_is_a_log(tmp_path: Path) -> None:
    with running_registry(tmp_path / "data", log_format="json", host="0.0.0.0") as registry:
        lines = lines_of(registry)
        said = " ".join(line["message"] for line in lines)
        assert {line["level"] for line in lines} == {"info", "warning"}
        assert str(tmp_path / "data" / "owner-api-key") in said
        assert str(tmp_path / "data" / "owner-password") in said
        assert registry.owner_key not in said
        assert registry.owner_password not in said


def test_lines_for_people_leave_out_the_requests(tmp_path: Path) -> None:
    with running_registry(tmp_path / "data") as registry:
        before = registry.said()
        assert httpx.get(f"{registry.url}/health", trust_env=False).status_code == 200
        assert registry.stop() == 0
        assert registry.said() == before
