"""The endpoints of builds and their tasks."""

from typing import Annotated

from fastapi import Header, Path, Query, Response

from stardag_registry.adapters.http.authentication import TheCaller
from stardag_registry.adapters.http.build_messages import (
    BuildDetail,
    BuildItem,
    BuildPage,
    EndedBuild,
    NewBuildBody,
    RecordedTasks,
    RegisteredBuild,
    TaskDetail,
    TaskItem,
    TaskPage,
    TaskRecords,
)
from stardag_registry.adapters.http.problems import documented
from stardag_registry.adapters.http.routing import UUID, NewestFirst, ThePageRequest, WorkspaceId, organization_router
from stardag_registry.adapters.http.team_messages import Moment, items_of
from stardag_registry.adapters.http.use_cases import TheUseCases
from stardag_registry.app.builds import parsed_parameters
from stardag_registry.app.ports import BuildFilter, TaskFilter
from stardag_registry.domain.builds import BuildStatus, TaskStatus

_organization = organization_router()

ROUTERS = (_organization,)
"""What these endpoints are on, for the application to mount."""

BuildId = Annotated[str, Path(description="The build's id.", json_schema_extra=UUID)]


@_organization.post(
    "/workspaces/{workspace_id}/builds",
    tags=["builds"],
    summary="Register a build",
    status_code=201,
    responses={
        200: {"model": RegisteredBuild, "description": "The build that the same request made before."},
        **documented(401, 403, 404, 409, 413, 422, 503),
    },
)
def register_build(
    workspace_id: WorkspaceId,
    new: NewBuildBody,
    caller: TheCaller,
    use_cases: TheUseCases,
    response: Response,
    idempotency_key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            max_length=200,
            description="Anything that no other build of the workspace comes with.",
        ),
    ] = None,
) -> RegisteredBuild:
    """Register a build with the target roots that it was validated with. The same request with the same
    `Idempotency-Key` makes no second one."""
    shown, is_new = use_cases.register_build(caller, workspace_id, new.to_domain(), idempotency_key)
    if not is_new:
        response.status_code = 200
    return RegisteredBuild.of_registered(shown)


@_organization.get(
    "/workspaces/{workspace_id}/builds",
    tags=["builds"],
    summary="List builds",
    responses=documented(401, 404, 422, 503),
)
def list_builds(
    workspace_id: WorkspaceId,
    caller: TheCaller,
    page_request: ThePageRequest,
    newest_first: NewestFirst,
    use_cases: TheUseCases,
    status: Annotated[BuildStatus | None, Query(description="Only those.")] = None,
    started_after: Annotated[Moment | None, Query(description="Only those that started then or later.")] = None,
    started_before: Annotated[Moment | None, Query(description="Only those that started earlier.")] = None,
    task: Annotated[str | None, Query(description="Only those that ran or reused the task with this id.")] = None,
) -> BuildPage:
    """The builds of a workspace, by the time that they started."""
    wanted = BuildFilter(status, started_after, started_before, task, newest_first)
    return BuildPage(**items_of(use_cases.find_builds.builds(caller, workspace_id, wanted, page_request), BuildItem.of))


@_organization.get(
    "/workspaces/{workspace_id}/builds/{build_id}",
    tags=["builds"],
    summary="Show a build",
    responses=documented(401, 404, 422, 503),
)
def show_build(workspace_id: WorkspaceId, build_id: BuildId, caller: TheCaller, use_cases: TheUseCases) -> BuildDetail:
    """A build and the target roots that it was validated with."""
    return BuildDetail.of_build(*use_cases.find_builds.build(caller, workspace_id, build_id))


@_organization.patch(
    "/workspaces/{workspace_id}/builds/{build_id}",
    tags=["builds"],
    summary="End a build",
    responses=documented(401, 403, 404, 409, 413, 422, 503),
)
def end_build(
    workspace_id: WorkspaceId, build_id: BuildId, ended: EndedBuild, caller: TheCaller, use_cases: TheUseCases
) -> BuildItem:
    """Complete, fail or cancel a build. The same end once more changes nothing; another one is refused."""
    return BuildItem.of(use_cases.run_build.end(caller, workspace_id, build_id, ended.status, ended.error))


@_organization.post(
    "/workspaces/{workspace_id}/builds/{build_id}/heartbeat",
    tags=["builds"],
    summary="Say that a build still runs",
    responses=documented(401, 403, 404, 409, 422, 503),
)
def heartbeat(workspace_id: WorkspaceId, build_id: BuildId, caller: TheCaller, use_cases: TheUseCases) -> BuildItem:
    """Say that a build still runs, every half a minute. The answer tells whether somebody has cancelled it."""
    return BuildItem.of(use_cases.run_build.heartbeat(caller, workspace_id, build_id))


@_organization.post(
    "/workspaces/{workspace_id}/builds/{build_id}/tasks",
    tags=["tasks"],
    summary="Record tasks of a build",
    responses=documented(401, 403, 404, 409, 413, 422, 503),
)
def record_tasks(
    workspace_id: WorkspaceId, build_id: BuildId, records: TaskRecords, caller: TheCaller, use_cases: TheUseCases
) -> RecordedTasks:
    """Say of many tasks at once how they are; all of it is kept, or nothing. Saying it again changes nothing more. The
    answer tells whether somebody has ended the build."""
    recorded = use_cases.run_build.record_tasks(caller, workspace_id, build_id, records.to_domain())
    return RecordedTasks(ids=list(recorded.ids), build_status=recorded.build_status)


@_organization.get(
    "/workspaces/{workspace_id}/tasks",
    tags=["tasks"],
    summary="List tasks",
    responses=documented(401, 404, 422, 503),
)
def list_tasks(
    workspace_id: WorkspaceId,
    caller: TheCaller,
    page_request: ThePageRequest,
    newest_first: NewestFirst,
    use_cases: TheUseCases,
    name: Annotated[str | None, Query(max_length=100, description="Only those of this name.")] = None,
    parameter: Annotated[
        list[str] | None,
        Query(
            max_length=10,
            description="Only those with this parameter, as `name=value`; a value is JSON, or else a text.",
        ),
    ] = None,
    status: Annotated[TaskStatus | None, Query(description="Only those.")] = None,
    build: Annotated[
        str | None, Query(description="Only those that the build with this id ran or reused.", json_schema_extra=UUID)
    ] = None,
) -> TaskPage:
    """The tasks of a workspace in their latest state, by the time that they were recorded first."""
    wanted = TaskFilter(name, status, parsed_parameters(parameter or ()), build, newest_first)
    return TaskPage(**items_of(use_cases.find_builds.tasks(caller, workspace_id, wanted, page_request), TaskItem.of))


@_organization.get(
    "/workspaces/{workspace_id}/tasks/{task_id}",
    tags=["tasks"],
    summary="Show a task",
    responses=documented(401, 404, 422, 503),
)
def show_task(
    workspace_id: WorkspaceId,
    task_id: Annotated[str, Path(description="The task's id.")],
    caller: TheCaller,
    use_cases: TheUseCases,
) -> TaskDetail:
    """A task in its latest state, and the newest builds that ran or reused it."""
    return TaskDetail.of_task(*use_cases.find_builds.task(caller, workspace_id, task_id))
