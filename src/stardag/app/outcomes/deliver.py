"""Telling a registry what it could not be told when it happened: how builds ended, and how it went with their tasks."""

from collections.abc import Sequence
from typing import NamedTuple

from stardag.app.outcomes.ports import ClaimedOutcome, Outcomes
from stardag.app.registry_ports import BuildsApi
from stardag.domain.builds import BuildStatus, TaskRecord
from stardag.domain.configuration import StardagDirectory
from stardag.domain.endings import KeptOutcome
from stardag.domain.errors import InvalidValue, StardagError, StateNotWritable
from stardag.domain.layers import Notice
from stardag.domain.refusals import BuildEnded, RefusedValue
from stardag.domain.registry_errors import NotKnownToRegistry, RegistryUnreachable
from stardag.domain.remembered import WorkspaceIdentity

MOST_RECORDS = 500
"""How many tasks a registry hears of at once."""


def deliver_outcomes(
    outcomes: Outcomes, directory: StardagDirectory, api: BuildsApi, identity: WorkspaceIdentity
) -> tuple[Notice, ...]:
    """Deliver what a directory keeps for a workspace, unless somebody else is about to.

    An outcome counts as delivered once the registry has taken it, or says that it has no use for it.

    Raises:
        RegistryUnreachable: the registry does not answer; what was not delivered stays kept.
    """
    with outcomes.claimed(directory, identity.registry_url, identity.workspace_id) as claim:
        notices = [*claim.notices]
        for claimed in claim.outcomes:
            notice = _deliver(api, claimed)
            notices.append(notice)
            if notice.code != "outcome-waiting":
                notices += _settle(outcomes, directory, claimed)
    return tuple(notices)


class SentRecords(NamedTuple):
    """The tasks that a registry did not accept, and what it has their build for, if it says so."""

    refused: tuple[TaskRecord, ...]
    status: BuildStatus | None


def send_records(api: BuildsApi, workspace_id: str, build_id: str, records: Sequence[TaskRecord]) -> SentRecords:
    """Record tasks; one that the registry does not accept does not hold up the others.

    Raises:
        whatever BuildsApi.record_tasks raises, but for RefusedValue and InvalidValue.
    """
    refused: list[TaskRecord] = []
    status: BuildStatus | None = None
    batches = [records[start : start + MOST_RECORDS] for start in reversed(range(0, len(records), MOST_RECORDS))]
    while batches:
        batch = batches.pop()
        try:
            status = api.record_tasks(workspace_id, build_id, batch)
        except (RefusedValue, InvalidValue):
            if len(batch) == 1:
                refused += batch
            else:
                middle = len(batch) // 2
                batches += (batch[middle:], batch[:middle])
    return SentRecords(tuple(refused), status)


def _deliver(api: BuildsApi, claimed: ClaimedOutcome) -> Notice:
    outcome = claimed.outcome
    try:
        refused, _ = send_records(api, outcome.workspace_id, outcome.build_id, outcome.records)
        if outcome.ending is not None:
            api.end_build(outcome.workspace_id, outcome.build_id, outcome.ending.end, outcome.ending.error)
    except RegistryUnreachable:
        raise
    except (BuildEnded, NotKnownToRegistry) as error:
        return Notice("outcome-settled", f"{_told(outcome)} is not delivered any more: {error.message}")
    except StardagError as error:
        return Notice("outcome-waiting", f"{_told(outcome)} waits to be delivered: {error.message} {error.fix}")
    tasks = f"{len(refused)} task{'s' if len(refused) > 1 else ''}"
    without = f", without {tasks} that the registry does not accept" if refused else ""
    return Notice("outcome-delivered", f"{_told(outcome)} was delivered{without}.")


def _settle(outcomes: Outcomes, directory: StardagDirectory, claimed: ClaimedOutcome) -> tuple[Notice, ...]:
    """Forget what was delivered. Not being able to only costs delivering it again, which changes nothing."""
    try:
        outcomes.settle(directory, claimed.name)
    except StateNotWritable as error:
        return (Notice("outcome-not-removed", error.message),)
    return ()


def _told(outcome: KeptOutcome) -> str:
    at = f"{outcome.at:%Y-%m-%d %H:%M} UTC"
    if outcome.ending is None:
        return f"How it went with tasks of build {outcome.build_id} until {at}"
    return f"That build {outcome.build_id} ended as {outcome.ending.end} at {at}"
