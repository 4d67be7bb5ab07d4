"""The one way something is written as text to be hashed or signed."""

from __future__ import annotations

import json
from collections.abc import Mapping


def canonical_json(body: Mapping[str, object]) -> str:
    """Sorted keys, no spaces, characters as they are; UTF-8 where it becomes bytes."""
    return json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
