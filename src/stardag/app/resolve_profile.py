"""Resolving the active profile from what the environment, the files and the caches say. Never asks the network."""

from dataclasses import dataclass, field

from stardag.app.ports import ConfigurationFiles, EnvironmentVariables, State
from stardag.app.replaced_file import explaining_unknown_names
from stardag.domain.layers import NoticeLog
from stardag.domain.profile import NO_SELECTION, ActiveProfile, Selection
from stardag.domain.remembered import CachedRoots, WorkspaceIdentity
from stardag.domain.resolution import Layers, resolve


@dataclass(frozen=True, slots=True)
class ResolveProfile:
    """The active profile as the layers on this machine make it.

    Raises:
        ConfigurationError: a file, variable or argument cannot be used; see the leaves.
    """

    environment: EnvironmentVariables
    files: ConfigurationFiles
    state: State
    notice_log: NoticeLog = field(default_factory=NoticeLog)

    def __call__(
        self,
        selection: Selection = NO_SELECTION,
        identity: WorkspaceIdentity | None = None,
        roots: CachedRoots | None = None,
    ) -> ActiveProfile:
        """Resolve. `identity` and `roots` were fetched just now; they count, whether or not they could be kept."""
        environment = self.environment.read()
        names_none = selection.profile is None and selection.registry is None
        read = self.files.read(is_needed=not (environment.names_all and names_none))
        remembered, notices = self.state.read(read.directory)
        if identity is not None:
            remembered = remembered.learn(identity, roots)
        with explaining_unknown_names(self.files):
            profile = resolve(Layers(selection, environment, read.file, read.directory, remembered))
        self.notice_log.add(profile.notices)
        return profile._replace(notices=(*profile.notices, *read.notices, *notices))
