"""Which software this is."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def software_version() -> str:
    """The installed version; a checkout that was never installed has none."""
    try:
        return version("yuyue-care-hub")
    except PackageNotFoundError:
        return "unknown"
