"""The three users on the real stack: a night with a fall, a family's morning, a what-if.

Each page they come by is surveyed: phone and desktop, Chinese and English, a picture, axe.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import httpx
import msgspec
import pytest
from playwright.sync_api import Browser, Page, expect

from edge.signals import NS_PER_S, Origin, Reading
from edge.wire import Batch, Lane, Record
from tests.support.faces import logged_in, survey, survey_dialog
from tests.support.stack import Stack

NURSE, HEAD_NURSE, MANAGER, OPERATOR, RELATIVE = 0, 3, 4, 6, 7
CHINA = ZoneInfo("Asia/Shanghai")
MAT, MAT_GATEWAY_OUTBOX = "mat-faces", "outbox-faces"
PATIENCE_MS = 60_000


@pytest.fixture(scope="module")
def elder_id(stack: Stack) -> str:
    """The elder whose daughter has a login; with a mat, and last night on it."""
    name = stack.device("wearable-0001")["elder"]
    with stack.api(MANAGER) as api:
        found = api.get("/api/v1/elders", params={"q": name}).json()["elders"]
        elder = str(found[0]["id"])
        since = (datetime.now(UTC) - timedelta(days=3)).isoformat()
        for call, body in (
            ("/api/v1/devices", {"id": MAT, "model": "demo", "kind": "bed", "label": "床垫"}),
            (f"/api/v1/devices/{MAT}/assignments", {"elder_id": elder, "at": since}),
        ):
            answer = api.post(call, json=body)
            assert answer.status_code < httpx.codes.MULTIPLE_CHOICES, answer.text
    _send(stack, list(_a_night()))
    return elder


def _a_night() -> Iterator[Reading]:
    """To bed at 21:30, up in the middle of it, and for an hour nothing is heard."""
    now = time.time()
    morning = datetime.now(CHINA).date()
    to_bed = _at(morning - timedelta(days=1), 21, 30)
    end = min(now, _at(morning, 6, 20))
    middle = (to_bed + end) / 2
    deaf = (middle + 1800, middle + 5400)
    at = to_bed - 3600
    while at < now:
        if not deaf[0] <= at < deaf[1]:
            lies = to_bed <= at < end and not middle <= at < middle + 600
            yield _reading("in_bed", at, float(lies))
            if lies:
                yield _reading("heart_rate", at, 58.0 + round(at) % 7)
                yield _reading("respiration_rate", at, 14.0 + round(at) % 3)
        at += 120


def _at(day: date, hour: int, minute: int) -> float:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=CHINA).timestamp()


def _reading(quantity: str, at: float, value: float) -> Reading:
    return Reading(MAT, quantity, round(at) * NS_PER_S, value, Origin.SIMULATED)


def _send(stack: Stack, readings: list[Reading]) -> None:
    """As a gateway of that house that was cut off and comes back."""
    printed = stack.run("cloud", "add-gateway", "补传网关", "--institution", "渝悦示范养老院")
    found = re.search(r"YUYUE_GATEWAY_TOKEN=(\S+)", printed)
    assert found is not None, printed
    records = [Record(n, one.time_ns, reading=one) for n, one in enumerate(readings, 1)]
    for first in range(0, len(records), 500):
        part = records[first : first + 500]
        batch = Batch(1, MAT_GATEWAY_OUTBOX, Lane.BULK, part[0].seq, time.time_ns(), part)
        answer = httpx.post(
            f"{stack.cloud_url}/api/v1/ingest", content=msgspec.json.encode(batch),
            headers={"Authorization": f"Bearer {found[1]}", "Content-Type": "application/json"},
        )  # fmt: skip
        assert answer.status_code == httpx.codes.OK, answer.text


def go(page: Page, stack: Stack, path: str) -> None:
    """A page, once it has stopped loading."""
    page.goto(f"{stack.cloud_url}{path}")
    expect(page.locator(".waiting")).to_have_count(0, timeout=PATIENCE_MS)


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_night_with_a_fall(stack: Stack, browser: Browser, elder_id: str) -> None:
    """The card, there, resolved with a finding; then the same on the elder's line of the day."""
    wearer, wrong = stack.device("wearable-0001"), []
    with logged_in(browser, stack, stack.login(NURSE)) as page:
        expect(page.get_by_test_id("floor-bed").first).to_be_visible(timeout=PATIENCE_MS)
        expect(page.get_by_test_id("on-duty")).to_contain_text("值班")
        expect(page.get_by_test_id("rounds-due")).to_be_visible()
        page.get_by_test_id("duty-search-field").fill(wearer["elder"])
        expect(page.get_by_test_id("duty-search").get_by_role("link")).to_have_count(1)
        wrong += survey(page, "night", "duty-quiet")
        fall = stack.sim("wearable", "--device-id", "wearable-0001", "--fall-after-s", "12")
        card = page.get_by_test_id("alert-card").filter(has_text=wearer["elder"]).first
        expect(card).to_be_visible(timeout=PATIENCE_MS)
        wrong += survey(page, "night", "duty-fall")
        card.get_by_test_id("alert-acknowledge").click()
        for move in ("take_over", "arrive"):
            card.get_by_test_id(f"alert-{move}").click(timeout=PATIENCE_MS)
        card.get_by_test_id("alert-resolve").click(timeout=PATIENCE_MS)
        wrong += survey_dialog(page, "night", "duty-resolve")
        page.get_by_test_id("resolve-verdict-true").click()
        page.get_by_test_id("resolve-submit").click()
        fall.stop()
        go(page, stack, f"/care/elders/{elder_id}")
        line = page.get_by_test_id("day-plot")
        expect(line).to_be_visible(timeout=PATIENCE_MS)
        line.focus()
        page.keyboard.press("Home")
        before = page.get_by_test_id("day-moment").inner_text()
        page.keyboard.press("ArrowRight")
        expect(page.get_by_test_id("day-moment")).not_to_have_text(before)
        whole = line.get_attribute("data-range")
        _drag(page)
        expect(line).not_to_have_attribute("data-range", whole or "")
        page.get_by_test_id("day-whole").click()
        expect(line).to_have_attribute("data-range", whole or "")
        page.get_by_text("用文字看这一天").click()
        expect(page.get_by_test_id("day-list")).to_contain_text("跌倒")
        wrong += survey(page, "night", "elder-day")
    assert not wrong, "\n".join(wrong)


