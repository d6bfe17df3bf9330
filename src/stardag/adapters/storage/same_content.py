"""Whether two files have the same content, by the least reading that tells.

Equal ETags are equal contents. Where they differ, two objects that were each put as a whole differ; others may have
been cut in another way, or be encrypted so that their ETag tells nothing. Then S3's checksums over the whole object
decide if both have one of a kind, and else the contents themselves.
"""

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from stardag.adapters.storage.entity_tags import WHOLE, tag_of_content
from stardag.adapters.storage.local_files import LocalFiles, blocks_of
from stardag.adapters.storage.parts import Parts
from stardag.app.outputs.copying_ports import StoredFile
from stardag.domain.output_errors import StorageFailed

if TYPE_CHECKING:
    from stardag.adapters.storage.s3_files import S3Files


def are_files_same(first: LocalFiles, one: StoredFile, second: LocalFiles, other: StoredFile, parts: Parts) -> bool:
    """Whether two local files have the same content."""
    if one.size != other.size:
        return False
    with first.original(one) as ours, second.original(other) as theirs:
        return _digest(blocks_of(ours), parts) == _digest(blocks_of(theirs), parts)


def is_file_same(files: LocalFiles, file: StoredFile, objects: "S3Files", stored: StoredFile, parts: Parts) -> bool:
    """Whether a local file and an object have the same content."""
    if file.size != stored.size:
        return False
    with files.original(file) as descriptor:
        return is_content_same(descriptor, objects, stored, parts)


def is_content_same(descriptor: int, objects: "S3Files", stored: StoredFile, parts: Parts) -> bool:
    """Whether what a descriptor leads to is the content of an object."""
    tag, layout, _ = objects.facts(stored)
    if tag is not None and layout is not None:
        if tag_of_content(parts.watched(blocks_of(descriptor)), layout) == tag:
            return True
        if layout.is_certain:
            return False
    return _digest(blocks_of(descriptor), parts) == _digest(objects.blocks(stored), parts)


def are_objects_same(first: "S3Files", one: StoredFile, second: "S3Files", other: StoredFile, parts: Parts) -> bool:
    """Whether two objects have the same content."""
    if one.size != other.size:
        return False
    if one.version == other.version:
        return True
    if first.facts(one).layout == WHOLE == second.facts(other).layout:
        return False
    ours, theirs = first.checksums(one), second.checksums(other)
    for kind in ours.keys() & theirs.keys():
        return ours[kind] == theirs[kind]
    return _digest(first.blocks(one), parts) == _digest(second.blocks(other), parts)


def copy_differs(place: str) -> StorageFailed:
    """The error for a copy that was not as its original."""
    return StorageFailed(
        place,
        "the copy was not as the original, and was not kept",
        "Look after the storage: what it gives back is not what it was given.",
    )


def _digest(blocks: Iterable[bytes], parts: Parts) -> bytes:
    digest = hashlib.sha256()
    for block in parts.watched(blocks):
        digest.update(block)
    return digest.digest()
