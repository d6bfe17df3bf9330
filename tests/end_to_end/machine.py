"""A machine with nothing on it but the program: an empty home, an empty working directory and an empty environment.

Whatever a test runs here is also held to what every command promises: no traceback, no API key in what it says, and
with `--format json` one object of the agreed form on the agreed stream.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.processes import Ended, Running, forked, stardag_program

PROGRAM = Path(sys.executable).with_name("stardag")
"""The installed program, beside the Python that runs the tests."""

TIMEOUT_SECONDS = 60.0
"""Seconds after which a run that does not end has failed."""

KEY_VARIABLES = ("STARDAG_API_KEY", "STARDAG_REGISTRY_API_KEY")


@dataclass(frozen=True, slots=True)
class Ran:
    """What one run of the program gave."""

    words: Sequence[str]
    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """Everything that reached the terminal."""
        return self.out + self.err

    @property
    def envelope(self) -> Any:
        """The one JSON object on standard output."""
        document: Any = json.loads(self.out)
        assert sorted(document) == ["data", "schema", "warnings"], document
        command = next(word for word in self.words if word != "stardag")
        assert document["schema"].startswith(f"stardag.{command}"), document["schema"]
        assert document["schema"].endswith("/1"), document["schema"]
        return document

    @property
    def data(self) -> Any:
        """What the command answers to programs."""
        return self.envelope["data"]

    @property
    def warnings(self) -> dict[str, str]:
        """The messages of the warnings by their code, those of one code joined; also beside an error."""
        found: dict[str, str] = {}
        document = self.envelope if self.out else json.loads(self.err)
        for warning in document.get("warnings", []):
            assert sorted(warning) == ["code", "message"]
            found[warning["code"]] = f"{found.get(warning['code'], '')}{warning['message']}\n"
        return found

    @property
    def error(self) -> dict[str, str]:
        """The one JSON object on standard error; nothing may be on standard output."""
        assert self.out == "", self.out
        document: Any = json.loads(self.err)
        assert document.keys() - {"warnings"} == {"error", "schema"}, document
        assert document["schema"] == "stardag.error/1"
        assert sorted(document["error"]) == ["code", "fix", "message"]
        assert all(document["error"].values()), "an error says what is wrong and what to do"
        return dict(document["error"])


@dataclass(frozen=True, slots=True)
class Machine:
    """Where one person works: `home` and `work` (the working directory) lie in a test's own directory.

    `is_installed` runs the program as a shell would, for what only the start of a process shows.
    """

    root: Path
    variables: dict[str, str] = field(default_factory=dict[str, str])
    is_installed: bool = False

    @property
    def installed(self) -> "Machine":
        """The same machine, where the installed program is started anew each time."""
        return replace(self, is_installed=True)

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def work(self) -> Path:
        return self.root / "work"

    @property
    def directory(self) -> Path:
        """The user's stardag directory."""
        return self.home / ".stardag"

    @property
    def config(self) -> Path:
        """The user's configuration file."""
        return self.directory / "config.toml"

    def environment(self, **variables: str) -> dict[str, str]:
        """What a program is given: nothing of the real machine's."""
        return {"HOME": str(self.home), "PATH": f"{PROGRAM.parent}:/usr/bin:/bin", **self.variables, **variables}

    def configure(self, text: str) -> Path:
        """Write the user's configuration file."""
        return write(self.config, text)

    def project(self, text: str, folder: str = "") -> Path:
        """Write the configuration file of a project in the working directory or below it."""
        return write(self.work / folder / ".stardag" / "config.toml", text)

    def run(
        self,
        *words: str,
        exits: int | None = 0,
        env: Mapping[str, str] = {},
        cwd: Path | None = None,
        timeout: float = TIMEOUT_SECONDS,
        given: str = "",
    ) -> Ran:
        """Run the program without a terminal, `given` something on standard input, and check its exit code, unless
        `exits` is None."""
        variables = self.environment(**env)
        run = run_installed if self.is_installed else run_forked
        ended = run(words, variables, cwd or self.work, given.encode(), timeout)
        ran = Ran(words, ended.code, ended.out.decode(), ended.err.decode())
        check_promises(ran, variables)
        assert exits in (ran.code, None), f"stardag {' '.join(words)} exited with {ran.code}:\n{ran.said}"
        return ran

    @contextmanager
    def running(self, *words: str, given: str = "", **variables: str) -> Generator[Running]:
        """The program under way, `given` something on standard input, for the length of a `with` block."""
        env = self.environment(**variables)
        with (
            tempfile.TemporaryDirectory(prefix="stardag-run-") as directory,
            forked(stardag_program, words, env, self.work, Path(directory), given.encode()) as process,
        ):
            yield process

    def ask(self, *words: str, exits: int | None = 0, env: Mapping[str, str] = {}, cwd: Path | None = None) -> Ran:
        """The same, answering in JSON."""
        return self.run(*words, "--format", "json", exits=exits, env=env, cwd=cwd)

    def values(self, *words: str, env: Mapping[str, str] = {}, cwd: Path | None = None) -> dict[str, Any]:
        """The values of `config show` by their key."""
        shown = self.ask("config", "show", *words, env=env, cwd=cwd).data["values"]
        return {value["key"]: value for value in shown}


def run_forked(words: Sequence[str], env: Mapping[str, str], cwd: Path, given: bytes, timeout: float) -> Ended:
    """Run the program in a process that has imported it already."""
    with (
        tempfile.TemporaryDirectory(prefix="stardag-run-") as directory,
        forked(stardag_program, words, env, cwd, Path(directory), given) as process,
    ):
        return process.ended(timeout)


def run_installed(words: Sequence[str], env: Mapping[str, str], cwd: Path, given: bytes, timeout: float) -> Ended:
    """Run the installed program as a shell would."""
    ended = subprocess.run([PROGRAM, *words], input=given, capture_output=True, env=dict(env), cwd=cwd, timeout=timeout)
    return Ended(ended.returncode, ended.stdout, ended.stderr)


def write(path: Path, text: str) -> Path:
    """Write a file and make the directories above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def check_promises(ran: Ran, variables: Mapping[str, str]) -> None:
    """What holds for every run, whatever was asked."""
    assert "Traceback" not in ran.said, ran.said
    assert "not foreseen" not in ran.said, ran.said
    for name in KEY_VARIABLES:
        assert not variables.get(name) or variables[name] not in ran.said, f"{name} is in the output"


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Keys and values alone."""
    return {key: value["value"] for key, value in values.items()}


def line_of(path: Path, text: str) -> int:
    """The line (from 1) on which this text stands in a file, once."""
    lines = path.read_text().splitlines()
    found = [number for number, line in enumerate(lines, start=1) if text in line]
    assert len(found) == 1, f"{text!r} stands in {path} {len(found)} times"
    return found[0]


def files_below(directory: Path) -> dict[str, bytes]:
    """Every file below a directory and its content."""
    return {
        str(path.relative_to(directory)): path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file()
    }
