"""How every call of the API is made: one exchange with the credential, and what may stand in a path."""

from collections.abc import Callable, Iterable, Mapping
from copy import copy
from typing import Self, TypeVar
from urllib.parse import quote

from stardag.adapters.bounded_http import Connection, Exchange, Server
from stardag.adapters.http_registry.answers import printable
from stardag.adapters.http_registry.asking import UNCERTAIN, Asking, Sought
from stardag.app.registry_ports import Credential
from stardag.domain.credentials import Secret
from stardag.domain.names import is_id, is_name
from stardag.domain.registry_errors import (
    MalformedCredential,
    NotKnownToRegistry,
    RefusedCredential,
    RegistryUnreachable,
    UnexpectedAnswer,
)
from stardag.domain.remembered import WorkspaceIdentity

ANSWERS_MAX_BYTES = 16 * 1024 * 1024
"""Of all the answers of one exchange together."""

NOTHING_SECRET: Mapping[str, Secret] = {}

Result = TypeVar("Result")


class Calls:
    """A registry at an address, and the credential to ask it with. Nothing is retried but with another credential."""

    def __init__(self, registry_url: str, credential: Credential | None, timeout: float) -> None:
        self._url = registry_url
        self._credential = credential
        server = Server(registry_url, RegistryUnreachable, UnexpectedAnswer, ANSWERS_MAX_BYTES)
        self._connection = Connection(server, registry_url, timeout)
        self.expected: str | None = None

    def for_workspace(self, identity: WorkspaceIdentity | None) -> Self:
        """The same registry over the same connection, for calls about a workspace that has to be called so."""
        bound = copy(self)
        bound.expected = None if identity is None else f"{identity.organization_slug}/{identity.workspace_slug}"
        return bound

    def _change(self, work: Callable[[Asking], Result], secret_fields: Mapping[str, Secret] = NOTHING_SECRET) -> Result:
        """The same for a change: where it may have been made without an answer that says so, the error says that."""
        return self._ask(work, secret_fields, is_change=True, has_input=True)

    def _ask(
        self,
        work: Callable[[Asking], Result],
        secret_fields: Mapping[str, Secret] = NOTHING_SECRET,
        *,
        is_change: bool = False,
        has_input: bool = False,
    ) -> Result:
        """Perform one exchange with the credential, and one more with another where it is refused and there is one.

        The credential is had outside of the exchange, whose deadline is not that of a renewal.
        """

        def exchange(credential: Secret | None) -> Result:
            for secret in (credential, *secret_fields.values()):
                if secret is not None and not secret.is_well_formed_token:
                    # httpx would refuse to send it, and print it.
                    raise MalformedCredential("the configuration")
            try:
                return self._exchange(
                    lambda each: work(
                        Asking(self._url, each, credential, secret_fields, is_change, has_input, self.expected)
                    ),
                    is_change,
                )
            except RefusedCredential as error:
                assert self._credential is not None  # or the error would be NoCredential
                refusal = RefusedCredential(self._url, error.clock_offset, self._credential.source())
            raise refusal

        if self._credential is None:
            return exchange(None)
        secret = self._credential()
        refusal: RefusedCredential
        try:
            return exchange(secret)
        except RefusedCredential as error:
            refusal = error
        another = self._credential.instead_of(secret, refusal)
        if another is None or another == secret:
            raise refusal
        return exchange(another)

    def _exchange(self, work: Callable[[Exchange], Result], is_change: bool) -> Result:
        begun: list[Exchange] = []

        def perform(exchange: Exchange) -> Result:
            begun.append(exchange)
            return work(exchange)

        try:
            return self._connection.exchange(perform)
        except (RegistryUnreachable, UnexpectedAnswer) as error:
            if is_change and any(exchange.is_unanswered for exchange in begun):
                error.fix = UNCERTAIN
            raise

    def _segment(self, sought: Sought) -> str:
        """What is sought as a step of a path. What can be neither slug nor id is known to no registry."""
        if not (is_id(sought.value) or is_name(sought.value)):
            raise self._not_known(sought)
        return quote(sought.value, safe="")

    def _not_known(self, sought: Sought) -> NotKnownToRegistry:
        return NotKnownToRegistry(sought.kind, printable(sought.value, 80), self._url)

    def _check_unique(self, kind: str, names: Iterable[str]) -> None:
        seen: set[str] = set()
        for name in names:
            if name in seen:
                raise UnexpectedAnswer(self._url, f"it lists the {kind} {name!r} twice")
            seen.add(name)
