#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures data/subscribe: an app publishes a value, and the time until the event is at the last of its readers.

It asserts no figure; it fails when a change does not arrive.
"""
import argparse
import pathlib
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / 'tests' / 'support'))
import events
import gateway
import native
from polling import wait_until

PATH = '/sovd/v1/apps/nav/data/subscribe?snapshot=true&interval=slow'
GAP_SECONDS = 0.012  # a value is read every 10 ms at most


def measure(readers, changes):
    with tempfile.TemporaryDirectory() as folder:
        socket = pathlib.Path(folder) / 'apps.sock'
        limits, times = {'streams_per_client': readers, 'streams': readers}, {'readers': readers}
        with gateway.Gateway(native=native.section(socket, 'apps/nav'), limits=limits, events=times) as server, \
                native.App(socket, {'data': [{'id': 'n', 'name': 'n', 'published': True}]}) as app:
            app.ask('publish', values={'n': 0})
            streams = [events.Stream(events.connect(server), PATH) for _ in range(readers)]
            for stream in streams:
                stream.take(2)
            delays = []
            for value in range(1, changes + 1):
                begun = time.monotonic()
                app.send('publish', values={'n': value})
                for stream in reversed(streams):
                    if stream.next().data['data'] != value:
                        raise SystemExit('a change did not arrive')
                delays.append(1000 * (time.monotonic() - begun))
                wait_until(lambda due=begun + GAP_SECONDS: time.monotonic() >= due, 1, 0.001)
            resident = server.metrics()['process_resident_memory_bytes'] / 1e6
            for stream in streams:
                stream.close()
    return sorted(delays), resident


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--readers', type=int, nargs='+', default=[1, 100, 500])
    parser.add_argument('--changes', type=int, default=300)
    arguments = parser.parse_args()
    for readers in arguments.readers:
        delays, resident = measure(readers, arguments.changes)
        n = len(delays)
        print(f'{readers} readers: p50 {delays[n // 2]:.2f} ms, p99 {delays[n * 99 // 100]:.2f} ms at the last one; '
              f'{resident:.1f} MB resident')


if __name__ == '__main__':
    main()
