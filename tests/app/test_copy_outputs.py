"""Copying outputs between two profiles: what is copied, what is left, and what stops it, over fakes."""

import json
import signal
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stardag.app.outputs.copy_outputs import Progress, Wanted
from stardag.app.outputs.copy_plan import pairs_of
from stardag.app.outputs.copying_ports import StoredFile
from stardag.app.outputs.stored_tasks import is_record, task_directory_of
from stardag.domain.errors import ConfirmationNeeded, InvalidValue, UnknownTargetRoot
from stardag.domain.output_errors import (
    CopyInterrupted,
    CopyStopped,
    NoSuchOutput,
    NothingToCopy,
    OutsideTargetRoot,
    OverlappingRoots,
    StorageFailed,
    UnsupportedScheme,
)
from stardag.domain.outputs import TASK_RECORD
from stardag.domain.registry_errors import RegistryUnreachable, StorageUnavailable, TargetRootMismatch
from tests.app.world import codes
from tests.app.world_of_two import HERE, PROD, TwoProfiles, task


@pytest.fixture
def world() -> TwoProfiles:
    return TwoProfiles()


def test_a_directory_and_a_file_are_copied_and_nothing_else(world: TwoProfiles) -> None:
    world.theirs.update({"features/a": b"1", "features/deep/b": b"22", "model": b"333", "models": b"4444"})
    copied = world.copy("features", "model")
    assert world.ours == {"features/a": b"1", "features/deep/b": b"22", "model": b"333"}
    assert ([file.path for file in copied.files], copied.size) == (["model", "features/a", "features/deep/b"], 6)
    assert (copied.source.uri_prefix, copied.target.uri_prefix) == ("/prod/", "/here/")


@pytest.mark.parametrize("path", [".", "", "./", "././"])
def test_a_dot_is_the_whole_root(world: TwoProfiles, path: str) -> None:
    world.theirs.update({"a": b"1", "b/c": b"2"})
    world.copy(path)
    assert world.ours == world.theirs


def test_what_lies_below_another_path_is_copied_once(world: TwoProfiles) -> None:
    world.theirs.update({"a/b/c": b"1", "a/d": b"2"})
    copied = world.copy("a/b", "a", "a/b/c", "./a/")
    assert len(copied.files) == 2


def test_an_empty_root_is_copied_without_complaint(world: TwoProfiles) -> None:
    assert world.copy(".").files == []


def test_what_is_there_already_is_not_copied_again(world: TwoProfiles) -> None:
    world.theirs.update({"a": b"1", "b": b"2"})
    world.copy(".")
    world.file_storage.done.clear()
    again = world.copy(".")
    assert (again.files, again.already_there, world.file_storage.done) == ([], 2, [])


def test_something_else_in_its_place_stops_the_copy_before_anything_is_copied(world: TwoProfiles) -> None:
    world.theirs.update({f"a/{number}": b"new" for number in range(9)})
    world.ours.update({f"a/{number}": b"old" for number in range(2, 9)})
    with pytest.raises(ConfirmationNeeded) as caught:
        world.copy("a")
    assert "a/2\n" in caught.value.message
    assert "and 2 more" in caught.value.message
    assert "--replace" in caught.value.fix
    assert world.file_storage.done == []


def test_with_replace_it_is_replaced_and_said(world: TwoProfiles) -> None:
    world.theirs.update({"a": b"new", "b": b"same"})
    world.ours.update({"a": b"old", "b": b"same"})
    copied = world.copy(".", replace=True)
    assert (world.ours["a"], copied.replaced, copied.already_there) == (b"new", 1, 1)


def test_a_directory_in_the_place_of_a_file_stops_the_copy_even_with_replace(world: TwoProfiles) -> None:
    world.theirs.update({"a": b"file", "b": b"other"})
    world.ours["a/b"] = b"below"
    with pytest.raises(StorageFailed, match="is a directory"):
        world.copy(".", replace=True)
    assert world.ours == {"a/b": b"below"}


def test_one_missing_path_stops_the_copy_before_anything_is_copied(world: TwoProfiles) -> None:
    world.theirs.update({"a": b"1"})
    with pytest.raises(NoSuchOutput, match="'b'") as caught:
        world.copy("a", "b")
    assert caught.value.fix.endswith("stardag outputs list --profile prod")
    assert world.ours == {}


