"""Behind a proxy: what it says of the client counts where the proxy is trusted, and nowhere else."""

from contextlib import closing
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from stardag_registry.adapters.database import DATABASE_FILE, open_database
from stardag_registry.adapters.database.tables import audit
from tests.registry.running import DidNotStart, RunningRegistry, running_registry
from tests.registry.server.writers import workspace_of

CLIENT = "198.51.100.7"


def addresses_in_audit(registry: RunningRegistry) -> list[str]:
    """The addresses that the audit tells of the roots that were added."""
    there = select(audit.c.address).where(audit.c.action == "target-root.added").order_by(audit.c.id)
    with (
        closing(open_database(registry.data_dir / DATABASE_FILE)) as database,
        database.engine.connect() as connection,
    ):
        return list(connection.scalars(there))


def add_root(registry: RunningRegistry, name: str, **headers: str) -> None:
    given = {key.replace("_", "-"): value for key, value in headers.items()}
    with httpx.Client(base_url=f"http://127.0.0.1:{registry.port}", trust_env=False) as client:
        client.headers["Authorization"] = f"Bearer {registry.owner_key}"
        path = f"/api/v1/workspaces/{workspace_of(client)}/target-roots"
        body = {"name": name, "uri_prefix": f"/{name}/"}
        assert client.post(path, json=body, headers=given).status_code == 201


def test_a_trusted_proxy_says_who_the_client_is(tmp_path: Path) -> None:
    with running_registry(tmp_path / "data", trusted_proxies=["127.0.0.0/8", "10.0.0.7"]) as registry:
        add_root(registry, "one", X_Forwarded_For=CLIENT)
        add_root(registry, "two", X_Forwarded_For=f"203.0.113.9, {CLIENT}, 10.0.0.7", X_Forwarded_Proto="https")
        add_root(registry, "three")
        assert addresses_in_audit(registry) == [CLIENT, CLIENT, "127.0.0.1"], "what the client itself says is not it"


def test_whoever_is_no_trusted_proxy_is_not_believed(tmp_path: Path) -> None:
    for trusted in ([], ["10.0.0.0/8"]):
        with running_registry(tmp_path / f"data-{len(trusted)}", trusted_proxies=trusted) as registry:
            add_root(registry, "one", X_Forwarded_For=CLIENT, X_Real_IP=CLIENT, Forwarded=f"for={CLIENT}")
            assert addresses_in_audit(registry) == ["127.0.0.1"]


def test_nonsense_that_a_trusted_proxy_passes_on_fails_no_request(tmp_path: Path, postgresql_url: str) -> None:
    """It keeps what the client says as it is; PostgreSQL minds what is too long."""
    with (
        running_registry(tmp_path / "data", database=postgresql_url, trusted_proxies=["127.0.0.1"]) as registry,
        httpx.Client(base_url=f"http://127.0.0.1:{registry.port}", trust_env=False) as client,
    ):
        client.headers["X-Forwarded-For"] = "nonsense" * 30
        path = client.get("/.well-known/openid-configuration").json()["device_authorization_endpoint"]
        form = {"client_id": "stardag-cli", "scope": "openid"}
        assert client.post(httpx.URL(path).path, data=form).status_code == 200
        add_root(registry, "one", X_Forwarded_For="nonsense" * 30)


@pytest.mark.parametrize("proxy", ["*", "proxy.example", "", "10.0.0.0/33", "10.0.0.7/8"])
def test_a_proxy_that_is_no_address_is_refused(tmp_path: Path, proxy: str) -> None:
    with (
        pytest.raises(DidNotStart, match="invalid-proxy"),
        running_registry(tmp_path / "data", trusted_proxies=[proxy]),
    ):
        pass


def test_the_public_address_is_answered_to_whatever_is_listened_on(tmp_path: Path) -> None:
    with running_registry(
        tmp_path / "data", public_url="https://stardag.acme.example", trusted_proxies=["127.0.0.1"]
    ) as registry:
        forwarded = {"Host": "stardag.acme.example", "X-Forwarded-Proto": "https", "X-Forwarded-For": CLIENT}
        with httpx.Client(base_url=f"http://127.0.0.1:{registry.port}", headers=forwarded, trust_env=False) as client:
            assert client.get("/health").status_code == 200
            described = client.get("/.well-known/openid-configuration").json()
            assert described["issuer"] == "https://stardag.acme.example"
            assert client.get("/health", headers={"Host": "other.example"}).status_code == 421
