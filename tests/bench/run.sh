#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Measures the gateway beside nginx on this machine: tests/bench/bench.py does it, this script
# installs what it needs and builds the release in build/. Arguments are handed on:
#
#   tests/bench/run.sh [--seconds N] [--quick] [--json FILE]
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$root/build
log=$(mktemp)
trap 'rm -f "$log"' EXIT

quietly() {
        "$@" >"$log" 2>&1 || {
                tail -n 40 "$log" >&2
                printf 'bench: failed: %s\n' "$*" >&2
                exit 1
        }
}

quietly "$root/deploy/install-deps.sh" build bench
[ -f "$build/build.ninja" ] || quietly meson setup "$build" "$root" --buildtype=release
quietly ninja -C "$build"
python3 "$root/tests/bench/bench.py" --build-dir "$build" "$@"
