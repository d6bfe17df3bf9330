"""Which paths may stand below a target root, however they are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stardag.domain.output_errors import OutsideTargetRoot, UnsupportedScheme
from stardag.domain.outputs import RootPlace, check_output_path, root_place

ROOT = RootPlace("default", "s3://bucket/prefix/")

STEPS = st.sampled_from(
    ["a", "b.parquet", "..", ".", "", "%2e%2e", "%252e.", "..%2f", "%2F", "\\..", "é", "a b", "100%"]
)


@pytest.mark.parametrize(
    ("path", "spelling"),
    [
        ("", ""),
        (".", ""),
        ("features/part-0.parquet", "features/part-0.parquet"),
        ("features//./part-0.parquet/", "features/part-0.parquet"),
        ("a..b/...", "a..b/..."),
        ("100%", "100%"),
        ("50%25 off", "50%25 off"),
        ("a b/é", "a b/é"),
    ],
)
def test_a_path_has_one_spelling(path: str, spelling: str) -> None:
    assert check_output_path(ROOT, path) == spelling


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("..", "steps upwards"),
        ("a/../../b", "steps upwards"),
        ("a/../b", "steps upwards"),
        ("a\\..\\b", "steps upwards"),
        ("/etc/passwd", "absolute"),
        ("s3://other/key", "absolute"),
        ("file:///etc/passwd", "absolute"),
        ("%2e%2e/x", "once it is decoded"),
        ("a/%2E./x", "once it is decoded"),
        ("%252e%252e/x", "once it is decoded"),
        ("a%2f..%2f..", "once it is decoded"),
        ("%2fetc", "once it is decoded"),
        ("./%2fetc", "once it is decoded"),
        ("a%00b", "once it is decoded"),
        ("%2525252525252e%2e", "again and again"),
        ("a\0b", "control characters"),
        ("a\nb", "control characters"),
        ("train/.stardag-task.json", "Stardag's own"),
        (".stardag-x/a", "Stardag's own"),
    ],
)
def test_a_path_that_would_leave_the_root_is_refused(path: str, problem: str) -> None:
    with pytest.raises(OutsideTargetRoot, match=problem) as caught:
        check_output_path(ROOT, path)
    assert "default" in caught.value.message
    assert "s3://bucket/prefix/" in caught.value.message


@given(st.lists(STEPS, max_size=6).map("/".join))
def test_no_path_that_is_let_through_steps_upwards(path: str) -> None:
    try:
        spelling = check_output_path(ROOT, path)
    except OutsideTargetRoot:
        return
    assert check_output_path(ROOT, spelling) == spelling
    assert not spelling.startswith("/")
    assert not {"", ".", ".."} & set(spelling.split("/") if spelling else [])


@pytest.mark.parametrize("prefix", ["/srv/outputs", "~/outputs", "file:///srv", "s3://bucket"])
def test_roots_of_supported_schemes_are_opened(prefix: str) -> None:
    assert root_place("default", prefix, read_only=True) == RootPlace("default", prefix, is_read_only=True)


def test_a_scheme_that_is_not_supported_is_refused_with_those_that_are() -> None:
    with pytest.raises(UnsupportedScheme, match="'gs'") as caught:
        root_place("archive", "gs://bucket/prefix/")
    assert "s3://" in caught.value.fix
