"""The demo's MQTT broker: amqtt with one user, on the loopback, the same on every machine."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

from amqtt.broker import Broker
from amqtt.contexts import BrokerConfig
from pwdlib import PasswordHash


def broker_config(port: int, password_file: Path) -> BrokerConfig:
    """Loopback only; whoever gives no password, or a wrong one, is refused."""
    config: dict[str, Any] = {
        "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
        "plugins": {
            "amqtt.plugins.authentication.FileAuthPlugin": {"password_file": str(password_file)},
        },
    }
    return BrokerConfig.from_dict(config)


async def serve(port: int, username: str, password: str) -> None:
    """Run until cancelled."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s"
    )
    with tempfile.TemporaryDirectory(prefix="yuyue-broker-") as directory:
        password_file = Path(directory) / "users"
        hashed = PasswordHash.recommended().hash(password)
        password_file.touch(mode=0o600)
        password_file.write_text(f"{username}:{hashed}\n", encoding="utf-8")
        broker = Broker(broker_config(port, password_file))
        await broker.start()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await broker.shutdown()


def accepts_connections(port: int) -> bool:
    """Whether something listens there."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1.0):
            return True
    except OSError:
        return False


def new_password() -> str:
    """A password that nobody needs to remember."""
    return secrets.token_urlsafe(18)