def test_naming_nothing_is_an_error_that_names_both_ways(world: TwoProfiles) -> None:
    with pytest.raises(NothingToCopy) as caught:
        world.copy()
    assert "'.'" in caught.value.fix
    assert "--task" in caught.value.fix


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/%2e%2e/b", "s3://bucket/x", ".stardag-task.json", "a\nb"])
def test_a_path_that_leaves_the_root_is_refused(world: TwoProfiles, path: str) -> None:
    world.theirs["a"] = b"1"
    with pytest.raises(OutsideTargetRoot):
        world.copy("a", path)
    assert world.ours == {}


def test_a_dry_run_says_what_would_be_copied_and_copies_nothing(world: TwoProfiles) -> None:
    world.theirs.update({"a": b"1", "b": b"2"})
    world.ours.update({"b": b"2"})
    dry = world.copy(".", dry_run=True)
    assert ([file.path for file in dry.files], dry.already_there) == (["a"], 1)
    assert (world.file_storage.done, world.ours) == ([], {"b": b"2"})


def test_what_is_stardags_own_is_not_copied_and_what_no_output_can_be_called_is_told(world: TwoProfiles) -> None:
    world.theirs.update({".stardag-0123.tmp": b"1", "a/.stardag-x/b": b"1", "a//b": b"1", "../c": b"1", "d": b"1"})
    copied = world.copy(".")
    assert world.ours == {"d": b"1"}
    (notice,) = [notice for notice in copied.notices if notice.code == "not-copied"]
    assert "2 files" in notice.message
    assert "'../c'" in notice.message


class TestTasks:
    def test_complete_tasks_are_copied_whole_and_incomplete_ones_are_counted(self, world: TwoProfiles) -> None:
        directory = task(world.theirs, {"model.pkl": b"model", "plots/a.png": b"plot"})
        other = task(world.theirs, {"model.pkl": b"half"}, lr=0.2, complete=False)
        world.theirs[f"{directory}/stray"] = b"not listed in the record"
        copied = world.copy_tasks("train")
        names = {f"{directory}/{name}" for name in ("model.pkl", "plots/a.png", TASK_RECORD)}
        assert world.ours.keys() == names
        assert copied.incomplete_tasks == 1
        assert other not in str(world.ours)

    @pytest.mark.parametrize("spoil", ["missing", "size", "no json", "another task"])
    def test_a_record_that_does_not_vouch_for_what_is_there_makes_no_task_complete(
        self, world: TwoProfiles, spoil: str
    ) -> None:
        directory = task(world.theirs, {"model.pkl": b"model"})
        record = f"{directory}/{TASK_RECORD}"
        match spoil:
            case "missing":
                del world.theirs[f"{directory}/model.pkl"]
            case "size":
                world.theirs[f"{directory}/model.pkl"] += b"!"
            case "no json":
                world.theirs[record] = b"{"
            case _:
                world.theirs[record] = json.dumps({**json.loads(world.theirs[record]), "name": "evil"}).encode()
        copied = world.copy_tasks("train")
        assert (world.ours, copied.incomplete_tasks) == ({}, 1)

    def test_the_record_of_a_task_comes_after_all_its_other_files(self, world: TwoProfiles) -> None:
        directories = [task(world.theirs, {str(n): b"x" for n in range(20)}, lr=lr) for lr in (0.1, 0.2, 0.3)]
        world.copy_tasks("train")
        done = [line.removeprefix("copied ") for line in world.file_storage.done]
        for directory in directories:
            of_task = [path for path in done if path.startswith(directory)]
            assert of_task[-1] == f"{directory}/{TASK_RECORD}"
            assert len(of_task) == 21

    def test_that_also_holds_for_tasks_in_directories_that_are_copied_by_path(self, world: TwoProfiles) -> None:
        directory = task(world.theirs, {"a": b"1", "z/y": b"2"})
        world.copy(".")
        assert world.file_storage.done[-1] == f"copied {directory}/{TASK_RECORD}"

    def test_the_record_at_the_target_goes_before_any_file_of_the_task_is_replaced(self, world: TwoProfiles) -> None:
        directory = task(world.theirs, {"a": b"new", "b": b"same"})
        task(world.ours, {"a": b"old", "b": b"same"})
        copied = world.copy_tasks("train", replace=True)
        record = f"{directory}/{TASK_RECORD}"
        assert world.file_storage.done == [f"removed {record}", f"copied {directory}/a", f"copied {record}"]
        assert (copied.replaced, copied.already_there) == (1, 1)
        assert world.ours == world.theirs

    def test_replacing_one_file_of_a_task_by_its_path_leaves_it_incomplete_and_says_so(
        self, world: TwoProfiles
    ) -> None:
        directory = task(world.theirs, {"a": b"new"})
        task(world.ours, {"a": b"old"})
        copied = world.copy(f"{directory}/a", replace=True)
        assert world.ours == {f"{directory}/a": b"new"}
        assert "task-incomplete" in codes(copied.notices)

    def test_a_task_that_is_not_there_is_an_error(self, world: TwoProfiles) -> None:
        with pytest.raises(NoSuchOutput, match="task 'train'"):
            world.copy_tasks("train")

    def test_a_name_that_no_task_can_have_is_an_error(self, world: TwoProfiles) -> None:
        with pytest.raises(InvalidValue, match="task name"):
            world.copy_tasks("../x")

    def test_a_task_that_is_named_and_lies_below_a_path_is_copied_once(self, world: TwoProfiles) -> None:
        task(world.theirs, {"a": b"1"})
        copied = world.copy_outputs(PROD, HERE, Wanted(paths=("train",), tasks=("train", "train")), Progress())
        assert len(copied.files) == 2

    def test_many_tasks_are_read_and_copied(self, world: TwoProfiles) -> None:
        for number in range(150):
            task(world.theirs, {"a": b"1"}, lr=float(number), complete=number % 3 != 0)
        copied = world.copy_tasks("train")
        assert (len(copied.files), copied.incomplete_tasks) == (200, 50)


