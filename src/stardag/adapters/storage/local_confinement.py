"""What keeps the paths below a local target root there: the rule for their spelling, and a look at every link."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from stat import S_ISLNK
from typing import Self

from stardag.adapters.storage.local_directory import Unusable, directory_of
from stardag.domain.output_errors import OutsideTargetRoot, ReadOnlyTargetRoot, StorageFailed
from stardag.domain.outputs import OWN_PREFIX, RootPlace, check_output_path


@dataclass(frozen=True, slots=True)
class Confinement:
    """A target root on this machine: `root` is its directory, which no link leads out of, `top` the directory at or
    below it that no spelling leads out of, and `before_writing` is called before anything there is written."""

    place: RootPlace
    root: str
    top: str
    before_writing: Callable[[], None] | None = None
    prefix: str = field(init=False, repr=False)
    """What the paths below `top` begin with."""

    first: int = field(init=False, repr=False)
    """Where in a path the slash before its first step below the root is."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "prefix", self.top.rstrip("/") + "/")
        object.__setattr__(self, "first", len(self.root.rstrip("/")))

    def telling(self, before_writing: Callable[[], None] | None) -> Self:
        """The same, with somebody to tell of writing."""
        return self if before_writing is None else replace(self, before_writing=before_writing)

    def check(self, path: str) -> None:
        """Make sure that an absolute path lies at or below `top`, wherever the links on it lead.

        Raises:
            OutsideTargetRoot: it does not.
        """
        if not path.startswith(self.prefix) and path != self.top:
            raise self.outside(path, "it lies elsewhere")
        if path.find("/.", self.first) != -1:
            self._check_spelling(path)
        if self._has_link(path) and not self.is_within(path):
            raise self.outside(path, "a link on the way leads out")

    def check_relative(self, path: str) -> str:
        """The one spelling of a path below another one here.

        Raises:
            OutsideTargetRoot: it is none, by its spelling.
        """
        relative = check_output_path(self.place, path)
        try:
            os.fsencode(relative)
        except UnicodeEncodeError:
            raise self.outside(path, "no file can have such a name") from None
        return relative

    def below_top(self, path: str) -> str:
        """How an absolute path is spelled below `top`.

        Raises:
            OutsideTargetRoot: it does not begin there.
        """
        if not path.startswith(self.prefix):
            raise self.outside(path, "it does not begin with the root's own path")
        return self.check_relative(path[len(self.prefix) :].lstrip("/"))

    def is_within(self, path: str) -> bool:
        """Whether a path leads to somewhere at or below the root, links followed."""
        real, root = os.path.realpath(path), os.path.realpath(self.root)
        return real == root or real.startswith(root.rstrip("/") + "/")

    def begin_writing(self, path: str) -> None:
        """What comes before any writing: whether it may be, and telling whoever wants to know of it.

        Raises:
            ReadOnlyTargetRoot: the root was opened for reading alone.
        """
        if self.place.is_read_only:
            raise ReadOnlyTargetRoot(self.place.name, path)
        if self.before_writing is not None:
            self.before_writing()

    def outside(self, path: str, problem: str) -> OutsideTargetRoot:
        """The error for a path that does not stay here."""
        return OutsideTargetRoot(self.place.name, self.place.uri_prefix, path, problem)

    def _check_spelling(self, path: str) -> None:
        for step in path[self.first :].split("/"):
            if step == "..":
                raise self.outside(path, "it steps upwards with '..'")
            if step.startswith(OWN_PREFIX):
                raise self.outside(path, f"names that begin with {OWN_PREFIX!r} are Stardag's own")

    def _has_link(self, path: str) -> bool:
        """Whether anything between the root and the path is a link. One system call for each step, and no more where
        there is none: this comes before every other call."""
        end = path.find("/", self.first + 1)
        try:
            while end != -1:
                if S_ISLNK(os.lstat(path[:end]).st_mode):
                    return True
                end = path.find("/", end + 1)
            return S_ISLNK(os.lstat(path).st_mode) and len(path) > self.first + 1
        except (OSError, ValueError):
            return False  # nothing is there, or the call that this is for says what is wrong


@lru_cache(maxsize=1024)
def confinement_of(place: RootPlace, directory: str = "") -> Confinement:
    """A local root, or a directory below it; nothing is looked at yet.

    Raises:
        StorageFailed: the URI prefix means no directory.
        OutsideTargetRoot: the directory is none below it.
    """
    try:
        root = str(directory_of(place.uri_prefix))
    except Unusable as problem:
        raise StorageFailed(place.uri_prefix, str(problem)) from None
    if root.startswith("//"):  # which POSIX lets mean another place, and no system that there is does
        root = root[1:]
    below = check_output_path(place, directory)
    return Confinement(place, root, f"{root.rstrip('/')}/{below}" if below else root)
