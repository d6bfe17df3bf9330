"""The first start: what it makes, in which order, and what is left of one that is cut short."""

from dataclasses import dataclass, field

import pytest

from stardag.domain.errors import InvalidValue
from stardag_registry.adapters.system import random_bytes
from stardag_registry.app.creation import Create
from stardag_registry.app.credentials import AuthenticateApiKey
from stardag_registry.app.first_start import FirstStart
from stardag_registry.app.key_uses import KeyUses
from stardag_registry.app.ports import AuditFilter, RevisionFilter
from stardag_registry.domain.api_keys import ApiKeySecret
from stardag_registry.domain.errors import Unauthenticated, UnusableDataDirectory
from stardag_registry.domain.permissions import ApiKeyCaller
from tests.registry.in_memory import InMemoryDatabase
from tests.registry.in_process import SettableClock


class PowerCut(BaseException):
    """The process ends here."""


@dataclass
class KeptInMemory:
    """An owner's key file that may fail, or be the last thing that happens."""

    kept: list[ApiKeySecret] = field(default_factory=list[ApiKeySecret])
    then: BaseException | None = None
    location: str = "memory"

    def exists(self) -> bool:
        return bool(self.kept)

    def write(self, secret: ApiKeySecret) -> None:
        self.kept.append(secret)
        if self.then is not None:
            raise self.then


def first_start(database: InMemoryDatabase, file: KeptInMemory) -> FirstStart:
    clock = SettableClock()
    return FirstStart(database, Create(clock, random_bytes), clock, file)


def authenticate(database: InMemoryDatabase, secret: ApiKeySecret) -> ApiKeyCaller:
    return AuthenticateApiKey(database, SettableClock(), KeyUses(database))(secret.text)


def test_it_makes_a_workspace_with_a_local_root_and_a_key_that_administers_it() -> None:
    database, file = InMemoryDatabase(), KeptInMemory()
    furnished = first_start(database, file)("/home/me/.stardag/local-target-roots")
    assert furnished is not None
    caller = authenticate(database, furnished.secret)
    assert (caller.organization.slug, caller.workspace.slug) == ("default", "default")
    assert caller.api_key.purpose == "administer"
    with database.reading() as reading:
        (root,) = reading.target_roots(caller.workspace.id)
        (revision,) = reading.target_root_revisions(caller.workspace.id, RevisionFilter(), None, 10)
        (entry,) = reading.audit_of(caller.organization.id, AuditFilter(), None, 10)
    assert (root.name, root.uri_prefix) == ("default", "/home/me/.stardag/local-target-roots/default/default/")
    assert (revision.old, revision.new, revision.api_key_id) == (None, root.uri_prefix, None)
    assert (entry.action, entry.credential, entry.actor) == ("organization.created", "server", "the server")
    assert file.kept == [furnished.secret]
    assert not furnished.replaced_another_key


def test_a_second_start_touches_nothing() -> None:
    database, file = InMemoryDatabase(), KeptInMemory()
    first_start(database, file)("/data")
    assert first_start(database, file)("/data") is None
    assert len(file.kept) == 1


def test_one_that_dies_before_it_commits_is_made_up_for_by_the_next() -> None:
    database, file = InMemoryDatabase(), KeptInMemory(then=PowerCut())
    with pytest.raises(PowerCut):
        first_start(database, file)("/data")
    with pytest.raises(Unauthenticated):
        authenticate(database, file.kept[-1])
    file.then = None
    furnished = first_start(database, file)("/data")
    assert furnished is not None
    assert furnished.replaced_another_key
    assert authenticate(database, file.kept[-1]).api_key.purpose == "administer"


def test_a_key_that_cannot_be_kept_is_not_made() -> None:
    database = InMemoryDatabase()
    with pytest.raises(UnusableDataDirectory):
        first_start(database, KeptInMemory(then=UnusableDataDirectory("/data", "disk full")))("/data")
    with database.reading() as reading:
        assert not reading.has_organizations()


def test_a_directory_that_cannot_be_a_prefix_is_refused_before_anything_is_made() -> None:
    database, file = InMemoryDatabase(), KeptInMemory()
    with pytest.raises(InvalidValue):
        first_start(database, file)("relative/path")
    assert not file.kept
