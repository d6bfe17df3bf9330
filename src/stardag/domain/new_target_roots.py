"""What may be given to a target root from now on: what cannot work is refused, and what is rarely meant is asked about
(readings, section 4). Roots that are stored already are held against `check_uri_prefix` alone."""

from collections.abc import Mapping

from stardag.domain.errors import InvalidValue
from stardag.domain.organizations import is_personal_slug
from stardag.domain.s3_bucket_names import problem_of_bucket
from stardag.domain.target_roots import SUPPORTED_FORMS, check_uri_prefix, scheme_of

_UNEXPANDED = {"*": "a pattern", "?": "a pattern", "${": "a variable"}

_HOMES = ("/home", "/Users", "/var/home")
"""Where the homes of persons are, on Linux and macOS."""


def check_new_uri_prefix(value: str) -> str:
    """Return `value`, a URI prefix that a target root may be given.

    Raises:
        InvalidValue: as `check_uri_prefix`; or it can never work: a bucket's name that S3 forbids, an empty step after
            the bucket, or what a shell should have expanded.
    """
    check_uri_prefix(value)
    problem = _problem_of(value)
    if problem:
        raise InvalidValue("URI prefix", value, problem, f"A URI prefix is {SUPPORTED_FORMS}.")
    return value


def doubts_about(name: str, uri_prefix: str, roots: Mapping[str, str], workspace: str) -> tuple[str, ...]:
    """What a person should confirm before the root `name` gets this prefix, a sentence each.

    Args:
        roots: the other roots of the workspace, name to URI prefix.
        workspace: its slug.
    """
    place = _place(uri_prefix)
    doubts = [
        f"{name!r} ({uri_prefix}) would lie {relation} the target root {other!r} ({prefix}): each of the two roots "
        "would hold outputs of the other."
        for other, prefix in sorted(roots.items())
        if other != name and (relation := _relation(place, _place(prefix))) is not None
    ]
    home = _home_of(uri_prefix)
    if home is not None and not is_personal_slug(workspace):
        doubts.append(
            f"{uri_prefix} lies below one person's home ({home}), and the workspace {workspace!r} is shared: other "
            "members and other machines may not reach it."
        )
    return tuple(doubts)


def is_below_each_home(uri_prefix: str) -> bool:
    """Whether a prefix means another place for each person: `~/…`."""
    return uri_prefix.partition("/")[0] == "~"


def _problem_of(value: str) -> str | None:
    for characters, kind in _UNEXPANDED.items():
        if characters in value:
            return f"it holds {characters!r}, and {kind} is not expanded"
    if scheme_of(value) == "s3":
        bucket, _, prefix = value.partition("://")[2].partition("/")
        problem = problem_of_bucket(bucket)
        if problem:
            return f"S3 allows no bucket {bucket[:80]!r}, since {problem}"
        if prefix.startswith("/"):
            return "its first step after the bucket is empty"
    return None


def _place(uri_prefix: str) -> tuple[str, ...]:
    """Scheme and steps of a prefix, in one spelling for each place."""
    scheme = scheme_of(uri_prefix)
    rest = uri_prefix.partition("://")[2] if "://" in uri_prefix else uri_prefix
    if scheme == "file" and "://" in uri_prefix:
        rest = rest.removeprefix("localhost")
    return (scheme, *(step for step in rest.split("/") if step not in ("", ".")))


def _relation(place: tuple[str, ...], other: tuple[str, ...]) -> str | None:
    """Where a place lies, seen from another; None where the two lie apart."""
    if place == other:
        return "at the same place as"
    if place[: len(other)] == other:
        return "inside"
    return "around" if other[: len(place)] == place else None


def _home_of(uri_prefix: str) -> str | None:
    """The home of one person that a prefix is or lies below."""
    scheme, *steps = _place(uri_prefix)
    if scheme != "file":
        return None
    if steps[:1] == ["root"]:
        return "/root"
    for homes in _HOMES:
        above = homes.strip("/").split("/")
        if steps[: len(above)] == above and len(steps) > len(above) and steps[len(above)] != "Shared":
            return f"{homes}/{steps[len(above)]}"
    return None
