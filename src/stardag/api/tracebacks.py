"""Short tracebacks: an error that is meant for the caller ends at the caller's own line."""

import sys
from collections.abc import Callable, Iterable
from functools import wraps
from types import TracebackType
from typing import ParamSpec, TypeVar

from stardag import wiring
from stardag.domain.errors import StardagError
from stardag.domain.layers import Notice, NoticeLog

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class ShortTraceback:
    """A `with` block that removes the frames of this library from the traceback of a StardagError and of its causes.

    The causes stay. Any other exception is a bug and keeps every frame, and so does every exception in Python's
    development mode (`python -X dev`). What the caller should have heard of by then becomes warnings before the error.
    """

    def __enter__(self) -> None:
        self._handled = sys.exception()
        self._log = NoticeLog() if wiring.log_of_call.get() is None else None
        if self._log is not None:
            self._token = wiring.log_of_call.set(self._log)

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._log is not None:
            wiring.log_of_call.reset(self._token)
            if isinstance(raised, StardagError) and [*self._log]:
                _warn_before(raised, self._log)
        if not isinstance(raised, StardagError) or sys.flags.dev_mode:
            return
        error: BaseException | None = raised
        # What the caller was handling before this call is the caller's own, with its traceback.
        while error is not None and error is not self._handled:
            error.__traceback__ = None
            error = error.__cause__ or error.__context__


def _warn_before(error: StardagError, notices: Iterable[Notice]) -> None:
    """Warn of notices; where warnings are made errors, the error itself has them as notes."""
    from stardag.api.notice_warnings import StardagWarning, warn_of  # hardly any call fails with something to say

    for notice in notices:
        try:
            warn_of((notice,))
        except StardagWarning as warning:
            error.add_note(f"warning: {warning}")


def with_short_traceback(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Decorate a public function or method, so that its errors end at the line that calls it."""

    @wraps(function)
    def call(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        with ShortTraceback():
            return function(*args, **kwargs)

    return call
