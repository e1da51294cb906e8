#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures the path of faults: reports of native apps until they are durable, lists of many stored faults, and the start.

Reports: fault_load (built beside the gateway) is many apps with many faults; each fault has one report under way, failed and
passed in turn, so that each report changes a stored row and adds an event. Counted is what was acknowledged, which is after
the commit. Lists: pages of 50 by HTTP on one connection, newest first, of faults worse than WARN whose test fails now (1 in 10), each page from where the one before ended. Start: from exec to the first 200 of /readyz. Nothing
is asserted but that answers are good."""
import argparse
import concurrent.futures
import http.client
import json
import os
import pathlib
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests' / 'support'))
import gateway
import native

CLOCK_TICKS = os.sysconf('SC_CLK_TCK')
APPS = 1
PAGE = '/sovd/v1/apps/load0/faults?severity=3&status[testFailed]=1&limit=50'
ABOUT = '{"code":"%s","name":"The name of a fault, of usual length","severity":%d,"scope":"main","tags":["bench"]}'
FAILING, PASSED = 0x2f, 0x2a


class Run:
    """A gateway with its state in a folder."""

    def __init__(self, folder, apps):
        self.state, self.socket = folder / 'state', folder / 'apps.sock'
        self.state.mkdir(exist_ok=True)
        section = native.section(self.socket, *[f'apps/load{i}' for i in range(apps)], frames_per_sec=1000000,
                                 max_connections=max(apps, 64))
        self.settings = {'native': section, 'storage': {'path': str(self.state)}, 'limits': {'fault_definitions': 100000, 'fault_reports_per_sec': 0, 'fault_events_per_sec': 0},
                         'history': {'faults_max': 2000000, 'events_max': 4000000}}
        self.gateway = None

    def start(self):
        self.gateway = gateway.Gateway(**self.settings, ready=False)
        connection = http.client.HTTPConnection('127.0.0.1', self.gateway.port)
        status = 0
        while status != 200:
            connection.request('GET', '/readyz')
            answer = connection.getresponse()
            status = answer.status
            answer.read()
        connection.close()
        return time.monotonic() - self.gateway.started

    def cpu(self):
        fields = pathlib.Path(f'/proc/{self.gateway.process.pid}/stat').read_text().rsplit(')', 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


def reports(build, apps, faults, seconds):
    with tempfile.TemporaryDirectory(prefix='bench') as folder:
        run = Run(pathlib.Path(folder), apps)
        run.start()
        before, commits = run.cpu(), run.gateway.metrics()['sovd_storage_commits_total']
        output = subprocess.run([str(build / 'tests' / 'bench' / 'fault_load'), str(run.socket), str(apps), str(faults), str(seconds)],
                                stdout=subprocess.PIPE, check=True).stdout
        cpu = run.cpu() - before
        commits = run.gateway.metrics()['sovd_storage_commits_total'] - commits
        run.gateway.stop()
    result = json.loads(output)
    if result['refused'] or not result['reports']:
        raise SystemExit(f'reports were refused: {result}')
    return {'apps': apps, 'faults': faults, **result, 'cpu_us': cpu / result['reports'] * 1e6,
            'commits_per_second': commits / result['seconds'], 'changes_per_commit': result['reports'] / commits}


def fill(path, count):
    """Rows as the fault manager writes them, behind its back."""
    source = random.Random(1)

    def rows():
        for i in range(count):
            code, severity = f'F{i:07d}', i % 4 + 1
            status = FAILING if source.random() < 0.2 else PASSED
            usec = 1700000000000000 + source.randrange(10**12)
            yield (f'apps/load{i % APPS}', code, ABOUT % (code, severity), severity, 'main', status, 3, 1, 0, usec, usec,
                   '{"voltage":12.5}', '{"voltage":11.9}')
    database = sqlite3.connect(path)
    database.executemany('INSERT INTO fault(entity, code, about, severity, scope, status, occurrences, failed_cycles, passed_cycles, '
                         'first_usec, last_usec, first_frame, last_frame) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)', rows())
    database.commit()
    database.close()


def read_pages(run, n):
    """Milliseconds of n pages, and how many faults they had."""
    connection = http.client.HTTPConnection('127.0.0.1', run.gateway.port)
    times, found, path = [], 0, PAGE
    for _ in range(n):
        started = time.perf_counter()
        connection.request('GET', path)
        answer = connection.getresponse()
        body = answer.read()
        times.append((time.perf_counter() - started) * 1e3)
        if answer.status != 200:
            raise SystemExit(f'{path}: {answer.status} {body!r}')
        found += len(json.loads(body)['items'])
        link = answer.headers['Link']
        path = '/' + link.split('>')[0].split('//', 1)[-1].split('/', 1)[1] if link else PAGE
    connection.close()
    return sorted(times), found


def behind(run):
    return 'sovd_fault_cycles_behind 0' not in run.gateway.bare('GET', '/metrics').body.decode()


def after_reboot(run, readers):
    """The first start of another boot begins an operation cycle, which all stored faults here follow, while so many clients read
    pages; also with a stop at once."""
    database = sqlite3.connect(run.state / 'state.db')
    database.execute("UPDATE fault_cycle SET mark='another boot' WHERE kind='power'")
    database.commit()
    database.close()
    os.sync()  # what was prepared is not to be written by the gateway's first fsync
    start = run.start()
    began = time.monotonic()
    run.gateway.stop()
    stop = time.monotonic() - began
    run.start()
    began = time.monotonic()
    before, slowest = run.cpu(), 0
    with concurrent.futures.ThreadPoolExecutor(readers) as pool:
        while behind(run):
            slowest = max(slowest, *(times[-1] for times, _ in pool.map(read_pages, [run] * readers, [10] * readers)))
    result = {'reboot_start_ms': start * 1e3, 'stop_at_once_ms': stop * 1e3, 'follow_s': time.monotonic() - began,
              'follow_cpu_s': run.cpu() - before, 'slowest_page_meanwhile_ms': slowest,
              'rss_mb': int(next(l for l in open(f'/proc/{run.gateway.process.pid}/status') if l.startswith('VmRSS')).split()[1]) / 1024}
    run.gateway.stop()
    return result


def stored(count, pages, readers):
    with tempfile.TemporaryDirectory(prefix='bench') as folder:
        run = Run(pathlib.Path(folder), APPS)
        run.start()
        run.gateway.stop()
        fill(run.state / 'state.db', count)
        os.sync()
        size = (run.state / 'state.db').stat().st_size
        starts = []
        for _ in range(7):
            starts.append(run.start())
            run.gateway.stop()
        reboot = after_reboot(run, readers)
        run.start()
        read_pages(run, 20)
        before = run.cpu()
        times, found = read_pages(run, pages)
        cpu = run.cpu() - before
        if run.gateway.bare('DELETE', '/sovd/v1/apps/load0/faults/F0000000').status != 204:  # what the start has to take in
            raise SystemExit('a fault cannot be cleared')
        run.gateway.process.kill()
        run.gateway.ended()
        after_kill = run.start()
        run.gateway.stop()
    return reboot | {'stored': count, 'file_mb': size / 1e6, 'start_ms': statistics.median(starts) * 1e3, 'start_after_kill_ms': after_kill * 1e3,
            'faults_of_a_page': found / pages, 'cpu_ms_of_a_page': cpu / pages * 1e3, 'p50_ms': times[len(times) // 2], 'p99_ms': times[len(times) * 99 // 100]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--build-dir', type=pathlib.Path, default=ROOT / 'build')
    parser.add_argument('--seconds', type=float, default=5)
    parser.add_argument('--pages', type=int, default=500)
    parser.add_argument('--readers', type=int, default=1, help='clients that read while the faults follow a cycle')
    parser.add_argument('--stored', type=int, nargs='*', default=[1000, 1000000])
    parser.add_argument('--load', nargs='*', default=['1x1', '4x8', '32x32'], help='apps x faults')
    options = parser.parse_args()
    os.environ['SOVD_BUILD_DIR'] = str(options.build_dir.resolve())
    for load in options.load:
        apps, faults = map(int, load.split('x'))
        print(json.dumps(reports(options.build_dir, apps, faults, options.seconds)), flush=True)
    for count in options.stored:
        print(json.dumps(stored(count, options.pages, options.readers)), flush=True)


if __name__ == '__main__':
    main()
