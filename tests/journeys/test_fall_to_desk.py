"""A real fall, from a wearable through the broker to two desks, and back as an acknowledgement."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.pages import violations
from tests.support.stack import Stack

FALLS = [
    pytest.param("wearable-0001", "sisfall/SA01/F01/R01/waist", id="waist"),
    pytest.param("wearable-0002", "weda/U01/F01/R01/wrist", id="wrist"),
]
ALERT_TIMEOUT_MS = 45_000


@pytest.mark.browser
@pytest.mark.recordings
@pytest.mark.timeout(150)
@pytest.mark.usefixtures("recordings_dir")
@pytest.mark.parametrize(("device_id", "recording_id"), FALLS)
def test_a_real_fall_reaches_two_desks(
    stack: Stack,
    open_desk: Callable[[int], Page],
    tmp_path: Path,
    device_id: str,
    recording_id: str,
) -> None:
    wearer = stack.device(device_id)
    first, second = open_desk(0), open_desk(1)
    replay = stack.replay(recording_id, device_id)

    cards = [
        page.get_by_test_id("alert-card").filter(has_text=wearer["elder"])
        for page in (first, second)
    ]
    for page, card in zip((first, second), cards, strict=True):
        expect(card).to_have_count(1, timeout=ALERT_TIMEOUT_MS)
        expect(card.get_by_test_id("alert-elder")).to_contain_text(wearer["elder"])
        expect(card.get_by_test_id("alert-place")).to_contain_text(wearer["place"]["room"])
        expect(card).to_contain_text("跌倒")
        expect(card).to_contain_text("模拟")
        expect(card.get_by_test_id("alert-plot")).to_be_visible(timeout=15_000)
        assert plot_is_drawn(page), "the plot is an empty canvas"
        clock = card.get_by_test_id("alert-clock")
        then = clock.inner_text()
        expect(clock).not_to_have_text(then, timeout=3_000)  # it runs

    replay.wait(60)
    first.screenshot(path=tmp_path / "desk.png")
    cards[0].get_by_test_id("alert-acknowledge").click()
    expect(cards[1]).to_have_attribute("data-state", "acknowledged", timeout=5_000)
    expect(cards[1]).to_contain_text(stack.login(0).name)

    cards[1].get_by_test_id("alert-resolve").click()
    second.get_by_test_id("resolve-verdict-true").click()
    second.get_by_test_id("resolve-submit").click()
    for card in cards:
        expect(card.and_(card.page.locator("[data-state=resolved]"))).to_have_count(
            0, timeout=5_000
        )
        expect(card.and_(card.page.locator("[data-state=acknowledged]"))).to_have_count(
            0, timeout=5_000
        )

    (alert,) = [a for a in stack.alerts("recent") if a["elder"]["name"] == wearer["elder"]]
    assert alert["verdict"] == "true"
    assert alert["acknowledged_by"] == stack.login(0).name
    assert alert["resolved_by"] == stack.login(1).name
    assert alert["origin"] == "simulated"
    again = stack.run("replay", alert["id"])
    assert "fall_suspected" in again
    assert "same" in again
    assert "different" not in again


def plot_is_drawn(page: Page) -> bool:
    """Whether the plot's canvas holds more than one colour."""
    return bool(
        page.wait_for_function(
            """() => [...document.querySelectorAll('[data-testid=alert-plot] canvas')].some(c => {
                if (!c.width || !c.height) return false;
                const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
                const seen = new Set();
                for (let i = 0; i < d.length; i += 4)
                    seen.add((d[i] << 16) | (d[i + 1] << 8) | d[i + 2]);
                return seen.size > 3;
            })""",
            timeout=10_000,
        ).json_value()
    )


@pytest.mark.browser
@pytest.mark.timeout(120)
def test_a_desk_that_loses_the_cloud_says_so(
    stack: Stack, open_desk: Callable[[int], Page]
) -> None:
    page = open_desk(0)
    state = page.get_by_test_id("connection-state")
    expect(state).to_have_attribute("data-state", "connected", timeout=15_000)
    stack.cloud.kill_9()
    expect(state).not_to_have_attribute("data-state", "connected", timeout=20_000)
    expect(page.get_by_role("alert").first).to_be_visible()
    stack.start_cloud()
    expect(state).to_have_attribute("data-state", "connected", timeout=30_000)


@pytest.mark.browser
@pytest.mark.timeout(120)
def test_the_desk_speaks_english_too_and_is_accessible(
    open_desk: Callable[[int], Page],
) -> None:
    page = open_desk(0)
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    assert violations(page) == []
    page.get_by_test_id("language-switch").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.get_by_text("No open alerts").first).to_be_visible()
