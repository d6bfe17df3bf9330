"""The leaves of the tree of `stardag.domain.errors` that only building, reading and copying outputs can come to.

Apart from the others, since most commands open no output and need none of them.
"""

from stardag.domain.errors import ConfigurationError, StardagError
from stardag.domain.target_roots import SUPPORTED_FORMS, scheme_of


class UnsupportedScheme(ConfigurationError):
    """A target root that is listed, and that nothing can be opened below (readings, section 4)."""

    code = "unsupported-scheme"

    def __init__(self, name: str, uri_prefix: str) -> None:
        self.name = name
        self.uri_prefix = uri_prefix
        super().__init__(
            f"Outputs below the target root {name!r} ({uri_prefix}) cannot be opened: "
            f"the scheme {scheme_of(uri_prefix)!r} is not supported.",
            f"What can be opened is {SUPPORTED_FORMS}.",
        )


class OutsideTargetRoot(ConfigurationError):
    """A path that does not lie below the target root that it is asked of."""

    code = "outside-target-root"

    def __init__(self, name: str, uri_prefix: str, path: str, problem: str) -> None:
        self.name = name
        self.path = path
        super().__init__(
            f"{path[:200]!r} is no path below the target root {name!r} ({uri_prefix}): {problem}.",
            "Give a relative path that stays below the root, such as 'features/part-0.parquet'.",
        )


class ReadOnlyTargetRoot(StardagError):
    """Writing where a target root was opened for reading alone."""

    code = "read-only-target-root"

    def __init__(self, name: str, place: str) -> None:
        super().__init__(
            f"{place} cannot be written: the target root {name!r} was opened for reading only.",
            "Write below another target root, or open this one without read_only.",
        )


class StorageFailed(StardagError):
    """The storage of a target root did not do what was asked of it. Nothing of a credential is ever in `problem`."""

    code = "storage-failed"

    def __init__(self, place: str, problem: str, fix: str = "") -> None:
        self.place = place
        self.problem = problem
        super().__init__(
            f"{place}: {problem}.",
            fix or "Mend the storage or the access to it; stardag target-roots validate looks at every root.",
        )


class TaskNotRunning(StardagError):
    """Writing to an output of a task outside of a run of it."""

    code = "task-not-running"

    def __init__(self, name: str, path: str) -> None:
        self.name = name
        self.path = path
        super().__init__(
            f"The output {path!r} of the task {name!r} cannot be written here, outside of a run of it.",
            "Write it inside `with build.task(...) as task:`, which says afterwards that the task is complete.",
        )


class TooManyOutputs(StardagError):
    """A task with more outputs than the record of its completion can list."""

    code = "too-many-outputs"

    def __init__(self, name: str, outputs: int, record_max_bytes: int) -> None:
        self.name = name
        super().__init__(
            f"The task {name!r} has {outputs} outputs, whose list is longer than {record_max_bytes} bytes; it is not "
            "complete.",
            "Put them in fewer files, or in more tasks.",
        )


class BuildCancelled(StardagError):
    """The build was ended at the registry while it ran, so that nothing more of it is begun."""

    code = "build-cancelled"

    def __init__(self, build_id: str, status: str) -> None:
        self.build_id = build_id
        self.status = status
        super().__init__(
            f"Build {build_id} was ended as {status} at the registry, so that no task of it is begun any more.",
            f"See it with: stardag builds show {build_id}",
        )


class NothingToCopy(ConfigurationError):
    """A copy that nothing was named for."""

    code = "nothing-to-copy"

    def __init__(self) -> None:
        super().__init__(
            "Nothing says what to copy.",
            "Name files and directories below the target root ('.' is all of it), or tasks with --task NAME.",
        )


class OverlappingRoots(ConfigurationError):
    """A copy from a target root to the same place, or to one that lies inside it or around it."""

    code = "overlapping-roots"

    def __init__(self, source: str, target: str) -> None:
        super().__init__(
            f"Nothing can be copied from {source} to {target}: they are the same place, or one lies inside the other.",
            "Name two profiles whose target roots lie apart; stardag target-roots list --profile NAME shows where.",
        )


class NoSuchOutput(StardagError):
    """An output, or a directory or task with outputs, that is not there."""

    code = "no-such-output"

    def __init__(self, what: str, root: str, uri_prefix: str, list_command: str) -> None:
        super().__init__(
            f"There is no {what} below the target root {root!r} ({uri_prefix}).",
            f"See what there is with: {list_command}",
        )


class CopyStopped(StardagError):
    """A copy that stopped at the first failure; what it had copied by then is whole and stays."""

    code = "copy-stopped"

    def __init__(self, failure: StardagError, done: int, files: int) -> None:
        self.failure = failure
        super().__init__(
            f"{failure.message} {done} of {files} files were copied before that.",
            f"{failure.fix} Then repeat the command: it goes on where this one stopped.",
        )


class CopyInterrupted(StardagError):
    """A copy that somebody interrupted; what it had copied by then is whole and stays."""

    code = "interrupted"

    def __init__(self, done: int, files: int) -> None:
        super().__init__(
            f"Interrupted: {done} of {files} files were copied.",
            "Repeat the command: it goes on where this one stopped.",
        )
