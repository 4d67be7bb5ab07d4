"""The whole hub on this machine and a duty desk in Chromium that is logged in and connected."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.support.pages import sign_in
from tests.support.stack import Stack


@contextmanager
def hub_with_desk(login: int = 0) -> Iterator[tuple[Stack, Page]]:
    """Started here, ended at the end; the desk of the demo's `login`, by default a nurse."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with (
        tempfile.TemporaryDirectory() as directory,
        Stack(Path(directory) / "stack") as stack,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        sign_in(page, stack, stack.login(login))
        page.locator("[data-testid=connection-state][data-state=connected]").wait_for()
        yield stack, page
        browser.close()
