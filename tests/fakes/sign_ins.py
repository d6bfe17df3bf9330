"""The port `SignIns` in memory."""

import os
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from stardag.domain.configuration import StardagDirectory
from stardag.domain.credentials import Secret
from stardag.domain.errors import StateNotWritable
from stardag.domain.registry_errors import UnusableSecrets
from stardag.domain.registry_url import origin_of
from stardag.domain.sign_in import AccessToken, SignIn, SignInFile, Silence, User

Key = tuple[str, str]
"""A stardag directory, and the name of a registry."""


@dataclass
class FakeSignIns:
    """Keeps sign-ins without files; `spoil` makes one unusable, and with `is_writable` off nothing can be changed."""

    kept: dict[Key, SignIn] = field(default_factory=dict[Key, SignIn])
    tokens: dict[Key, dict[str, AccessToken]] = field(default_factory=dict[Key, dict[str, AccessToken]])
    accounts: dict[Key, User] = field(default_factory=dict[Key, User])
    silences: dict[Key, Silence] = field(default_factory=dict[Key, Silence])
    unusable: set[Key] = field(default_factory=set[Key])
    locks: dict[Key, threading.Lock] = field(default_factory=dict[Key, threading.Lock])
    is_writable: bool = True

    def spoil(self, directory: StardagDirectory, registry: str) -> None:
        self.unusable.add((directory.path, registry))

    def find(self, directory: StardagDirectory, registry: str, registry_url: str) -> SignIn | None:
        for path in _places(directory):
            sign_in = self._kept((path, registry))
            if sign_in is not None and sign_in.registry_url == registry_url:
                return sign_in
        return None

    def all_in(self, directory: StardagDirectory) -> Sequence[SignIn]:
        keys = [
            key for path in _places(directory) for key in sorted(self.kept.keys() | self.unusable) if key[0] == path
        ]
        return [sign_in for sign_in in map(self._kept, keys) if sign_in is not None]

    def has_signed_in(self, directory: StardagDirectory, registry_url: str) -> bool:
        usable = [sign_in for key, sign_in in self.kept.items() if key not in self.unusable]
        own = [sign_in for sign_in in usable if sign_in.directory == directory.user_path]
        return origin_of(registry_url) in [origin_of(sign_in.registry_url) for sign_in in own]

    def check_writable(self, directory: StardagDirectory) -> None:
        if not self.is_writable:
            raise StateNotWritable(os.path.join(directory.path, "credentials"), "read-only file system")

    def keep(self, directory: StardagDirectory, sign_in: SignIn, account: User | None = None) -> None:
        self.check_writable(directory)
        key = (directory.path, sign_in.registry)
        self._forget(key)
        self.kept[key] = sign_in._replace(directory=directory.path)
        if account is not None:
            self.accounts[key] = account

    def replace_refresh_token(self, sign_in: SignIn, refresh_token: Secret) -> SignIn:
        self._check_writable_by(sign_in)
        successor = sign_in._replace(refresh_token=refresh_token)
        if self.again(sign_in) == sign_in:
            self.kept[_key(sign_in)] = successor
        return successor

    def remove(self, sign_in: SignIn) -> None:
        self._check_writable_by(sign_in)
        self._forget(_key(sign_in))

    def remove_unusable(self, directory: StardagDirectory, registry: str) -> bool:
        self.check_writable(directory)
        removed = [self._forget((path, registry)) for path in _places(directory)]
        return any(removed)

    def again(self, sign_in: SignIn) -> SignIn | None:
        kept = self._kept(_key(sign_in))
        return None if kept is None or kept.registry_url != sign_in.registry_url else kept

    def file_of(self, sign_in: SignIn) -> SignInFile:
        return SignInFile(_path(_key(sign_in)), None)

    def account(self, sign_in: SignIn) -> User | None:
        return self.accounts.get(_key(sign_in))

    def access_token(self, sign_in: SignIn, organization: str) -> AccessToken | None:
        return self.tokens.get(_key(sign_in), {}).get(organization)

    def keep_access_token(self, sign_in: SignIn, organization: str, token: AccessToken) -> None:
        self._check_writable_by(sign_in)
        if self.again(sign_in) == sign_in:
            self.tokens.setdefault(_key(sign_in), {})[organization] = token

    @contextmanager
    def alone(self, sign_in: SignIn, timeout: float) -> Generator[None]:
        self._check_writable_by(sign_in)
        lock = self.locks.setdefault(_key(sign_in), threading.Lock())
        if not lock.acquire(timeout=timeout):
            raise StateNotWritable(sign_in.directory, f"somebody has kept the lock for {timeout:g} seconds")
        try:
            yield
        finally:
            lock.release()

    def silence(self, sign_in: SignIn) -> Silence | None:
        return self.silences.get((sign_in.registry, sign_in.token_endpoint))

    def note_silence(self, sign_in: SignIn, silence: Silence | None) -> None:
        key = (sign_in.registry, sign_in.token_endpoint)
        if silence is None or not self.is_writable:
            self.silences.pop(key, None)
        else:
            self.silences[key] = silence

    def _check_writable_by(self, sign_in: SignIn) -> None:
        self.check_writable(StardagDirectory(sign_in.directory, sign_in.directory))

    def _kept(self, key: Key) -> SignIn | None:
        if key in self.unusable:
            raise UnusableSecrets(
                _path(key), "is corrupt: spoilt", f"Sign in again with: stardag auth login --registry {key[1]}"
            )
        return self.kept.get(key)

    def _forget(self, key: Key) -> bool:
        self.accounts.pop(key, None)
        had_tokens = self.tokens.pop(key, None) is not None
        had = self.kept.pop(key, None) is not None or key in self.unusable
        self.unusable.discard(key)
        return had or had_tokens


def _key(sign_in: SignIn) -> Key:
    return (sign_in.directory, sign_in.registry)


def _path(key: Key) -> str:
    return os.path.join(key[0], "credentials", f"{key[1]}.json")


def _places(directory: StardagDirectory) -> Sequence[str]:
    return list(dict.fromkeys((directory.path, directory.user_path)))
