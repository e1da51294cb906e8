#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Installs what this project needs from Debian 12, and fetches civetweb's source.
#
#   deploy/install-deps.sh [build] [test] [bench] [fuzz]      default: build
#
# Only missing packages are installed: where all is there, it needs neither network nor root.
# civetweb's source tarball comes by apt, signatures included, from the Debian archive this machine
# is configured for, and has to have the sha256 named in deploy/subprojects/civetweb.wrap.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
wrap=$root/deploy/subprojects/civetweb.wrap
tarballs=$root/deploy/subprojects/packagefiles
suite=bookworm
policy=/usr/sbin/policy-rc.d
policy_is_ours=no
tmp=

build_packages=(gcc libc6-dev meson ninja-build pkg-config xz-utils patch dpkg-dev libcjson-dev libssl-dev
        libcurl4-openssl-dev libjwt-dev libsqlite3-dev libsystemd-dev libyaml-dev python3 curl ca-certificates)
test_packages=(libcmocka-dev openssl git universal-ctags shellcheck python3-cryptography systemd)
bench_packages=(nginx-light wrk)
fuzz_packages=(clang-14 libclang-rt-14-dev)

say() {
        printf 'install-deps: %s\n' "$*"
}

fail() {
        printf 'install-deps: %s\n' "$*" >&2
        exit 1
}

as_root() {
        if [ "$(id -u)" -eq 0 ]; then
                "$@"
        elif command -v sudo >/dev/null; then
                sudo "$@"
        else
                fail "needs root to run: $*"
        fi
}

clean_up() {
        [ "$policy_is_ours" = no ] || as_root rm -f "$policy"
        [ -z "$tmp" ] || rm -rf "$tmp"
}

packages_of() {
        case $1 in
        build) printf '%s\n' "${build_packages[@]}" ;;
        test) printf '%s\n' "${test_packages[@]}" ;;
        bench) printf '%s\n' "${bench_packages[@]}" ;;
        fuzz) printf '%s\n' "${fuzz_packages[@]}" ;;
        *) fail "unknown set '$1' (build, test, bench, fuzz)" ;;
        esac
}

is_installed() {
        dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed
}

# A package may start its service when it is installed. Nothing here is wanted as a service:
# nginx is the yardstick of the benchmark and must not take port 80, neither now nor at the next boot.
forbid_service_starts() {
        [ ! -e "$policy" ] || return 0
        policy_is_ours=yes
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod 755 "$policy"
}

allow_service_starts() {
        [ "$policy_is_ours" = yes ] || return 0
        as_root rm -f "$policy"
        policy_is_ours=no
}

keep_nginx_off() {
        [ -d /run/systemd/system ] || return 0
        as_root systemctl --quiet disable nginx.service || say "could not disable nginx.service"
}

