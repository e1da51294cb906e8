#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Builds the project with sanitizers and runs every test there is. The last line is
# "N passed, N failed", with ", N skipped" when there are skips; the exit status is 0 only when
# something passed and nothing failed.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
suites=(lint unit fuzz api system tsan)
only=
pattern=
timeout=300
tsan=yes
tmp=

usage() {
        cat <<TEXT
usage: tests/run.sh [--only SUITE] [--no-tsan] [-k PATTERN] [--timeout SECONDS]

  --only SUITE       one of: ${suites[*]}
  --no-tsan          leave out the second build and run, with ThreadSanitizer
  -k PATTERN         only Python tests whose name matches, as unittest's -k
  --timeout SECONDS  time each test program may take (default $timeout)

Build folders: build-test (address and undefined behaviour sanitizers) and build-tsan.
TEXT
}

parse_arguments() {
        while [ $# -gt 0 ]; do
                case $1 in
                --only) only=${2?"--only needs a suite"} && shift ;;
                --no-tsan) tsan=no ;;
                -k) pattern=${2?"-k needs a pattern"} && shift ;;
                --timeout) timeout=${2?"--timeout needs seconds"} && shift ;;
                -h | --help) usage && exit 0 ;;
                *) usage >&2 && exit 2 ;;
                esac
                shift
        done
        case " ${suites[*]} " in
        *" ${only:-lint} "*) ;;
        *) usage >&2 && exit 2 ;;
        esac
}

wants() {
        [ -z "$only" ] || [ "$only" = "$1" ]
}

count_failure() {
        printf '{"suite": "%s", "passed": 0, "failed": 1, "skipped": 0}\n' "$1" >>"$tmp/counts"
}

# Configures only when the folder is new or its options are not those of the last time.
configure() {
        local dir=$1 stamp

        shift
        stamp="$root ${CC-} ${CFLAGS-} $*"
        if [ -f "$dir/build.ninja" ] && [ "$(cat "$dir/options.stamp" 2>/dev/null)" = "$stamp" ]; then
                return 0
        fi
        rm -rf "$dir"
        meson setup "$dir" "$root" "$@" || return 1
        printf '%s\n' "$stamp" >"$dir/options.stamp"
}

build() {
        local dir=$1 sanitizers=$2 options

        options=(-Dbuildtype=debugoptimized -Dunit_tests=enabled "-Db_sanitize=$sanitizers")
        if "${CC:-cc}" --version | grep -qi clang; then
                options+=(-Db_lundef=false)
        fi
        printf 'build: %s (%s)\n' "$(basename "$dir")" "$sanitizers"
        if configure "$dir" "${options[@]}" >"$tmp/build.log" 2>&1 && ninja -C "$dir" >>"$tmp/build.log" 2>&1; then
                grep -E 'warning:' "$tmp/build.log" || true
                return 0
        fi
        tail -n 60 "$tmp/build.log"
        printf 'build: %s failed\n' "$(basename "$dir")"
        count_failure build
        return 1
}

# gcc's ThreadSanitizer, and at times AddressSanitizer, cannot place its shadow under a kernel that
# spreads addresses widely: run without that where the machine lets us.
steady_addresses() {
        if setarch "$(uname -m)" -R true 2>/dev/null; then
                setarch "$(uname -m)" -R "$@"
        else
                "$@"
        fi
}

# A suite that failed has said so in the counts; one that could not even count is a failure of its own.
suite() {
        local before

        before=$(wc -l <"$tmp/counts")
        steady_addresses python3 "$root/tests/support/run_suite.py" "$@" --timeout "$timeout" --count "$tmp/counts" || true
        if [ "$(wc -l <"$tmp/counts")" -eq "$before" ]; then
                count_failure "$1"
        fi
}

python_suite() {
        suite python --folder "tests/$1" --title "$2" ${pattern:+-k "$pattern"}
}

run_address_suites() {
        wants unit || wants fuzz || wants api || wants system || return 0
        build "$root/build-test" address,undefined || return 0
        export SOVD_BUILD_DIR=$root/build-test
        ! wants unit || suite unit --build-dir "$SOVD_BUILD_DIR"
        ! wants fuzz || suite fuzz --build-dir "$SOVD_BUILD_DIR"
        ! wants api || python_suite api api
        ! wants system || python_suite system system
}

run_thread_suites() {
        wants tsan && [ "$tsan" = yes ] || return 0
        build "$root/build-tsan" thread || return 0
        export SOVD_BUILD_DIR=$root/build-tsan
        suite unit --build-dir "$SOVD_BUILD_DIR" --title "unit (thread sanitizer)"
        python_suite api "api (thread sanitizer)"
}

sum_up() {
        python3 - "$tmp/counts" <<'PYTHON'
import json
import sys

rows = [json.loads(line) for line in open(sys.argv[1])]
passed, failed, skipped = (sum(row[key] for row in rows) for key in ('passed', 'failed', 'skipped'))
print()
for row in rows:
    print(f'{row["suite"]:<28} {row["passed"]:>5} passed {row["failed"]:>5} failed {row["skipped"]:>5} skipped')
print(f'{passed} passed, {failed} failed' + (f', {skipped} skipped' if skipped else ''))
sys.exit(0 if passed and not failed else 1)
PYTHON
}

main() {
        parse_arguments "$@"
        tmp=$(mktemp -d)
        trap 'rm -rf "$tmp"' EXIT
        : >"$tmp/counts"
        export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:halt_on_error=1:detect_stack_use_after_return=1
        export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
        export TSAN_OPTIONS=halt_on_error=0:exitcode=66:second_deadlock_stack=1
        "$root/deploy/install-deps.sh" build test || count_failure dependencies
        ! wants lint || suite lint
        run_address_suites
        run_thread_suites
        sum_up
}

main "$@"
