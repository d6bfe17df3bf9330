"""The benchmarks run by hand. These tests check that each of them can start, and that it judges what it should."""

import importlib
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import benchmarks.report
from benchmarks import client, copying, registry
from benchmarks.idle import Turn, report_idle_turns
from benchmarks.program import NOT_MEASURED, Announcement, Requirement, run
from benchmarks.report import Report
from benchmarks.turns import paired_ratios, take_turns

PROJECT = Path(benchmarks.report.__file__).parent.parent
PROGRAMS = {"bench": "client", "bench-registry": "registry", "bench-copying": "copying"}
ANNOUNCEMENTS = (client.announcement, registry.announcement, copying.announcement)


@pytest.mark.parametrize("name", [path.stem for path in sorted(Path(benchmarks.report.__file__).parent.glob("*.py"))])
def test_every_benchmark_module_can_be_imported(name: str) -> None:
    assert importlib.import_module(f"benchmarks.{name}").__doc__


@pytest.mark.parametrize("target", PROGRAMS)
def test_every_make_target_runs_a_program_that_announces_itself(target: str) -> None:
    makefile = (PROJECT / "Makefile").read_text()
    module = re.search(rf"^{target}:.*## .+\n\t@\$\(BIN\)/python -m benchmarks\.(\w+) ", makefile, re.MULTILINE)

    assert module is not None
    assert module[1] == PROGRAMS[target]
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{module[1]}", "--help"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"usage: python -m benchmarks.{module[1]}" in done.stdout
    assert re.search(r"Takes about \d+ minutes? ", done.stdout)
    assert re.search(r"disk +.+ GB written in all", done.stdout)


def test_the_makefile_and_the_announcements_name_the_same_minutes() -> None:
    makefile = (PROJECT / "Makefile").read_text()

    for announcement in (announce() for announce in ANNOUNCEMENTS):
        target = next(name for name, module in PROGRAMS.items() if announcement.module == f"benchmarks.{module}")
        assert re.search(rf"^{target}:.*## .+\({announcement.time}\b", makefile, re.MULTILINE)


def test_the_client_benchmark_takes_at_most_two_minutes() -> None:
    assert client.announcement().minutes <= 2


def _announcement(*requirements: Requirement, disk_gb: float = 0) -> Announcement:
    return Announcement("benchmarks.nothing", "Benchmarks of nothing", 1, disk_gb, 0, 0, requirements)


def _measure_nothing(_folder: Path, _report: Report) -> None:
    pass


def _run(announcement: Announcement, arguments: Sequence[str] = ()) -> int:
    return run(announcement, _measure_nothing, arguments)


def test_a_missing_requirement_is_announced_and_the_rest_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(_announcement(Requirement("valgrind", is_found=False, otherwise="CPU time is measured"))) == 0
    assert re.search(r"valgrind +not found: CPU time is measured", capsys.readouterr().out)


@pytest.mark.parametrize(
    "announcement",
    [
        _announcement(Requirement("aws", is_found=False, otherwise="install it", is_optional=False)),
        _announcement(disk_gb=10**9),
        _announcement()._replace(memory_gb=10**9),
    ],
)
def test_where_nothing_can_be_measured_the_program_says_so_and_fails(
    announcement: Announcement, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(announcement) == NOT_MEASURED
    assert "Nothing is measured: " in capsys.readouterr().err


def test_a_broken_limit_fails_and_a_note_does_not(capsys: pytest.CaptureFixture[str]) -> None:
    def measure(_folder: Path, report: Report) -> None:
        report.section("Something")
        report.note("slow", "seconds", 1000.0)
        report.at_most("small", "ratio", 2.0, 2.0)
        report.at_least("large", "ratio", 0.5, 1.0)

    assert run(_announcement(), measure, ()) == 1
    out = capsys.readouterr().out
    assert [line.split()[-1] for line in out.splitlines() if line.startswith("  small")] == ["kept"]
    assert [line.split()[-1] for line in out.splitlines() if line.startswith("  large")] == ["BROKEN"]
    assert "1 limits kept, 1 broken." in out
    assert "BROKEN        Something: large, ratio 0.50, at least   1.00" in out


def test_turns_are_taken_in_alternating_order() -> None:
    order: list[str] = []

    def measure(name: str) -> float:
        order.append(name)
        return float(len(order))

    first, second = take_turns(2, lambda: measure("first"), lambda: measure("second"))

    assert order == ["first", "second", "second", "first"]
    assert (first, second) == ([1.0, 4.0], [2.0, 3.0])
    assert paired_ratios(first, second) == [0.5, 4 / 3]


@pytest.mark.parametrize(
    ("ratios", "kept", "broken"),
    [
        pytest.param((1.2, 1.0, 0.9), 1, 0, id="the median is kept"),
        pytest.param((0.9, 0.8, 0.99), 0, 1, id="all are below"),
        pytest.param((0.9, 0.8, 1.1), 0, 0, id="they disagree"),
        pytest.param((0.9, 0.8), 0, 0, id="too few"),
    ],
)
def test_a_ratio_of_idle_turns_is_judged_only_where_they_agree(
    ratios: Sequence[float], kept: int, broken: int, capsys: pytest.CaptureFixture[str]
) -> None:
    report = Report()
    busy = Turn(0.1, 1.0)
    report_idle_turns(report, "a copy", "rate", [*(Turn(ratio, 0.0) for ratio in ratios), busy], 1.0)
    assert (report.kept, len(report.broken)) == (kept, broken)
    assert ("no verdict" in capsys.readouterr().out) == (kept + broken == 0)
