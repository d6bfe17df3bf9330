"""The leaves of the tree of `stardag.domain.errors` that only changing or searching a registry can come to.

Apart from the others, since most commands ask no registry and need none of them.
"""

from collections.abc import Iterable

from stardag.domain.errors import ConfigurationError, NotFound, StardagError
from stardag.domain.registry_errors import list_command


class UnusableLink(ConfigurationError):
    """An invitation's link that is none, or of another registry. Nothing of it but its origin is ever repeated."""

    code = "unusable-link"

    def __init__(self, problem: str, fix: str | None = None) -> None:
        super().__init__(
            f"The invitation's link cannot be used: {problem}.",
            fix or "Copy the whole link again, and put it in quotes: stardag organizations join 'LINK'",
        )


class AmbiguousName(ConfigurationError):
    """A name that several things have."""

    code = "ambiguous-name"

    def __init__(self, kind: str, name: str, ids: Iterable[str]) -> None:
        self.ids = tuple(ids)
        super().__init__(
            f"{len(self.ids)} {kind}s are called {name[:80]!r}.",
            f"Name the one you mean by its id: {', '.join(self.ids)}",
        )


class RefusedValue(ConfigurationError):
    """A value that the registry does not accept for what it is given for (HTTP's 422)."""

    code = "refused-value"

    def __init__(self, registry_url: str, problem: str) -> None:
        super().__init__(
            f"The registry {registry_url} does not accept this: {problem}.",
            "Nothing was changed. Correct the value, and repeat the command.",
        )


class InvitationGone(NotFound):
    """The link of an invitation that counts no more."""

    code = "invitation-gone"

    def __init__(self, registry_url: str) -> None:
        super().__init__(
            f"The registry {registry_url} knows no such invitation: it was used or withdrawn, or has expired.",
            "Ask whoever invited you for another; if you have accepted it before: stardag organizations list",
        )


class Conflict(StardagError):
    """What is asked for does not go with what the registry holds (HTTP's 409). Nothing was changed."""

    code = "conflict"


class AlreadyExists(Conflict):
    """The name is taken."""

    code = "already-exists"

    def __init__(self, registry_url: str, kind: str, value: str) -> None:
        super().__init__(
            f"The registry {registry_url} knows the {kind} {value[:80]!r} already.",
            f"Choose another name, or use the one that is there: {list_command(kind)}",
        )


class TooMany(Conflict):
    """There are as many things of a kind as there may be."""

    code = "too-many"

    def __init__(self, registry_url: str, reason: str, kind: str) -> None:
        fix = f"Remove what is not needed: {list_command(kind)}"
        if kind == "access token":  # which nobody has to look after
            fix = "Wait until commands that you have run have ended; what they leave behind ends within twelve hours."
        super().__init__(f"The registry {registry_url} takes no more: {reason}.", fix)


class LastOwner(Conflict):
    """An organization always keeps one owner."""

    code = "last-owner"

    def __init__(self, registry_url: str) -> None:
        super().__init__(
            f"The registry {registry_url} refuses: an organization always keeps one owner, and this is the last.",
            "Make another member owner first: stardag members set-role MEMBER owner",
        )


class WorkspaceArchived(Conflict):
    """Nothing is built or changed any more in a workspace that is archived."""

    code = "archived"

    def __init__(self, registry_url: str) -> None:
        super().__init__(
            f"The registry {registry_url} refuses: the workspace is archived, and is only read any more.",
            "An admin brings it back with: stardag workspaces archive WORKSPACE --undo",
        )


class BuildEnded(Conflict):
    """The build has another end already."""

    code = "build-ended"

    def __init__(self, registry_url: str, build_id: str) -> None:
        super().__init__(
            f"The registry {registry_url} refuses: build {build_id[:80]} has ended already.",
            f"See how with: stardag builds show {build_id[:80]}",
        )
