"""Builds and tasks of a fake registry: the port `BuildsApi`."""

import json
from collections.abc import Sequence
from typing import TypeVar

from stardag.app.registry_ports import Excerpt
from stardag.domain.builds import Build, BuildDetail, BuildFilter, Task, TaskDetail, TaskFilter
from stardag.domain.errors import NotKnownToRegistry
from stardag.domain.refusals import BuildEnded, RefusedValue
from stardag.domain.tasks import Json, canonical_json
from tests.fakes.registry_content import FakeBuild, FakeCalls

Item = TypeVar("Item")


class FakeBuildsCalls(FakeCalls):
    def builds(self, workspace_id: str, wanted: BuildFilter, at_most: int) -> Excerpt[Build]:
        self._workspace(f"GET /workspaces/{workspace_id}/builds", workspace_id)
        found = [
            build.detail.build
            for build in self.registry.builds.values()
            if build.workspace_id == workspace_id
            and wanted.status in (None, build.detail.build.status)
            and (wanted.started_after is None or build.detail.build.started_at >= wanted.started_after)
        ]
        return _first(sorted(found, key=lambda build: build.started_at, reverse=True), at_most)

    def build(self, workspace_id: str, build_id: str) -> BuildDetail:
        self._workspace(f"GET /workspaces/{workspace_id}/builds/{build_id}", workspace_id)
        return self._build(workspace_id, build_id).detail

    def cancel_build(self, workspace_id: str, build_id: str) -> Build:
        self._workspace(f"PATCH /workspaces/{workspace_id}/builds/{build_id}", workspace_id, changes=True)
        build = self._build(workspace_id, build_id).detail.build
        if build.status not in ("running", "lost", "cancelled"):
            raise BuildEnded(self.registry.url, build_id)
        self.registry.end_build(workspace_id, build_id, "cancelled")
        return self._build(workspace_id, build_id).detail.build

    def tasks(self, workspace_id: str, wanted: TaskFilter, at_most: int) -> Excerpt[Task]:
        self._workspace(f"GET /workspaces/{workspace_id}/tasks", workspace_id)
        parameters = [self._parameter(text) for text in wanted.parameters]
        found = [
            each.task
            for (within, _), each in self.registry.tasks.items()
            if within == workspace_id
            and wanted.name in (None, each.task.name)
            and wanted.status in (None, each.task.status)
            and (wanted.build is None or wanted.build in [run.build_id for run in each.runs])
            and all(
                name in each.task.parameters and canonical_json(each.task.parameters[name]) == value
                for name, value in parameters
            )
        ]
        return _first(sorted(found, key=lambda task: task.recorded_at, reverse=True), at_most)

    def task(self, workspace_id: str, task_id: str) -> TaskDetail:
        self._workspace(f"GET /workspaces/{workspace_id}/tasks/{task_id}", workspace_id)
        found = self.registry.tasks.get((workspace_id, task_id.lower()))
        if found is None:
            raise NotKnownToRegistry("task", task_id, self.registry.url)
        return found

    def _build(self, workspace_id: str, build_id: str) -> FakeBuild:
        found = self.registry.builds.get(build_id)
        if found is None or found.workspace_id != workspace_id:
            raise NotKnownToRegistry("build", build_id, self.registry.url)
        return found

    def _parameter(self, text: str) -> tuple[str, str]:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise RefusedValue(self.registry.url, "the parameter: it is name=value")
        try:
            parsed: Json = json.loads(value)
        except ValueError:
            parsed = value
        return name, canonical_json(parsed)


def _first(items: Sequence[Item], at_most: int) -> Excerpt[Item]:
    return Excerpt(tuple(items[:at_most]), len(items) <= at_most)
