"""The operating system's clock and its source of randomness."""

import secrets
from datetime import UTC, datetime


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def random_bytes(count: int) -> bytes:
    """So many bytes that nobody can foretell."""
    return secrets.token_bytes(count)
