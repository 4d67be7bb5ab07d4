"""What carries a message out of the house: web push, and everything that apprise knows."""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Protocol

import apprise
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from py_vapid import Vapid02
from pywebpush import WebPushException, webpush
from requests import RequestException

from cloud.alerts.codes import RANK, Priority
from cloud.alerts.notify.gate import Outgoing

# A provider that has not answered by then has not taken it; the next way is tried.
SEND_TIMEOUT_S: Final = 10.0
# A push service keeps a message this long for a phone that is off; later it would only mislead.
PUSH_TTL_S: Final = 600
_GONE: Final = frozenset({404, 410})


class Result(StrEnum):
    """How an attempt ended."""

    OK = "ok"
    FAILED = "failed"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Sent:
    """An attempt's result, and the far end's words."""

    result: Result
    detail: str = ""


class Sender(Protocol):
    """Takes a message that has passed the gate."""

    async def send(self, message: Outgoing) -> Sent:
        """Never raises for what the far end does."""
        ...


class Senders:
    """The real ones."""

    def __init__(self, vapid: Vapid02, contact: str) -> None:
        self._vapid = vapid
        self._contact = contact

    async def send(self, message: Outgoing) -> Sent:
        """By its channel, within SEND_TIMEOUT_S."""
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                if message.channel == "webpush":
                    return await asyncio.to_thread(self._push, message)
                return await _by_apprise(message)
        except TimeoutError:
            return Sent(Result.FAILED, f"no answer within {SEND_TIMEOUT_S:.0f} s")

    def _push(self, message: Outgoing) -> Sent:
        body = json.dumps(
            {
                "title": message.title, "body": message.body, "tag": str(message.notice_id),
                "url": message.opens, "urgent": message.urgency >= RANK[Priority.HIGH],
            }
        )  # fmt: skip
        headers: dict[str, str | int | float] = {
            "Urgency": "high" if message.urgency >= RANK[Priority.MEDIUM] else "normal"
        }
        try:
            webpush(
                json.loads(message.address),
                data=body,
                vapid_private_key=self._vapid,
                vapid_claims={"sub": self._contact},
                ttl=PUSH_TTL_S,
                headers=headers,
                timeout=SEND_TIMEOUT_S,
            )
        except WebPushException as error:
            status = None if error.response is None else error.response.status_code
            result = Result.DEAD if status in _GONE else Result.FAILED
            return Sent(result, f"push service answered {status}")
        except (RequestException, ValueError) as error:
            return Sent(Result.FAILED, type(error).__name__)
        return Sent(Result.OK)


async def _by_apprise(message: Outgoing) -> Sent:
    target = apprise.Apprise.instantiate(message.address, suppress_exceptions=True)
    if target is None:
        return Sent(Result.FAILED, "not an address apprise knows")
    done = await target.async_notify(
        body=message.body,
        title=message.title,
        notify_type=apprise.NotifyType.FAILURE
        if message.urgency >= RANK[Priority.HIGH]
        else apprise.NotifyType.WARNING,
    )
    name = str(target.service_name)
    return Sent(Result.OK if done else Result.FAILED, name)


def load_vapid(path: Path) -> Vapid02:
    """The server's push key; made on first use. Losing it makes every subscription worthless."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path.touch(mode=0o600)
        path.write_bytes(pem)
    private: Any = load_pem_private_key(path.read_bytes(), None)
    return Vapid02(private)  # type: ignore[no-untyped-call]


def public_key(vapid: Vapid02) -> str:
    """What a browser needs to subscribe."""
    raw = vapid.public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
