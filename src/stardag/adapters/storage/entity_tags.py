"""The rule by which S3 makes the ETag of an object from its content, and what follows from it for comparing.

An object that was put as a whole has the MD5 of its content as its ETag; one that was put in parts has the MD5 of the
MD5s of its parts, a hyphen, and their number. So equal ETags are equal contents, and whoever knows how an object was
cut can tell its ETag from the content alone. What is encrypted with a key of KMS or of the client's has another kind of
ETag.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

MIB = 1024 * 1024

PARTS_MAX = 10_000

_USUAL_PARTS = (8 * MIB, 5 * MIB, 16 * MIB, 64 * MIB)
_MD5_TAG = re.compile(r"[0-9a-f]{32}(?:-(?P<parts>[1-9][0-9]{0,4}))?")


class Layout(NamedTuple):
    """How an object is cut: the sizes of its parts in their order, none for one that was put as a whole.

    `is_certain` is False where that is only what is usual for objects of this size and number of parts.
    """

    parts: Sequence[int] = ()
    is_certain: bool = True


WHOLE = Layout()


def number_of_parts(tag: str) -> int | None:
    """How many parts an object with this ETag was put in; 0 for one that was put as a whole, and None where the ETag is
    not made of MD5s."""
    found = _MD5_TAG.fullmatch(tag)
    return None if found is None else int(found["parts"] or 0)


def tag_of(digests: Sequence[bytes]) -> str:
    """The ETag of an object in parts of these MD5 digests."""
    return f"{hashlib.md5(b''.join(digests), usedforsecurity=False).hexdigest()}-{len(digests)}"


def tag_of_content(blocks: Iterable[bytes], layout: Layout) -> str:
    """The ETag that S3 gives to this content when it is cut like this."""
    if not layout.parts:
        whole = hashlib.md5(usedforsecurity=False)
        for block in blocks:
            whole.update(block)
        return whole.hexdigest()
    return tag_of(list(_digests(blocks, layout.parts)))


def _digests(blocks: Iterable[bytes], sizes: Sequence[int]) -> Iterator[bytes]:
    """The MD5 digest of each part; what is longer than all parts counts as one more, and shorter as empty ones."""
    waiting = iter(blocks)
    rest = memoryview(b"")
    for size in sizes:
        digest = hashlib.md5(usedforsecurity=False)
        missing = size
        while missing:
            if not rest:
                block = next(waiting, b"")
                rest = memoryview(block)
            if not rest:
                break
            taken, rest = rest[:missing], rest[missing:]
            digest.update(taken)
            missing -= len(taken)
        yield digest.digest()
    if rest or any(waiting):
        yield b""


def even_layout(size: int, part: int, *, is_certain: bool = True) -> Layout:
    """Parts of one size, but for the last."""
    whole, rest = divmod(size, part)
    return Layout((part,) * whole + ((rest,) if rest else ()), is_certain)


def usual_layout(size: int, parts: int) -> Layout | None:
    """How an object of this size and number of parts is usually cut; None where no usual way leads to it."""
    if parts == 1:
        return Layout((size,))
    least, most = -(-size // parts), (size - 1) // (parts - 1)  # of all that make this number of even parts
    for part in (*_USUAL_PARTS, -(-least // MIB) * MIB, least):
        if least <= part <= most:
            return even_layout(size, part, is_certain=False)
    return None


def part_size(size: int, part: int) -> int:
    """The size of the parts that an object of this size is cut into: `part`, or as much more as S3's limit asks for."""
    return max(part, -(-size // (PARTS_MAX * MIB)) * MIB)
