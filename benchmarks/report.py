"""Measured figures beside their limits, and the exit code that follows from them."""

import sys

CLEAR_LINE = "\r\x1b[K"


class Report:
    """Print each figure as soon as it is measured, and count the limits that are kept and broken.

    A limit is for a ratio of two things measured in turns, or for something that is counted. A figure that depends on
    the machine, or on what else runs on it, is a note: it has no verdict.
    """

    def __init__(self) -> None:
        self.kept = 0
        self.broken: list[str] = []
        self.not_measured: list[str] = []
        self._section = ""

    def section(self, title: str) -> None:
        """Print a heading for the figures that follow."""
        self._section = title
        print(f"\n{title}", flush=True)

    def at_most(self, name: str, measure: str, value: float, limit: float) -> None:
        """Print a figure with an upper limit."""
        self._judge(name, measure, value, f"at most {limit:7.2f}", is_kept=value <= limit)

    def at_least(self, name: str, measure: str, value: float, limit: float) -> None:
        """Print a figure with a lower limit."""
        self._judge(name, measure, value, f"at least {limit:6.2f}", is_kept=value >= limit)

    def note(self, name: str, measure: str, value: float, reference: str = "") -> None:
        """Print a figure without a limit. `reference` is what to compare it with, such as "about 5 when idle"."""
        print(f"{_line(name, measure, value)}   {reference}".rstrip(), flush=True)

    def skip(self, name: str, reason: str) -> None:
        """Print that something is not measured, and why."""
        self.not_measured.append(f"{name}: {reason}")
        print(f"  {name:46} not measured: {reason}", flush=True)

    def progress(self, text: str) -> None:
        """Say on standard error what is being measured. On a terminal, the next line replaces it."""
        if sys.stderr.isatty():
            print(f"{CLEAR_LINE}  {text}… ", end="", file=sys.stderr, flush=True)
        else:
            print(f"  {text}…", file=sys.stderr, flush=True)

    def summary(self) -> str:
        """How many limits were kept, and the names of the broken ones."""
        lines = [f"{self.kept} limits kept, {len(self.broken)} broken."]
        lines += [f"  BROKEN        {name}" for name in self.broken]
        lines += [f"  not measured  {name}" for name in self.not_measured]
        return "\n".join(lines)

    def _judge(self, name: str, measure: str, value: float, limit: str, *, is_kept: bool) -> None:
        if is_kept:
            self.kept += 1
        else:
            self.broken.append(f"{self._section}: {name.strip()}, {measure} {value:.2f}, {limit}")
        print(f"{_line(name, measure, value)}   {limit}   {'kept' if is_kept else 'BROKEN'}", flush=True)


def _line(name: str, measure: str, value: float) -> str:
    clear = CLEAR_LINE if sys.stderr.isatty() and sys.stdout.isatty() else ""
    return f"{clear}  {name:46} {measure:13} {value:8.2f}"
