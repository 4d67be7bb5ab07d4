#!/bin/sh
# The normal suite in two processes: the cloud's tests compute, the others mostly wait.
# Usage: tests/support/side_by_side.sh .venv/bin/python
set -u
python=$1
log=$(mktemp)
trap 'rm -f "$log"' EXIT
"$python" -m pytest -m "not slow" -q tests/cloud tests/house >"$log" 2>&1 &
cloud=$!
"$python" -m pytest -m "not slow" -q --ignore=tests/cloud --ignore=tests/house
others=$?
wait "$cloud"
cloud=$?
echo
echo "tests/cloud and tests/house, run beside the others:"
cat "$log"
exit $((others != 0 || cloud != 0))
