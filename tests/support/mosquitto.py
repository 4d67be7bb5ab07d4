"""A real mosquitto with a password file and a store on disk, on a port of its own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.certificates import Certificates
from tests.support.processes import free_port

_START_TIMEOUT_S = 10.0


class Mosquitto:
    """Keeps its port and its sessions across `start`, `stop` and `kill_9`."""

    def __init__(
        self,
        directory: Path,
        username: str = "yuyue",
        password: str = "made-up-broker-password",  # noqa: S107
        *,
        max_inflight: int | None = None,
        autosave: bool = True,
        users: Mapping[str, str] | None = None,
        acl: str | None = None,
        certificates: Certificates | None = None,
    ) -> None:
        self._users = {username: password, **(users or {})}
        self._acl = acl
        self._certificates = certificates
        self._max_inflight = max_inflight
        self._autosave = autosave
        self.directory = directory
        self.username = username
        self.password = password
        self.port = free_port()
        self.log_path = directory / "mosquitto.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        assert not self.running, "mosquitto runs already"
        config = self._configure()
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [_command("mosquitto"), "-c", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline_s = time.monotonic() + _START_TIMEOUT_S
        while time.monotonic() < deadline_s and self.running:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        self.stop()
        raise AssertionError(f"mosquitto did not start\n{self.log_path.read_text()}")

    def stop(self) -> None:
        """End it as a service manager would."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def kill_9(self) -> None:
        """End it without a chance to save anything."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)
        self._process = None

    def restart(self) -> None:
        """Stop and start; sessions and queues survive."""
        self.stop()
        self.start()

    @property
    def running(self) -> bool:
        """Whether it is alive."""
        return self._process is not None and self._process.poll() is None

    def _configure(self) -> Path:
        self.directory.mkdir(parents=True, exist_ok=True)
        passwords = self.directory / "passwords"
        if not passwords.exists():
            passwords.touch(0o600)
            for username, password in self._users.items():
                subprocess.run(
                    [_command("mosquitto_passwd"), "-b", str(passwords), username, password],
                    check=True,
                    capture_output=True,
                )
        lines = [
            f"listener {self.port} 127.0.0.1",
            "allow_anonymous false",
            f"password_file {passwords}",
            "persistence true",
            f"persistence_location {self.directory}/",
            # Saved after every change: a broker killed in a test must not forget what it took.
            f"autosave_on_changes {str(self._autosave).lower()}",
            f"autosave_interval {1 if self._autosave else 1800}",
            "max_queued_messages 0",
            "set_tcp_nodelay true",
        ]
        if self._max_inflight is not None:
            lines.append(f"max_inflight_messages {self._max_inflight}")
        if self._certificates is not None:
            lines.insert(1, f"certfile {self._certificates.server}")
            lines.insert(2, f"keyfile {self._certificates.key}")
            lines.insert(3, "tls_version tlsv1.2")
        if self._acl is not None:
            acl = self.directory / "acl"
            acl.write_text(self._acl)
            acl.chmod(0o600)
            lines.append(f"acl_file {acl}")
        if os.geteuid() == 0:
            lines.insert(0, "user root")
        config = self.directory / "mosquitto.conf"
        config.write_text("\n".join(lines) + "\n")
        return config


def _command(name: str) -> str:
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    assert path, f"{name} is not installed: run tests/support/system_packages.sh"
    return path
