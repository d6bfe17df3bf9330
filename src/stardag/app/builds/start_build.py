"""Starting a build: the target roots are validated, and it is registered with them (readings, section 4)."""

from dataclasses import dataclass

from stardag.app.builds.ports import Machine, Monotonic, NewKey
from stardag.app.builds.reporting import EndHeard, Reporter
from stardag.app.builds.running_build import Registered, RunningBuild
from stardag.app.connect import Connection
from stardag.app.validate_before_build import ValidateBeforeBuild
from stardag.domain.builds import RegisteredBuild, Registration
from stardag.domain.profile import Selection
from stardag.domain.registry_errors import RegistryUnreachable


@dataclass(frozen=True, slots=True)
class StartBuild:
    """Starts builds: two requests where the caches are warm and the target roots unchanged.

    Where nothing names a registry, a build stays on this machine, and says so once; anywhere else none is begun that
    is not registered.
    """

    validate: ValidateBeforeBuild
    machine: Machine
    monotonic: Monotonic
    new_key: NewKey

    def __call__(
        self,
        selection: Selection,
        name: str,
        description: str | None = None,
        commit: str | None = None,
        on_end: EndHeard | None = None,
    ) -> RunningBuild:
        """Start a build. `on_end` is called, on another thread, where somebody else ends it at the registry.

        Raises:
            RefusedValue: the registry does not accept the name, the description or the commit.
            WorkspaceArchived: nothing is built there any more.
            and whatever ValidateBeforeBuild and RegistryApi raise.
        """
        synced, connection = self.validate.connected(selection)
        profile = synced.profile
        if connection is None:
            return RunningBuild(name, profile, None, self.machine, None, synced.notices)
        roots = {root: setting.value for root, setting in profile.target_roots.items()}
        build, heartbeat_seconds = self._register(connection, Registration(name, roots, description, commit))
        api, workspace_id = connection.api.for_workspace(None), connection.identity.workspace_id
        reporter = Reporter(lambda: api, workspace_id, build.id, heartbeat_seconds, self.monotonic, on_end)
        registered = Registered(build.id, workspace_id, reporter)
        return RunningBuild(name, profile, connection.identity, self.machine, registered, synced.notices)

    def _register(self, connection: Connection, registration: Registration) -> RegisteredBuild:
        """Register the build; where no answer comes, ask once more for the same one, which makes no second."""
        key, workspace_id = self.new_key(), connection.identity.workspace_id
        try:
            return connection.api.register_build(workspace_id, registration, key)
        except RegistryUnreachable:
            return connection.api.register_build(workspace_id, registration, key)
