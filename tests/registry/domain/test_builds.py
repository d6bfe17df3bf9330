"""Builds and texts: when a build is lost, how it may end, and what a text may hold."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stardag_registry.domain.builds import (
    HEARTBEAT_INTERVAL,
    LOST_AFTER,
    Build,
    BuildEnd,
    KeptStatus,
    TaskRecord,
    checked_roots,
)
from stardag_registry.domain.errors import BuildEnded, InvalidField
from stardag_registry.domain.target_roots import MAX_TARGET_ROOTS
from stardag_registry.domain.texts import check_line, check_text

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
texts = st.text(st.characters(), max_size=30)


def build(status: KeptStatus) -> Build:
    return Build("id", "workspace", status, NOW, NOW, "alice")


def test_a_text_of_a_build_that_cannot_be_kept_is_refused_by_its_name() -> None:
    failed = build("failed")
    with pytest.raises(InvalidField, match=r"^body\.name: "):
        replace(failed, name="\0")
    with pytest.raises(InvalidField, match=r"^body\.description: "):
        replace(failed, description="\0")
    with pytest.raises(InvalidField, match=r"^body\.commit: "):
        replace(failed, commit="\0")
    with pytest.raises(InvalidField, match=r"^body\.error: "):
        replace(failed, error="\0")


def test_the_output_of_a_task_has_a_root_and_a_path_or_neither() -> None:
    assert TaskRecord("train", {}, "completed", "default", "train/1").output_path == "train/1"
    with pytest.raises(InvalidField, match=r"^body\.tasks\.output: "):
        TaskRecord("train", {}, "completed", output_root="default")
    with pytest.raises(InvalidField, match=r"^body\.tasks\.output: "):
        TaskRecord("train", {}, "completed", output_path="train/1")
    for path in ("/train", "../train", "train/\0"):
        with pytest.raises(InvalidField, match=r"^body\.tasks\.output\.path: "):
            TaskRecord("train", {}, "completed", "default", path)


def test_the_error_of_a_task_is_a_text() -> None:
    with pytest.raises(InvalidField, match=r"^body\.tasks\.error: "):
        TaskRecord("train", {}, "failed", error="\0")


@given(st.timedeltas(-timedelta(days=1), timedelta(days=1)))
def test_only_a_running_build_is_lost_and_only_when_its_heart_has_stopped_for_long(since: timedelta) -> None:
    assert (build("running").status_at(NOW + since) == "lost") == (since > LOST_AFTER)
    for ended in get_args(BuildEnd):
        assert build(ended).status_at(NOW + since) == ended


def test_a_build_may_miss_a_heartbeat_or_two_before_it_is_lost() -> None:
    assert LOST_AFTER >= 3 * HEARTBEAT_INTERVAL


@pytest.mark.parametrize("end", get_args(BuildEnd))
def test_a_build_that_runs_may_end_and_one_that_has_ended_only_so_again(end: BuildEnd) -> None:
    assert build("running").check_may_end(end)
    assert not build(end).check_may_end(end)
    for other in get_args(BuildEnd):
        if other != end:
            with pytest.raises(BuildEnded, match=end):
                build(end).check_may_end(other)


def test_a_build_has_as_many_target_roots_as_a_workspace_may_and_no_more() -> None:
    roots = {f"root-{number}": "/srv" for number in range(MAX_TARGET_ROOTS)}
    assert [root.name for root in checked_roots(roots)] == sorted(roots)
    with pytest.raises(InvalidField, match=r"^body\.target_roots: .*1000"):
        checked_roots(roots | {"one-more": "/srv"})


def test_a_target_root_of_a_build_that_can_be_none_is_told_in_one_sentence() -> None:
    with pytest.raises(InvalidField) as caught:
        checked_roots({"No Name": "/srv"})
    assert caught.value.field == "body.target_roots"
    assert "'No Name'" in caught.value.problem
    assert str(caught.value).endswith(".")
    assert not str(caught.value).endswith("..")


@given(texts)
def test_a_text_that_passes_can_be_kept_and_shown(text: str) -> None:
    try:
        assert check_text("body.x", text, 20) == text
    except InvalidField:
        assert len(text) > 20 or not text.replace("\n", "").replace("\t", "").isprintable()
    else:
        assert "\0" not in text
        assert "\x1b" not in text
        assert text.encode().decode() == text  # no half of a surrogate pair


@given(texts)
def test_a_line_that_passes_is_one_without_blanks_around_it(text: str) -> None:
    try:
        assert check_line("body.x", text, 20) == text
    except InvalidField:
        assert not text or len(text) > 20 or text != text.strip() or not text.isprintable()
    else:
        assert text.splitlines() == [text.strip()]
        assert text.encode().decode() == text
