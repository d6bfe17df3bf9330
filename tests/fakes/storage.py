"""The port `StorageCheck` in memory."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from stardag.domain.target_roots import CHECKED_SCHEMES, SUPPORTED_FORMS, scheme_of


@dataclass
class FakeStorageCheck:
    """Every storage can be written, save for those in `problems` (URI prefix to phrase).

    Checks of the prefixes in `blocked` wait until `released` is set, or until their time is over. `checked` tells which
    prefixes were asked for, in that order.
    """

    problems: Mapping[str, str] = field(default_factory=dict[str, str])
    blocked: frozenset[str] = frozenset()
    released: threading.Event = field(default_factory=threading.Event)
    checked: list[str] = field(default_factory=list[str])

    def check(self, uri_prefix: str, timeout: float) -> str | None:
        self.checked.append(uri_prefix)
        if uri_prefix in self.blocked and not self.released.wait(timeout):
            return f"it gave no answer within {timeout:g} seconds"
        if scheme_of(uri_prefix) not in CHECKED_SCHEMES:
            return f"the scheme {scheme_of(uri_prefix)!r} is not supported; a target root is {SUPPORTED_FORMS}"
        return self.problems.get(uri_prefix)
