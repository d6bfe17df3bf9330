"""Binds the provider's endpoints and pages to their addresses."""

from collections.abc import Awaitable, Callable, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from stardag_registry.adapters.openid_provider import links as paths
from stardag_registry.adapters.openid_provider.authorization_server import ProviderServer
from stardag_registry.adapters.openid_provider.browser import Browsers
from stardag_registry.adapters.openid_provider.endpoints import Endpoints
from stardag_registry.adapters.openid_provider.invitation_page import InvitationPage, OwnInvitationPage
from stardag_registry.adapters.openid_provider.links import Links
from stardag_registry.adapters.openid_provider.pages import PageEndpoints
from stardag_registry.adapters.openid_provider.rendering import Pages
from stardag_registry.adapters.openid_provider.use_cases import ProviderUseCases
from stardag_registry.app.invitations import AcceptInvitation


def provider_routes(use_cases: ProviderUseCases) -> Sequence[BaseRoute]:
    """What to mount, for a registry that signs its users in itself."""
    links = Links(use_cases.public_url)
    server = ProviderServer(use_cases, links)
    endpoints = Endpoints(use_cases, server, links)
    browsers, frame = Browsers(use_cases, links), Pages(links)
    pages = PageEndpoints(use_cases, server, links, browsers, frame)
    invitation = OwnInvitationPage(links, frame, browsers, use_cases.invited_accounts, pages.password_turns)
    return [
        Route(paths.INVITATION, _as_function(invitation), methods=["GET", "POST"]),
        Route("/.well-known/openid-configuration", endpoints.discovery),
        Route("/.well-known/oauth-authorization-server", endpoints.discovery),
        Route(paths.KEYS, endpoints.keys),
        Route(paths.TOKEN, endpoints.token, methods=["POST"]),
        Route(paths.REVOKE, endpoints.revoke, methods=["POST"]),
        Route(paths.DEVICE_AUTHORIZATION, endpoints.device_authorization, methods=["POST"]),
        Route(paths.USERINFO, endpoints.userinfo, methods=["GET", "POST"]),
        Route(paths.AUTHORIZE, pages.authorize, methods=["GET", "POST"]),
        Route(paths.DEVICE, pages.device, methods=["GET", "POST"]),
        Route(paths.SIGN_IN, pages.sign_in, methods=["GET", "POST"]),
        Route(paths.SIGN_OUT, pages.sign_out, methods=["POST"]),
        Route(paths.ACCOUNT, pages.account, methods=["GET", "POST"]),
    ]


def invitation_route(public_url: str, accept: AcceptInvitation) -> BaseRoute:
    """The page of invitations, for a registry whose users another issuer signs in."""
    links = Links(public_url)
    return Route(paths.INVITATION, _as_function(InvitationPage(links, Pages(links), accept)))


def _as_function(page: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """Starlette takes an object that is called for an ASGI application."""

    async def answer(request: Request) -> Response:
        return await page(request)

    return answer
