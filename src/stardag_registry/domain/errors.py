"""What the registry refuses, drawn once. A leaf carries data and a stable code; an adapter says what that is in HTTP.

RegistryError                 an operation that was asked for and not done
├── Unauthenticated           no credential, or one that is malformed, unknown, expired or revoked
├── NotAllowed                the credential may see the thing and not do this to it
├── NotFound                  there is no such thing, or none that the credential may see
├── NotTheInvited             somebody else than the person who was invited
├── AlreadyExists             the name is taken
├── TooMany                   a workspace or an organization is full
├── LastOwner                 an organization always keeps one owner
├── Archived                  the workspace is read, and nothing is built or changed in it
├── BuildEnded                the build has another end already
├── IdempotencyKeyReused      the key stands for another request
├── InvalidField              a value that cannot be what it is given for
├── TooManyAttempts           something secret was tried so often that somebody may be guessing
├── DatabaseUnavailable       the database did not do it
└── IssuerUnavailable         the issuer that signs users in has to be asked, and does not answer

StardagError (stardag.domain.errors)
├── ConfigurationError
│   ├── UnusableHost          an address that cannot be listened on
│   ├── InvalidOwner          what is given as the owner's e-mail address is none
│   ├── InvalidProxy          what is given as the address of a proxy is none
│   ├── UnsupportedDatabase   a database URL of a kind that this release does not know
│   ├── IncompleteIdentityProvider  an existing OpenID provider that is named by halves
│   └── PlainIssuer           an existing OpenID provider that would be asked where others can read it
├── PortNotFree               somebody else listens there
├── UnusableDataDirectory     the directory cannot be used to keep the server's files
└── UnusableDatabase          the database is corrupt, newer than this program, or something else's
"""

from datetime import timedelta
from math import ceil

from stardag.domain.errors import ConfigurationError, StardagError


class RegistryError(Exception):
    """An operation that was asked for and not done.

    Attributes:
        code: a stable word for programs.
        detail: one sentence for people; it never holds a secret, nor anything that the asker may not see.
    """

    code = "failed"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class Unauthenticated(RegistryError):
    """No credential, or one that is malformed, unknown, expired or revoked: always the same answer."""

    code = "unauthenticated"

    def __init__(self) -> None:
        super().__init__("A valid API key or access token is needed, sent as: Authorization: Bearer …")


class NotAllowed(RegistryError):
    """The credential may see the thing and not do this to it."""

    code = "not-allowed"

    def __init__(self, needed: str) -> None:
        self.needed = needed
        super().__init__(f"This needs {needed}.")


class NotFound(RegistryError):
    """There is no such thing, or none that the credential may see; which of the two is never told."""

    code = "not-found"

    def __init__(self, kind: str) -> None:
        self.kind = kind
        super().__init__(f"There is no such {kind} that this credential may see.")


class AlreadyExists(RegistryError):
    """The name is taken."""

    code = "already-exists"

    def __init__(self, kind: str, name: str) -> None:
        self.kind = kind
        self.name = name
        super().__init__(f"There is a {kind} {name!r} already.")


class TooMany(RegistryError):
    """A workspace, or an organization, holds as many things of a kind as it may."""

    code = "too-many"

    def __init__(self, kind: str, limit: int, holder: str = "A workspace") -> None:
        self.kind = kind
        self.limit = limit
        super().__init__(f"{holder} has at most {limit} {kind}s.")


class LastOwner(RegistryError):
    """An organization always keeps one owner."""

    code = "last-owner"

    def __init__(self) -> None:
        super().__init__("An organization always keeps one owner: make another member owner first.")


class NotTheWorkspace(RegistryError):
    """There is no workspace with that id that is called what the caller expects."""

    code = "workspace-moved"

    def __init__(self) -> None:
        super().__init__("There is no workspace with this id and these slugs: look the workspace up again.")


class Archived(RegistryError):
    """The workspace is archived: it is read, and nothing is built or changed in it."""

    code = "archived"

    def __init__(self) -> None:
        super().__init__("This workspace is archived: nothing is built or changed in it any more.")


class NotTheInvited(RegistryError):
    """Somebody else than the person who was invited."""

    code = "not-allowed"

    def __init__(self, username: str) -> None:
        super().__init__(
            f"This needs the person who was invited; you are signed in as {username}, with another e-mail address."
        )


class BuildEnded(RegistryError):
    """The build has another end already."""

    code = "build-ended"

    def __init__(self, status: str) -> None:
        self.status = status
        super().__init__(f"The build has ended already: it is {status}.")


