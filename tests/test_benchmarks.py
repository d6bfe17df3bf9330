"""The benchmarks are run by hand; that they can be begun is looked at with every change."""

import importlib
from pathlib import Path

import pytest

import benchmarks.report


@pytest.mark.parametrize("name", [path.stem for path in sorted(Path(benchmarks.report.__file__).parent.glob("*.py"))])
def test_a_benchmark_finds_what_it_measures(name: str) -> None:
    assert importlib.import_module(f"benchmarks.{name}").__doc__
