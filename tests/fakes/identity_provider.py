"""The ports `IdentityProvider` and `Browser` in memory: an issuer whose tokens the fake registry knows."""

import itertools
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from stardag.app.sign_in.ports import Issuer, PendingSignIn
from stardag.domain.credentials import Secret
from stardag.domain.registry_errors import IssuerUnreachable, SignInRefused
from stardag.domain.sign_in import IssuedTokens
from tests.fakes.registry import FakeRegistry

ISSUER_URL = "https://issuer.example"


@dataclass
class FakePending:
    """A sign-in that `answer` completes, or an error of the issuer's."""

    url: str
    user_code: str | None
    answer: IssuedTokens | SignInRefused

    def wait(self) -> IssuedTokens:
        if isinstance(self.answer, SignInRefused):
            raise self.answer
        return self.answer


class FakeIdentityProvider:
    """One issuer. Whoever comes through the browser or a device is `person`; nobody there is a refusal.

    `refreshes` and `revoked` are what it was asked for; with a reason in `down` it does not answer.
    """

    def __init__(self, registry: FakeRegistry) -> None:
        self.issuer = Issuer(
            ISSUER_URL, f"{ISSUER_URL}/a", f"{ISSUER_URL}/t", f"{ISSUER_URL}/r", f"{ISSUER_URL}/d", True
        )
        self.person: str | None = None
        self.down: str | None = None
        self.refreshes: list[Secret] = []
        self.revoked: list[Secret] = []
        self.good: dict[Secret, str] = {}
        self._registry = registry
        self._numbers = itertools.count()
        registry.issuer_url = ISSUER_URL

    def sign_in(self, email: str) -> IssuedTokens:
        """What somebody gets who signs in."""
        self._registry.add_user(email)
        refresh_token = Secret(f"refresh-{next(self._numbers)}")
        self.good[refresh_token] = email
        return IssuedTokens(self._registry.issue(email), refresh_token, Secret(email))

    def discover(self, issuer_url: str, timeout: float) -> Issuer:
        self._check_up()
        if issuer_url != ISSUER_URL:
            raise IssuerUnreachable(issuer_url, "nothing listens there")
        return self.issuer

    @contextmanager
    def begin_in_browser(
        self, issuer: Issuer, client_id: str, resource: str, timeout: float
    ) -> Generator[PendingSignIn]:
        yield FakePending(f"{issuer.authorization_endpoint}?resource={resource}", None, self._answer())

    @contextmanager
    def begin_on_device(
        self, issuer: Issuer, client_id: str, resource: str, timeout: float
    ) -> Generator[PendingSignIn]:
        if issuer.device_authorization_endpoint is None:
            raise SignInRefused(issuer.url, "it has no device flow")
        yield FakePending(f"{issuer.url}/device", "ABCD-EFGH", self._answer())

    def refresh(
        self, token_endpoint: str, client_id: str, refresh_token: Secret, resource: str, timeout: float
    ) -> IssuedTokens:
        self._check_up()
        assert token_endpoint == self.issuer.token_endpoint
        self.refreshes.append(refresh_token)
        email = self.good.pop(refresh_token, None)
        if email is None:
            raise SignInRefused(ISSUER_URL, "the issuer does not accept the refresh token any more")
        return self.sign_in(email)

    def revoke(self, revocation_endpoint: str, client_id: str, refresh_token: Secret, timeout: float) -> None:
        self._check_up()
        self.revoked.append(refresh_token)
        self.good.pop(refresh_token, None)

    def _answer(self) -> IssuedTokens | SignInRefused:
        return SignInRefused(ISSUER_URL, "it was denied") if self.person is None else self.sign_in(self.person)

    def _check_up(self) -> None:
        if self.down is not None:
            raise IssuerUnreachable(ISSUER_URL, self.down)


@dataclass
class FakeBrowser:
    """A browser that notes what it is to open."""

    here: bool = True
    opened: list[str] = field(default_factory=list[str])

    def is_here(self) -> bool:
        return self.here

    def open(self, url: str) -> bool:
        self.opened.append(url)
        return self.here
