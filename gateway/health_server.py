"""Prometheus' metrics and /healthz on a local port, in a thread of its own."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any, cast
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIEnvironment

from prometheus_client import CollectorRegistry, make_wsgi_app


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: a scrape every 15 s is no news."""


class _Threads(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class HealthServer:
    """`health` says (is well, document). Serves from its making until `close`."""

    def __init__(
        self,
        host: str,
        port: int,
        registry: CollectorRegistry,
        health: Callable[[], tuple[bool, dict[str, Any]]],
    ) -> None:
        """Raises OSError when the port is taken."""
        metrics = make_wsgi_app(registry)

        def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            path = environ.get("PATH_INFO")
            if path == "/healthz":
                is_well, document = health()
                status = "200 OK" if is_well else "503 Service Unavailable"
                start_response(status, [("Content-Type", "application/json")])
                return [json.dumps(document, ensure_ascii=False).encode()]
            if path == "/metrics":
                return cast(Iterable[bytes], metrics(environ, start_response))
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"/metrics or /healthz\n"]

        self._server = make_server(host, port, app, _Threads, _Quiet)
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="health", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
