"""Speed and size, as ratios measured in one run (`make bench`). Exits with 1 where a bound is not kept.

Instructions are counted by valgrind's cachegrind where it is installed, which is the same on a busy machine; else CPU
time stands in. Programs run in two virtual environments made here: one with the client's packages alone, one with the
registry's as well.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from re import findall, match
from typing import Self

import httpx

from benchmarks import copying, outputs, registry
from benchmarks.report import Report

SOURCE = Path(__file__).resolve().parent.parent / "src"
PEERS = (("aws", "configure", "list"), ("git", "config", "-l"), ("gh", "config", "list"))
ROUNDS = 15


def main() -> int:
    """Measure everything and print it."""
    if not shutil.which("valgrind"):
        print("valgrind is not installed: CPU time stands in for instructions, and is not exact.\n")
    report = Report()
    with tempfile.TemporaryDirectory(prefix="stardag-bench-") as folder:
        bench = Bench(Path(folder), report)
        bench.start_up()
        bench.resolution()
        bench.validation()
        bench.storages()
        bench.peers()
        outputs.measure(Path(folder), report)
        copying.measure(Path(folder), report, bench.client)
        registry.measure(Path(folder), report)
    return 1 if report.is_broken else 0


class Bench:
    """The client: where it keeps its files, and what has been measured."""

    def __init__(self, folder: Path, report: Report) -> None:
        self.folder = folder
        self.report = report
        self.client = _environment(folder / "client", extra=None)
        self.everything = _environment(folder / "everything", extra="registry")
        self.home = folder / "home"
        self.home.mkdir()
        (self.home / "config.toml").write_text(
            '[registry.local]\nurl = "http://localhost:8000"\n\n[profile.local]\nregistry = "local"\n'
            'organization = "default"\nworkspace = "default"\n\n[default]\nprofile = "local"\n'
        )
        self.variables = {"HOME": str(folder), "STARDAG_HOME": str(self.home), "PATH": os.environ["PATH"]}

    def start_up(self) -> None:
        """Instructions and peak memory of short commands, against an empty program."""
        print("Start-up, against `python -c pass`")
        nothing = ("-c", "pass")
        programs: list[tuple[str, Path, Sequence[str], float]] = [
            ("stardag profile list", self.client, ("-m", "stardag", "profile", "list"), 17),
            ("  with the registry installed", self.everything, ("-m", "stardag", "profile", "list"), 17),
            ("stardag --help", self.client, ("-m", "stardag", "--help"), 17),
            ("  with the registry installed", self.everything, ("-m", "stardag", "--help"), 17),
            ("stardag version", self.client, ("-m", "stardag", "version"), 12),
            ("import stardag", self.client, ("-c", "import stardag"), 2),
            ("  and stardag.active_profile()", self.client, ("-c", "import stardag; stardag.active_profile()"), 10),
        ]
        for name, python, words, at_most in programs:
            ratio = self.cost((str(python), *words)) / self.cost((str(python), *nothing))
            self.report.at_most(name, "instructions", ratio, at_most)
        for name, python in (("stardag profile list", self.client), ("  with the registry installed", self.everything)):
            ratio = self.peak((str(python), "-m", "stardag", "profile", "list")) / self.peak((str(python), *nothing))
            self.report.at_most(name, "peak memory", ratio, 2.8)

    def resolution(self) -> None:
        """Resolving with a thousand profiles, against parsing that file."""
        print("\nResolving with 1,000 profiles in the file, against `tomllib.loads` of it")
        text = '[registry.local]\nurl = "http://localhost:8000"\n\n[default]\nprofile = "profile-0500"\n' + "".join(
            f'\n[profile.profile-{number:04}]\nregistry = "local"\norganization = "my-org"\nworkspace = "w-{number}"\n'
            for number in range(1000)
        )
        home = self.folder / "thousand"
        home.mkdir()
        (home / "config.toml").write_text(text)
        os.environ["STARDAG_HOME"] = str(home)
        os.chdir(self.folder)
        import stardag

        assert stardag.active_profile().workspace.value == "w-500"
        ratio = _interleaved(stardag.active_profile, lambda: tomllib.loads(text))
        del os.environ["STARDAG_HOME"]
        self.report.at_most("stardag.active_profile()", "time", ratio, 1.3)

    def validation(self) -> None:
        """What a validation with unchanged roots sends, through a relay that writes it down."""
        print("\nValidation with unchanged roots, against a registry")
        data = self.folder / "registry"
        server = subprocess.Popen(
            (str(self.everything), "-m", "stardag", "registry", "serve", "--port", "0", "--data-dir", str(data)),
            env=self.variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            assert server.stdout is not None
            url = server.stdout.readline().strip()
            with Relay(url) as relay:
                key = (data / "owner-api-key").read_text().strip()
                variables = {**self.variables, "STARDAG_REGISTRY_URL": relay.url, "STARDAG_API_KEY": key}
                variables["STARDAG_WORKSPACE"] = "default"
                validate = (str(self.everything), "-m", "stardag", "target-roots", "validate")
                subprocess.run(validate, env=variables, check=True, capture_output=True)
                relay.answers.clear()
                subprocess.run(validate, env=variables, check=True, capture_output=True)
                answers = list(relay.answers)
        finally:
            server.terminate()
            server.communicate()
        self.report.at_most("stardag target-roots validate", "requests", len(answers), 1)
        print(f"    answered: {', '.join(map(str, answers))}")
        self.report.at_most("  other answers than 304", "requests", sum(answer != 304 for answer in answers), 0)

    def storages(self) -> None:
        """Checking many storages at once, against one of them."""
        print("\nChecking 20 storages that take 300 ms each to answer, against one of them")
        from stardag.app.check_storages import check_storages

        class Slow:
            def check(self, uri_prefix: str, timeout: float) -> str | None:
                time.sleep(0.3)
                return None

        def checked(number: int) -> float:
            start = time.perf_counter()
            check_storages(Slow(), {f"root-{each}": f"/root-{each}" for each in range(number)}, 10.0)
            return time.perf_counter() - start

        self.report.at_most("check_storages", "time", checked(20) / checked(1), 2.0)

    def peers(self) -> None:
        """The same measure for programs that people compare with, where they are installed."""
        print("\nPeers, against `python -c pass` as well")
        nothing = self.cost((str(self.client), "-c", "pass"))
        for peer in PEERS:
            if shutil.which(peer[0]) is None:
                print(f"  {' '.join(peer):42} not installed")
            else:
                print(f"  {' '.join(peer):42} {'instructions':14} {self.cost(peer) / nothing:8.2f}")

    def cost(self, command: Sequence[str]) -> float:
        """Instructions that a command takes, or its CPU seconds where they cannot be counted."""
        subprocess.run(command, env=self.variables, cwd=self.folder, capture_output=True, check=False)  # warm caches
        if shutil.which("valgrind"):
            counting = ("--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null")
            tool = ("valgrind", "--trace-children=yes", *counting)
            variables = {**self.variables, "PYTHONHASHSEED": "0"}
            done = subprocess.run((*tool, *command), env=variables, cwd=self.folder, capture_output=True, check=False)
            counted = findall(r"==\d+== I +refs: +([\d,]+)", done.stderr.decode(errors="replace"))
            if counted:
                return sum(float(number.replace(",", "")) for number in counted)
        return statistics.median(self._seconds(command) for _ in range(ROUNDS))

    def peak(self, command: Sequence[str]) -> float:
        """Peak memory of a Python program in KiB: what it says of itself at its end, since what the system says of a
        child still counts the parent that it was forked from."""
        watch = self.folder / "watch"
        watch.mkdir(exist_ok=True)
        report = watch / "peak"
        (watch / "sitecustomize.py").write_text(
            f"import atexit\n"
            f"atexit.register(lambda: open({str(report)!r}, 'w').write(open('/proc/self/status').read()))\n"
        )
        variables = {**self.variables, "PYTHONPATH": str(watch)}
        subprocess.run(command, env=variables, cwd=self.folder, stdout=subprocess.DEVNULL, check=True)
        (line,) = (line for line in report.read_text().splitlines() if line.startswith("VmHWM:"))
        return float(line.split()[1])

    def _seconds(self, command: Sequence[str]) -> float:
        process = subprocess.Popen(command, env=self.variables, cwd=self.folder, stdout=subprocess.DEVNULL)
        _, _, usage = os.wait4(process.pid, 0)
        process.returncode = 0
        return usage.ru_utime + usage.ru_stime


class Relay:
    """A server on loopback that hands requests on to another, and writes down how they were answered."""

    def __init__(self, target: str) -> None:
        self.answers: list[int] = []
        relay = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                headers = {**dict(self.headers), "Host": target.partition("://")[2]}
                answer = httpx.get(target + self.path, headers=headers, trust_env=False)
                relay.answers.append(answer.status_code)
                self.send_response(answer.status_code)
                for name in ("Content-Type", "ETag", "Content-Length"):
                    if name in answer.headers:
                        self.send_header(name, answer.headers[name])
                self.end_headers()
                self.wfile.write(answer.content)

            def log_message(self, format: str, *_: object) -> None:  # noqa: A002  # the name it is called by
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _interleaved(first: Callable[[], object], second: Callable[[], object]) -> float:
    """The ratio of the best times of two functions, taken in turns."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for function, taken in zip((first, second), times, strict=True):
            start = time.perf_counter()
            function()
            taken.append(time.perf_counter() - start)
    return min(times[0]) / min(times[1])


