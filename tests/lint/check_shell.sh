#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Every shell script parses (bash -n) and passes shellcheck where that is installed.
#
#   tests/lint/check_shell.sh [--self-test]
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
unset "${!GIT_@}"

is_shell() {
        case $1 in
        *.sh) return 0 ;;
        *) head -c 200 "$1" | head -n 1 | grep -aqE '^#!.*\b(ba|da)?sh\b' ;;
        esac
}

list_scripts() {
        local file

        git -c safe.directory='*' ls-files -co --exclude-standard | sort -u | while IFS= read -r file; do
                if [ -f "$file" ] && is_shell "$file"; then
                        printf '%s\n' "$file"
                fi
        done
}

# bash says "file: line N: why" and shellcheck "file:N:column: why"; both become "file:N: why".
check_file() {
        local findings=''

        findings=$(bash -n "$1" 2>&1 | sed -E 's/: line ([0-9]+): /:\1: /') || true
        if [ -z "$findings" ] && command -v shellcheck >/dev/null; then
                findings=$(shellcheck --format=gcc "$1" | sed -E 's/^([^:]*:[0-9]+):[0-9]+:/\1:/') || true
        fi
        [ -n "$findings" ] || return 0
        printf '%s\n' "$findings"
        return 1
}

check_tree() {
        local file bad=0

        cd "$1"
        while IFS= read -r file; do
                check_file "$file" || bad=1
        done < <(list_scripts)
        return "$bad"
}

plant() {
        mkdir -p "$1/bin"
        printf '#!/bin/sh\necho good\n' >"$1/good.sh"
        printf '#!/usr/bin/env bash\nif true; then\n' >"$1/bin/bad"
        printf 'not a script: if then\n' >"$1/bin/text"
        git -C "$1" init -q
}

self_test() {
        local tmp findings

        tmp=$(mktemp -d)
        # shellcheck disable=SC2064 # the folder of now
        trap "rm -rf '$tmp'" EXIT
        plant "$tmp"
        if findings=$(check_tree "$tmp"); then
                echo "self-test: a script that does not parse was not found"
                return 1
        fi
        if grep -v '^bin/bad:[0-9]*: ' <<<"$findings"; then
                echo "self-test: the lines above are not findings in bin/bad"
                return 1
        fi
        rm "$tmp/bin/bad"
        if ! check_tree "$tmp"; then
                echo "self-test: a tree without faults was reported"
                return 1
        fi
}

case ${1-} in
'') check_tree "$root" ;;
--self-test) self_test ;;
*)
        echo "usage: $0 [--self-test]" >&2
        exit 2
        ;;
esac
