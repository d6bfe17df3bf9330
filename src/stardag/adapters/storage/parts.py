"""Threads that move the parts of large files, and the word to give up that all who copy look for."""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import NamedTuple, Self, TypeVar

from stardag.app.outputs.copying_ports import GivenUp

THREADS = 10
"""How many parts are under way at once, of all files together: as many as `aws s3 cp` has requests."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class Part(NamedTuple):
    """A part of a file: its number, counted from 1, and the bytes from `start` up to `end`."""

    number: int
    start: int
    end: int

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return self.end - self.start


class Parts:
    """The threads, for the length of a `with` block."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="stardag-part")
        self._given_up = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()

    def give_up(self) -> None:
        """Let `check` raise from now on."""
        self._given_up.set()

    def check(self) -> None:
        """Call it before each step of a copy.

        Raises:
            GivenUp: the copy is to end.
        """
        if self._given_up.is_set():
            raise GivenUp

    def watched(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """The blocks, with a `check` before each is gone on with."""
        for block in blocks:
            self.check()
            yield block

    @contextmanager
    def beside(self, work: Callable[[], None]) -> Generator[Callable[[], None]]:
        """Gives what has `work` done beside all else, unless it is being done; none is left when the block ends."""
        doing: list[Future[None]] = []

        def begin() -> None:
            if not doing or doing[-1].done():
                doing[:] = [self._pool.submit(work)]

        try:
            yield begin
        finally:
            wait(doing)

    def in_order(self, work: Callable[[Item], Result], items: Iterable[Item]) -> Generator[Result]:
        """What `work` returns for each item, in their order, while it is done for those that follow.

        When the loop over it ends early, no work of it is left running.
        """
        ahead: deque[Future[Result]] = deque()
        try:
            for item in items:
                ahead.append(self._pool.submit(work, item))
                if len(ahead) > THREADS:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            for future in ahead:
                future.cancel()
            wait(ahead)


def parts_of(sizes: Iterable[int]) -> Iterator[Part]:
    """Parts of these sizes, one behind the other."""
    start = 0
    for number, size in enumerate(sizes, start=1):
        yield Part(number, start, start + size)
        start += size
