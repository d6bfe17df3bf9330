"""Which `config.toml` counts, reading it, and replacing it whole (readings, section 2)."""

import os
import stat
import tomllib
from collections.abc import Iterator, Sequence
from typing import cast

from stardag.adapters.durable_files import (
    ANOTHER_OWNER,
    OTHERS_MAY_WRITE,
    UnreadableFile,
    locked,
    others_may_write,
    prepare,
    quoted,
    read_bounded,
    write_atomically,
)
from stardag.adapters.toml_config.document import BYTE_ORDER_MARK, SIZE_MAXIMUM, Document, read_document
from stardag.app.configuration_files import Edit, FileRead, FilesInForce
from stardag.app.ports import Trust
from stardag.domain.configuration import NO_DIRECTORY, ConfigurationFile, StardagDirectory
from stardag.domain.errors import (
    FileProblem,
    InvalidFile,
    NoHomeDirectory,
    NoProjectFile,
    StardagError,
    UnsafeFile,
    UntrustedFile,
)
from stardag.domain.layers import Layer, Notice, NoticeLog

DIRECTORY_NAME = ".stardag"
FILE_NAME = "config.toml"
NEW_FILE_MODE = 0o600

_EVERYONE_MAY_WRITE = 0o002


class TomlConfigurationFiles:
    """The project's and the user's `config.toml`, as seen from one working directory.

    `user_directory` is the user's stardag directory. `home_directory` tells where `~/.stardag` would be, which never
    is a project, also where the user's stardag directory has been moved elsewhere; None where there is no home.
    """

    def __init__(
        self,
        working_directory: str,
        user_directory: str,
        home_directory: str | None,
        trust: Trust,
        notice_log: NoticeLog | None = None,
    ) -> None:
        self._working_directory = working_directory
        self._user_directory = user_directory
        self._home_directory = home_directory
        self._trust = trust
        self._notice_log = notice_log or NoticeLog()

    def find(self) -> FilesInForce:
        """Which files there are; see the port."""
        user = os.path.join(self._user_directory, FILE_NAME)
        project = self._project_file()
        in_force = project or user
        return FilesInForce(
            in_force=in_force,
            exists=os.path.lexists(in_force),
            project=project,
            user=None if self._user_directory == NO_DIRECTORY else user,
            user_exists=os.path.lexists(user),
            directory=StardagDirectory(os.path.dirname(in_force), self._user_directory),
            pyproject=self._pyproject(),
            refused=self._reason_for_distrust(project) if project else self._who_else_may_write(user),
        )

    def read(self, *, is_needed: bool = True) -> FileRead:
        """The file in force; see the port."""
        path, layer, directory = self._in_force()
        notices = _notices_on_home(directory)
        self._notice_log.add(notices)
        try:
            document = self._document_in_force(path, layer)
        except UntrustedFile as error:
            if is_needed:
                raise
            left_unread = _left_unread(error)
            self._notice_log.add((left_unread,))
            own = StardagDirectory(self._user_directory, self._user_directory)
            return FileRead(None, own, (*notices, left_unread))
        if document is None:
            return FileRead(None, directory, notices)
        of_document = tuple(_notices(document, layer))
        self._notice_log.add(of_document)
        _refuse_invalid(document)
        return FileRead(_as_layer(document, layer), directory, (*notices, *of_document))

    def read_user_file(self) -> ConfigurationFile | None:
        """The user's own file; see the port."""
        path = os.path.join(self._user_directory, FILE_NAME)
        try:
            document = self._document_in_force(path, Layer.USER)
        except StardagError:
            return None
        return None if document is None or document.problems else _as_layer(document, Layer.USER)

    def read_project_file(self, path: str | None) -> ConfigurationFile:
        """A project's file whoever made it; see the port."""
        chosen = self._project_file() if path is None else self._project_file_at(path)
        if chosen is None:
            raise NoProjectFile(path or self._working_directory)
        document = _document(chosen)
        if document is None:
            raise NoProjectFile(chosen)
        _refuse_invalid(document)
        return _as_layer(document, Layer.PROJECT)

    def problems(self) -> Sequence[FileProblem]:
        """All that is wrong with the file in force; see the port."""
        path, layer, _ = self._in_force()
        try:
            document = self._document_in_force(path, layer)
        except InvalidFile as error:
            return error.problems
        if document is None:
            return ()
        self._notice_log.add(tuple(_notices(document, layer)))
        return document.problems

    def edit(self, edits: Sequence[Edit]) -> str:
        """Change the file in force as one step; see the port."""
        from stardag.adapters.toml_config.editing import edited

        path, layer, directory = self._in_force()
        if layer is Layer.USER:
            self._refuse_unsafe(path)  # before it is made, too: it would not be read afterwards
        prepare(directory)
        with locked(directory.path):
            document = self._document_in_force(path, layer) or Document(path, "")
            _refuse_invalid(document)
            text = edited(path, document.text, document.values, edits)
            # A linked file stays a link: what it leads to is what is replaced.
            target = os.path.realpath(path)
            mode = stat.S_IMODE(os.stat(target).st_mode) if os.path.exists(target) else NEW_FILE_MODE
            write_atomically(target, text.encode(), mode)
        return path

    def _in_force(self) -> tuple[str, Layer, StardagDirectory]:
        project = self._project_file()
        path = project or os.path.join(self._user_directory, FILE_NAME)
        directory = StardagDirectory(os.path.dirname(path), self._user_directory)
        return path, Layer.PROJECT if project else Layer.USER, directory

    def _project_file(self) -> str | None:
        users_own = {os.path.realpath(self._user_directory)}
        if self._home_directory is not None:
            users_own.add(os.path.realpath(os.path.join(self._home_directory, DIRECTORY_NAME)))
        for folder in self._folders_upwards():
            directory = os.path.join(folder, DIRECTORY_NAME)
            path = os.path.join(directory, FILE_NAME)
            if os.path.lexists(path) and os.path.realpath(directory) not in users_own:
                return path
        return None

    def _project_file_at(self, path: str) -> str | None:
        """The file that a person means by a path: it itself, or the one of the project or stardag directory there; None
        for a directory without one."""
        absolute = os.path.normpath(os.path.join(self._working_directory, path))
        for candidate in (os.path.join(absolute, DIRECTORY_NAME, FILE_NAME), os.path.join(absolute, FILE_NAME)):
            if os.path.lexists(candidate):
                return candidate
        return None if os.path.isdir(absolute) else absolute

    def _folders_upwards(self) -> Iterator[str]:
        folder = self._working_directory
        while True:
            yield folder
            parent = os.path.dirname(folder)
            if parent == folder:
                return
            folder = parent

    def _document_in_force(self, path: str, layer: Layer) -> Document | None:
        """The file parsed and checked, or None where there is none.

        Raises:
            InvalidFile: it cannot be read at all.
            UntrustedFile: it is a project file of somebody else's.
            UnsafeFile: it is the user's own, and others may write it.
        """
        if layer is Layer.PROJECT:
            self._refuse_untrusted(path)
        elif os.path.lexists(path):
            self._refuse_unsafe(path)
        return _document(path)

    def _refuse_unsafe(self, path: str) -> None:
        """Refuse a file of the user's own that others may write, or could put another one in the place of.

        Raises:
            UnsafeFile: they may.
        """
        for place in _places(path):
            reason = others_may_write(place)
            if reason == OTHERS_MAY_WRITE and _is_shared(place):
                fix = "Set STARDAG_HOME to a directory of your own."
                raise UnsafeFile(path, f"others may write {place}, which is shared", fix)
            if reason == OTHERS_MAY_WRITE:
                raise UnsafeFile(path, f"others may write {place}", f"Fix its permissions: chmod go-w {quoted(place)}")
            if reason == ANOTHER_OWNER:
                command = f"sudo chown {os.geteuid()} {quoted(place)}"
                raise UnsafeFile(path, f"{place} belongs to another user", f"Read it, and if it is yours: {command}")

    def _who_else_may_write(self, path: str) -> str | None:
        """Why the user's own file is not read, as a phrase; None where it is, or there is none."""
        try:
            if os.path.lexists(path):
                self._refuse_unsafe(path)
        except UnsafeFile as error:
            return error.problem
        return None

    def _refuse_untrusted(self, path: str) -> None:
        reason = self._reason_for_distrust(path)
        if reason:
            raise UntrustedFile(path, reason)

    def _reason_for_distrust(self, path: str) -> str | None:
        if self._trust.is_trusted(path):
            return None
        return _reason_for_distrust(path) or _reason_for_distrust(os.path.dirname(path))

    def _pyproject(self) -> str | None:
        for folder in self._folders_upwards():
            path = os.path.join(folder, "pyproject.toml")
            if os.path.isfile(path):
                return path if _has_tool_section(path) else None
        return None


