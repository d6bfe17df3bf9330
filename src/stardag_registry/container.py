"""The composition root: what the server is made of. The only module that knows dependency-injector.

Everything heavy is imported inside the factory that needs it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dependency_injector import containers, providers
from dependency_injector.providers import Provider

from stardag.domain.version import VERSION
from stardag_registry.app.creation import Create
from stardag_registry.app.first_start import FirstStart
from stardag_registry.app.identity_provider import DEFAULT_OWNER, ExistingIdentityProvider
from stardag_registry.app.invitations import AcceptInvitation
from stardag_registry.app.people import RecognizeUsers
from stardag_registry.app.ports import Clock, Database, IssuerTokens, OwnerKeyFile, Randomness, TokenSigner
from stardag_registry.app.provider.derived_secrets import Derive
from stardag_registry.app.provider.owner_account import MakeOwnerAccount
from stardag_registry.app.provider.ports import OwnerPasswordFile, Passwords, ProviderDatabase

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.routing import BaseRoute

    from stardag_registry.adapters.database.opening import SqlDatabase
    from stardag_registry.adapters.http import AllowedHosts, UseCases
    from stardag_registry.adapters.signing import DatabaseSigner
    from stardag_registry.app.provider.own_tokens import OwnIssuerTokens


@dataclass(frozen=True, slots=True)
class Settings:
    """What a person says when starting a server.

    `host` and `port` are those listened on; `database_url` is SQLAlchemy's, None for a file in the data directory.
    `public_url` is the address that people and machines use. `owner` is the e-mail address of the first organization's
    owner. `identity_provider` signs people in instead of this server, where it is given. `upgrade` brings a database on
    PostgreSQL that an older version made to this one's form.
    """

    host: str
    port: int
    data_dir: Path
    public_url: str
    database_url: str | None = None
    owner: str = DEFAULT_OWNER
    identity_provider: ExistingIdentityProvider | None = None
    upgrade: bool = False


def _data_directory(settings: Settings) -> Path:
    from stardag_registry.adapters.data_directory import prepare_data_directory

    prepare_data_directory(settings.data_dir)
    return settings.data_dir


def _open_database(settings: Settings, data_directory: Provider[Path]) -> "Iterator[SqlDatabase]":
    from stardag_registry.adapters.database import DATABASE_FILE, open_database

    # The directory is made only by whoever keeps something there.
    database = open_database(settings.database_url or data_directory() / DATABASE_FILE, upgrade=settings.upgrade)
    yield database
    database.close()


def _database(opened: "SqlDatabase") -> Database:
    return opened


def _provider_database(opened: "SqlDatabase") -> ProviderDatabase:
    return opened.provider


def _owner_key_file(data_directory: Path) -> OwnerKeyFile:
    from stardag_registry.adapters.data_directory import OwnerKeyInDirectory

    return OwnerKeyInDirectory(data_directory)


def _owner_password_file(data_directory: Path) -> OwnerPasswordFile:
    from stardag_registry.adapters.data_directory import OwnerPasswordInDirectory

    return OwnerPasswordInDirectory(data_directory)


def _passwords() -> Passwords:
    from stardag_registry.adapters.passwords import Argon2Passwords

    return Argon2Passwords()


def _token_signer(database: Database, clock: Clock) -> "DatabaseSigner":
    from stardag_registry.adapters.signing import DatabaseSigner

    return DatabaseSigner(database, clock)


def _issuer_tokens(settings: Settings, signer: TokenSigner, clock: Clock) -> IssuerTokens:
    if settings.identity_provider is not None:
        from stardag_registry.adapters.existing_provider import ExistingIssuerTokens

        return ExistingIssuerTokens(settings.identity_provider, settings.public_url, clock)
    return _own_tokens(settings, signer, clock)


def _own_tokens(settings: Settings, signer: TokenSigner, clock: Clock) -> "OwnIssuerTokens":
    from stardag_registry.app.provider.own_tokens import OwnIssuerTokens
    from stardag_registry.domain.grants import CLIENT_ID

    return OwnIssuerTokens(settings.public_url, CLIENT_ID, signer, clock)


def _clock() -> Clock:
    from stardag_registry.adapters.system import now

    return now


def _randomness() -> Randomness:
    from stardag_registry.adapters.system import random_bytes

    return random_bytes


def _allowed_hosts(settings: Settings) -> "AllowedHosts":
    from stardag_registry.adapters.http import AllowedHosts

    return AllowedHosts(settings.host, settings.port, settings.public_url)


def _provider_routes(
    settings: Settings,
    allowed_hosts: "AllowedHosts",
    database: ProviderDatabase,
    derive: Derive,
    passwords: Passwords,
    signer: TokenSigner,
    clock: Clock,
    randomness: Randomness,
    owner_password_file: OwnerPasswordFile,
    recognize: RecognizeUsers,
    accept: AcceptInvitation,
) -> "Sequence[BaseRoute]":
    """The registry's own OpenID provider, where no other one signs people in, and the page of invitations."""
    from stardag_registry.adapters.openid_provider import ProviderUseCases, invitation_route, provider_routes

    if settings.identity_provider is not None:
        return [invitation_route(settings.public_url, accept)]
    from stardag_registry.app.provider.accounts import ChangePassword, Sessions, SignIn
    from stardag_registry.app.provider.attempts import LimitAttempts
    from stardag_registry.app.provider.codes import AuthorizationCodes
    from stardag_registry.app.provider.devices import Devices
    from stardag_registry.app.provider.families import Refresh, Revoke
    from stardag_registry.app.provider.form_tokens import FormTokens
    from stardag_registry.app.provider.invited_accounts import InvitedAccounts
    from stardag_registry.app.provider.tokens import IssueTokens
    from stardag_registry.app.provider.userinfo import TellUserinfo

    attempts = LimitAttempts(database, clock)
    sessions = Sessions(database, clock, randomness)
    issuer = settings.public_url
    use_cases = ProviderUseCases(
        public_url=issuer,
        names_this_registry=allowed_hosts.name,
        signer=signer,
        sessions=sessions,
        sign_in=SignIn(database, passwords, attempts, sessions),
        change_password=ChangePassword(database, passwords, attempts, clock, owner_password_file),
        form_tokens=FormTokens(derive),
        codes=AuthorizationCodes(database, clock, randomness),
        devices=Devices(database, attempts, clock, randomness),
        refresh=Refresh(database, derive, clock),
        revoke=Revoke(database, clock),
        issue_tokens=IssueTokens(issuer, signer, clock, randomness),
        tell_userinfo=TellUserinfo(_own_tokens(settings, signer, clock), database),
        invited_accounts=InvitedAccounts(issuer, database, passwords, sessions, recognize, accept, clock, randomness),
    )
    return provider_routes(use_cases)


