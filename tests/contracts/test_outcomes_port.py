"""What every keeper of the port `Outcomes` promises, the fake as well as the real one."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stardag.adapters.state_files.outcomes import OutcomeFiles
from stardag.app.outcomes.ports import Claim, Outcomes
from stardag.domain.builds import Output, TaskRecord
from stardag.domain.configuration import StardagDirectory
from stardag.domain.endings import Ending, KeptOutcome
from tests.fakes.outcomes import FakeOutcomes

URL, OTHER_URL = "http://localhost:8000", "https://api.stardag.com"
AT = datetime(2026, 11, 26, 5, 30, 0, 123456, tzinfo=UTC)


def an_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012x}"


RECORDS = (
    TaskRecord("split", {"parts": [1, 2.5, None]}, "completed", Output("default", "split/1"), AT, AT),
    TaskRecord("train", {"lr": 0.1, "näme": "⚙"}, "failed", Output("default", "train/2"), AT, AT, "ValueError"),
    TaskRecord("report", {}, "running", None, AT),
)
OUTCOME = KeptOutcome(URL, an_id(1), an_id(2), Ending("failed", "ValueError"), AT, RECORDS)


@dataclass(frozen=True)
class Subject:
    """A keeper of the port, a directory to keep things in, and a way to make all that is kept there unreadable."""

    outcomes: Outcomes
    directory: StardagDirectory
    spoil: Callable[[StardagDirectory], None]

    def claim(self, url: str = URL, workspace_id: str = an_id(1)) -> Claim:
        with self.outcomes.claimed(self.directory, url, workspace_id) as claim:
            return claim

    def found(self) -> list[KeptOutcome]:
        return [claimed.outcome for claimed in self.claim().outcomes]


def spoil_files(directory: StardagDirectory) -> None:
    for path in Path(directory.path, "build-outcomes").glob("*.json"):
        path.write_bytes(path.read_bytes()[:-5])


@pytest.fixture(params=["fake", "files", "files in a project"])
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Subject:
    user = str(tmp_path / "home" / ".stardag")
    path = str(tmp_path / "project" / ".stardag") if request.param == "files in a project" else user
    directory = StardagDirectory(path, user)
    if request.param == "fake":
        outcomes = FakeOutcomes()
        return Subject(outcomes, directory, outcomes.spoil)
    return Subject(OutcomeFiles(), directory, spoil_files)


def test_nothing_waits_at_first_and_asking_makes_nothing(subject: Subject, tmp_path: Path) -> None:
    assert not subject.outcomes.are_waiting(subject.directory)
    assert subject.claim() == Claim()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "outcome",
    [
        OUTCOME,
        OUTCOME._replace(ending=Ending("completed"), records=()),
        OUTCOME._replace(ending=Ending("cancelled")),
        OUTCOME._replace(ending=None),
    ],
    ids=["failed", "completed", "cancelled", "tasks alone"],
)
def test_what_is_kept_is_found_as_it_was(subject: Subject, outcome: KeptOutcome) -> None:
    kept = subject.outcomes.keep(subject.directory, outcome)
    assert Path(kept.path).is_relative_to(subject.directory.path)
    assert kept.left_out == 0
    assert subject.outcomes.are_waiting(subject.directory)
    assert subject.found() == [outcome]
    assert subject.found() == [outcome], "until it is settled"


def test_what_is_settled_is_gone_and_the_rest_stays(subject: Subject) -> None:
    other = OUTCOME._replace(build_id=an_id(3), ending=Ending("completed"))
    for outcome in (OUTCOME, other):
        subject.outcomes.keep(subject.directory, outcome)
    names = {claimed.outcome.build_id: claimed.name for claimed in subject.claim().outcomes}
    subject.outcomes.settle(subject.directory, names[an_id(2)])
    assert subject.found() == [other]
    subject.outcomes.settle(subject.directory, names[an_id(2)])
    subject.outcomes.settle(subject.directory, names[an_id(3)])
    assert subject.found() == []
    assert not subject.outcomes.are_waiting(subject.directory)


def test_one_build_may_leave_several_since_workers_tell_of_their_tasks(subject: Subject) -> None:
    for _ in range(3):
        subject.outcomes.keep(subject.directory, OUTCOME._replace(ending=None))
    subject.outcomes.keep(subject.directory, OUTCOME)
    assert len(subject.found()) == 4


def test_only_what_is_of_the_very_registry_and_workspace_is_claimed(subject: Subject) -> None:
    subject.outcomes.keep(subject.directory, OUTCOME)
    assert subject.claim(url=OTHER_URL) == Claim()
    assert subject.claim(workspace_id=an_id(9)) == Claim()
    assert subject.found() == [OUTCOME]


def test_only_what_is_kept_in_the_very_directory_is_claimed(subject: Subject, tmp_path: Path) -> None:
    subject.outcomes.keep(subject.directory, OUTCOME)
    elsewhere = StardagDirectory(str(tmp_path / "elsewhere"), str(tmp_path / "elsewhere"))
    assert not subject.outcomes.are_waiting(elsewhere)
    with subject.outcomes.claimed(elsewhere, URL, an_id(1)) as claim:
        assert claim == Claim()


def test_a_claim_is_one_threads_alone_and_nobody_waits_for_it(subject: Subject) -> None:
    subject.outcomes.keep(subject.directory, OUTCOME)
    others: list[Claim] = []
    with subject.outcomes.claimed(subject.directory, URL, an_id(1)) as claim:
        other = threading.Thread(target=lambda: others.append(subject.claim()))
        other.start()
        other.join(60)
        assert others == [Claim()]
        assert len(claim.outcomes) == 1
        subject.outcomes.keep(subject.directory, OUTCOME._replace(build_id=an_id(3)))  # and nobody who keeps waits
        subject.outcomes.settle(subject.directory, claim.outcomes[0].name)
    assert [outcome.build_id for outcome in subject.found()] == [an_id(3)]


def test_a_claim_ends_however_its_block_does(subject: Subject) -> None:
    subject.outcomes.keep(subject.directory, OUTCOME)

    def deliver() -> None:
        with subject.outcomes.claimed(subject.directory, URL, an_id(1)) as claim:
            raise ZeroDivisionError(len(claim.outcomes))

    with pytest.raises(ZeroDivisionError, match="1"):
        deliver()
    assert subject.found() == [OUTCOME]


def test_what_cannot_be_read_is_set_aside_and_said_once(subject: Subject) -> None:
    subject.outcomes.keep(subject.directory, OUTCOME)
    subject.spoil(subject.directory)
    claim = subject.claim()
    assert claim.outcomes == ()
    assert len(claim.notices) == 1
    assert "corrupt" in claim.notices[0].message or "not made by this user" in claim.notices[0].message
    assert subject.claim() == Claim()
    assert not subject.outcomes.are_waiting(subject.directory)
