"""Runs the server in this process: takes the port, opens or furnishes the database, answers until told to stop."""

from stardag_registry.adapters.serve.program import serve

__all__ = ["serve"]
