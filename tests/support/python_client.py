"""The Python client, generated from the contract of this very source, and nothing kept of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from cloud.app import openapi_document

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "packaging" / "python_client.yaml"


def generate_client(directory: Path) -> str:
    """Write the package `yuyue_client` into a directory; what the generator had to say."""
    document = directory / "openapi.json"
    document.write_text(json.dumps(openapi_document(), ensure_ascii=False), encoding="utf-8")
    programs = str(Path(sys.executable).parent)  # it calls ruff
    done = subprocess.run(
        [
            sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none",
            "--overwrite", "--path", str(document), "--config", str(CONFIG),
            "--output-path", str(directory / "yuyue_client"),
        ],
        env={**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', '')}"},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    return done.stdout + done.stderr
