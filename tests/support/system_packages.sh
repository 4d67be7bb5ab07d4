#!/bin/sh
# Makes sure that the programs the tests drive are here: a broker, a browser, a message bus, a series server.
# Installs them with apt-get where it may, else says what to install.
set -eu
missing=""
[ -x /usr/sbin/mosquitto ] || command -v mosquitto >/dev/null 2>&1 || missing="$missing mosquitto"
command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 || missing="$missing chromium"
# The Bluetooth tests give bleak a bus of its own.
[ "$(uname -s)" != Linux ] || command -v dbus-daemon >/dev/null 2>&1 || missing="$missing dbus-daemon"
# A real server for what the hub writes to InfluxDB.
[ "$(uname -s)" != Linux ] || command -v victoria-metrics >/dev/null 2>&1 || missing="$missing victoria-metrics"
# Without a Chinese font the screenshots of the journeys show empty boxes.
command -v fc-list >/dev/null 2>&1 && [ -n "$(fc-list :lang=zh family | head -n 1)" ] || missing="$missing fonts-noto-cjk"
[ -n "$missing" ] || exit 0
if command -v apt-get >/dev/null 2>&1; then
    if [ "$(id -u)" -eq 0 ]; then run=""; elif sudo -n true 2>/dev/null; then run="sudo"; else run="none"; fi
    if [ "$run" != none ]; then
        $run apt-get update -qq
        # shellcheck disable=SC2086  # a list of words on purpose
        DEBIAN_FRONTEND=noninteractive $run apt-get install -y -qq --no-install-recommends $missing >/dev/null
        exit 0
    fi
fi
echo "The tests need these programs, please install them first:$missing" >&2
exit 1
