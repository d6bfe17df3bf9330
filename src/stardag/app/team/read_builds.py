"""The builds of a workspace and the tasks in them: what they are, and putting an end to one that runs."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from stardag.app.connect import Connect
from stardag.app.registry_ports import BuildsApi, Excerpt
from stardag.app.sign_in.ports import Clock
from stardag.app.team.reply import Reply, Said, asking, reply_of
from stardag.domain.builds import Build, BuildDetail, BuildFilter, BuildStatus, Task, TaskDetail, TaskFilter
from stardag.domain.errors import InvalidValue
from stardag.domain.profile import Selection


@dataclass(frozen=True, slots=True)
class ReadBuilds:
    """Tells of builds and tasks of the active workspace.

    Raises:
        MissingSetting: nothing names a registry, or no workspace.
        and whatever Connect and the calls of BuildsApi raise.
    """

    connect: Connect
    clock: Clock

    def builds(
        self, selection: Selection, status: BuildStatus | None, since: datetime | timedelta | None, at_most: int
    ) -> Reply[Excerpt[Build]]:
        """The newest builds; those that began at a moment or later, or within a time that ends now."""
        started_after = self._moment(since) if isinstance(since, timedelta) else since
        wanted = BuildFilter(status, started_after)
        return self._asking(selection, lambda api, workspace_id: api.builds(workspace_id, wanted, at_most))

    def build(self, selection: Selection, build_id: str) -> Reply[BuildDetail]:
        """One build."""
        return self._asking(selection, lambda api, workspace_id: api.build(workspace_id, build_id))

    def cancel(self, selection: Selection, build_id: str) -> Reply[Build]:
        """Cancel a build: whatever runs it hears of that at its next heartbeat."""
        return self._asking(selection, lambda api, workspace_id: api.end_build(workspace_id, build_id, "cancelled"))

    def tasks(self, selection: Selection, wanted: TaskFilter, at_most: int) -> Reply[Excerpt[Task]]:
        """The tasks that were recorded last, in their latest state."""
        return self._asking(selection, lambda api, workspace_id: api.tasks(workspace_id, wanted, at_most))

    def task(self, selection: Selection, task_id: str) -> Reply[TaskDetail]:
        """One task, and the builds that ran or reused it."""
        return self._asking(selection, lambda api, workspace_id: api.task(workspace_id, task_id))

    def _asking(self, selection: Selection, ask: Callable[[BuildsApi, str], Said]) -> Reply[Said]:
        return asking(
            self.connect, selection, lambda found: reply_of(found, ask(found.api, found.identity.workspace_id))
        )

    def _moment(self, ago: timedelta) -> datetime:
        try:
            return datetime.fromtimestamp(self.clock(), UTC) - ago
        except OverflowError:
            raise InvalidValue(
                "time", str(ago), "it is too long ago", "Give --since a sensible time, such as 7d."
            ) from None
