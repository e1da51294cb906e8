# SPDX-License-Identifier: Apache-2.0
"""ECUs that come and go, limits of calls under way, and what is passed along with a call."""
import concurrent.futures
import pathlib
import re
import socket
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import ecu
import gateway
import polling

SOC, SPEED = '/components/bms/data/soc', '/components/climate/data/fan-speed'


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


class LifeCase(polling.Waiting, unittest.TestCase):
    def gateway_for(self, *backends, **sections):
        server = gateway.Gateway(*backends, **sections)
        self.addCleanup(server.stop)
        return server

    def states(self, server):
        return {item['id']: item['connectionState'] for item in server.get('/components').json['items']}


class StopAndStart(LifeCase):
    def test_a_stopped_ecu_stays_listed_as_disconnected_and_is_connected_once_it_is_back(self):
        first = ecu.DemoEcu()
        server = self.gateway_for(gateway.backend_of(first, refresh_secs=2))
        first.stop()
        reply = server.get(SOC)
        self.assertEqual((reply.status, reply.json['error_code']), (503, 'not-responding'))
        self.until(lambda: self.states(server) == {'bms': 'disconnected', 'climate': 'disconnected'})
        started = time.monotonic()
        for path in SOC, '/components/climate/data', '/components/bms/faults':
            self.assertEqual(server.get(path).status, 503)
        self.assertLess(time.monotonic() - started, 1)
        health = server.health()
        self.assertEqual((health['status'], health['backends'][0]['connection']), ('degraded', 'disconnected'))
        self.assertEqual(server.get('/components/bms').json['connectionState'], 'disconnected')
        self.assertNotIn(str(first.port), str(health))

        second = ecu.DemoEcu('--port', str(first.port))
        self.addCleanup(gateway.stop_ecu, second)
        self.until(lambda: self.states(server) == {'bms': 'connected', 'climate': 'connected'}, 2 + 1)
        self.assertEqual(server.get(SOC).status, 200)
        health = server.health()
        self.assertEqual((health['status'], health['backends'][0]['breaker']), ('ok', 'closed'))

    def test_an_ecu_that_was_never_there_is_listed_by_its_configured_ids(self):
        entry = {'name': 'demo', 'base_url': f'http://127.0.0.1:{free_port()}', 'component_ids': ['bms', 'climate'], 'refresh_secs': 0.5}
        server = self.gateway_for(entry)
        self.assertEqual(self.states(server), {'bms': 'disconnected', 'climate': 'disconnected'})
        reply = server.get(SOC)
        self.assertEqual((reply.status, reply.json['error_code']), (503, 'not-responding'))
        self.assertEqual(server.get('/components/none').status, 404)
        late = ecu.DemoEcu('--port', entry['base_url'].rsplit(':', 1)[1])
        self.addCleanup(gateway.stop_ecu, late)
        self.until(lambda: self.states(server) == {'bms': 'connected', 'climate': 'connected'}, 3)
        self.assertEqual(server.get(SOC).status, 200)

    def test_an_ecu_that_hangs_at_the_first_discovery_does_not_keep_the_gateway_from_ready(self):
        slow = ecu.DemoEcu('--inject', 'hang')
        self.addCleanup(slow.stop)
        server = self.gateway_for(gateway.backend_of(slow, timeout_secs=0.5))
        self.assertEqual(server.get('/readyz').status, 200)
        self.assertEqual(server.backend()['connection'], 'disconnected')
        slow.clear_injection()
        self.until(lambda: self.states(server) == {'bms': 'connected', 'climate': 'connected'})

    def test_an_ecu_that_restarted_forgets_its_executions_and_the_gateway_says_so(self):
        first = ecu.DemoEcu()
        server = self.gateway_for(gateway.backend_of(first, refresh_secs=0.5))
        uri = server.post('/components/bms/operations/cell-balance/executions').headers['location']
        first.stop()
        second = ecu.DemoEcu('--port', str(first.port))
        self.addCleanup(gateway.stop_ecu, second)
        self.until(lambda: server.get(SOC).status == 200)
        self.assertEqual(server.get(uri).status, 404)
        self.until(lambda: server.health()['executions_running'] == 0, 3)


