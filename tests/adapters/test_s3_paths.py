"""Paths below a root on S3, against a server that no one here wrote, with its signatures and policies enforced."""

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from cloudpathlib import CloudPath, S3Path
from cloudpathlib.cloudpath import implementation_registry

from stardag.adapters.storage.s3_paths import S3OutputPath, S3Roots
from stardag.domain.output_errors import OutsideTargetRoot, ReadOnlyTargetRoot, StorageFailed
from stardag.domain.outputs import RootPlace
from tests.s3_server import REGION, ROOT, Keys, S3Server, allow


@pytest.fixture
def sign_in(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Keys], None]:
    """Sets what boto3 finds; nothing of the machine that runs the tests is left in place."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "CLOUDPATHLIB_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server.url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)

    def sign_in(keys: Keys) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys.access)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys.secret)

    sign_in(ROOT)
    return sign_in


@pytest.fixture
def bucket(s3_server: S3Server, sign_in: Callable[[Keys], None]) -> str:
    return s3_server.make_bucket()


def open_root(bucket: str, prefix: str = "/root/", *, read_only: bool = False) -> S3OutputPath:
    return S3Roots().open(RootPlace("default", f"s3://{bucket}{prefix}", read_only))


@pytest.fixture
def root(bucket: str) -> S3OutputPath:
    return open_root(bucket)


def test_a_path_is_cloudpathlibs(root: S3OutputPath, bucket: str) -> None:
    path = root / "a" / "b.tar.gz"
    assert isinstance(path, S3Path)
    assert str(path) == f"s3://{bucket}/root/a/b.tar.gz"
    assert (path.name, path.stem, path.suffix, path.bucket, path.key) == (
        "b.tar.gz", "b.tar", ".gz", bucket, "root/a/b.tar.gz",
    )  # fmt: skip
    assert str(path.with_name("c.txt")) == f"s3://{bucket}/root/a/c.txt"
    assert str(path.with_suffix(".zip")) == f"s3://{bucket}/root/a/b.tar.zip"
    assert path.parents == (root / "a", root)
    assert str(path.relative_to(root)) == "a/b.tar.gz"


def test_paths_of_other_people_stay_what_they_are(root: S3OutputPath) -> None:
    assert implementation_registry["s3"].path_class is S3Path
    made = CloudPath("s3://bucket/key")  # type: ignore[abstract]  # pyright: ignore[reportAbstractUsage]  # its metaclass picks a class
    assert type(made) is S3Path


@pytest.mark.parametrize("prefix", ["", "/", "/a", "/a/", "/a//", "/a b/é"])
def test_a_root_is_the_same_however_its_prefix_ends(bucket: str, s3_server: S3Server, prefix: str) -> None:
    (open_root(bucket, prefix) / "x").write_text("x")
    key = f"{prefix.strip('/')}/x".lstrip("/")
    assert s3_server.left_in(bucket)[0] == f"object {key}"


LEAVING: dict[str, Callable[[S3OutputPath], object]] = {
    "name": lambda root: (root / "a").with_name(".."),
    "name with a slash": lambda root: (root / "a").with_name("b/../../c"),
    "beside the root": lambda root: root.with_name("beside"),
    "construct": lambda root: S3OutputPath(f"s3://{root.bucket}/elsewhere", client=root.output_client),
    "construct upwards": lambda root: S3OutputPath(f"{root}/../elsewhere", client=root.output_client),
    "segments": lambda root: root.with_segments(root.bucket, "elsewhere"),  # pyright: ignore[reportUnknownMemberType]  # as below
    "another bucket": lambda root: S3OutputPath(f"s3://{root.bucket}-2/root/a", client=root.output_client),
    "join absolutely": lambda root: root / Path("/root/a"),
    "join another path": lambda root: root.joinpath(root / "a"),
    "rename": lambda root: (root / "a").rename(f"s3://{root.bucket}/elsewhere"),
    "replace": lambda root: (root / "a").replace(f"{root}/../elsewhere"),
    "rename to another root": lambda root: (root / "a").rename(open_root(root.bucket, "/other") / "a"),
    "half a pair": lambda root: root / "\ud800",
    "record": lambda root: S3OutputPath(f"{root}/train/.stardag-task.json", client=root.output_client),
}


@pytest.mark.parametrize("way", sorted(LEAVING))
def test_no_way_leads_out_of_the_root(root: S3OutputPath, s3_server: S3Server, way: str) -> None:
    (root / "a").write_text("a")
    before = s3_server.left_in(root.bucket)
    with pytest.raises((OutsideTargetRoot, ValueError)) as raised:
        LEAVING[way](root)
    assert isinstance(raised.value, OutsideTargetRoot) or way == "name with a slash"
    assert s3_server.left_in(root.bucket) == before


def test_a_reader_sees_what_is_there_now_whoever_wrote_it(root: S3OutputPath, s3_server: S3Server) -> None:
    path, client = root / "a", s3_server.client()
    path.write_text("one")
    assert path.read_text() == Path(path.fspath).read_text() == "one"
    client.put_object(Bucket=root.bucket, Key="root/a", Body=b"two")
    assert path.read_text() == Path(path.fspath).read_text() == "two"
    path.write_text("three")
    client.put_object(Bucket=root.bucket, Key="root/a", Body=b"two")
    assert path.read_text() == Path(path.fspath).read_text() == "two"
    client.delete_object(Bucket=root.bucket, Key="root/a")
    for read in (path.read_text, path.__fspath__, path.stat):
        with pytest.raises(FileNotFoundError):
            read()


def test_the_copy_that_others_read_is_private_and_cannot_be_written(root: S3OutputPath) -> None:
    (root / "a.npy").write_bytes(b"a")
    copy = Path(os.fspath(root / "a.npy"))
    assert copy.name == "a.npy"
    assert os.fspath(root / "a.npy") == str(copy)
    assert copy.stat().st_mode & 0o777 == 0o400
    assert copy.parent.parent.stat().st_mode & 0o777 == 0o700


def test_nothing_of_a_process_stays_on_the_machine(bucket: str, tmp_path: Path) -> None:
    program = """
