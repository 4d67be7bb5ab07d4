"""A phone that does not exist: takes what apprise and web push send over real HTTP."""

from __future__ import annotations

import base64
import json
import os
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


@dataclass(frozen=True)
class Message:
    """One message as it came."""

    number: str
    title: str
    body: str
    at: float


@dataclass
class FakePhone:
    """Listens on loopback. `number` is the path: many phones in one."""

    messages: list[Message] = field(default_factory=list)
    refuse: dict[str, int] = field(default_factory=dict)

    def __enter__(self) -> Self:
        phone = self
        self._private = ec.generate_private_key(ec.SECP256R1())
        self._secret = os.urandom(16)

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                number = self.path.strip("/")
                status = phone.refuse.get(number, 201)
                if status < 300:
                    body = phone.read(raw, self.headers.get("Content-Encoding"))
                    said = body.get("message", body.get("body", ""))
                    phone.messages.append(Message(number, body["title"], said, time.time()))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def address(self, number: str) -> str:
        """For apprise."""
        return f"json://127.0.0.1:{self.port}/{number}"

    def subscription(self, number: str) -> str:
        """For web push, as a browser would give it."""
        point = self._private.public_key().public_bytes(
            Encoding.X962, PublicFormat.UncompressedPoint
        )
        return json.dumps(
            {
                "endpoint": f"http://127.0.0.1:{self.port}/{number}",
                "keys": {"p256dh": _base64(point), "auth": _base64(self._secret)},
            }
        )

    def read(self, raw: bytes, encoding: str | None) -> dict[str, Any]:
        if encoding == "aes128gcm":
            raw = http_ece.decrypt(
                raw, private_key=self._private, auth_secret=self._secret, version="aes128gcm"
            )
        return dict(json.loads(raw))

    def to(self, number: str) -> list[Message]:
        return [message for message in self.messages if message.number == number]


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