def _left_unread(error: UntrustedFile) -> Notice:
    """That a project's file was not read, and that nothing of it was needed."""
    message = f"{error.message} Nothing of it is needed: variables name the registry, the API key and the workspace."
    return Notice("untrusted-file", message)


def _document(path: str) -> Document | None:
    """A file parsed and checked, whoever may write it; None where there is none.

    Raises:
        InvalidFile: it cannot be read at all.
    """
    try:
        content = read_bounded(path, SIZE_MAXIMUM)
    except UnreadableFile as error:
        raise InvalidFile([FileProblem(path, None, None, f"the file {error.problem}")]) from None
    if content is None and os.path.islink(path):
        raise InvalidFile([FileProblem(path, None, None, "it is a link that leads nowhere")])
    return None if content is None else read_document(path, content)


def _refuse_invalid(document: Document) -> None:
    """Refuse a file that is wrong; what is unknown in it may be why.

    Raises:
        InvalidFile: it is.
    """
    if document.problems:
        error = InvalidFile(document.problems)
        for notice in document.notices:
            error.add_note(notice.message)
        raise error


def _places(path: str) -> Sequence[str]:
    """What decides over a file's content: the file itself and its directory, and where it leads if it is a link."""
    if not os.path.islink(path):
        return (os.path.dirname(path), path)
    target = os.path.realpath(path)
    return (os.path.dirname(path), os.path.dirname(target), target)


