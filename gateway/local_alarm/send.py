"""Sends one text: reads a Message from standard input. Exit 0: the channel took it."""

from __future__ import annotations

import sys

import msgspec

from gateway.local_alarm.channels import Message


def main() -> int:
    """Once."""
    import apprise  # noqa: PLC0415  # heavy, and only here

    message = msgspec.json.decode(sys.stdin.buffer.read(), type=Message)
    sender = apprise.Apprise()
    if not sender.add(message.address):
        sys.stderr.write("this is no address that apprise knows\n")
        return 2
    if not sender.notify(body=message.body, title=message.title):
        sys.stderr.write("the channel did not take it\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
