"""The port `Signals` in memory."""

from collections.abc import Generator
from contextlib import contextmanager


class FakeSignals:
    """Says whether signals are held."""

    def __init__(self) -> None:
        self.is_holding = False

    @contextmanager
    def held(self, timeout: float) -> Generator[None]:
        assert timeout > 0
        self.is_holding = True
        try:
            yield
        finally:
            self.is_holding = False
