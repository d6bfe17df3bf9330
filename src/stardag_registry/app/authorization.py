"""Whether a caller may do something in a workspace, asked of what the database says at that moment."""

from stardag.domain.names import is_id
from stardag_registry.app.ports import Reading
from stardag_registry.domain.organizations import Workspace
from stardag_registry.domain.permissions import (
    ApiKeyCaller,
    MemberCaller,
    WorkspaceAction,
    check_allowed,
    check_expected,
)


def authorized_workspace(
    reading: Reading, caller: ApiKeyCaller | MemberCaller, action: WorkspaceAction, workspace_id: str
) -> Workspace:
    """The workspace with that id, in which the caller may do `action`. For an API key, nothing more is read.

    Raises:
        NotTheWorkspace: the caller expects the workspace to be called otherwise.
        NotFound: there is no such workspace, or it is not the caller's.
        NotAllowed: the caller may not do that there.
        Archived: nothing is done there any more.
        DatabaseUnavailable: nobody can tell at the moment.
    """
    wanted = workspace_id.lower()
    if isinstance(caller, ApiKeyCaller):
        found = caller.workspace if caller.workspace.id == wanted else None
    else:
        found = reading.workspace(wanted) if is_id(wanted) else None
    check_expected(caller, found)
    return check_allowed(caller, action, found)
