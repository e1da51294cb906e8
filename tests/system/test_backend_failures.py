# SPDX-License-Identifier: Apache-2.0
"""An ECU's server that fails in every way it can: what clients are told, how fast, and that it heals by itself."""
import pathlib
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import gateway

SOC, SERIAL, SPEED = '/components/bms/data/soc', '/components/bms/data/serial-number', '/components/climate/data/fan-speed'
BALANCE = '/components/bms/operations/cell-balance/executions'
TIMEOUT = 0.5
SLACK = 1.0


class FailureCase(gateway.GatewayCase):
    backend_options = {'timeout_secs': TIMEOUT, 'max_answer_bytes': 65536, 'breaker_failures': 1000, 'refresh_secs': 0.5}

    def setUp(self):
        self.ecu.reset_stats()
        self.addCleanup(self.ecu.clear_injection)

    def fails(self, status, method='GET', path=SOC, body=None):
        """The error; nothing in it tells where the ECU is or what it said."""
        started = time.monotonic()
        reply = self.ask(status, method, path, body)
        self.seconds = time.monotonic() - started
        own = f'http://127.0.0.1:{self.gateway.port}/'  # its own URIs are no secret
        for secret in str(self.ecu.port), '127.0.0.1', 'localhost', 'http://', 'not HTTP', 'unexpected', 'aaaa', 'curl', 'x-demo':
            self.assertNotIn(secret, reply.body.decode().replace(own, ''), f'{reply!r}')
        return reply

    def calls(self, name='data'):
        return self.ecu.stats()['classes'][name]


class Answers(FailureCase):
    def test_an_ecu_that_hangs_is_504_at_the_timeout(self):
        for method, path, body in (('GET', SOC, None), ('GET', '/components/bms/data', None), ('PUT', SPEED, {'data': 1}),
                                   ('GET', '/components/bms/faults', None), ('POST', BALANCE, None)):
            with self.subTest(f'{method} {path}'):
                self.ecu.inject(f'hang:{path}#1')  # the path, so that it does not hit a discovery
                error = self.fails(504, method, path, body).json
                self.assertEqual(error['error_code'], 'not-responding')
                self.assertIn("'demo'", error['message'])
                self.assertGreaterEqual(self.seconds, TIMEOUT * 0.9)
                self.assertLess(self.seconds, TIMEOUT + SLACK)

    def test_a_slow_ecu_within_the_timeout_is_waited_for(self):
        self.ecu.inject(f'delay={int(TIMEOUT * 500)}:/soc#1')
        self.ask(200, 'GET', SOC)

    def test_answers_that_are_no_answers_are_502(self):
        for rule in 'garbage', 'bad-json', 'wrong-type', 'truncated', 'huge', 'huge=200000':
            for path in SOC, '/components/bms/data', '/components/bms/faults', '/components/bms/operations', '/components/bms/modes/session':
                with self.subTest(f'{rule} {path}'):
                    self.ecu.inject(rule + ':/components/bms/')
                    self.assertEqual(self.fails(502, path=path).json['error_code'], 'invalid-response-content')
                    self.assertLess(self.seconds, TIMEOUT + SLACK)
                    self.ecu.clear_injection()

    def test_a_connection_that_breaks_off_is_502(self):
        for rule in 'reset', 'drop':
            self.ecu.inject(rule + ':/soc')
            self.assertIn('broke off', self.fails(502).json['message'])
            self.ecu.clear_injection()

    def test_an_answer_just_below_the_limit_is_passed(self):
        self.ecu.inject('huge=60000:/soc#1')
        self.assertEqual(self.get(SOC)['data'], 'a' * 60000)

    def test_a_status_of_the_ecu_is_passed_with_its_error(self):
        for status in 400, 403, 404, 409, 500, 501, 502, 503, 504:
            self.ecu.inject(f'status={status}:/soc#1')
            error = self.fails(status).json
            self.assertEqual((error['error_code'], error['vendor_code'], error['message']),
                             ('vendor-specific', 'injected', 'this answer was ordered by a test'))

    def test_a_status_that_the_standard_has_not_becomes_one_it_has(self):
        for theirs, ours in (401, 502), (408, 504), (410, 404), (418, 502), (422, 400), (423, 409), (429, 503), (599, 502), (405, 501), (302, 502):
            with self.subTest(theirs):
                self.ecu.inject(f'status={theirs}:/soc#1')
                self.fails(ours)

    def test_503_of_the_ecu_comes_with_retry_after(self):
        self.ecu.inject('status=503:/soc#1')
        self.assertGreaterEqual(int(self.fails(503).headers['retry-after']), 1)

    def test_one_failing_resource_disturbs_no_other(self):
        self.ecu.inject('hang:/soc')
        thread = threading.Thread(target=self.gateway.bare, args=('GET', gateway.BASE + SOC))
        thread.start()
        self.addCleanup(thread.join)
        self.until(lambda: self.ecu.stats()['in_flight'] >= 1)
        started = time.monotonic()
        self.ask(200, 'GET', SERIAL)
        self.assertLess(time.monotonic() - started, TIMEOUT)


