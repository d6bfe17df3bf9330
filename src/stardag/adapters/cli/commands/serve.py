"""`stardag registry serve` and what else is done to a registry run here: hands over to it, where it is installed."""

import os
import sys
from collections.abc import Sequence
from typing import Annotated, Literal, Protocol, cast

from cyclopts import Parameter

from stardag.adapters.cli.answers import Answer
from stardag.adapters.cli.session import DEFAULTS, Options, Session, SessionArgument
from stardag.domain.errors import NoHomeDirectory, StardagError


class RegistryNotInstalled(StardagError):
    """The server's packages are not there."""

    code = "registry-not-installed"

    def __init__(self) -> None:
        super().__init__(
            "The registry server is not installed: it is an extra.", 'Install it with: pip install "stardag[registry]"'
        )


class Serve(Protocol):
    """What the entry point `serve` of the group `stardag.registry` leads to; returns an exit code."""

    def __call__(
        self,
        *,
        host: str,
        port: int,
        data_dir: str,
        local_target_roots: str,
        database: str | None,
        public_url: str | None,
        owner: str,
        oidc_issuer: str | None,
        oidc_client_id: str | None,
        oidc_audience: str | None,
        trusted_proxies: Sequence[str],
        log_format: Literal["text", "json"],
    ) -> int: ...


class OnDatabase(Protocol):
    """What the entry points `rotate-signing-key` and `upgrade` of the same group lead to."""

    def __call__(self, *, data_dir: str, database: str | None) -> str: ...


class Backup(Protocol):
    """What the entry point `backup` leads to; like those below, it returns how many rows were copied."""

    def __call__(self, *, data_dir: str, database: str | None, file: str, replace: bool) -> int: ...


class Restore(Protocol):
    """What the entry point `restore` leads to."""

    def __call__(self, *, data_dir: str, database: str | None, file: str) -> int: ...


class Copy(Protocol):
    """What the entry point `copy` leads to."""

    def __call__(self, *, data_dir: str, database: str | None, to: str) -> int: ...


DataDirectory = Annotated[str | None, Parameter(help="Where the database is kept.")]
DatabaseUrl = Annotated[
    str | None,
    Parameter(
        help="A database URL, instead of SQLite in the data directory. Arguments can be seen by others here: leave the "
        "password to PGPASSWORD, or to a file that only you can read (~/.pgpass, or PGPASSFILE)."
    ),
]


def serve(
    *,
    host: Annotated[str, Parameter(help="The address to listen on.")] = "localhost",
    port: Annotated[int, Parameter(help="The port to listen on; 0 takes a free one.")] = 8000,
    data_dir: DataDirectory = None,
    database: DatabaseUrl = None,
    public_url: Annotated[
        str | None, Parameter(help="The address that people and machines use, if it is not the one listened on.")
    ] = None,
    owner: Annotated[str, Parameter(help="The e-mail address of the first organization's owner.")] = "owner@localhost",
    oidc_issuer: Annotated[
        str | None, Parameter(help="An OpenID provider that signs people in, instead of this server.")
    ] = None,
    oidc_client_id: Annotated[str | None, Parameter(help="The public client that people sign in with there.")] = None,
    oidc_audience: Annotated[
        str | None, Parameter(help="The audience of that provider's access tokens, if it is not the public URL.")
    ] = None,
    trusted_proxy: Annotated[
        tuple[str, ...],
        Parameter(negative="", help="A proxy's address or network, whose X-Forwarded-For is believed; once for each."),
    ] = (),
    log_format: Annotated[
        Literal["text", "json"], Parameter(help="Lines for people, or JSON for every line and every request.")
    ] = "text",
    options: Options = DEFAULTS,
    session: SessionArgument,
) -> Answer:
    """Run a registry on this machine until it is interrupted.

    Its address is the first line on standard output. The first start makes the organization `default` with the
    workspace `default`, and prints an API key for it on standard error.
    """
    directory = _data_directory(data_dir, session)
    roots = os.path.join(directory if data_dir else os.path.dirname(directory), "local-target-roots")
    run = cast(Serve, _entry_point("serve"))
    code = run(
        host=host,
        port=port,
        data_dir=directory,
        local_target_roots=roots,
        database=database,
        public_url=public_url,
        owner=owner,
        oidc_issuer=oidc_issuer,
        oidc_client_id=oidc_client_id,
        oidc_audience=oidc_audience,
        trusted_proxies=trusted_proxy,
        log_format=log_format,
    )
    sys.stdout.flush()
    raise SystemExit(code)


