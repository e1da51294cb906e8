#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures the streams of faults: a native app reports, every stream of the vehicle is told.

Delay is from the moment before the report is written to the app's socket to the arrival of its event at a stream: judging,
the commit to the disk, and this program's reading of all sockets one after the other are in it. Memory is resident memory.
It asserts no figure; it fails when a stream ends early or an event is missing.
"""
import argparse
import json
import pathlib
import resource
import select
import socket
import struct
import subprocess
import sys
import tempfile
import time

import streams
from polling import wait_until

FAULT = {'code': 'GPS_LOST', 'name': 'No position', 'severity': 2, 'scope': 'sensors', 'reports_per_sec': 0}
STREAM = b'GET /sovd/v1/faults/subscribe HTTP/1.1\r\nHost: localhost\r\n\r\n'


class Gateway:
    """The daemon with one native app."""

    def __init__(self, build, folder, count):
        limits = {'fault_events_per_sec': 0, **{name: count + 10 for name in ('streams', 'streams_per_client')}}
        config = {'server': {'port': 0}, 'limits': limits, 'storage': {'path': str(folder)},
                  'native': {'socket': f'{folder}/apps.sock', 'apps': [{'entity': 'apps/nav'}], 'frames_per_sec': 100000}}
        (pathlib.Path(folder) / 'bench.json').write_text(json.dumps(config))
        self.log = pathlib.Path(folder) / 'log'
        with open(self.log, 'wb') as output:
            self.process = subprocess.Popen(streams.pinned(0, [str(build / 'sovd-rest' / 'sovd-gatewayd'), '--config', f'{folder}/bench.json']),
                                            stdin=subprocess.DEVNULL, stderr=output)
        found = wait_until(lambda: streams.LISTENING.search(self.log.read_text()), 10)
        if not found:
            raise streams.BenchError('the gateway did not start: ' + self.log.read_text())
        self.port, self.context = int(found[1]), None
        self.app = socket.socket(socket.AF_UNIX)
        self.app.connect(f'{folder}/apps.sock')
        self.ask({'type': 'hello', 'v': 1, 'entity': 'apps/nav', 'instance': 'bench'})
        self.ask({'type': 'register', 'faults': {'faults': [FAULT]}})
        self.n = 1

    rss, cpu, stop = streams.Gateway.rss, streams.Gateway.cpu, streams.Gateway.stop

    def send(self, frame):
        data = json.dumps({**frame, 'seq': 1}).encode()
        self.app.sendall(struct.pack('>I', len(data)) + data)

    def receive(self):
        """The next frame that is no ping."""
        while True:
            length, = struct.unpack('>I', self.app.recv(4, socket.MSG_WAITALL))
            frame = json.loads(self.app.recv(length, socket.MSG_WAITALL))
            if frame['type'] != 'ping':
                return frame

    def ask(self, frame):
        self.send(frame)
        if (answer := self.receive())['type'] == 'error':
            raise streams.BenchError(answer)

    def report(self):
        """Each is an event: it fails and passes in turn. Returns when it was sent."""
        self.n += 1
        before = time.monotonic()
        self.send({'type': 'fault', 'code': 'GPS_LOST', 'report': 'failed' if self.n % 2 else 'passed', 'n': self.n})
        return before


def open_all(gateway, count):
    connections = []
    for _ in range(count):
        connection = socket.create_connection(('127.0.0.1', gateway.port), 20)
        connection.sendall(STREAM)
        head = b''
        while b'retry' not in head:
            head += connection.recv(4096)
        connection.setblocking(False)
        connections.append(connection)
    return connections


def one_event(gateway, poller, count):
    """Reports once and waits for all: the delays."""
    delays, before = [], gateway.report()
    while len(delays) < count:
        ready = poller.poll(10)
        if not ready:
            raise streams.BenchError(f'{len(delays)} of {count} streams were told')
        for connection in ready:
            data = connection.recv(65536)
            if not data:
                raise streams.BenchError('a stream ended early')
            if b'id: ' in data:  # and no heartbeat
                delays.append((time.monotonic() - before) * 1e3)
    gateway.receive()
    return delays


class Poller:
    """All sockets, by file descriptor: a selector costs more than the reading."""

    def __init__(self, connections):
        self.epoll, self.connections = select.epoll(), {c.fileno(): c for c in connections}
        for number in self.connections:
            self.epoll.register(number, select.EPOLLIN)

    def poll(self, seconds):
        return [self.connections[number] for number, _ in self.epoll.poll(seconds, 256)]


def measure(options, count):
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        gateway = Gateway(options.build_dir, folder, count)
        try:
            for _ in range(10):
                gateway.report()
                gateway.receive()
            idle = gateway.rss()
            connections = open_all(gateway, count)
            poller = Poller(connections)
            for _ in range(5):
                one_event(gateway, poller, count)
            cpu, delays, last = gateway.cpu(), [], []
            for _ in range(options.events):
                delays += (told := one_event(gateway, poller, count))
                last.append(max(told))
            cpu = gateway.cpu() - cpu
            delays.sort()
            return {'streams': count, 'events': options.events, 'p50_ms': delays[len(delays) // 2],
                    'p99_ms': delays[len(delays) * 99 // 100], 'max_ms': delays[-1],
                    'all_told_p50_ms': sorted(last)[len(last) // 2], 'cpu_us_per_stream_and_event': cpu / len(delays) * 1e6,
                    'rss_mib': gateway.rss() / 1024, 'kib_per_stream': (gateway.rss() - idle) / count}
        finally:
            gateway.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--build-dir', type=pathlib.Path, default=streams.ROOT / 'build')
    parser.add_argument('--folder', help='where the state is kept: the disk that is measured')
    parser.add_argument('--counts', type=int, nargs='+', default=[100, 1000, 2000])
    parser.add_argument('--events', type=int, default=100)
    options = parser.parse_args()
    options.build_dir = options.build_dir.resolve()
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(options.counts) + 200, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    try:
        for count in options.counts:
            for name, value in measure(options, count).items():
                print(f'{name:28} {round(value, 3)}')
            print(flush=True)
    except streams.BenchError as error:
        sys.exit(f'bench: {error}')


if __name__ == '__main__':
    main()
