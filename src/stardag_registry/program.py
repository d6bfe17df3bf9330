"""The registry as a program: from a person's options to a running server and an exit code."""

import ipaddress
import socket
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from stardag.domain.registry_url import is_plain_beyond_loopback, normal_url
from stardag_registry.adapters.serve.logs import LogFormat, Notices, set_up_logs
from stardag_registry.adapters.serve.server import run
from stardag_registry.adapters.serve.sockets import close, listen
from stardag_registry.app.first_start import Furnished
from stardag_registry.app.identity_provider import DEFAULT_OWNER, ExistingIdentityProvider
from stardag_registry.app.ports import IssuerTokens
from stardag_registry.app.provider.owner_account import NewAccount, check_owner
from stardag_registry.domain.errors import (
    DatabaseUnavailable,
    IncompleteIdentityProvider,
    InvalidProxy,
    IssuerUnavailable,
    PlainIssuer,
    PortNotFree,
    UnusableDatabase,
    UnusableDataDirectory,
)

if TYPE_CHECKING:
    from stardag_registry.container import Container, Settings


def serve(
    *,
    host: str,
    port: int,
    data_dir: str,
    local_target_roots: str,
    database: str | None,
    public_url: str | None = None,
    owner: str = DEFAULT_OWNER,
    oidc_issuer: str | None = None,
    oidc_client_id: str | None = None,
    oidc_audience: str | None = None,
    trusted_proxies: Sequence[str] = (),
    log_format: LogFormat = "text",
) -> int:
    """Run a registry until SIGTERM (0 is returned) or SIGINT (130); requests in progress are finished first.

    Args:
        host: a name or address of this machine; `localhost` is both loopback addresses.
        port: where to listen; 0 takes a free one. The address is the first line on standard output, once it answers.
        data_dir: where the database and the owner's key are kept; it is made where it is missing.
        local_target_roots: the directory under which the first target root is named.
        database: an SQLAlchemy URL, in place of a file in `data_dir`.
        public_url: the address that people and machines use, where it is not the one listened on.
        owner: the e-mail address of whoever owns the first organization.
        oidc_issuer, oidc_client_id: an OpenID provider that signs people in instead of this server; both or neither.
        oidc_audience: what that provider's access tokens name as their audience, where it is not `public_url`.
        trusted_proxies: addresses and networks of proxies whose `X-Forwarded-For` tells where a request comes from.
        log_format: lines for people, or a JSON object for every line and every request. Standard error is a log then,
            so the first key and password are not shown, only kept.

    Raises:
        StardagError: what a person can get wrong: UnusableHost, PortNotFree, UnusableDataDirectory, InvalidOwner,
            InvalidProxy, IncompleteIdentityProvider, PlainIssuer, UnsupportedDatabase, UnusableDatabase, InvalidValue.
    """
    proxies = [_network(proxy) for proxy in trusted_proxies]
    identity_provider = _identity_provider(oidc_issuer, oidc_client_id, oidc_audience)
    host = host.removeprefix("[").removesuffix("]")
    if not 0 <= port <= 65535:
        raise PortNotFree(host, port, "ports are numbers from 0 to 65535")
    sockets = listen(host, port)
    try:
        from stardag_registry.container import Settings

        address = _address(host, sockets[0].getsockname()[1])
        settings = Settings(
            host=host,
            port=sockets[0].getsockname()[1],
            data_dir=Path(data_dir).absolute(),
            public_url=address if public_url is None else normal_url(public_url),
            database_url=database,
            owner=check_owner(owner),
            identity_provider=identity_provider,
        )
        return _serve_on(sockets, settings, local_target_roots, address, log_format, proxies)
    finally:
        close(sockets)


def _serve_on(
    sockets: list[socket.socket],
    settings: "Settings",
    local_target_roots: str,
    address: str,
    log_format: LogFormat,
    proxies: Sequence[str],
) -> int:
    from stardag_registry.adapters.http.observing import REQUEST_ID
    from stardag_registry.container import Container

    set_up_logs(log_format, REQUEST_ID.get)
    notices = Notices(log_format)
    container = Container(settings=settings)
    try:
        furnished = container.first_start()(local_target_roots)
        if furnished is not None:
            notices.say(*_welcome(furnished, secret=notices.may_be_secret))
        if settings.identity_provider is None:
            account = container.make_owner_account()(settings.owner)
            if account is not None:
                notices.say(*_introduction(account, settings.public_url, secret=notices.may_be_secret))
        elif (silence := _silence_of(container.issuer_tokens())) is not None:
            notices.warn(f"{silence} Nobody can sign in until that is mended; API keys work.")
        if not _is_loopback(sockets):
            notices.warn(f"listening on {settings.host}, where other machines can reach it, without encryption.")
        return run(container.application(), sockets, address, proxies)
    finally:
        container.shutdown_resources()


def _identity_provider(
    issuer: str | None, client_id: str | None, audience: str | None
) -> ExistingIdentityProvider | None:
    if issuer is None and client_id is None and audience is None:
        return None
    if issuer is None or client_id is None:
        raise IncompleteIdentityProvider
    if is_plain_beyond_loopback(normal_url(issuer)):
        raise PlainIssuer(issuer)
    return ExistingIdentityProvider(issuer, client_id, audience)


