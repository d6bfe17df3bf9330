"""What a registry is told of a build while it runs: that it does, and how it goes with its tasks.

Trouble with the registry never stops a build: it is said once, and everything is tried again.
"""

import logging
import threading
from collections.abc import Callable

from stardag.app.builds.ports import Monotonic
from stardag.app.outcomes.deliver import MOST_RECORDS, send_records
from stardag.app.registry_ports import BuildsApi
from stardag.domain.builds import BuildEnd, BuildStatus, TaskRecord
from stardag.domain.errors import StardagError

FLUSH_SECONDS = 1.0
"""How long tasks wait for others to be told of together."""

RETRY_SECONDS = 10.0
"""How long tasks wait after an attempt that failed."""

RUNNING: tuple[BuildStatus, ...] = ("running", "lost")
"""What a registry has a build for that may go on."""

LOGGER = logging.getLogger("stardag")

EndHeard = Callable[[BuildStatus], None]


class Reporter:
    """Tells of one build. `add` and what is read are for any thread, the rest for one at a time.

    Attributes:
        ended_as: how the build was ended at the registry by somebody else, as soon as that is heard.
    """

    def __init__(
        self,
        open_api: Callable[[], BuildsApi],
        workspace_id: str,
        build_id: str,
        heartbeat_seconds: float | None,
        monotonic: Monotonic,
        on_end: EndHeard | None = None,
    ) -> None:
        """`open_api` is called when there is something to tell. `heartbeat_seconds` is None where another process says
        that the build runs. `on_end` is called on the thread that hears of an end."""
        self.ended_as: BuildStatus | None = None
        self._open_api = open_api
        self._opened: BuildsApi | None = None
        self._workspace_id = workspace_id
        self._build_id = build_id
        self._heartbeat_seconds = heartbeat_seconds
        self._monotonic = monotonic
        self._on_end = on_end
        self._heartbeat_at = None if heartbeat_seconds is None else monotonic() + heartbeat_seconds
        self._flush_at: float | None = None
        self._records: dict[str, TaskRecord] = {}
        self._lock = threading.Lock()
        self._woken = threading.Event()
        self._is_over = False
        self._is_in_trouble = False

    def add(self, task_id: str, record: TaskRecord) -> None:
        """Tell of a task soon; what was to be told of the same task before is not told any more."""
        with self._lock:
            self._records[task_id] = record
            if self._flush_at is not None:
                return
            self._flush_at = self._monotonic() + FLUSH_SECONDS
        self._woken.set()

    @property
    def waiting(self) -> tuple[TaskRecord, ...]:
        """What has not been told yet."""
        with self._lock:
            return tuple(self._records.values())

    def run(self) -> None:
        """Tell what there is to tell, until it is over."""
        while not self._is_over:
            delay = self.step()
            self._woken.wait(delay)
            self._woken.clear()

    def stop(self) -> None:
        """Let `run` come to its end, after the exchange that it is in."""
        self._is_over = True
        self._woken.set()

    def step(self) -> float | None:
        """Do what is due, and return the seconds until there is more to do; None where nothing is in sight."""
        now = self._monotonic()
        if self._heartbeat_at is not None and self._heartbeat_seconds is not None and now >= self._heartbeat_at:
            self._heartbeat_at = now + self._heartbeat_seconds
            if not self._attempt(self._beat):
                self._delay_flush()
        with self._lock:
            is_due = self._flush_at is not None and now >= self._flush_at
        if is_due and not self._attempt(self._flush):
            self._delay_flush()
        with self._lock:
            moments = [moment for moment in (self._heartbeat_at, self._flush_at) if moment is not None]
        return max(0.0, min(moments) - self._monotonic()) if moments else None

    def finish(self, end: BuildEnd | None, error: str | None) -> None:
        """Tell of all tasks that have not been told of, and how the build ended, if it is for this process to say and
        nobody else has ended it.

        Raises:
            whatever the calls of BuildsApi raise; what was not told is still waiting.
        """
        while self.waiting:
            self._flush()
        if end is not None and self.ended_as is None:
            self._api.end_build(self._workspace_id, self._build_id, end, error)

    @property
    def _api(self) -> BuildsApi:
        if self._opened is None:
            self._opened = self._open_api()
        return self._opened

    def _beat(self) -> None:
        self._hear(self._api.heartbeat(self._workspace_id, self._build_id))

    def _hear(self, status: BuildStatus) -> None:
        """Take note of what the registry has the build for."""
        if status in RUNNING or self.ended_as is not None:
            return
        self.ended_as = status
        self._heartbeat_at = None
        if not self._is_over:
            LOGGER.warning(
                "Build %s was ended as %s at the registry; no task of it is begun any more.", self._build_id, status
            )
        if self._on_end is not None:
            self._on_end(status)

    def _flush(self) -> None:
        """Tell of as many tasks as go at once."""
        with self._lock:
            batch = dict(list(self._records.items())[:MOST_RECORDS])
        sent = send_records(self._api, self._workspace_id, self._build_id, list(batch.values()))
        for record in sent.refused:
            LOGGER.warning("The registry does not accept what build %s tells of %s.", self._build_id, record.name)
        with self._lock:
            self._records = {key: each for key, each in self._records.items() if batch.get(key) is not each}
            wait = 0.0 if len(self._records) >= MOST_RECORDS else FLUSH_SECONDS
            self._flush_at = self._monotonic() + wait if self._records else None
        if sent.status is not None:
            self._hear(sent.status)

    def _delay_flush(self) -> None:
        with self._lock:
            if self._flush_at is not None:
                self._flush_at = self._monotonic() + RETRY_SECONDS

    def _attempt(self, work: Callable[[], None]) -> bool:
        """Whether it worked. What went wrong is said once, until something works again."""
        try:
            work()
        except StardagError as error:
            return self._say_trouble(error.message)
        except Exception as error:  # noqa: BLE001  # a reporter that dies would make the build look lost
            return self._say_trouble(f"Telling the registry failed ({type(error).__name__}).")
        if self._is_in_trouble:
            LOGGER.info("The registry hears of build %s again.", self._build_id)
            self._is_in_trouble = False
        return True

    def _say_trouble(self, message: str) -> bool:
        if not self._is_in_trouble:
            LOGGER.warning("Build %s goes on, and its registry is told later: %s", self._build_id, message)
            self._is_in_trouble = True
        return False
