"""The page that an invitation's link leads to."""

from dataclasses import dataclass
from functools import partial
from urllib.parse import quote, urlencode

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from stardag_registry.adapters.openid_provider.browser import Browser, Browsers
from stardag_registry.adapters.openid_provider.endpoints import address_of
from stardag_registry.adapters.openid_provider.links import INVITATION, SIGN_IN, SIGN_OUT, Links
from stardag_registry.adapters.openid_provider.pages import PASSWORDS_WAITING
from stardag_registry.adapters.openid_provider.parameters import Parameters, Unreadable, in_form, in_query, value_of
from stardag_registry.adapters.openid_provider.rendering import Pages
from stardag_registry.app.invitations import AcceptInvitation
from stardag_registry.app.provider.invited_accounts import InvitedAccounts
from stardag_registry.domain.accounts import PASSWORD_MIN_LENGTH, Password
from stardag_registry.domain.errors import (
    AlreadyExists,
    DatabaseUnavailable,
    InvalidField,
    NotFound,
    NotTheInvited,
    TooMany,
)
from stardag_registry.domain.organizations import Organization
from stardag_registry.domain.users import Invitation

STALE = "This form was made for another page or a moment long ago. It has been made anew: try again."


@dataclass(frozen=True, slots=True)
class InvitationPage:
    """What a person sees who was invited, where another issuer signs people in: how to accept on a command line."""

    links: Links
    pages: Pages
    accept: AcceptInvitation

    async def __call__(self, request: Request) -> Response:
        """The page."""
        return await run_in_threadpool(self._show, request)

    def _show(self, request: Request) -> Response:
        try:
            token = value_of(in_query(request), "token")
            invitation, organization = self.accept.look_up(token)
        except (Unreadable, NotFound):
            return gone(self.pages)
        except DatabaseUnavailable as error:
            return self.pages.refusal(503, "Out of order", error.detail, 1)
        link = self.links.absolute(path_with(token))
        return self.pages.page("invited", invitation=invitation, organization=organization, link=link)


@dataclass(frozen=True, slots=True)
class OwnInvitationPage:
    """The same where the registry signs people in itself: make an account, sign in, or accept, at the browser."""

    links: Links
    pages: Pages
    browsers: Browsers
    accounts: InvitedAccounts
    password_turns: CapacityLimiter

    async def __call__(self, request: Request) -> Response:
        """The page, and what its forms do. One with a password waits for its turn, as those of signing in do."""
        try:
            token = value_of(in_query(request), "token")
            form = await in_form(request) if request.method == "POST" else ()
            limiter = self.password_turns if value_of(form, "password") else None
            if limiter is not None and limiter.statistics().tasks_waiting >= PASSWORDS_WAITING:
                return self.pages.refusal(503, "Too busy", "Many people are signing in. Try again in a moment.", 5)
            return await run_sync(partial(self._handled, request, token, form), limiter=limiter)
        except (Unreadable, NotFound):
            return gone(self.pages)
        except DatabaseUnavailable as error:
            return self.pages.refusal(503, "Out of order", error.detail, 1)

    def _handled(self, request: Request, token: str, form: Parameters) -> Response:
        browser = self.browsers.of(request)
        invitation, organization = self.accounts.accept.look_up(token)
        show = partial(self._page, browser, token, invitation, organization)
        if request.method != "POST":
            response = show()
        elif not self.browsers.is_ours(request, browser, form, path_with(token)):
            response = show(STALE, 403)
        else:
            try:
                response = self._joined(request, browser, token, form)
            except InvalidField as error:
                response = show(f"{error.problem[:1].upper()}{error.problem[1:]}.", 422)
            except (AlreadyExists, NotTheInvited, TooMany) as error:
                response = show(error.detail, 409)
        self.browsers.remember_visit(response, browser)
        return response

    def _joined(self, request: Request, browser: Browser, token: str, form: Parameters) -> Response:
        signed_in, session = None, browser.session
        if session is None:
            signed_in = self.accounts.make(token, Password(value_of(form, "password")), browser.shown)
            session = signed_in.session
        organization = self.accounts.join(session.account, token, address_of(request))
        response = self.pages.page("joined", organization=organization, account=session.account)
        if signed_in is not None:
            self.browsers.remember_sign_in(response, signed_in)
        return response

    def _page(
        self,
        browser: Browser,
        token: str,
        invitation: Invitation,
        organization: Organization,
        notice: str = "",
        status: int = 200,
    ) -> Response:
        path = path_with(token)
        if browser.session is None and self.accounts.has_account(invitation):
            query = urlencode({"next": path, "name": invitation.email})
            return RedirectResponse(self.links.to(f"{SIGN_IN}?{query}"), 303)
        return self.pages.page(
            "invitation",
            status,
            notice=notice,
            invitation=invitation,
            organization=organization,
            account=None if browser.session is None else browser.session.account,
            action=path,
            min_length=PASSWORD_MIN_LENGTH,
            form_token=self.browsers.form_token(browser, path),
            sign_out_token=self.browsers.form_token(browser, SIGN_OUT),
        )


def path_with(token: str) -> str:
    """Where the page of an invitation is."""
    return f"{INVITATION}?token={quote(token)}"


def gone(pages: Pages) -> Response:
    """What whoever has a link sees that opens nothing."""
    reason = "It was used, or withdrawn, or it has expired. Ask whoever invited you for another."
    return pages.refusal(404, "This invitation counts no more", reason)
