"""Keeps the promises of the provider's ports `ProviderReading` and `ProviderTransaction` in portable SQL."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Executable, Table, delete, exists, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from stardag_registry.adapters.database.tables import (
    accounts,
    authorization_codes,
    browser_sessions,
    device_authorizations,
    provider_secrets,
    refresh_families,
    refresh_tokens,
    sign_in_attempts,
)
from stardag_registry.app.provider.ports import Attempts
from stardag_registry.domain.accounts import Account, BrowserSession
from stardag_registry.domain.errors import AlreadyExists
from stardag_registry.domain.grants import AuthorizationCode, DeviceAuthorization, Grant, RefreshFamily, RefreshToken

REPLAY_NOTICED = timedelta(days=1)
"""How long codes are remembered after they have expired, so that one that comes again is noticed."""

_SECRET_NAME = "derivation"  # noqa: S105 (the name of one)
_ACCOUNT = (
    accounts.c.id,
    accounts.c.email,
    accounts.c.username,
    accounts.c.created_at,
    accounts.c.password_kept,
    accounts.c.email_verified,
)

Row = Mapping[str, Any]


class SqlProviderReading:
    """Looks at what is committed, on a connection that commits every statement by itself."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def secret(self) -> bytes | None:
        """What the registry derives secrets from."""
        value = self._connection.scalar(select(provider_secrets.c.value).where(provider_secrets.c.name == _SECRET_NAME))
        return None if value is None else bytes.fromhex(value)

    def has_accounts(self) -> bool:
        """Whether anybody can sign in."""
        return bool(self._connection.scalar(select(exists(select(accounts.c.id)))))

    def account(self, account_id: str) -> Account | None:
        """The account of that id."""
        row = self._first(select(*_ACCOUNT).where(accounts.c.id == account_id))
        return None if row is None else Account(**row)

    def account_by_name(self, name: str) -> Account | None:
        """The account of that address or username."""
        # An address has an "@" and a username has none, so there is one at most.
        row = self._first(select(*_ACCOUNT).where(or_(accounts.c.email == name, accounts.c.username == name)))
        return None if row is None else Account(**row)

    def password_hash(self, account_id: str) -> str | None:
        """How the account's password is kept."""
        return self._connection.scalar(select(accounts.c.password_hash).where(accounts.c.id == account_id))

    def session(self, fingerprint: str) -> BrowserSession | None:
        """Who is signed in at a browser."""
        row = self._first(
            select(*_ACCOUNT, browser_sessions.c.signed_in_at, browser_sessions.c.expires_at)
            .join_from(browser_sessions, accounts)
            .where(browser_sessions.c.fingerprint == fingerprint)
        )
        if row is None:
            return None
        account = Account(**{column.name: row[column.name] for column in _ACCOUNT})
        return BrowserSession(fingerprint, account, row["signed_in_at"], row["expires_at"])

    def authorization_code(self, fingerprint: str) -> AuthorizationCode | None:
        """What a code stands for."""
        row = self._first(select(authorization_codes).where(authorization_codes.c.fingerprint == fingerprint))
        if row is None:
            return None
        return AuthorizationCode(
            fingerprint=fingerprint,
            grant=_grant_of(row),
            redirect_uri=row["redirect_uri"],
            challenge=row["challenge"],
            expires_at=row["expires_at"],
            used_at=row["used_at"],
            family_id=row["family_id"],
        )

    def device_authorization(self, fingerprint: str) -> DeviceAuthorization | None:
        """The device that holds a device code."""
        return self._device(device_authorizations.c.fingerprint == fingerprint)

    def device_by_user_code(self, fingerprint: str) -> DeviceAuthorization | None:
        """The device that shows a user code."""
        return self._device(device_authorizations.c.user_code_fingerprint == fingerprint)

    def refresh_token(self, fingerprint: str) -> RefreshToken | None:
        """The token and its family, in one statement."""
        row = self._first(
            select(refresh_families, refresh_tokens.c.generation)
            .join_from(refresh_tokens, refresh_families)
            .where(refresh_tokens.c.fingerprint == fingerprint)
        )
        if row is None:
            return None
        family = RefreshFamily(
            row["id"], _grant_of({**row, "nonce": None}), row["used"], row["expires_at"], row["revoked_at"]
        )
        return RefreshToken(fingerprint, family, row["generation"])

    def _device(self, condition: Any) -> DeviceAuthorization | None:
        row = self._first(select(device_authorizations).where(condition))
        if row is None:
            return None
        return DeviceAuthorization(
            fingerprint=row["fingerprint"],
            user_code_fingerprint=row["user_code_fingerprint"],
            client_id=row["client_id"],
            scopes=tuple(row["scope"].split()),
            address=row["address"],
            asked_at=row["asked_at"],
            expires_at=row["expires_at"],
            interval=timedelta(seconds=row["interval"]),
            polled_at=row["polled_at"],
            grant=None if row["account_id"] is None else _grant_of({**row, "nonce": None}),
            refused=row["refused"],
            used_at=row["used_at"],
            family_id=row["family_id"],
        )

    def _first(self, query: Executable) -> Row | None:
        row = self._connection.execute(query).mappings().first()
        return None if row is None else dict(row)