class Discovery(LifeCase):
    def slow_ecu(self, *rules, dialect='iso'):
        server = ecu.DemoEcu(*(part for rule in rules for part in ('--inject', rule)), dialect=dialect)
        self.addCleanup(gateway.stop_ecu, server)
        return server

    def test_lists_that_fail_beside_the_first_do_not_take_the_server_off_the_air(self):
        for rule, timeout in ('drop', 5), ('garbage', 5), ('hang', 0.3):
            with self.subTest(rule):
                failing = self.slow_ecu(rule + ':/areas', rule + ':/apps', rule + ':/functions')
                server = self.gateway_for(gateway.backend_of(failing, timeout_secs=timeout, refresh_secs=0.5))
                self.assertEqual(self.states(server), {'bms': 'connected', 'climate': 'connected'})
                self.assertEqual(server.get(SOC).status, 200)
                failing.reset_stats()
                self.until(lambda: failing.stats()['classes']['areas'] >= 4)  # it stays so at the next discoveries
                self.assertEqual(server.backend()['connection'], 'connected')
                self.assertNotIn('is disconnected', server.log)

    def test_entities_that_hang_do_not_take_their_neighbours_along(self):
        server = self.gateway_for(gateway.backend_of(self.slow_ecu('hang:/components/bms'), timeout_secs=0.3, refresh_secs=0.5))
        self.assertEqual(self.states(server), {'bms': 'connected', 'climate': 'connected'})
        self.assertEqual(server.get(SOC).status, 504)
        self.assertEqual(server.get('/components/climate/data/fan-speed').status, 200)

    def test_components_are_served_before_their_details_were_read(self):
        for dialect in 'iso', 'odata':
            with self.subTest(dialect):
                slow = self.slow_ecu('delay=700', dialect=dialect)
                server = self.gateway_for(gateway.backend_of(slow, refresh_secs=60), ready=False)
                server.wait_ready()
                self.assertNotIn('was read', server.log)
                self.assertEqual(self.states(server), {'bms': 'connected', 'climate': 'connected'})
                self.assertEqual(server.get('/components/bms/capabilities').json['supportedCategories'],
                                 ['data', 'faults', 'operations', 'modes', 'configurations', 'data-lists', 'locks', 'triggers', 'cyclic-subscriptions'])
                self.assertEqual(server.get(SOC).status, 200)
                slow.clear_injection()
                server.wait_read()
                self.assertEqual([item['id'] for item in server.get('/areas').json['items']], ['powertrain', 'body'])


class Tls(LifeCase):
    def test_a_server_without_tls_is_told_apart_from_one_that_is_away(self):
        plain = ecu.DemoEcu()
        self.addCleanup(gateway.stop_ecu, plain)
        server = self.gateway_for({'name': 'demo', 'base_url': f'https://127.0.0.1:{plain.port}', 'component_ids': ['bms']})
        self.assertIn('TLS', server.backend()['last_error'])
        self.assertEqual(server.get(SOC).status, 503)

    def test_a_file_that_cannot_be_read_is_found_before_it_is_needed(self):
        with tempfile.TemporaryDirectory() as folder:
            config = pathlib.Path(folder) / 'gateway.yaml'
            config.write_text('backends:\n  - name: demo\n    base_url: https://127.0.0.1:1\n    ca_file: /no/such/file\n', encoding='utf-8')
            status, said, errors = gateway.run('--config', config, '--check-config')
        self.assertNotEqual(status, 0)
        self.assertRegex(said + errors, 'ca_file.*cannot be read')


