"""Builds and tasks of a fake registry: the port `BuildsApi`."""

import json
import uuid
from collections.abc import Sequence
from typing import TypeVar

from stardag.app.registry_ports import Excerpt
from stardag.domain.builds import (
    Build,
    BuildDetail,
    BuildEnd,
    BuildFilter,
    BuildStatus,
    RegisteredBuild,
    Registration,
    Task,
    TaskDetail,
    TaskFilter,
    TaskRecord,
)
from stardag.domain.refusals import BuildEnded, RefusedValue
from stardag.domain.registry_errors import NotKnownToRegistry
from stardag.domain.tasks import Json, canonical_json, task_id
from tests.fakes.registry_content import FakeBuild, FakeCalls

HEARTBEAT_SECONDS = 30.0

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

    def register_build(self, workspace_id: str, registration: Registration, idempotency_key: str) -> RegisteredBuild:
        self._workspace(f"POST /workspaces/{workspace_id}/builds", workspace_id, changes=True)
        for known in self.registry.builds.values():
            if (known.workspace_id, known.idempotency_key) == (workspace_id, idempotency_key):
                return RegisteredBuild(known.detail.build, HEARTBEAT_SECONDS)
        if not _is_line(registration.name):
            raise RefusedValue(self.registry.url, "the name: it has 1 to 100 characters on one line")
        at, (name, roots, description, commit) = self.registry.tick(), registration
        build = Build(str(uuid.uuid4()), "running", description, commit, at, at, None, None, "a key", name)
        self.registry.builds[build.id] = FakeBuild(workspace_id, BuildDetail(build, dict(roots)), idempotency_key)
        return RegisteredBuild(build, HEARTBEAT_SECONDS)

    def heartbeat(self, workspace_id: str, build_id: str) -> BuildStatus:
        with self.registry.one_at_a_time:
            build = self._changed(
                f"POST /workspaces/{workspace_id}/builds/{build_id}/heartbeat", workspace_id, build_id
            )
            if build.status in ("running", "lost"):
                at = self.registry.tick()
                build = self.registry.change_build(build._replace(status="running", heartbeat_at=at))
            return build.status

    def end_build(self, workspace_id: str, build_id: str, end: BuildEnd, error: str | None = None) -> Build:
        with self.registry.one_at_a_time:
            build = self._changed(f"PATCH /workspaces/{workspace_id}/builds/{build_id}", workspace_id, build_id)
            if error is not None and end != "failed":
                raise RefusedValue(self.registry.url, "the error: only a build that failed has one")
            if build.status not in ("running", "lost", end):
                raise BuildEnded(self.registry.url, build_id)
            if build.status == end:
                return build
            at = self.registry.tick()
            return self.registry.change_build(build._replace(status=end, ended_at=at, error=error))

    def record_tasks(self, workspace_id: str, build_id: str, records: Sequence[TaskRecord]) -> BuildStatus | None:
        for record in records:
            task_id(record.name, record.parameters)
        build = self._changed(f"POST /workspaces/{workspace_id}/builds/{build_id}/tasks", workspace_id, build_id)
        for record in records:
            self.registry.record(workspace_id, build_id, record)
        return build.status

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

    def _changed(self, request: str, workspace_id: str, build_id: str) -> Build:
        """A build that somebody asks to change."""
        self._workspace(request, workspace_id, changes=True)
        return self._build(workspace_id, build_id).detail.build

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


def _is_line(name: str) -> bool:
    return 0 < len(name) <= 100 and name == name.strip() and name.isprintable()
