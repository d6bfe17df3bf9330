"""The ports that signing in needs besides those of every use case, and which errors each promises."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from stardag.domain.configuration import StardagDirectory
    from stardag.domain.credentials import Secret
    from stardag.domain.sign_in import AccessToken, IssuedTokens, SignIn, SignInFile, Silence, User


class SignIns(Protocol):
    """What signing in left in stardag directories. Readable by this user alone from the moment it exists.

    Everything that is found raises:
        UnusableSecrets: the file is broken, a link, or others can read it; the error names the command that mends it.
    and everything that is kept or removed raises:
        StateNotWritable: it cannot be.
    What is kept only as long as something else is (a successor, an access token) raises either.
    """

    def find(self, directory: StardagDirectory, registry: str, registry_url: str) -> SignIn | None:
        """The sign-in kept under this registry's name that belongs to this very URL: in the directory in force, where
        this user made it, else in the user's own. One for another URL is not found.
        """
        ...

    def all_in(self, directory: StardagDirectory) -> Sequence[SignIn]:
        """Every sign-in of the directory in force and of the user's own."""
        ...

    def has_signed_in(self, directory: StardagDirectory, registry_url: str) -> bool:
        """Whether the user's own directory keeps a sign-in for this URL's origin; what is broken does not count."""
        ...

    def check_writable(self, directory: StardagDirectory) -> None:
        """Make sure, before anybody is sent to a browser, that a sign-in can be kept.

        Raises:
            StateNotWritable: it cannot.
        """
        ...

    def keep(self, directory: StardagDirectory, sign_in: SignIn, account: User | None = None) -> None:
        """Keep a sign-in in the directory in force, in place of any of that name, whose access tokens go; and note
        whose it is, which is no error where it cannot be.

        What somebody else put into a project's directory is not replaced: a secret kept there could leave with it.
        """
        ...

    def replace_refresh_token(self, sign_in: SignIn, refresh_token: Secret) -> SignIn:
        """Keep the successor of a refresh token; the caller is `alone`. Where this very sign-in is not kept any more
        (somebody signed in anew, or out), nothing is kept, and the successor is returned all the same.
        """
        ...

    def remove(self, sign_in: SignIn) -> None:
        """Forget a sign-in and its access tokens; fine where they are gone."""
        ...

    def remove_unusable(self, directory: StardagDirectory, registry: str) -> bool:
        """Forget whatever is kept under this registry's name, usable or not, and say whether there was anything."""
        ...

    def again(self, sign_in: SignIn) -> SignIn | None:
        """The same sign-in as it is kept now; None where it is gone or belongs to another URL by now."""
        ...

    def file_of(self, sign_in: SignIn) -> SignInFile:
        """Where a sign-in is kept, for people. It never fails."""
        ...

    def account(self, sign_in: SignIn) -> User | None:
        """Whose the sign-in is, where that was noted; only for people to read."""
        ...

    def access_token(self, sign_in: SignIn, organization: str) -> AccessToken | None:
        """The token cached for an organization (by slug); what is broken counts as absent."""
        ...

    def keep_access_token(self, sign_in: SignIn, organization: str, token: AccessToken) -> None:
        """Cache a token for an organization (by slug), unless this very sign-in is not kept any more."""
        ...

    def alone(self, sign_in: SignIn, timeout: float) -> AbstractContextManager[None]:
        """Be the only one, among threads and processes, who renews this sign-in's tokens; waits for `timeout` seconds.

        Raises:
            StateNotWritable: the directory cannot be written, or somebody else takes longer than that.
        """
        ...

    def silence(self, sign_in: SignIn) -> Silence | None:
        """That the issuer did not answer lately, where somebody noted it; what is broken counts as absent."""
        ...

    def note_silence(self, sign_in: SignIn, silence: Silence | None) -> None:
        """Note that the issuer did not answer, or that it does again. Not being able to is no error."""
        ...


class Signals(Protocol):
    """What asks this process to end."""

    def held(self, timeout: float) -> AbstractContextManager[None]:
        """Hold on to it for the length of a block, which takes `timeout` seconds at most; then it takes effect, as if
        it had come at that moment. For any thread, as far as the system lets one."""
        ...


class Browser(Protocol):
    """The browser of the person at this machine."""

    def is_here(self) -> bool:
        """Whether there is one that this person would see: not over SSH, nor without a display."""
        ...

    def open(self, url: str) -> bool:
        """Open a page, and say whether that seems to have worked. Writes nothing to standard output."""
        ...


class Issuer(NamedTuple):
    """An OpenID provider, as it describes itself (OpenID Connect Discovery 1.0)."""

    url: str
    authorization_endpoint: str
    token_endpoint: str
    revocation_endpoint: str | None
    device_authorization_endpoint: str | None
    names_itself: bool
    """Whether its answers to a browser carry `iss` (RFC 9207)."""


class PendingSignIn(Protocol):
    """A sign-in that a person has yet to complete."""

    @property
    def url(self) -> str:
        """The page to open."""
        ...

    @property
    def user_code(self) -> str | None:
        """What is to be typed or compared there; None where nothing is."""
        ...

    def wait(self) -> IssuedTokens:
        """What the issuer hands out once the person is done.

        Raises:
            SignInRefused: the person or the issuer said no, it took too long, or the answer is not to this sign-in.
            IssuerUnreachable, UnexpectedIssuerAnswer: the issuer fails.
        """
        ...


class IdentityProvider(Protocol):
    """OpenID providers. Each exchange keeps within the deadline (`timeout`, in seconds); no redirect is followed.

    Every call raises:
        IssuerUnreachable: no answer within the deadline.
        UnexpectedIssuerAnswer: the answer breaks the contract, or leads to where nothing secret may go.
    """

    def discover(self, issuer_url: str, timeout: float) -> Issuer:
        """What the issuer says of itself."""
        ...

    def begin_in_browser(
        self, issuer: Issuer, client_id: str, resource: str, timeout: float
    ) -> AbstractContextManager[PendingSignIn]:
        """Authorization code with PKCE (S256) and a loopback redirect (RFC 8252); listens until the block ends.

        Raises:
            StardagError: no port can be listened on.
        """
        ...

    def begin_on_device(
        self, issuer: Issuer, client_id: str, resource: str, timeout: float
    ) -> AbstractContextManager[PendingSignIn]:
        """The device flow (RFC 8628).

        Raises:
            SignInRefused: the issuer has none.
        """
        ...

    def refresh(
        self, token_endpoint: str, client_id: str, refresh_token: Secret, resource: str, timeout: float
    ) -> IssuedTokens:
        """New tokens for a refresh token (RFC 6749, section 6): one POST.

        Raises:
            SignInRefused: the issuer does not accept the refresh token any more.
        """
        ...

    def revoke(self, revocation_endpoint: str, client_id: str, refresh_token: Secret, timeout: float) -> None:
        """Make a refresh token worthless (RFC 7009)."""
        ...


Clock: TypeAlias = "Callable[[], float]"
"""Seconds since the epoch."""