class TestStopping:
    def test_a_failure_is_one_error_that_says_how_much_was_done_and_what_to_do(self, world: TwoProfiles) -> None:
        world.theirs.update({f"{number:03}": b"1" for number in range(100)})
        world.file_storage.failing["050"] = "the AWS credentials have expired"
        with pytest.raises(CopyStopped) as caught:
            world.copy(".")
        done = len(world.ours)
        assert f"{done} of 100 files" in caught.value.message
        assert "the AWS credentials have expired" in caught.value.message
        assert "epeat the command" in caught.value.fix
        assert done < 100
        world.file_storage.failing.clear()
        assert world.copy(".").already_there == done
        assert world.ours == world.theirs

    def test_a_task_of_which_a_file_fails_stays_incomplete(self, world: TwoProfiles) -> None:
        directory = task(world.theirs, {"a": b"1", "b": b"2"})
        world.file_storage.failing[f"{directory}/b"] = "no space is left on the device"
        with pytest.raises(CopyStopped):
            world.copy_tasks("train")
        assert f"{directory}/{TASK_RECORD}" not in world.ours

    def test_an_interruption_says_how_much_was_done(self, world: TwoProfiles) -> None:
        world.theirs.update({f"{number:03}": b"1" for number in range(40)})
        interrupted = threading.Event()

        def interrupt(path: str) -> None:
            if path >= "020" and not interrupted.is_set():
                interrupted.set()
                signal_main_thread()

        world.file_storage.copying = interrupt
        heard = signal.signal(signal.SIGINT, signal.default_int_handler)  # it may be ignored in the background
        try:
            with pytest.raises(CopyInterrupted) as caught:
                world.copy(".")
        finally:
            signal.signal(signal.SIGINT, heard)
        assert f"{len(world.ours)} of 40 files" in caught.value.message
        assert caught.value.code == "interrupted"


def signal_main_thread() -> None:
    """What Ctrl-C does, to this process alone."""
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


