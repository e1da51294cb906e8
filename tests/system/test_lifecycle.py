# SPDX-License-Identifier: Apache-2.0
"""Signals: an orderly stop, and a configuration that is read again."""
import concurrent.futures
import json
import pathlib
import re
import signal
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import ecu
import gateway
import polling

SOC = '/components/bms/data/soc'
HEALTHZ = b'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'
STOP_WITHIN = 5


class LifeCase(polling.Waiting, unittest.TestCase):
    def start_ecu(self, *arguments):
        server = ecu.DemoEcu(*arguments)
        self.addCleanup(server.stop)
        return server

    def start(self, *backends, **sections):
        """A gateway that a test may end itself."""
        server = gateway.Gateway(*backends, **sections)
        self.addCleanup(lambda: server.process.poll() is None and server.stop())
        return server

    def in_background(self, function, *arguments):
        pool = concurrent.futures.ThreadPoolExecutor(1)
        self.addCleanup(pool.shutdown)
        return pool.submit(function, *arguments)

    def ended_well(self, server):
        """Seconds until the process has ended."""
        started = time.monotonic()
        server.check_end(server.ended())
        return time.monotonic() - started


class Stop(LifeCase):
    def test_sigterm_and_sigint_end_it_with_0(self):
        for number in signal.SIGTERM, signal.SIGINT:
            server = self.start()
            server.signal(number)
            self.assertLess(self.ended_well(server), STOP_WITHIN)
            self.assertIn('stopping', server.log)

    def test_a_running_request_is_answered_before_the_end(self):
        slow = self.start_ecu()
        server = self.start(slow)
        slow.inject('delay=1000:/soc')
        running = self.in_background(server.bare, 'GET', gateway.BASE + SOC)
        self.until(lambda: slow.stats()['in_flight'] == 1)
        server.signal(signal.SIGTERM)
        self.assertLess(self.ended_well(server), STOP_WITHIN)
        reply = running.result(10)
        self.assertEqual((reply.status, reply.json['id']), (200, 'soc'))

    def test_idle_connections_are_let_go(self):
        server = self.start(limits={'keep_alive_secs': 300})
        connections = [server.raw() for _ in range(20)]
        for connection in connections[:10]:
            connection.send(HEALTHZ)
            self.assertEqual(connection.reply().status, 200)
        server.signal(signal.SIGTERM)
        self.assertLess(self.ended_well(server), STOP_WITHIN)
        for connection in connections:
            with connection:
                self.assertEqual(connection.rest(), b'')

    def test_half_a_request_does_not_hold_the_stop(self):
        server = self.start(limits={'head_timeout_secs': 60, 'body_timeout_secs': 60})
        parts = (HEALTHZ[:20], b'PUT /sovd/v1/components/x/data/y HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'
                               b'Content-Length: 100\r\n\r\n{')
        connections = [server.raw() for _ in parts]
        for connection, part in zip(connections, parts):
            self.addCleanup(connection.close)
            connection.send(part)
        self.until(lambda: server.metrics()['sovd_http_connections'] == len(parts) + 1)
        server.signal(signal.SIGTERM)
        self.assertLess(self.ended_well(server), STOP_WITHIN)

    def test_a_request_on_a_kept_connection_is_503_while_it_stops(self):
        slow = self.start_ecu()
        server = self.start(slow)
        slow.inject('delay=1500:/soc')
        with server.raw() as connection:
            connection.send(HEALTHZ)
            self.assertEqual(connection.reply().status, 200)
            running = self.in_background(server.bare, 'GET', gateway.BASE + SOC)
            self.until(lambda: slow.stats()['in_flight'] == 1)
            server.signal(signal.SIGTERM)
            server.wait_log('stopping')
            connection.send(HEALTHZ)
            reply = connection.reply()
            self.assertEqual((reply.status, reply.headers['connection'], connection.rest()), (503, 'close', b''))
        gateway.openapi.check_headers(reply, 'while it stops')
        gateway.openapi.check_error(reply, 'while it stops')
        self.ended_well(server)
        self.assertEqual(running.result(10).status, 200)

    def test_an_ecu_that_hangs_does_not_hold_the_stop_beyond_its_timeout(self):
        slow = self.start_ecu()
        server = self.start(gateway.backend_of(slow, timeout_secs=25), limits={'stop_timeout_secs': 1})
        slow.inject('hang:/soc')
        running = self.in_background(server.bare, 'GET', gateway.BASE + SOC)
        self.until(lambda: slow.stats()['in_flight'] == 1)
        server.signal(signal.SIGTERM)
        self.assertLess(self.ended_well(server), STOP_WITHIN)
        self.assertEqual(running.result(10).status, 503)

    def test_a_stop_in_the_middle_of_the_first_discovery_is_orderly(self):
        slow = self.start_ecu('--inject', 'hang')
        server = self.start(gateway.backend_of(slow, timeout_secs=30), ready=False)
        self.until(lambda: slow.stats()['in_flight'] >= 1)
        server.signal(signal.SIGTERM)
        self.assertLess(self.ended_well(server), STOP_WITHIN)