def _notices_on_home(directory: StardagDirectory) -> tuple[Notice, ...]:
    if directory.user_path != NO_DIRECTORY:
        return ()
    message = f"{NoHomeDirectory.problem} No configuration or state of yours is read or kept. {NoHomeDirectory.remedy}"
    return (Notice("no-home-directory", message),)


def _reason_for_distrust(path: str) -> str | None:
    try:
        status = os.stat(path)
    except OSError:
        return None  # reading the file says better what is wrong
    if status.st_uid not in (0, os.geteuid()):
        return f"{path} belongs to another user"
    if status.st_mode & _EVERYONE_MAY_WRITE:
        return f"everyone may write {path}"
    return None


def _as_layer(document: Document, layer: Layer) -> ConfigurationFile:
    return ConfigurationFile(layer, document.path, document.configuration, document.line_of)


def _notices(document: Document, layer: Layer) -> Iterator[Notice]:
    yield from document.notices
    for registry in document.registries.values():
        if registry.allow_http and layer is Layer.PROJECT:
            line = document.line_of(("registry", registry.name, "allow_http"))
            place = f"{document.path}:{line}: registry.{registry.name}.allow_http"
            yield Notice("ignored-key", f"{place} counts only in the user's own file, and was not used.")


def _is_shared(place: str) -> bool:
    """Whether others are meant to write there: in a directory like `/tmp`, or to a device."""
    mode = os.stat(place).st_mode
    return bool(mode & stat.S_ISVTX) or not (stat.S_ISDIR(mode) or stat.S_ISREG(mode))


def _has_tool_section(path: str) -> bool:
    try:
        content = read_bounded(path, SIZE_MAXIMUM)
        document = tomllib.loads((content or b"").removeprefix(BYTE_ORDER_MARK).decode())
    except (UnreadableFile, ValueError, RecursionError):
        return False  # somebody else's file, and not one that is used
    tool: object = document.get("tool")
    return isinstance(tool, dict) and "stardag" in cast(dict[str, object], tool)
