"""Stardag's configuration system: the public API of the client."""
