"""A night on duty: real desks in a browser, fake phones, the cloud killed in the middle of it.

Each part is one promise of the alert path; they share one hub and one set of people, since
starting these costs more than the parts themselves. Policies have seconds instead of minutes.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from cloud.clock import SystemClock
from edge.events import EventKind
from edge.wire import Batch, Lane
from tests.cloud.world import fall, record
from tests.support.fake_phone import FakePhone
from tests.support.pages import sign_in
from tests.support.processes import wait_until
from tests.support.stack import Stack

DEVICE = "wearable-0003"
DUTY1, DUTY2, HEAD, MANAGER = 0, 1, 3, 4
PHONES = {DUTY1: "duty1", DUTY2: "duty2", HEAD: "head", MANAGER: "manager"}
SHORT = {
    "steps": [
        {"after_s": 0, "targets": ["unit_duty"]},
        {"after_s": 6, "targets": ["on_shift"]},
        {"after_s": 8, "targets": ["head_nurse"]},
        {"after_s": 10, "targets": ["manager"]},
    ],
    "family_notice": True,
}
# Collects the page's audio contexts, so that a test can do what a browser does on its own.
AUDIO_SPY = """
    window.__contexts = [];
    const Real = window.AudioContext;
    window.AudioContext = class extends Real {
        constructor(...all) { super(...all); window.__contexts.push(this); }
    };
"""


@dataclass
class Night:
    """The hub, the phones, the elder whom everything happens to."""

    stack: Stack
    phone: FakePhone
    elder_id: str
    restarts: bool

    @property
    def elder(self) -> str:
        return str(self.stack.device(DEVICE)["elder"])

    def done(self, answer: httpx.Response) -> Any:
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def fall(self, *, ago_s: float = 1.0, kind: EventKind = EventKind.FALL_CONFIRMED) -> str:
        """A live fall as a gateway would send it; the alert's id."""
        clock, episode = SystemClock(), str(uuid.uuid4())
        event = fall(kind, clock, device=DEVICE, episode=episode, ago_s=ago_s)  # type: ignore[arg-type]
        now_ns = clock.now_ns()
        batch = Batch(1, episode, Lane.URGENT, 1, now_ns, [record(1, now_ns, event)])
        token = self.stack.seed["gateway"]["token"]
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        url = f"{self.stack.cloud_url}/api/v1/ingest"
        self.done(httpx.post(url, content=msgspec.json.encode(batch), headers=headers, timeout=20))
        (alert,) = [a for a in self.mine() if a["code"].startswith("fall_")]
        return str(alert["id"])

    def mine(self) -> list[dict[str, Any]]:
        return [a for a in self.stack.alerts() if (a["elder"] or {}).get("name") == self.elder]

    def alert(self, alert_id: str) -> dict[str, Any]:
        with self.stack.api(HEAD) as api:
            return dict(self.done(api.get(f"/api/v1/alerts/{alert_id}")))

    def move(self, alert_id: str, name: str, index: int = HEAD, **more: Any) -> None:
        with self.stack.api(index) as api:
            body = {"move": name, "client_time": datetime.now(UTC).isoformat(), **more}
            self.done(api.post(f"/api/v1/alerts/{alert_id}/moves", json=body))

    def end(self, alert_id: str) -> None:
        self.move(alert_id, "resolve", finding="sat_hard")
        if self.alert(alert_id)["state"] == "resolved":
            self.move(alert_id, "close")

    def heard(self, number: str, words: str, since: int = 0) -> None:
        wait_until(
            lambda: any(words in m.title + m.body for m in self.phone.messages[since:]
                        if m.number == number),
            f"{words} on the phone {number}", 60,
        )  # fmt: skip

    def in_the_middle(self) -> None:
        """What happens in the middle of every part, where the part is run so."""
        if self.restarts:
            self.stack.cloud.kill_9()
            self.stack.start_cloud()

    @contextmanager
    def empty_roster(self) -> Iterator[None]:
        with self.stack.api(MANAGER) as api:
            duties = self.done(api.get("/api/v1/duty/roster"))["duties"]
            gone = [duty for duty in duties if duty["duty_as"] == "duty"]
            for duty in gone:
                self.done(api.delete(f"/api/v1/duty/roster/{duty['id']}"))
        yield
        with self.stack.api(MANAGER) as api:
            for duty in gone:
                wanted = {key: duty[key] for key in ("user_id", "duty_as", "unit_id")}
                span = {"starts_at": datetime.now(UTC).isoformat(), "ends_at": duty["ends_at"]}
                self.done(api.post("/api/v1/duty/roster", json=wanted | span))


