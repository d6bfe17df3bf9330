"""Target roots: which URI prefixes there are, and what changed between two sets of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stardag.domain.errors import InvalidName, InvalidValue
from stardag.domain.root_changes import RootChange, RootChanges
from stardag.domain.target_roots import (
    URI_PREFIX_MAX_LENGTH,
    TargetRoot,
    check_uri_prefix,
    compare,
    same_prefix,
    scheme_of,
)


@pytest.mark.parametrize(
    ("uri_prefix", "scheme"),
    [
        ("/data", "file"),
        ("/", "file"),
        ("~/outputs", "file"),
        ("~", "file"),
        ("file:///data/x/", "file"),
        ("file://localhost/data", "file"),
        ("s3://bucket", "s3"),
        ("s3://company-bucket/stardag/prod/", "s3"),
        ("S3://bucket/x", "s3"),
        ("gs://bucket/x", "gs"),
        ("abfss://container@account/x", "abfss"),
        ("/with blank/ünicode", "file"),
        ("/a..b/..c", "file"),
    ],
)
def test_paths_files_buckets_and_other_schemes_are_uri_prefixes(uri_prefix: str, scheme: str) -> None:
    assert check_uri_prefix(uri_prefix) == uri_prefix
    assert scheme_of(uri_prefix) == scheme


@pytest.mark.parametrize(
    "uri_prefix",
    [
        "",
        "relative/path",
        "./here",
        "~user/outputs",
        "C:\\outputs",
        "s3:/bucket",
        "s3://",
        "s3:///key",
        "://x",
        "1s://x",
        "s 3://x",
        "file://data/x",
        "file://",
        "/data/../etc",
        "..",
        "s3://bucket/../other",
        "file:///a/..",
        "/data\n",
        "/da\x1b[31mta",
        "/data\u202e",
        "/data\0",
        "/" + "a" * URI_PREFIX_MAX_LENGTH,
    ],
)
def test_relative_upward_and_unprintable_prefixes_are_refused(uri_prefix: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        check_uri_prefix(uri_prefix)
    assert caught.value.message.isprintable()
    assert "s3://bucket/prefix/" in caught.value.fix


def test_a_target_root_cannot_hold_what_is_invalid() -> None:
    assert TargetRoot("default", "/data").uri_prefix == "/data"
    with pytest.raises(InvalidName):
        TargetRoot("a__b", "/data")
    with pytest.raises(InvalidValue):
        TargetRoot("default", "data")


def test_a_trailing_slash_makes_no_difference() -> None:
    assert same_prefix("s3://bucket/x", "s3://bucket/x/")
    assert same_prefix("/data/", "/data")
    assert same_prefix("/", "/")
    assert not same_prefix("s3://bucket/x", "s3://bucket/X")
    assert not same_prefix("/data", "/data/x")
    assert not compare({"default": "/data"}, {"default": "/data/"})


def test_compare_tells_added_modified_and_deleted_by_name() -> None:
    cached = {"same": "/same", "moved": "/old", "gone": "/gone"}
    served = {"same": "/same/", "moved": "/new", "fresh": "/fresh", "another": "/another"}
    changes = compare(cached, served)
    assert changes.added == (RootChange("another", None, "/another"), RootChange("fresh", None, "/fresh"))
    assert changes.modified == (RootChange("moved", "/old", "/new"),)
    assert changes.deleted == (RootChange("gone", "/gone", None),)
    assert changes.stops_a_build


def test_only_additions_let_a_build_start() -> None:
    assert not compare({}, {"default": "/data"}).stops_a_build
    assert compare({"default": "/data"}, {"default": "/new"}).stops_a_build
    assert compare({"default": "/data"}, {}).stops_a_build
    assert not RootChanges().stops_a_build
    assert not RootChanges()


def test_changes_of_named_roots_can_be_left_out() -> None:
    changes = compare({"a": "/1", "b": "/1"}, {"a": "/2", "c": "/1"})
    assert changes.without(frozenset("ab")) == RootChanges(added=(RootChange("c", None, "/1"),))
    assert changes.without(frozenset()) == changes


roots = st.dictionaries(st.sampled_from("abcde"), st.sampled_from(["/1", "/1/", "/2", "s3://b/x"]))


@given(roots, roots)
def test_applying_the_changes_to_the_cached_roots_gives_the_served_ones(
    cached: dict[str, str], served: dict[str, str]
) -> None:
    changes = compare(cached, served)
    applied = dict(cached)
    for change in (*changes.added, *changes.modified):
        assert applied.get(change.name) == change.old
        assert change.new is not None
        applied[change.name] = change.new
    for change in changes.deleted:
        assert applied.pop(change.name) == change.old
    assert applied.keys() == served.keys()
    assert all(same_prefix(applied[name], served[name]) for name in served)
    assert bool(changes) == (not same(cached, served))


def same(first: dict[str, str], second: dict[str, str]) -> bool:
    return {name: prefix.rstrip("/") for name, prefix in first.items()} == {
        name: prefix.rstrip("/") for name, prefix in second.items()
    }


@given(roots)
def test_nothing_changed_between_a_set_and_itself(both: dict[str, str]) -> None:
    assert not compare(both, both)