import os, sys
from pathlib import Path
from stardag.adapters.storage.s3_paths import S3Roots
from stardag.domain.outputs import RootPlace
root = S3Roots().open(RootPlace("default", sys.argv[1]))
(root / "a").write_text("a")
assert Path(os.fspath(root / "a")).read_text() == "a"
assert os.listdir(os.environ["TMPDIR"])
(root / "b").open("w").write("half")
if os.fork() == 0:
    sys.exit()
os.wait()
assert os.listdir(os.environ["TMPDIR"])
"""
    (tmp_path / "tmp").mkdir()
    environment = {**os.environ, "TMPDIR": str(tmp_path / "tmp")}
    subprocess.run((sys.executable, "-W", "ignore", "-c", program, f"s3://{bucket}/root"), env=environment, check=True)
    assert os.listdir(tmp_path / "tmp") == []


def test_nothing_is_uploaded_before_a_file_is_closed_or_after_it_failed(
    root: S3OutputPath, s3_server: S3Server
) -> None:
    file = (root / "a").open("wb")
    file.write(b"x" * 20_000_000)
    file.flush()
    assert s3_server.left_in(root.bucket) == []
    with pytest.raises(RuntimeError, match="half-way"), file:
        raise RuntimeError("half-way")
    assert s3_server.left_in(root.bucket) == []


def test_what_is_large_is_written_and_read_in_parts(root: S3OutputPath) -> None:
    content = os.urandom(1024 * 1024) * 70
    (root / "large").write_bytes(content)
    assert (root / "large").stat().st_size == len(content)
    assert (root / "large").read_bytes() == content


def test_cloudpathlibs_own_ways_of_writing_are_guarded_too(root: S3OutputPath, tmp_path: Path) -> None:
    (tmp_path / "directory/below").mkdir(parents=True)
    (tmp_path / "directory/below/file").write_text("file")
    (root / "uploaded").upload_from(tmp_path / "directory")
    (root / "uploaded/below/file").copy(root / "copied")
    (root / "copied").rename(root / "moved/here")
    (root / "touched").touch()
    (root / "moved/here").touch()
    (root / "nothing").mkdir()
    assert sorted(path.key for path in root.rglob("*") if path.is_file()) == [
        "root/moved/here", "root/touched", "root/uploaded/below/file",
    ]  # fmt: skip
    assert (root / "moved/here").read_text() == "file"
    assert next(root.walk()) == (root, ["moved", "uploaded"], ["touched"])  # pyright: ignore[reportUnknownMemberType]  # cloudpathlib says no more
    (root / "uploaded").download_to(tmp_path / "down")  # pyright: ignore[reportUnknownMemberType]  # cloudpathlib says no more
    assert (tmp_path / "down/below/file").read_text() == "file"
    read_only = open_root(root.bucket, read_only=True)
    writes: list[Callable[[], object]] = [
        lambda: (read_only / "new").upload_from(tmp_path / "directory"),
        lambda: (read_only / "touched").copy(read_only / "new"),
        lambda: (root / "touched").copy(read_only / "new"),
        lambda: (read_only / "touched").rename(read_only / "new"),
        (read_only / "touched").touch,
        (read_only / "uploaded").rmtree,
        (read_only / "new").mkdir,
    ]
    for write in writes:
        with pytest.raises(ReadOnlyTargetRoot):
            write()
    (root / "uploaded").rmtree()
    assert not (root / "uploaded").exists()


def test_an_object_has_a_url(root: S3OutputPath) -> None:
    (root / "a b").write_text("a")
    assert (root / "a b").as_url().endswith(f"/{root.bucket}/root/a%20b")
    assert "Signature=" in (root / "a b").as_url(presign=True)


def test_keys_that_no_path_is_spelled_like_are_left_out(root: S3OutputPath, s3_server: S3Server) -> None:
    for key in ("root/a//b", "root/../c", "root/./d", "root/e/", "root/f", "rootless/g", "root/.stardag-x/h"):
        s3_server.client().put_object(Bucket=root.bucket, Key=key, Body=b"")
    assert sorted(path.name for path in root.rglob("*")) == ["e", "f"]
    assert S3Roots().task_files(root.objects.place, "").sizes() == {"f": 0}
    assert (root / "f").exists()


def test_what_may_not_be_seen_is_not_taken_for_missing(
    bucket: str, s3_server: S3Server, sign_in: Callable[[Keys], None]
) -> None:
    (open_root(bucket) / "there").write_text("there")
    sign_in(s3_server.make_user(allow("s3:GetObject", f"arn:aws:s3:::{bucket}/elsewhere/*")))
    path = open_root(bucket) / "there"
    asks: list[Callable[[], object]] = [
        path.exists,
        path.is_file,
        path.is_dir,
        path.stat,
        path.read_bytes,
        path.unlink,
        path.__fspath__,
        lambda: list(path.parent.iterdir()),
        lambda: list(path.parent.glob("*")),
        lambda: path.write_bytes(b""),
        lambda: path.open("x"),
        lambda: path.open("r+"),
    ]
    for ask in asks:
        with pytest.raises(StorageFailed, match="access is denied"):
            ask()


def test_who_may_only_read_and_write_objects_can(
    bucket: str, s3_server: S3Server, sign_in: Callable[[Keys], None]
) -> None:
    sign_in(s3_server.make_user(allow(["s3:GetObject", "s3:PutObject"], f"arn:aws:s3:::{bucket}/root/*")))
    path = open_root(bucket) / "a"
    path.write_bytes(b"a")
    assert path.read_bytes() == b"a"
    assert path.is_file()


@pytest.mark.parametrize("is_known", [True, False])
def test_credentials_that_are_not_good_are_said_to_be_so(
    bucket: str, s3_server: S3Server, sign_in: Callable[[Keys], None], is_known: bool
) -> None:
    access = s3_server.make_user(allow("s3:*", "*")).access if is_known else "AKIANOBODYNOBODYNOBO"
    sign_in(Keys(access, "not the secret"))
    path = open_root(bucket) / "a"
    asks: list[Callable[[], object]] = [path.exists, path.read_bytes, lambda: path.write_bytes(b"")]
    for ask in asks:
        with pytest.raises(StorageFailed, match=r"AWS (secret )?access key") as raised:
            ask()
        assert "credentials from env" in raised.value.message
        assert "not the secret" not in raised.value.message
        assert str(path) in raised.value.message


def test_a_bucket_that_is_not_there_is_said_to_be_so(bucket: str) -> None:
    path = open_root(f"{bucket}-missing") / "a"
    asks: list[Callable[[], object]] = [
        path.exists,
        path.read_bytes,
        path.stat,
        lambda: path.write_bytes(b""),
        lambda: list(path.iterdir()),
    ]
    for ask in asks:
        with pytest.raises(StorageFailed, match="there is no bucket"):
            ask()


def test_without_credentials_or_a_server_each_call_says_what_is_wrong(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(StorageFailed, match=r"nothing answers at the S3 endpoint http://127.0.0.1:1"):
        (open_root(bucket) / "a").read_bytes()
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(StorageFailed, match="no AWS credentials were found"):
        (open_root(bucket) / "a").exists()


def test_a_path_works_in_another_process(root: S3OutputPath, tmp_path: Path) -> None:
    (root / "a/b").write_text("b")
    task = S3Roots().task_files(root.objects.place, "train/1").path("x")
    for path in (root, root / "a/b", task):
        again = pickle.loads(pickle.dumps(path))
        assert (type(again), str(again)) == (S3OutputPath, str(path))
        assert again.objects.top == path.objects.top
    (tmp_path / "path").write_bytes(pickle.dumps(root / "a/b"))
    program = f"import pickle; print(pickle.load(open({str(tmp_path / 'path')!r}, 'rb')).read_text())"
    done = subprocess.run((sys.executable, "-c", program), check=True, capture_output=True, text=True)
    assert done.stdout == "b\n"


def test_a_forked_process_makes_connections_of_its_own(root: S3OutputPath) -> None:
    (root / "a").write_text("a")
    children: list[int] = []
    for number in range(4):
        child = os.fork()
        if child == 0:
            try:
                (root / str(number)).write_text("x" * 100_000)
                os._exit(0 if (root / "a").read_text() == "a" else 1)
            except BaseException:  # noqa: BLE001  # whatever it is, the parent is told
                os._exit(2)
        children.append(child)
    for _ in range(20):
        assert (root / "a").read_text() == "a"
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4


def test_opening_local_roots_imports_nothing_of_s3() -> None:
    program = """
import sys
from stardag.adapters.storage.output_storage import output_storage
from stardag.domain.outputs import RootPlace
root = output_storage().open_root(RootPlace("default", "/tmp"))
output_storage().task_files(RootPlace("default", "/tmp"), "train/1")
assert not {"boto3", "botocore", "cloudpathlib"} & set(sys.modules), sorted(sys.modules)
"""
    subprocess.run((sys.executable, "-c", program), check=True)


def test_a_body_is_closed_with_its_connection(root: S3OutputPath) -> None:
    (root / "a").write_bytes(b"a" * 1000)
    for _ in range(100):  # more than there are connections
        with closing((root / "a").open("rb")) as file:
            assert file.read(1) == b"a"
