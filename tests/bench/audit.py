#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the audit log costs: the same change asked for by 64 connections, with the log and without it, one after the other.

Each round starts a gateway with the simulated vehicle and a state on the disk. It asserts no figure; it fails when an answer was not
2xx, and when an answered change has no outcome in the log."""
import argparse
import json
import os
import pathlib
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests' / 'support'))
import gateway

TICKS = os.sysconf('SC_CLK_TCK')
SCRIPT = '''wrk.method = "PUT"
wrk.body = '{"data": 4}'
wrk.headers["Content-Type"] = "application/json"
'''


class Demo(gateway.Gateway):
    """With the simulated vehicle."""

    def __init__(self, **sections):
        file = pathlib.Path(tempfile.mkdtemp(prefix='bench')) / 'gateway.yaml'
        file.write_text(json.dumps(self.settings(**sections)), encoding='utf-8')
        super().__init__(arguments=['--demo', '--config', str(file)])
        file.unlink()
        file.parent.rmdir()


def cpu_seconds(pid):
    fields = pathlib.Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def load(port, path, connections, seconds, folder):
    script = folder / 'put.lua'
    script.write_text(SCRIPT)
    text = subprocess.run(['wrk', '-t1', f'-c{connections}', f'-d{seconds}s', '--latency', '-s', str(script), f'http://127.0.0.1:{port}{path}'],
                          capture_output=True, text=True, check=True).stdout
    if 'Non-2xx' in text or 'Socket errors' in text:
        raise SystemExit(text)
    return int(re.search(r'(\d+) requests in', text)[1]), text


def percentile(text, which):
    value, unit = re.search(rf'{which}%\s+([\d.]+)(us|ms|s)', text).groups()
    return float(value) * {'us': 1e-3, 'ms': 1, 's': 1e3}[unit]


def run(enabled, args):
    with tempfile.TemporaryDirectory(prefix='bench', dir=args.folder) as name:
        folder = pathlib.Path(name)
        (folder / 'state').mkdir()
        sections = {'storage': {'path': str(folder / 'state')}, 'audit': {'enabled': enabled, 'max_bytes': 1 << 36},
                    'limits': {'connections': args.connections + 8}}
        with Demo(**sections) as server:
            load(server.port, args.path, args.connections, 1, folder)
            before, metrics = cpu_seconds(server.process.pid), server.metrics()
            n, text = load(server.port, args.path, args.connections, args.seconds, folder)
            cpu, after = cpu_seconds(server.process.pid) - before, server.metrics()
        commits = after['sovd_storage_commits_total'] - metrics['sovd_storage_commits_total']
        row = {'audit': enabled, 'per_second': round(n / args.seconds), 'cpu_us': round(cpu / n * 1e6, 1),
               'p50_ms': percentile(text, 50), 'p99_ms': percentile(text, 99), 'per_commit': round(n / commits, 1) if commits else 0}
        if enabled:
            with sqlite3.connect(folder / 'state' / 'state.db') as database:
                told, = database.execute("SELECT count(*) FROM audit_entry WHERE ev='request.outcome'").fetchone()
            if told < n:
                raise SystemExit(f'{n} changes were answered, and {told} have an outcome')
        return row


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--connections', type=int, default=64)
    parser.add_argument('--seconds', type=int, default=5)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--path', default='/sovd/v1/components/climate/data/fan-level')
    parser.add_argument('--folder', help='where the states are; default: that of temporary files')
    args = parser.parse_args()
    rows = [run(enabled, args) for _ in range(args.rounds) for enabled in (False, True)]
    for row in rows:
        print(json.dumps(row))
    of = {enabled: statistics.median(row['cpu_us'] for row in rows if row['audit'] == enabled) for enabled in (False, True)}
    print(f'the log costs {of[True] - of[False]:.1f} us CPU for each change')


if __name__ == '__main__':
    main()
