"""Files with secrets."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

_PRIVATE: Final = 0o600


def write_private(path: Path, document: dict[str, Any]) -> None:
    """JSON, whole or not at all, and readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE), "w") as file:
        json.dump(document, file, ensure_ascii=False, indent=2)
    draft.replace(path)
