"""Keeps the promises of the port `Outcomes` with one JSON file a build, in a folder of the stardag directory.

Writing takes the folder's lock for a moment; delivering takes another one, which nobody waits for.
"""

import os
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager

from stardag.adapters.durable_files import lock_file, locked, make_directory, remove, remove_command
from stardag.adapters.state_files.documents import CorruptDocument
from stardag.adapters.state_files.made_here import SIZE_LIMIT
from stardag.adapters.state_files.outcome_documents import read_outcome, write_outcome
from stardag.adapters.state_files.shelf import Found, Shelf
from stardag.app.outcomes.ports import Claim, ClaimedOutcome, Kept
from stardag.domain.configuration import StardagDirectory
from stardag.domain.endings import KeptOutcome
from stardag.domain.errors import StateNotWritable
from stardag.domain.layers import Notice

FOLDER = "build-outcomes"
"""A folder of a stardag directory."""

CLAIM = ".delivering"
"""The lock of whoever delivers."""

_ENDING = ".json"
_MOST_AT_ONCE = 100
"""How many files are looked at in one claim; the others wait for the next."""

_NOTHING_THERE: Found[KeptOutcome] = Found()


class OutcomeFiles:
    """The port `Outcomes`; holds nothing, so that any number of threads and processes may use one each or the same."""

    def keep(self, directory: StardagDirectory, outcome: KeptOutcome) -> Kept:
        """Keep an outcome, durably. Records that would make it too large are left out.

        Raises:
            StateNotWritable: it cannot be kept.
        """
        shelf = Shelf(directory)
        name = f"{FOLDER}/{outcome.build_id}.{os.urandom(4).hex()}{_ENDING}"
        content, left_out = _fitting(shelf.path(name), outcome)
        with _alone(shelf):
            shelf.replace(name, _NOTHING_THERE, content)
        return Kept(shelf.path(name), left_out)

    def are_waiting(self, directory: StardagDirectory) -> bool:
        """Whether there may be something to deliver."""
        return bool(_names(Shelf(directory)))

    @contextmanager
    def claimed(self, directory: StardagDirectory, registry_url: str, workspace_id: str) -> Generator[Claim]:
        """What is kept for a workspace, claimed for as long as the block lasts."""
        shelf = Shelf(directory)
        if not _names(shelf):
            yield Claim()
            return
        with ExitStack() as claim:
            try:
                if not shelf.is_led_elsewhere(FOLDER):
                    claim.enter_context(lock_file(os.path.join(shelf.path(FOLDER), CLAIM), 0.0))
            except StateNotWritable:  # somebody else has the claim, or nothing could be settled here
                yield Claim()
                return
            yield _claim(shelf, registry_url, workspace_id)

    def settle(self, directory: StardagDirectory, name: str) -> None:
        """Forget an outcome.

        Raises:
            StateNotWritable: it cannot be removed.
        """
        shelf = Shelf(directory)
        with _alone(shelf):
            remove(shelf.path(name))
            shelf.forget(name)


@contextmanager
def _alone(shelf: Shelf) -> Generator[None]:
    if shelf.is_led_elsewhere(FOLDER):
        path = shelf.path(FOLDER)
        raise StateNotWritable(path, "it is a link, and a project's may not be one", remove_command(path))
    with shelf.alone():
        make_directory(shelf.path(FOLDER))
        with locked(shelf.path(FOLDER)):
            yield


def _fitting(path: str, outcome: KeptOutcome) -> tuple[bytes, int]:
    """The outcome with as many of its records, the first ones, as may stand in a file; and how many may not.

    Raises:
        StateNotWritable: it would not be read again.
    """
    records = outcome.records
    while True:
        content = write_outcome(outcome._replace(records=records))
        if len(content) <= SIZE_LIMIT:
            break
        records = records[: len(records) // 2]
    try:
        read_outcome(content)
    except CorruptDocument as error:
        raise StateNotWritable(path, f"it would be corrupt ({error})") from None
    return content, len(outcome.records) - len(records)


def _claim(shelf: Shelf, registry_url: str, workspace_id: str) -> Claim:
    outcomes: list[ClaimedOutcome] = []
    notices: list[Notice] = []
    for name in _names(shelf)[:_MOST_AT_ONCE]:
        found = shelf.find(name, read_outcome)
        if found.problem is not None:
            notices += _set_aside(shelf, name, found)
        elif found.document is not None and (found.document.registry_url, found.document.workspace_id) == (
            registry_url,
            workspace_id,
        ):
            outcomes.append(ClaimedOutcome(name, found.document))
    return Claim(tuple(outcomes), tuple(notices))


def _set_aside(shelf: Shelf, name: str, found: Found[KeptOutcome]) -> Sequence[Notice]:
    notices = shelf.notices(name, found)
    if found.word is None or shelf.is_led_elsewhere(FOLDER):
        return notices
    try:
        with _alone(shelf):
            shelf.set_aside(name, found)
    except StateNotWritable as error:
        return (*notices, Notice("outcome-not-removed", error.message))
    return notices


def _names(shelf: Shelf) -> Sequence[str]:
    """The names of the files, as the shelf knows them."""
    try:
        names = os.listdir(shelf.path(FOLDER))
    except OSError:
        return ()
    return sorted(f"{FOLDER}/{name}" for name in names if name.endswith(_ENDING))
