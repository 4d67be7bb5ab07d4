"""docker-compose.yml says what the software understands: its commands and its settings exist."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import yaml
from pydantic_settings import BaseSettings

import cloud.settings
import gateway.settings
from tests.support.processes import REPOSITORY

COMPOSE: dict[str, Any] = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = sorted(name for name, service in SERVICES.items() if "build" in service)


def test_the_services_the_plan_names_are_there() -> None:
    assert set(SERVICES) == {"mosquitto", "postgres", "influxdb", "cloud", "gateway", "simulator"}
    assert SERVICES["simulator"]["profiles"] == ["simulator"]


@pytest.mark.parametrize("name", OURS)
def test_the_command_of_each_service_runs_here(name: str) -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "yuyue", *SERVICES[name]["command"], "--help"],
        cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    assert "Usage" in answer.stdout


@pytest.mark.parametrize(
    ("name", "settings", "prefix"),
    [
        ("cloud", cloud.settings.Settings, "YUYUE_CLOUD_"),
        ("gateway", gateway.settings.Settings, "YUYUE_GATEWAY_"),
    ],
)
def test_every_setting_in_the_compose_file_is_known(
    name: str, settings: type[BaseSettings], prefix: str
) -> None:
    known = {f"{prefix}{field.upper()}" for field in settings.model_fields}
    assert set(SERVICES[name]["environment"]) <= known


def test_no_password_is_written_down() -> None:
    for name, service in SERVICES.items():
        for key, value in service.get("environment", {}).items():
            if any(word in key for word in ("PASSWORD", "TOKEN")):
                assert str(value).startswith("${"), f"{name}: {key}"
