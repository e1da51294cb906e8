#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures pages of faults and an export with few and with many stored faults. It asserts nothing but the answers.

usage: SOVD_BUILD_DIR=build tests/bench/fault_pages.py [NUMBER OF FAULTS ...]   (default 1000 1000000)
"""
import contextlib
import json
import pathlib
import random
import sqlite3
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import gateway
import native

ROUNDS = 300
STATUSES = (0x2f, 0x2f, 0x2e, 0x28, 0x28, 0x28, 0x28, 0x50)
PAGES = {
    'first page of 50': '/apps/nav/faults?limit=50',
    'severity and status, 50': '/apps/nav/faults?limit=50&severity=3&status[testFailed]=1',
    'severity and status, page after page': '/apps/nav/faults?limit=50&severity=3&status[testFailed]=1',
    'the same of the whole vehicle': '/faults?limit=50&severity=3&status[testFailed]=1',
    'tags, 50': '/apps/nav/faults?limit=50&tags=t3',
    'none of those that fail now': '/apps/nav/faults?limit=50&severity=1&status[testFailed]=1',
    'none matches': '/apps/nav/faults?limit=50&scope=nowhere',
}


def rows(n):
    random.seed(1)
    now = int(time.time() * 1e6)
    for i in range(n):
        severity = random.choice((1, 2, 2, 3, 3, 3, 4, 4))
        about = json.dumps({'code': f'C{i}', 'name': f'Fault number {i}', 'severity': severity, 'tags': [f't{i % 10}'], 'scope': 'main'})
        yield ('apps/nav', f'C{i}', about, severity, 'main', random.choice(STATUSES), 3, 0, 1, now - i * 1000 - 5,
               now - random.randrange(n) * 1000, None, None)


def start(folder):
    return gateway.Gateway(native=native.section(f'{folder}/apps.sock', 'apps/nav'), storage={'path': str(folder)},
                           history={'faults_max': 100000000})


def fill(folder, n):
    start(folder).stop()
    with contextlib.closing(sqlite3.connect(f'{folder}/state.db')) as db, db:
        db.executemany('INSERT INTO fault(entity, code, about, severity, scope, status, occurrences, failed_cycles, passed_cycles, '
                       'first_usec, last_usec, first_frame, last_frame) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)', rows(n))


def following(reply, otherwise):
    link = reply.getheader('Link')
    return link.split('/sovd/v1', 1)[1].split('>')[0] if link else otherwise


def ask(connection, path):
    connection.request('GET', '/sovd/v1' + path)
    reply = connection.getresponse()
    reply.read()
    assert reply.status == 200, path
    return reply


def measure(connection, name, path):
    times, now = [], path
    for _ in range(ROUNDS // 10 if name == 'none matches' else ROUNDS):
        begin = time.perf_counter()
        reply = ask(connection, now)
        times.append((time.perf_counter() - begin) * 1e3)
        now = following(reply, path) if 'page after page' in name or 'vehicle' in name else path
    times.sort()
    print(f'  {name:40} median {times[len(times) // 2]:8.2f} ms   p99 {times[len(times) * 99 // 100]:8.2f} ms')


def export(there, connection):
    before = peak = there.metrics()['process_resident_memory_bytes']
    begin, size = time.perf_counter(), 0
    connection.request('GET', '/sovd/v1/export/faults')
    reply = connection.getresponse()
    while part := reply.read(1 << 20):
        if size // (16 << 20) != (size + len(part)) // (16 << 20):
            peak = max(peak, there.metrics()['process_resident_memory_bytes'])
        size, last = size + len(part), part
    assert b'"_end":true' in last
    print(f'  export of {size / 2 ** 20:.0f} MiB: {time.perf_counter() - begin:.1f} s, {(peak - before) / 2 ** 20:.1f} MiB more memory')


def main():
    for n in map(int, sys.argv[1:] or (1000, 1000000)):
        with tempfile.TemporaryDirectory() as folder:
            fill(pathlib.Path(folder), n)
            with start(folder) as there:
                print(f'{n} faults')
                connection = there.connection()
                for name, path in PAGES.items():
                    measure(connection, name, path)
                export(there, connection)


main()
