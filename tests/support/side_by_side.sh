#!/bin/sh
# The normal suite in three processes: what computes, what mostly waits, and what kills and waits long.
# Usage: tests/support/side_by_side.sh .venv/bin/python
set -u
python=$1
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
"$python" -m pytest -m "not slow" -q tests/cloud tests/house tests/firmware_sim >"$logs/cloud" 2>&1 &
cloud=$!
"$python" -m pytest -m "not slow" -q tests/faults >"$logs/faults" 2>&1 &
faults=$!
"$python" -m pytest -m "not slow" -q --ignore=tests/cloud --ignore=tests/house --ignore=tests/firmware_sim --ignore=tests/faults
others=$?
wait "$faults"
faults=$?
wait "$cloud"
cloud=$?
echo
echo "tests/faults, run beside the others:"
cat "$logs/faults"
echo
echo "tests/cloud, tests/house and tests/firmware_sim, run beside the others:"
cat "$logs/cloud"
exit $((others != 0 || faults != 0 || cloud != 0))
