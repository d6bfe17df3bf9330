"""The provider's pages for people: signing in, allowing a client or a device, and one's account."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from urllib.parse import urlencode

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from stardag_registry.adapters.openid_provider.authorization_server import (
    Asked,
    ProviderRequest,
    ProviderServer,
    Refused,
)
from stardag_registry.adapters.openid_provider.browser import Browser, Browsers
from stardag_registry.adapters.openid_provider.endpoints import address_of, response_of
from stardag_registry.adapters.openid_provider.links import ACCOUNT, AUTHORIZE, DEVICE, SIGN_IN, SIGN_OUT, Links, onward
from stardag_registry.adapters.openid_provider.parameters import Parameters, Unreadable, in_form, in_query, value_of
from stardag_registry.adapters.openid_provider.rendering import Pages
from stardag_registry.adapters.openid_provider.use_cases import ProviderUseCases
from stardag_registry.domain.accounts import PASSWORD_MIN_LENGTH, BrowserSession, Password
from stardag_registry.domain.errors import DatabaseUnavailable, InvalidField, TooManyAttempts, UnusableDataDirectory
from stardag_registry.domain.grants import typed_user_code

PASSWORDS_AT_ONCE = 2
PASSWORDS_WAITING = 100
"""How many forms with a password are worked on, and how many may wait, so that the API never waits for them."""

STALE = "This form was made for another page or a moment long ago. It has been made anew: fill it in again."
WRONG = "The name or the password is wrong."

_SIGN_IN_AGAIN = frozenset({"login", "select_account"})


@dataclass(frozen=True, slots=True)
class PageEndpoints:
    """Each page as a function of a request. What is posted is done, then the browser is sent on to look at it."""

    use_cases: ProviderUseCases
    server: ProviderServer
    links: Links
    browsers: Browsers
    pages: Pages
    password_turns: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(PASSWORDS_AT_ONCE))

    async def sign_in(self, request: Request) -> Response:
        """The form to sign in with; `next` is where to go then."""
        if request.method == "POST":
            return await self._with_password(request, self._try_sign_in)
        return await self._page(request, self._show_sign_in)

    async def sign_out(self, request: Request) -> Response:
        """Ends the browser's session; `next` is where to go then."""
        return await self._page(request, self._sign_out)

    async def account(self, request: Request) -> Response:
        """Who one is, another password, and signing out."""
        if request.method == "POST":
            return await self._with_password(request, self._change_password)
        return await self._page(request, self._show_account)

    async def authorize(self, request: Request) -> Response:
        """Whether a client may act as whoever is signed in (RFC 6749, section 3.1)."""
        return await self._page(request, self._authorize)

    async def device(self, request: Request) -> Response:
        """Whether a device may act as whoever is signed in (RFC 8628, section 3.3)."""
        return await self._page(request, self._device)

    # Signing in and out.

    def _show_sign_in(self, _request: Request, browser: Browser, query: Parameters, _form: Parameters) -> Response:
        next_page = onward(value_of(query, "next"))
        if browser.session is not None and next_page == ACCOUNT:
            return self._to(ACCOUNT)
        return self._sign_in_page(browser, next_page, value_of(query, "name"))

    def _try_sign_in(self, request: Request, browser: Browser, _query: Parameters, form: Parameters) -> Response:
        name, next_page = value_of(form, "name"), onward(value_of(form, "next"))
        if not self.browsers.is_ours(request, browser, form, SIGN_IN):
            return self._sign_in_page(browser, next_page, name, STALE, 403)
        try:
            password = Password(value_of(form, "password"))
            signed_in = self.use_cases.sign_in(name, password, address_of(request), browser.shown)
        except TooManyAttempts as error:
            page = self._sign_in_page(browser, next_page, name, error.detail, 429)
            page.headers["Retry-After"] = str(error.retry_after)
            return page
        if signed_in is None:
            return self._sign_in_page(browser, next_page, name, WRONG, 403)
        response = self._to(next_page)
        self.browsers.remember_sign_in(response, signed_in)
        return response

    def _sign_in_page(
        self, browser: Browser, next_page: str, name: str, notice: str = "", status: int = 200
    ) -> Response:
        return self.pages.page(
            "sign_in",
            status,
            notice=notice,
            name=name[:254],
            next_page=next_page,
            form_token=self.browsers.form_token(browser, SIGN_IN),
        )

    def _sign_out(self, request: Request, browser: Browser, _query: Parameters, form: Parameters) -> Response:
        if not self.browsers.is_ours(request, browser, form, SIGN_OUT):
            return self.pages.refusal(403, "Not signed out", "Go to your account and sign out there.")
        self.use_cases.sessions.end(browser.shown)
        next_page = value_of(form, "next")
        response = self._to(onward(next_page) if next_page else SIGN_IN)
        self.browsers.forget(response)
        return response

    # One's account.

    def _show_account(self, _request: Request, browser: Browser, query: Parameters, _form: Parameters) -> Response:
        if browser.session is None:
            return self._to_sign_in(ACCOUNT)
        done = "Your password has been changed." if value_of(query, "done") == "password" else ""
        return self._account_page(browser, browser.session, done=done)

    def _change_password(self, request: Request, browser: Browser, _query: Parameters, form: Parameters) -> Response:
        session = browser.session
        if session is None:
            return self._to_sign_in(ACCOUNT)
        if not self.browsers.is_ours(request, browser, form, ACCOUNT):
            return self._account_page(browser, session, STALE, 403)
        current, new = Password(value_of(form, "current")), Password(value_of(form, "password"))
        everywhere = value_of(form, "everywhere") == "yes"
        try:
            self.use_cases.change_password(session, current, new, address_of(request), everywhere=everywhere)
        except InvalidField as error:
            problem = error.problem[:1].upper() + error.problem[1:]
            return self._account_page(browser, session, f"{problem}.", 422)
        except TooManyAttempts as error:
            page = self._account_page(browser, session, error.detail, 429)
            page.headers["Retry-After"] = str(error.retry_after)
            return page
        except UnusableDataDirectory as error:
            notice = f"Your password has been changed. The file with the first one is still there: {error.message}"
            return self._account_page(browser, session, notice, 500)
        return self._to(f"{ACCOUNT}?done=password")

    def _account_page(
        self, browser: Browser, session: BrowserSession, notice: str = "", status: int = 200, done: str = ""
    ) -> Response:
        return self.pages.page(
            "account",
            status,
            notice=notice,
            done=done,
            account=session.account,
            min_length=PASSWORD_MIN_LENGTH,
            form_token=self.browsers.form_token(browser, ACCOUNT),
            sign_out_token=self.browsers.form_token(browser, SIGN_OUT),
        )

    # Allowing a client.

    def _authorize(self, request: Request, browser: Browser, query: Parameters, form: Parameters) -> Response:
        if not query and value_of(form, "client_id"):
            # A client may post what it asks for (OpenID Connect Core 1.0, section 3.1.2.1). No cookies come along then.
            return self._to(f"{AUTHORIZE}?{urlencode(form)}")
        try:
            asked = self.server.check_authorization(ProviderRequest(request.method, query))
        except Refused as refused:
            if refused.answer is not None:
                return response_of(refused.answer)
            reason = f"{refused}. Start again from the command line; nothing was allowed."
            return self.pages.refusal(400, "This link cannot be used", reason)
        session = self._fresh_enough(asked, browser.session, is_answer=request.method == "POST")
        if "none" in asked.prompts:
            error = "login_required" if session is None else "consent_required"
            return response_of(self.server.refuse(asked, error))
        if session is None:
            again = f"{AUTHORIZE}?{urlencode(_without_signing_in(query))}"
            return self._to_sign_in(again, value_of(query, "login_hint"))
        purpose = f"{AUTHORIZE}?{urlencode(query)}"
        if request.method != "POST":
            return self._consent_page(browser, session, purpose)
        if not self.browsers.is_ours(request, browser, form, purpose):
            return self._consent_page(browser, session, purpose, STALE, 403)
        allowed = value_of(form, "decision") == "allow"
        return response_of(self.server.answer_authorization(asked, session if allowed else None))

    def _fresh_enough(self, asked: Asked, session: BrowserSession | None, *, is_answer: bool) -> BrowserSession | None:
        """The session, unless the client wants the person to sign in once more (OpenID Connect Core 1.0, 3.1.2.1)."""
        if session is None or (asked.prompts & _SIGN_IN_AGAIN and not is_answer):
            return None
        if asked.max_age is not None and self._now() - session.signed_in_at > asked.max_age:
            return None
        return session

    def _consent_page(
        self, browser: Browser, session: BrowserSession, purpose: str, notice: str = "", status: int = 200
    ) -> Response:
        return self.pages.page(
            "authorize",
            status,
            notice=notice,
            account=session.account,
            action=purpose,
            form_token=self.browsers.form_token(browser, purpose),
            elsewhere=f"{SIGN_IN}?{urlencode({'next': purpose})}",
        )

    # Allowing a device.

    def _device(self, request: Request, browser: Browser, query: Parameters, form: Parameters) -> Response:
        session = browser.session
        if session is None:
            given = typed_user_code(value_of(query, "user_code") or value_of(form, "user_code"))
            return self._to_sign_in(f"{DEVICE}?{urlencode({'user_code': given})}" if given else DEVICE)
        if request.method != "POST":
            return self._user_code_page(browser, session, typed_user_code(value_of(query, "user_code")) or "")
        typed, decision = value_of(form, "user_code"), value_of(form, "decision")
        purpose = f"{DEVICE}?{typed_user_code(typed)}" if decision else DEVICE
        if not self.browsers.is_ours(request, browser, form, purpose):
            return self._user_code_page(browser, session, typed, STALE, 403)
        if decision:
            return self._decide_on_device(session, typed, allow=decision == "allow")
        try:
            device = self.use_cases.devices.look_up(typed, session, address_of(request))
        except TooManyAttempts as error:
            page = self._user_code_page(browser, session, typed, error.detail, 429)
            page.headers["Retry-After"] = str(error.retry_after)
            return page
        if device is None:
            notice = "There is no such code, or it has been used, or it has expired."
            return self._user_code_page(browser, session, typed, notice, 422)
        user_code = typed_user_code(typed)
        return self.pages.page(
            "device_consent",
            account=session.account,
            user_code=user_code,
            address=device.address or "an unknown address",
            minutes=int((self._now() - device.asked_at).total_seconds() // 60),
            form_token=self.browsers.form_token(browser, f"{DEVICE}?{user_code}"),
        )

    def _decide_on_device(self, session: BrowserSession, typed: str, *, allow: bool) -> Response:
        if not self.use_cases.devices.decide(typed, session, allow=allow):
            return self.pages.refusal(409, "Too late", "The code has been used, or it has expired.")
        if allow:
            return self.pages.page(
                "done", title="Allowed", text="Go back to where the code is shown. You may close this page."
            )
        return self.pages.page("done", title="Refused", text="What showed the code cannot do anything in your name.")

    def _user_code_page(
        self, browser: Browser, session: BrowserSession, user_code: str, notice: str = "", status: int = 200
    ) -> Response:
        return self.pages.page(
            "device",
            status,
            notice=notice,
            account=session.account,
            user_code=user_code[:20],
            form_token=self.browsers.form_token(browser, DEVICE),
        )

    # What all have in common.

    async def _page(self, request: Request, answer: "_Handler") -> Response:
        return await self._answered(request, answer, run_in_threadpool)

    async def _with_password(self, request: Request, answer: "_Handler") -> Response:
        """On threads of its own, few of them: hashing a password takes long, and nothing else shall wait for it."""
        if self.password_turns.statistics().tasks_waiting >= PASSWORDS_WAITING:
            return self.pages.refusal(503, "Too busy", "Many people are signing in. Try again in a moment.", 5)
        return await self._answered(request, answer, partial(run_sync, limiter=self.password_turns))

    async def _answered(
        self, request: Request, answer: "_Handler", run: Callable[[Callable[[], Response]], Awaitable[Response]]
    ) -> Response:
        try:
            query = in_query(request)
            form = await in_form(request) if request.method == "POST" else ()
            return await run(partial(self._handled, request, answer, query, form))
        except Unreadable as error:
            return self.pages.refusal(400, "This cannot be read", f"The request cannot be used: {error}.")
        except DatabaseUnavailable as error:
            return self.pages.refusal(503, "Out of order", error.detail, 1)

    def _handled(self, request: Request, answer: "_Handler", query: Parameters, form: Parameters) -> Response:
        browser = self.browsers.of(request)
        response = answer(request, browser, query, form)
        self.browsers.remember_visit(response, browser)
        return response

    def _now(self) -> datetime:
        return self.use_cases.sessions.clock()

    def _to(self, path: str) -> Response:
        return RedirectResponse(self.links.to(path), 303)

    def _to_sign_in(self, next_page: str, name: str = "") -> Response:
        query = {"next": next_page} | ({"name": name[:254]} if name else {})
        return self._to(f"{SIGN_IN}?{urlencode(query)}")


_Handler = Callable[[Request, Browser, Parameters, Parameters], Response]


def _without_signing_in(query: Parameters) -> Parameters:
    """The same request once somebody has signed in because of it."""
    remaining: list[tuple[str, str]] = []
    for name, value in query:
        if name == "prompt":
            prompts = [one for one in value.split() if one not in _SIGN_IN_AGAIN]
            remaining.extend([(name, " ".join(prompts))] if prompts else [])
        elif name != "max_age":
            remaining.append((name, value))
    return remaining
