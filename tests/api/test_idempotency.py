# SPDX-License-Identifier: Apache-2.0
"""Idempotency-Key on starts of operations: the second request with a key is answered as the first was."""
import concurrent.futures
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import gateway

BALANCE = '/components/bms/operations/cell-balance/executions'
FLUSH = '/components/climate/operations/recirculate/executions'


class IdempotencyCase(gateway.GatewayCase):
    def post(self, key, path=BALANCE, body=None):
        return self.gateway.post(path, {} if body is None else body, {'Idempotency-Key': key})

    def start(self, key):
        reply = self.post(key)
        self.assertEqual(reply.status, 202, reply)
        self.addCleanup(self.gateway.delete, reply.headers['location'])
        return reply


class Replay(IdempotencyCase):
    def test_the_same_request_is_answered_again_and_starts_nothing(self):
        first, again = self.start('a-1'), self.post('a-1')
        self.assertEqual((again.status, again.body, again.headers['location']), (202, first.body, first.headers['location']))
        self.assertEqual((first.headers.get('idempotency-replayed'), again.headers['idempotency-replayed']), (None, 'true'))
        self.assertEqual(len(self.ecu.get(BALANCE).json['items']), 1)

    def test_the_answer_of_a_synchronous_operation_is_given_again(self):
        self.ecu.reset_stats()
        first = self.post('s-1', FLUSH)
        calls = self.ecu.stats()['classes']['operations']
        again = self.post('s-1', FLUSH)
        self.assertEqual((first.status, again.status, again.json), (200, 200, first.json))
        self.assertEqual(self.ecu.stats()['classes']['operations'], calls)

    def test_the_key_with_another_body_is_409(self):
        self.start('b-1')
        reply = self.post('b-1', body={'timeout': 3})
        self.assertEqual((reply.status, reply.json['error_code']), (409, 'precondition-not-fulfilled'))
        self.assertIn('another body', reply.json['message'])

    def test_no_body_is_the_body_of_an_empty_object(self):
        first = self.start('e-1')
        again = self.gateway.post(BALANCE, None, {'Idempotency-Key': 'e-1'})
        self.assertEqual((again.status, again.body), (202, first.body))

    def test_a_key_belongs_to_one_operation(self):
        self.start('c-1')
        self.assertEqual(self.post('c-1', FLUSH).status, 200)

    def test_another_key_starts_anew(self):
        self.start('d-1')
        self.assertEqual(self.post('d-2').status, 409)  # the operation runs already

    def test_a_request_that_was_refused_leaves_its_key_free(self):
        running = self.start('f-1').headers['location']
        self.assertEqual(self.post('f-2').status, 409)
        self.gateway.delete(running)
        self.start('f-2')

    def test_of_many_at_once_one_starts(self):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            replies = list(pool.map(lambda _: self.post('g-1'), range(8)))
        started = [reply for reply in replies if reply.status == 202]
        self.assertTrue(started)
        self.addCleanup(self.gateway.delete, started[0].headers['location'])
        self.assertEqual({reply.body for reply in started}, {started[0].body})
        for reply in replies:
            if reply.status != 202:
                self.assertEqual((reply.status, reply.headers['retry-after']), (409, '1'))
                self.assertIn('still being carried out', reply.json['message'])

    def test_a_key_that_cannot_be_one_is_refused(self):
        for key in 'x' * 65, '', 'a b', 'a\tb':
            with self.subTest(key):
                self.assertEqual(self.post(key, FLUSH).status, 400)
        self.assertEqual(self.post('x' * 64, FLUSH).status, 200)

    def test_metrics_count_keys_and_replays(self):
        before = self.gateway.metrics()
        self.post('m-1', FLUSH)
        self.post('m-1', FLUSH)
        after = self.gateway.metrics()
        for name in 'sovd_idempotency_keys', 'sovd_idempotency_replays_total':
            self.assertEqual(after[name] - before[name], 1)


class Limits(IdempotencyCase):
    sections = {'limits': {'idempotency_keys': 2, 'idempotency_retention_secs': 2}}

    def test_over_the_limit_a_new_key_is_503_and_known_ones_and_requests_without_are_served(self):
        for key in 'a', 'b':
            self.assertEqual(self.post(key, FLUSH).status, 200)
        refused = self.post('c', FLUSH)
        self.assertEqual((refused.status, refused.json['vendor_code']), (503, 'overload'))
        self.assertIn('idempotency keys', refused.json['message'])
        self.assertEqual(self.post('a', FLUSH).status, 200)
        self.assertEqual(self.gateway.post(FLUSH, {}).status, 200)
        self.until(lambda: self.post('c', FLUSH).status == 200)  # the retention of the others has ended


if __name__ == '__main__':
    unittest.main()
