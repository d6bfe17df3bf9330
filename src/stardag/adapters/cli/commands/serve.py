"""`stardag registry serve` and what else a server does: hands over to it, where it is installed."""

import os
import sys
from typing import Annotated, Protocol, cast

from cyclopts import Parameter

from stardag.adapters.cli.answers import Answer
from stardag.adapters.cli.session import DEFAULTS, Options, Session, SessionArgument
from stardag.domain.errors import StardagError


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
    ) -> int: ...


class RotateSigningKey(Protocol):
    """What the entry point `rotate-signing-key` of the same group leads to; returns the new key's id."""

    def __call__(self, *, data_dir: str, database: str | None) -> str: ...


def serve(
    *,
    host: Annotated[str, Parameter(help="The address to listen on.")] = "localhost",
    port: Annotated[int, Parameter(help="The port to listen on; 0 takes a free one.")] = 8000,
    data_dir: Annotated[str | None, Parameter(help="Where the database is kept.")] = None,
    database: Annotated[str | None, Parameter(help="A database URL, instead of SQLite in the data directory.")] = None,
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
    )
    sys.stdout.flush()
    raise SystemExit(code)


def rotate_signing_key(
    *,
    data_dir: Annotated[str | None, Parameter(help="Where the database is kept.")] = None,
    database: Annotated[str | None, Parameter(help="A database URL, instead of SQLite in the data directory.")] = None,
    options: Options = DEFAULTS,
    session: SessionArgument,
) -> Answer:
    """Make a registry sign tokens with a new key from now on. Servers that run follow within a minute.

    Nobody is signed out: the keys before it verify what they signed for another hour.
    """
    directory = _data_directory(data_dir, session)
    key_id = cast(RotateSigningKey, _entry_point("rotate-signing-key"))(data_dir=directory, database=database)
    return Answer({"key_id": key_id}, f"Tokens are signed with the key {key_id} from now on.")


def _data_directory(data_dir: str | None, session: Session) -> str:
    if data_dir:
        return os.path.abspath(data_dir)
    return os.path.join(os.path.dirname(session.use_cases().files().find().user), "registry")


def _entry_point(name: str) -> object:
    from importlib.metadata import entry_points

    for entry_point in entry_points(group="stardag.registry", name=name):
        try:
            return cast(object, entry_point.load())
        except ModuleNotFoundError:
            raise RegistryNotInstalled from None
    raise RegistryNotInstalled
