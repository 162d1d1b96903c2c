#!/bin/sh
# What a bare Debian 12 lacks for the Makefile; the rest is installed by what needs it.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
apt-get install -y -q --no-install-recommends ca-certificates git make python3 python3-venv
