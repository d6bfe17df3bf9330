"""Many storages checked at once, under one deadline."""

import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from stardag.app.check_storages import check_storages
from tests.fakes.storage import FakeStorageCheck

MANY = {f"root-{number:02}": f"/{number}" for number in range(20)}


@dataclass
class Meeting:
    """A storage whose checks all wait for each other: none answers before all have begun."""

    barrier: threading.Barrier = field(default_factory=lambda: threading.Barrier(len(MANY)))

    def check(self, uri_prefix: str, timeout: float) -> str | None:
        self.barrier.wait(timeout)
        return None


@contextmanager
def released(storage: FakeStorageCheck) -> Generator[FakeStorageCheck]:
    """The storage, whose blocked checks are let go at the end, so that no thread outlives the test by much."""
    try:
        yield storage
    finally:
        storage.released.set()


@dataclass
class Hanging:
    """A storage that keeps to no timeout: the checks of some prefixes last until `released` is set."""

    hanging: frozenset[str]
    released: threading.Event = field(default_factory=threading.Event)

    def check(self, uri_prefix: str, timeout: float) -> str | None:
        if uri_prefix in self.hanging:
            self.released.wait()
        return None


class Failing:
    """A storage whose check itself fails."""

    def check(self, uri_prefix: str, timeout: float) -> str | None:
        raise RuntimeError("hunter2")


def test_nothing_to_check_has_no_problem() -> None:
    assert check_storages(FakeStorageCheck(), {}, 5.0) == {}


def test_what_can_be_written_has_no_problem() -> None:
    storage = FakeStorageCheck()
    assert check_storages(storage, MANY, 5.0) == {}
    assert sorted(storage.checked) == sorted(MANY.values())


def test_problems_come_by_name_in_order() -> None:
    storage = FakeStorageCheck(problems={"/3": "it is full", "/1": "it is gone"})
    problems = check_storages(storage, MANY, 5.0)
    assert list(problems.items()) == [("root-01", "it is gone"), ("root-03", "it is full")]


def test_twenty_storages_are_all_checked_at_once() -> None:
    assert check_storages(Meeting(), MANY, 60.0) == {}


def test_twenty_blocked_storages_are_let_go_together() -> None:
    with released(FakeStorageCheck(blocked=frozenset(MANY.values()))) as storage, ThreadPoolExecutor(1) as pool:
        pending = pool.submit(check_storages, storage, MANY, 60.0)
        storage.released.set()
        assert pending.result() == {}


def test_one_deadline_holds_for_all_of_them() -> None:
    storage = Hanging(frozenset(MANY.values()))
    try:
        problems = check_storages(storage, MANY, 0.05)
    finally:
        storage.released.set()
    assert problems == dict.fromkeys(MANY, "it gave no answer within 0.05 seconds")


def test_one_that_hangs_is_told_and_the_others_keep_their_answers() -> None:
    storage = Hanging(frozenset(("/7",)))
    try:
        problems = check_storages(storage, {name: MANY[name] for name in ("root-07", "root-08")}, 0.2)
    finally:
        storage.released.set()
    assert problems == {"root-07": "it gave no answer within 0.2 seconds"}


def test_a_check_that_fails_itself_is_a_problem_without_its_details() -> None:
    assert check_storages(Failing(), {"default": "/x"}, 5.0) == {"default": "its check failed (RuntimeError)"}
