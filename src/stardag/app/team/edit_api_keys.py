"""The API keys of a workspace: listing, making and revoking them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from stardag.app.connect import Connect, Connection
from stardag.app.sign_in.ports import Clock
from stardag.app.team.reply import Reply, asking, reply_of
from stardag.domain.api_keys import ApiKey, MadeApiKey, Purpose
from stardag.domain.errors import ConfirmationNeeded, InvalidValue
from stardag.domain.profile import Selection
from stardag.domain.refusals import AmbiguousName
from stardag.domain.registry_errors import NotKnownToRegistry


@dataclass(frozen=True, slots=True)
class EditApiKeys:
    """Lists, makes and revokes API keys of the active workspace.

    Raises:
        MissingSetting: nothing names a registry, or no workspace.
        and whatever Connect and the calls of WorkspacesApi raise.
    """

    connect: Connect
    clock: Clock

    def list(self, selection: Selection, *, revoked: bool) -> Reply[tuple[ApiKey, ...]]:
        """The keys, the oldest first: those that count or have expired, or those that were revoked."""

        def ask(connection: Connection) -> Reply[tuple[ApiKey, ...]]:
            return reply_of(connection, connection.api.api_keys(connection.identity.workspace_id, revoked=revoked))

        return asking(self.connect, selection, ask)

    def make(
        self, selection: Selection, name: str, purpose: Purpose, expires_in: timedelta | None
    ) -> Reply[MadeApiKey]:
        """Make a key, which is shown this once.

        Raises:
            InvalidValue: the end lies further ahead than time is counted.
        """
        expires_at = None if expires_in is None else self._moment_in(expires_in)

        def ask(connection: Connection) -> Reply[MadeApiKey]:
            made = connection.api.make_api_key(connection.identity.workspace_id, name, purpose, expires_at)
            return reply_of(connection, made)

        return asking(self.connect, selection, ask)

    def revoke(self, selection: Selection, reference: str, *, confirmed: bool) -> Reply[ApiKey]:
        """Revoke a key (by name or id) at once.

        Raises:
            NotKnownToRegistry: there is no such key that is not revoked.
            AmbiguousName: several keys are called so.
            ConfirmationNeeded: nobody has confirmed it.
        """

        def ask(connection: Connection) -> Reply[ApiKey]:
            workspace_id = connection.identity.workspace_id
            api_keys = connection.api.api_keys(workspace_id)
            found = [api_key for api_key in api_keys if api_key.is_meant_by(reference)]
            if not found:
                names = [api_key.name for api_key in api_keys]
                raise NotKnownToRegistry("API key", reference[:80], connection.profile.registry_url.value, names)
            if len(found) > 1:
                raise AmbiguousName("API key", reference, [api_key.id for api_key in found])
            if not confirmed:
                workspace = connection.identity.workspace_slug
                raise ConfirmationNeeded(
                    f"Whatever uses the API key {found[0].name!r} of workspace {workspace!r} is refused at once when "
                    "it is revoked, and that cannot be undone.",
                    "--yes",
                )
            connection.api.revoke_api_key(workspace_id, found[0].id)
            return reply_of(connection, found[0])

        return asking(self.connect, selection, ask)

    def _moment_in(self, duration: timedelta) -> datetime:
        try:
            return datetime.fromtimestamp(self.clock(), UTC) + duration
        except OverflowError:
            fix = "Give --expires-in a sensible time, such as 90d."
            raise InvalidValue("time to expire in", str(duration), "it is too long", fix) from None
