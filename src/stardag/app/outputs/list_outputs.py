"""Listing the outputs below a target root, as its storage has them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from stardag.app.outputs.copying_ports import FileStorage, StoredFile
from stardag.app.outputs.find_target_root import FindTargetRoot
from stardag.app.outputs.stored_tasks import LeftOut, StoredTask, find_tasks, is_record, outputs_among
from stardag.domain.layers import Notice
from stardag.domain.output_errors import NoSuchOutput
from stardag.domain.outputs import RootPlace, check_output_path, root_place
from stardag.domain.profile import Selection
from stardag.domain.tasks import check_task_name


class ListedOutputs(NamedTuple):
    """The outputs at and below a path."""

    root: RootPlace
    files: Sequence[StoredFile]
    notices: tuple[Notice, ...] = ()


class ListedTasks(NamedTuple):
    """The tasks of a name."""

    root: RootPlace
    tasks: Sequence[StoredTask]
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class ListOutputs:
    """Lists files and tasks; writes nothing, and asks no registry where the roots are cached.

    Raises:
        OutsideTargetRoot, InvalidValue: a path or the name of a task cannot be one.
        StorageFailed: the storage cannot be listed.
        and whatever FindTargetRoot raises.
    """

    find_target_root: FindTargetRoot
    storage: FileStorage

    def files(self, selection: Selection, root: str, path: str) -> ListedOutputs:
        """The outputs at and below a path; all there are for ".".

        Raises:
            NoSuchOutput: nothing is there, though the root need not have anything.
        """
        place, notices = self._find(selection, root)
        path = check_output_path(place, path)
        left_out = LeftOut()
        listed = outputs_among(place, self.storage.files(place).find(path), left_out)
        files = [file for file in listed if not is_record(file.path)]
        if path and not files:
            raise NoSuchOutput(repr(path), place.name, place.uri_prefix, "stardag outputs list")
        return ListedOutputs(place, files, (*notices, *left_out.notices("listed")))

    def tasks(self, selection: Selection, root: str, name: str) -> ListedTasks:
        """The tasks of a name, complete or not, by their ids."""
        check_task_name(name)
        place, notices = self._find(selection, root)
        return ListedTasks(place, list(find_tasks(place, self.storage.files(place), name)), notices)

    def _find(self, selection: Selection, root: str) -> tuple[RootPlace, tuple[Notice, ...]]:
        profile = self.find_target_root.profile(selection, root)
        return root_place(root, profile.target_root(root), read_only=True), profile.notices
