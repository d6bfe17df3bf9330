"""The program from words to what is printed, over use cases whose ports are fakes."""

import json
from typing import NamedTuple

import pytest

from stardag.adapters.cli.program import run
from stardag.app.add_registry import AddRegistry
from stardag.app.browse_registry import BrowseRegistry
from stardag.app.child_processes import Commands
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
from stardag.domain.layers import NoticeLog
from tests.app.world import World
from tests.fakes.commands import FakeCommands
from tests.fakes.identity_provider import FakeBrowser

ALICE = "alice@acme.example"
FIRST = "/local-target-roots/default/default/"


class FakeUseCases:
    """The real use cases of a world of fakes."""

    def __init__(self) -> None:
        self.world = World()

    def resolve_profile(self) -> ResolveProfile:
        return self.world.resolve

    def list_configuration(self) -> ListConfiguration:
        return ListConfiguration(self.world.environment, self.world.files)

    def browse_registry(self) -> BrowseRegistry:
        return BrowseRegistry(self.world.resolve, self.world.open_registry)

    def list_target_roots(self) -> ListTargetRoots:
        return self.world.list_roots

    def sync_target_roots(self) -> SyncTargetRoots:
        return self.world.sync

    def validate_before_build(self) -> ValidateBeforeBuild:
        return self.world.validate

    def add_registry(self) -> AddRegistry:
        return AddRegistry(self.world.environment, self.world.files, self.world.open_registry)

    def remove_registry(self) -> RemoveRegistry:
        return RemoveRegistry(self.world.files, self.world.sign_ins)

    def add_profile(self) -> AddProfile:
        return AddProfile(self.world.environment, self.world.files, self.world.open_registry)

    def use_profile(self) -> UseProfile:
        return UseProfile(self.world.environment, self.world.files)

    def remove_profile(self) -> RemoveProfile:
        return RemoveProfile(self.world.files)

    def trust_project(self) -> TrustProject:
        return TrustProject(self.world.files, self.world.trust)

    def log_in(self) -> LogIn:
        return self.world.log_in

    def log_out(self) -> LogOut:
        return self.world.log_out

    def tell_status(self) -> TellStatus:
        return self.world.tell_status

    def join_organizations(self) -> JoinOrganizations:
        return self.world.join_organizations

    def edit_members(self) -> EditMembers:
        return self.world.edit_members

    def edit_workspaces(self) -> EditWorkspaces:
        return self.world.edit_workspaces

    def edit_target_roots(self) -> EditTargetRoots:
        return self.world.edit_target_roots

    def edit_api_keys(self) -> EditApiKeys:
        return self.world.edit_api_keys

    def read_builds(self) -> ReadBuilds:
        return self.world.read_builds

    def list_outputs(self) -> ListOutputs:
        return self.world.list_outputs

    def copy_outputs(self) -> CopyOutputs:
        return self.world.copy_outputs

    def commands(self) -> Commands:
        return FakeCommands()

    def run_command(self) -> RunCommand:
        return RunCommand(FakeCommands(), self.world.environment, self.world.validate, self.world.start_build)

    def browser(self) -> Browser:
        return FakeBrowser()

    def files(self) -> ConfigurationFiles:
        return self.world.files

    def environment(self) -> EnvironmentVariables:
        return self.world.environment

    def notice_log(self) -> NoticeLog:
        return self.world.notice_log


class Ran(NamedTuple):
    """One run: its exit code, and what it wrote."""

    code: int
    out: str
    err: str


class Program:
    """The program over one world."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self._use_cases = FakeUseCases()
        self.world = self._use_cases.world

    def __call__(self, words: str) -> Ran:
        code = run(words.split(), lambda: self._use_cases)
        shown = self._capsys.readouterr()
        return Ran(code, shown.out, shown.err)

    def data(self, words: str) -> dict[str, object]:
        """The data that a command answers to programs."""
        ran = self(f"{words} --format json")
        assert ran.code == 0, ran.err
        document: dict[str, dict[str, object]] = json.loads(ran.out)
        assert document.keys() == {"schema", "data", "warnings"}
        return document["data"]
