"""The provider of a server that runs as a process of its own, and of several on one database."""

import stat
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.registry.running import DidNotStart, RunningRegistry, running_registry
from tests.registry.signing_in import CommandLine, Person, answer_in, claims_in, sign_in

OWNER = "owner@localhost"


def journal(registry: RunningRegistry) -> Counter[str]:
    lines = [line.partition("stardag_registry.provider: ")[2] for line in registry.said().splitlines()]
    return Counter(line.partition(":")[0] for line in lines if line)


def test_the_owner_signs_in_goes_on_and_leaves(tmp_path: Path) -> None:
    """One story, since every start costs a second."""
    data_dir = tmp_path / "data"
    with running_registry(data_dir, umask=0) as registry, httpx.Client(base_url=registry.url) as http:
        password = registry.owner_password
        assert stat.S_IMODE((data_dir / "owner-password").stat().st_mode) == 0o600
        said = registry.said()
        assert said.count(password) == 1
        assert f"signs in as {OWNER}" in said
        assert str(data_dir / "owner-password") in said

        document = http.get("/.well-known/openid-configuration").json()
        assert document["issuer"] == registry.url
        tokens = sign_in(http, OWNER, password)
        assert claims_in(tokens["access_token"])["iss"] == registry.url
        command_line = CommandLine(http)
        renewed = command_line.refresh(tokens["refresh_token"], resource=registry.url).json()
        assert command_line.refresh(tokens["refresh_token"]).json()["refresh_token"] == renewed["refresh_token"]

        device = command_line.begin_device().json()
        assert command_line.poll(device["device_code"]).json()["error"] == "authorization_pending"
        person = Person(http)
        page = person.sign_in("owner", password, device["verification_uri_complete"].removeprefix(registry.url))
        person.submit(person.submit(page), {"decision": "allow"})
        by_device = command_line.poll(device["device_code"]).json()

        assert command_line.revoke(renewed["refresh_token"]).status_code == 200
        assert command_line.refresh(renewed["refresh_token"]).status_code == 400
        assert command_line.refresh(by_device["refresh_token"]).status_code == 200
        person.submit(person.get("/account"), {"current": password, "password": "another good password"})
        assert not (data_dir / "owner-password").exists()
        counted = journal(registry)
        assert (counted["refresh granted"], counted["refresh repeated"], counted["refresh refused"]) == (2, 1, 1)
        secrets = [tokens["refresh_token"], renewed["refresh_token"], tokens["access_token"], "another good password"]
        assert not any(secret in registry.said() for secret in secrets)

    with running_registry(data_dir) as registry, httpx.Client(base_url=registry.url) as http:
        assert not (data_dir / "owner-password").exists()
        assert "password" not in registry.said()
        assert "refresh_token" in sign_in(http, "owner", "another good password")


def refreshed_by_all(clients: Sequence[httpx.Client], token: str) -> str:
    """The one successor that two hundred who present the token together get."""

    def refresh(number: int) -> httpx.Response:
        return CommandLine(clients[number % len(clients)]).refresh(token)

    with ThreadPoolExecutor(60) as pool:
        answers = list(pool.map(refresh, range(200)))
    assert {answer.status_code for answer in answers} == {200}
    (successor,) = {str(answer.json()["refresh_token"]) for answer in answers}
    return successor


@pytest.mark.slow
def test_several_servers_on_one_database_give_one_and_the_same_successor(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/shared.sqlite3"
    with ExitStack() as stack:
        servers = [
            stack.enter_context(running_registry(tmp_path / f"data-{number}", database=database)) for number in range(3)
        ]
        clients = [stack.enter_context(httpx.Client(base_url=server.url, timeout=60)) for server in servers]
        presented = token = str(sign_in(clients[0], OWNER, servers[0].owner_password)["refresh_token"])
        for _ in range(5):
            presented, token = token, refreshed_by_all(clients, token)
        counted = sum((journal(server) for server in servers), Counter[str]())
        assert (counted["refresh granted"], counted["refresh repeated"]) == (5, 995)
        assert CommandLine(clients[1]).refresh(token).status_code == 200
        assert CommandLine(clients[2]).refresh(presented).status_code == 400
        assert CommandLine(clients[0]).refresh(token).status_code == 400


@pytest.mark.slow
def test_several_servers_redeem_a_code_once(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/shared.sqlite3"
    with ExitStack() as stack:
        servers = [
            stack.enter_context(running_registry(tmp_path / f"data-{number}", database=database)) for number in range(3)
        ]
        clients = [stack.enter_context(httpx.Client(base_url=server.url, timeout=60)) for server in servers]
        command_line, person = CommandLine(clients[0]), Person(clients[0])
        consent = person.sign_in(OWNER, servers[0].owner_password, command_line.authorization())
        code = answer_in(person.submit(consent, {"decision": "allow"}))["code"]

        def redeem(number: int) -> httpx.Response:
            return CommandLine(clients[number % 3], verifier=command_line.verifier).redeem(code)

        with ThreadPoolExecutor(30) as pool:
            answers = list(pool.map(redeem, range(60)))
        (given,) = [answer.json() for answer in answers if answer.status_code == 200]
        assert CommandLine(clients[1]).refresh(given["refresh_token"]).status_code == 400


def test_an_owner_without_an_address_is_refused_before_the_server_answers(tmp_path: Path) -> None:
    with pytest.raises(DidNotStart, match="invalid-owner"), running_registry(tmp_path / "data", owner="nobody"):
        pass
