"""Use cases that only note what they are called with: the parsing of the command line, apart from running anything."""

from collections.abc import Sequence
from typing import Never, TypeVar, cast

from stardag.adapters.cli.program import run
from stardag.app.add_registry import AddRegistry
from stardag.app.browse_registry import BrowseRegistry
from stardag.app.child_processes import Commands
from stardag.app.configuration_files import FilesInForce
from stardag.app.edit_configuration import (
    AddProfile,
    RemoveProfile,
    RemoveRegistry,
    TrustProject,
    UseProfile,
)
from stardag.app.list_configuration import ListConfiguration
from stardag.app.list_target_roots import ListTargetRoots
from stardag.app.log_in import LogIn
from stardag.app.log_out import LogOut
from stardag.app.outputs.copy_outputs import CopyOutputs
from stardag.app.outputs.list_outputs import ListOutputs
from stardag.app.ports import ConfigurationFiles, EnvironmentVariables
from stardag.app.resolve_profile import ResolveProfile
from stardag.app.run_command import RunCommand
from stardag.app.sign_in.ports import Browser
from stardag.app.sync_target_roots import SyncTargetRoots
from stardag.app.team.edit_api_keys import EditApiKeys
from stardag.app.team.edit_members import EditMembers
from stardag.app.team.edit_target_roots import EditTargetRoots
from stardag.app.team.edit_workspaces import EditWorkspaces
from stardag.app.team.join_organizations import JoinOrganizations
from stardag.app.team.read_builds import ReadBuilds
from stardag.app.tell_status import TellStatus
from stardag.app.validate_before_build import ValidateBeforeBuild
from stardag.domain.errors import StardagError
from stardag.domain.layers import NoticeLog
from tests.fakes.commands import FakeCommands
from tests.fakes.configuration import FakeConfigurationFiles
from tests.fakes.environment import FakeEnvironment
from tests.fakes.identity_provider import FakeBrowser

UseCase = TypeVar("UseCase")

Call = tuple[str, tuple[object, ...], dict[str, object]]
"""The use case, and its positional and named arguments."""


class Reached(StardagError):
    """A use case was called; nothing more is to happen."""

    code = "reached"


class NotedFiles(FakeConfigurationFiles):
    """Files that are asked for nothing."""

    def find(self) -> FilesInForce:
        raise Reached("files", "")

    def problems(self) -> Never:
        raise Reached("files", "")


class RecordingUseCases:
    """What the command line asks for, where every call is noted as name, positional and named arguments."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def _noting(self, kind: type[UseCase], *methods: str) -> UseCase:
        def noting(method: str) -> object:
            def note(_self: object, *arguments: object, **options: object) -> Never:
                name = kind.__name__ if method == "__call__" else f"{kind.__name__}.{method}"
                self.calls.append((name, arguments, options))
                raise Reached(name, "")

            return note

        named = {method: noting(method) for method in methods or ("__call__",)}
        return cast(UseCase, object.__new__(type(kind.__name__, (kind,), named)))

    def resolve_profile(self) -> ResolveProfile:
        return self._noting(ResolveProfile)

    def list_configuration(self) -> ListConfiguration:
        return self._noting(ListConfiguration)

    def browse_registry(self) -> BrowseRegistry:
        return self._noting(BrowseRegistry, "organizations", "workspaces")

    def list_target_roots(self) -> ListTargetRoots:
        return self._noting(ListTargetRoots)

    def sync_target_roots(self) -> SyncTargetRoots:
        return self._noting(SyncTargetRoots)

    def validate_before_build(self) -> ValidateBeforeBuild:
        return self._noting(ValidateBeforeBuild)

    def add_registry(self) -> AddRegistry:
        return self._noting(AddRegistry)

    def remove_registry(self) -> RemoveRegistry:
        return self._noting(RemoveRegistry)

    def add_profile(self) -> AddProfile:
        return self._noting(AddProfile)

    def use_profile(self) -> UseProfile:
        return self._noting(UseProfile)

    def remove_profile(self) -> RemoveProfile:
        return self._noting(RemoveProfile)

    def trust_project(self) -> TrustProject:
        return self._noting(TrustProject)

    def log_in(self) -> LogIn:
        return self._noting(LogIn)

    def log_out(self) -> LogOut:
        return self._noting(LogOut)

    def tell_status(self) -> TellStatus:
        return self._noting(TellStatus, "__call__", "token")

    def join_organizations(self) -> JoinOrganizations:
        return self._noting(JoinOrganizations, "create", "accept")

    def edit_members(self) -> EditMembers:
        return self._noting(EditMembers, "members", "invitations", "invite", "remove", "set_role")

    def edit_workspaces(self) -> EditWorkspaces:
        return self._noting(EditWorkspaces, "create", "archive")

    def edit_target_roots(self) -> EditTargetRoots:
        return self._noting(EditTargetRoots, "add", "change", "remove")

    def edit_api_keys(self) -> EditApiKeys:
        return self._noting(EditApiKeys, "list", "make", "revoke")

    def read_builds(self) -> ReadBuilds:
        return self._noting(ReadBuilds, "builds", "build", "cancel", "tasks", "task")

    def list_outputs(self) -> ListOutputs:
        return self._noting(ListOutputs, "files", "tasks")

    def copy_outputs(self) -> CopyOutputs:
        return self._noting(CopyOutputs)

    def run_command(self) -> RunCommand:
        return self._noting(RunCommand)

    def commands(self) -> Commands:
        return FakeCommands()

    def browser(self) -> Browser:
        return FakeBrowser()

    def files(self) -> ConfigurationFiles:
        return NotedFiles()

    def environment(self) -> EnvironmentVariables:
        return FakeEnvironment()

    def notice_log(self) -> NoticeLog:
        return NoticeLog()


def parsed(words: Sequence[str]) -> Call:
    """The one call that a command line leads to."""
    use_cases = RecordingUseCases()
    run(words, lambda: use_cases)
    assert len(use_cases.calls) == 1
    return use_cases.calls[0]
