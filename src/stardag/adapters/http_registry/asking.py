"""The requests of one call of the registry's API: what each carries, and what each status of an answer means."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Generic, TypeVar
from urllib.parse import unquote

from pydantic import ValidationError

from stardag.adapters.bounded_http import Answer, Exchange, Headers, Json, Method, Parameters
from stardag.adapters.http_registry.answers import (
    Item,
    Message,
    Page,
    breach_of,
    is_json,
    printable,
)
from stardag.adapters.http_registry.problems import ProblemMessage, conflict_of, problem_of, told_by_field
from stardag.app.registry_ports import Excerpt
from stardag.domain.credentials import Secret
from stardag.domain.errors import NotAllowed, StardagError
from stardag.domain.refusals import RefusedValue
from stardag.domain.registry_errors import (
    NoCredential,
    NotKnownToRegistry,
    RefusedCredential,
    RegistryUnreachable,
    UnexpectedAnswer,
    WorkspaceMoved,
)

PAGES_MAX = 1000
ITEMS_OF_A_PAGE = 1000
"""What is asked for; a registry may give fewer."""

SHOWN_MAX_LENGTH = 300
"""How much of what a registry says is shown, in characters."""

NO_REGISTRY = "what answers there is not a Stardag registry"

UNCERTAIN = "It is not known whether the change was made: look before you repeat the command."

_URL_SAFE = str.maketrans("+/", "-_")

MessageType = TypeVar("MessageType", bound=Message)


@dataclass(frozen=True, slots=True)
class Sought:
    """What a call is about, for when the registry knows no such thing, or has it already."""

    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Listing(Generic[Item]):
    """All items of a list, and the one answer that held them all, where it was one."""

    items: list[Item]
    answer: Answer | None


@dataclass(frozen=True, slots=True)
class Asking:
    """One call: its exchange, the credential that every request carries, and what else is secret in it.

    `secret_fields` go into the message that is sent. `is_change` says that what is asked for cannot simply be asked for
    again, and `has_input` that there are values of a person's in it, which the registry may refuse. `expected` is what
    the workspace that it is about has to be called there, by slugs.
    """

    url: str
    exchange: Exchange
    credential: Secret | None
    secret_fields: Mapping[str, Secret] = field(default_factory=dict[str, Secret])
    is_change: bool = False
    has_input: bool = False
    expected: str | None = None

    def get(
        self,
        path: str,
        parameters: Parameters,
        sought: Sought | None,
        etag: str | None = None,
        *,
        to_build: bool = False,
    ) -> Answer:
        """One question. The answer is a 200, or a 304 where an entity tag was sent. A question asked `to_build` is
        refused where a build would be."""
        headers = self._headers()
        if to_build:
            headers["Stardag-Purpose"] = "build"
        if etag is not None:
            headers["If-None-Match"] = etag
        answer = self.exchange.get(f"{self.url}/api/v1{path}", parameters, headers)
        if answer.status == HTTPStatus.NOT_MODIFIED and etag is not None:
            return answer
        return self._expect(HTTPStatus.OK, answer, sought)

    def send(
        self,
        method: Method,
        path: str,
        message: Mapping[str, Json] | None,
        sought: Sought | None,
        made: Sought | None = None,
        status: HTTPStatus = HTTPStatus.OK,
        idempotency_key: str | None = None,
    ) -> Answer:
        """One message, with the secret fields that there are. The answer has the status that is expected, or is a 200
        where the same message with the same key came before; `made` is what is there afterwards."""
        if self.secret_fields:
            secrets = {name: secret.reveal() for name, secret in self.secret_fields.items()}
            message = {**(message or {}), **secrets}
        headers = self._headers()
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        answer = self.exchange.send_json(method, f"{self.url}/api/v1{path}", message, headers)
        if answer.status == HTTPStatus.OK and idempotency_key is not None:
            return answer
        return self._expect(status, answer, sought, made)

    def listing(
        self,
        path: str,
        page_type: type[Page[Item]],
        sought: Sought | None,
        first: Answer | None = None,
        parameters: Parameters | None = None,
    ) -> Listing[Item]:
        """All pages of a list, beginning with `first` where that was asked for already."""
        limit: dict[str, str | Sequence[str]] = {"limit": str(ITEMS_OF_A_PAGE), **(parameters or {})}
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

    def excerpt(
        self, path: str, page_type: type[Page[Item]], sought: Sought | None, parameters: Parameters, at_most: int
    ) -> Excerpt[Item]:
        """The first items of a list, in as many pages as they take."""
        items: list[Item] = []
        cursor: str | None = None
        while True:
            limit = {"limit": str(min(at_most - len(items), ITEMS_OF_A_PAGE))}
            position = {} if cursor is None else {"cursor": cursor}
            page = self.parse(page_type, self.get(path, {**parameters, **limit, **position}, sought))
            items += page.items
            if page.next_cursor is None or len(items) >= at_most:
                return Excerpt(tuple(items[:at_most]), page.next_cursor is None and len(items) <= at_most)
            if not page.items or page.next_cursor == cursor:
                raise UnexpectedAnswer(self.url, "its list does not go on")
            cursor = page.next_cursor

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
                failure = UnexpectedAnswer(self.url, breach_of(error), self._fix)
            else:
                failure = self._unreachable(NO_REGISTRY, self._fix)
        raise failure  # here, so that it does not keep the answer in its context

    def refusal(self, answer: Answer, sought: Sought | None, made: Sought | None = None) -> StardagError:
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
            case HTTPStatus.PRECONDITION_FAILED if self.expected is not None and problem.code == "workspace-moved":
                return WorkspaceMoved(self.url, self.expected)
            case HTTPStatus.NOT_FOUND if sought is not None and problem.code is not None:
                return NotKnownToRegistry(sought.kind, sought.value, self.url)
            case HTTPStatus.NOT_FOUND:
                return self._unreachable(f"there is no registry at this address (it answers {says})")
            case HTTPStatus.CONFLICT | HTTPStatus.UNPROCESSABLE_ENTITY if problem.code is not None:
                return self._objection(problem, reason, made or sought) or UnexpectedAnswer(
                    self.url, f"it refuses the question with {says}"
                )
            case 301 | 302 | 303 | 307 | 308:
                target = self._shown(answer.headers.get("location", "nowhere"))
                fix = "Nothing was sent there. If the registry is there now, correct its address in the configuration."
                return self._unreachable(f"it redirects to {target}", fix)
            case status if status == HTTPStatus.TOO_MANY_REQUESTS or status >= 500:
                is_done_perhaps = status >= 500 and problem.code != "issuer-unavailable"  # which is asked before
                fix = (self._fix if is_done_perhaps else None) or "Try again in a while."
                return self._unreachable(f"it answers {says}", fix)
            case _ if problem.code is not None:
                return UnexpectedAnswer(self.url, f"it refuses the question with {says}")
            case _:
                return self._unreachable(f"{NO_REGISTRY} (it answers {says})", self._fix)

    def _unreachable(self, reason: str, fix: str | None = None) -> RegistryUnreachable:
        """That what answers is no registry, or none that works: perhaps a proxy."""
        return RegistryUnreachable(self.url, f"{reason}{self.exchange.way}", fix)

    @property
    def _fix(self) -> str | None:
        """What to do after an answer that says nothing, where that is more than the usual."""
        return UNCERTAIN if self.is_change else None

    def _objection(self, problem: ProblemMessage, reason: str, about: Sought | None) -> StardagError | None:
        """What the registry has against a change, or against a value that a person gave."""
        if problem.code == "invalid":
            return RefusedValue(self.url, self._shown(told_by_field(problem)) or reason) if self.has_input else None
        if about is None or problem.code is None:
            return None
        return conflict_of(problem.code, reason, self.url, about.kind, printable(about.value, 80))

    def _headers(self) -> Headers:
        headers = Headers()
        if self.credential is not None:
            headers["Authorization"] = f"Bearer {self.credential.reveal()}"
        if self.expected is not None:
            headers["Stardag-Workspace"] = self.expected
        return headers

    def _expect(self, status: HTTPStatus, answer: Answer, sought: Sought | None, made: Sought | None = None) -> Answer:
        if answer.status != status:
            raise self.refusal(answer, sought, made)
        return answer

    def _shown(self, said: str) -> str:
        """What the registry says, fit to stand in a sentence; nothing of it, should it say a secret back."""
        secrets = [*self.secret_fields.values(), *(() if self.credential is None else (self.credential,))]
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
