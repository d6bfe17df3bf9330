"""The port `Outcomes` in memory."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from stardag.app.outcomes.ports import Claim, ClaimedOutcome, Kept
from stardag.domain.configuration import StardagDirectory
from stardag.domain.endings import KeptOutcome
from stardag.domain.errors import StateNotWritable
from stardag.domain.layers import Notice

Key = tuple[str, str]
"""The path of a stardag directory, and the name of a file in it."""


@dataclass
class FakeOutcomes:
    """Keeps outcomes without files; `spoil` makes all of them unreadable, `is_read_only` refuses every change. Of a
    build, `most_records` are kept."""

    kept: dict[Key, KeptOutcome] = field(default_factory=dict[Key, KeptOutcome])
    spoilt: set[Key] = field(default_factory=set[Key])
    is_read_only: bool = False
    most_records: int = 1_000_000
    claims: threading.Lock = field(default_factory=threading.Lock)

    def spoil(self, directory: StardagDirectory) -> None:
        self.spoilt |= {key for key in self.kept if key[0] == directory.path}

    def keep(self, directory: StardagDirectory, outcome: KeptOutcome) -> Kept:
        self._check_writable(directory)
        name = f"build-outcomes/{outcome.build_id}.{len(self.kept):08x}.json"
        records = outcome.records[: self.most_records]
        self.kept[directory.path, name] = outcome._replace(records=records)
        return Kept(f"{directory.path}/{name}", len(outcome.records) - len(records))

    def are_waiting(self, directory: StardagDirectory) -> bool:
        return any(path == directory.path for path, _ in self.kept)

    @contextmanager
    def claimed(self, directory: StardagDirectory, registry_url: str, workspace_id: str) -> Generator[Claim]:
        if self.is_read_only or not self.claims.acquire(blocking=False):
            yield Claim()
            return
        try:
            yield self._claim(directory, registry_url, workspace_id)
        finally:
            self.claims.release()

    def settle(self, directory: StardagDirectory, name: str) -> None:
        self._check_writable(directory)
        self.kept.pop((directory.path, name), None)

    def _claim(self, directory: StardagDirectory, registry_url: str, workspace_id: str) -> Claim:
        spoilt = {key for key in self.spoilt if key[0] == directory.path}
        self.spoilt -= spoilt
        for key in spoilt:
            del self.kept[key]
        return Claim(
            tuple(
                ClaimedOutcome(name, outcome)
                for (path, name), outcome in self.kept.items()
                if path == directory.path
                and (outcome.registry_url, outcome.workspace_id) == (registry_url, workspace_id)
            ),
            tuple(Notice("state-set-aside", f"{path}/{name} is corrupt.") for path, name in spoilt),
        )

    def _check_writable(self, directory: StardagDirectory) -> None:
        if self.is_read_only:
            raise StateNotWritable(f"{directory.path}/build-outcomes", "read-only file system")
