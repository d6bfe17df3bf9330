"""What the HTTP adapter asks of the application, and how an endpoint gets at it."""

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from stardag_registry.app.credentials import Authenticate
from stardag_registry.app.health import CheckHealth
from stardag_registry.app.listings import ListTargetRoots, ListWorkspaces
from stardag_registry.app.people import ExchangeTokens, Introduce
from stardag_registry.app.target_roots import EditTargetRoots


@dataclass(frozen=True, slots=True)
class UseCases:
    """The use cases behind the endpoints."""

    authenticate: Authenticate
    introduce: Introduce
    exchange_tokens: ExchangeTokens
    check_health: CheckHealth
    list_workspaces: ListWorkspaces
    list_target_roots: ListTargetRoots
    edit_target_roots: EditTargetRoots


def use_cases_in(request: Request) -> UseCases:
    """Those that the application was made with."""
    return cast("UseCases", request.app.state.use_cases)


async def _injected(request: Request) -> UseCases:  # async, since what only looks something up needs no thread
    return use_cases_in(request)


TheUseCases = Annotated[UseCases, Depends(_injected)]
