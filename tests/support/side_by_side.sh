#!/bin/sh
# The normal suite in two processes: what computes in one, what mostly waits in the other.
# Usage: tests/support/side_by_side.sh .venv/bin/python
set -u
python=$1
log=$(mktemp)
trap 'rm -f "$log"' EXIT
"$python" -m pytest -m "not slow" -q tests/cloud tests/house tests/firmware_sim >"$log" 2>&1 &
cloud=$!
"$python" -m pytest -m "not slow" -q --ignore=tests/cloud --ignore=tests/house --ignore=tests/firmware_sim
others=$?
wait "$cloud"
cloud=$?
echo
echo "tests/cloud, tests/house and tests/firmware_sim, run beside the others:"
cat "$log"
exit $((others != 0 || cloud != 0))
