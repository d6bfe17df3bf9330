"""How a transaction begins that writes: with a lock that keeps those away that must not run beside it."""

from typing import NamedTuple

from sqlalchemy import Connection, Engine, event


class Writing(NamedTuple):
    """The statements that a kind of database begins its transactions with: those that run alone, those that run beside
    their like, and the OpenID provider's, which share no table with the others."""

    exclusive: str
    shared: str
    provider: str

    def exclusive_on(self, engine: Engine) -> Engine:
        """The engine, for transactions that run alone."""
        return _beginning(engine, self.exclusive)

    def shared_on(self, engine: Engine) -> Engine:
        """The engine, for transactions that run beside their like."""
        return _beginning(engine, self.shared)

    def provider_on(self, engine: Engine) -> Engine:
        """The engine, for the provider's transactions."""
        return _beginning(engine, self.provider)


def _beginning(engine: Engine, statement: str) -> Engine:
    same = engine.execution_options()

    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(statement)

    event.listen(same, "begin", begin)
    return same
