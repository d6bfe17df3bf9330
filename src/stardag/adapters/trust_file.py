"""Keeps the promises of the port `Trust` with `trust.json` in the user's own stardag directory.

It says of a record that others could have written, or that cannot be understood, that nothing is trusted.
"""

import os
from collections.abc import Mapping, Sequence
from typing import cast

from stardag.adapters.durable_files import (
    UnreadableFile,
    decode_json,
    encode_json,
    locked,
    others_may_write,
    prepare_user_directory,
    quoted,
    read_bounded,
    write_atomically,
)
from stardag.domain.errors import StateNotWritable
from stardag.domain.registry_url import origin_of

TRUST_NAME = "trust.json"

_SIZE_LIMIT = 1024 * 1024
"""In bytes."""

Origins = tuple[str, ...]


class TrustFile:
    """The port `Trust`; `user_directory` is the user's own stardag directory, which need not exist."""

    def __init__(self, user_directory: str) -> None:
        self._directory = user_directory
        self._path = os.path.join(user_directory, TRUST_NAME)

    def trust(self, path: str, registry_urls: Sequence[str]) -> None:
        """Record a project file, and the origins of these URLs with it, instead of what was recorded of it before.

        Raises:
            StateNotWritable: the record cannot be written, others may write it, or it is corrupt: what a person once
                trusted is not to be thrown away, nor believed.
        """
        prepare_user_directory(self._directory)
        with locked(self._directory):
            try:
                trusted = self._read()
            except _NotToBeTrusted as error:
                raise StateNotWritable(error.path, error.reason, error.fix) from error
            origins = tuple(sorted({origin_of(url) for url in registry_urls}))
            write_atomically(self._path, _document({**trusted, os.path.realpath(path): origins}))

    def is_trusted(self, path: str) -> bool:
        """Whether this project file was recorded; the same file by another path, through links, is the same."""
        return self._origins_of(path) is not None

    def is_trusted_origin(self, path: str, registry_url: str) -> bool:
        """Whether this project file was recorded when it named the origin of this URL."""
        return origin_of(registry_url) in (self._origins_of(path) or ())

    def _origins_of(self, path: str) -> Origins | None:
        try:
            return self._read().get(os.path.realpath(path))
        except _NotToBeTrusted:
            return None

    def _read(self) -> Mapping[str, Origins]:
        """Real paths of project files to origins.

        Raises:
            _NotToBeTrusted: the file or its directory belongs to somebody else (root aside), or group or others may
                write it; or the file is a link or corrupt.
        """
        for path in (self._directory, self._path):
            reason = others_may_write(path)
            if reason is not None:
                raise _NotToBeTrusted(path, reason, f"If it is yours alone: chmod go-w {quoted(path)}")
        try:
            content = read_bounded(self._path, _SIZE_LIMIT, follow_links=False)
            return {} if content is None else _entries(decode_json(content))
        except UnreadableFile as error:
            fix = f"Remove it, and repeat `stardag trust` for each project: rm {quoted(self._path)}"
            raise _NotToBeTrusted(self._path, f"it {error.problem}", fix) from error
        except ValueError as error:
            fix = f"Fix it, or remove it and repeat `stardag trust` for each project: rm {quoted(self._path)}"
            raise _NotToBeTrusted(self._path, f"it is corrupt ({error})", fix) from error


class _NotToBeTrusted(Exception):
    """Why the record does not count, as a phrase to follow "cannot be written: ", and what helps."""

    def __init__(self, path: str, reason: str, fix: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason
        self.fix = fix


def _document(trusted: Mapping[str, Origins]) -> bytes:
    return encode_json([{"path": path, "origins": list(origins)} for path, origins in sorted(trusted.items())])


def _entries(value: object) -> dict[str, Origins]:
    if not isinstance(value, list):
        raise ValueError("an array is missing")
    entries = [_entry(entry) for entry in cast("list[object]", value)]
    trusted = dict(entries)
    if len(trusted) != len(entries):
        raise ValueError("two entries are for the same file")
    return trusted


def _entry(value: object) -> tuple[str, Origins]:
    entry = cast("dict[str, object]", value) if isinstance(value, dict) else {}
    path, origins = entry.get("path"), entry.get("origins")
    if not isinstance(path, str) or not os.path.isabs(path) or not isinstance(origins, list):
        raise ValueError("an entry lacks its path or its origins")
    texts = [origin for origin in cast("list[object]", origins) if isinstance(origin, str)]
    if len(texts) != len(cast("list[object]", origins)):
        raise ValueError("an origin is no text")
    return path, tuple(texts)
