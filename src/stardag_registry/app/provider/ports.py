"""What the provider's use cases need from outside, each as a Protocol."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from stardag_registry.domain.accounts import Account, BrowserSession, Password
from stardag_registry.domain.grants import AuthorizationCode, DeviceAuthorization, Grant, RefreshFamily, RefreshToken


@dataclass(frozen=True, slots=True)
class Attempts:
    """How often something was tried that may not be tried without end, up to when it is forgotten."""

    count: int
    until: datetime


class ProviderReading(Protocol):
    """Looks at what is committed. Whatever is secret is found by its fingerprint, expired or not.

    Raises:
        DatabaseUnavailable: from every call.
    """

    def secret(self) -> bytes | None:
        """What the registry derives secrets from; None where there is nothing yet."""
        ...

    def has_accounts(self) -> bool:
        """Whether anybody can sign in."""
        ...

    def account(self, account_id: str) -> Account | None:
        """The account of that id."""
        ...

    def account_by_name(self, name: str) -> Account | None:
        """The account of that address or username, both in lower case."""
        ...

    def password_hash(self, account_id: str) -> str | None:
        """How the account's password is kept."""
        ...

    def session(self, fingerprint: str) -> BrowserSession | None:
        """Who is signed in at a browser."""
        ...

    def authorization_code(self, fingerprint: str) -> AuthorizationCode | None:
        """What a code stands for."""
        ...

    def device_authorization(self, fingerprint: str) -> DeviceAuthorization | None:
        """The device that holds a device code."""
        ...

    def device_by_user_code(self, fingerprint: str) -> DeviceAuthorization | None:
        """The device that shows a user code."""
        ...

    def refresh_token(self, fingerprint: str) -> RefreshToken | None:
        """The token and its family, as they are in one state of the database."""
        ...


class ProviderTransaction(ProviderReading, Protocol):
    """Reads and writes as one. What answers a bool is atomic by itself as well: among any number of callers, whatever
    processes they are in and however transactions are isolated, one gets True.

    Raises:
        DatabaseUnavailable: from every call.
    """

    def keep_secret(self, secret: bytes) -> bytes:
        """Keep it where there is none; what is kept is returned."""
        ...

    def add_account(self, account: Account, password_hash: str) -> None:
        """Raises AlreadyExists where the address or the username is taken."""
        ...

    def change_password(self, account_id: str, password_hash: str) -> None:
        """Keep another password, which no file holds."""
        ...

    def add_session(self, session: BrowserSession) -> None:
        """Let a browser be signed in."""
        ...

    def remove_session(self, fingerprint: str) -> None:
        """Sign a browser out; fine where it is signed out."""
        ...

    def remove_sessions_of(self, account_id: str, but: str) -> None:
        """Sign out every browser of the account `but` the one of that fingerprint."""
        ...

    def add_authorization_code(self, code: AuthorizationCode) -> None:
        """Keep a code."""
        ...

    def use_authorization_code(self, fingerprint: str, family_id: str | None, at: datetime) -> bool:
        """Whether the code had not been used; now it is, and gave that family."""
        ...

    def add_device_authorization(self, device: DeviceAuthorization) -> bool:
        """Whether its user code was free; then it is kept."""
        ...

    def note_poll(self, fingerprint: str, at: datetime, interval: timedelta) -> None:
        """That a device asked, and how long it has to wait from now on."""
        ...

    def decide_device(self, fingerprint: str, grant: Grant | None) -> bool:
        """Whether nobody had decided on the device of that fingerprint; now it has the grant, or is refused (None)."""
        ...

    def use_device_authorization(self, fingerprint: str, family_id: str | None, at: datetime) -> bool:
        """Whether the device code had not been used; now it is, and gave that family."""
        ...

    def add_family(self, family: RefreshFamily, fingerprint: str) -> None:
        """Keep a family and its first token."""
        ...

    def use_refresh_token(self, token: RefreshToken, successor: str, expires_at: datetime) -> bool:
        """Whether `token` was the family's newest, unused and not revoked; now it is used, and the fingerprint
        `successor` the newest."""
        ...

    def revoke_family(self, family_id: str, at: datetime) -> bool:
        """Whether the family counted; now it does not."""
        ...

    def revoke_families_of(self, account_id: str, at: datetime) -> None:
        """Revoke what every client of the account holds."""
        ...

    def attempts(self, subject: str) -> Attempts | None:
        """How often something was tried."""
        ...

    def note_attempts(self, subject: str, attempts: Attempts) -> None:
        """Keep in mind how often something was tried."""
        ...

    def forget_attempts(self, subject: str) -> None:
        """As if it had never been tried."""
        ...

    def forget_ended(self, now: datetime) -> None:
        """Remove what has expired and tells nobody anything any more."""
        ...


class ProviderDatabase(Protocol):
    """Where the provider keeps everything; the registry's own database."""

    def reading(self) -> AbstractContextManager[ProviderReading]:
        """Raises DatabaseUnavailable on the way in."""
        ...

    def transaction(self) -> AbstractContextManager[ProviderTransaction]:
        """Commits on the way out, durably; an exception rolls everything back.

        Raises:
            DatabaseUnavailable: on the way in, or out; then nothing was changed.
        """
        ...


class Passwords(Protocol):
    """Keeps passwords so that nobody can read them, which takes a while on purpose."""

    def hashed(self, password: Password) -> str:
        """What to keep of a password."""
        ...

    def fits(self, password: Password, kept: str | None) -> bool:
        """Whether it is the password that `kept` was made of. For None, which is nobody's, as much work is done."""
        ...

    def is_outdated(self, kept: str) -> bool:
        """Whether a password would be kept otherwise today."""
        ...


class OwnerPasswordFile(Protocol):
    """Keeps the owner's first password for the person who started the server."""

    @property
    def location(self) -> str:
        """Where it is, for messages."""
        ...

    def exists(self) -> bool:
        """Whether a password, of this database or of another, is kept there."""
        ...

    def write(self, password: Password) -> None:
        """Keep it durably, readable by nobody else, in place of any other.

        Raises:
            UnusableDataDirectory: it cannot be written.
        """
        ...

    def remove(self) -> None:
        """Forget it; fine where it is gone.

        Raises:
            UnusableDataDirectory: it cannot be removed.
        """
        ...
