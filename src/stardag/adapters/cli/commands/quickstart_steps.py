"""The steps of the quickstart: each shows the command that a person would type, and runs it."""

import os
import select
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable
from contextlib import AbstractContextManager
from shlex import join, quote
from typing import IO

from stardag.domain.errors import StardagError
from stardag.domain.lines import lines

START_TIMEOUT = 30.0
"""Seconds that the registry may take until it answers."""

STOP_TIMEOUT = 15.0
COMMAND_TIMEOUT = 60.0

_OUTSIDE_OF_PROJECTS = os.sep
"""The working directory of every step: the quickstart's own may lie below a project, whose file would count."""

_PYTHON = (sys.executable, "-P")
"""Without the working directory on the path of modules."""

_PROGRAM = (*_PYTHON, "-m", "stardag")
_WIDTH = 78


class QuickstartFailed(StardagError):
    """A step did something else than what it is there to show."""

    code = "quickstart-failed"

    def __init__(self, command: str, problem: str) -> None:
        super().__init__(f"The quickstart stopped at `{command}`: {problem}.", "Everything it had made was removed.")


class Quickstart:
    """One tour through the guide's main job in `directory`, with a registry of its own.

    `commands` lists what was run, with exit codes. With `is_silent`, nothing is printed. `shield` makes a context in
    which no signal ends the program.
    """

    def __init__(self, directory: str, *, is_silent: bool, shield: Callable[[], AbstractContextManager[None]]) -> None:
        self._directory = directory
        self._is_silent = is_silent
        self._shield = shield
        self._home = os.path.join(directory, "home")
        self._data = os.path.join(directory, "registry")
        self._key_path = os.path.join(self._data, "owner-api-key")
        self._server: subprocess.Popen[str] | None = None
        self._command: subprocess.Popen[str] | None = None
        self._errors: IO[str] | None = None
        self._url = ""
        self._environment = _clean_environment(self._home)
        self.commands: list[dict[str, str | int]] = []

    def run(self) -> None:
        """Go through all steps; the registry is stopped at the end.

        Raises:
            QuickstartFailed: a step did not do what it should.
        """
        project = project_above(os.path.join(_OUTSIDE_OF_PROJECTS, "any"))
        if project is not None:
            raise QuickstartFailed("stardag quickstart", f"{project} counts in every directory of this machine")
        self._configure()
        self._sync_and_validate()
        self._show_an_added_root()
        self._show_a_changed_root()
        self._show_reading_without_the_registry()

    def stop(self) -> None:
        """Stop the registry and the command of the step, if they run."""
        if self._command is not None and self._command.poll() is None:
            self._command.kill()
            self._command.communicate()
        self._stop_registry()

    def _stop_registry(self) -> None:
        server, self._server = self._server, None
        if server is None:
            return
        server.terminate()
        try:
            server.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        for stream in (server.stdout, self._errors):
            if stream is not None:
                stream.close()

    def how_to_go_on(self) -> str:
        """What a person types to use the setup again."""
        port = self._url.rpartition(":")[2]
        project = project_above(self._directory)
        away = [f"  cd {_OUTSIDE_OF_PROJECTS}  # {project} would count here instead"] if project else []
        return lines(
            "Go on with this setup. In one terminal, run its registry:",
            f"  stardag registry serve --data-dir {quote(self._data)} --port {port}",
            "and in another:",
            *away,
            f"  export STARDAG_HOME={quote(self._home)}",
            f'  export STARDAG_API_KEY="$(cat {quote(self._key_path)})"',
            "  stardag config show",
            f"When you have seen enough: rm -r {quote(self._directory)}",
        )

    def _configure(self) -> None:
        self._say("A registry of your own: the server that the whole team's target roots are defined on.")
        self._start_registry()
        self._say("Name the registry, and the workspace on it that is meant.")
        self._stardag("registry", "add", "quickstart", "--url", self._url)
        place = ("--registry", "quickstart", "--organization", "default", "--workspace", "default")
        self._stardag("profile", "add", "quickstart", *place)

    def _sync_and_validate(self) -> None:
        self._say("Fetch the target roots, which are defined centrally and cached here.")
        self._stardag("target-roots", "sync")
        self._say("What is in force now, and where each value came from?")
        self._stardag("config", "show")
        self._stardag("config", "explain", "registry_url")
        self._say("Every build starts with this: roots unchanged, storage writable.")
        self._stardag("target-roots", "validate")

    def _show_an_added_root(self) -> None:
        self._say("Someone else adds a target root. The next build takes it over by itself.")
        self._stardag("target-roots", "add", "archive", self._root("archive"), "--yes")
        self._stardag("target-roots", "validate")

    def _show_a_changed_root(self) -> None:
        self._say("Someone else changes it. The next build stops: its outputs would have gone astray.")
        self._stardag("target-roots", "set", "archive", self._root("archive-2"))
        self._stardag("target-roots", "validate", expected=3)
        self._say("The change is wanted, so accept it.")
        self._stardag("target-roots", "sync")
        self._stardag("target-roots", "validate")

    def _show_reading_without_the_registry(self) -> None:
        self._say("With the registry stopped, outputs can still be read: the roots are cached.")
        output = os.path.join(self._root("default"), "hello.txt")
        self._show(f'echo "made while the registry ran" > {quote(output)}')
        os.makedirs(os.path.dirname(output), exist_ok=True)
        with open(output, "w", encoding="utf-8") as file:
            file.write("made while the registry ran\n")
        self._show(f"kill {self._server.pid if self._server else ''}  # the registry")
        self._stop_registry()
        self._stardag("target-roots", "list")
        code = (
            "import stardag; print(open(stardag.active_profile().target_root('default') + 'hello.txt').read(), end='')"
        )
        self._run(f'python -c "{code}"', (*_PYTHON, "-c", code), 0)

    def _start_registry(self) -> None:
        words = ("registry", "serve", "--port", "0", "--data-dir", self._data)
        command = f"stardag {join(words)} &"
        self._show(command)
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115  # closed in stop
        with self._shield():
            self._server = self._open((*_PROGRAM, *words), self._errors)
        self._url = self._first_line(self._server)
        if not self._url:
            self._errors.seek(0)
            raise QuickstartFailed(command, f"the registry did not start. {self._errors.read().strip()}")
        self._print(self._url)
        self._show(f'export STARDAG_API_KEY="$(cat {quote(self._key_path)})"')
        with open(self._key_path, encoding="utf-8") as key_file:
            self._environment["STARDAG_API_KEY"] = key_file.read().strip()

    def _first_line(self, server: subprocess.Popen[str]) -> str:
        if server.stdout is None or not select.select([server.stdout], [], [], START_TIMEOUT)[0]:
            return ""
        return server.stdout.readline().strip()

    def _stardag(self, *words: str, expected: int = 0) -> None:
        self._run(f"stardag {join(words)}", (*_PROGRAM, *words), expected)

    def _run(self, shown: str, command: tuple[str, ...], expected: int) -> None:
        """Run a command and show what it prints, in the order in which a terminal would."""
        self._show(shown)
        with self._shield():
            self._command = process = self._open(command, subprocess.STDOUT)
        output, _ = process.communicate(timeout=COMMAND_TIMEOUT)
        self._print(output.rstrip("\n"))
        self.commands.append({"command": shown, "exit_code": process.returncode})
        if process.returncode != expected:
            raise QuickstartFailed(shown, f"it ended with {process.returncode} instead of {expected}")
        if expected:
            self._print(f"(exit code {expected})")

    def _open(self, command: tuple[str, ...], errors: IO[str] | int) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            command,
            env=self._environment,
            cwd=_OUTSIDE_OF_PROJECTS,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            encoding="utf-8",
            errors="replace",
        )

    def _root(self, name: str) -> str:
        return os.path.join(self._data, "local-target-roots", "default", name) + "/"

    def _say(self, sentence: str) -> None:
        self._print("\n" + textwrap.fill(f"# {sentence}", _WIDTH, subsequent_indent="# "))

    def _show(self, command: str) -> None:
        self._print(f"$ {command}")

    def _print(self, text: str) -> None:
        if text and not self._is_silent:
            sys.stdout.write(text + "\n")
            sys.stdout.flush()


def project_above(directory: str) -> str | None:
    """The configuration file that makes a project of a directory above this one, or None. That of the home directory
    never does."""
    home = os.path.realpath(os.path.join(os.path.expanduser("~"), ".stardag"))
    folder = directory
    while folder != os.path.dirname(folder):
        folder = os.path.dirname(folder)
        own = os.path.join(folder, ".stardag")
        path = os.path.join(own, "config.toml")
        if os.path.lexists(path) and os.path.realpath(own) != home:
            return path
    return None


def _clean_environment(home: str) -> dict[str, str]:
    """This process's environment without a word of stardag's in it but where its directory is."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("STARDAG_")}
    loopback = "localhost,127.0.0.1"
    return {**variables, "STARDAG_HOME": home, "NO_PROXY": loopback, "no_proxy": loopback, "PYTHONIOENCODING": "utf-8"}
