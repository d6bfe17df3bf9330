"""The composition root: what the server is made of. The only module that knows dependency-injector.

Everything heavy is imported inside the factory that needs it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dependency_injector import containers, providers
from dependency_injector.providers import Provider

from stardag.domain.version import VERSION
from stardag_registry.app.creation import Create
from stardag_registry.app.first_start import FirstStart
from stardag_registry.app.identity_provider import DEFAULT_OWNER, ExistingIdentityProvider
from stardag_registry.app.ports import Clock, Database, OwnerKeyFile, Randomness

if TYPE_CHECKING:
    from fastapi import FastAPI


@dataclass(frozen=True, slots=True)
class Settings:
    """What a person says when starting a server.

    `host` and `port` are those listened on; `database_url` is SQLAlchemy's, None for a file in the data directory.
    `public_url` is the address that people and machines use. `owner` is the e-mail address of the first organization's
    owner. `identity_provider` signs people in instead of this server, where it is given.
    """

    host: str
    port: int
    data_dir: Path
    public_url: str
    database_url: str | None = None
    owner: str = DEFAULT_OWNER
    identity_provider: ExistingIdentityProvider | None = None


def _data_directory(settings: Settings) -> Path:
    from stardag_registry.adapters.data_directory import prepare_data_directory

    prepare_data_directory(settings.data_dir)
    return settings.data_dir


def _open_database(settings: Settings, data_directory: Path) -> Iterator[Database]:
    from stardag_registry.adapters.database import DATABASE_FILE, open_database

    database = open_database(settings.database_url or data_directory / DATABASE_FILE)
    yield database
    database.close()


def _owner_key_file(data_directory: Path) -> OwnerKeyFile:
    from stardag_registry.adapters.data_directory import OwnerKeyInDirectory

    return OwnerKeyInDirectory(data_directory)


def _clock() -> Clock:
    from stardag_registry.adapters.system import now

    return now


def _randomness() -> Randomness:
    from stardag_registry.adapters.system import random_bytes

    return random_bytes


def _application(settings: Settings, database: Database, clock: Clock) -> "FastAPI":
    from stardag_registry.adapters.http import AllowedHosts, UseCases, create_app
    from stardag_registry.app.credentials import Authenticate
    from stardag_registry.app.health import CheckHealth
    from stardag_registry.app.listings import ListTargetRoots
    from stardag_registry.app.target_roots import EditTargetRoots

    use_cases = UseCases(
        authenticate=Authenticate(database, clock),
        check_health=CheckHealth(database),
        list_target_roots=ListTargetRoots(database),
        edit_target_roots=EditTargetRoots(database, clock),
    )
    return create_app(use_cases, AllowedHosts(settings.host, settings.port), VERSION)


class Container(containers.DeclarativeContainer):
    """One server. Give `settings`; `database`, `clock` and `randomness` may be given in place of the real ones.

    The database is open until `shutdown_resources()`.
    """

    settings: Provider[Settings] = providers.Dependency(instance_of=Settings)
    clock: Provider[Clock] = providers.ThreadSafeSingleton(_clock)
    randomness: Provider[Randomness] = providers.ThreadSafeSingleton(_randomness)
    data_directory: Provider[Path] = providers.ThreadSafeSingleton(_data_directory, settings)
    database: Provider[Database] = providers.Resource(_open_database, settings, data_directory)
    owner_key_file: Provider[OwnerKeyFile] = providers.ThreadSafeSingleton(_owner_key_file, data_directory)
    create: Provider[Create] = providers.ThreadSafeSingleton(Create, clock, randomness)
    first_start: Provider[FirstStart] = providers.ThreadSafeSingleton(
        FirstStart, database, create, clock, owner_key_file
    )
    application: "Provider[FastAPI]" = providers.ThreadSafeSingleton(_application, settings, database, clock)
