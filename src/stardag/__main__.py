"""The `stardag` program: `python -m stardag`, and the script of the same name."""

import sys
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from stardag.adapters.cli.use_cases import UseCases

_UNWANTED = frozenset(("ssl", "pydantic", "pydantic_settings", "fastapi", "starlette", "werkzeug", "flask", "yaml"))


class _HideIntegrations:
    """Answers that the packages which dependency-injector offers to integrate with are not there.

    It tries to import each of them on its own first import, which triples the time of a short command where the
    registry is installed as well. So does asyncio, which comes with it, for ssl: a fifth of a command's memory, for
    what no command does. Only for this program's own process: in a user's, it would break the import of
    another thread. A finder by its method alone: `importlib.abc` would bring half the standard library along.
    """

    def find_spec(self, fullname: str, _path: object, _target: object = None, /) -> None:
        """Refuse the unwanted packages, and leave all others to the finders behind this one."""
        if fullname in _UNWANTED:
            raise ModuleNotFoundError(f"{fullname} is not needed here", name=fullname)


def make_container() -> "UseCases":
    """The container of this program, imported without the integrations that nobody here asks for.

    The class itself: it has the same providers, and an instance is made by copying every one of them, which costs more
    than all that a short command does with them.
    """
    finder = _HideIntegrations()
    sys.meta_path.insert(0, finder)
    try:
        from stardag.container import Container
    finally:
        sys.meta_path.remove(finder)
    return cast("UseCases", Container)  # type checkers allow providers, which are its attributes, on instances alone


def main() -> None:
    """Run the command line of this process and exit."""
    from stardag.adapters.cli.streams import prepare_streams

    prepare_streams()
    from stardag.adapters.cli.program import run

    sys.exit(run(sys.argv[1:], make_container))


if __name__ == "__main__":
    main()
