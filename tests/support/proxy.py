"""A TCP proxy between gateway and cloud that can cut the line or hold back answers."""

from __future__ import annotations

import contextlib
import socket
import threading
from enum import Enum

_CHUNK_BYTES = 65536


class Line(Enum):
    """What the line does."""

    UP = "up"
    CUT = "cut"
    HOLD_URGENT_ANSWERS = "hold_urgent_answers"
    HALF_ANSWERS = "half_answers"


class CutProxy:
    """Forwards 127.0.0.1:port to 127.0.0.1:upstream_port until told otherwise."""

    def __init__(self, upstream_port: int) -> None:
        self._upstream_port = upstream_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._line = Line.UP
        self._sockets: set[socket.socket] = set()
        self._lock = threading.Lock()
        self.urgent_answer_held = threading.Event()
        self.urgent_request_seen = threading.Event()
        self._closed = False
        threading.Thread(target=self._accept, name="cut-proxy", daemon=True).start()

    def set_line(self, line: Line) -> None:
        """Change the line; cutting it, and mending it, ends the connections there are."""
        with self._lock:
            self._line = line
            self.urgent_answer_held.clear()
            self.urgent_request_seen.clear()
        self._drop_connections()

    def close(self) -> None:
        """End it."""
        self._closed = True
        self._listener.close()
        self._drop_connections()

    def _drop_connections(self) -> None:
        with self._lock:
            sockets, self._sockets = self._sockets, set()
        for connection in sockets:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _accept(self) -> None:
        while not self._closed:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._line is Line.CUT:
                client.close()
                continue
            try:
                upstream = socket.create_connection(("127.0.0.1", self._upstream_port), timeout=5)
                upstream.settimeout(None)
            except OSError:
                client.close()
                continue
            with self._lock:
                self._sockets |= {client, upstream}
            urgent = threading.Event()
            for source, target, is_answer in ((client, upstream, False), (upstream, client, True)):
                threading.Thread(
                    target=self._pump, args=(source, target, urgent, is_answer), daemon=True
                ).start()

    def _pump(
        self, source: socket.socket, target: socket.socket, urgent: threading.Event, is_answer: bool
    ) -> None:
        with contextlib.suppress(OSError):
            while chunk := source.recv(_CHUNK_BYTES):
                if not is_answer and b'"lane":"urgent"' in chunk:
                    urgent.set()
                    self.urgent_request_seen.set()
                if is_answer and urgent.is_set() and self._line is Line.HOLD_URGENT_ANSWERS:
                    self.urgent_answer_held.set()
                    continue
                if is_answer and self._line is Line.HALF_ANSWERS:
                    target.sendall(chunk[: len(chunk) // 2])
                    break
                target.sendall(chunk)
        for connection in (source, target):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
