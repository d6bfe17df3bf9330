"""Requests to an issuer: one deadline each, no redirects, and errors that repeat nothing secret."""

from http import HTTPStatus
from typing import TypeVar

from pydantic import ValidationError

from stardag.adapters.bounded_http import Answer, Connection, Headers, Server
from stardag.adapters.oauth.messages import ErrorMessage, Fields, Message, TokenMessage
from stardag.domain.errors import StardagError
from stardag.domain.registry_errors import IssuerUnreachable, UnexpectedIssuerAnswer
from stardag.domain.registry_url import origin_of

ANSWERS_MAX_BYTES = 1024 * 1024

MessageType = TypeVar("MessageType", bound=Message)

_INVALID_TARGET = "invalid_target"  # RFC 8707, section 2


class AskedIssuer:
    """The way to an issuer, whose name errors say.

    Every call raises:
        IssuerUnreachable: no answer within the deadline.
        UnexpectedIssuerAnswer: the answer breaks the contract.
    """

    def __init__(self, issuer_url: str, timeout: float) -> None:
        self.url = issuer_url
        self._timeout = timeout
        self._server = Server(issuer_url, IssuerUnreachable, UnexpectedIssuerAnswer, ANSWERS_MAX_BYTES)

    def get(self, url: str, message_type: type[MessageType]) -> MessageType:
        """What a document says."""
        connection = Connection(self._server, url, self._timeout)
        return self._parse(connection.exchange(lambda exchange: exchange.get(url, {}, Headers())), message_type)

    def post(self, url: str, fields: Fields, message_type: type[MessageType]) -> MessageType | str:
        """What a form is answered with, or the issuer's code for why not."""
        answer = self._send(url, fields)
        if answer.status in (HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            return self._error_in(answer)
        return self._parse(answer, message_type)

    def tokens(self, url: str, fields: Fields, resource: str) -> TokenMessage | str:
        """Tokens for the registry alone; for whatever the issuer says where it cannot do that (RFC 8707)."""
        answer = self.post(url, Fields(fields, resource=resource), TokenMessage)
        return self.post(url, fields, TokenMessage) if answer == _INVALID_TARGET else answer

    def send(self, url: str, fields: Fields) -> None:
        """A form whose answer says nothing but that it was taken."""
        answer = self._send(url, fields)
        if answer.status != HTTPStatus.OK:
            raise self._refusal(answer)

    def _send(self, url: str, fields: Fields) -> Answer:
        connection = Connection(self._server, url, self._timeout)
        return connection.exchange(lambda exchange: exchange.post_form(url, fields))

    def _error_in(self, answer: Answer) -> str:
        try:
            return ErrorMessage.model_validate_json(answer.body).error
        except ValidationError:
            pass
        raise self._refusal(answer)

    def _parse(self, answer: Answer, message_type: type[MessageType]) -> MessageType:
        if answer.status != HTTPStatus.OK:
            raise self._refusal(answer)
        try:
            return message_type.model_validate_json(answer.body)
        except ValidationError as error:
            detail = error.errors(include_input=False, include_url=False, include_context=False)[0]
            place = ".".join(str(step) for step in detail["loc"])
            problem = f"{place}: {detail['msg'].removeprefix('Value error, ')}" if place else "it is no JSON object"
        raise UnexpectedIssuerAnswer(self.url, problem)  # here, so that it does not keep the answer in its context

    def _refusal(self, answer: Answer) -> StardagError:
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS or answer.status >= 500:
            return IssuerUnreachable(self.url, f"it answers {answer.status}")
        if answer.status in (301, 302, 303, 307, 308):
            return UnexpectedIssuerAnswer(self.url, "it redirects, where nothing was sent")
        return UnexpectedIssuerAnswer(self.url, f"it answers {answer.status}")


def name_of(endpoint: str) -> str:
    """What errors call an issuer of which only an endpoint is known."""
    return origin_of(endpoint)
