"""The whole hub and a real browser, started once for all journeys."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.pages import sign_in
from tests.support.processes import REPOSITORY
from tests.support.stack import Stack, stack_directory

CHROMIUM_ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required",
]  # fmt: skip


@pytest.fixture(scope="session")
def recordings_dir() -> Path:
    """Where the recordings are; skips, and says so, where they are not."""
    directory = Path(os.environ.get("YUYUE_DATA", REPOSITORY.parent / "shared" / "data")) / "falls"
    if not (directory / "index.csv").exists():
        pytest.skip(f"no recordings at {directory}: see docs/data.md, or set YUYUE_DATA")
    return directory


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """Broker, cloud and gateway, running."""
    with stack_directory() as directory, Stack(directory) as running:
        failed_before = request.session.testsfailed
        yield running
        if request.session.testsfailed > failed_before:
            running.show_logs()


@pytest.fixture
def house(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """A hub of its own whose gateway is off: a new one will be the only one."""
    with stack_directory() as directory, Stack(directory) as running:
        running.gateway.stop()
        failed_before = request.session.testsfailed
        yield running
        if request.session.testsfailed > failed_before:
            running.show_logs()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, headless."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    assert path, "no Chromium here: run tests/support/system_packages.sh"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def open_desk(browser: Browser, stack: Stack) -> Iterator[Callable[[int], Page]]:
    """Opens a desk in a browser context of its own, logged in as demo user 0 or 1, sound on."""
    pages: list[Page] = []

    def open_as(index: int) -> Page:
        context = browser.new_context(locale="zh-CN", viewport={"width": 1440, "height": 900})
        page = context.new_page()
        pages.append(page)
        sign_in(page, stack, stack.login(index))
        page.get_by_test_id("connection-state").wait_for()
        return page

    yield open_as
    for page in pages:
        page.context.close()