class Retries(FailureCase):
    def test_a_read_is_tried_once_more_when_the_connection_was_lost(self):
        for rule in 'reset', 'drop':
            self.ecu.reset_stats()
            self.ecu.inject(rule + ':/serial#1')
            self.ask(200, 'GET', SERIAL)
            self.assertEqual(self.calls(), 2)

    def test_a_read_is_tried_twice_and_no_more(self):
        self.ask(200, 'GET', SERIAL)  # leaves a connection that is used again
        self.ecu.reset_stats()
        self.ecu.inject('drop:/serial')
        self.fails(502, path=SERIAL)
        self.assertEqual(self.calls(), 2)

    def test_a_read_that_timed_out_or_was_answered_is_not_repeated(self):
        for rule, status in ('hang', 504), ('status=503', 503), ('status=500', 500), ('bad-json', 502), ('wrong-type', 502), ('huge', 502):
            with self.subTest(rule):
                self.ecu.reset_stats()
                self.ecu.inject(rule + ':/serial#1')
                self.fails(status, path=SERIAL)
                self.assertEqual(self.calls(), 1)

    def test_a_write_is_never_repeated_and_says_that_it_may_have_been_done(self):
        for rule, status in ('reset', 502), ('drop', 502), ('hang', 504), ('garbage', 502), ('truncated', 502):
            with self.subTest(rule):
                self.ecu.reset_stats()
                self.ecu.inject(rule + ':/fan-speed#1')
                self.assertIn('may have been carried out', self.fails(status, 'PUT', SPEED, {'data': 1}).json['message'])
                self.assertEqual(self.calls(), 1)

    def test_a_start_is_never_repeated(self):
        for rule, status in ('reset', 502), ('drop', 502), ('hang', 504):
            self.ecu.reset_stats()
            self.ecu.inject(rule + ':/executions#1')
            self.assertIn('may have been carried out', self.fails(status, 'POST', BALANCE).json['message'])
            self.assertEqual(self.calls('operations'), 1)

    def test_a_start_whose_outcome_is_unknown_leaves_an_execution_that_says_so(self):
        for rule, status in ('drop', 502), ('hang', 504):
            self.ecu.inject(rule + ':/executions#1')
            error = self.fails(status, 'POST', BALANCE).json
            self.assertEqual(error['vendor_code'], 'outcome-unknown')
            body = self.get(error['parameters']['href'])
            self.assertEqual((body['status'], body['error'][0]['path']), ('failed', '/'))
            self.assertEqual(body['error'][0]['error']['vendor_code'], 'outcome-unknown')
            self.assertIn(error['parameters']['execution'], self.get(BALANCE)['items'])
            self.ask(409, 'PUT', error['parameters']['href'], {'capability': 'execute'})
            self.ask(204, 'DELETE', error['parameters']['href'])
            self.ask(404, 'GET', error['parameters']['href'])

    def test_a_start_whose_outcome_is_unknown_is_not_tried_again_under_its_idempotency_key(self):
        self.ecu.reset_stats()
        self.ecu.inject('drop:/executions#1')
        key = {'Idempotency-Key': 'lost-1'}
        first = self.gateway.post(BALANCE, {}, key)
        again = self.gateway.post(BALANCE, {}, key)
        self.assertEqual((first.status, again.status, first.json), (502, 502, again.json))
        self.assertEqual((self.calls('operations'), again.headers['idempotency-replayed']), (1, 'true'))

    def test_a_start_that_never_reached_the_ecu_may_be_tried_again_under_its_idempotency_key(self):
        self.ecu.inject('status=503:/executions#1')
        key = {'Idempotency-Key': 'refused-1'}
        self.assertEqual(self.gateway.post(BALANCE, {}, key).status, 503)
        reply = self.gateway.post(BALANCE, {}, key)
        self.assertEqual(reply.status, 202)
        self.ask(204, 'DELETE', reply.headers['location'])

    def test_a_delete_is_never_repeated(self):
        self.ecu.inject('drop:/faults#1')
        self.fails(502, 'DELETE', '/components/bms/faults')
        self.assertEqual(self.calls('faults'), 1)

    def test_retries_are_counted(self):
        name = 'sovd_backend_retries_total{backend="demo"}'
        before = self.gateway.metrics()[name]
        self.ecu.inject('drop:/serial#1')
        self.ask(200, 'GET', SERIAL)
        self.assertEqual(self.gateway.metrics()[name], before + 1)