class SqlProviderTransaction(SqlProviderReading):
    """Reads and writes inside one transaction, which whoever made it commits or rolls back."""

    def keep_secret(self, secret: bytes) -> bytes:
        """Keep it where there is none."""
        kept = self.secret()
        if kept is not None:
            return kept
        self._connection.execute(insert(provider_secrets).values(name=_SECRET_NAME, value=secret.hex()))
        return secret

    def add_account(self, account: Account, password_hash: str) -> None:
        """Raises AlreadyExists where the address or the username is taken."""
        values = {column.name: getattr(account, column.name) for column in _ACCOUNT}
        try:
            self._connection.execute(insert(accounts).values(**values, password_hash=password_hash))
        except IntegrityError as refusal:
            raise AlreadyExists("account", account.email) from refusal

    def change_password(self, account_id: str, password_hash: str) -> None:
        """Keep another password, which no file holds."""
        self._connection.execute(
            update(accounts).where(accounts.c.id == account_id).values(password_hash=password_hash, password_kept=False)
        )

    def add_session(self, session: BrowserSession) -> None:
        """Let a browser be signed in."""
        self._connection.execute(
            insert(browser_sessions).values(
                fingerprint=session.fingerprint,
                account_id=session.account.id,
                signed_in_at=session.signed_in_at,
                expires_at=session.expires_at,
            )
        )

    def remove_session(self, fingerprint: str) -> None:
        """Sign a browser out."""
        self._connection.execute(delete(browser_sessions).where(browser_sessions.c.fingerprint == fingerprint))

    def remove_sessions_of(self, account_id: str, but: str) -> None:
        """Sign out every other browser of the account."""
        self._connection.execute(
            delete(browser_sessions).where(
                browser_sessions.c.account_id == account_id, browser_sessions.c.fingerprint != but
            )
        )

    def add_authorization_code(self, code: AuthorizationCode) -> None:
        """Keep a code."""
        self._connection.execute(
            insert(authorization_codes).values(
                fingerprint=code.fingerprint,
                **_columns_of(code.grant),
                redirect_uri=code.redirect_uri,
                challenge=code.challenge,
                expires_at=code.expires_at,
                used_at=code.used_at,
                family_id=code.family_id,
            )
        )

    def use_authorization_code(self, fingerprint: str, family_id: str | None, at: datetime) -> bool:
        """Whether the code had not been used."""
        return self._use(authorization_codes, fingerprint, family_id, at)

    def add_device_authorization(self, device: DeviceAuthorization) -> bool:
        """Whether its user code was free."""
        taken = select(exists().where(device_authorizations.c.user_code_fingerprint == device.user_code_fingerprint))
        if self._connection.scalar(taken):
            return False
        self._connection.execute(
            insert(device_authorizations).values(
                fingerprint=device.fingerprint,
                user_code_fingerprint=device.user_code_fingerprint,
                client_id=device.client_id,
                scope=" ".join(device.scopes),
                address=device.address[:45],
                asked_at=device.asked_at,
                expires_at=device.expires_at,
                interval=int(device.interval.total_seconds()),
                refused=False,
            )
        )
        return True

    def note_poll(self, fingerprint: str, at: datetime, interval: timedelta) -> None:
        """That a device asked, and how long it has to wait from now on."""
        self._connection.execute(
            update(device_authorizations)
            .where(device_authorizations.c.fingerprint == fingerprint)
            .values(polled_at=at, interval=int(interval.total_seconds()))
        )

    def decide_device(self, fingerprint: str, grant: Grant | None) -> bool:
        """Whether nobody had decided on the device."""
        decision = (
            {"refused": True} if grant is None else {"account_id": grant.account_id, "signed_in_at": grant.signed_in_at}
        )
        undecided = (
            device_authorizations.c.fingerprint == fingerprint,
            device_authorizations.c.account_id.is_(None),
            device_authorizations.c.refused.is_(False),
        )
        return self._changed(update(device_authorizations).where(*undecided).values(**decision))

    def use_device_authorization(self, fingerprint: str, family_id: str | None, at: datetime) -> bool:
        """Whether the device code had not been used."""
        return self._use(device_authorizations, fingerprint, family_id, at)

    def add_family(self, family: RefreshFamily, fingerprint: str) -> None:
        """Keep a family and its first token."""
        self._connection.execute(
            insert(refresh_families).values(
                id=family.id,
                **{name: value for name, value in _columns_of(family.grant).items() if name != "nonce"},
                used=family.used,
                expires_at=family.expires_at,
                revoked_at=family.revoked_at,
            )
        )
        self._add_refresh_token(fingerprint, family.id, family.used + 1)

    def use_refresh_token(self, token: RefreshToken, successor: str, expires_at: datetime) -> bool:
        """Whether the token was the newest, unused and not revoked."""
        newest = (
            refresh_families.c.id == token.family.id,
            refresh_families.c.used == token.generation - 1,
            refresh_families.c.revoked_at.is_(None),
        )
        values = {"used": token.generation, "expires_at": expires_at}
        if not self._changed(update(refresh_families).where(*newest).values(**values)):
            return False
        self._add_refresh_token(successor, token.family.id, token.generation + 1)
        return True

    def revoke_family(self, family_id: str, at: datetime) -> bool:
        """Whether the family counted."""
        counting = (refresh_families.c.id == family_id, refresh_families.c.revoked_at.is_(None))
        return self._changed(update(refresh_families).where(*counting).values(revoked_at=at))

    def revoke_families_of(self, account_id: str, at: datetime) -> None:
        """Revoke what every client of the account holds."""
        counting = (refresh_families.c.account_id == account_id, refresh_families.c.revoked_at.is_(None))
        self._connection.execute(update(refresh_families).where(*counting).values(revoked_at=at))

    def attempts(self, subject: str) -> Attempts | None:
        """How often something was tried."""
        row = self._first(
            select(sign_in_attempts.c.count, sign_in_attempts.c.until).where(sign_in_attempts.c.subject == subject)
        )
        return None if row is None else Attempts(**row)

    def note_attempts(self, subject: str, attempts: Attempts) -> None:
        """Keep in mind how often something was tried."""
        values = {"count": attempts.count, "until": attempts.until}
        noted = update(sign_in_attempts).where(sign_in_attempts.c.subject == subject).values(**values)
        if not self._changed(noted):
            self._connection.execute(insert(sign_in_attempts).values(subject=subject, **values))

    def forget_attempts(self, subject: str) -> None:
        """As if it had never been tried."""
        self._connection.execute(delete(sign_in_attempts).where(sign_in_attempts.c.subject == subject))

    def forget_ended(self, now: datetime) -> None:
        """Remove what has expired and tells nobody anything any more."""
        self._connection.execute(delete(sign_in_attempts).where(sign_in_attempts.c.until <= now))
        self._connection.execute(delete(browser_sessions).where(browser_sessions.c.expires_at <= now))
        for table in (authorization_codes, device_authorizations):
            self._connection.execute(delete(table).where(table.c.expires_at <= now - REPLAY_NOTICED))
        ended = select(refresh_families.c.id).where(refresh_families.c.expires_at <= now)
        self._connection.execute(delete(refresh_tokens).where(refresh_tokens.c.family_id.in_(ended)))
        self._connection.execute(delete(refresh_families).where(refresh_families.c.expires_at <= now))

    def _add_refresh_token(self, fingerprint: str, family_id: str, generation: int) -> None:
        self._connection.execute(
            insert(refresh_tokens).values(fingerprint=fingerprint, family_id=family_id, generation=generation)
        )

    def _use(self, table: Table, fingerprint: str, family_id: str | None, at: datetime) -> bool:
        unused = (table.c.fingerprint == fingerprint, table.c.used_at.is_(None))
        return self._changed(update(table).where(*unused).values(used_at=at, family_id=family_id))

    def _changed(self, statement: Any) -> bool:
        return bool(self._connection.execute(statement).rowcount)


def _grant_of(row: Row) -> Grant:
    return Grant(row["account_id"], row["client_id"], tuple(row["scope"].split()), row["signed_in_at"], row["nonce"])


def _columns_of(grant: Grant) -> dict[str, Any]:
    return {
        "account_id": grant.account_id,
        "client_id": grant.client_id,
        "scope": " ".join(grant.scopes),
        "signed_in_at": grant.signed_in_at,
        "nonce": grant.nonce,
    }
