"""Where the recorded data and the domain pages are, for tests that need them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

DATA = Path(os.environ.get("YUYUE_DATA", Path(__file__).parents[3] / "shared" / "data"))


def shared_domain(name: str) -> Path:
    """A page of the domain notes, beside the recorded data. Skips where it is not there."""
    page = DATA.parent / "domain" / name
    if not page.is_file():
        pytest.skip(f"the domain page {name} is not beside {DATA}; set YUYUE_DATA (docs/data.md)")
    return page