def _silence_of(issuer_tokens: IssuerTokens) -> str | None:
    """Why the existing issuer cannot be asked."""
    try:
        issuer_tokens.check()
    except IssuerUnavailable as error:
        return error.detail
    return None


def rotate_signing_key(*, data_dir: str, database: str | None) -> str:
    """Sign tokens with a new key from now on, and return its id. Servers that run follow within a minute.

    Args:
        data_dir: where the registry keeps its database.
        database: a database URL, in place of a file in `data_dir`.

    Raises:
        StardagError: UnusableDataDirectory, UnsupportedDatabase, UnusableDatabase.
    """
    with _container(data_dir, database) as container:
        return container.token_signer().rotate()


def upgrade(*, data_dir: str, database: str | None) -> str:
    """Bring a database to the form that this version needs, and return its revision. Any number of these may run at
    once; one does it.

    Raises:
        StardagError: UnusableDataDirectory, UnsupportedDatabase, UnusableDatabase.
    """
    from stardag_registry.adapters.database import HEAD

    with _container(data_dir, database, upgrade=True) as container:
        container.opened_database()
    return HEAD


def backup(*, data_dir: str, database: str | None, file: str, replace: bool) -> int:
    """Copy a registry, in one state and while it runs, to a file; how many rows there are is returned.

    Raises:
        StardagError: UnusableDataDirectory, UnsupportedDatabase, UnusableDatabase.
    """
    from stardag_registry.adapters.database import back_up

    with _container(data_dir, database) as container:
        return sum(back_up(container.opened_database(), Path(file).absolute(), replace=replace).values())


def restore(*, data_dir: str, database: str | None, file: str) -> int:
    """Copy a backup to an empty database; how many rows there are is returned.

    Raises:
        StardagError: UnusableDataDirectory, UnsupportedDatabase, UnusableDatabase.
    """
    from stardag_registry.adapters.database import restore as restore_database

    place = _place(data_dir, database)
    with _container(data_dir, database, must_be_there=False) as container:
        return sum(restore_database(Path(file).absolute(), container.opened_database, place).values())


def copy(*, data_dir: str, database: str | None, to: str) -> int:
    """Copy a registry, in one state and while it runs, to another database, which is empty; how many rows there are is
    returned.

    Raises:
        StardagError: UnusableDataDirectory, UnsupportedDatabase, UnusableDatabase.
    """
    from stardag_registry.adapters.database import copy_database, open_database

    with _container(data_dir, database) as container:
        source = container.opened_database()  # first: where it cannot be, nothing is made
        with closing(open_database(to)) as target:
            return sum(copy_database(source, target, "that is copied to").values())


@contextmanager
def _container(
    data_dir: str, database: str | None, *, upgrade: bool = False, must_be_there: bool = True
) -> Generator["Container"]:
    """What a command needs that is no server, on the database of one."""
    from stardag_registry.adapters.database import DATABASE_FILE
    from stardag_registry.container import Container, Settings

    directory = Path(data_dir).absolute()
    if database is None and must_be_there and not (directory / DATABASE_FILE).is_file():
        problem = "there is no registry in it" if directory.is_dir() else "there is no such directory"
        raise UnusableDataDirectory(str(directory), problem, "Name the one that the server uses.")
    settings = Settings(
        host="localhost", port=0, data_dir=directory, public_url="", database_url=database, upgrade=upgrade
    )
    container = Container(settings=settings)
    try:
        yield container
    except DatabaseUnavailable as error:
        place = _place(data_dir, database)
        raise UnusableDatabase(place, "it cannot be used at the moment", "Try again in a while.") from error
    finally:
        container.shutdown_resources()


def _place(data_dir: str, database: str | None) -> str:
    """The database, for messages; a URL may hold a password."""
    return data_dir if database is None else "that --database names"


def _network(proxy: str) -> str:
    try:
        return str(ipaddress.ip_network(proxy))
    except ValueError:
        raise InvalidProxy(proxy) from None


def _welcome(furnished: Furnished, *, secret: bool) -> Iterator[str]:
    if furnished.replaced_another_key:
        yield f"{furnished.kept_at} held the key of another database. It has been replaced, and is lost."
    yield "This registry is new. It has an organization, a workspace in that, and a target root in that, all 'default':"
    yield furnished.uri_prefix
    if secret:
        yield f"The API key that administers it is shown this once, and kept in {furnished.kept_at}:"
        yield furnished.secret.text
    else:
        yield f"The API key that administers it is kept in {furnished.kept_at}."


def _introduction(account: NewAccount, public_url: str, *, secret: bool) -> Iterator[str]:
    if account.replaced_another_password:
        yield f"{account.kept_at} held the password of another database. It has been replaced, and is lost."
    yield f"Its owner signs in as {account.email} at {public_url}/account (command lines: stardag auth login)."
    if secret:
        yield f"The password is shown this once, and kept in {account.kept_at} until it is changed on that page:"
        yield account.password.text
    else:
        yield f"The password is kept in {account.kept_at} until it is changed on that page."


def _address(host: str, port: int) -> str:
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 (what "every address" is reached by)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def _is_loopback(sockets: Sequence[socket.socket]) -> bool:
    return all(ipaddress.ip_address(one.getsockname()[0]).is_loopback for one in sockets)
