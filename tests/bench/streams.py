#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures event streams: many cyclic subscriptions at 1 Hz, one stream each, on a simulated vehicle.

Delivery delay is from the timestamp inside of the event (when the value had been read) to its arrival here, on the same
machine and clock. Memory is the growth of resident memory from idle, by what was added: subscriptions first, then their
streams. It asserts no figure; it fails when a stream ends early or events are missing.
"""
import argparse
import datetime
import json
import os
import pathlib
import re
import resource
import selectors
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests' / 'support'))
from polling import wait_until

CLOCK_TICKS = os.sysconf('SC_CLK_TCK')
STAMP = re.compile(rb'"timestamp":"([^"]+)"')
LISTENING = re.compile(r'listening on https?://[^ ]*:(\d+)/')


class BenchError(Exception):
    pass


def pinned(cpu, command):
    cpus = sorted(os.sched_getaffinity(0))
    return command if len(cpus) < 2 else ['taskset', '-c', str(cpus[cpu]), *command]


class Gateway:
    def __init__(self, build, folder, count, tls):
        self.context, server = None, {'port': 0}
        if tls:
            certificate, key = f'{folder}/c.pem', f'{folder}/k.pem'
            subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
                            '-days', '2', '-subj', '/CN=bench', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key,
                            '-out', certificate], check=True, capture_output=True)
            server['tls'] = {'certificate': certificate, 'key': key}
            self.context = ssl.create_default_context(cafile=certificate)
        limits = {name: count + 10 for name in ('streams', 'streams_per_client', 'subscriptions', 'subscriptions_per_client')}
        config = pathlib.Path(folder) / 'bench.json'
        config.write_text(json.dumps({'server': server, 'limits': limits, 'events': {'normal_secs': 1}}))
        self.log = pathlib.Path(folder) / 'log'
        with open(self.log, 'wb') as output:
            self.process = subprocess.Popen(pinned(0, [str(build / 'sovd-rest' / 'sovd-gatewayd'), '--config', str(config), '--demo']),
                                            stdin=subprocess.DEVNULL, stderr=output)
        found = wait_until(lambda: LISTENING.search(self.log.read_text()), 10)
        if not found:
            raise BenchError('the gateway did not start: ' + self.log.read_text())
        self.base = f'http{"s" if tls else ""}://127.0.0.1:{found[1]}'
        self.port = int(found[1])

    def ask(self, path, body=None):
        request = urllib.request.Request(self.base + path, json.dumps(body).encode() if body else None,
                                         {'Content-Type': 'application/json'} if body else {})
        with urllib.request.urlopen(request, context=self.context) as answer:
            return answer.read()

    def metrics(self):
        rows = (line.rsplit(' ', 1) for line in self.ask('/metrics').decode().splitlines() if line and line[0] != '#')
        return {name: float(value) for name, value in rows}

    def rss(self):
        return int(re.search(r'VmRSS:\s+(\d+)', pathlib.Path(f'/proc/{self.process.pid}/status').read_text())[1])

    def cpu(self):
        fields = pathlib.Path(f'/proc/{self.process.pid}/stat').read_text().rsplit(')', 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


def subscribe(gateway, count):
    paths = []
    for _ in range(count):
        body = {'resource': 'data/soc', 'interval': 'normal', 'duration': 3600}
        uri = json.loads(gateway.ask('/sovd/v1/components/bms/cyclic-subscriptions', body))['event_source']
        paths.append(uri[uri.index('/sovd/v1'):])
    return paths


def open_streams(gateway, paths):
    streams = []
    for path in paths:
        connection = socket.create_connection(('127.0.0.1', gateway.port), 20)
        if gateway.context:
            connection = gateway.context.wrap_socket(connection, server_hostname='127.0.0.1')
        connection.sendall(f'GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n'.encode())
        connection.setblocking(False)
        streams.append(connection)
    return streams


def receive(connection):
    data = b''
    while True:
        try:
            part = connection.recv(65536)
        except (BlockingIOError, ssl.SSLWantReadError):
            return data
        if not part:
            raise BenchError('a stream ended early')
        data += part


def listen(streams, seconds, delays=None):
    """Reads all streams for so long; delays gets a row per event."""
    selector = selectors.DefaultSelector()
    for connection in streams:
        selector.register(connection, selectors.EVENT_READ)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for ready, _ in selector.select(0.1):
            data = receive(ready.fileobj)
            now = time.time()
            for stamp in STAMP.findall(data) if delays is not None else ():
                made = datetime.datetime.fromisoformat(stamp.decode().replace('Z', '+00:00')).timestamp()
                delays.append((now - made) * 1e3)
    selector.close()


def measure(options, tls):
    with tempfile.TemporaryDirectory() as folder:
        gateway = Gateway(options.build_dir, folder, options.count, tls)
        try:
            for _ in range(40):
                gateway.ask('/healthz')
            idle = gateway.rss()
            paths = subscribe(gateway, options.count)
            wait_until(lambda: gateway.metrics()['sovd_readings_total'] >= 34 * options.count, 120, 1)  # every ring is full
            subscribed = gateway.rss()
            streams = open_streams(gateway, paths)
            listen(streams, 5)
            opened = gateway.rss()
            before, cpu, delays = gateway.metrics(), gateway.cpu(), []
            listen(streams, options.seconds, delays)
            used, after = gateway.cpu() - cpu, gateway.metrics()
            delays.sort()
            expected = options.count * options.seconds
            if len(delays) < expected * 0.95:
                raise BenchError(f'{len(delays)} of {expected} events arrived')
            return {'transport': 'tls' if tls else 'plain', 'streams': options.count, 'events': len(delays),
                    'p50_ms': delays[len(delays) // 2], 'p99_ms': delays[len(delays) * 99 // 100], 'max_ms': delays[-1],
                    'cpu_us_per_event': used / len(delays) * 1e6,
                    'kib_per_subscription': (subscribed - idle) / options.count, 'kib_per_stream': (opened - subscribed) / options.count,
                    'connections_held': after['sovd_http_connections'] - 1, 'open': after['sovd_streams'],
                    'skipped': after['sovd_readings_skipped_total'] - before['sovd_readings_skipped_total'],
                    'gaps': after['sovd_stream_gaps_total'] - before['sovd_stream_gaps_total']}
        finally:
            gateway.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--build-dir', type=pathlib.Path, default=ROOT / 'build')
    parser.add_argument('--count', type=int, default=1000)
    parser.add_argument('--seconds', type=int, default=20)
    options = parser.parse_args()
    options.build_dir = options.build_dir.resolve()
    resource.setrlimit(resource.RLIMIT_NOFILE, (options.count + 200, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    try:
        for tls in False, True:
            for name, value in measure(options, tls).items():
                print(f'{name:22} {value if isinstance(value, str) else round(value, 3)}')
            print()
    except BenchError as error:
        sys.exit(f'bench: {error}')


if __name__ == '__main__':
    main()
