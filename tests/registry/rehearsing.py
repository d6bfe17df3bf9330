"""A real database on which everything may be tried: once the scene is set, whatever is changed is rolled back."""

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, suppress

from stardag_registry.app.ports import Database, Reading, Transaction


class _Tried(Exception):
    """All of the request's work in the database is done, and shall not stay."""


class Rehearsal:
    """Keeps the promises of the port `Database` but for the last: from `set_scene()` on, nothing is committed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._set = False

    @property
    def is_shared(self) -> bool:
        """As the real one is."""
        return self._database.is_shared

    def set_scene(self) -> None:
        """What is there now is there at the beginning of every request."""
        self._set = True

    def reading(self) -> AbstractContextManager[Reading]:
        """The real one's."""
        return self._database.reading()

    @contextmanager
    def transaction(self) -> Generator[Transaction]:
        """The real one's, rolled back at its end."""
        with suppress(_Tried), self._database.transaction() as transaction:
            yield transaction
            self._end()

    @contextmanager
    def addition(self) -> Generator[Transaction]:
        """The same for additions."""
        with suppress(_Tried), self._database.addition() as transaction:
            yield transaction
            self._end()

    def _end(self) -> None:
        if self._set:
            raise _Tried