def rotate_signing_key(
    *,
    data_dir: DataDirectory = None,
    database: DatabaseUrl = None,
    options: Options = DEFAULTS,
    session: SessionArgument,
) -> Answer:
    """Make a registry sign tokens with a new key from now on. Servers that run follow within a minute.

    Nobody is signed out: the keys before it verify what they signed for another hour.
    """
    directory = _data_directory(data_dir, session)
    key_id = cast(OnDatabase, _entry_point("rotate-signing-key"))(data_dir=directory, database=database)
    return Answer({"key_id": key_id}, f"Tokens are signed with the key {key_id} from now on.")


def upgrade(
    *,
    data_dir: DataDirectory = None,
    database: DatabaseUrl = None,
    options: Options = DEFAULTS,
    session: SessionArgument,
) -> Answer:
    """Bring a registry's database to the form that this version needs. Stop older servers and make a backup first."""
    directory = _data_directory(data_dir, session)
    with session.waiting("Upgrading the database"):
        revision = cast(OnDatabase, _entry_point("upgrade"))(data_dir=directory, database=database)
    return Answer({"revision": revision}, f"The database is at revision {revision}, which this version needs.")


def backup(
    file: Annotated[str, Parameter(help="The file to write.")],
    *,
    data_dir: DataDirectory = None,
    database: DatabaseUrl = None,
    replace: Annotated[bool, Parameter(negative="", help="Replace the file if it is there.")] = False,
    options: Options = DEFAULTS,
    session: SessionArgument,
) -> Answer:
    """Copy a registry to a file, in one state, while it runs. Only you can read the file: keep it like a password."""
    directory, path = _data_directory(data_dir, session), os.path.abspath(file)
    with session.waiting("Copying the registry"):
        rows = cast(Backup, _entry_point("backup"))(data_dir=directory, database=database, file=path, replace=replace)
    return Answer({"file": path, "rows": rows}, f"{path} holds the whole registry ({rows} rows).")


def restore(
    file: Annotated[str, Parameter(help="What `backup` wrote.")],
    *,
    data_dir: DataDirectory = None,
    database: DatabaseUrl = None,
    options: Options = DEFAULTS,
    session: SessionArgument,
) -> Answer:
    """Copy a backup to a database with nothing in it, of whatever kind."""
    directory = _data_directory(data_dir, session)
    with session.waiting("Copying the registry"):
        rows = cast(Restore, _entry_point("restore"))(data_dir=directory, database=database, file=os.path.abspath(file))
    return Answer({"rows": rows}, f"The registry is restored ({rows} rows). Start it with: stardag registry serve")


def copy(
    to: Annotated[str, Parameter(help="The URL of a database with nothing in it.")],
    *,
    data_dir: DataDirectory = None,
    database: DatabaseUrl = None,
    options: Options = DEFAULTS,
    session: SessionArgument,
) -> Answer:
    """Copy a registry to another database, in one state, while it runs: from SQLite to PostgreSQL, say."""
    directory = _data_directory(data_dir, session)
    with session.waiting("Copying the registry"):
        rows = cast(Copy, _entry_point("copy"))(data_dir=directory, database=database, to=to)
    return Answer(
        {"rows": rows},
        f"The registry is copied ({rows} rows). What changes in the first from now on is not in the copy.",
    )


def _data_directory(data_dir: str | None, session: Session) -> str:
    user_file = session.use_cases().files().find().user
    if data_dir:
        return os.path.abspath(data_dir)
    if user_file is None:
        raise NoHomeDirectory(f"Name a directory with --data-dir. {NoHomeDirectory.remedy}")
    return os.path.join(os.path.dirname(user_file), "registry")


def _entry_point(name: str) -> object:
    from importlib.metadata import entry_points

    for entry_point in entry_points(group="stardag.registry", name=name):
        try:
            return cast(object, entry_point.load())
        except ModuleNotFoundError:
            raise RegistryNotInstalled from None
    raise RegistryNotInstalled
