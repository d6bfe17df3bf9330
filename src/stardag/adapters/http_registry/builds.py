"""The calls about builds and the tasks in them."""

from collections.abc import Sequence

from stardag.adapters.http_registry.answers import Page
from stardag.adapters.http_registry.asking import Asking, Sought
from stardag.adapters.http_registry.build_answers import (
    BuildDetailMessage,
    BuildMessage,
    TaskDetailMessage,
    TaskMessage,
)
from stardag.adapters.http_registry.calling import Calls
from stardag.app.registry_ports import Excerpt
from stardag.domain.builds import Build, BuildDetail, BuildFilter, Task, TaskDetail, TaskFilter
from stardag.domain.tasks import is_task_id


class BuildsCalls(Calls):
    """Keeps the promises of `BuildsApi`."""

    def builds(self, workspace_id: str, wanted: BuildFilter, at_most: int) -> Excerpt[Build]:
        """The builds that a filter lets through, the newest first."""
        sought = Sought("workspace", workspace_id)
        path = f"/workspaces/{self._segment(sought)}/builds"
        parameters: dict[str, str] = {}
        if wanted.status is not None:
            parameters["status"] = wanted.status
        if wanted.started_after is not None:
            parameters["started_after"] = wanted.started_after.isoformat()
        found = self._ask(
            lambda asking: asking.excerpt(path, Page[BuildMessage], sought, parameters, at_most), has_input=True
        )
        return Excerpt(tuple(item.to_domain() for item in found.items), found.is_whole)

    def build(self, workspace_id: str, build_id: str) -> BuildDetail:
        """One build."""
        sought, path = self._build(workspace_id, build_id)
        return self._ask(lambda asking: asking.parse(BuildDetailMessage, asking.get(path, {}, sought))).to_detail()

    def cancel_build(self, workspace_id: str, build_id: str) -> Build:
        """Cancel a build."""
        sought, path = self._build(workspace_id, build_id)

        def send(asking: Asking) -> BuildMessage:
            return asking.parse(BuildMessage, asking.send("PATCH", path, {"status": "cancelled"}, sought))

        return self._change(send).to_domain()

    def tasks(self, workspace_id: str, wanted: TaskFilter, at_most: int) -> Excerpt[Task]:
        """The tasks that a filter lets through, those first that were recorded last."""
        sought = Sought("workspace", workspace_id)
        path = f"/workspaces/{self._segment(sought)}/tasks"
        given = {"name": wanted.name, "status": wanted.status, "build": wanted.build}
        parameters: dict[str, str | Sequence[str]] = {key: value for key, value in given.items() if value is not None}
        if wanted.parameters:
            parameters["parameter"] = wanted.parameters
        found = self._ask(
            lambda asking: asking.excerpt(path, Page[TaskMessage], sought, parameters, at_most), has_input=True
        )
        return Excerpt(tuple(item.to_domain() for item in found.items), found.is_whole)

    def task(self, workspace_id: str, task_id: str) -> TaskDetail:
        """One task."""
        sought = Sought("task", task_id.lower())
        if not is_task_id(sought.value):
            raise self._not_known(sought)
        path = f"/workspaces/{self._segment(Sought('workspace', workspace_id))}/tasks/{sought.value}"
        return self._ask(lambda asking: asking.parse(TaskDetailMessage, asking.get(path, {}, sought))).to_detail()

    def _build(self, workspace_id: str, build_id: str) -> tuple[Sought, str]:
        sought = Sought("build", build_id)
        within = self._segment(Sought("workspace", workspace_id))
        return sought, f"/workspaces/{within}/builds/{self._segment(sought)}"
