"""Which storage a target root wants, by its scheme."""

import threading
from functools import cache
from typing import TYPE_CHECKING

from stardag.app.outputs.ports import OutputPath, TaskFiles
from stardag.domain.outputs import RootPlace
from stardag.domain.target_roots import scheme_of

if TYPE_CHECKING:
    from stardag.adapters.storage.s3_paths import S3Roots


class LocalAndS3OutputStorage:
    """Keeps the promises of `OutputStorage` for local directories and S3. One of it serves any number of threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._s3: S3Roots | None = None

    def open_root(self, root: RootPlace) -> OutputPath:
        """A target root as a path; nothing is looked at yet."""
        if scheme_of(root.uri_prefix) == "s3":
            return self._s3_roots().open(root)
        from stardag.adapters.storage.local_paths import open_local_root

        return open_local_root(root)

    def task_files(self, root: RootPlace, directory: str) -> TaskFiles:
        """The directory of a task, by its path below the root."""
        if scheme_of(root.uri_prefix) == "s3":
            return self._s3_roots().task_files(root, directory)
        from stardag.adapters.storage.local_tasks import LocalTaskFiles

        return LocalTaskFiles(root, directory)

    def _s3_roots(self) -> "S3Roots":
        from stardag.adapters.storage.s3_paths import S3Roots  # boto3 takes 300 ms to import

        with self._lock:
            if self._s3 is None:
                self._s3 = S3Roots()
            return self._s3


@cache
def output_storage() -> LocalAndS3OutputStorage:
    """The one of this process: making a client for S3 takes longer than most of what is asked of it."""
    return LocalAndS3OutputStorage()
