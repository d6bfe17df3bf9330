"""The numbers of a running server, as Prometheus reads them."""

from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.registry.running import running_registry
from tests.registry.server.writers import client_of, workspace_of

SECRET = "what-somebody-put-in-a-path"


def numbers(client: httpx.Client) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample by its name and labels."""
    answer = client.get("/metrics", headers={"Authorization": ""})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def labels(**values: str) -> frozenset[tuple[str, str]]:
    return frozenset(values.items())


def test_requests_are_counted_by_route_and_name_nobody(tmp_path: Path) -> None:
    with (
        running_registry(tmp_path / "data") as registry,
        client_of(registry.url, registry.owner_key) as client,
    ):
        workspace = workspace_of(client)
        for _ in range(3):
            assert client.get(f"/api/v1/workspaces/{workspace}/target-roots").status_code == 200
        assert client.get(f"/api/v1/workspaces/{SECRET}/target-roots").status_code == 404
        assert client.get(f"/{SECRET}").status_code == 404
        assert client.request(SECRET.upper(), "/health").status_code in {404, 405}
        found = numbers(client)
    route = "/api/v1/workspaces/{workspace_id}/target-roots"
    assert found["stardag_requests_total", labels(method="GET", route=route, status="200")] == 3
    assert found["stardag_requests_total", labels(method="GET", route=route, status="404")] == 1
    assert found["stardag_requests_total", labels(method="GET", route="other", status="404")] == 1
    assert found["stardag_request_seconds_count", labels(method="GET", route=route)] == 4
    assert found["stardag_request_seconds_sum", labels(method="GET", route=route)] > 0
    assert found["stardag_requests_in_progress", labels()] == 1, "this very one"
    assert found["process_open_fds", labels()] < found["process_max_fds", labels()]
    told = " ".join(f"{key} {value}" for _, pairs in found for key, value in pairs)
    for name in (workspace, SECRET, SECRET.upper(), registry.owner_key):
        assert name not in told
