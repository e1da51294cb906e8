#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures the verification of a large audit log: as an export, and as a database. It asserts nothing but the verdict.

usage: SOVD_BUILD_DIR=build tests/bench/audit_verify.py [NUMBER OF ENTRIES]   (default 1000000)
"""
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import audit_tables as tables

DATABASE_ENTRIES = 100000  # they are put together in Python


def used():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def measure(name, path, n):
    cpu, began = used(), time.monotonic()
    done = subprocess.run(['/usr/bin/env', tables.folder() / 'sovd-rest' / 'sovdctl', 'audit', 'verify', '--json', path],
                          stdout=subprocess.PIPE, check=False)
    if done.returncode:
        sys.exit(done.stdout.decode())
    cpu, wall = used() - cpu, time.monotonic() - began
    print(f'{name}: {n} entries, {path.stat().st_size / 1e6:.0f} MB: {wall:.2f} s, {cpu:.2f} s of CPU, {n / cpu:,.0f} entries/s of CPU')


def make(path, n):
    with open(path, 'wb') as out:
        subprocess.run([tables.folder() / 'tests' / 'support' / 'audit-maker', f'n={n}', 'per_epoch=65536', 'per_note=1024'],
                       stdout=out, check=True)
    return path


def main():
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1000000
    with tempfile.TemporaryDirectory(prefix='audit-verify') as name:
        folder = pathlib.Path(name)
        measure('export', make(folder / 'log.ndjson', n), n)
        # Before this process grows: what a child inherits at its start counts too.
        print(f'largest memory: {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:.1f} MB')
        n = min(n, DATABASE_ENTRIES)
        tables.write_database(folder / 'state.db', make(folder / 'small.ndjson', n).read_text())
        measure('database', folder / 'state.db', n)


if __name__ == '__main__':
    main()
