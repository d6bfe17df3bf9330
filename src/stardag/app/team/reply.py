"""What comes of asking a registry about an organization or a workspace."""

from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from stardag.app.connect import Connect, Connection
from stardag.app.sync_target_roots import refuse_local
from stardag.domain.layers import Notice
from stardag.domain.profile import Selection

Value = TypeVar("Value", covariant=True)
Said = TypeVar("Said")


class Reply(NamedTuple, Generic[Value]):
    """What the registry at an address said about an organization or a workspace (`place`, a slug or an id), and what
    else is to be heard of."""

    value: Value
    registry_url: str
    place: str
    notices: tuple[Notice, ...] = ()


def asking(connect: Connect, selection: Selection, ask: Callable[[Connection], Reply[Said]]) -> Reply[Said]:
    """What comes of asking about the active workspace, which has to be one of a registry.

    Raises:
        MissingSetting: nothing names a registry, or no workspace.
        and whatever Connect and `ask` raise.
    """
    refuse_local(connect.resolve(selection), "ask")
    return connect.asking(selection, ask)


def reply_of(connection: Connection, value: Said) -> Reply[Said]:
    """What was said about the workspace that is connected to."""
    profile, identity = connection.profile, connection.identity
    notices = (*profile.notices, *connection.warnings)
    return Reply(value, profile.registry_url.value, identity.workspace_slug, notices)
