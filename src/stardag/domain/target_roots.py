"""Target roots: named storage locations, and what changed between two sets of them (guide, "Target Roots")."""

from collections.abc import Mapping
from dataclasses import dataclass

from stardag.domain.errors import InvalidValue
from stardag.domain.names import check_name
from stardag.domain.root_changes import RootChange, RootChanges

URI_PREFIX_MAX_LENGTH = 1024
"""In characters; S3 allows no longer key."""

SUPPORTED_FORMS = "an absolute path, ~/…, file://… or s3://bucket/prefix/"

CHECKED_SCHEMES = frozenset(("file", "s3"))
"""The schemes that outputs can be opened under; any other is stored and listed (readings, section 4)."""

_SCHEME_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789+-.")


@dataclass(frozen=True, slots=True)
class TargetRoot:
    """A name and the URI prefix that the outputs below it start with.

    Raises:
        InvalidName, InvalidValue: on construction from what cannot be one.
    """

    name: str
    uri_prefix: str

    def __post_init__(self) -> None:
        check_name("target root", self.name)
        check_uri_prefix(self.uri_prefix)


def check_uri_prefix(value: str) -> str:
    """Return `value`, a URI prefix that may be stored: a supported form, or any other scheme (readings, section 4).

    Raises:
        InvalidValue: it is relative, too long, steps upwards with `..`, or holds control characters.
    """
    problem = _problem_of(value)
    if problem:
        raise InvalidValue("URI prefix", value, problem, f"A URI prefix is {SUPPORTED_FORMS}.")
    return value


def scheme_of(uri_prefix: str) -> str:
    """The scheme of a URI prefix in lower case; "file" for plain paths, and "" for what has none."""
    if uri_prefix == "~" or uri_prefix.startswith(("/", "~/")):
        return "file"
    scheme, separator, _ = uri_prefix.partition("://")
    scheme = scheme.lower()
    if separator and scheme[:1].isalpha() and set(scheme) <= _SCHEME_LETTERS:
        return scheme
    return ""


def same_prefix(first: str, second: str) -> bool:
    """Whether two URI prefixes mean the same place; a trailing slash makes no difference."""
    return first.rstrip("/") == second.rstrip("/")


def compare(cached: Mapping[str, str], served: Mapping[str, str]) -> RootChanges:
    """What was added, modified and deleted on the way from the cached to the served roots (name to URI prefix)."""
    names = sorted(cached.keys() | served.keys())
    changes = [RootChange(name, cached.get(name), served.get(name)) for name in names]
    return RootChanges(
        added=tuple(change for change in changes if change.old is None),
        modified=tuple(
            change
            for change in changes
            if change.old is not None and change.new is not None and not same_prefix(change.old, change.new)
        ),
        deleted=tuple(change for change in changes if change.new is None),
    )


def _problem_of(value: str) -> str | None:
    if not value:
        return "it is empty"
    if len(value) > URI_PREFIX_MAX_LENGTH:
        return f"it is longer than {URI_PREFIX_MAX_LENGTH} characters"
    if not value.isprintable():
        return "it holds control characters"
    if ".." in value.split("/"):
        return "it steps upwards with '..'"
    scheme = scheme_of(value)
    if not scheme:
        return "it is neither absolute nor a URI"
    rest = value.partition("://")[2]
    if scheme == "s3" and not rest.split("/")[0]:
        return "it names no bucket"
    if scheme == "file" and "://" in value and not rest.removeprefix("localhost").startswith("/"):
        return "a file:// prefix has three slashes: file:///path"
    return None
