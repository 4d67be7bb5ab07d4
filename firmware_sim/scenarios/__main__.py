"""`python -m firmware_sim.scenarios`: the gallery as JSON, for a program that waits for it.

Apart from the command line, which takes two seconds to load what a list does not need.
"""

from __future__ import annotations

import json
import sys

from firmware_sim.scenarios.load import gallery

if __name__ == "__main__":
    sys.stdout.write(json.dumps([one.model_dump(mode="json") for one in gallery().values()]))
