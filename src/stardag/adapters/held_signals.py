"""Signals that would end this process, held while something is under way that must not break off half-way.

Python runs handlers on the main thread alone, and lets only that one set them. Off the main thread, signals are held
where the main thread listens for that thread; elsewhere the process waits at its regular end, which an interrupt of the
main thread leads to, and only a signal whose default action ends it at once (SIGTERM, SIGHUP) cannot be held.
"""

import atexit
import os
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from time import monotonic
from types import FrameType

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class HeldSignals:
    """Keeps the promises of `Signals`. One for each container."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._holders = 0
        self._ends_at = 0.0
        self._received: list[int] = []
        self._is_waited_for = False

    @contextmanager
    def held(self, timeout: float) -> Generator[None]:
        """Hold signals for the length of a block; see the port."""
        with self.listening(), self._holding(timeout):
            yield

    @contextmanager
    def listening(self) -> Generator[None]:
        """Let threads that this one waits for hold signals; on another thread than the main one, this does nothing.

        What is ignored stays ignored; what another handler hears, it hears when nobody holds it any more.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        handlers = {int(number): signal.getsignal(number) for number in _ENDING}
        heard = {number: handler for number, handler in handlers.items() if handler not in (signal.SIG_IGN, None)}

        def hear(number: int, frame: FrameType | None) -> None:
            with self._changed:  # which the main thread may have taken already: it is reentrant
                if self._holders:
                    self._received.append(number)
                    return
            handler = heard[number]
            if callable(handler):
                handler(number, frame)
                return
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

        for number in heard:
            signal.signal(number, hear)
        try:
            yield
        finally:
            for number, handler in heard.items():
                signal.signal(number, handler)
            self._deliver(self._take_received())

    @contextmanager
    def _holding(self, timeout: float) -> Generator[None]:
        with self._changed:
            self._holders += 1
            self._ends_at = max(self._ends_at, monotonic() + timeout)
            if not self._is_waited_for:
                atexit.register(self._wait)
                self._is_waited_for = True
        try:
            yield
        finally:
            received: list[int] = []
            with self._changed:
                self._holders -= 1
                self._changed.notify_all()
                if threading.current_thread() is not threading.main_thread():
                    received = self._take_received()
            self._deliver(received)

    def _take_received(self) -> list[int]:
        """What was held, if nobody holds it any more."""
        with self._changed:
            if self._holders:
                return []
            received, self._received = self._received, []
            return received

    def _deliver(self, received: list[int]) -> None:
        """Send once more what was held. The main thread hears it, or the process ends."""
        for number in dict.fromkeys(received):
            os.kill(os.getpid(), number)

    def _wait(self) -> None:
        """Wait at the end of the process, as long as somebody may hold on to it."""
        with self._changed:
            self._changed.wait_for(lambda: not self._holders, max(0.0, self._ends_at - monotonic()))
