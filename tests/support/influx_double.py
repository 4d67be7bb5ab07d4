"""A stand-in for InfluxDB 2 that speaks what the hub says, and nothing else.

Written from the documentation of 2.7: line protocol, the Flux of `influx_text` (from, range,
filter by equality, last), annotated CSV, delete by predicate. It refuses what it does not know. It
shows that the hub's own logic is right, not that InfluxDB does what its documentation says.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np

from cloud.series.influx_text import time_ns_of

# (bucket, measurement, tags, field, time): value as in line protocol
Point = tuple[str, str, tuple[tuple[str, str], ...], str, int]
_FROM = re.compile(r'from\(bucket: "([\w-]+)"\)')
_RANGE = re.compile(r"range\(start: (\S+), stop: (\S+)\)")
_EQUALS = re.compile(r'r\["([^"]+)"\] == "((?:[^"\\]|\\.)*)"')
_SHAPE = re.compile(
    r'from\(bucket: "[^"]+"\)\n  \|> range\([^\n]+\)\n  \|> filter\(fn: \(r\) => [^\n]+\)\n'
    r"(  \|> last\(\)\n)?"
)


class InfluxDouble:
    """What is held, and how often it shall be out of reach."""

    def __init__(self) -> None:
        self.points: dict[Point, str] = {}
        self.refuse: list[int] = []  # the status of each answer; 0: as it should be
        self.writes = 0
        self.asked: list[str] = []
        self.lock = threading.Lock()

    def write(self, bucket: str, body: str) -> None:
        self.writes += 1
        for line in body.splitlines():
            head, fields, time_ns = line.rsplit(" ", 2)
            measurement, *tags = re.split(r"(?<!\\),", head)
            pairs = tuple(sorted(tuple(tag.split("=", 1)) for tag in tags))
            for field in fields.split(","):
                name, value = field.split("=")
                self.points[bucket, measurement, pairs, name, int(time_ns)] = value  # type: ignore[index]

    def query(self, flux: str) -> str:
        shape = _SHAPE.fullmatch(flux)
        if shape is None:
            raise ValueError(f"Flux that the double does not know: {flux}")
        (bucket,), ((start, stop),) = _FROM.findall(flux), _RANGE.findall(flux)
        first, end = time_ns_of(start), time_ns_of(stop)
        if first >= end:
            raise ValueError("cannot query an empty range")
        wanted = {k: re.sub(r"\\(.)", r"\1", v) for k, v in _EQUALS.findall(flux)}
        tables: dict[tuple[object, ...], list[tuple[int, str]]] = {}
        for (held, measurement, tags, field, time_ns), value in self.points.items():
            row = {"_measurement": measurement, **dict(tags)}
            if held == bucket and first <= time_ns < end and wanted.items() <= row.items():
                tables.setdefault((measurement, tags, field), []).append((time_ns, value))
        return "".join(
            self._table(number, key, sorted(rows)[-1:] if shape[1] else sorted(rows), start, stop)
            for number, (key, rows) in enumerate(sorted(tables.items(), key=str))
        )

    @staticmethod
    def _table(
        number: int, key: tuple[Any, ...], rows: list[tuple[int, str]], start: str, stop: str
    ) -> str:
        measurement, tags, field = key
        names = [name for name, _ in tags]
        kind = "long" if rows[0][1].endswith("i") else "double"
        blank = [""] * len(names)
        grouped, texts = ["true" for _ in names], ["string" for _ in names]
        outer = ["true", "true", "false", "false", "true", "true", *grouped]
        times = ["dateTime:RFC3339"] * 3
        columns = ["_start", "_stop", "_time", "_value", "_field", "_measurement", *names]
        heads = (
            ["#group", "false", "false", *outer],
            ["#datatype", "string", "long", *times, kind, "string", "string", *texts],
            ["#default", "_result", *[""] * 7, *blank],
            ["", "result", "table", *columns],
        )
        lines = [",".join(head) for head in heads]
        for time_ns, value in rows:
            at = str(np.datetime64(time_ns, "ns")).rstrip("0").rstrip(".") + "Z"
            lines.append(
                ",".join(["", "", str(number), start, stop, at, value.rstrip("i"), field,
                          measurement, *[v for _, v in tags]])
            )  # fmt: skip
        return "\r\n".join(lines) + "\r\n\r\n"

    def delete(self, bucket: str, order: dict[str, str]) -> None:
        first, end = time_ns_of(order["start"]), time_ns_of(order["stop"])
        wanted = dict(re.findall(r'(\w+)="([^"]*)"', order["predicate"]))
        for point in list(self.points):
            held, measurement, tags, _, time_ns = point
            row = {"_measurement": measurement, **dict(tags)}
            if held == bucket and first <= time_ns < end and wanted.items() <= row.items():
                del self.points[point]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    double: InfluxDouble

    def do_POST(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        bucket = parse_qs(parts.query).get("bucket", [""])[0]
        with self.double.lock:
            if self.headers["Authorization"] != "Token double":
                return self._answer(401, "{}")
            if self.double.refuse and (status := self.double.refuse.pop(0)):
                return self._answer(status, "{}")
            if parts.path == "/api/v2/write":
                self.double.write(bucket, body)
                return self._answer(204, "")
            if parts.path == "/api/v2/delete":
                self.double.delete(bucket, json.loads(body))
                return self._answer(204, "")
            flux = json.loads(body)["query"]
            self.double.asked.append(flux)
            return self._answer(200, self.double.query(flux), "text/csv; charset=utf-8")

    def _answer(self, status: int, body: str, kind: str = "application/json") -> None:
        content = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@contextmanager
def influx_double() -> Iterator[tuple[str, InfluxDouble]]:
    """Its address (token `double`), and what it holds."""
    double = InfluxDouble()
    handler = type("Handler", (_Handler,), {"double": double})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", double
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
