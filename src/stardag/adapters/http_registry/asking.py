"""The requests of one call of the registry's API: what each carries, and what each status of an answer means."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Generic, Literal, TypeVar
from urllib.parse import unquote

from pydantic import ValidationError

from stardag.adapters.bounded_http import Answer, Exchange, Headers
from stardag.adapters.http_registry.answers import (
    Item,
    Message,
    Page,
    breach_of,
    is_json,
    printable,
    problem_of,
)
from stardag.domain.credentials import Secret
from stardag.domain.errors import (
    NoCredential,
    NotAllowed,
    NotKnownToRegistry,
    RefusedCredential,
    RegistryUnreachable,
    StardagError,
    UnexpectedAnswer,
)

PAGES_MAX = 1000
ITEMS_OF_A_PAGE = 1000
"""What is asked for; a registry may give fewer."""

SHOWN_MAX_LENGTH = 300
"""How much of what a registry says is shown, in characters."""

NO_REGISTRY = "what answers there is not a Stardag registry"

_URL_SAFE = str.maketrans("+/", "-_")

MessageType = TypeVar("MessageType", bound=Message)


@dataclass(frozen=True, slots=True)
class Sought:
    """What a call is about, for when the registry knows no such thing."""

    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Listing(Generic[Item]):
    """All items of a list, and the one answer that held them all, where it was one."""

    items: list[Item]
    answer: Answer | None


@dataclass(frozen=True, slots=True)
class Asking:
    """One call: its exchange, the credential that every request carries, and what else is secret in it."""

    url: str
    exchange: Exchange
    credential: Secret | None
    id_token: Secret | None = None

    def get(self, path: str, parameters: Mapping[str, str], sought: Sought | None, etag: str | None = None) -> Answer:
        """One question. The answer is a 200, or a 304 where an entity tag was sent."""
        headers = self._headers()
        if etag is not None:
            headers["If-None-Match"] = etag
        answer = self.exchange.get(f"{self.url}/api/v1{path}", parameters, headers)
        if answer.status == HTTPStatus.NOT_MODIFIED and etag is not None:
            return answer
        return self._expect_ok(answer, sought)

    def send(
        self, method: Literal["POST", "PUT"], path: str, message: Mapping[str, str], sought: Sought | None
    ) -> Answer:
        """One message, with the ID token where there is one. The answer is a 200."""
        if self.id_token is not None:
            message = {**message, "id_token": self.id_token.reveal()}
        answer = self.exchange.send_json(method, f"{self.url}/api/v1{path}", message, self._headers())
        return self._expect_ok(answer, sought)

    def listing(
        self, path: str, page_type: type[Page[Item]], sought: Sought | None, first: Answer | None = None
    ) -> Listing[Item]:
        """All pages of a list, beginning with `first` where that was asked for already."""
        limit = {"limit": str(ITEMS_OF_A_PAGE)}
        answer = first or self.get(path, limit, sought)
        page = self.parse(page_type, answer)
        items, cursor = [*page.items], page.next_cursor
        whole = answer if cursor is None else None
        cursors: set[str] = set()
        while cursor is not None:
            if cursor in cursors or len(cursors) == PAGES_MAX:
                raise UnexpectedAnswer(self.url, f"its list does not end after {len(cursors) + 1} pages")
            cursors.add(cursor)
            page = self.parse(page_type, self.get(path, {**limit, "cursor": cursor}, sought))
            items += page.items
            cursor = page.next_cursor
        return Listing(items, whole)

    def parse(self, message_type: type[MessageType], answer: Answer) -> MessageType:
        """What an answer says.

        Raises:
            UnexpectedAnswer: it breaks the contract.
            RegistryUnreachable: it is not even JSON.
        """
        failure: StardagError
        try:
            return message_type.model_validate_json(answer.body)
        except ValidationError as error:
            if is_json(error):
                failure = UnexpectedAnswer(self.url, breach_of(error))
            else:
                failure = RegistryUnreachable(self.url, NO_REGISTRY)
        raise failure  # here, so that it does not keep the answer in its context

    def refusal(self, answer: Answer, sought: Sought | None) -> StardagError:
        """What an answer other than the wanted one means."""
        problem = problem_of(answer.body)
        reason = self._shown(problem.detail or problem.title or "").strip().rstrip(".")
        says = f"{status_of(answer)}{': ' + reason if reason else ''}"
        match answer.status:
            case HTTPStatus.UNAUTHORIZED:
                without = self.credential is None
                return NoCredential(self.url) if without else RefusedCredential(self.url, answer.clock_offset)
            case HTTPStatus.FORBIDDEN:
                return NotAllowed(self.url, reason or f"it answers {says}")
            case HTTPStatus.NOT_FOUND if sought is not None and problem.code is not None:
                return NotKnownToRegistry(sought.kind, sought.value, self.url)
            case HTTPStatus.NOT_FOUND:
                return RegistryUnreachable(self.url, f"there is no registry at this address (it answers {says})")
            case 301 | 302 | 303 | 307 | 308:
                target = self._shown(answer.headers.get("location", "nowhere"))
                fix = "Nothing was sent there. If the registry is there now, correct its address in the configuration."
                return RegistryUnreachable(self.url, f"it redirects to {target}", fix)
            case status if status == HTTPStatus.TOO_MANY_REQUESTS or status >= 500:
                return RegistryUnreachable(self.url, f"it answers {says}", "Try again in a while.")
            case _ if problem.code is not None:
                return UnexpectedAnswer(self.url, f"it refuses the question with {says}")
            case _:
                return RegistryUnreachable(self.url, f"{NO_REGISTRY} (it answers {says})")

    def _headers(self) -> Headers:
        headers = Headers()
        if self.credential is not None:
            headers["Authorization"] = f"Bearer {self.credential.reveal()}"
        return headers

    def _expect_ok(self, answer: Answer, sought: Sought | None) -> Answer:
        if answer.status != HTTPStatus.OK:
            raise self.refusal(answer, sought)
        return answer

    def _shown(self, said: str) -> str:
        """What the registry says, fit to stand in a sentence; nothing of it, should it say a secret back."""
        secrets = [secret for secret in (self.credential, self.id_token) if secret is not None]
        if any(_is_revealed(secret, said) for secret in secrets):
            return "(what it says holds a secret)"
        return printable(said, SHOWN_MAX_LENGTH)


def _is_revealed(secret: Secret, said: str) -> bool:
    """Whether a text holds a secret: as it is, URL-encoded, or in base64 of either alphabet, however it is aligned."""
    plain = secret.reveal()
    encoded = [b64encode(b"." * before + plain.encode()).decode()[4:-4] for before in range(3)]
    unquoted = unquote(said)
    disguises = [plain, *encoded, *(each.translate(_URL_SAFE) for each in encoded)]
    return any(disguise in text for disguise in disguises if disguise for text in (said, unquoted))


def status_of(answer: Answer) -> str:
    """A status with its standard phrase; the server's own phrase could be anything."""
    try:
        return f"{answer.status} {HTTPStatus(answer.status).phrase}"
    except ValueError:
        return str(answer.status)
