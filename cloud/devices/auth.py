"""How a route asks for the gateway behind a request."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from cloud.devices.gateways import GatewayPrincipal, gateway_of
from cloud.state import State, Transaction


def bearer_token(request: Request) -> str | None:
    """The token of `Authorization: Bearer ...`."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


async def _current_gateway(
    request: Request, state: State, session: Transaction
) -> GatewayPrincipal:
    return await gateway_of(session, bearer_token(request), state.clock.now())


CurrentGateway = Annotated[GatewayPrincipal, Depends(_current_gateway)]
