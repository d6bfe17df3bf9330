"""A build from its start, or from joining it, until its end.

Whoever runs something as a build, in whatever form, needs of it:

    build = start_build(selection, "nightly", on_end=hear)   # `hear(status)` is called on another thread
    variables = build.environment()                          # for processes that are to belong to it
    notices = build.end("failed", "exit code 3")             # always, and once; never raises because of the registry
"""

import signal
import threading
from datetime import UTC, datetime
from typing import NamedTuple

from stardag.app.builds.ports import Machine
from stardag.app.builds.reporting import LOGGER, Reporter
from stardag.domain.builds import BuildEnd, BuildStatus, TaskRecord
from stardag.domain.child_environment import environment_of
from stardag.domain.endings import Ending, KeptOutcome
from stardag.domain.errors import StardagError, StateNotWritable
from stardag.domain.layers import Notice
from stardag.domain.output_errors import BuildCancelled
from stardag.domain.profile import ActiveProfile
from stardag.domain.refusals import BuildEnded
from stardag.domain.registry_errors import NotKnownToRegistry
from stardag.domain.remembered import WorkspaceIdentity


class Registered(NamedTuple):
    """Where a build is registered, and who tells of it. `is_joined` says that another process ends it."""

    id: str
    workspace_id: str
    reporter: Reporter
    is_joined: bool = False


class RunningBuild:
    """A build that runs.

    A process that was forked from the one that runs it says nothing of it: the connection and the thread are not its
    own. What it starts otherwise joins the build by its `environment`.

    Attributes:
        name: what it is called.
        profile: where it builds, with the target roots that are pinned to it.
        notices: what a person should hear of its start.
    """

    def __init__(
        self,
        name: str,
        profile: ActiveProfile,
        identity: WorkspaceIdentity | None,
        machine: Machine,
        registered: Registered | None,
        notices: tuple[Notice, ...] = (),
    ) -> None:
        """`registered` is None for a build that stays on this machine."""
        self.name = name
        self.profile = profile
        self.notices = notices
        self._identity = identity
        self._machine = machine
        self._registered = registered
        self._process = machine.process()
        self._is_over = False
        self._is_told_of_fork = False
        self._thread: threading.Thread | None = None
        if registered is not None:
            self._thread = threading.Thread(
                target=_report, args=(registered.reporter,), name="stardag build", daemon=True
            )
            self._thread.start()

    @property
    def id(self) -> str | None:
        """Its id at the registry; None where it stays on this machine."""
        return None if self._registered is None else self._registered.id

    @property
    def ended_as(self) -> BuildStatus | None:
        """How somebody else ended it at the registry, as far as that was heard."""
        return None if self._registered is None else self._registered.reporter.ended_as

    @property
    def is_open(self) -> bool:
        """Whether it has not ended in this process, and is this process's own."""
        return not self._is_over and self._is_own()

    def now(self) -> datetime:
        """This moment."""
        return datetime.fromtimestamp(self._machine.clock(), UTC)

    def environment(self) -> dict[str, str]:
        """The variables with which another process belongs to this build."""
        return environment_of(self.profile, self._identity, self.id)

    def check_goes_on(self) -> None:
        """Make sure that something more of it may be begun.

        Raises:
            BuildCancelled: somebody ended it at the registry.
            RuntimeError: it has ended here.
        """
        if self._is_over:
            raise RuntimeError(f"the build {self.name!r} has ended: no task of it is begun any more")
        if self.id is not None and self.ended_as is not None:
            raise BuildCancelled(self.id, self.ended_as)

    def record(self, task_id: str, record: TaskRecord) -> None:
        """Tell the registry soon how it goes with a task."""
        if self._registered is None:
            return
        if self.is_open:
            self._registered.reporter.add(task_id, record)
        elif self._is_own():
            LOGGER.warning("The task %s went on after the end of build %s, which is not told.", record.name, self.id)
        elif not self._is_told_of_fork:
            self._is_told_of_fork = True
            LOGGER.warning(
                "Tasks that a forked process runs are not recorded in build %s: let it call stardag.build() itself, "
                "with build.environment() in its variables.",
                self.id,
            )

    def end(self, end: BuildEnd, error: str | None = None) -> tuple[Notice, ...]:
        """End it, and return what a person should hear of that. `error` goes with a failed build alone.

        Where the registry cannot be told, the outcome is kept, and delivered later. A joined build only has its tasks
        told of. In a forked process, and a second time, nothing happens.
        """
        if not self.is_open:
            return ()
        self._is_over = True
        registered = self._registered
        if registered is None:
            return ()
        ending = None if registered.is_joined else Ending(end, error)
        try:
            return self._tell(registered, ending)
        except (BuildEnded, NotKnownToRegistry) as refusal:
            return (Notice("build-ended", f"{refusal.message} {refusal.fix}"),)
        except StardagError as trouble:
            return self._keep(registered, ending, trouble.message)
        except Exception as trouble:  # noqa: BLE001  # whatever it is, it is not what the build's code did
            return self._keep(registered, ending, f"Telling the registry failed ({type(trouble).__name__}).")
        except BaseException:  # somebody is in a hurry
            self._keep(registered, ending, "")
            raise

    def _is_own(self) -> bool:
        return self._machine.process() == self._process

    def _tell(self, registered: Registered, ending: Ending | None) -> tuple[Notice, ...]:
        reporter = registered.reporter
        reporter.stop()
        if self._thread is not None:
            self._thread.join()
        if ending is None:
            reporter.finish(None, None)
        else:
            reporter.finish(*ending)
        if ending is None or reporter.ended_as in (None, ending.end):
            return ()
        message = f"Build {registered.id} was ended as {reporter.ended_as} at the registry, before it was {ending.end}."
        return (Notice("build-ended", message),)

    def _keep(self, registered: Registered, ending: Ending | None, trouble: str) -> tuple[Notice, ...]:
        if registered.reporter.ended_as is not None:
            ending = None
        records = registered.reporter.waiting
        if ending is None and not records:
            return ()
        what = f"how build {registered.id} ended" if ending else f"how it went with tasks of build {registered.id}"
        url, directory = self.profile.registry_url.value, self.profile.directory
        outcome = KeptOutcome(url, registered.workspace_id, registered.id, ending, self.now(), records)
        try:
            kept = self._machine.outcomes.keep(directory, outcome)
        except StateNotWritable as error:
            consequence = ", which will show it as lost" if ending else ""
            message = f"{trouble} The registry never hears {what}{consequence}: {error.message}"
            return (Notice("outcome-not-kept", message),)
        later = "the next command or build that reaches the registry delivers it"
        without = f" It has no room for {kept.left_out} of the tasks." if kept.left_out else ""
        message = f"{trouble} The registry has not heard {what}; {later} ({kept.path}).{without}"
        return (Notice("outcome-kept", message),)


def _report(reporter: Reporter) -> None:
    """Report on a thread of its own, which leaves signals to the main thread: that may be waiting for nothing else."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    reporter.run()
