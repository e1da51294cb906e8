#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures what it costs to follow the faults of many entities: readings per second, CPU and memory of the gateway.

A server in this process offers components with two faults each, of which some change all the time. It asserts no figure.
"""
import argparse
import http.server
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests' / 'support'))
from polling import wait_until


def offer(n, flapping):
    """A SOVD server with n components, of which the first `flapping` change a fault with every reading."""
    listed = json.dumps({'items': [{'id': f'ecu-{i:05}', 'name': f'Unit {i}', 'href': f'/sovd/v1/components/ecu-{i:05}'}
                                   for i in range(n)]}).encode()
    reads = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = 'HTTP/1.1'
        disable_nagle_algorithm = True

        def faults(self, name):
            reads[name] = reads.get(name, 0) + 1
            word = 'active' if int(name.rsplit('-', 1)[1]) >= flapping or reads[name] % 2 else 'passive'
            return {'items': [{'code': f'P{k}', 'fault_name': f'Fault {k}', 'severity': 2, 'status': {'aggregatedStatus': word}}
                              for k in range(2)]}

        def do_GET(self):
            path = self.path.removeprefix('/sovd/v1')
            parts = path.strip('/').split('/')
            if path == '/components':
                body = listed
            elif len(parts) == 1:
                body = b'{"items":[]}'
            elif parts[-1] == 'faults':
                body = json.dumps(self.faults(parts[1])).encode()
            else:
                body = json.dumps({'id': parts[1], 'name': parts[1], 'faults': self.path + '/faults'}).encode()
            self.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s' % (len(body), body))

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def cpu_seconds(pid):
    fields = pathlib.Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def resident_kib(pid):
    return int(re.search(r'VmRSS:\s+(\d+)', pathlib.Path(f'/proc/{pid}/status').read_text())[1])


def metrics(port):
    import urllib.request
    text = urllib.request.urlopen(f'http://127.0.0.1:{port}/metrics', timeout=30).read().decode()
    return {name: float(value) for name, value in re.findall(r'^sovd_fault_mirror_(\w+) (\S+)$', text, re.MULTILINE)}


def measure(binary, n, flapping, seconds, mirror):
    upstream = offer(n, flapping)
    with tempfile.TemporaryDirectory(prefix='mirror') as folder:
        log, config = pathlib.Path(folder) / 'log', pathlib.Path(folder) / 'gateway.yaml'
        config.write_text(json.dumps({'server': {'port': 0}, 'storage': {'path': folder}, 'fault_mirror': mirror, 'backends': [
            {'name': 'big', 'base_url': f'http://127.0.0.1:{upstream.server_port}', 'refresh_secs': 3600}]}))
        process = subprocess.Popen([str(binary), '--config', str(config)], stdin=subprocess.DEVNULL, stderr=open(log, 'wb'))
        try:
            port = int(wait_until(lambda: re.search(r'listening on http://[^:]+:(\d+)', log.read_text()), 60)[1])
            if not wait_until(lambda: "backend 'big' was read" in log.read_text(), 120):
                sys.exit(log.read_text())
            if mirror['poll_secs'] and not wait_until(lambda: metrics(port)['readings_total'] > 1.2 * n, 300, 0.5):
                sys.exit('the readings do not come on')
            before, cpu, start = metrics(port), cpu_seconds(process.pid), time.monotonic()
            wait_until(lambda: time.monotonic() - start > seconds, seconds + 1, 0.1)
            after, used, passed = metrics(port), cpu_seconds(process.pid) - cpu, time.monotonic() - start
            memory = resident_kib(process.pid)
        finally:
            process.terminate()
            process.wait(30)
            upstream.shutdown()
    readings = after['readings_total'] - before['readings_total']
    return {'components': n, 'flapping': flapping, **mirror, 'readings_per_s': round(readings / passed, 1),
            'changes_per_s': round((after['changes_total'] - before['changes_total']) / passed, 1), 'cpu_percent': round(100 * used / passed, 2),
            'us_per_reading': round(1e6 * used / readings) if readings else None, 'failed': after['readings_failed_total'], 'rss_kib': memory}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--binary', default=str(ROOT / 'build' / 'sovd-rest' / 'sovd-gatewayd'))
    parser.add_argument('--components', type=int, default=1000)
    parser.add_argument('--seconds', type=int, default=20)
    options = parser.parse_args()
    for flapping, mirror in ((0, {'poll_secs': 0}), (0, {'poll_secs': 5}), (0, {'poll_secs': 5, 'per_sec': 1000}),
                             (options.components // 100, {'poll_secs': 5, 'per_sec': 1000})):
        print(json.dumps(measure(options.binary, options.components, flapping, options.seconds, mirror)), flush=True)


if __name__ == '__main__':
    main()
