"""The calls that tell whom a credential belongs to, and that come before there is one."""

from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus

from pydantic import ValidationError

from stardag.adapters.bounded_http import Answer, Exchange, Headers
from stardag.adapters.http_registry.answers import (
    ExchangeMessage,
    HealthMessage,
    MadeAccessTokenMessage,
    MeMessage,
    SignInSettingsMessage,
    printable,
)
from stardag.adapters.http_registry.asking import SHOWN_MAX_LENGTH, Asking, Sought, status_of
from stardag.adapters.http_registry.calling import Calls
from stardag.app.registry_ports import KeyIdentity, MadeAccessToken
from stardag.domain.credentials import Secret
from stardag.domain.registry_errors import NotKnownToRegistry, UnexpectedAnswer
from stardag.domain.registry_url import is_plain_beyond_loopback
from stardag.domain.sign_in import ExchangedToken, SignInSettings, User

_SAYS_NOTHING = (
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
    HTTPStatus.MISDIRECTED_REQUEST,
    HTTPStatus.TOO_MANY_REQUESTS,
)
"""What a registry, or something on the way to it, answers as well as any other site."""


class SigningInCalls(Calls):
    """Keeps the promises of `SigningInApi`."""

    def check(self) -> str | None:
        """Whether a registry answers at this address; the credential stays at home. See the port."""

        def fetch(exchange: Exchange) -> Answer:
            answer = exchange.get(f"{self._url}/health", {}, Headers())
            if answer.status in _SAYS_NOTHING or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                raise Asking(self._url, exchange, None).refusal(answer, None)
            return answer

        answer = self._connection.exchange(fetch)
        if 300 <= answer.status < 400:
            return f"it redirects to {printable(answer.headers.get('location', 'nowhere'), SHOWN_MAX_LENGTH)}"
        if answer.status != HTTPStatus.OK:
            return f"it answers {status_of(answer)}"
        try:
            HealthMessage.model_validate_json(answer.body)
        except ValidationError:
            return "it answers something else"
        return None

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
        me = self._ask(lambda asking: asking.parse(MeMessage, asking.send("PUT", "/me", {}, None)), _with(id_token))
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

        token = self._ask(send, _with(id_token))
        if organization.lower() not in (token.organization_id, token.organization_slug):
            raise UnexpectedAnswer(self._url, "it gives a token for another organization than the one asked for")
        return token

    def make_access_token(self, organization_id: str, lifetime: float) -> MadeAccessToken:
        """An access token for a command that runs without the user."""
        sought, made = Sought("organization", organization_id), Sought("access token", organization_id)
        path = f"/organizations/{self._segment(sought)}/access-tokens"
        message = {"lifetime_seconds": int(lifetime)}

        def send(asking: Asking) -> MadeAccessTokenMessage:
            return asking.parse(
                MadeAccessTokenMessage, asking.send("POST", path, message, sought, made, HTTPStatus.CREATED)
            )

        # No change that anybody would have to look after: one whose answer is lost is known to nobody, and ends.
        return self._ask(send, has_input=True).to_domain()

    def revoke_access_token(self, organization_id: str, access_token_id: str) -> None:
        """Revoke an access token of the user's at once."""
        sought = Sought("access token", access_token_id)
        within = self._segment(Sought("organization", organization_id))
        path = f"/organizations/{within}/access-tokens/{self._segment(sought)}"
        with suppress(NotKnownToRegistry):
            self._change(lambda asking: asking.send("DELETE", path, None, sought, status=HTTPStatus.NO_CONTENT))


def _with(id_token: Secret | None) -> Mapping[str, Secret]:
    return {} if id_token is None else {"id_token": id_token}
