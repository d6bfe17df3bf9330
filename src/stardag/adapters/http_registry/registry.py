"""The calls of the registry's API."""

import re
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import quote

from pydantic import ValidationError

from stardag.adapters.bounded_http import Answer, Connection, Exchange, Headers, Server
from stardag.adapters.http_registry.answers import (
    ExchangeMessage,
    HealthMessage,
    MeMessage,
    OrganizationMessage,
    Page,
    SignInSettingsMessage,
    TargetRootMessage,
    WorkspaceMessage,
    printable,
)
from stardag.adapters.http_registry.asking import ITEMS_OF_A_PAGE, NO_REGISTRY, Asking, Listing, Sought, status_of
from stardag.app.ports import Credential, KeyIdentity, ServedRoots
from stardag.domain.credentials import Secret
from stardag.domain.errors import (
    MalformedCredential,
    NotKnownToRegistry,
    RefusedCredential,
    RegistryUnreachable,
    UnexpectedAnswer,
)
from stardag.domain.names import is_id, is_name
from stardag.domain.organizations import Organization, Workspace
from stardag.domain.registry_url import is_plain_beyond_loopback
from stardag.domain.sign_in import ExchangedToken, SignInSettings, User

ANSWERS_MAX_BYTES = 16 * 1024 * 1024
"""Of all the answers of one exchange together."""

_ENTITY_TAG = re.compile(r'(W/)?"[\x21\x23-\x7e]{0,256}"')  # RFC 9110, section 8.8.3, ASCII alone

Result = TypeVar("Result")


