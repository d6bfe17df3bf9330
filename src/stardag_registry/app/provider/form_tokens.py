"""Tokens that show that a form was filled in on a page of ours, by the browser that it was made for."""

import hmac
from dataclasses import dataclass

from stardag_registry.app.provider.derived_secrets import Derive


@dataclass(frozen=True, slots=True)
class FormTokens:
    """Makes and checks them. Nobody who does not have the browser's own secret and the registry's can."""

    derive: Derive

    def make(self, browser: str, purpose: str) -> str:
        """The token of a form with a purpose, for the browser that shows the secret `browser`."""
        return self.derive("form", browser, purpose)

    def fits(self, token: str, browser: str | None, purpose: str) -> bool:
        """Whether the token was made for this browser and purpose."""
        return bool(browser) and hmac.compare_digest(token.encode(), self.make(browser or "", purpose).encode())
