"""Whether the registry can do its work."""

from dataclasses import dataclass

from stardag_registry.app.ports import Database


@dataclass(frozen=True, slots=True)
class CheckHealth:
    """Looks whether the database answers and was furnished."""

    database: Database

    def __call__(self) -> bool:
        """Whether there is anything to serve.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        with self.database.reading() as reading:
            return reading.has_organizations()
