"""Keeps the promises of the port `SignIns` with files in stardag directories, of which each holds one secret.

Reading takes no lock and writes nothing. Changes to one directory's sign-ins and access tokens are made one at a time,
and nothing is kept for a sign-in that was replaced or removed in the meantime.
"""

import os
import shlex
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager

from stardag.adapters.state_files.accounts import Accounts
from stardag.adapters.state_files.documents import CorruptDocument
from stardag.adapters.state_files.secret_files import SecretFiles
from stardag.adapters.state_files.shelf import ACCESS_TOKENS, CREDENTIALS
from stardag.adapters.state_files.sign_in_documents import (
    read_access_token,
    read_sign_in,
    write_access_token,
    write_sign_in,
)
from stardag.adapters.state_files.silences import Silences
from stardag.adapters.state_files.turns import alone_with
from stardag.domain.configuration import StardagDirectory
from stardag.domain.credentials import Secret
from stardag.domain.errors import StateNotWritable
from stardag.domain.names import check_name, is_name
from stardag.domain.registry_errors import UnusableSecrets
from stardag.domain.registry_url import origin_of
from stardag.domain.sign_in import AccessToken, SignIn, SignInFile, Silence, User


class SignInFiles:
    """The port `SignIns`; `user_directory` is the user's own stardag directory, which need not exist."""

    def __init__(self, user_directory: str) -> None:
        self._user_directory = user_directory
        self._silences = Silences(user_directory)
        self._accounts = Accounts(user_directory)

    def find(self, directory: StardagDirectory, registry: str, registry_url: str) -> SignIn | None:
        """The sign-in kept under this registry's name that belongs to this very URL."""
        for files in _places(directory):
            sign_in = _kept(files, registry)
            if sign_in is not None and sign_in.registry_url == registry_url:
                return sign_in
        return None

    def all_in(self, directory: StardagDirectory) -> Sequence[SignIn]:
        """Every sign-in of the directory in force and of the user's own."""
        kept = [_kept(files, registry) for files in _places(directory) for registry in _registries(files)]
        return [sign_in for sign_in in kept if sign_in is not None]

    def has_signed_in(self, directory: StardagDirectory, registry_url: str) -> bool:
        """Whether the user's own directory keeps a sign-in for this URL's origin; what is broken does not count."""
        files = _own(directory)
        try:
            registries = _registries(files)
        except UnusableSecrets:
            return False
        return origin_of(registry_url) in (_origin_kept(files, registry) for registry in registries)

    def check_writable(self, directory: StardagDirectory) -> None:
        """Make sure that a sign-in can be kept.

        Raises:
            StateNotWritable: it cannot, or the project brings files with secrets along.
        """
        files = SecretFiles(directory)
        with files.alone():
            files.check_writable()

    def keep(self, directory: StardagDirectory, sign_in: SignIn, account: User | None = None) -> None:
        """Keep a sign-in in place of any of that name, and note whose it is.

        Raises:
            StateNotWritable: it cannot be written, or would not be read again.
        """
        files = SecretFiles(directory)
        content = _content(files, sign_in)
        with files.alone():
            # In this order: killed in between, the old sign-in lacks its tokens, but no token outlives its sign-in.
            _remove_access_tokens(files, sign_in.registry)
            self._accounts.forget(sign_in.registry)
            files.replace(_credentials(sign_in.registry), content)
        if account is not None:
            self._accounts.note(sign_in, account)

    def replace_refresh_token(self, sign_in: SignIn, refresh_token: Secret) -> SignIn:
        """Keep the successor of a refresh token, unless this sign-in is not kept any more.

        Raises:
            UnusableSecrets: what is kept cannot be told.
            StateNotWritable: the file cannot be written.
        """
        files, successor = self._files(sign_in), sign_in._replace(refresh_token=refresh_token)
        content = _content(files, successor)
        with files.alone():
            if self.again(sign_in) == sign_in:
                files.replace(_credentials(sign_in.registry), content)
        return successor

    def remove(self, sign_in: SignIn) -> None:
        """Forget a sign-in and its access tokens.

        Raises:
            StateNotWritable: they cannot be removed.
        """
        _remove(self._files(sign_in), sign_in.registry)
        self._accounts.forget(sign_in.registry)

    def remove_unusable(self, directory: StardagDirectory, registry: str) -> bool:
        """Forget whatever is kept under this registry's name, usable or not, and say whether there was anything.

        Raises:
            StateNotWritable: it cannot be removed.
        """
        removed = [_remove(files, registry) for files in _places(directory)]
        self._accounts.forget(registry)
        return any(removed)

    def again(self, sign_in: SignIn) -> SignIn | None:
        """The same sign-in as it is kept now; None where it is gone or belongs to another URL by now."""
        kept = _kept(self._files(sign_in), sign_in.registry)
        if kept is None or kept.registry_url != sign_in.registry_url:
            return None
        return kept._replace(directory=sign_in.directory)

    def file_of(self, sign_in: SignIn) -> SignInFile:
        """The file that keeps a sign-in, and when it was last written."""
        path = self._files(sign_in).path(_credentials(sign_in.registry))
        try:
            return SignInFile(path, os.stat(path).st_mtime)
        except OSError:
            return SignInFile(path, None)

    def account(self, sign_in: SignIn) -> User | None:
        """Whose the sign-in is, where that was noted; what is broken counts as absent."""
        return self._accounts.find(sign_in)

    def access_token(self, sign_in: SignIn, organization: str) -> AccessToken | None:
        """The token cached for an organization (by slug); what is broken counts as absent."""
        files, name = self._files(sign_in), _access_token(sign_in.registry, organization)
        fix = f"Remove it with: rm {shlex.quote(files.path(name))}"
        return files.find(name, read_access_token, fix, is_cache=True)

    def keep_access_token(self, sign_in: SignIn, organization: str, token: AccessToken) -> None:
        """Cache a token for an organization (by slug), unless this sign-in is not kept any more.

        Raises:
            UnusableSecrets: what is kept cannot be told.
            StateNotWritable: the file cannot be written, or would not be read again.
        """
        files, name = self._files(sign_in), _access_token(sign_in.registry, organization)
        content = _checked(files.path(name), write_access_token(token), read_access_token)
        with files.alone():
            if self.again(sign_in) == sign_in:
                files.replace(name, content)

    @contextmanager
    def alone(self, sign_in: SignIn, timeout: float) -> Generator[None]:
        """Be the only one, among threads and processes, who renews this sign-in's tokens; waits for `timeout` seconds.

        Raises:
            StateNotWritable: the directory cannot be written, or somebody else takes longer than that.
        """
        files = self._files(sign_in)
        path = files.path(f"{CREDENTIALS}/.{check_name('registry', sign_in.registry)}.lock")
        with alone_with(path, timeout, files.prepare):
            yield

    def silence(self, sign_in: SignIn) -> Silence | None:
        """That the issuer did not answer lately, where somebody noted it; what is broken counts as absent."""
        return self._silences.find(sign_in)

    def note_silence(self, sign_in: SignIn, silence: Silence | None) -> None:
        """Note that the issuer did not answer, or that it does again. Not being able to is no error."""
        self._silences.note(sign_in, silence)

    def _files(self, sign_in: SignIn) -> SecretFiles:
        return SecretFiles(StardagDirectory(sign_in.directory, self._user_directory))


