"""S3's rule for ETags."""

import hashlib
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from stardag.adapters.storage.entity_tags import (
    MIB,
    PARTS_MAX,
    WHOLE,
    Layout,
    even_layout,
    number_of_parts,
    part_size,
    tag_of_content,
    usual_layout,
)

BLOCKS = st.lists(st.binary(min_size=1, max_size=40), max_size=20)


def md5(content: bytes) -> bytes:
    return hashlib.md5(content, usedforsecurity=False).digest()


@given(BLOCKS)
def test_what_is_put_as_a_whole_has_the_md5_of_its_content(blocks: list[bytes]) -> None:
    assert tag_of_content(blocks, WHOLE) == md5(b"".join(blocks)).hex()


@given(BLOCKS, st.integers(1, 50))
def test_what_is_put_in_parts_has_the_md5_of_their_md5s_however_it_is_read(blocks: list[bytes], part: int) -> None:
    content = b"".join(blocks)
    parts = [content[start : start + part] for start in range(0, len(content), part)]
    layout = even_layout(len(content), part)
    assert list(layout.parts) == [len(each) for each in parts]
    if parts:
        expected = f"{md5(b''.join(map(md5, parts))).hex()}-{len(parts)}"
        assert tag_of_content(blocks, layout) == expected
        assert number_of_parts(expected) == len(parts)


@given(BLOCKS, st.lists(st.integers(1, 60), min_size=1, max_size=5))
def test_content_that_is_shorter_or_longer_than_its_layout_has_another_tag(
    blocks: list[bytes], parts: Sequence[int]
) -> None:
    content = b"".join(blocks)
    right = content[: sum(parts)].ljust(sum(parts), b"\0")
    tag = tag_of_content([right], Layout(parts))
    assert (tag_of_content(blocks, Layout(parts)) == tag) == (content == right)


@given(st.integers(1, 10**13), st.integers(1, PARTS_MAX))
def test_a_usual_layout_has_the_size_and_the_number_of_parts(size: int, parts: int) -> None:
    layout = usual_layout(size, parts)
    if layout is not None:
        assert (sum(layout.parts), len(layout.parts)) == (size, parts)
    assert usual_layout(size, -(-size // (8 * MIB))) is not None or size // MIB > 8 * PARTS_MAX


@given(st.integers(1, 5 * 1024**4))
def test_no_file_has_more_parts_than_s3_takes(size: int) -> None:
    assert -(-size // part_size(size, 8 * MIB)) <= PARTS_MAX


def test_which_tags_are_made_of_md5s() -> None:
    assert number_of_parts("9e107d9d372bb6826bd81d3542a419d6") == 0
    assert number_of_parts("9e107d9d372bb6826bd81d3542a419d6-12") == 12
    for tag in ("", "x", "9e107d9d372bb6826bd81d3542a419d6-0", "9e107d9d372bb6826bd81d3542a419d6-", "9E107D9D" * 4):
        assert number_of_parts(tag) is None
