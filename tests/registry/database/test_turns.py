"""Threads that write to SQLite take turns, and none waits for ever."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from stardag_registry.adapters.database import DATABASE_FILE, open_database
from stardag_registry.adapters.database.sqlite import Turn
from stardag_registry.domain.errors import DatabaseUnavailable


def test_a_thread_whose_turn_does_not_come_gives_up() -> None:
    turn = Turn(timeout=0.01)
    with turn, pytest.raises(DatabaseUnavailable), turn:
        pass
    with turn:
        pass  # and the next one has it


def test_every_kind_of_writing_waits_for_the_one_before_and_then_goes_on(migrated: Path, tmp_path: Path) -> None:
    (tmp_path / DATABASE_FILE).write_bytes(migrated.read_bytes())
    with closing(open_database(tmp_path / DATABASE_FILE)) as database, ThreadPoolExecutor(3) as threads:
        inside = threading.Lock()

        def write(number: int) -> None:
            opened = (database.transaction, database.addition, database.provider.transaction)[number % 3]
            with opened():
                assert inside.acquire(blocking=False), "somebody else writes"
                inside.release()

        assert list(threads.map(write, range(60))) == [None] * 60
