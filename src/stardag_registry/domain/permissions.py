"""Who may do what (readings, section 7): one table, and the question that every operation asks it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from stardag_registry.domain.api_keys import ApiKey, Purpose
from stardag_registry.domain.errors import NotAllowed, NotFound
from stardag_registry.domain.organizations import Organization, Workspace

Action = Literal["read target roots", "change target roots"]

_ALLOWED: Mapping[Purpose, frozenset[Action]] = {
    "build": frozenset({"read target roots"}),
    "administer": frozenset({"read target roots", "change target roots"}),
}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: an API key, with the workspace it belongs to and that one's organization."""

    api_key: ApiKey
    workspace: Workspace
    organization: Organization


def check_allowed(caller: Caller, action: Action, workspace_id: str) -> None:
    """Let the caller do `action` in that workspace, or refuse.

    Whether a workspace of somebody else's exists is never told, so that is looked at first.

    Raises:
        NotFound: it is not the caller's workspace, whether it exists or not.
        NotAllowed: the key was not made for this.
    """
    if workspace_id.lower() != caller.workspace.id:
        raise NotFound("workspace")
    if action not in _ALLOWED[caller.api_key.purpose]:
        raise NotAllowed("an API key made for administering the workspace")
