"""Scenario files: those that come with the program, and a person's own."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path

from pydantic import ValidationError

from firmware_sim.scenarios.schema import Scenario

SUFFIX = ".toml"


class ScenarioError(ValueError):
    """A scenario that cannot be run; the message names the file and each field at fault."""


def gallery() -> dict[str, Scenario]:
    """The scenarios that come with the program, by key, in the order of their names."""
    folder = files("firmware_sim.scenarios") / "gallery"
    found = [
        _parse(entry.read_text("utf-8"), entry.name)
        for entry in folder.iterdir()
        if entry.name.endswith(SUFFIX)
    ]
    return {scenario.key: scenario for scenario in sorted(found, key=lambda each: each.key)}


def find_scenario(name: str) -> Scenario:
    """One of the gallery by key, or a file by path. Raises ScenarioError."""
    if name.endswith(SUFFIX):
        return read_scenario(Path(name))
    scenarios = gallery()
    if name not in scenarios:
        raise ScenarioError(
            f"there is no scenario {name!r}; there are {', '.join(scenarios)} "
            f"(or give a {SUFFIX} file)"
        )
    return scenarios[name]


def read_scenario(path: Path) -> Scenario:
    """Raises ScenarioError."""
    try:
        return _parse(path.read_text("utf-8"), str(path))
    except OSError as error:
        raise ScenarioError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ScenarioError(f"{path}: is not UTF-8 text") from error


def _parse(text: str, name: str) -> Scenario:
    try:
        return Scenario.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"{name}: {error}") from error
    except ValidationError as error:
        lines = [
            f"{name}: {'.'.join(str(part) for part in problem['loc']) or 'scenario'}: "
            f"{problem['msg'].removeprefix('Value error, ')}"
            for problem in error.errors(include_url=False, include_input=False)
        ]
        raise ScenarioError("\n".join(lines)) from error