def code_on(phone: FakePhone, number: str) -> str:
    wait_until(lambda: phone.to(number), f"a code on the phone {number}", 60)
    return re.findall(r"\d{6}", phone.to(number)[-1].body)[0]


def prepare(stack: Stack, phone: FakePhone, *, restarts: bool) -> Night:
    """Everybody proves a phone; a daughter without a login proves hers; a policy of seconds."""
    night = Night(stack, phone, "", restarts)
    for index, number in PHONES.items():
        with stack.api(index) as api:
            for old in night.done(api.get("/api/v1/contact-points"))["points"]:
                night.done(api.delete(f"/api/v1/contact-points/{old['id']}"))
            wanted = {"channel": "apprise", "label": "手机", "address": phone.address(number)}
            point = night.done(api.post("/api/v1/contact-points", json=wanted))
            assert point["verified_at"] is None
            where = f"/api/v1/contact-points/{point['id']}/verify"
            night.done(api.post(where, json={"code": code_on(phone, number)}))
    with stack.api(MANAGER) as api:
        found = night.done(api.get("/api/v1/elders", params={"q": night.elder}))["elders"]
        night.elder_id = elder_id = found[0]["id"]
        number = f"daughter-{uuid.uuid4().hex[:6]}"
        wanted = {"name": "张敏", "relationship": "女儿", "may_see": ["alerts"]}
        members = night.done(api.post(f"/api/v1/elders/{elder_id}/family", json=wanted))["family"]
        member = members[-1]
        night.done(api.post(f"/api/v1/elders/{elder_id}/consents", json={
            "purpose": "family_sharing", "family_member_id": member["id"], "kinds": ["alerts"],
            "text_version": "1", "signer": "self", "signer_name": night.elder,
            "valid_from": (datetime.now(UTC) - timedelta(days=1)).isoformat()}))  # fmt: skip
        ways = f"/api/v1/elders/{elder_id}/family/{member['id']}/contact-points"
        (way,) = night.done(
            api.post(ways, json={"label": "短信", "address": phone.address(number)})
        )["points"]
        code = code_on(phone, number)
        night.done(api.post(f"{ways}/{way['id']}/verify", json={"code": code}))
        policy = {"name": "快", "priority": "high", "elder_id": elder_id, "body": SHORT}
        night.done(api.post("/api/v1/duty/policies", json=policy))
    phone.messages.clear()
    phone.daughter = number  # type: ignore[attr-defined]
    return night


@pytest.fixture
def phone() -> Iterator[FakePhone]:
    with FakePhone() as made:
        yield made


def card_of(page: Page, night: Night, alert_id: str) -> Locator:
    card = page.locator(f'[data-testid=alert-card][data-alert-id="{alert_id}"]')
    expect(card).to_be_visible(timeout=45_000)
    expect(card.get_by_test_id("alert-elder")).to_contain_text(night.elder)
    return card


@pytest.mark.browser
@pytest.mark.slow  # has not run to its end yet: then only `killed` stays slow
@pytest.mark.timeout(420)
@pytest.mark.parametrize(
    "restarts", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["calm", "killed"]
)
def test_an_alert_reaches_people(
    stack: Stack, phone: FakePhone, browser: Browser, open_desk: Callable[[int], Page],
    *, restarts: bool,
) -> None:  # fmt: skip
    night = prepare(stack, phone, restarts=restarts)
    daughter: str = phone.daughter  # type: ignore[attr-defined]
    browser.contexts  # noqa: B018 - started before the clock of the first part
    escalates_to_the_third_step(night)
    two_carers_at_once_and_the_family(night, open_desk, daughter)
    nobody_is_on_duty(night)
    a_late_one(night, open_desk)
    a_drill(night)


def escalates_to_the_third_step(night: Night) -> None:
    alert_id = night.fall()
    night.heard("duty1", "跌倒")
    night.in_the_middle()
    night.heard("head", "跌倒")
    night.heard("manager", "跌倒")
    story = night.alert(alert_id)
    assert story["step"] == 3
    steps = [m["step"] for m in story["moves"] if m["move"] == "escalate" and m["step"]]
    assert steps == [1, 2, 3]  # each once, in order, also across a `kill -9`
    night.end(alert_id)


