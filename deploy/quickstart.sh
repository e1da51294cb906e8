#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# From a fresh clone to a running gateway: installs what the build needs, builds a release in build/,
# starts demo-ecu and the gateway in front of it on loopback, and shows a few requests with their
# answers. Runs until Ctrl-C. With --smoke it checks the answers, stops everything and says how it went.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build
example=$root/deploy/config/quickstart.yaml
port=8080
ecu_port=3001
smoke=no
ready_seconds=15
run_seconds=60
stop_seconds=15
tmp=
ecu_pid=
gateway_pid=
base=
status=
answer=
location=

usage() {
        cat <<TEXT
usage: deploy/quickstart.sh [--smoke] [--port N] [--ecu-port N]

  --port N      port of the gateway (default $port)
  --ecu-port N  port of demo-ecu (default $ecu_port)
  --smoke       use free ports, check the answers, stop, and exit with 0 or 1
TEXT
}

say() {
        printf 'quickstart: %s\n' "$*"
}

fail() {
        printf 'quickstart: %s\n' "$*" >&2
        exit 1
}

is_port() {
        [[ $1 =~ ^[0-9]{1,5}$ ]] && [ "$1" -ge 1 ] && [ "$1" -le 65535 ]
}

parse_arguments() {
        while [ $# -gt 0 ]; do
                case $1 in
                --smoke) smoke=yes ;;
                --port) port=${2-} && shift ;;
                --ecu-port) ecu_port=${2-} && shift ;;
                -h | --help) usage && exit 0 ;;
                *) usage >&2 && exit 2 ;;
                esac
                shift || true
        done
        is_port "$port" || fail "--port needs a number from 1 to 65535"
        is_port "$ecu_port" || fail "--ecu-port needs a number from 1 to 65535"
        [ "$port" != "$ecu_port" ] || fail "--port and --ecu-port have to differ"
}

# ---- build ----

build_release() {
        "$root/deploy/install-deps.sh" build >"$tmp/deps.log" 2>&1 || {
                tail -n 20 "$tmp/deps.log" >&2
                fail "installing the build dependencies failed"
        }
        say "building $build"
        if ! { [ -f "$build/build.ninja" ] || meson setup "$build" "$root" --buildtype=release; } >"$tmp/build.log" 2>&1 ||
                ! ninja -C "$build" >>"$tmp/build.log" 2>&1; then
                tail -n 40 "$tmp/build.log" >&2
                fail "the build failed"
        fi
}

# ---- start and stop ----

# Prints a port of loopback that nobody uses; with an argument, fails when that one is taken.
free_port() {
        python3 - "${1:-0}" <<'PYTHON'
import socket
import sys

with socket.socket() as probe:
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind(('127.0.0.1', int(sys.argv[1])))
    except OSError as error:
        sys.exit(error.strerror)
    print(probe.getsockname()[1])
PYTHON
}

claim_port() {
        local why

        why=$(free_port "$1" 2>&1) || fail "cannot use port $1 for $3 ($why); choose another one with $2 N"
}

is_running() {
        [ -n "$1" ] && kill -0 "$1" 2>/dev/null
}

show_log() {
        printf -- '---- last lines of %s ----\n' "$1"
        tail -n 20 "$tmp/$1.log" 2>/dev/null
        printf -- '----\n'
}

died() {
        show_log "$1" >&2
        fail "$1 has ended by itself, see its last lines above"
}

start_ecu() {
        local deadline=$((SECONDS + ready_seconds)) wanted=$ecu_port

        [ "$smoke" = no ] || wanted=0
        "$build/demo-ecu/demo-ecu" --port "$wanted" >"$tmp/demo-ecu.log" 2>&1 &
        ecu_pid=$!
        until ecu_port=$(sed -nE 's|^demo-ecu: listening on http://[^ /]*:([0-9]+)/.*|\1|p' "$tmp/demo-ecu.log" | head -n 1) && [ -n "$ecu_port" ]; do
                is_running "$ecu_pid" || died demo-ecu
                if [ "$SECONDS" -ge "$deadline" ]; then
                        show_log demo-ecu >&2
                        fail "demo-ecu did not say within $ready_seconds s that it listens"
                fi
                sleep 0.05
        done
}

start_gateway() {
        sed "s|^\( *base_url:\).*|\1 http://127.0.0.1:$ecu_port|" "$example" >"$tmp/gateway.yaml"
        SOVD__SERVER__PORT=$port \
                "$build/sovd-rest/sovd-gatewayd" --config "$tmp/gateway.yaml" >"$tmp/sovd-gatewayd.log" 2>&1 &
        gateway_pid=$!
}

wait_until_ready() {
        local deadline=$((SECONDS + ready_seconds)) code

        until code=$(curl -s -o /dev/null -w '%{http_code}' --max-time 2 "http://127.0.0.1:$port/readyz") && [ "$code" = 200 ]; do
                is_running "$gateway_pid" || died sovd-gatewayd
                is_running "$ecu_pid" || died demo-ecu
                if [ "$SECONDS" -ge "$deadline" ]; then
                        show_log sovd-gatewayd >&2
                        fail "the gateway was not ready within $ready_seconds s (GET /readyz: status $code)"
                fi
                sleep 0.1
        done
        # Another server may answer on this port while ours could not get it.
        is_running "$gateway_pid" || died sovd-gatewayd
}

stop_process() {
        local pid=$1 name=$2 tries=$((stop_seconds * 10))

        is_running "$pid" || return 0
        kill -TERM "$pid" 2>/dev/null || true
        while is_running "$pid" && [ "$tries" -gt 0 ]; do
                sleep 0.1
                tries=$((tries - 1))
        done
        if is_running "$pid"; then
                say "$name did not stop within $stop_seconds s: killed"
                kill -KILL "$pid" 2>/dev/null || true
        else
                say "stopped $name (pid $pid)"
        fi
}