def _recognize_users(
    settings: Settings, database: Database, create: Create, issuer_tokens: IssuerTokens, clock: Clock
) -> RecognizeUsers:
    return RecognizeUsers(database, create, issuer_tokens, clock, settings.owner)


def _use_cases(
    settings: Settings,
    database: Database,
    create: Create,
    signer: TokenSigner,
    issuer_tokens: IssuerTokens,
    recognize: RecognizeUsers,
    accept: AcceptInvitation,
    clock: Clock,
    randomness: Randomness,
) -> "UseCases":
    from urllib.parse import urlencode

    from stardag_registry.adapters.http import UseCases
    from stardag_registry.app.access_tokens import ManageAccessTokens
    from stardag_registry.app.builds import FindBuilds, RegisterBuild, RunBuild
    from stardag_registry.app.changes import Changes
    from stardag_registry.app.credentials import Authenticate, AuthenticateAccessToken, AuthenticateApiKey
    from stardag_registry.app.health import CheckHealth
    from stardag_registry.app.invitations import Invite
    from stardag_registry.app.key_uses import KeyUses
    from stardag_registry.app.listings import ListTargetRoots, ListWorkspaces
    from stardag_registry.app.organization_tokens import OrganizationTokens
    from stardag_registry.app.organizations import (
        EditOrganization,
        ListMembers,
        MakeOrganization,
        MakePersonalWorkspace,
        ReadAudit,
    )
    from stardag_registry.app.people import ExchangeTokens, Introduce
    from stardag_registry.app.target_roots import EditTargetRoots, TargetRootHistory
    from stardag_registry.app.workspaces import EditWorkspaces, ManageApiKeys

    organization_tokens = OrganizationTokens(settings.public_url, signer, clock, randomness)
    key_uses = KeyUses(database)
    api_key = AuthenticateApiKey(database, clock, key_uses)
    access_token = AuthenticateAccessToken(database, clock)
    changes = Changes(database, clock)
    make_personal_workspace = MakePersonalWorkspace(database, create, clock)
    return UseCases(
        authenticate=Authenticate(database, api_key, access_token, organization_tokens, issuer_tokens),
        introduce=Introduce(database, recognize),
        exchange_tokens=ExchangeTokens(database, recognize, organization_tokens, make_personal_workspace),
        check_health=CheckHealth(database),
        list_workspaces=ListWorkspaces(database),
        edit_workspaces=EditWorkspaces(changes, create),
        manage_api_keys=ManageApiKeys(database, changes, create),
        manage_access_tokens=ManageAccessTokens(changes, create),
        list_target_roots=ListTargetRoots(database),
        edit_target_roots=EditTargetRoots(changes),
        target_root_history=TargetRootHistory(database),
        make_organization=MakeOrganization(database, create, clock),
        edit_organization=EditOrganization(changes),
        list_members=ListMembers(database),
        invite=Invite(database, changes, randomness),
        accept_invitation=accept,
        read_audit=ReadAudit(database),
        register_build=RegisterBuild(database, changes, randomness),
        run_build=RunBuild(changes),
        find_builds=FindBuilds(database, clock),
        key_uses=key_uses,
        link_of_invitation=lambda token: f"{settings.public_url}/invitation?{urlencode({'token': token})}",
    )


