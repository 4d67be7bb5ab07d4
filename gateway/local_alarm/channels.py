"""Texts through apprise, each in a process of its own: a channel that hangs holds up nobody, and
the library's memory goes with the process.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from typing import Final

import msgspec

from gateway.local_alarm.book import Alarm
from gateway.local_alarm.clock_text import local_time

SEND_TIMEOUT_S: Final = 30.0
RETRIES_S: Final = (0.0, 15.0, 60.0)


@dataclass(frozen=True, slots=True)
class Message:
    """One text to one address. Goes to the sender through its standard input."""

    address: str
    title: str
    body: str


def message_of(alarm: Alarm, address: str, timezone: str) -> Message:
    """What a person reads. No values, no health data: what, who, where, when."""
    who = " ".join(text for text in (alarm.place, alarm.elder) if text) or alarm.device_id
    at = local_time(alarm.happened_ns, timezone)
    return Message(
        address,
        f"{alarm.zh} {who}",
        f"{at} {alarm.zh}：{who}。云端暂时不可用，请在本地处理。\n"
        f"{at} {alarm.en}: {who}. The cloud is away; act on the spot.",
    )


def channel_name(address: str) -> str:
    """Which kind of channel, without its secrets."""
    return address.partition("://")[0][:20]


async def send(message: Message) -> str | None:
    """Why it was not sent; None: it was."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway.local_alarm.send",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(SEND_TIMEOUT_S):
            _, errors = await process.communicate(msgspec.json.encode(message))
    except TimeoutError:
        return f"no end after {SEND_TIMEOUT_S:g} s"
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode == 0:
        return None
    lines = errors.decode("utf-8", "replace").strip().splitlines()
    return (lines[-1] if lines else f"exit {process.returncode}").replace(message.address, "***")
