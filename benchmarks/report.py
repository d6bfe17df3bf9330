"""Figures beside their bounds, and whether all of them are kept."""


class Report:
    """What has been measured so far."""

    def __init__(self) -> None:
        self.is_broken = False

    def at_most(self, name: str, measure: str, value: float, bound: float) -> None:
        """Print a figure that is to be small."""
        self._show(name, measure, value, f"at most {bound:7.2f}", is_kept=value <= bound)

    def at_least(self, name: str, measure: str, value: float, bound: float) -> None:
        """Print a figure that is to be large."""
        self._show(name, measure, value, f"at least {bound:6.2f}", is_kept=value >= bound)

    def note(self, name: str, measure: str, value: float) -> None:
        """Print a figure without a bound."""
        print(f"  {name:42} {measure:14} {value:8.2f}")

    def _show(self, name: str, measure: str, value: float, bound: str, *, is_kept: bool) -> None:
        self.is_broken |= not is_kept
        print(f"  {name:42} {measure:14} {value:8.2f}   {bound}   {'kept' if is_kept else 'BROKEN'}", flush=True)
