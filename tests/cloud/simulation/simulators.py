"""Simulators that lie: each is a whole program, started as the real one is.

`python simulators.py HOW`: reads the order as the real one does, then tells one true part
and one that is not.
"""

from __future__ import annotations

import json
import sys
import time

from edge.simulated import tagged_line


def main() -> None:
    how = sys.argv[1]
    ordered = json.loads(sys.stdin.readline())
    key, run_id = bytes.fromhex(ordered["key_hex"]), ordered["run_id"]
    good = json.dumps({"kind": "progress", "stage": "make", "done": 1, "of": 2})
    sys.stdout.write(tagged_line(key, run_id, 1, good))
    bad = json.dumps({"kind": "scorecard", "rows": []})
    if how == "other-key":
        sys.stdout.write(tagged_line(bytes(32), run_id, 2, bad))
    elif how == "other-run":
        sys.stdout.write(tagged_line(key, "another run", 2, bad))
    elif how == "changed":
        sys.stdout.write(tagged_line(key, run_id, 2, bad).replace("rows", "ROWS"))
    elif how == "again":
        sys.stdout.write(tagged_line(key, run_id, 1, good))
    elif how == "left-out":
        sys.stdout.write(tagged_line(key, run_id, 3, bad))
    elif how == "plain":
        sys.stdout.write('{"kind": "fall_confirmed"}\n')
    elif how == "dies":
        sys.stderr.write("out of memory\n")
        raise SystemExit(3)
    sys.stdout.flush()
    if how == "hangs":
        time.sleep(600)


if __name__ == "__main__":
    main()
