"""A pipeline of three steps: features of every region, a model of all of them, and a report.

Each step is a task of a build. It is named by what it does and by its parameters, so its outputs are found again by
these alone, and it is skipped where they are there already. Nothing here says where outputs go; the profile does.
"""

import json
import random
from collections.abc import Sequence

import stardag

REGIONS = ("north", "east", "south", "west")
ROWS = 500
BUILD = "nightly"


def features(build: stardag.Build, region: str) -> None:
    """Draw the rows of a region: how warm a day was, and how much was sold on it."""
    with build.task("features", {"region": region, "rows": ROWS}) as task:
        if task.complete:
            return
        draw = random.Random(region)  # noqa: S311  # example data, the same every time
        rows = [(temperature, 3 * temperature + draw.gauss(20, 4)) for temperature in draw.choices(range(30), k=ROWS)]
        task.output("rows.json").write_text(json.dumps(rows))


def train(build: stardag.Build, regions: Sequence[str]) -> None:
    """Fit a line through the rows of all regions."""
    with build.task("train", {"regions": list(regions)}) as task:
        if task.complete:
            return
        rows = [row for region in regions for row in rows_of(region)]
        mean_x = sum(x for x, _ in rows) / len(rows)
        mean_y = sum(y for _, y in rows) / len(rows)
        slope = sum((x - mean_x) * (y - mean_y) for x, y in rows) / sum((x - mean_x) ** 2 for x, _ in rows)
        model = {"slope": slope, "intercept": mean_y - slope * mean_x}
        task.output("model.json").write_text(json.dumps(model))


def report(build: stardag.Build, regions: Sequence[str]) -> str:
    """Write, and return, what the model says."""
    with build.task("report", {"regions": list(regions)}) as task:
        if not task.complete:
            model = json.loads(
                stardag.task_outputs("train", {"regions": list(regions)}).output("model.json").read_text()
            )
            sentence = f"A degree more sells {model['slope']:.1f} more; at 0 degrees it is {model['intercept']:.0f}."
            task.output("report.txt").write_text(sentence)
        return task.output("report.txt").read_text()


def rows_of(region: str) -> list[tuple[int, float]]:
    """The rows that `features` wrote, whichever process or program did."""
    found = stardag.task_outputs("features", {"region": region, "rows": ROWS})
    rows: list[tuple[int, float]] = json.loads(found.output("rows.json").read_text())
    return rows
