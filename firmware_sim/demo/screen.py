"""What the demo says on the terminal, in Chinese and English."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from edge.signals import NS_PER_S

_CODES: Final = {
    "fall_suspected": "疑似跌倒 suspected fall",
    "fall_confirmed": "跌倒 confirmed fall",
    "sos": "紧急呼叫 emergency call",
}
_STATES: Final = {
    "acknowledged": "已确认 acknowledged",
    "resolved": "已处置 resolved",
}
_STYLES: Final = {"high": "bold white on red", "medium": "bold black on yellow"}
# An alert belongs to the fall in the journal whose impact lies this near to what it says.
_SAME_FALL_S: Final = 15.0


@dataclass(frozen=True, slots=True)
class Expectation:
    """A fall that is planned: who, where, in how many seconds."""

    elder: str
    place: str
    in_s: float


@dataclass(frozen=True, slots=True)
class Welcome:
    """What the panel tells."""

    url: str
    logins: list[dict[str, Any]]
    falls: list[Expectation]
    log_dir: Path
    open_alerts: int
    pages_built: bool
    sim_environment: Path
    free_devices: tuple[str, ...]
    by_enter: bool


def welcome_panel(welcome: Welcome) -> RenderableType:
    """Address, logins, what will happen, where the logs are."""
    logins = _logins_table(welcome.logins)
    lines: list[RenderableType] = [
        Text.assemble("值班台 duty desk  ", (welcome.url, "bold underline cyan")),
        Text(),
        logins,
        Text(),
    ]
    lines += [
        Text.assemble(
            f"约 {fall.in_s:.0f} 秒后 in about {fall.in_s:.0f} s  ",
            (fall.elder, "bold"),
            f"  {fall.place}  ",
            ("将跌倒 will fall", "bold red"),
        )
        for fall in welcome.falls
    ]
    if welcome.by_enter:
        lines.append(Text("按回车 press Enter: 再有一人跌倒 somebody else falls"))
    simulator = f"{welcome.url.rstrip('/')}/operator/simulator"
    lines.append(
        Text.assemble(
            "仿真一夜 a simulated night: ",
            (simulator, "cyan"),
            "，用户 user ",
            ("yunying", "bold"),
            "，按 press ",
            ("开始 Run", "bold"),
        )
    )
    if welcome.open_alerts:
        lines.append(
            Text(
                f"上次留下 {welcome.open_alerts} 条未处置报警 "
                f"{welcome.open_alerts} alerts are still open from before"
            )
        )
    if not welcome.pages_built:
        lines.append(
            Text(
                "网页尚未构建 the web pages are not built yet: use `make demo`, or "
                "`npm ci && npm run build` in cloud/web",
                style="yellow",
            )
        )
    lines += [
        Text(),
        Text(f"日志 logs: {welcome.log_dir}/*.log", style="dim"),
        Text(_by_hand(welcome), style="dim"),
        Text("Ctrl-C 停止全部 stops everything; 数据保留 data stay", style="dim"),
    ]
    return Panel(
        Group(*lines),
        title="[bold]渝悦养老物联网中枢  Yuyue Care Hub[/]",
        subtitle="演示 demo · 仿真人物 simulated people",
        border_style="cyan",
        padding=(1, 2),
    )


# Of the larger house's logins, one of each kind of work is enough to look around.
_SHOWN: Final = ("manager", "head_nurse", "assessor", "operator", "district_viewer", "family")


def house_panel(url: str, logins: list[dict[str, Any]]) -> RenderableType:
    """The logins of the larger house, the first of each role."""
    first: dict[str, dict[str, Any]] = {}
    for login in logins:
        first.setdefault(str(login.get("role")), login)
    return Panel(
        Group(
            Text.assemble("照护 care  ", (f"{url.rstrip('/')}/care", "bold underline cyan")),
            Text(),
            _logins_table([first[role] for role in _SHOWN if role in first]),
        ),
        title="[bold]60 床示范院和 12 张家庭养老床位已备好  a house of 60 beds is ready[/]",
        border_style="cyan",
        padding=(1, 2),
    )


def _logins_table(logins: list[dict[str, Any]]) -> Table:
    table = Table(
        "用户名 user", "密码 password", "姓名 name", "角色 role", box=None, pad_edge=False
    )
    for login in logins:
        table.add_row(
            Text(str(login["username"]), style="bold"),
            Text(str(login["password"]), style="bold"),
            str(login.get("name", "")),
            str(login.get("role", "")),
        )
    return table


def _by_hand(welcome: Welcome) -> str:
    if not welcome.free_devices:
        return "自己动手 by hand: start with --leave-out wearable-0006"
    return (
        f"自己动手 by hand: set -a; . {welcome.sim_environment}; set +a; "
        f"yuyue sim wearable --device-id {welcome.free_devices[0]}"
    )


def alert_line(alert: dict[str, Any], now_ns: int, fell_ns: int | None) -> Text:
    """One line for an alert as it arrives; `fell_ns` is when the fall really happened."""
    at = datetime.fromtimestamp(now_ns / NS_PER_S).astimezone()
    place = alert.get("place") or {}
    elder = alert.get("elder") or {}
    code = str(alert["code"])
    state = str(alert["state"])
    line = Text.assemble(
        (at.strftime("%H:%M:%S"), "dim"),
        " ",
        (f" {_CODES.get(code, code)} ", _STYLES.get(str(alert.get("priority")), "bold")),
        " ",
        (str(elder.get("name", "?")), "bold"),
        f" {place.get('label', '')} ",
    )
    if state != "raised":
        by = alert.get("resolved_by") or alert.get("acknowledged_by") or ""
        line.append(f"{_STATES.get(state, state)} {by}", style="green")
    elif fell_ns is not None:
        line.append(f"跌倒后 {(now_ns - fell_ns) / NS_PER_S:.1f} s after the fall", style="green")
    return line


def true_fall_ns(journal: Path, alert: dict[str, Any]) -> int | None:
    """When the fall of an alert really happened, by the simulator's own journal."""
    happened_ns = round(datetime.fromisoformat(alert["happened_at"]).timestamp() * NS_PER_S)
    try:
        entries = [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError):
        return None
    own = [entry["impact_ns"] for entry in entries if entry["device_id"] == alert["device_id"]]
    nearest = min(own, key=lambda impact_ns: abs(impact_ns - happened_ns), default=None)
    if nearest is None or abs(nearest - happened_ns) > _SAME_FALL_S * NS_PER_S:
        return None
    return int(nearest)
