"""The record of a task that is complete: what is written is read again, and nothing else counts."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stardag.domain.completion import Completion, read_completion, write_completion
from stardag.domain.tasks import Json, task_id

AT = datetime(2026, 11, 26, 5, tzinfo=UTC)
COMPLETE = Completion("train", {"lr": 0.1}, {"model.pkl": 3, "plots/loss.png": 0}, AT)

names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
values: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


def test_the_record_has_the_four_keys() -> None:
    assert json.loads(write_completion(COMPLETE)) == {
        "name": "train",
        "parameters": {"lr": 0.1},
        "outputs": [{"path": "model.pkl", "size": 3}, {"path": "plots/loss.png", "size": 0}],
        "completed_at": "2026-11-26T05:00:00+00:00",
    }


def test_the_record_has_no_blanks_so_that_more_outputs_fit_into_it() -> None:
    assert b" " not in write_completion(COMPLETE)


@given(names, st.dictionaries(texts, values, max_size=3), st.dictionaries(names, st.integers(0, 2**60), max_size=4))
def test_what_is_written_is_read_again(name: str, parameters: Mapping[str, Json], outputs: Mapping[str, int]) -> None:
    completion = Completion(name, parameters, outputs, AT)
    assert read_completion(write_completion(completion)) == completion
    assert completion.id == task_id(name, parameters)


def test_a_path_that_is_no_text_is_kept_as_it_is() -> None:
    completion = COMPLETE._replace(outputs={"caf\udce9.csv": 1})
    assert read_completion(write_completion(completion)) == completion


@pytest.mark.parametrize(
    "change",
    [
        {"name": 1},
        {"name": "no name"},
        {"parameters": []},
        {"outputs": {}},
        {"outputs": ["model.pkl"]},
        {"outputs": [{"path": "model.pkl"}]},
        {"outputs": [{"path": "model.pkl", "size": -1}]},
        {"outputs": [{"path": "model.pkl", "size": True}]},
        {"outputs": [{"path": "model.pkl", "size": 1.0}]},
        {"outputs": [{"path": "../../passwd", "size": 1}]},
        {"outputs": [{"path": "/etc/passwd", "size": 1}]},
        {"outputs": [{"path": ".stardag-task.json", "size": 1}]},
        {"outputs": [{"path": "", "size": 1}]},
        {"completed_at": 5},
        {"completed_at": "yesterday"},
    ],
    ids=str,
)
def test_what_this_program_cannot_have_written_counts_as_no_record(change: dict[str, object]) -> None:
    document = {**json.loads(write_completion(COMPLETE)), **change}
    assert read_completion(json.dumps(document).encode()) is None


@pytest.mark.parametrize("content", [b"", b"\xff", b"null", b"[]", b"{}", b"[" * 100_000, b"1" * 10_000])
def test_nor_does_what_is_no_record_at_all(content: bytes) -> None:
    assert read_completion(content) is None


@given(st.integers(0, 200))
def test_nor_does_a_record_that_is_cut_off(length: int) -> None:
    content = write_completion(COMPLETE)
    assert read_completion(content[: min(length, len(content) - 1)]) is None
