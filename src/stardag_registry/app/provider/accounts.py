"""Signing in at a browser, signing out, and choosing another password."""

from dataclasses import dataclass

from stardag_registry.app.ports import Clock, Randomness
from stardag_registry.app.provider.attempts import Limit, LimitAttempts, from_address, named
from stardag_registry.app.provider.derived_secrets import random_text
from stardag_registry.app.provider.ports import OwnerPasswordFile, Passwords, ProviderDatabase
from stardag_registry.domain.accounts import (
    SESSION_LIFETIME,
    Account,
    BrowserSession,
    Password,
    check_new_password,
    fingerprint_of,
)
from stardag_registry.domain.errors import InvalidField

ATTEMPTS_AT_A_NAME = 10
ATTEMPTS_FROM_AN_ADDRESS = 100
"""Wrong passwords in a quarter of an hour. Many people may sit behind one address."""

NAME_MAX_LENGTH = 254


@dataclass(frozen=True, slots=True, repr=False)
class SignedIn:
    """A session, and what the browser has to show for it from now on, which is nowhere else."""

    session: BrowserSession
    secret: str


@dataclass(frozen=True, slots=True)
class Sessions:
    """Who is signed in at a browser."""

    database: ProviderDatabase
    clock: Clock
    randomness: Randomness

    def find(self, secret: str | None) -> BrowserSession | None:
        """The session of a browser that shows `secret`; None where there is none that counts."""
        if not secret:
            return None
        with self.database.reading() as reading:
            session = reading.session(fingerprint_of(secret))
        return session if session is not None and self.clock() < session.expires_at else None

    def begin(self, account: Account, instead_of: str | None) -> SignedIn:
        """A new session under a new secret, in place of the one that the browser showed before."""
        now = self.clock()
        secret = random_text(self.randomness)
        session = BrowserSession(fingerprint_of(secret), account, now, now + SESSION_LIFETIME)
        with self.database.transaction() as transaction:
            transaction.forget_ended(now)
            if instead_of:
                transaction.remove_session(fingerprint_of(instead_of))
            transaction.add_session(session)
        return SignedIn(session, secret)

    def end(self, secret: str | None) -> None:
        """Sign the browser out that shows `secret`."""
        if secret:
            with self.database.transaction() as transaction:
                transaction.remove_session(fingerprint_of(secret))


@dataclass(frozen=True, slots=True)
class SignIn:
    """Tells whether somebody is who they say. What is wrong, name or password, shows neither in answers nor in time."""

    database: ProviderDatabase
    passwords: Passwords
    attempts: LimitAttempts
    sessions: Sessions

    def __call__(self, name: str, password: Password, address: str, instead_of: str | None = None) -> SignedIn | None:
        """The session of whoever goes by `name` (an address or username) and knows the password; None for others.

        Args:
            name: the account's address or username.
            password: what was typed.
            address: where it was typed, by network address.
            instead_of: the secret that the browser showed before.

        Raises:
            TooManyAttempts: at this name, or from this address.
        """
        name = name.strip().lower()[:NAME_MAX_LENGTH]
        limits = _limits(name, address)
        self.attempts.take(limits)
        with self.database.reading() as reading:
            account = reading.account_by_name(name)
            kept = None if account is None else reading.password_hash(account.id)
        if not self.passwords.fits(password, kept) or account is None or kept is None:
            return None
        self.attempts.forgive(*limits)
        if self.passwords.is_outdated(kept) and not account.password_kept:
            with self.database.transaction() as transaction:
                transaction.change_password(account.id, self.passwords.hashed(password))
        return self.sessions.begin(account, instead_of)


@dataclass(frozen=True, slots=True)
class ChangePassword:
    """Lets somebody who is signed in choose another password, which signs out every other browser of theirs."""

    database: ProviderDatabase
    passwords: Passwords
    attempts: LimitAttempts
    clock: Clock
    owner_password_file: OwnerPasswordFile

    def __call__(
        self, session: BrowserSession, current: Password, new: Password, address: str, *, everywhere: bool
    ) -> None:
        """Take the new password in place of the current one.

        Args:
            session: where it is done; this one stays signed in.
            current: the password so far, which whoever finds a browser left alone does not know.
            new: the password from now on.
            address: the browser's network address.
            everywhere: also revoke what clients hold, command lines among them.

        Raises:
            InvalidField: the current one is wrong (`current`), or the new one cannot be chosen (`password`).
            TooManyAttempts: the current one was wrong too often.
            UnusableDataDirectory: the file with the first password cannot be removed; the new password counts.
        """
        account = session.account
        check_new_password(account, new)
        limits = _limits(account.email, address)
        self.attempts.take(limits)
        with self.database.reading() as reading:
            kept = reading.password_hash(account.id)
        if not self.passwords.fits(current, kept):
            raise InvalidField("current", "that is not the current password")
        self.attempts.forgive(*limits)
        if current.text == new.text:
            raise InvalidField("password", "that is the current password")
        hashed = self.passwords.hashed(new)
        with self.database.transaction() as transaction:
            transaction.change_password(account.id, hashed)
            transaction.remove_sessions_of(account.id, but=session.fingerprint)
            if everywhere:
                transaction.revoke_families_of(account.id, self.clock())
        if account.password_kept:
            self.owner_password_file.remove()


def _limits(name: str, address: str) -> tuple[Limit, Limit]:
    return (
        Limit(named("password", name), ATTEMPTS_AT_A_NAME),
        Limit(from_address("password", address), ATTEMPTS_FROM_AN_ADDRESS),
    )
