"""The two kinds of registries that the contract of the registry port is held against."""

from collections.abc import Generator

import pytest

from stardag.adapters.http_registry import HttpRegistries
from stardag.domain.credentials import Secret
from tests.contracts.registry_world import FakePeople, OverHttp, PeopleAtABrowser, World
from tests.fakes.registry import FakeRegistries, FakeRegistry
from tests.registry.running import RunningRegistry, running_registry


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Generator[RunningRegistry]:
    with running_registry(tmp_path_factory.mktemp("registry") / "data") as registry:
        yield registry


@pytest.fixture(scope="session")
def people_at_a_browser(running: RunningRegistry) -> PeopleAtABrowser:
    return PeopleAtABrowser(running)


@pytest.fixture(params=["fake", "http"])
def world(request: pytest.FixtureRequest) -> World:
    if request.param == "fake":
        fake = FakeRegistry.first_start()
        return World(FakeRegistries(fake), fake.url, fake.owner_key, fake, FakePeople(fake))
    running: RunningRegistry = request.getfixturevalue("running")
    people: PeopleAtABrowser = request.getfixturevalue("people_at_a_browser")
    somebody = OverHttp(running.url, running.owner_key)
    return World(HttpRegistries(), running.url, Secret(running.owner_key), somebody, people)
