"""What may be given to a target root: what is refused, and what is asked about."""

import pytest

from stardag.domain.errors import InvalidValue
from stardag.domain.new_target_roots import check_new_uri_prefix, doubts_about, is_below_each_home
from stardag.domain.s3_bucket_names import problem_of_bucket
from stardag.domain.target_roots import check_uri_prefix


@pytest.mark.parametrize(
    "uri_prefix",
    [
        "/data",
        "~/outputs",
        "file:///data",
        "s3://abc",
        "s3://company-bucket/stardag/prod/",
        "S3://company.bucket.2/x",
        "s3://cache--usw2-az1--x-s3/x",
        "gs://Bucket_of_another_kind//x",
        "/with blank/$HOME/{x}",
    ],
)
def test_what_can_work_may_be_added(uri_prefix: str) -> None:
    assert check_new_uri_prefix(uri_prefix) == uri_prefix


@pytest.mark.parametrize(
    ("uri_prefix", "says"),
    [
        ("s3://My_Bucket/x", "lower-case letters"),
        ("s3://bucket//x", "first step after the bucket is empty"),
        ("s3://bucket//", "first step after the bucket is empty"),
        ("s3://bucket/*", "a pattern is not expanded"),
        ("/data/run-?", "a pattern is not expanded"),
        ("s3://${BUCKET}/x", "a variable is not expanded"),
        ("~/${USER}", "a variable is not expanded"),
        ("gs://bucket/${USER}", "a variable is not expanded"),
    ],
)
def test_what_cannot_work_may_not_be_added_and_is_still_listed(uri_prefix: str, says: str) -> None:
    assert check_uri_prefix(uri_prefix) == uri_prefix
    with pytest.raises(InvalidValue, match=says) as caught:
        check_new_uri_prefix(uri_prefix)
    assert "s3://bucket/prefix/" in caught.value.fix


def test_what_no_root_can_have_is_refused_first() -> None:
    with pytest.raises(InvalidValue, match="neither absolute nor a URI"):
        check_new_uri_prefix("$HOME/x")


@pytest.mark.parametrize(
    "name", ["abc", "a" * 63, "1.2.3", "1.2.3.4.5", "1.2.3.x", "a-b.c", "b--use1-az4--x-s3", "xn-x"]
)
def test_names_that_s3_allows(name: str) -> None:
    assert problem_of_bucket(name) is None


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("ab", "3 to 63"),
        ("a" * 64, "3 to 63"),
        ("Bucket", "lower-case"),
        ("my_bucket", "lower-case"),
        ("bücket", "lower-case"),
        ("my bucket", "lower-case"),
        ("-bucket", "begins and ends"),
        ("bucket-", "begins and ends"),
        (".bucket", "begins and ends"),
        ("bucket.", "begins and ends"),
        ("my..bucket", "two dots"),
        ("192.168.5.4", "IP address"),
        ("xn--bucket", "begins with 'xn--'"),
        ("sthree-bucket", "begins with 'sthree-'"),
        ("amzn-s3-demo-bucket", "begins with 'amzn-s3-demo-'"),
        ("bucket-s3alias", "ends with '-s3alias'"),
        ("bucket--ol-s3", "ends with '--ol-s3'"),
        ("bucket.mrap", "ends with '.mrap'"),
        ("bucket--x-s3", "ends with '--x-s3'"),
        ("my.cache--usw2-az1--x-s3", "ends with '--x-s3'"),
        ("bucket--table-s3", "ends with '--table-s3'"),
    ],
)
def test_names_that_s3_forbids(name: str, says: str) -> None:
    problem = problem_of_bucket(name)
    assert problem is not None
    assert says in problem


@pytest.mark.parametrize(
    ("uri_prefix", "other", "relation"),
    [
        ("/data/x", "/data", "inside"),
        ("/data", "/data/x/", "around"),
        ("/data/", "file:///data", "at the same place as"),
        ("/data/./x//y", "file://localhost/data/x", "inside"),
        ("s3://bucket/x", "S3://bucket", "inside"),
        ("~/x", "~", "inside"),
        ("/", "/data", "around"),
        ("gs://bucket/x/y", "gs://bucket/x", "inside"),
    ],
)
def test_a_root_inside_another_is_asked_about(uri_prefix: str, other: str, relation: str) -> None:
    (doubt,) = doubts_about("new", uri_prefix, {"old": other}, "prod")
    assert f"'new' ({uri_prefix}) would lie {relation} the target root 'old' ({other})" in doubt


@pytest.mark.parametrize(
    ("uri_prefix", "other"),
    [("/database", "/data"), ("s3://bucket-2/x", "s3://bucket"), ("s3://data/x", "/data"), ("~/x", "/x"), ("/a", "~")],
)
def test_roots_that_lie_apart_are_not(uri_prefix: str, other: str) -> None:
    assert doubts_about("new", uri_prefix, {"old": other}, "prod") == ()


def test_the_root_itself_is_none_of_the_others() -> None:
    assert doubts_about("new", "/data/x", {"new": "/data"}, "prod") == ()


@pytest.mark.parametrize(
    ("uri_prefix", "home"),
    [
        ("/home/alice/x", "/home/alice"),
        ("/home/alice", "/home/alice"),
        ("/Users/alice/x", "/Users/alice"),
        ("file:///Users/alice/x", "/Users/alice"),
        ("/var/home/alice/x", "/var/home/alice"),
        ("/root/x", "/root"),
        ("/root", "/root"),
    ],
)
def test_one_persons_home_is_asked_about_in_a_shared_workspace_alone(uri_prefix: str, home: str) -> None:
    (doubt,) = doubts_about("new", uri_prefix, {}, "prod")
    assert f"below one person's home ({home}), and the workspace 'prod' is shared" in doubt
    assert doubts_about("new", uri_prefix, {}, "personal-alice") == ()


@pytest.mark.parametrize(
    "uri_prefix", ["/home", "/homes/x/y", "/rooted", "/Users/Shared/x", "~/x", "s3://home/alice/x"]
)
def test_nobodys_home_is_not(uri_prefix: str) -> None:
    assert doubts_about("new", uri_prefix, {}, "prod") == ()


def test_what_lies_below_each_persons_home() -> None:
    assert is_below_each_home("~")
    assert is_below_each_home("~/x")
    assert not is_below_each_home("/~/x")