class Reload(LifeCase):
    def setUp(self):
        self.ecu = self.start_ecu()
        self.server = self.start(self.ecu)

    def settings(self, *backends, **sections):
        return gateway.Gateway.settings(*backends, **sections)

    def names(self):
        return [entry['name'] for entry in self.server.health()['backends']]

    def test_the_log_level_changes(self):
        self.server.get(SOC)
        self.assertNotIn('debug', self.server.log)
        self.server.reload(self.settings(self.ecu, logging={'level': 'debug'}))
        self.server.get(SOC)
        self.server.wait_log(r'debug GET /sovd/v1/components/bms/data/soc -> 200')

    def test_backends_come_and_go_and_unchanged_ones_stay_connected(self):
        other = self.start_ecu('--seed', '7')
        first = gateway.backend_of(self.ecu)
        seen = self.server.backend()['calls']
        self.server.get(SOC)
        self.server.reload(self.settings(first, gateway.backend_of(other, 'other')))
        self.assertEqual(self.names(), ['demo', 'other'])
        self.assertGreater(self.server.backend()['calls'], seen)
        self.until(lambda: self.server.backend('other')['connection'] == 'connected')
        self.server.reload(self.settings(gateway.backend_of(other, 'other')))
        self.assertEqual(self.names(), ['other'])
        self.until(lambda: self.server.get(SOC).status == 200)
        self.server.reload(self.settings())
        self.assertEqual((self.names(), self.server.get('/components').json), ([], {'items': []}))

    def test_a_backend_with_other_options_is_made_anew(self):
        self.server.get(SOC)
        self.server.reload(self.settings(gateway.backend_of(self.ecu, timeout_secs=3)))
        self.until(lambda: self.server.get(SOC).status == 200)
        self.assertEqual(self.server.backend()['calls'], 1)

    def test_a_broken_file_changes_nothing_and_says_where(self):
        good = self.settings(self.ecu)
        for text, said in (('server: {port: 0}\nlogging:\n  level: loud\n', r'gateway\.yaml:3:3: logging\.level: '),
                           ('server: {port: 0}\nbakends: []\n', r'gateway\.yaml:2:1: bakends: '),
                           ('server: [\n', r'gateway\.yaml:2:1: '),
                           ('backends:\n  - {name: a, base_url: "ftp://x"}\n', r'gateway\.yaml:2:\d+: backends\[0\]\.base_url: ')):
            with self.subTest(text):
                self.server.reload(text, 'the configuration is not acceptable; the old one stays in force')
                self.server.wait_log(said)
                self.assertEqual((self.names(), self.server.get(SOC).status), (['demo'], 200))
        self.server.reload(good, 'the configuration was read again')

    def test_a_file_that_is_gone_changes_nothing(self):
        self.server.config.unlink()
        self.server.signal(signal.SIGHUP)
        self.server.wait_log('the old one stays in force')
        self.assertEqual(self.server.get(SOC).status, 200)

    def test_changes_that_need_a_restart_are_named(self):
        self.server.reload(self.settings(self.ecu, limits={'body_bytes': 2048}))
        self.assertIn('take effect after a restart', self.server.log)
        self.assertEqual(self.server.put('/components/climate/data/fan-speed', b'{"data": 3' + b' ' * 4000 + b'}').status, 204)

    def test_requests_are_served_while_it_reloads(self):
        done = []

        def ask():
            while not done:
                status = self.server.bare('GET', gateway.BASE + SOC).status
                if status != 200:
                    return status
            return 200
        asking = [self.in_background(ask) for _ in range(3)]
        for level in ('debug', 'info') * 5:
            self.server.reload(self.settings(self.ecu, logging={'level': level}), 'the configuration was read again')
        done.append(True)
        self.assertEqual([one.result(20) for one in asking], [200] * 3)

    def test_a_backend_may_be_removed_under_a_running_request(self):
        self.ecu.inject('delay=700:/soc')
        running = self.in_background(self.server.bare, 'GET', gateway.BASE + SOC)
        self.until(lambda: self.ecu.stats()['in_flight'] == 1)
        self.server.reload(self.settings(), 'the configuration was read again')
        reply = running.result(10)
        self.assertEqual((reply.status, reply.json['error_code']), (503, 'not-responding'))
        self.assertEqual(self.server.get(SOC).status, 404)

    def test_running_executions_survive_a_reload(self):
        uri = self.server.post('/components/bms/operations/cell-balance/executions').headers['location']
        self.server.reload(self.settings(self.ecu, logging={'level': 'debug'}), 'the configuration was read again')
        self.assertEqual(self.server.get(uri).json['status'], 'running')


class Logs(LifeCase):
    def test_json_is_one_object_per_line(self):
        server = self.start(self.start_ecu(), logging={'format': 'json', 'level': 'debug'})
        for path in SOC, '/components/%22%5C%C3%A4/data', '/components/a"b', '/none':
            server.bare('GET', gateway.BASE + path, headers={'X-Request-Id': 'mine'})
        server.stop()
        rows = [json.loads(line) for line in server.log.splitlines()]
        for row in rows:
            self.assertRegex(row['time'], r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$')
            self.assertIn(row['level'], ('error', 'warn', 'info', 'debug'))
            self.assertTrue(row['message'])
        self.assertEqual(len([row for row in rows if row.get('request_id') == 'mine']), 4)

    def test_text_is_one_line_per_event_and_odd_bytes_are_escaped(self):
        server = self.start(logging={'level': 'debug'})
        with server.raw() as connection:
            connection.send(b'GET /\x1b[31m%0a\xff HTTP/1.1\r\nHost: localhost\r\n\r\n')
            self.assertEqual(connection.reply().status, 400)
        server.stop()
        for line in server.log.splitlines():
            self.assertTrue(re.match(r'\d{4}-\d\d-\d\dT[\d:.]+Z (error|warn|info|debug) [ -~\u00a0-\uffff]+$', line), line)

    def test_only_what_is_important_enough_is_written(self):
        server = self.start(self.start_ecu(), logging={'level': 'info'})
        server.get(SOC)
        server.stop()
        self.assertNotIn(' debug ', server.log)
        self.assertIn(' info ', server.log)


if __name__ == '__main__':
    unittest.main()
