"""The command `yuyue`: one face for cloud, gateway, simulator, training and the demo.

The code behind a sub-command is imported only when that is asked for: `yuyue --help` stays quick,
and a missing extra breaks nothing but its own command.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NoReturn

import typer
from rich.console import Console


@dataclass(frozen=True, slots=True)
class Target:
    """A sub-command and the Typer app behind it. `extra` names what it needs beyond the rest."""

    command: str
    module: str
    app: str
    help: str
    extra: str | None = None
    arguments: tuple[str, ...] = ()


TARGETS: Final = (
    Target(
        "demo",
        "firmware_sim.demo.cli",
        "app",
        "Everything on this machine, and within a minute a fall at the desk. 一键演示",
        "demo",
    ),
    Target("cloud", "cloud.cli", "app", "The server: alerts, people, places, the duty desk. 云端"),
    Target("gateway", "gateway.cli", "app", "The machine near the sensors. 边缘网关"),
    Target("sim", "firmware_sim.cli", "app", "Simulated devices and people over MQTT. 仿真"),
    Target("audit", "cloud.audit_cli", "app", "Who saw or changed what: verify, export. 审计"),
    Target("replay", "cloud.replay", "app", "Take the decisions behind an alert again. 复核"),
)

TRAINING: Final = (
    Target(
        "falls",
        "edge.fall.training.cli",
        "train_app",
        "The fall detector's weights, from recordings. 跌倒",
        "train",
        ("falls",),
    ),
)

BACKTESTS: Final = (
    Target(
        "falls",
        "edge.fall.training.cli",
        "backtest_app",
        "Falls found and missed, false alarms. 跌倒",
        "train",
        ("falls",),
    ),
    Target(
        "inactivity",
        "edge.inactivity.training.cli",
        "backtest_app",
        "Deadlines of inactivity in recorded homes. 长时间无活动",
        None,
        ("inactivity",),
    ),
    Target("bed", "edge.bed.training.cli", "backtest_bed_app", "Bed exits. 离床", "train"),
    Target(
        "vitals",
        "edge.vitals.training.cli",
        "backtest_vitals_app",
        "Respiration and heart rate from bed motion. 呼吸与心率",
    ),
)

app = typer.Typer(
    help="Yuyue Care Hub 渝悦养老物联网中枢. Each command has --help with an example.",
    no_args_is_help=True,
    add_completion=False,
)

# everything after the sub-command, --help included, belongs to the app behind it
_PASS_ON: Final = {
    "allow_extra_args": True,
    "ignore_unknown_options": True,
    "help_option_names": [],
}


def main() -> None:
    """Entry of the console command."""
    app(prog_name="yuyue")


def _mount(onto: typer.Typer, target: Target, path: str = "yuyue") -> None:
    def run(context: typer.Context) -> None:
        name = f"{path} {target.command}"
        # what the app behind adds to the name by itself is its own sub-command
        name = name.removesuffix(" ".join(("", *target.arguments))) if target.arguments else name
        _load(target)(args=[*target.arguments, *context.args], prog_name=name)

    onto.command(target.command, help=target.help, context_settings=dict(_PASS_ON))(run)


def _group(name: str, description: str, targets: tuple[Target, ...]) -> None:
    group = typer.Typer(help=description, no_args_is_help=True)
    for target in targets:
        _mount(group, target, f"yuyue {name}")
    app.add_typer(group, name=name)


def _load(target: Target) -> Callable[..., object]:
    """The app behind a sub-command; ends with a clear message when it cannot be imported."""
    try:
        loaded = getattr(importlib.import_module(target.module), target.app)
    except ModuleNotFoundError as error:
        _stop(target, error)
    if not isinstance(loaded, typer.Typer):
        raise TypeError(f"{target.module}.{target.app} is not a Typer app")
    return loaded


def _stop(target: Target, error: ModuleNotFoundError) -> NoReturn:
    message = f"yuyue {target.command} needs the module {error.name}, which is not installed here"
    if target.extra is not None:
        message += f": pip install 'yuyue-care-hub[{target.extra}]'"
    Console(stderr=True).print(message, highlight=False, markup=False)
    sys.exit(1)


for _target in TARGETS:
    _mount(app, _target)
_group("train", "Train a model again from recordings. 训练", TRAINING)
_group("backtest", "A detector over recordings: what it finds and misses. 回测", BACKTESTS)

if __name__ == "__main__":
    main()
