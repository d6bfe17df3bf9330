"""The directory of a task below a local target root."""

import errno
import os
from collections.abc import Callable, Iterator, Mapping

from stardag.adapters.storage.local_failures import storage_failures
from stardag.adapters.storage.local_paths import LocalOutputPath, below, children_of, open_local_root
from stardag.adapters.storage.local_writing import LocalReplacement, sync_directory
from stardag.domain.output_errors import ReadOnlyTargetRoot, StorageFailed
from stardag.domain.outputs import TASK_RECORD, TASK_RECORD_MAX_BYTES, RootPlace


class LocalTaskFiles:
    """The port `TaskFiles` for a local root. The record is Stardag's own, so no path leads to it but here."""

    def __init__(self, root: RootPlace, directory: str) -> None:
        self._root = root
        self._relative = directory
        self._directory = open_local_root(root) / directory

    def sizes(self) -> Mapping[str, int]:
        """All outputs below the directory (relative path to bytes), without what is Stardag's own."""
        with storage_failures(str(self._directory)):
            return dict(self._sizes_in("", self._directory))

    def read_record(self) -> bytes | None:
        """The task's record; None where there is none."""
        with storage_failures(self._record_for_people):
            try:
                descriptor = os.open(self._record(), os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
            except (FileNotFoundError, NotADirectoryError):
                return None
            except OSError as error:
                if error.errno == errno.ELOOP:
                    raise StorageFailed(self._record_for_people, "it is a link") from None
                raise
            with open(descriptor, "rb") as file:
                content = file.read(TASK_RECORD_MAX_BYTES + 1)
        if len(content) > TASK_RECORD_MAX_BYTES:
            raise StorageFailed(self._record_for_people, f"it is larger than {TASK_RECORD_MAX_BYTES} bytes")
        return content

    def write_record(self, content: bytes) -> None:
        """Put the record in place, atomically and durably."""
        self._refuse_read_only()
        with storage_failures(self._record_for_people):
            new = LocalReplacement(self._record())
            try:
                with open(new.descriptor, "wb", closefd=False) as file:
                    file.write(content)
                new.put_in_place()
            except BaseException:
                new.discard()
                raise
            finally:
                os.close(new.descriptor)

    def remove_record(self) -> None:
        """Remove the record, if there is one; that too outlasts a power cut."""
        self._refuse_read_only()
        with storage_failures(self._record_for_people):
            try:
                os.unlink(self._record())
            except (FileNotFoundError, NotADirectoryError):
                return
            sync_directory(os.path.dirname(self._record()))

    def path(self, relative: str, before_writing: Callable[[], None] | None = None) -> LocalOutputPath:
        """A path in the directory, which it never leaves."""
        return open_local_root(self._root, self._relative, before_writing) / relative

    @property
    def _record_for_people(self) -> str:
        return f"{self._directory}/{TASK_RECORD}"

    def _record(self) -> str:
        return os.path.join(os.fspath(self._directory), TASK_RECORD)

    def _refuse_read_only(self) -> None:
        if self._root.is_read_only:
            raise ReadOnlyTargetRoot(self._root.name, self._record_for_people)

    def _sizes_in(self, prefix: str, directory: LocalOutputPath) -> Iterator[tuple[str, int]]:
        for child in children_of(directory):
            path = below(directory, child.name)
            if child.kind == "directory":
                yield from self._sizes_in(f"{prefix}{child.name}/", path)
            elif child.kind == "file" or path.is_file():
                yield f"{prefix}{child.name}", os.stat(path).st_size
