"""Walking pages as their users see them: both sizes, both languages, a picture of each, and axe.

The pictures are kept in var/screenshots/ (or where YUYUE_SCREENSHOTS says), one folder a journey:
they are there to be looked at.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.support.pages import settle, sign_in, violations
from tests.support.processes import REPOSITORY
from tests.support.stack import Login, Stack

SIZES = {"phone": (360, 780), "desktop": (1440, 900)}
# Whose text is wider than its box and simply cut off: not with an ellipsis, not to be scrolled.
_CUT = """() => [...document.querySelectorAll('button,a,th,td,h1,h2,h3,label,dd,dt,li,p')]
  .filter(e => e.offsetParent !== null && e.clientWidth > 0 && e.scrollWidth > e.clientWidth + 2
    && ['hidden', 'clip'].includes(getComputedStyle(e).overflowX)
    && getComputedStyle(e).textOverflow !== 'ellipsis' && !e.closest('.sr-only'))
  .map(e => e.tagName + ' ' + e.textContent.trim().slice(0, 40))"""


def pictures_directory(journey: str) -> Path:
    """Made if it is not there."""
    root = Path(os.environ.get("YUYUE_SCREENSHOTS", REPOSITORY / "var" / "screenshots"))
    (root / journey).mkdir(parents=True, exist_ok=True)
    return root / journey


@contextmanager
def logged_in(browser: Browser, stack: Stack, login: Login, path: str = "/") -> Iterator[Page]:
    """A browser of one's own, on a computer, in Chinese."""
    width, height = SIZES["desktop"]
    context = browser.new_context(locale="zh-CN", viewport={"width": width, "height": height})
    page = context.new_page()
    sign_in(page, stack, login, path)
    expect(page.get_by_test_id("login-submit")).to_have_count(0, timeout=20_000)
    yield page
    context.close()


def survey_dialog(page: Page, journey: str, name: str) -> list[str]:
    """The same of an open dialog, which keeps the language switch behind it out of reach."""
    wrong: list[str] = []
    directory = pictures_directory(journey)
    language = (page.locator("html").get_attribute("lang") or "zh")[:2]
    for size, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        settle(page)
        page.screenshot(path=directory / f"{name}-{size}-{language}.png")
        box = page.locator("dialog[open]").bounding_box()
        if box is None or box["x"] < 0 or box["x"] + box["width"] > width:
            wrong.append(f"{name} {size}: the dialog is wider than the screen")
        wrong += [f"{name} {size}: cut off: {text}" for text in page.evaluate(_CUT)]
        wrong += [f"{name} {size}: {one}" for one in violations(page)]
    return wrong


def survey(page: Page, journey: str, name: str) -> list[str]:
    """Both sizes in both languages; what is wrong with them, in words. Ends as it began."""
    wrong: list[str] = []
    directory = pictures_directory(journey)
    for language in ("zh", "en"):
        for size, (width, height) in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            settle(page)
            where = f"{name} {size} {language}"
            page.screenshot(path=directory / f"{name}-{size}-{language}.png", full_page=True)
            if page.evaluate("document.documentElement.scrollWidth") > width:
                wrong.append(f"{where}: wider than the screen")
            wrong += [f"{where}: cut off: {text}" for text in page.evaluate(_CUT)]
            # One of each size and of each language: the rest would say the same.
            if (language, size) in (("zh", "phone"), ("en", "desktop")):
                wrong += [f"{where}: {one}" for one in violations(page)]
        switch_language(page)
    width, height = SIZES["desktop"]
    page.set_viewport_size({"width": width, "height": height})
    return wrong


def switch_language(page: Page) -> None:
    """To the other one; on a phone the switch is in the menu."""
    html = page.locator("html")
    before = html.get_attribute("lang") or ""
    menu = page.locator(".header-more")
    if menu.is_visible() and not page.get_by_test_id("language-switch").is_visible():
        menu.click()
    page.get_by_test_id("language-switch").click()
    expect(html).not_to_have_attribute("lang", re.compile(f"^{re.escape(before)}$"))
