"""Whether the registry can do its work: the one question that nobody needs a credential for."""

from dataclasses import dataclass

from stardag_registry.app.ports import Database


@dataclass(frozen=True, slots=True)
class CheckHealth:
    """Looks whether the database answers a query that reads a table."""

    database: Database

    def __call__(self) -> None:
        """Nothing, where all is well.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        with self.database.reading() as reading:
            reading.has_organizations()