def two_carers_at_once_and_the_family(
    night: Night, open_desk: Callable[[int], Page], daughter: str
) -> None:
    first, second = open_desk(DUTY1), open_desk(DUTY2)
    alert_id = night.fall()
    cards = [card_of(page, night, alert_id) for page in (first, second)]
    for card in cards:  # both press before either has heard of the other
        card.get_by_test_id("alert-acknowledge").dispatch_event("click")
    for card in cards:
        expect(card).to_have_attribute("data-state", "acknowledged", timeout=20_000)
    moves = [m["actor"] for m in night.alert(alert_id)["moves"] if m["move"] == "acknowledge"]
    assert len(moves) == 1
    night.in_the_middle()
    assert night.phone.to(daughter) == []  # nobody has seen it yet
    cards[0].get_by_test_id("alert-arrive").click()
    night.heard(daughter, f"{night.elder}老人")
    assert "护理员已在身边" in night.phone.to(daughter)[0].body
    night.in_the_middle()
    night.move(
        alert_id, "resolve", DUTY1, finding="real_fall", injury="minor", measure="冰敷，观察"
    )
    night.heard(daughter, "受了轻伤，已处理")
    assert not re.search(r"\d+(\.\d+)? ?g\b|%", night.phone.to(daughter)[-1].body)
    night.move(alert_id, "close", family="told")
    for page in (first, second):
        page.context.close()


def nobody_is_on_duty(night: Night) -> None:
    with night.empty_roster():
        since = len(night.phone.messages)
        alert_id = night.fall()
        night.in_the_middle()
        night.heard("head", "无人值班", since)
        night.heard("manager", "无人值班", since)
        gaps = [a for a in night.stack.alerts() if a["code"] == "nobody_on_duty"]
        assert [gap["priority"] for gap in gaps] == ["high"]
        notes = [m["note"] for m in night.alert(alert_id)["moves"] if m["move"] == "note"]
        assert any("skipped" in (note or "") for note in notes)
    for each in (alert_id, gaps[0]["id"]):
        night.move(each, "resolve", verdict="false")
        if night.alert(each)["state"] == "resolved":
            night.move(each, "close")


def a_late_one(night: Night, open_desk: Callable[[int], Page]) -> None:
    happened = datetime.now(UTC) - timedelta(minutes=28)
    alert_id = night.fall(ago_s=28 * 60)
    page = open_desk(DUTY1)
    card = card_of(page, night, alert_id)
    local = (happened + timedelta(hours=8)).strftime("%H:%M")
    expect(card).to_contain_text(re.compile(rf"发生 (\d\d/\d\d )?{local}，收到 "))
    night.in_the_middle()
    mute(night, page, alert_id)
    night.end(alert_id)
    page.context.close()


def mute(night: Night, page: Page, alert_id: str) -> None:
    """The browser stops the sound: the desk drops off, and the next step is told at once."""
    state = page.get_by_test_id("guard-state")
    if not page.evaluate("() => Boolean(window.__contexts)"):
        page.add_init_script(AUDIO_SPY)
        page.reload()
        page.get_by_test_id("sound-enable").click()
    expect(state).to_have_attribute("data-good", "true", timeout=30_000)
    page.evaluate("() => Promise.all(window.__contexts.map(each => each.suspend()))")
    expect(page.get_by_test_id("banner-sound")).to_be_visible(timeout=15_000)
    expect(state).to_have_attribute("data-good", "false", timeout=30_000)

    def lost() -> bool:
        return any(a["code"] == "console_silent" for a in night.stack.alerts())

    wait_until(lost, "the silent desk is an alert", 30)
    silent = [a for a in night.stack.alerts() if a["code"] == "console_silent"]
    for each in silent:
        night.move(each["id"], "resolve", verdict="true")
        if night.alert(each["id"])["state"] == "resolved":
            night.move(each["id"], "close", injury="none", measure="恢复声音", family="told")
    assert night.alert(alert_id)["step"] >= 1