class HttpRegistry:
    """Keeps the promises of `RegistryApi` over HTTP. Nothing is retried but with another credential."""

    def __init__(self, registry_url: str, credential: Credential | None, timeout: float) -> None:
        self._url = registry_url
        self._credential = credential
        server = Server(registry_url, RegistryUnreachable, UnexpectedAnswer, ANSWERS_MAX_BYTES)
        self._connection = Connection(server, registry_url, timeout)

    def check(self) -> None:
        """Make sure that a registry answers at this address; the credential stays at home."""

        def fetch(exchange: Exchange) -> Answer:
            answer = exchange.get(f"{self._url}/health", {}, Headers())
            if answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND):
                raise RegistryUnreachable(self._url, f"{NO_REGISTRY} (it answers {status_of(answer)})")
            if answer.status != HTTPStatus.OK:
                raise Asking(self._url, exchange, None).refusal(answer, None)
            return answer

        answer = self._connection.exchange(fetch)
        try:
            HealthMessage.model_validate_json(answer.body)
            return
        except ValidationError:
            pass
        raise RegistryUnreachable(self._url, NO_REGISTRY)

    def identity(self) -> KeyIdentity | User:
        """Whom the credential belongs to: an API key's workspace, or the user."""
        me = self._ask(lambda asking: asking.parse(MeMessage, asking.get("/me", {}, None)))
        identity = me.to_domain()
        if identity is None:
            raise UnexpectedAnswer(self._url, "the credential belongs to no user and no one workspace")
        return identity

    def sign_in_settings(self) -> SignInSettings:
        """Where the registry's users sign in; the credential stays at home."""

        def fetch(exchange: Exchange) -> SignInSettingsMessage:
            asking = Asking(self._url, exchange, None)
            return asking.parse(SignInSettingsMessage, asking.get("/auth/configuration", {}, None))

        settings = self._connection.exchange(fetch).to_domain()
        if is_plain_beyond_loopback(settings.issuer_url) and not is_plain_beyond_loopback(self._url):
            raise UnexpectedAnswer(
                self._url, "the issuer it names is to be reached by plain http, which others can read"
            )
        return settings

    def introduce(self, id_token: Secret | None) -> User:
        """Tell the registry who is signed in, with the issuer's access token as credential, and hear whom it knows."""
        me = self._ask(lambda asking: asking.parse(MeMessage, asking.send("PUT", "/me", {}, None)), id_token)
        user = me.to_domain()
        if not isinstance(user, User):
            raise UnexpectedAnswer(self._url, "it knows no user by the issuer's tokens")
        return user

    def exchange(self, organization: str, id_token: Secret | None) -> ExchangedToken:
        """A token for an organization (slug or id), with the issuer's access token as credential."""
        sought = Sought("organization", organization)
        self._segment(sought)

        def send(asking: Asking) -> ExchangedToken:
            answer = asking.send("POST", "/auth/exchange", {"organization": organization}, sought)
            return asking.parse(ExchangeMessage, answer).to_domain()._replace(clock_offset=answer.clock_offset)

        token = self._ask(send, id_token)
        if organization.lower() not in (token.organization_id, token.organization_slug):
            raise UnexpectedAnswer(self._url, "it gives a token for another organization than the one asked for")
        return token

    def organizations(self) -> tuple[Organization, ...]:
        """The organizations that the credential may see."""
        listing = self._ask(lambda asking: asking.listing("/organizations", Page[OrganizationMessage], None))
        found = tuple(item.to_domain() for item in listing.items)
        self._check_unique("organization", (organization.slug for organization in found))
        return found

    def workspaces(self, organization: str) -> tuple[Workspace, ...]:
        """The workspaces of an organization (slug or id) that the credential may see."""
        sought = Sought("organization", organization)
        path = f"/organizations/{self._segment(sought)}/workspaces"
        listing = self._ask(lambda asking: asking.listing(path, Page[WorkspaceMessage], sought))
        found = tuple(item.to_domain() for item in listing.items)
        self._check_unique("workspace", (workspace.slug for workspace in found))
        return found

    def target_roots(self, workspace_id: str, etag: str | None = None) -> ServedRoots | None:
        """The target roots of a workspace; None where they still are what `etag` names."""
        sought = Sought("workspace", workspace_id)
        path = f"/workspaces/{self._segment(sought)}/target-roots"
        known = etag if etag and _ENTITY_TAG.fullmatch(etag) else None  # it was kept in a file, where it may be damaged

        def fetch(asking: Asking) -> Listing[TargetRootMessage] | None:
            first = asking.get(path, {"limit": str(ITEMS_OF_A_PAGE)}, sought, known)
            if first.status == HTTPStatus.NOT_MODIFIED:
                return None
            return asking.listing(path, Page[TargetRootMessage], sought, first)

        listing = self._ask(fetch)
        if listing is None:
            return None
        roots = tuple(item.to_domain() for item in listing.items)
        self._check_unique("target root", (root.name for root in roots))
        return ServedRoots(roots, None if listing.answer is None else _etag_of(listing.answer))

    def _ask(self, work: Callable[[Asking], Result], id_token: Secret | None = None) -> Result:
        """Perform one exchange with the credential, and one more with another where it is refused and there is one.

        The credential is had outside of the exchange, whose deadline is not that of a renewal.
        """
        if self._credential is None:
            return self._exchange(work, None, id_token)
        secret = self._credential()
        refusal: RefusedCredential
        try:
            return self._exchange(work, secret, id_token)
        except RefusedCredential as error:
            refusal = error
        another = self._credential.instead_of(secret, refusal)
        if another is None or another == secret:
            raise refusal
        return self._exchange(work, another, id_token)

    def _exchange(self, work: Callable[[Asking], Result], credential: Secret | None, id_token: Secret | None) -> Result:
        for secret in (credential, id_token):
            if secret is not None and not secret.is_well_formed_token:
                # httpx would refuse to send it, and print it.
                raise MalformedCredential("the configuration")
        return self._connection.exchange(lambda exchange: work(Asking(self._url, exchange, credential, id_token)))

    def _segment(self, sought: Sought) -> str:
        """What is sought as a step of a path. What can be neither slug nor id is known to no registry."""
        if not (is_id(sought.value) or is_name(sought.value)):
            raise NotKnownToRegistry(sought.kind, printable(sought.value, 80), self._url)
        return quote(sought.value, safe="")

    def _check_unique(self, kind: str, names: Iterable[str]) -> None:
        seen: set[str] = set()
        for name in names:
            if name in seen:
                raise UnexpectedAnswer(self._url, f"it lists the {kind} {name!r} twice")
            seen.add(name)


def _etag_of(answer: Answer) -> str | None:
    etag = answer.headers.get("etag", "")
    return etag if _ENTITY_TAG.fullmatch(etag) else None
