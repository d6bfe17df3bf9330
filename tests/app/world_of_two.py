"""A world with two profiles, for tests of what goes from one to the other, and tasks to put there."""

from collections.abc import Mapping
from datetime import UTC, datetime

from stardag.app.outputs.copy_outputs import Copied, Progress, Wanted
from stardag.domain.completion import Completion, write_completion
from stardag.domain.outputs import TASK_RECORD
from stardag.domain.profile import Selection
from stardag.domain.tasks import Json, task_id
from tests.app.world import World
from tests.fakes.configuration import FakeConfigurationFiles

PROD, HERE = Selection("prod"), Selection("here")


class TwoProfiles(World):
    """A user of two workspaces: `prod` has its outputs at /prod, `here` at /here."""

    def __init__(self) -> None:
        super().__init__()
        organization = next(iter(self.registry.organizations.values()))
        self.prod = self.registry.add_workspace(organization, "prod")
        self.registry.set_root(self.prod.id, "default", "/prod/")
        self.set_root("default", "/here/")
        self.files = FakeConfigurationFiles(
            user={
                "registry": {"local": {"url": self.registry.url}},
                "profile": {
                    "prod": {"registry": "local", "organization": "default", "workspace": "prod"},
                    "here": {"registry": "local", "organization": "default", "workspace": "default"},
                },
            }
        )
        self.signed_in()
        self.theirs = self.file_storage.root("/prod/")
        self.ours = self.file_storage.root("/here/")

    def copy(self, *paths: str, dry_run: bool = False, replace: bool = False, offline: bool = False) -> Copied:
        wanted = Wanted(paths=paths)
        source, target = (each._replace(offline=offline) for each in (PROD, HERE))
        return self.copy_outputs(source, target, wanted, Progress(), dry_run=dry_run, replace=replace)

    def copy_tasks(self, *names: str, replace: bool = False) -> Copied:
        return self.copy_outputs(PROD, HERE, Wanted(tasks=names), Progress(), replace=replace)


def task(
    place: dict[str, bytes],
    outputs: Mapping[str, bytes],
    *,
    lr: float = 0.1,
    complete: bool = True,
    name: str = "train",
) -> str:
    """Put a task somewhere, and return its directory."""
    parameters: dict[str, Json] = {"lr": lr}
    directory = f"{name}/{task_id(name, parameters)}"
    place.update((f"{directory}/{path}", content) for path, content in outputs.items())
    if complete:
        sizes = {path: len(content) for path, content in outputs.items()}
        record = write_completion(Completion(name, parameters, sizes, datetime(2026, 11, 26, tzinfo=UTC)))
        place[f"{directory}/{TASK_RECORD}"] = record
    return directory
