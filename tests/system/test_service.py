# SPDX-License-Identifier: Apache-2.0
"""The daemon as a service manager sees it: readiness, watchdog, reload, stop."""
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import ecu
import gateway


class Notifications:
    """The socket of a service manager."""

    def __init__(self, folder):
        self.path = folder + '/notify'
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.setblocking(False)
        self.seen = []

    def take(self):
        """All messages so far, as (time, lines)."""
        while True:
            try:
                self.seen.append((time.monotonic(), self.socket.recv(4096).decode().splitlines()))
            except BlockingIOError:
                return self.seen

    def times(self, line):
        return [when for when, lines in self.take() if line in lines]


class ServiceCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='gw')
        self.addCleanup(folder.cleanup)
        self.notify = Notifications(folder.name)
        self.addCleanup(self.notify.socket.close)

    def start(self, *backends, environment=None, **more):
        return gateway.Gateway(*backends, environment={'NOTIFY_SOCKET': self.notify.path, **(environment or {})}, **more)

    def said(self, line, count=1, timeout=15):
        found = gateway.polling.wait_until(lambda: len(self.notify.times(line)) >= count, timeout)
        self.assertTrue(found, f'{line} was not said {count} times: {self.notify.seen}')


class Service(ServiceCase):
    def test_ready_is_said_only_after_the_listener_serves_and_discovery_ran(self):
        with ecu.DemoEcu('--inject', 'delay=1000:/components#1') as slow, self.start(slow, ready=False) as server:
            self.assertEqual(server.bare('GET', '/healthz').status, 200)
            reply = server.get('/readyz')
            self.assertEqual((reply.status, reply.json['vendor_code']), (503, 'overload'))
            self.assertEqual(self.notify.times('READY=1'), [])
            self.said('READY=1')
            self.assertEqual(server.get('/readyz').status, 200)
            self.assertEqual(len(server.get('/components').json['items']), 2)
            self.assertEqual(len(self.notify.times('READY=1')), 1)

    def test_an_ecu_that_is_not_there_does_not_hold_ready_back(self):
        with self.start({'name': 'none', 'base_url': 'http://127.0.0.1:1'}) as server:
            self.said('READY=1')
            self.assertEqual(server.health()['status'], 'degraded')

    def test_the_watchdog_is_fed_at_half_its_time_and_not_before_ready(self):
        with self.start(environment={'WATCHDOG_USEC': '400000'}):
            self.said('WATCHDOG=1', 4)
        times = self.notify.times('WATCHDOG=1')
        self.assertGreater(times[0], self.notify.times('READY=1')[0])

    def test_the_watchdog_is_fed_in_time(self):
        with self.start(environment={'WATCHDOG_USEC': '1000000'}):
            self.said('WATCHDOG=1', 4)
        times = self.notify.times('WATCHDOG=1')
        for before, after in zip(times, times[1:]):
            self.assertLess(after - before, 0.95)

    def test_a_watchdog_of_another_process_is_not_fed(self):
        with self.start(environment={'WATCHDOG_USEC': '200000', 'WATCHDOG_PID': '1'}):
            self.said('READY=1')
            self.assertFalse(gateway.polling.wait_until(lambda: self.notify.times('WATCHDOG=1'), 0.5))

    def test_signals_do_not_starve_the_watchdog(self):
        with self.start(environment={'WATCHDOG_USEC': '1000000'}) as server:
            self.said('READY=1')
            ends = time.monotonic() + 1.5
            gateway.polling.wait_until(lambda: server.signal(signal.SIGHUP) or time.monotonic() > ends, 5, 0.1)
            self.said('WATCHDOG=1', 2, 0)

    def test_stopping_is_said_before_the_end(self):
        with self.start():
            self.said('READY=1')
            self.assertEqual(self.notify.times('STOPPING=1'), [])
        self.assertEqual(len(self.notify.times('STOPPING=1')), 1)

    def test_a_reload_is_said_with_its_beginning_and_its_end(self):
        with self.start() as server:
            self.said('READY=1')
            for settings in gateway.Gateway.settings(), 'bakends: []':
                before = len(self.notify.times('READY=1'))
                server.reload(settings)
                self.said('READY=1', before + 1)
                lines = [line for _, message in self.notify.seen for line in message]
                began = max(i for i, line in enumerate(lines) if line == 'RELOADING=1')
                self.assertTrue(re.fullmatch(r'MONOTONIC_USEC=\d+', lines[began + 1]))
                self.assertIn('READY=1', lines[began:])

    def test_state_is_kept_in_the_folder_of_the_service_unless_the_configuration_names_another(self):
        for named in False, True:
            with self.subTest(named), tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as other:
                with self.start(environment={'STATE_DIRECTORY': f'{folder}:/nowhere'}, **({'storage': {'path': other}} if named else {})) as server:
                    server.reload(server.config.read_text(encoding='utf-8'))
                    self.assertNotIn('after a restart', server.log)
                self.assertEqual([pathlib.Path(path, 'state.db').exists() for path in (folder, other)], [not named, named])

    def test_a_reload_that_was_refused_stands_in_the_status(self):
        with self.start() as server:
            self.said('STATUS=Serving')
            server.reload('bakends: []')
            self.said('STATUS=Serving, with the configuration of before: the new one is not acceptable')
            server.reload(gateway.Gateway.settings())
            self.said('STATUS=Serving', 2)

    def test_a_service_manager_that_is_gone_harms_nothing(self):
        self.notify.socket.close()
        with self.start() as server:
            self.assertEqual(server.get('/components').status, 200)


class Complaints(unittest.TestCase):
    """What is wrong with the configuration, before there is a log."""

    def said(self, stream_of):
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as other, tempfile.TemporaryFile() as said:
            config = pathlib.Path(folder) / 'bad.yaml'
            config.write_text('sarver: {}\n', encoding='utf-8')
            place = os.fstat((said if stream_of == 'itself' else other).fileno())
            done = subprocess.run([str(gateway.binary()), '--config', str(config)], stderr=said, timeout=30,
                                  env=gateway.clean_environment(JOURNAL_STREAM=f'{place.st_dev}:{place.st_ino}'))
            self.assertEqual(done.returncode, 2)
            said.seek(0)
            return said.read().decode().replace(folder, '')

    def test_they_are_errors_in_the_journal(self):
        self.assertEqual(self.said('itself'), "<3>/bad.yaml:1:1: sarver: unknown key; did you mean 'server'?\n")

    def test_they_are_plain_when_only_somebody_before_was_connected_to_the_journal(self):
        self.assertEqual(self.said('another'), "/bad.yaml:1:1: sarver: unknown key; did you mean 'server'?\n")


if __name__ == '__main__':
    unittest.main()