clean_up() {
        trap '' INT TERM
        stop_process "$gateway_pid" sovd-gatewayd
        stop_process "$ecu_pid" demo-ecu
        [ -z "$tmp" ] || rm -rf "$tmp"
}

# ---- requests ----

# request METHOD PATH [BODY]: sets status, answer (the body) and location.
request() {
        local arguments=(-s --max-time 20 -X "$1" -o "$tmp/body" -D "$tmp/head" -w '%{http_code}')

        [ $# -lt 3 ] || arguments+=(-H 'Content-Type: application/json' -d "$3")
        : >"$tmp/body"
        : >"$tmp/head"
        status=$(curl "${arguments[@]}" "$2") || true
        answer=$(cat "$tmp/body")
        location=$(sed -n 's/\r$//; s/^[Ll]ocation: *//p' "$tmp/head")
        case $location in
        /*) location=http://127.0.0.1:$port$location ;;
        esac
}

# show METHOD PATH [BODY]: prints the command as one would type it, and what really came back.
show() {
        local command="curl -s"

        [ "$1" = GET ] || command+=" -i -X $1"
        [ $# -lt 3 ] || command+=" -H 'Content-Type: application/json' -d '$3'"
        printf '\n$ %s %s\n' "$command" "$2"
        request "$@"
        [ "$1" = GET ] || tr -d '\r' <"$tmp/head"
        printf '%s\n' "$answer"
}

# check WHAT CONDITION: CONDITION is Python over the answer's JSON, d. Decides only with --smoke.
check() {
        [ "$smoke" = yes ] || return 0
        if ! printf '%s' "$answer" | python3 -c "import json, sys; d = json.load(sys.stdin); sys.exit(0 if ($2) else 1)" 2>"$tmp/why"; then
                tail -n 1 "$tmp/why" >&2
                show_log sovd-gatewayd >&2
                fail "smoke test failed: $1; status $status, answer: $answer"
        fi
        say "ok: $1"
}

expect_status() {
        [ "$smoke" = yes ] && [ "$status" != "$1" ] || return 0
        is_running "$gateway_pid" || died sovd-gatewayd
        show_log sovd-gatewayd >&2
        fail "smoke test failed: $2: status $status instead of $1, answer: $answer"
}

execution_status() {
        printf '%s' "$answer" | python3 -c 'import json, sys; print(json.load(sys.stdin)["status"])' 2>/dev/null
}

show_components() {
        show GET "$base/components"
        expect_status 200 "GET components"
        check "both components are listed" "{'bms', 'climate'} <= {c['id'] for c in d['items']}"
}

show_data() {
        show GET "$base/components/bms/data"
        expect_status 200 "GET data"
        check "bms offers data" "len(d['items']) > 0 and all(i['id'] for i in d['items'])"
        show GET "$base/components/bms/data/soc"
        expect_status 200 "GET data/soc"
        check "the value read is a number" "any(type(v) in (int, float) for v in
                (d.get('data'), d.get('value'), d['data'].get('value') if isinstance(d.get('data'), dict) else None))"
}

show_self_test() {
        local deadline=$((SECONDS + run_seconds)) execution

        show POST "$base/components/bms/operations/self-test/executions" '{}'
        expect_status 202 "POST executions"
        execution=$location
        if [ -z "$execution" ]; then
                [ "$smoke" = no ] || fail "smoke test failed: POST executions answered without Location"
                return 0
        fi
        request GET "$execution"
        while [ "$status" = 200 ] && [ "$(execution_status)" = running ] && [ "$SECONDS" -lt "$deadline" ]; do
                sleep 0.2
                request GET "$execution"
        done
        show GET "$execution"
        expect_status 200 "GET execution"
        check "the self-test ran to its end" "d['status'] == 'completed' or d['status'] == 'failed' and d.get('error')"
}

# ---- main ----

show_requests() {
        show_components
        show_data
        show_self_test
        printf '\n'
}

print_urls() {
        cat <<TEXT

  gateway   $base
  ready?    http://127.0.0.1:$port/readyz
  demo-ecu  http://127.0.0.1:$ecu_port/sovd/v1
  logs      $tmp/sovd-gatewayd.log
            $tmp/demo-ecu.log
TEXT
}

run_until_end() {
        say "running; Ctrl-C stops it"
        trap 'say "stopping"; exit 0' INT TERM
        wait -n "$ecu_pid" "$gateway_pid" || true
        is_running "$gateway_pid" || died sovd-gatewayd
        # Losing the ECU is worth seeing: the gateway goes on and says so.
        say "demo-ecu has ended; the gateway goes on without it. To start it again:"
        say "  $build/demo-ecu/demo-ecu --port $ecu_port"
        wait "$gateway_pid" || true
        died sovd-gatewayd
}

main() {
        parse_arguments "$@"
        tmp=$(mktemp -d)
        trap clean_up EXIT
        trap 'exit 130' INT
        trap 'exit 143' TERM
        if [ "$smoke" = yes ]; then
                port=$(free_port)
        else
                claim_port "$port" --port "the gateway"
                claim_port "$ecu_port" --ecu-port demo-ecu
        fi
        build_release
        start_ecu
        start_gateway
        wait_until_ready
        base=http://127.0.0.1:$port/sovd/v1
        print_urls
        show_requests
        if [ "$smoke" = yes ]; then
                say "smoke test passed"
        else
                run_until_end
        fi
}

main "$@"