install_missing() {
        local package missing=()

        for package in "$@"; do
                is_installed "$package" || missing+=("$package")
        done
        if [ ${#missing[@]} -eq 0 ]; then
                say "packages: all $# are installed"
                return 0
        fi

        say "installing: ${missing[*]}"
        forbid_service_starts
        as_root apt-get -qq update || say "apt-get update reported an error, trying what is known"
        as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends "${missing[@]}"
        allow_service_starts
        case " ${missing[*]} " in
        *" nginx-light "*) keep_nginx_off ;;
        esac
}

wrap_value() {
        sed -n "s/^$1 *= *//p" "$wrap"
}

has_hash() {
        [ -f "$1" ] && printf '%s  %s\n' "$2" "$1" | sha256sum --check --status
}

# Both filters print deb-src entries of this machine's sources for the one suite we need. With
# which=debian only those whose key or address looks like Debian's archive pass; with which=any all
# do: a mirror may have any name, and apt's signature check and the sha256 decide in the end.
source_lines() {
        awk -v suite="$suite" -v which="$2" '
                /^[ \t]*deb(-src)?[ \t]/ {
                        line = $0
                        sub(/[ \t]*#.*/, "", line)
                        sub(/^[ \t]*deb(-src)?[ \t]+/, "", line)
                        options = ""
                        if (match(line, /^\[[^]]*\][ \t]*/)) {
                                options = substr(line, 1, RLENGTH)
                                line = substr(line, RLENGTH + 1)
                        }
                        n = split(line, word, /[ \t]+/)
                        main = 0
                        for (i = 3; i <= n; i++)
                                if (word[i] == "main")
                                        main = 1
                        if (word[2] != suite || !main || word[1] ~ /^cdrom:/)
                                next
                        signed = options ~ /signed-by=/
                        known = signed ? options ~ /debian-archive/ : word[1] ~ /\/debian(\/|$)/
                        if (which == "any" || known)
                                print "deb-src " options word[1] " " suite " main"
                }' "$1"
}

source_stanzas() {
        awk -v suite="$suite" -v which="$2" '
                function has(text, wanted,   n, i, word) {
                        n = split(text, word, /[ \t\n]+/)
                        for (i = 1; i <= n; i++)
                                if (word[i] == wanted)
                                        return 1
                        return 0
                }
                function flush(   known) {
                        known = ("signed-by" in value) ? value["signed-by"] ~ /debian-archive/ : value["uris"] ~ /\/debian(\/|[ \t\n]|$)/
                        if ((has(value["types"], "deb") || has(value["types"], "deb-src")) && tolower(value["enabled"]) !~ /^(no|false|off|disable|0)$/ &&
                            has(value["suites"], suite) && has(value["components"], "main") && value["uris"] !~ /cdrom:/ &&
                            (which == "any" || known))
                                print "Types: deb-src\nSuites: " suite "\nComponents: main\n" rest
                        split("", value)
                        key = rest = ""
                }
                /^[ \t]*$/ { flush(); next }
                /^#/ { next }
                /^[ \t]/ { value[key] = value[key] "\n" $0 }
                /^[^ \t]/ {
                        key = tolower($0)
                        sub(/[ \t]*:.*/, "", key)
                        text = $0
                        sub(/^[^:]*:[ \t]*/, "", text)
                        value[key] = text
                }
                key !~ /^(types|suites|components)$/ { rest = rest $0 "\n" }
                END { flush() }' "$1"
}

write_sources() {
        local dir=$1 which=$2 list='' parts='' file

        eval "$(apt-config shell list Dir::Etc::sourcelist/f parts Dir::Etc::sourceparts/d)"
        for file in "$list" "$parts"/*.list; do
                [ ! -r "$file" ] || source_lines "$file" "$which"
        done | sort -u >"$dir/civetweb.list"
        for file in "$parts"/*.sources; do
                [ ! -r "$file" ] || source_stanzas "$file" "$which"
        done >"$dir/civetweb.sources"
}

# As root, apt downloads as the user _apt, who has to be able to write to the folder.
lend_to_apt() {
        [ "$(id -u)" -eq 0 ] && id _apt >/dev/null 2>&1 || return 0
        chown -R _apt "$1"
}

# One source format at a time: apt reads a list by the ending of its name.
download_with() {
        local sources=$1 dir=$2
        local options=(-qq -o Dir::Etc::sourcelist="$sources" -o Dir::Etc::sourceparts=/dev/null
                -o Dir::State::Lists="$dir/lists" -o Dir::Cache="$dir/cache" -o Acquire::Languages=none)

        [ -s "$sources" ] || return 1
        rm -rf "$dir/lists" "$dir/cache" "$dir/source"
        mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial" "$dir/source"
        lend_to_apt "$dir"
        # An update may fail for one of several sources; whether the tarball arrives is what counts.
        apt-get "${options[@]}" update || true
        (cd "$dir/source" && apt-get "${options[@]}" source --download-only civetweb)
}

fetch_civetweb() {
        local name hash which sources

        name=$(wrap_value source_filename)
        hash=$(wrap_value source_hash)
        if [ -z "$name" ] || [ -z "$hash" ]; then
                fail "$wrap names no source_filename or source_hash"
        fi
        if has_hash "$tarballs/$name" "$hash"; then
                say "civetweb: $name is there"
                return 0
        fi

        say "civetweb: fetching $name"
        tmp=$(mktemp -d)
        for which in debian any; do
                write_sources "$tmp" "$which"
                for sources in "$tmp/civetweb.sources" "$tmp/civetweb.list"; do
                        download_with "$sources" "$tmp" >>"$tmp/log" 2>&1 || continue
                        has_hash "$tmp/source/$name" "$hash" || continue
                        keep_tarball "$tmp/source/$name" "$tarballs/$name"
                        return 0
                done
        done
        tail -n 20 "$tmp/log" >&2 2>/dev/null || true
        fail "could not fetch $name (sha256 $hash) from the Debian sources of this machine; put it into $tarballs by hand"
}

keep_tarball() {
        mkdir -p "$(dirname "$2")"
        cp "$1" "$2.new.$$"
        chmod 644 "$2.new.$$"
        mv "$2.new.$$" "$2"
        say "civetweb: $(basename "$2") verified"
}

main() {
        local set list=''

        [ $# -gt 0 ] || set -- build
        for set in "$@"; do
                list+=" $(packages_of "$set")"
        done
        trap clean_up EXIT
        # shellcheck disable=SC2086 # package names, one word each
        install_missing $list
        fetch_civetweb
}

main "$@"
