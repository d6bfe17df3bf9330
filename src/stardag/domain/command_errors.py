"""What can go wrong with a command that `stardag exec` runs, and with what it was handed."""

from stardag.domain.errors import SignInNeeded, StardagError


class AccessTokenEnded(SignInNeeded):
    """The access token that a command was handed is not accepted any more."""

    code = "access-token-ended"

    def __init__(self, registry_url: str, said_by: str) -> None:
        self.registry_url = registry_url
        super().__init__(
            f"The registry {registry_url} does not accept the access token from {said_by} (any more): it was made for "
            "a command that `stardag exec` ran, and ends with it, after twelve hours at most.",
            f"Run the command again with `stardag exec`, or unset {said_by} to use your own sign-in.",
        )


class CommandNotFound(StardagError):
    """There is no such command to run."""

    code = "command-not-found"

    def __init__(self, command: str) -> None:
        self.command = command
        where = "it is no file" if "/" in command else "it is in no directory of PATH"
        super().__init__(
            f"There is no command {command[:200]!r} to run: {where}.",
            "Correct its name, or give its path. Nothing was started.",
        )


class CommandNotRunnable(StardagError):
    """There is such a file, and it cannot be run."""

    code = "command-not-runnable"

    def __init__(self, command: str, problem: str) -> None:
        """`problem`: a phrase to follow a colon."""
        self.command = command
        super().__init__(
            f"The command {command[:200]!r} cannot be run: {problem}.",
            "Make it a program that may be run (chmod +x, a first line like `#!/bin/sh`). Nothing was started.",
        )
