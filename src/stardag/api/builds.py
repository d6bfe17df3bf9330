"""Builds and their tasks, for code: `with stardag.build(…)`, `with build.task(…)`, and `stardag.task_outputs(…)`.

Each is there for asyncio too, `async with`, where whatever waits for a registry or a storage does so on another thread.
"""

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar, cast

from stardag import wiring
from stardag.api.current import CurrentBuild, current_build, selection_of
from stardag.api.notice_warnings import StardagWarning, warn_of
from stardag.api.outputs import find_place
from stardag.api.tracebacks import ShortTraceback, with_short_traceback
from stardag.app.builds.join_build import JoinedBuilds
from stardag.app.builds.task_outputs import TaskOutputs as OutputsOfTask
from stardag.app.builds.task_run import TaskRun
from stardag.domain.endings import ending_of
from stardag.domain.names import check_text
from stardag.domain.outputs import root_place, task_directory
from stardag.domain.tasks import Json, task_id

if TYPE_CHECKING:
    from stardag.adapters.storage.overlay import OverlayRoot
    from stardag.app.builds.running_build import RunningBuild
    from stardag.app.outputs.ports import OutputPath
    from stardag.domain.layers import Notice
    from stardag.domain.profile import ActiveProfile, Selection

Value = TypeVar("Value")

_STAYS_HERE = (
    "builds and tasks are not sent to other processes: let one call stardag.build() itself, "
    "with build.environment() in its variables"
)

_NO_PARAMETERS: Mapping[str, Json] = {}

_joined_builds = JoinedBuilds()
os.register_at_fork(after_in_child=_joined_builds.renew_lock)


class TaskOutputs(OutputsOfTask):
    """The outputs of one task, for reading: see `task_outputs`."""

    @property
    @with_short_traceback
    def complete(self) -> bool:
        """Whether everything that the task wrote is there: looked at each time, without asking a registry."""
        return super().complete

    @with_short_traceback
    def outputs(self) -> tuple[str, ...]:
        """The paths of all outputs in the task's directory; none as long as the task is not complete."""
        return super().outputs()

    @with_short_traceback
    def output(self, path: str) -> "OutputPath":
        """An output by its path in the task's directory, which the path never leaves.

        Raises:
            OutsideTargetRoot: it would.
            TaskNotRunning: on writing, outside of a run of the task.
        """
        return super().output(path)


class Task(TaskRun, TaskOutputs):
    """A task of a build. A `with` block is a run of it, of which the build tells; whether one is needed, the code says:

        task = build.task("train", {"lr": 0.1})
        if not task.complete:
            with task:
                task.output("model.pkl").write_bytes(train(0.1))

    What the run writes makes the task complete when the block ends. An error in the block leaves it incomplete if
    anything was written, as does a process that dies in it.
    """

    @with_short_traceback
    def __enter__(self) -> Self:
        """
        Raises:
            BuildCancelled: somebody ended the build at the registry.
        """
        self.start()
        return self

    @with_short_traceback
    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """
        Raises:
            StorageFailed, TooManyOutputs: the task cannot be made complete.
        """
        self.finish(raised)

    async def __aenter__(self) -> Self:
        """As `__enter__`."""
        with ShortTraceback():
            self.start()
        return self

    def __reduce__(self) -> str:
        raise TypeError(_STAYS_HERE)

    async def __aexit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """As `__exit__`."""
        with ShortTraceback():
            await _to_its_end(lambda: self.finish(raised))


