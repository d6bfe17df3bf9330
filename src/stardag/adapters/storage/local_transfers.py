"""The way from one target root to another where both are local directories (ADR 0051)."""

import hashlib
import os
from collections.abc import Callable

from stardag.adapters.storage.local_files import LocalFiles, blocks_of
from stardag.adapters.storage.parts import Parts
from stardag.adapters.storage.same_content import are_files_same, copy_differs
from stardag.app.outputs.copying_ports import StoredFile


class LocalTransfers:
    """From a directory to a directory."""

    def __init__(self, source: LocalFiles, target: LocalFiles, parts: Parts) -> None:
        self.source = source
        self.target = target
        self._parts = parts

    def begin(self) -> None:
        """What was left half-written goes when its directory is written to."""

    def give_up(self) -> None:
        """End the copies that are being made."""
        self._parts.give_up()

    def is_same(self, original: StoredFile, other: StoredFile) -> bool:
        """Whether two files have the same content; both are read."""
        return are_files_same(self.source, original, self.target, other, self._parts)

    def copy(self, original: StoredFile, moved: Callable[[int], None]) -> None:
        """Copy while hashing, and read the copy again from where it was put."""
        with self.target.new(original.path) as copy:
            digest = hashlib.sha256()
            with self.source.original(original) as descriptor:
                offset = 0
                for block in self._parts.watched(blocks_of(descriptor)):
                    digest.update(block)
                    self.target.write(original.path, copy, block, offset)
                    offset += len(block)
                    moved(len(block))
            os.fsync(copy)
            again = hashlib.sha256()
            for block in self._parts.watched(blocks_of(copy)):
                again.update(block)
            if again.digest() != digest.digest():
                raise copy_differs(self.target.place(original.path))