def _application(
    use_cases: "UseCases", allowed_hosts: "AllowedHosts", provider_routes: "Sequence[BaseRoute]", database: Database
) -> "FastAPI":
    from stardag_registry.adapters.http import create_app

    # More threads than these only wait for each other on SQLite.
    return create_app(use_cases, allowed_hosts, VERSION, provider_routes, 8 if database.is_shared else 4)


class Container(containers.DeclarativeContainer):
    """One server. Give `settings`; `database`, `clock` and `randomness` may be given in place of the real ones.

    The database is open until `shutdown_resources()`.
    """

    settings: Provider[Settings] = providers.Dependency(instance_of=Settings)
    clock: Provider[Clock] = providers.ThreadSafeSingleton(_clock)
    randomness: Provider[Randomness] = providers.ThreadSafeSingleton(_randomness)
    data_directory: Provider[Path] = providers.ThreadSafeSingleton(_data_directory, settings)
    opened_database: "Provider[SqlDatabase]" = providers.Resource(_open_database, settings, data_directory.provider)
    database: Provider[Database] = providers.ThreadSafeSingleton(_database, opened_database)
    owner_key_file: Provider[OwnerKeyFile] = providers.ThreadSafeSingleton(_owner_key_file, data_directory)
    create: Provider[Create] = providers.ThreadSafeSingleton(Create, clock, randomness)
    first_start: Provider[FirstStart] = providers.ThreadSafeSingleton(
        FirstStart, database, create, clock, owner_key_file
    )
    token_signer: "Provider[DatabaseSigner]" = providers.ThreadSafeSingleton(_token_signer, database, clock)
    issuer_tokens: Provider[IssuerTokens] = providers.ThreadSafeSingleton(_issuer_tokens, settings, token_signer, clock)
    recognize_users: Provider[RecognizeUsers] = providers.ThreadSafeSingleton(
        _recognize_users, settings, database, create, issuer_tokens, clock
    )
    accept_invitation: Provider[AcceptInvitation] = providers.ThreadSafeSingleton(AcceptInvitation, database, clock)
    provider_database: Provider[ProviderDatabase] = providers.ThreadSafeSingleton(_provider_database, opened_database)
    derive: Provider[Derive] = providers.ThreadSafeSingleton(Derive, provider_database, randomness)
    passwords: Provider[Passwords] = providers.ThreadSafeSingleton(_passwords)
    owner_password_file: Provider[OwnerPasswordFile] = providers.ThreadSafeSingleton(
        _owner_password_file, data_directory
    )
    make_owner_account: Provider[MakeOwnerAccount] = providers.ThreadSafeSingleton(
        MakeOwnerAccount, provider_database, passwords, derive, clock, randomness, owner_password_file
    )
    allowed_hosts: "Provider[AllowedHosts]" = providers.ThreadSafeSingleton(_allowed_hosts, settings)
    provider_routes: "Provider[Sequence[BaseRoute]]" = providers.ThreadSafeSingleton(
        _provider_routes,
        settings,
        allowed_hosts,
        provider_database,
        derive,
        passwords,
        token_signer,
        clock,
        randomness,
        owner_password_file,
        recognize_users,
        accept_invitation,
    )
    use_cases: "Provider[UseCases]" = providers.ThreadSafeSingleton(
        _use_cases,
        settings,
        database,
        create,
        token_signer,
        issuer_tokens,
        recognize_users,
        accept_invitation,
        clock,
        randomness,
    )
    application: "Provider[FastAPI]" = providers.ThreadSafeSingleton(
        _application, use_cases, allowed_hosts, provider_routes, database
    )
