"""Programs that build, in processes of their own, and what a registry says of their builds."""

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from stardag.adapters.http_registry import HttpRegistries
from stardag.app.registry_ports import RegistryApi
from stardag.app.sign_in.fixed_credential import FixedCredential
from stardag.domain.builds import Build, BuildFilter, TaskFilter
from stardag.domain.credentials import Secret
from tests.end_to_end.machine import TIMEOUT_SECONDS
from tests.processes import forked, python_program


class Workspace:
    """One workspace, asked with an API key."""

    def __init__(self, url: str, workspace_id: str, key: str) -> None:
        self.id = workspace_id
        self.api: RegistryApi = HttpRegistries().connect(url, FixedCredential(Secret(key)), TIMEOUT_SECONDS)

    def builds(self) -> tuple[Build, ...]:
        """All builds, the newest first."""
        return self.api.builds(self.id, BuildFilter(), 100).items

    def build(self, build_id: str | None) -> Build:
        assert build_id is not None
        return self.api.build(self.id, build_id).build

    def tasks(self, build_id: str | None) -> dict[str, str]:
        """How the tasks of a build went in it, by their name."""
        found = self.api.tasks(self.id, TaskFilter(build=build_id), 1000).items
        runs = {task.name: self.api.task(self.id, task.id).runs for task in found}
        return {name: next(run.status for run in each if run.build_id == build_id) for name, each in runs.items()}


def start(program: str, environment: Mapping[str, str], cwd: Path) -> subprocess.Popen[str]:
    """A Python program in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", program],
        env=dict(environment),
        cwd=cwd,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(program: str, environment: Mapping[str, str], cwd: Path, exits: int = 0) -> tuple[str, str]:
    """A Python program that is run to its end: what it wrote to standard output and standard error."""
    with (
        tempfile.TemporaryDirectory(prefix="stardag-run-") as directory,
        forked(python_program, [program], environment, cwd, Path(directory)) as process,
    ):
        ended = process.ended(TIMEOUT_SECONDS)
    assert ended.code == exits, ended.err.decode()
    return ended.out.decode(), ended.err.decode()