class IdempotencyKeyReused(RegistryError):
    """The key stands for another request."""

    code = "idempotency-key-reused"

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key came with another request before; every new one needs a key of its own.")


class InvalidField(RegistryError):
    """A value that cannot be what it is given for."""

    code = "invalid"

    def __init__(self, field: str, problem: str) -> None:
        self.field = field
        self.problem = problem
        super().__init__(f"{field}: {problem}.")


class TooManyAttempts(RegistryError):
    """Something secret and short was tried so often that somebody may be guessing."""

    code = "too-many-attempts"

    def __init__(self, retry_after: timedelta) -> None:
        self.retry_after = max(1, ceil(retry_after.total_seconds()))
        minutes = ceil(self.retry_after / 60)
        super().__init__(f"Too many attempts. Try again in {minutes} minute{'' if minutes == 1 else 's'}.")


class DatabaseUnavailable(RegistryError):
    """The database did not do it (busy for too long, disk full, damaged, away); nothing was changed, unless it went
    away in the very moment in which it was to keep a change."""

    code = "unavailable"

    def __init__(self) -> None:
        super().__init__("The registry's database cannot be used at the moment. Try again later.")


class IssuerUnavailable(RegistryError):
    """The issuer that signs this registry's users in has to be asked, and does not answer as it should."""

    code = "issuer-unavailable"

    def __init__(self, issuer: str, reason: str) -> None:
        self.issuer = issuer
        super().__init__(f"The issuer {issuer}, which signs this registry's users in, cannot be asked: {reason}.")


class UnusableHost(ConfigurationError):
    """A host name or address that this machine cannot listen on."""

    code = "unusable-host"

    def __init__(self, host: str, reason: str) -> None:
        self.host = host
        super().__init__(
            f"The registry cannot listen on {host[:200]!r}: {reason}.",
            "Give --host localhost, or a name or address of this machine.",
        )


class InvalidOwner(ConfigurationError):
    """What is given as the owner's e-mail address is none."""

    code = "invalid-owner"

    def __init__(self, owner: str) -> None:
        self.owner = owner
        super().__init__(
            f"{owner[:200]!r} is no e-mail address, so it cannot name the owner of this registry.",
            "Give --owner NAME@HOST in plain ASCII, or leave it out.",
        )


class InvalidProxy(ConfigurationError):
    """What is given as the address of a proxy is none."""

    code = "invalid-proxy"

    def __init__(self, proxy: str) -> None:
        self.proxy = proxy
        super().__init__(
            f"{proxy[:200]!r} is no network address, so no proxy can be trusted by it.",
            "Give --trusted-proxy an address such as 10.0.0.7, or a network such as 10.0.0.0/24.",
        )


class UnsupportedDatabase(ConfigurationError):
    """A database URL of a kind that this release does not know."""

    code = "unsupported-database"

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"The database cannot be used: {problem}.",
            "Name one as postgresql://user@host/name or sqlite:////absolute/path/of/a/file.",
        )


class IncompleteIdentityProvider(ConfigurationError):
    """An existing OpenID provider that is named by halves."""

    code = "incomplete-identity-provider"

    def __init__(self) -> None:
        super().__init__(
            "An existing OpenID provider needs its issuer and the client that this registry's users sign in with.",
            "Give both --oidc-issuer URL and --oidc-client-id ID, or neither.",
        )


class PlainIssuer(ConfigurationError):
    """An existing OpenID provider that would be asked without encryption, beyond this machine."""

    code = "plain-issuer"

    def __init__(self, issuer: str) -> None:
        super().__init__(
            f"The issuer {issuer} cannot sign people in: plain http can be read on its way.",
            "Give --oidc-issuer an https URL.",
        )


class PortNotFree(StardagError):
    """Somebody else listens on the port, or it needs more rights."""

    code = "port-not-free"

    def __init__(self, host: str, port: int, reason: str) -> None:
        self.host = host
        self.port = port
        super().__init__(
            f"The registry cannot listen on port {port} of {host}: {reason}.",
            "Stop what listens there, or give another --port; --port 0 takes a free one.",
        )


class UnusableDataDirectory(StardagError):
    """The directory cannot be used to keep the server's files."""

    code = "unusable-data-directory"

    def __init__(self, path: str, reason: str, fix: str | None = None) -> None:
        self.path = path
        super().__init__(
            f"The data directory {path} cannot be used: {reason}.",
            fix or "Give --data-dir a directory that you may write to.",
        )


class UnusableDatabase(StardagError):
    """The database is corrupt, newer than this program, or something else's."""

    code = "unusable-database"

    def __init__(self, path: str, reason: str, fix: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"The database {path} cannot be used: {reason}.", fix)