def _drag(page: Page) -> None:
    box = page.get_by_test_id("day-plot").locator(".u-over").bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.2, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, y, steps=4)
    page.mouse.up()


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("elder_id")
def test_a_familys_morning(stack: Stack, browser: Browser) -> None:
    wrong = []
    with logged_in(browser, stack, stack.login(RELATIVE), "/family") as page:
        card = page.get_by_test_id("family-card").filter(has_text="王").first
        expect(card).to_be_visible(timeout=PATIENCE_MS)
        night = card.get_by_test_id("family-night")
        expect(night).to_contain_text("在床约")
        expect(night).to_contain_text("看不见")  # the hour that nothing was heard
        expect(card.get_by_test_id("family-coverage")).to_be_visible()
        card.get_by_text("我能看到什么，为什么").click()
        expect(card.get_by_test_id("family-rights")).to_contain_text("夜间情况：可以看到")
        wrong += survey(page, "family", "today")
        go(page, stack, "/family/letters")
        expect(page.get_by_text("每周一早上写上一周的信")).to_be_visible()
        wrong += survey(page, "family", "letters")
        # What a relative may not open leads somewhere, not into nothing.
        go(page, stack, "/duty")
        expect(page.locator("main, [role=alert]").first).to_be_visible()
    assert not wrong, "\n".join(wrong)


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_an_operators_what_if(stack: Stack, browser: Browser) -> None:
    """How many carers are enough; then one of these nights, played, with its scorecard."""
    wrong = []
    with logged_in(browser, stack, stack.login(OPERATOR), "/operator/simulator") as page:
        page.get_by_test_id("sim-what-if-open").click(timeout=PATIENCE_MS)
        form = page.get_by_test_id("sim-what-if")
        form.get_by_test_id("sim-compared").fill("1,2")
        form.get_by_test_id("sim-nights").fill("3")
        wrong += survey(page, "operator", "simulator-form")
        form.get_by_role("button", name="开始").click()
        view = page.get_by_test_id("sim-run-view")
        expect(view).to_have_attribute("data-state", "done", timeout=150_000)
        wrong += survey(page, "operator", "what-if")
        run = page.get_by_test_id("sim-run")
        run.get_by_test_id("sim-speed").select_option("0")
        run.get_by_role("button", name="开始").click()
        expect(page.get_by_test_id("sim-truth")).to_be_visible(timeout=150_000)
        expect(view).to_have_attribute("data-state", "done", timeout=150_000)
        wrong += survey(page, "operator", "scorecard")
    assert not wrong, "\n".join(wrong)


PAGES = {
    HEAD_NURSE: (
        "/shift/now", "/shift/roster", "/shift/night", "/shift/figures", "/shift/tuning",
        "/shift/drills", "/shift/policies", "/care/elders", "/care/risks", "/care/assessments",
        "/care/rounds", "/account",
    ),
    MANAGER: (
        "/operator/overview", "/operator/found", "/operator/gateways", "/operator/places",
        "/operator/devices", "/operator/coverage", "/operator/users", "/operator/audit",
        "/operator/break-glass",
    ),
}  # fmt: skip


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("who", PAGES, ids=["head_nurse", "manager"])
def test_every_other_page_is_fit_to_be_seen(
    stack: Stack, browser: Browser, elder_id: str, who: int
) -> None:
    wrong = []
    with logged_in(browser, stack, stack.login(who)) as page:
        for path in PAGES[who]:
            go(page, stack, path)
            page.wait_for_load_state("networkidle")
            wrong += survey(page, "pages", path.strip("/").replace("/", "-"))
        if who == HEAD_NURSE:
            go(page, stack, f"/care/elders/{elder_id}")
            page.get_by_test_id("family-reach").first.click(timeout=PATIENCE_MS)
            wrong += survey_dialog(page, "pages", "care-family-dialog")
    assert not wrong, "\n".join(wrong)
