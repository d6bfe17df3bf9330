"""The calls of the registry's API, and what each status of its answers means."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Generic, TypeVar
from urllib.parse import quote

import httpx
from pydantic import ValidationError

from stardag.adapters.http_registry.answers import (
    HealthMessage,
    Item,
    MeMessage,
    Message,
    OrganizationMessage,
    Page,
    TargetRootMessage,
    WorkspaceMessage,
    breach_of,
    is_json,
    printable,
    problem_of,
)
from stardag.adapters.http_registry.exchange import Answer, Connection, Exchange
from stardag.app.ports import KeyIdentity, ServedRoots
from stardag.domain.credentials import Secret
from stardag.domain.errors import (
    MalformedCredential,
    NoCredential,
    NotAllowed,
    NotKnownToRegistry,
    RefusedCredential,
    RegistryUnreachable,
    StardagError,
    UnexpectedAnswer,
)
from stardag.domain.names import is_id, is_name
from stardag.domain.organizations import Organization, Workspace
from stardag.domain.version import VERSION

PAGES_MAX = 1000
ITEMS_OF_A_PAGE = 1000
"""What is asked for; a registry may give fewer."""

SHOWN_MAX_LENGTH = 300
"""How much of what a registry says is shown, in characters."""

_ENTITY_TAG = re.compile(r'(W/)?"[\x21\x23-\x7e]{0,256}"')  # RFC 9110, section 8.8.3, ASCII alone

_NO_REGISTRY = "what answers there is not a Stardag registry"

Result = TypeVar("Result")
MessageType = TypeVar("MessageType", bound=Message)


@dataclass(frozen=True, slots=True)
class _Sought:
    """What a call is about, for when the registry knows no such thing."""

    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class _Listing(Generic[Item]):
    """All items of a list, and the entity tag of the one answer that held them all."""

    items: list[Item]
    etag: str | None


class HttpRegistry:
    """Keeps the promises of `RegistryApi` over HTTP. Nothing is retried."""

    def __init__(self, registry_url: str, credential: Secret | None, timeout: float) -> None:
        self._url = registry_url
        self._credential = credential
        self._connection = Connection(registry_url, f"stardag/{VERSION}", timeout)

    def check(self) -> None:
        """Make sure that a registry answers at this address; the credential stays at home."""
        answer = self._connection.exchange(lambda exchange: exchange.get(f"{self._url}/health", {}, httpx.Headers()))
        if answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND):
            raise RegistryUnreachable(self._url, f"{_NO_REGISTRY} (it answers {_status(answer.status)})")
        if answer.status != HTTPStatus.OK:
            raise self._refusal(answer, None)
        try:
            HealthMessage.model_validate_json(answer.body)
            return
        except ValidationError:
            pass
        raise RegistryUnreachable(self._url, _NO_REGISTRY)

    def identity(self) -> KeyIdentity:
        """Whom the credential belongs to."""
        answer = self._ask(lambda exchange: self._get(exchange, "/me", {}, None))
        identity = self._parse(MeMessage, answer).to_domain()
        if identity is None:
            raise UnexpectedAnswer(self._url, "the credential belongs to no one workspace, as an API key does")
        return identity

    def organizations(self) -> tuple[Organization, ...]:
        """The organizations that the credential may see."""
        listing = self._ask(lambda exchange: self._list(exchange, "/organizations", Page[OrganizationMessage], None))
        found = tuple(item.to_domain() for item in listing.items)
        self._check_unique("organization", (organization.slug for organization in found))
        return found

    def workspaces(self, organization: str) -> tuple[Workspace, ...]:
        """The workspaces of an organization (slug or id) that the credential may see."""
        sought = _Sought("organization", organization)
        path = f"/organizations/{self._segment(sought)}/workspaces"
        listing = self._ask(lambda exchange: self._list(exchange, path, Page[WorkspaceMessage], sought))
        found = tuple(item.to_domain() for item in listing.items)
        self._check_unique("workspace", (workspace.slug for workspace in found))
        return found

    def target_roots(self, workspace_id: str, etag: str | None = None) -> ServedRoots | None:
        """The target roots of a workspace; None where they still are what `etag` names."""
        sought = _Sought("workspace", workspace_id)
        path = f"/workspaces/{self._segment(sought)}/target-roots"
        known = etag if etag and _ENTITY_TAG.fullmatch(etag) else None  # it was kept in a file, where it may be damaged

        def fetch(exchange: Exchange) -> _Listing[TargetRootMessage] | None:
            first = self._get(exchange, path, {"limit": str(ITEMS_OF_A_PAGE)}, sought, known)
            if first.status == HTTPStatus.NOT_MODIFIED:
                return None
            return self._list(exchange, path, Page[TargetRootMessage], sought, first)

        listing = self._ask(fetch)
        if listing is None:
            return None
        roots = tuple(item.to_domain() for item in listing.items)
        self._check_unique("target root", (root.name for root in roots))
        return ServedRoots(roots, listing.etag)

    def _ask(self, work: Callable[[Exchange], Result]) -> Result:
        """Perform one exchange with the credential."""
        if self._credential is not None and not self._credential.is_well_formed:
            # httpx would refuse to send it, and print it.
            raise MalformedCredential("the configuration")
        return self._connection.exchange(work)

    def _get(
        self,
        exchange: Exchange,
        path: str,
        parameters: Mapping[str, str],
        sought: _Sought | None,
        etag: str | None = None,
    ) -> Answer:
        """One request with the credential. The answer is a 200, or a 304 where an entity tag was sent."""
        headers = httpx.Headers()  # shows no Authorization in its repr, unlike a dict
        if self._credential is not None:
            headers["Authorization"] = f"Bearer {self._credential.reveal()}"
        if etag is not None:
            headers["If-None-Match"] = etag
        answer = exchange.get(f"{self._url}/api/v1{path}", parameters, headers)
        if answer.status == HTTPStatus.OK or (answer.status == HTTPStatus.NOT_MODIFIED and etag is not None):
            return answer
        raise self._refusal(answer, sought)

    def _list(
        self,
        exchange: Exchange,
        path: str,
        page_type: type[Page[Item]],
        sought: _Sought | None,
        first: Answer | None = None,
    ) -> _Listing[Item]:
        """All pages of a list, beginning with `first` where that was asked for already."""
        limit = {"limit": str(ITEMS_OF_A_PAGE)}
        answer = first or self._get(exchange, path, limit, sought)
        page = self._parse(page_type, answer)
        items, cursor = list(page.items), page.next_cursor
        etag = _etag_of(answer) if cursor is None else None  # it names one page, not all of them
        cursors: set[str] = set()
        while cursor is not None:
            if cursor in cursors or len(cursors) == PAGES_MAX:
                raise UnexpectedAnswer(self._url, f"its list does not end after {len(cursors) + 1} pages")
            cursors.add(cursor)
            page = self._parse(page_type, self._get(exchange, path, {**limit, "cursor": cursor}, sought))
            items += page.items
            cursor = page.next_cursor
        return _Listing(items, etag)

    def _parse(self, message_type: type[MessageType], answer: Answer) -> MessageType:
        failure: StardagError
        try:
            return message_type.model_validate_json(answer.body)
        except ValidationError as error:
            if is_json(error):
                failure = UnexpectedAnswer(self._url, breach_of(error))
            else:
                failure = RegistryUnreachable(self._url, _NO_REGISTRY)
        raise failure  # here, so that it does not keep the answer in its context

    def _refusal(self, answer: Answer, sought: _Sought | None) -> StardagError:
        """What an answer other than the wanted one means."""
        problem = problem_of(answer.body)
        reason = self._shown(problem.detail or problem.title or "").strip().rstrip(".")
        says = f"{_status(answer.status)}{': ' + reason if reason else ''}"
        match answer.status:
            case HTTPStatus.UNAUTHORIZED:
                return NoCredential(self._url) if self._credential is None else RefusedCredential(self._url)
            case HTTPStatus.FORBIDDEN:
                return NotAllowed(self._url, reason or f"it answers {says}")
            case HTTPStatus.NOT_FOUND if sought is not None and problem.code is not None:
                return NotKnownToRegistry(sought.kind, sought.value, self._url)
            case HTTPStatus.NOT_FOUND:
                return RegistryUnreachable(self._url, f"there is no registry at this address (it answers {says})")
            case 301 | 302 | 303 | 307 | 308:
                target = self._shown(answer.headers.get("location", "nowhere"))
                fix = "Nothing was sent there. If the registry is there now, correct its address in the configuration."
                return RegistryUnreachable(self._url, f"it redirects to {target}", fix)
            case status if status == HTTPStatus.TOO_MANY_REQUESTS or status >= 500:
                return RegistryUnreachable(self._url, f"it answers {says}", "Try again in a while.")
            case _ if problem.code is not None:
                return UnexpectedAnswer(self._url, f"it refuses the question with {says}")
            case _:
                return RegistryUnreachable(self._url, f"{_NO_REGISTRY} (it answers {says})")

    def _shown(self, said: str) -> str:
        """What the registry says, fit to stand in a sentence; should it say the credential back, without that."""
        if self._credential is not None and self._credential.is_well_formed:
            said = said.replace(self._credential.reveal(), "****")
        return printable(said, SHOWN_MAX_LENGTH)

    def _segment(self, sought: _Sought) -> str:
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


def _status(status: int) -> str:
    """A status with its standard phrase; the server's own phrase could be anything."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
