#!/bin/sh
# require.sh PROGRAM PACKAGE: make sure PROGRAM is there; install its Debian package when root.
# require.sh --package PACKAGE: install the package without looking for a program.
set -eu
if [ "$1" != --package ] && command -v "$1" >/dev/null 2>&1; then
    exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing $2 with apt-get"
    apt-get update -q >/dev/null
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$2" >/dev/null
else
    echo "'$1' was not found. Install it with: apt-get install -y $2" >&2
    exit 1
fi
