"""Makes the account that the owner of a new registry signs in with."""

import uuid
from dataclasses import dataclass

from stardag_registry.app.ports import Clock, Randomness
from stardag_registry.app.provider.derived_secrets import Derive
from stardag_registry.app.provider.ports import OwnerPasswordFile, Passwords, ProviderDatabase
from stardag_registry.domain.accounts import INITIAL_PASSWORD_BYTES, Account, Password, initial_password
from stardag_registry.domain.errors import InvalidOwner
from stardag_registry.domain.users import Claims, checked_email, usernames_for


@dataclass(frozen=True, slots=True)
class NewAccount:
    """What was made, for the person who started the server."""

    email: str
    password: Password
    kept_at: str
    replaced_another_password: bool


@dataclass(frozen=True, slots=True)
class MakeOwnerAccount:
    """Makes the first account, where nobody can sign in yet. What the provider needs else is made as well."""

    database: ProviderDatabase
    passwords: Passwords
    derive: Derive
    clock: Clock
    randomness: Randomness
    owner_password_file: OwnerPasswordFile

    def __call__(self, owner: str) -> NewAccount | None:
        """What was made, or None where there was an account before; then nothing is touched.

        The password is written to its file before it is committed: whoever dies in between leaves one that opens
        nothing, and the next start makes another.

        Raises:
            InvalidOwner: `owner` is no e-mail address.
            UnusableDataDirectory: the password cannot be kept.
            DatabaseUnavailable: the database cannot be written.
        """
        email = check_owner(owner)
        self.derive.prepare()
        with self.database.reading() as reading:
            if reading.has_accounts():
                return None
        password = initial_password(self.randomness(INITIAL_PASSWORD_BYTES))
        hashed = self.passwords.hashed(password)
        with self.database.transaction() as transaction:
            if transaction.has_accounts():
                return None
            username = next(usernames_for(Claims("", "", email=email)))
            account = Account(str(uuid.UUID(bytes=self.randomness(16), version=4)), email, username, self.clock(), True)
            transaction.add_account(account, hashed)
            replaced = self.owner_password_file.exists()
            self.owner_password_file.write(password)
        return NewAccount(email, password, self.owner_password_file.location, replaced)


def check_owner(owner: str) -> str:
    """The owner's e-mail address, in lower case.

    Raises:
        InvalidOwner: it is none.
    """
    email = checked_email(owner)
    if email is None:
        raise InvalidOwner(owner)
    return email