class Limits(LifeCase):
    def setUp(self):
        self.ecu = ecu.DemoEcu()
        self.addCleanup(self.ecu.stop)

    def many(self, server, count):
        """The statuses of so many reads at once."""
        with concurrent.futures.ThreadPoolExecutor(count) as pool:
            return [reply.status for reply in pool.map(lambda _: server.get(SOC), range(count))]

    def test_of_32_clients_only_max_in_flight_reach_the_ecu_at_a_time_and_all_are_served(self):
        server = self.gateway_for(gateway.backend_of(self.ecu, refresh_secs=60, max_in_flight=4, max_waiting=64))
        server.document
        self.ecu.reset_stats()
        self.ecu.inject('delay=100:/soc')
        self.assertEqual(self.many(server, 32), [200] * 32)
        self.assertEqual(self.ecu.stats()['max_in_flight'], 4)

    def test_more_than_may_wait_are_503_at_once(self):
        server = self.gateway_for(gateway.backend_of(self.ecu, refresh_secs=60, max_in_flight=1, max_waiting=0))
        self.ecu.inject('hang:/serial')
        thread = threading.Thread(target=server.bare, args=('GET', gateway.BASE + '/components/bms/data/serial-number'))
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.ecu.clear_injection)
        self.until(lambda: self.ecu.stats()['in_flight'] >= 1)
        calls = server.metrics()['sovd_backend_calls_total{backend="demo"}']
        started = time.monotonic()
        reply = server.get(SOC)
        self.assertLess(time.monotonic() - started, 1)
        self.assertEqual(server.metrics()['sovd_backend_calls_total{backend="demo"}'], calls)
        self.assertEqual((reply.status, reply.json['vendor_code']), (503, 'overload'))
        self.assertGreaterEqual(int(reply.headers['retry-after']), 1)
        self.assertEqual(server.metrics()['sovd_backend_rejected_total{backend="demo"}'], 1)

    def test_the_deadline_of_the_request_ends_a_call_before_that_of_the_backend(self):
        server = self.gateway_for(gateway.backend_of(self.ecu, timeout_secs=20), limits={'request_timeout_secs': 1})
        self.ecu.inject('hang:/soc')
        started = time.monotonic()
        self.assertEqual(server.get(SOC).status, 504)
        self.assertLess(time.monotonic() - started, 1.5)


class Passed(gateway.GatewayCase):
    TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'

    def passed(self, headers, method='GET', path=SOC, body=None):
        """The headers that the ECU saw of a request with these."""
        self.gateway.request(method, path, body, headers)
        return self.ecu.stats()['last']['headers']

    def test_the_request_id_reaches_the_ecu(self):
        for method, path, body in ('GET', SOC, None), ('PUT', SPEED, {'data': 2}):
            self.assertEqual(self.passed({'X-Request-Id': 'my-request.1'}, method, path, body)['x-request-id'], 'my-request.1')

    def test_a_request_without_id_reaches_the_ecu_with_that_of_the_answer(self):
        answered = self.gateway.get(SOC).headers['x-request-id']
        self.assertEqual(self.ecu.stats()['last']['headers']['x-request-id'], answered)

    def test_the_trace_goes_on_under_a_new_span(self):
        version, trace, span, flags = self.passed({'traceparent': self.TRACE})['traceparent'].split('-')
        theirs = self.TRACE.split('-')
        self.assertEqual([version, trace, flags], [theirs[0], theirs[1], theirs[3]])
        self.assertRegex(span, '^[0-9a-f]{16}$')
        self.assertNotEqual(span, theirs[2])

    def test_a_trace_that_is_malformed_or_missing_is_begun_anew(self):
        for text in (None, '00-xyz', self.TRACE.upper(), '00-' + '0' * 32 + '-00f067aa0ba902b7-01', self.TRACE.replace('00f067aa0ba902b7', '0' * 16),
                     'ff' + self.TRACE[2:], self.TRACE + '-x'):
            found = self.passed({'traceparent': text} if text else {})['traceparent']
            self.assertRegex(found, '^00-[0-9a-f]{32}-[0-9a-f]{16}-00$')
            self.assertNotIn('4bf92f3577b34da6', found)
            self.assertFalse(re.search('-0+-', found))

    def test_credentials_of_the_client_do_not_reach_the_ecu(self):
        self.assertNotIn('authorization', self.passed({'Authorization': 'Bearer secret'}))


if __name__ == '__main__':
    unittest.main()
