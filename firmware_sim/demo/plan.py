"""Where the demo keeps what, on which ports, and the settings it gives each part."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

_MQTT_USERNAME: Final = "yuyue-demo"


@dataclass(frozen=True, slots=True)
class Plan:
    """Where everything is and when people fall."""

    data_dir: Path
    web_port: int
    mqtt_port: int
    mqtt_password: str
    first_fall_s: float
    second_fall_s: float
    leave_out: tuple[str, ...]
    with_house: bool = True

    @property
    def url(self) -> str:
        """Address of the desk."""
        return f"http://127.0.0.1:{self.web_port}"

    @property
    def log_dir(self) -> Path:
        """One log file a process."""
        return self.data_dir / "logs"

    @property
    def seed_path(self) -> Path:
        """What the cloud's seed wrote."""
        return self.data_dir / "seed.json"

    @property
    def house_path(self) -> Path:
        """The logins of the larger house."""
        return self.data_dir / "house.json"

    @property
    def bureau_path(self) -> Path:
        """The login of the made-up bureau."""
        return self.data_dir / "bureau.json"

    @property
    def journal_path(self) -> Path:
        """What the simulator says really happened."""
        return self.data_dir / "falls.jsonl"

    @property
    def sim_environment_path(self) -> Path:
        """Settings for `yuyue sim` by hand against this demo."""
        return self.data_dir / "sim.env"

    def cloud_environment(self) -> dict[str, str]:
        """Settings of the cloud."""
        return {
            "YUYUE_CLOUD_ENVIRONMENT": "demo",
            "YUYUE_CLOUD_HOST": "127.0.0.1",
            "YUYUE_CLOUD_PORT": str(self.web_port),
            "YUYUE_CLOUD_DATA_DIR": str(self.data_dir / "cloud"),
        }

    def gateway_environment(self, token: str) -> dict[str, str]:
        """Settings of the gateway."""
        return {
            "YUYUE_GATEWAY_CLOUD_URL": self.url,
            "YUYUE_GATEWAY_TOKEN": token,
            "YUYUE_GATEWAY_DATA_DIR": str(self.data_dir / "gateway"),
            **self.mqtt_environment("YUYUE_GATEWAY_"),
        }

    def sim_environment(self, simulation_key: str = "") -> dict[str, str]:
        """Settings of the simulator and its broker."""
        return {
            "YUYUE_SIM_STATE_DIR": str(self.data_dir / "sim"),
            "YUYUE_SIM_KEY": simulation_key,
            **self.mqtt_environment("YUYUE_SIM_"),
        }

    def mqtt_environment(self, prefix: str) -> dict[str, str]:
        """How to reach the broker."""
        return {
            f"{prefix}MQTT_HOST": "127.0.0.1",
            f"{prefix}MQTT_PORT": str(self.mqtt_port),
            f"{prefix}MQTT_USERNAME": _MQTT_USERNAME,
            f"{prefix}MQTT_PASSWORD": self.mqtt_password,
        }