class Build:
    """A build: it begins with a `with` or `async with` block, and ends with it, by what is raised out of the block.

    Attributes:
        selection: what was selected when it was made.
    """

    def __init__(self, name: str, selection: "Selection", description: str | None, commit: str | None) -> None:
        """Use `stardag.build`."""
        check_text("build name", name)
        check_text("description", description or "")
        check_text("commit", commit or "")
        self.selection = selection
        self._name = name
        self._description = description
        self._commit = commit
        self._opened: RunningBuild | None = None
        self._surrounding: CurrentBuild | None = None
        self._is_inner = False

    @property
    def id(self) -> str | None:
        """Its id at the registry; None for a build that stays on this machine."""
        return self._running.id

    @property
    def name(self) -> str:
        """What it is called: where it was joined, as whoever started it called it."""
        return self._name if self._opened is None else self._opened.name

    @property
    def profile(self) -> "ActiveProfile":
        """Where it builds, with the target roots that are pinned to it."""
        return self._running.profile

    @property
    def is_cancelled(self) -> bool:
        """Whether somebody has ended it at the registry, as far as that was heard; no task of it is begun any more."""
        return self._running.ended_as is not None

    def environment(self) -> dict[str, str]:
        """The variables with which another process belongs to this build, with nothing secret among them: lay them over
        its environment. `stardag.build` joins this build there."""
        return self._running.environment()

    @with_short_traceback
    def target_root(self, name: str = "default") -> "OutputPath":
        """A target root that is pinned to the build, as a path.

        Raises:
            UnknownTargetRoot: there is no such root; the error lists those that there are.
            UnsupportedScheme: nothing can be opened there.
        """
        return wiring.output_storage().open_root(root_place(name, self.profile.target_root(name)))

    @with_short_traceback
    def task(self, name: str, parameters: Mapping[str, Json] | None = None, root: str = "default") -> Task:
        """A task of the build: a named step with parameters, whose outputs lie below a target root.

        Its id is the SHA-256 of both, so that the same step is the same task in every build.

        Raises:
            InvalidValue: name or parameters cannot be those of a task.
            UnknownTargetRoot, UnsupportedScheme: as above.
        """
        parameters = _NO_PARAMETERS if parameters is None else parameters
        place = root_place(root, self.profile.target_root(root))
        files = wiring.output_storage().task_files(place, task_directory(name, task_id(name, parameters)))
        return Task(name, parameters, files, root, self._running)

    @with_short_traceback
    def __enter__(self) -> Self:
        """
        Raises:
            StardagError: it cannot be started or joined; see `stardag.errors`.
        """
        self._open()
        self._begin()
        return self

    @with_short_traceback
    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, traceback: TracebackType | None
    ) -> None:
        current_build.set(self._surrounding)
        _warn_at_the_end(self._end(raised), raised)

    async def __aenter__(self) -> Self:
        """As `__enter__`."""
        import asyncio  # most builds go without, and whoever only reads outputs

        with ShortTraceback():
            try:
                await _to_its_end(self._open)
            except asyncio.CancelledError:
                if self._opened is not None:
                    await _to_its_end(lambda: self._end(asyncio.CancelledError()))
                raise
            self._begin()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, traceback: TracebackType | None
    ) -> None:
        current_build.set(self._surrounding)
        with ShortTraceback():
            notices = await _to_its_end(lambda: self._end(raised))
        _warn_at_the_end(notices, raised)

    def __reduce__(self) -> str:
        raise TypeError(_STAYS_HERE)

    def __repr__(self) -> str:
        return f"<Build {self.name!r} {'not begun' if self._opened is None else self._opened.id or 'local'}>"

    @property
    def _running(self) -> "RunningBuild":
        if self._opened is None:
            raise RuntimeError(f"the build {self._name!r} has not begun: use it as `with stardag.build(…) as build:`")
        return self._opened

    def _open(self) -> None:
        if self._opened is not None:
            raise RuntimeError(f"the build {self._name!r} has begun already: make another one")
        self._surrounding = current_build.get()
        around = self._surrounding_build()
        if around is not None:
            self._opened, self._is_inner = around, True
            return
        from stardag.container import Container

        container = Container()
        joined = container.join_build()(self.selection, self._name, _joined_builds)
        start = container.start_build()
        self._opened = joined or start(self.selection, self._name, self._description, self._commit)

    def _surrounding_build(self) -> "RunningBuild | None":
        """The build of a block around this one that this one belongs to: it selects the same, and goes on here."""
        around = self._surrounding
        if not isinstance(around, Build) or around.selection != self.selection:
            return None
        running = around._running  # noqa: SLF001  # another one of this very class
        return running if running.is_open else None

    def _begin(self) -> None:
        """Become the current build, and say what there is to hear. Where that is made an error, the build fails."""
        current_build.set(self)
        if self._is_inner:
            return
        try:
            warn_of(self._running.notices)
        except StardagWarning as raised:
            current_build.set(self._surrounding)
            self._end(raised)
            raise

    def _end(self, raised: BaseException | None) -> "tuple[Notice, ...]":
        return () if self._is_inner else self._running.end(*ending_of(raised))


