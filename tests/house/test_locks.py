"""The locks hold hashes and name no address."""

from __future__ import annotations

import json
import re

import pytest

from tests.support.processes import REPOSITORY

LOCKS = ["requirements.lock", "requirements-dev.lock"]


@pytest.mark.parametrize("name", LOCKS)
def test_each_pinned_package_has_hashes(name: str) -> None:
    text = (REPOSITORY / name).read_text()
    pins = re.split(r"\n(?=[a-zA-Z0-9])", text)
    assert len(pins) > 30
    for pin in pins:
        assert "--hash=sha256:" in pin, pin.splitlines()[0]


@pytest.mark.parametrize("name", [*LOCKS, "cloud/web/package-lock.json"])
def test_no_lock_names_an_address(name: str) -> None:
    text = (REPOSITORY / name).read_text()
    # what a package says of itself (its funding page) is not where it comes from
    assert not re.search(r'"resolved"|--index-url|--find-links|--extra-index-url', text)


def test_the_web_lock_matches_its_package() -> None:
    web = REPOSITORY / "cloud" / "web"
    package = json.loads((web / "package.json").read_text())
    lock = json.loads((web / "package-lock.json").read_text())["packages"][""]
    for kind in ("dependencies", "devDependencies"):
        assert lock.get(kind, {}) == package.get(kind, {})
