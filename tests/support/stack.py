"""The whole hub as its users run it: broker, cloud, gateway as real processes on real ports."""

from __future__ import annotations

import json
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from edge.marks import tagged_message
from tests.support.mosquitto import Mosquitto
from tests.support.processes import PATIENCE, Process, free_port, wait_until
from tests.support.proxy import CutProxy

CHANGES = {"X-Yuyue-Request": "1"}


@dataclass(frozen=True)
class Login:
    """A demo user."""

    username: str
    password: str
    name: str


@contextmanager
def stack_directory() -> Iterator[Path]:
    """A directory for a stack, gone afterwards.

    Not pytest's own: as root PostgreSQL runs as another user, and a second pytest closes pytest's
    directory to others.
    """
    with tempfile.TemporaryDirectory(prefix="yuyue-stack-", ignore_cleanup_errors=True) as name:
        yield Path(name)


class Stack:
    """Starts everything in `directory`; the gateway reaches the cloud through `proxy`."""

    def __init__(
        self, directory: Path, *, gateway_environment: Mapping[str, str] | None = None
    ) -> None:
        self.directory = directory
        self._gateway_environment = dict(gateway_environment or {})
        self.cloud_port = free_port()
        self.cloud_url = f"http://127.0.0.1:{self.cloud_port}"
        self.mosquitto = Mosquitto(directory / "mosquitto")
        self.proxy = CutProxy(self.cloud_port)
        self._cloud_environment = {
            "YUYUE_CLOUD_DATA_DIR": str(directory / "cloud"),
            "YUYUE_CLOUD_PORT": str(self.cloud_port),
            "YUYUE_CLOUD_ENVIRONMENT": "demo",
        }
        self.cloud = Process("cloud", ["cloud", "serve"], self._cloud_environment, directory)
        self.seed: dict[str, Any] = {}
        self.gateway = Process("gateway", ["gateway", "run"], {}, directory)
        self._started: list[Process] = []
        self._cookies: dict[int, httpx.Cookies] = {}

    def __enter__(self) -> Self:
        try:
            self._start_all()
        except BaseException as error:
            self.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def _start_all(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self.mosquitto.start()
        self.start_cloud()
        seed_path = self.directory / "seed.json"
        self.run("cloud", "seed-demo", "--out", str(seed_path))
        self.seed = json.loads(seed_path.read_text())
        self.gateway = Process(
            "gateway",
            ["gateway", "run"],
            {
                "YUYUE_GATEWAY_CLOUD_URL": f"http://127.0.0.1:{self.proxy.port}",
                "YUYUE_GATEWAY_TOKEN": self.seed["gateway"]["token"],
                "YUYUE_GATEWAY_DATA_DIR": str(self.directory / "gateway"),
                **self._mqtt_environment("YUYUE_GATEWAY"),
                **self._gateway_environment,
            },
            self.directory,
        )
        self.start_gateway()
        # Its first heartbeat may come before its registry; what is cut off by then hears nobody.
        wait_until(
            lambda: '"mqtt_up"' in self.gateway.log_tail(),
            f"the gateway has its registry and listens\n{self.gateway.log_tail()}",
            60,
        )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in reversed(self._started):
            if process.running:
                process.stop()
        self.mosquitto.stop()
        self.proxy.close()
        if error is not None:
            self.show_logs()

    def show_logs(self) -> None:
        """The last lines of every process, for whoever reads the failure."""
        for process in self._started:
            sys.stderr.write(process.log_tail() + "\n")

    def start_cloud(self) -> None:
        """Start the cloud and wait until it answers."""
        self._start(self.cloud)
        wait_until(self._cloud_is_healthy, f"the cloud answers\n{self.cloud.log_tail()}", 60)

    def start_gateway(self) -> None:
        """Start the gateway and wait until the cloud has heard of it since."""
        before = self.gateway_last_heartbeat()
        self._start(self.gateway)
        wait_until(
            lambda: self.gateway_last_heartbeat() != before or not self._cloud_is_healthy(),
            "a heartbeat of the gateway reaches the cloud",
            30,
        )

    def sim(self, *arguments: str, name: str = "sim") -> Process:
        """Start `yuyue sim ...` against the broker."""
        environment = {
            "YUYUE_SIM_STATE_DIR": str(self.directory / "sim"),
            "YUYUE_SIM_KEY": self.seed["simulation_key"],
            **self._mqtt_environment("YUYUE_SIM"),
        }
        process = Process(name, ["sim", *arguments], environment, self.directory)
        self._start(process)
        return process

    def tagged(self, topic: str, payload: bytes) -> bytes:
        """A message of a simulated device, so that the gateway believes its mark."""
        return tagged_message(bytes.fromhex(self.seed["simulation_key"]), topic, payload)

    def replay(self, recording_id: str, device_id: str, *more: str) -> Process:
        """Start a replay of a real recording as `device_id`."""
        return self.sim(
            "replay", "--recording", recording_id, "--device-id", device_id, *more,
            name=f"replay-{device_id}-{time.monotonic_ns()}",
        )  # fmt: skip

    def run(self, *arguments: str) -> str:
        """What `yuyue ...` prints beside the running cloud, on its database."""
        process = Process(f"run-{arguments[0]}", arguments, self._cloud_environment, self.directory)
        process.start()
        assert process.wait(120 * PATIENCE) == 0, process.log_tail()
        return process.log_tail(1000)

    def login(self, index: int = 0) -> Login:
        """A demo login."""
        entry = self.seed["logins"][index]
        return Login(entry["username"], entry["password"], entry["name"])

    def login_of(self, role: str) -> Login:
        """The first demo login of that role."""
        return _first_of(self.seed, role)

    def house(self) -> dict[str, Any]:
        """The made-up house of 60 beds beside the demo's; made at the first asking."""
        path = self.directory / "house.json"
        if not path.exists():
            self.run("cloud", "seed", "--out", str(path))
        return dict(json.loads(path.read_text()))

    def house_login_of(self, role: str) -> Login:
        """The first login of that role in the made-up house."""
        return _first_of(self.house(), role)

    def bureau_login(self) -> Login:
        """Of the made-up bureau that counts every house here; made at the first asking."""
        path = self.directory / "bureau.json"
        if not path.exists():
            self.house()
            self.run("cloud", "seed-bureau", "--out", str(path))
        said = json.loads(path.read_text())
        return Login(said["username"], said["password"], "督查员")

    def device(self, device_id: str) -> dict[str, Any]:
        """The seed's entry of a device: device_id, position, elder, place."""
        return next(entry for entry in self.seed["devices"] if entry["device_id"] == device_id)

    @contextmanager
    def api(self, index: int = 0) -> Iterator[httpx.Client]:
        """A logged-in client of the screen API; its session outlives a restart of the cloud."""
        login = self.login(index)
        # no kept connections: the cloud at their far end may have been killed
        limits = httpx.Limits(max_keepalive_connections=0)
        with httpx.Client(
            base_url=self.cloud_url,
            headers=CHANGES,
            cookies=self._cookies.get(index),
            limits=limits,
            timeout=10,
        ) as client:
            if index not in self._cookies:
                answer = client.post(
                    "/api/v1/session", json={"username": login.username, "password": login.password}
                )
                assert answer.status_code == httpx.codes.OK, answer.text
                self._cookies[index] = client.cookies
            yield client

    def alerts(self, view: str = "open") -> list[dict[str, Any]]:
        """The alerts the desk would show."""
        with self.api() as client:
            answer = client.get("/api/v1/alerts", params={"view": view})
            answer.raise_for_status()
            return list(answer.json()["alerts"])

    def urgent_pending(self) -> int:
        """Urgent records in the gateway's outbox, read beside the running gateway."""
        (path,) = (self.directory / "gateway").glob("outbox*.sqlite*3")
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
            return int(
                database.execute("SELECT count(*) FROM record WHERE lane='urgent'").fetchone()[0]
            )

    def last_data_at(self, device_id: str) -> datetime | None:
        """The time of the newest sample the cloud has of a device."""
        with self.api() as client:
            devices = client.get("/api/v1/status").json()["devices"]["devices"]
        (at,) = [d["last_data_at"] for d in devices if d["device_id"] == device_id]
        return datetime.fromisoformat(at) if at else None

    def gateway_last_heartbeat(self) -> str | None:
        """When the cloud last heard the gateway, as the desk would show it."""
        if not self.seed or not self._cloud_is_healthy():
            return None
        with self.api() as client:
            gateways = client.get("/api/v1/status").json()["gateways"]
            return gateways[0]["last_heartbeat_at"] if gateways else None

    def _cloud_is_healthy(self) -> bool:
        try:
            return httpx.get(f"{self.cloud_url}/healthz", timeout=2).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def _mqtt_environment(self, prefix: str) -> dict[str, str]:
        return {
            f"{prefix}_MQTT_HOST": "127.0.0.1",
            f"{prefix}_MQTT_PORT": str(self.mosquitto.port),
            f"{prefix}_MQTT_USERNAME": self.mosquitto.username,
            f"{prefix}_MQTT_PASSWORD": self.mosquitto.password,
        }

    def _start(self, process: Process) -> None:
        process.start()
        if process not in self._started:
            self._started.append(process)


def _first_of(seed: dict[str, Any], role: str) -> Login:
    entry = next(one for one in seed["logins"] if one["role"] == role)
    return Login(entry["username"], entry["password"], entry["name"])
