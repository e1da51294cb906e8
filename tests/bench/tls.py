#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures TLS with client certificates: what a new connection costs, and certificates that are rotated under load.

Clients and gateway are on this machine; the clients are Python and slower than the gateway, so its CPU per connection is the figure
that means something. It fails when a request fails.
"""
import argparse
import os
import pathlib
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests' / 'support'))
import certificates
import gateway
import polling
import rotation


def cpu_seconds(server):
    return server.metrics()['process_cpu_seconds_total']


def measured(server, contexts, work, **load):
    """(load, wall seconds, CPU seconds of the gateway) while work() runs."""
    with rotation.Load(server, contexts, **load) as clients:
        n, connections = clients.n, sum(client.n_connections for client in clients.clients)
        begin, cpu = time.monotonic(), cpu_seconds(server)
        work()
        wall, cpu = time.monotonic() - begin, cpu_seconds(server) - cpu
        n, connections = clients.n - n, sum(client.n_connections for client in clients.clients) - connections
    if clients.failures:
        sys.exit(f'{len(clients.failures)} requests failed: {clients.failures[:3]}')
    slowest = max(client.slowest for client in clients.clients)
    return n, connections, wall, cpu, slowest


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--build-dir', default=str(ROOT / 'build'))
    parser.add_argument('--rotations', type=int, default=100)
    parser.add_argument('--seconds', type=float, default=5)
    arguments = parser.parse_args()
    os.environ['SOVD_BUILD_DIR'] = arguments.build_dir
    with tempfile.TemporaryDirectory(prefix='tls') as folder:
        folder, authority = pathlib.Path(folder), certificates.Authority()
        certificate, key = authority.server().write(folder, 'server')
        tls = {'certificate': certificate, 'key': key, 'client_ca': certificates.write(folder / 'ca.pem', authority.pem),
               'require_client_certificate': True, 'watch_secs': 0.05}
        contexts = [certificates.context_of(authority, authority.client(f'client-{i}'), folder) for i in range(2)]
        with gateway.Gateway(server={'tls': tls}, context=contexts[0]) as server:
            for what, load in ('kept connections', {'kept': 4, 'anew': 0}), ('a connection per request', {'kept': 0, 'anew': 4}):
                n, connections, wall, cpu, slowest = measured(server, contexts, lambda: polling.wait_until(lambda: False, arguments.seconds, 0.1), **load)
                print(f'{what}: {n / wall:.0f} requests/s, {connections / wall:.0f} connections/s, {cpu / n * 1e6:.0f} us CPU per request, '
                      f'slowest {slowest * 1e3:.0f} ms')
            n, connections, wall, cpu, slowest = measured(
                server, contexts, lambda: rotation.rotate(server, authority, folder, arguments.rotations))
            print(f'{arguments.rotations} rotations in {wall:.1f} s: {n} requests on {connections} new connections, 0 failed, '
                  f'slowest {slowest * 1e3:.0f} ms')


if __name__ == '__main__':
    main()