def _places(directory: StardagDirectory) -> Sequence[SecretFiles]:
    """Where sign-ins are looked for, in this order."""
    files = SecretFiles(directory)
    return (files, _own(directory)) if files.directory.is_project else (files,)


def _own(directory: StardagDirectory) -> SecretFiles:
    return SecretFiles(StardagDirectory(directory.user_path, directory.user_path))


def _registries(files: SecretFiles) -> Sequence[str]:
    """The names that sign-ins are kept under.

    Raises:
        UnusableSecrets: that cannot be told.
    """
    return [name for name in files.names_to_find(CREDENTIALS) if is_name(name)]


def _credentials(registry: str) -> str:
    return f"{CREDENTIALS}/{check_name('registry', registry)}.json"


def _access_token(registry: str, organization: str) -> str:
    name = f"{check_name('registry', registry)}__{check_name('organization', organization)}"
    return f"{ACCESS_TOKENS}/{name}.json"


def _kept(files: SecretFiles, registry: str) -> SignIn | None:
    """The sign-in under a registry's name.

    Raises:
        UnusableSecrets: see SignIns.
    """
    return files.find(
        _credentials(registry),
        lambda content: read_sign_in(content, files.directory.path, registry),
        f"Sign in again with: stardag auth login --registry {registry}",
    )


def _origin_kept(files: SecretFiles, registry: str) -> str | None:
    try:
        sign_in = _kept(files, registry)
    except UnusableSecrets:
        return None
    return None if sign_in is None else origin_of(sign_in.registry_url)


def _remove(files: SecretFiles, registry: str) -> bool:
    """Remove a sign-in; its access tokens first, so that whoever is killed in between finds it again."""
    if registry not in files.names_to_change(CREDENTIALS) and not _access_tokens(files, registry):
        return False  # and no folder is made
    with files.alone():
        had_tokens = _remove_access_tokens(files, registry)
        return files.remove(_credentials(registry)) or had_tokens


def _access_tokens(files: SecretFiles, registry: str) -> Sequence[str]:
    return files.names_to_change(ACCESS_TOKENS, f"{registry}__")


def _remove_access_tokens(files: SecretFiles, registry: str) -> bool:
    removed = [files.remove(f"{ACCESS_TOKENS}/{name}.json") for name in _access_tokens(files, registry)]
    return any(removed)


def _content(files: SecretFiles, sign_in: SignIn) -> bytes:
    """A sign-in as it is written."""
    return _checked(
        files.path(_credentials(sign_in.registry)),
        write_sign_in(sign_in),
        lambda content: read_sign_in(content, sign_in.directory, sign_in.registry),
    )


def _checked(path: str, content: bytes, read: Callable[[bytes], object]) -> bytes:
    """The content of a file, if it would be read again."""
    try:
        read(content)
    except CorruptDocument as error:
        raise StateNotWritable(path, f"it would be corrupt ({error})") from None
    return content
