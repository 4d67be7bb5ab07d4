"""What every journey does with a page: sign in, and ask whether everybody can use it."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.support.processes import REPOSITORY
from tests.support.stack import Login, Stack

PHONE_PX = 360
_AXE = REPOSITORY / "cloud/web/node_modules/axe-core/axe.min.js"
# A colour on its way to another has a contrast of its own.
_NOTHING_FADES = """() => Promise.all(document.getAnimations()
  .filter((one) => one.effect.getTiming().iterations !== Infinity)
  .map((one) => one.finished.catch(() => null))).then(() => null)"""
_VIOLATIONS = """async () => (await axe.run(document)).violations.map(
  v => [v.id, ...v.nodes.map(n => n.target.join(' ') + ' ' + n.failureSummary)].join('; '))"""


def sign_in(page: Page, stack: Stack, login: Login, path: str = "/") -> None:
    """The form is filled and sent; what comes then is the caller's to wait for."""
    page.goto(f"{stack.cloud_url}{path}")
    page.get_by_test_id("login-username").fill(login.username)
    page.get_by_test_id("login-password").fill(login.password)
    page.get_by_test_id("login-submit").click()


def settle(page: Page) -> None:
    """Until nothing moves or fades."""
    page.evaluate(_NOTHING_FADES)


def violations(page: Page) -> list[str]:
    """What axe finds, each with where and why.

    Through the debugger: the page's content security policy rightly refuses foreign scripts.
    """
    settle(page)
    page.evaluate(_AXE.read_text())
    return list(page.evaluate(_VIOLATIONS))


def too_wide_px(page: Page) -> int:
    """How much of the page lies beside the screen."""
    return max(0, int(page.evaluate("document.documentElement.scrollWidth - innerWidth")))


def check(page: Page) -> None:
    """Accessible, and nothing to be pushed sideways on a phone; the screen is then as before."""
    assert violations(page) == [], page.url
    before = page.viewport_size
    page.set_viewport_size({"width": PHONE_PX, "height": 740})
    assert too_wide_px(page) == 0, page.url
    if before is not None:
        page.set_viewport_size(before)