class NoRetries(FailureCase):
    backend_options = {'retry': False}

    def test_without_retry_a_read_is_tried_once(self):
        self.ecu.inject('drop:/serial#1')
        self.fails(502, path=SERIAL)
        self.assertEqual(self.calls(), 1)


class Breaker(FailureCase):
    backend_options = {'timeout_secs': 0.2, 'breaker_open_secs': 1, 'refresh_secs': 60}

    def setUp(self):
        super().setUp()
        self.until(lambda: self.gateway.get(SOC).status == 200, 5)

    def test_the_breaker_opens_after_five_failures_and_closes_by_itself(self):
        self.ecu.inject('hang:/data/')
        for _ in range(5):
            self.assertEqual(self.gateway.backend()['breaker'], 'closed')
            self.fails(504)
        self.assertEqual(self.gateway.backend()['breaker'], 'open')
        self.ecu.reset_stats()
        reply = self.fails(503)
        self.assertLess(self.seconds, 0.15)
        self.assertEqual((reply.json['error_code'], reply.headers['retry-after']), ('not-responding', '1'))
        self.assertEqual(self.calls(), 0)
        self.assertEqual(self.gateway.metrics()['sovd_backend_breaker_open{backend="demo"}'], 1)
        self.ecu.clear_injection()
        self.until(lambda: self.gateway.get(SOC).status == 200, 3)
        self.assertEqual(self.gateway.backend()['breaker'], 'closed')

    def test_while_it_fails_only_one_probe_at_a_time_goes_through(self):
        self.ecu.inject('hang:/data/')
        self.until(lambda: self.gateway.get(SOC).status == 503, 5)
        self.ecu.reset_stats()
        ends, statuses = time.monotonic() + 2.5, []
        self.until(lambda: statuses.append(self.gateway.get(SOC).status) or time.monotonic() > ends)
        self.assertEqual(set(statuses), {503, 504})
        self.assertEqual(self.calls(), statuses.count(504))
        self.assertLessEqual(self.calls(), 3)

    def test_a_good_answer_ends_a_row_of_failures(self):
        for _ in range(2):
            self.ecu.inject('hang:/soc#4')
            for _ in range(4):
                self.fails(504)
            self.ask(200, 'GET', SOC)
        self.assertEqual(self.gateway.backend()['breaker'], 'closed')

    def test_errors_that_the_ecu_answers_do_not_open_it(self):
        self.ecu.inject('status=500:/soc')
        for _ in range(8):
            self.fails(500)


if __name__ == '__main__':
    unittest.main()
