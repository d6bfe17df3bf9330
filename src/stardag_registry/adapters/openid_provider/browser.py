"""What a browser shows and is given: cookies, and proof that a form was filled in on a page of ours."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from stardag_registry.adapters.openid_provider.links import Links
from stardag_registry.adapters.openid_provider.parameters import Parameters, value_of
from stardag_registry.adapters.openid_provider.use_cases import ProviderUseCases
from stardag_registry.app.provider.accounts import SignedIn
from stardag_registry.app.provider.derived_secrets import random_text
from stardag_registry.domain.accounts import SESSION_LIFETIME, BrowserSession

FORM_TOKEN = "form_token"  # noqa: S105 (the name of a field)

_SECRET_MAX_LENGTH = 100


@dataclass(frozen=True, slots=True, repr=False)
class Browser:
    """A browser as it shows itself in one request.

    `secret` is what forms are bound to: the session's, else that of a visit, made for this answer where it is new.
    """

    session: BrowserSession | None
    shown: str | None
    secret: str
    is_new: bool


@dataclass(frozen=True, slots=True)
class Browsers:
    """Reads and sets cookies, and checks forms."""

    use_cases: ProviderUseCases
    links: Links

    def of(self, request: Request) -> Browser:
        """The browser that sent a request."""
        shown = self._cookie(request, "session")
        session = self.use_cases.sessions.find(shown)
        if session is not None and shown is not None:
            return Browser(session, shown, shown, is_new=False)
        visit = self._cookie(request, "visit")
        return Browser(None, shown, visit or random_text(self.use_cases.sessions.randomness), is_new=visit is None)

    def form_token(self, browser: Browser, purpose: str) -> str:
        """The token to put in a form."""
        return self.use_cases.form_tokens.make(browser.secret, purpose)

    def is_ours(self, request: Request, browser: Browser, form: Parameters, purpose: str) -> bool:
        """Whether a form was filled in on our page with that purpose, in this browser."""
        origin = request.headers.get("origin")
        if origin is not None and origin not in {self.links.origin, f"{self._scheme}://{request.headers['host']}"}:
            return False
        if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            return False
        return not browser.is_new and self.use_cases.form_tokens.fits(
            value_of(form, FORM_TOKEN), browser.secret, purpose
        )

    def remember_visit(self, response: Response, browser: Browser) -> None:
        """Let the browser keep what its forms are bound to."""
        if browser.is_new:
            self._set(response, "visit", browser.secret)

    def remember_sign_in(self, response: Response, signed_in: SignedIn) -> None:
        """Let the browser be signed in."""
        self._set(response, "session", signed_in.secret, int(SESSION_LIFETIME.total_seconds()))
        self._set(response, "visit", "", 0)

    def forget(self, response: Response) -> None:
        """Let the browser forget everything."""
        self._set(response, "session", "", 0)
        self._set(response, "visit", "", 0)

    @property
    def _scheme(self) -> str:
        return self.links.origin.partition(":")[0]

    def _name(self, name: str) -> str:
        """Cookies are shared by all ports of a host, so the port is in the name; `__Host-` lets nobody else set it."""
        port = "" if self.links.port is None else f"-{self.links.port}"
        return f"{'__Host-' if self.links.is_encrypted else ''}stardag-{name}{port}"

    def _cookie(self, request: Request, name: str) -> str | None:
        value = request.cookies.get(self._name(name))
        return value if value and len(value) <= _SECRET_MAX_LENGTH else None

    def _set(self, response: Response, name: str, value: str, max_age: int | None = None) -> None:
        response.set_cookie(
            self._name(name),
            value,
            max_age=max_age,
            path="/",
            secure=self.links.is_encrypted,
            httponly=True,
            samesite="lax",
        )