class TestRoots:
    def test_the_target_is_validated_as_a_build_start_does(self, world: TwoProfiles) -> None:
        world.theirs["a"] = b"1"
        world.copy("a")
        world.set_root("default", "/moved/")
        with pytest.raises(TargetRootMismatch):
            world.copy("a")

    def test_a_target_that_cannot_be_written_is_told_before_anything_is_copied(self, world: TwoProfiles) -> None:
        world.theirs["a"] = b"1"
        world.storage.problems = {"/here/": "it is full"}
        with pytest.raises(StorageUnavailable):
            world.copy("a")

    def test_the_sources_registry_is_not_asked_once_its_roots_are_cached(self, world: TwoProfiles) -> None:
        world.theirs["a"] = b"1"
        world.copy("a")
        world.forget_requests()
        world.copy("a")
        assert len([request for request in world.registry.requests if "roots" in str(request)]) == 1

    def test_offline_the_cached_roots_of_both_count(self, world: TwoProfiles) -> None:
        world.theirs["a"] = b"1"
        with pytest.raises(RegistryUnreachable):
            world.copy("a", offline=True)
        world.copy("a")
        world.set_root("default", "/moved/")
        world.theirs["b"] = b"2"
        world.forget_requests()
        world.copy("b", offline=True)
        assert world.ours == {"a": b"1", "b": b"2"}
        assert world.registry.requests == []

    @pytest.mark.parametrize("prefix", ["/here", "/here/inside/", "/"])
    def test_roots_that_overlap_are_refused(self, world: TwoProfiles, prefix: str) -> None:
        world.registry.set_root(world.prod.id, "default", prefix)
        with pytest.raises(OverlappingRoots):
            world.copy(".")

    def test_the_root_must_be_one_of_both(self, world: TwoProfiles) -> None:
        world.registry.set_root(world.prod.id, "archive", "/archive/")
        with pytest.raises(UnknownTargetRoot, match="archive"):
            world.copy_outputs(PROD, HERE, Wanted("archive", (".",)), Progress())
        with pytest.raises(UnknownTargetRoot, match="archive"):
            world.copy_outputs(HERE, PROD, Wanted("archive", (".",)), Progress())

    def test_a_scheme_that_cannot_be_opened_is_refused(self, world: TwoProfiles) -> None:
        world.registry.set_root(world.prod.id, "default", "gs://bucket/x")
        with pytest.raises(UnsupportedScheme):
            world.copy(".")


def test_progress_ends_where_the_plan_said(world: TwoProfiles) -> None:
    world.theirs.update({f"a/{number}": b"12345" for number in range(50)})
    progress = Progress()
    world.copy_outputs(PROD, HERE, Wanted(paths=("a",)), progress)
    assert (progress.files, progress.files_done) == (50, 50)
    assert (progress.size, progress.size_done) == (250, 250)


class TestListing:
    def test_outputs_are_listed_without_what_is_stardags_own(self, world: TwoProfiles) -> None:
        directory = task(world.theirs, {"a": b"1"})
        world.theirs.update({"x": b"22", ".stardag-1.tmp": b""})
        listed = world.list_outputs.files(PROD, "default", ".")
        assert [(file.path, file.size) for file in listed.files] == [(f"{directory}/a", 1), ("x", 2)]

    def test_nothing_below_a_root_is_no_error_and_nothing_at_a_path_is(self, world: TwoProfiles) -> None:
        assert world.list_outputs.files(PROD, "default", ".").files == []
        with pytest.raises(NoSuchOutput):
            world.list_outputs.files(PROD, "default", "features")

    def test_tasks_are_listed_complete_or_not(self, world: TwoProfiles) -> None:
        task(world.theirs, {"a": b"1"})
        task(world.theirs, {"a": b"1"}, lr=0.2, complete=False)
        task(world.theirs, {"a": b"1"}, name="trainer")
        listed = world.list_outputs.tasks(PROD, "default", "train")
        assert sorted(each.record is not None for each in listed.tasks) == [False, True]
        assert {each.name for each in listed.tasks} == {"train"}


FILES = st.dictionaries(st.text("ab/.-", min_size=1, max_size=4), st.integers(0, 3)).map(
    lambda sizes: [StoredFile(path, sizes[path], 0.0, "") for path in sorted(sizes, key=str.encode)]
)


@given(FILES, FILES)
def test_two_listings_are_paired_by_path(originals: list[StoredFile], others: list[StoredFile]) -> None:
    by_path = {file.path: file for file in others}
    assert list(pairs_of(originals, others)) == [(file, by_path.get(file.path)) for file in originals]


ID = "0" * 64


@pytest.mark.parametrize(
    ("path", "directory", "record"),
    [
        (f"train/{ID}/a/b", f"train/{ID}", False),
        (f"train/{ID}/{TASK_RECORD}", f"train/{ID}", True),
        (f"train/{ID}/a/{TASK_RECORD}", f"train/{ID}", False),
        (f"train/{ID}", None, False),
        (f"train/x/{TASK_RECORD}", None, False),
        (TASK_RECORD, None, False),
        (f".hidden/{ID}/a", None, False),
    ],
)
def test_which_task_a_file_belongs_to_is_told_by_its_path(path: str, directory: str | None, record: bool) -> None:
    assert (task_directory_of(path), is_record(path)) == (directory, record)