def _environment(folder: Path, extra: str | None) -> Path:
    """A virtual environment with stardag and what it requires, and what an extra of it requires; returns its Python."""
    subprocess.run((sys.executable, "-m", "venv", "--without-pip", str(folder)), check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    for name in _required("stardag", extra):
        files = distribution(name).files or ()
        for top in {file.parts[0] for file in files if file.parts[0] not in ("..", "__pycache__")}:
            target = Path(str(distribution(name).locate_file(top)))
            link = packages / top
            if target.exists() and not link.exists():
                link.symlink_to(target)
    (packages / "source.pth").write_text(f"{SOURCE}\n")
    entry_points = packages / "stardag.dist-info"
    entry_points.mkdir()
    (entry_points / "METADATA").write_text("Metadata-Version: 2.1\nName: stardag\nVersion: 0\n")
    (entry_points / "entry_points.txt").write_text("[stardag.registry]\nserve = stardag_registry.program:serve\n")
    return folder / "bin" / "python"


def _required(root: str, extra: str | None) -> set[str]:
    """The distributions that one requires, directly or not, as far as they are installed."""
    found: set[str] = set()
    waiting = [(root, extra)]
    while waiting:
        name, wanted = waiting.pop()
        try:
            requirements = distribution(name).requires or []
        except PackageNotFoundError:
            continue
        if name != root:
            found.add(name)
        for requirement in requirements:
            required = match(r"[A-Za-z0-9_.-]+", requirement)
            marker = match(r".*extra == ['\"](.+?)['\"]", requirement)
            if required and (marker is None or marker[1] == wanted) and required[0] not in found:
                waiting.append((required[0], None))
    return found


if __name__ == "__main__":
    sys.exit(main())
