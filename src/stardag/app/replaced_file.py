"""What is said of a name that a project's file lacks, where the user's own file, which it replaces, has it."""

from collections.abc import Generator
from contextlib import contextmanager

from stardag.app.ports import ConfigurationFiles
from stardag.domain.errors import UnknownName


@contextmanager
def explaining_unknown_names(files: ConfigurationFiles) -> Generator[None]:
    """Say of a name that is not known in this block where it is defined, if the user's own file has it and is replaced.

    Raises:
        UnknownName: what was raised in the block, explained.
    """
    try:
        yield
    except UnknownName as error:
        project, own = files.find().project, files.read_user_file()
        if project is None or own is None:
            raise
        names = own.configuration.registries if error.kind == "registry" else own.configuration.profiles
        if error.value not in names:
            raise
        raise UnknownName(error.kind, error.value, error.said_by, error.known, (own.path, project)) from None
