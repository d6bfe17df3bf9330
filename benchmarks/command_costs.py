"""What commands cost, as multiples of `python -c pass`: instructions or CPU time, and peak memory."""

import os
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from re import findall

from benchmarks.program import has_program
from benchmarks.turns import paired_ratios, take_turns

CPU_TIME_ROUNDS, MEMORY_ROUNDS = 11, 9
"""How many turns a command and the empty program take."""

CACHEGRIND = (
    "valgrind",
    "--trace-children=yes",
    "--tool=cachegrind",
    "--cache-sim=no",
    "--cachegrind-out-file=/dev/null",
)

Command = Sequence[str]


class CommandCosts:
    """Run commands in a folder with given variables, and compare them with an empty Python program."""

    def __init__(self, folder: Path, variables: Mapping[str, str], python: Path) -> None:
        self._folder = folder
        self._variables = dict(variables)
        self._nothing: Command = (str(python), "-c", "pass")
        self._counts_instructions = has_program("valgrind")
        self.measure = "instructions" if self._counts_instructions else "CPU time"

    def ratio(self, command: Command, *, may_fail: bool = False) -> float:
        """Instructions of a command, counted once; without valgrind its CPU time, measured in turns."""
        if self._counts_instructions:
            return self._instructions(command, may_fail=may_fail) / self._instructions_of_nothing
        seconds = take_turns(
            CPU_TIME_ROUNDS,
            lambda: self._cpu_seconds(command, may_fail=may_fail),
            lambda: self._cpu_seconds(self._nothing),
        )
        return min(seconds[0]) / min(seconds[1])

    def peak_memory_ratio(self, command: Command) -> float:
        """Peak memory of a Python program: the median of several turns."""
        peaks = take_turns(MEMORY_ROUNDS, lambda: self._peak(command), lambda: self._peak(self._nothing))
        return statistics.median(paired_ratios(*peaks))

    @cached_property
    def _instructions_of_nothing(self) -> float:
        return self._instructions(self._nothing)

    def _instructions(self, command: Command, *, may_fail: bool = False) -> float:
        """Count the instructions of a command and its children. The same on a busy machine.

        Raises:
            RuntimeError: the command failed, or valgrind did not count.
        """
        self._cpu_seconds(command, may_fail=may_fail)  # writes the command's caches, such as byte code
        done = subprocess.run(
            (*CACHEGRIND, *command),
            env={**self._variables, "PYTHONHASHSEED": "0"},
            cwd=self._folder,
            capture_output=True,
            check=False,
        )
        said = done.stderr.decode(errors="replace")
        counted = findall(r"==\d+== I +refs: +([\d,]+)", said)
        if not counted or (done.returncode and not may_fail):
            raise RuntimeError(f"valgrind did not count the instructions of {' '.join(command)!r}: {said[-2000:]}")
        return sum(float(number.replace(",", "")) for number in counted)

    def _cpu_seconds(self, command: Command, *, may_fail: bool = False) -> float:
        """User and system time of a command and the children that it waited for.

        Raises:
            RuntimeError: the command failed.
        """
        process = subprocess.Popen(
            command, env=self._variables, cwd=self._folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode and not may_fail:
            raise RuntimeError(f"exit code {process.returncode}: {' '.join(command)!r}")
        return usage.ru_utime + usage.ru_stime

    def _peak(self, command: Command) -> float:
        """Peak memory of a Python program in KiB."""
        return run_with_peak_memory(command, self._variables, self._folder)


def run_with_peak_memory(command: Command, variables: Mapping[str, str], folder: Path) -> float:
    """Run a Python program and return its peak memory in KiB, which it reports at its exit.

    What the system reports of a child includes the parent that it was forked from.
    """
    hook = folder / "peak-memory"
    hook.mkdir(exist_ok=True)
    status = hook / "status"
    status.unlink(missing_ok=True)
    (hook / "sitecustomize.py").write_text(
        f"import atexit\natexit.register(lambda: open({str(status)!r}, 'w').write(open('/proc/self/status').read()))\n"
    )
    environment = {**variables, "PYTHONPATH": str(hook)}
    subprocess.run(command, env=environment, cwd=folder, stdout=subprocess.DEVNULL, check=True)
    (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return float(line.split()[1])
