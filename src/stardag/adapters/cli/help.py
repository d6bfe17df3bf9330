"""Help as plain text: the same in a terminal, a pipe and a screen reader, and quicker than boxes."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cyclopts.help import HelpPanel
    from rich.console import Console, ConsoleOptions


class PlainHelp:
    """Cyclopts' own plain formatter, imported when help is asked for: it brings rich along."""

    def __call__(self, console: "Console", options: "ConsoleOptions", panel: "HelpPanel") -> None:
        """Print one panel of commands or parameters."""
        from cyclopts.help.formatters.plain import PlainFormatter

        PlainFormatter()(console, options, panel)

    def render_usage(self, console: "Console", options: "ConsoleOptions", usage: object) -> None:
        """Print the line on usage."""
        from cyclopts.help.formatters.plain import PlainFormatter

        PlainFormatter().render_usage(console, options, usage)

    def render_description(self, console: "Console", options: "ConsoleOptions", description: object) -> None:
        """Print what the command is for."""
        from cyclopts.help.formatters.plain import PlainFormatter

        PlainFormatter().render_description(console, options, description)
