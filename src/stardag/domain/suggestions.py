"""The search for what was probably meant by a word that is not known."""

from collections.abc import Iterable


def nearest(value: str, known: Iterable[str]) -> str | None:
    """The one of `known` that `value` was most probably meant to be, or None where nothing is near."""
    from difflib import get_close_matches  # only a mistake pays for it

    matches = get_close_matches(value[:256], list(known), n=1, cutoff=0.6)
    return matches[0] if matches else None
