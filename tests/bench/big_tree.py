#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures what a big tree costs: GET /components and the lookup of one, with 10 and with 10,000 components.

A server in this process offers them and is asked during discovery only. It asserts no figure, but fails when an answer was
not 200.
"""
import argparse
import http.client
import http.server
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests' / 'support'))
from polling import wait_until


def offer(n):
    """A SOVD server with n components; returns it, listening."""
    listed = json.dumps({'items': [{'id': f'ecu-{i:05}', 'name': f'Control unit {i}', 'href': f'/sovd/v1/components/ecu-{i:05}',
                                    'tags': [f'zone-{i % 10}']} for i in range(n)]}).encode()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = 'HTTP/1.1'
        disable_nagle_algorithm = True

        def do_GET(self):
            path = self.path.removeprefix('/sovd/v1')
            name = path.rsplit('/', 1)[1]
            body = listed if path == '/components' else b'{"items":[]}' if path.count('/') == 1 else json.dumps(
                {'id': name, 'name': name, 'data': self.path + '/data', 'faults': self.path + '/faults'}).encode()
            self.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s' % (len(body), body))

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


class Gateway:
    def __init__(self, binary, upstream, folder):
        self.log = pathlib.Path(folder) / 'log'
        config = pathlib.Path(folder) / 'gateway.yaml'
        config.write_text(json.dumps({'server': {'port': 0}, 'backends': [
            {'name': 'big', 'base_url': f'http://127.0.0.1:{upstream.server_port}', 'refresh_secs': 3600}]}))
        self.process = subprocess.Popen([str(binary), '--config', str(config)], stdin=subprocess.DEVNULL, stderr=open(self.log, 'wb'))

    def wait(self, pattern, timeout=120):
        found = wait_until(lambda: re.search(pattern, self.log.read_text()), timeout)
        if not found:
            raise SystemExit(f'{pattern!r} was not said:\n{self.log.read_text()}')
        return found

    def memory(self, key='VmRSS'):
        return int(re.search(rf'{key}:\s+(\d+)', pathlib.Path(f'/proc/{self.process.pid}/status').read_text())[1])

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


def timed(connection, path):
    started = time.perf_counter()
    connection.request('GET', path)
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise SystemExit(f'{path} answered {answer.status}')
    return (time.perf_counter() - started) * 1e3, len(body)


def load(port, path, seconds):
    """Requests per second of one connection, by wrk."""
    text = subprocess.run(['wrk', '-t1', '-c1', f'-d{seconds}s', f'http://127.0.0.1:{port}{path}'], check=True, capture_output=True, text=True).stdout
    if 'Non-2xx' in text:
        raise SystemExit(f'{path} failed:\n{text}')
    return float(re.search(r'Requests/sec:\s+([\d.]+)', text)[1])


def measure(binary, n, seconds):
    upstream = offer(n)
    with tempfile.TemporaryDirectory(prefix='big') as folder:
        gateway = Gateway(binary, upstream, folder)
        try:
            port = int(gateway.wait(r'listening on http://[^:]+:(\d+)')[1])
            gateway.wait("backend 'big' was read")
            idle, peak = gateway.memory(), gateway.memory('VmHWM')
            connection = http.client.HTTPConnection('127.0.0.1', port, timeout=60)
            rows = [timed(connection, '/sovd/v1/components') for _ in range(20)]
            listed = gateway.memory(), gateway.memory('VmHWM')
            document = timed(connection, '/sovd/v1/components/docs')
            described = gateway.memory(), gateway.memory('VmHWM')
            lookup = load(port, f'/sovd/v1/components/ecu-{n - 1:05}', seconds)
            own = load(port, '/sovd/v1/version-info', seconds)
        finally:
            gateway.stop()
            upstream.shutdown()
    # (resident, highest so far): discovery of 10,000 entities takes more at its height than a list does.
    return {'components': n, 'idle_kib': (idle, peak), 'list_ms': round(statistics.median(row[0] for row in rows), 2), 'list_bytes': rows[0][1],
            'after_lists_kib': listed, 'docs_ms': round(document[0], 2), 'docs_bytes': document[1], 'after_docs_kib': described,
            'lookup_per_s': round(lookup), 'version_info_per_s': round(own)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--binary', default=str(ROOT / 'build' / 'sovd-rest' / 'sovd-gatewayd'))
    parser.add_argument('--seconds', type=int, default=3)
    parser.add_argument('--rounds', type=int, default=3)
    options = parser.parse_args()
    if not shutil.which('wrk') or not os.access(options.binary, os.X_OK):
        sys.exit('wrk and a release build are needed')
    for _ in range(options.rounds):
        for n in 10, 10000:
            print(json.dumps(measure(options.binary, n, options.seconds)), flush=True)


if __name__ == '__main__':
    main()
