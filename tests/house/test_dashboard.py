"""The Grafana dashboard asks for metrics that exist."""

from __future__ import annotations

import json
import re
from pathlib import Path

from prometheus_client import generate_latest

from cloud.metrics import Metrics

DASHBOARD = Path(__file__).parents[2] / "ops/grafana-dashboard.json"


def test_every_panel_asks_for_what_is_counted() -> None:
    told = generate_latest(Metrics().registry).decode()
    counted = set(re.findall(r"^# HELP (\w+)", told, re.MULTILINE))
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        for target in panel["targets"]:
            names = re.findall(r"yuyue_\w+", target["expr"])
            assert names, panel["title"]
            for name in names:
                assert re.sub(r"_(bucket|count|sum)$", "", name) in counted, name