@with_short_traceback
def build(
    name: str,
    *,
    description: str | None = None,
    commit: str | None = None,
    profile: str | None = None,
    registry: str | None = None,
    organization: str | None = None,
    workspace: str | None = None,
) -> Build:
    """A build, for a `with` or `async with` block: validated, registered, and ended as completed, failed or cancelled.

    Where `STARDAG_BUILD_ID` names a build of this place, that one is joined, and so is the build of a block around this
    one that selects the same: the code belongs to it, its target roots are in force, and it ends elsewhere.

    Args:
        name: what the build is called.
        description: what it is for.
        commit: which version of the code is run.
        profile: use this profile, whatever else names one.
        registry: a registry's name in the configuration.
        organization: an organization's slug or id.
        workspace: a workspace's slug or id.

    Raises:
        InvalidValue: name, description or commit is not text.
    """
    return Build(name, selection_of(profile, registry, organization, workspace), description, commit)


@with_short_traceback
def task_outputs(
    name: str,
    parameters: Mapping[str, Json] | None = None,
    *,
    root: "str | OverlayRoot" = "default",
    profile: str | None = None,
    registry: str | None = None,
    organization: str | None = None,
    workspace: str | None = None,
) -> TaskOutputs:
    """The outputs of a task, for reading: without a build, and without a registry where the target roots are cached.

    Args:
        name: the task's name.
        parameters: its parameters.
        root: the target root that its outputs lie below, or an overlay, in which the record here says whether the task
            is complete, or else that of the profile that is read from.
        profile: use this profile, whatever else names one.
        registry: a registry's name in the configuration.
        organization: an organization's slug or id.
        workspace: a workspace's slug or id.

    Raises:
        InvalidValue: name or parameters cannot be those of a task.
        UnknownTargetRoot, UnsupportedScheme: the target root cannot be opened.
        StardagError: see `stardag.errors` for what else can go wrong.
    """
    parameters = _NO_PARAMETERS if parameters is None else parameters
    directory = task_directory(name, task_id(name, parameters))
    if not isinstance(root, str) and hasattr(root, "task_files"):  # the class itself takes a while to import
        return TaskOutputs(name, parameters, root.task_files(directory))
    place = find_place(cast("str", root), profile, registry, organization, workspace, read_only=True)
    return TaskOutputs(name, parameters, wiring.output_storage().task_files(place, directory))


def _warn_at_the_end(notices: "tuple[Notice, ...]", raised: BaseException | None) -> None:
    """Say what there is to hear; where that is made an error, it does not take the place of what was raised."""
    if raised is None:
        warn_of(notices)
        return
    with suppress(StardagWarning):
        warn_of(notices)


async def _to_its_end(work: Callable[[], Value]) -> Value:
    """What blocking work gives, done on another thread. A cancellation is heard when it is done, not before."""
    import asyncio

    future = asyncio.ensure_future(asyncio.to_thread(work))
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait((future,))
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        future.exception()  # which nobody else looks at
        raise cancelled
    return future.result()