def a_drill(night: Night) -> None:
    since = len(night.phone.messages)
    with night.stack.api(HEAD) as api:
        wanted = {"elder_id": night.elder_id, "announced": False, "note": "夜间抽查"}
        drill = night.done(api.post("/api/v1/duty/drills", json=wanted))["drills"][0]
    night.in_the_middle()
    night.move(drill["alert_id"], "acknowledge", DUTY1)
    night.move(drill["alert_id"], "arrive", DUTY1)
    night.move(drill["alert_id"], "resolve", DUTY1, finding="test")
    with night.stack.api(HEAD) as api:
        (sheet,) = [d for d in night.done(api.get("/api/v1/duty/drills"))["drills"]
                    if d["id"] == drill["id"]]  # fmt: skip
        now = datetime.now(UTC)
        span = {"from": (now - timedelta(hours=1)).isoformat(), "to": now.isoformat()}
        live = night.done(api.get("/api/v1/duty/night", params=span))["alerts"]
        every = night.done(api.get("/api/v1/duty/night", params=span | {"origin": "all"}))["alerts"]
    assert sheet["arrived_s"] is not None
    assert sheet["announced"] is False
    assert drill["alert_id"] not in {a["id"] for a in live}  # never among the real ones
    assert {a["origin"] for a in every if a["id"] == drill["alert_id"]} == {"drill"}
    time.sleep(1)  # longer than the workers' interval
    assert night.phone.messages[since:] == []  # no real phone rang


@pytest.mark.browser
@pytest.mark.slow  # has not run to its end yet
@pytest.mark.timeout(240)
def test_a_push_reaches_the_browser_and_opens_the_alert(
    stack: Stack, phone: FakePhone, browser: Browser
) -> None:
    """The push service is ours on loopback (Chromium's own needs the internet): it decrypts what
    the hub sends, and hands it to the real service worker as the browser would.
    """
    context = browser.new_context(locale="zh-CN", viewport={"width": 360, "height": 740})
    context.grant_permissions(["notifications"], origin=stack.cloud_url)
    subscription = phone.subscription("push")
    context.add_init_script(
        "PushManager.prototype.subscribe = async function () {"
        f" return {{ toJSON: () => ({subscription}) }}; }};"
    )
    page = context.new_page()
    sign_in(page, stack, stack.login(DUTY1))
    page.get_by_test_id("connection-state").wait_for()
    page.goto(f"{stack.cloud_url}/account")
    page.get_by_test_id("push-subscribe").click()
    expect(page.get_by_test_id("push-said")).to_have_attribute("data-good", "true", timeout=30_000)
    page.get_by_test_id("point-test").last.click()
    wait_until(lambda: phone.to("push"), "the encrypted test message", 60)
    assert phone.to("push")[0].title == "渝悦养老 测试"

    page.goto(f"{stack.cloud_url}/duty")
    page.get_by_test_id("connection-state").wait_for()
    night = Night(stack, phone, "", restarts=False)
    alert_id = night.fall()
    deliver(
        page, {"title": "【高】跌倒", "body": "2 楼", "url": f"/duty?alert={alert_id}", "tag": "x"}
    )
    worker = "navigator.serviceWorker.ready.then(r => r.getNotifications())"
    shown = page.evaluate(f"() => {worker}.then(all => all.map(n => [n.title, n.data.url]))")
    assert shown == [["【高】跌倒", f"/duty?alert={alert_id}"]]
    (sw,) = context.service_workers
    sw.evaluate(
        """async () => {
            const [notification] = await self.registration.getNotifications();
            self.dispatchEvent(new NotificationEvent("notificationclick", { notification }));
        }"""
    )
    opened = page.locator(f'li[id="card-{alert_id}"]')
    expect(opened).to_have_attribute("data-opened", "true", timeout=30_000)
    deliver(page, "damaged")  # still something to see, and it leads nowhere foreign
    shown = page.evaluate(f"() => {worker}.then(all => all.map(n => n.data.url))")
    assert shown == ["/duty"]
    night.end(alert_id)
    context.close()


def deliver(page: Page, message: object) -> None:
    """A push event in the page's service worker, as the browser's own push client makes it."""
    session = page.context.new_cdp_session(page)
    found: list[str] = []
    session.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda said: found.extend(r["registrationId"] for r in said["registrations"]),
    )
    session.send("ServiceWorker.enable")
    page.evaluate("() => navigator.serviceWorker.ready.then(() => true)")
    wait_until(lambda: page.evaluate("1") == 1 and bool(found), "the registration", 20)
    origin = page.evaluate("location.origin")
    data = message if isinstance(message, str) else json.dumps(message)
    session.send(
        "ServiceWorker.deliverPushMessage",
        {"origin": origin, "registrationId": found[-1], "data": data},
    )
    page.wait_for_timeout(500)
    session.detach()
