# SPDX-License-Identifier: Apache-2.0
"""Locks: who may change what, for how long, and what becomes of those who may not."""
import concurrent.futures
import datetime
import json
import pathlib
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import gateway
import keys
import polling

VEHICLE = {
    'areas': [{'id': 'zone'}],
    'components': [
        {'id': 'ecu', 'areas': ['zone'], 'data': [{'id': 'limit', 'value': 1, 'writable': True}],
         'operations': [{'id': 'now', 'result': [{'name': 'done', 'value': True}]}],
         'configurations': [{'id': 'set', 'type': 'integer', 'value': 5, 'min': 1, 'max': 9}]},
        {'id': 'part', 'parent': 'ecu', 'data': [{'id': 'limit', 'value': 1, 'writable': True}]},
        {'id': 'other', 'data': [{'id': 'limit', 'value': 1, 'writable': True}]},
        {'id': 'slow', 'latency_ms': 900, 'data': [{'id': 'limit', 'value': 1, 'writable': True}]},
        {'id': 'slower', 'latency_ms': 4000, 'data': [{'id': 'limit', 'value': 1, 'writable': True}]},
        {'id': 'kept', 'data': [{'id': 'limit', 'value': 1, 'writable': True}]}],
    'apps': [{'id': 'app', 'located_on': 'ecu', 'data': [{'id': 'limit', 'value': 1, 'writable': True}]}],
}
NAMES = [f'tester-{number}' for number in range(50)]
SECTIONS = {
    'server': {'port': 0},
    'auth': keys.section(*(keys.entry(name, f'secret-of-{name}-xxxxxxxx') for name in NAMES)),
    'locks': {'entities': [{'entity': 'components/kept', 'required': ['data'], 'breakable': False}]},
    'limits': {'locks': 20, 'locks_per_client': 5, 'lock_secs': 100, 'lock_wait_secs': 2},
}


def client(number):
    return {'Authorization': f'Bearer secret-of-{NAMES[number]}-xxxxxxxx'}


A, B, C = client(0), client(1), client(2)


class LockCase(unittest.TestCase):
    sections = SECTIONS

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix='locks')
        cls.addClassCleanup(folder.cleanup)
        cls.scenario, cls.config = (pathlib.Path(folder.name) / name for name in ('vehicle.yaml', 'gateway.yaml'))
        cls.scenario.write_text(json.dumps(VEHICLE), encoding='utf-8')
        cls.config.write_text(json.dumps(cls.sections), encoding='utf-8')
        cls.gateway = gateway.Gateway(arguments=[f'--demo={cls.scenario}', '--config', str(cls.config)])
        cls.addClassCleanup(cls.gateway.stop)

    def ask(self, status, method, path, body=None, who=None):
        reply = self.gateway.request(method, path, body, who)
        self.assertEqual(reply.status, status, f'{method} {path}: {reply!r}')
        return reply

    def lock(self, who, path='/components/ecu', seconds=60, **more):
        """The URI of a new lock, released after the test."""
        uri = self.ask(201, 'POST', path + '/locks', {'lock_expiration': seconds, **more}, who).headers['location']
        self.addCleanup(self.gateway.delete, uri, None, who)
        return uri

    def conflict(self, method, path, body=None, who=None):
        reply = self.ask(409, method, path, body, who)
        self.assertEqual(reply.json['error_code'], 'precondition-not-fulfilled')
        self.assertNotIn('tester', reply.json['message'])
        return reply

    def write(self, status, who, path='/components/ecu', value=1):
        return self.ask(status, 'PUT', path + '/data/limit', {'data': value}, who)

    def broken(self, method, path, body=None, who=None):
        reply = self.ask(409, method, path, body, who)
        self.assertEqual(reply.json['error_code'], 'lock-broken')
        self.assertTrue(reply.json['parameters']['broken_at'].endswith('Z'))
        self.assertNotIn('tester', reply.body.decode())

    def count(self, name):
        return self.gateway.metrics()[name]


class Life(LockCase):
    def test_a_lock_is_created_shown_extended_and_released(self):
        reply = self.ask(201, 'POST', '/components/ecu/locks', {'lock_expiration': 60, 'scopes': ['data', 'operations']}, A)
        uri, name = reply.headers['location'], reply.json['id']
        self.assertTrue(uri.endswith(f'/components/ecu/locks/{name}'))
        self.assertRegex(name, '^[0-9a-f]{32}$')
        self.assertEqual(self.ask(200, 'GET', '/components/ecu/locks', who=A).json['items'],
                         [{'id': name, 'owned': True, 'scopes': ['data', 'operations']}])
        self.assertFalse(self.ask(200, 'GET', uri, who=B).json['owned'])
        before = self.ask(200, 'GET', uri, who=A).json
        self.assertTrue(before['owned'])
        self.ask(204, 'PUT', uri, {'lock_expiration': 100}, A)
        ends = [datetime.datetime.fromisoformat(body['lock_expiration'].replace('Z', '+00:00'))
                for body in (before, self.ask(200, 'GET', uri, who=A).json)]
        left = (ends[1] - datetime.datetime.now(datetime.timezone.utc)).total_seconds()
        self.assertTrue(90 < left <= 100.1, left)
        self.assertGreater(ends[1], ends[0])
        self.ask(204, 'PUT', uri, {'lock_expiration': 10}, A)  # the clock starts anew: it may also end earlier
        self.assertEqual(self.ask(204, 'DELETE', uri, who=A).body, b'')
        self.ask(404, 'GET', uri, who=A)
        self.ask(404, 'DELETE', uri, who=A)

    def test_a_lock_on_everything_shows_no_scopes(self):
        for scopes in {}, {'scopes': []}:
            uri = self.lock(A, **scopes)
            self.assertNotIn('scopes', self.ask(200, 'GET', uri).json)
            self.ask(204, 'DELETE', uri, who=A)

    def test_only_the_owner_extends_and_releases(self):
        uri = self.lock(A)
        for who in B, None:
            self.conflict('PUT', uri, {'lock_expiration': 5}, who)
            self.conflict('DELETE', uri, who=who)
        self.write(204, A)

    def test_a_lock_that_has_expired_is_gone(self):
        expired = self.count('sovd_locks_expired_total')
        uri = self.lock(A, seconds=1)
        self.write(409, B)
        self.assertTrue(polling.wait_until(lambda: self.gateway.get(uri).status == 404, 5))
        self.write(204, B)
        self.ask(404, 'PUT', uri, {'lock_expiration': 5}, A)
        self.assertEqual(self.count('sovd_locks_expired_total'), expired + 1)

    def test_a_client_may_hold_several_locks(self):
        uris = {self.lock(A, scopes=['data']), self.lock(A, scopes=['data']), self.lock(A)}
        self.assertEqual(len(uris), 3)

    def test_a_lock_is_found_on_its_entity_only(self):
        name = self.lock(A).rsplit('/', 1)[1]
        self.ask(404, 'GET', f'/components/part/locks/{name}')
        self.ask(404, 'DELETE', f'/components/other/locks/{name}', who=A)
        self.assertEqual(self.ask(200, 'GET', '/components/part/locks').json['items'], [])

    def test_every_entity_that_can_be_used_offers_locks(self):
        for path in '/components/ecu', '/components/part', '/apps/app':
            self.assertTrue(self.ask(200, 'GET', path).json['locks'].endswith(path + '/locks'))
        self.assertNotIn('locks', self.ask(200, 'GET', '/areas/zone').json)
        self.ask(404, 'POST', '/areas/zone/locks', {'lock_expiration': 5}, A)

    def test_metrics_count_locks(self):
        before = self.gateway.metrics()
        uri = self.lock(A)
        self.conflict('POST', '/components/ecu/locks', {'lock_expiration': 5}, B)
        during = self.gateway.metrics()
        self.ask(204, 'DELETE', uri, who=A)
        after = self.gateway.metrics()
        self.assertEqual(during['sovd_locks'] - before['sovd_locks'], 1)
        self.assertEqual(after['sovd_locks'], before['sovd_locks'])
        for name in 'granted', 'refused', 'released':
            self.assertEqual(after[f'sovd_locks_{name}_total'] - before[f'sovd_locks_{name}_total'], 1, name)


class Exclusion(LockCase):
    def test_changes_of_others_are_refused_and_reads_are_not(self):
        self.lock(A)
        self.write(204, A)
        for method, path, body in (('PUT', '/data/limit', {'data': 2}), ('POST', '/operations/now/executions', {}),
                                   ('PUT', '/configurations/set', {'data': 4}), ('PUT', '/data/limit', {'value': 2})):
            for who in B, None:
                self.conflict(method, '/components/ecu' + path, body, who)
        self.assertEqual(self.ask(200, 'GET', '/components/ecu/data/limit', who=B).json['data'], 1)

    def test_a_scope_covers_its_collection_only(self):
        self.lock(A, scopes=['configurations'])
        self.write(204, B)
        self.conflict('PUT', '/components/ecu/configurations/set', {'data': 4}, B)
        self.lock(B, scopes=['data'])
        self.conflict('POST', '/components/ecu/locks', {'lock_expiration': 5}, B)

    def test_a_lock_meets_those_above_and_below(self):
        for held, met in (('/components/ecu', ('/components/part', '/apps/app')), ('/apps/app', ('/components/ecu',)),
                          ('/components/part', ('/components/ecu',))):
            uri = self.lock(A, held)
            for path in met:
                with self.subTest(f'{held} and {path}'):
                    self.conflict('POST', path + '/locks', {'lock_expiration': 5}, B)
                    self.write(409, B, path)
                    self.write(204, A, path)
            self.ask(204, 'DELETE', uri, who=A)

    def test_neighbours_do_not_meet(self):
        self.lock(A, '/components/part')
        self.lock(B, '/apps/app')
        self.lock(C, '/components/other')

    def test_of_fifty_clients_exactly_one_gets_the_lock(self):
        barrier = threading.Barrier(50)

        def acquire(number):
            barrier.wait(20)
            return number, self.gateway.bare('POST', gateway.BASE + '/components/ecu/locks', {'lock_expiration': 60}, client(number))
        for _ in range(3):
            with concurrent.futures.ThreadPoolExecutor(50) as pool:
                replies = list(pool.map(acquire, range(50)))
            winners = [(number, reply) for number, reply in replies if reply.status == 201]
            self.assertEqual(len(winners), 1)
            self.assertEqual({reply.status for _, reply in replies}, {201, 409})
            self.ask(204, 'DELETE', winners[0][1].headers['location'], who=client(winners[0][0]))

    def test_a_collection_can_require_a_lock(self):
        self.conflict('PUT', '/components/kept/data/limit', {'data': 2}, A)
        self.lock(A, '/components/kept', scopes=['operations'])
        self.conflict('PUT', '/components/kept/data/limit', {'data': 2}, A)
        self.lock(A, '/components/kept', scopes=['data'])
        self.write(204, A, '/components/kept')

    def test_a_lock_waits_for_the_change_of_another_client_that_is_under_way(self):
        started = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            change = pool.submit(self.write, 204, B, '/components/slow', 7)
            self.assertTrue(polling.wait_until(lambda: self.gateway.metrics()['sovd_backend_calls_in_flight{backend="demo"}'], 5))
            self.lock(A, '/components/slow')
            self.assertGreaterEqual(time.monotonic() - started, 0.9)  # its latency
            change.result()
        self.assertEqual(self.ask(200, 'GET', '/components/slow/data/limit').json['data'], 7)

    def test_a_lock_is_refused_when_the_change_takes_too_long(self):
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            change = pool.submit(self.write, 204, B, '/components/slower', 7)
            self.assertTrue(polling.wait_until(lambda: self.gateway.metrics()['sovd_backend_calls_in_flight{backend="demo"}'], 5))
            started = time.monotonic()
            reply = self.conflict('POST', '/components/slower/locks', {'lock_expiration': 5}, A)
            self.assertTrue(1.8 < time.monotonic() - started < 3.8)
            self.assertIn('retry-after', reply.headers)
            change.result()
        self.lock(A, '/components/slower')

    def test_own_changes_under_way_keep_nobody_waiting(self):
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            change = pool.submit(self.write, 204, A, '/components/slower', 7)
            self.assertTrue(polling.wait_until(lambda: self.gateway.metrics()['sovd_backend_calls_in_flight{backend="demo"}'], 5))
            self.lock(A, '/components/slower')
            self.assertFalse(change.done())
            change.result()

    def test_what_was_carried_out_is_told_again_even_when_a_lock_keeps_its_client_out_by_now(self):
        start = '/components/ecu/operations/now/executions'
        first = self.ask(200, 'POST', start, {}, {**A, 'Idempotency-Key': 'before-the-lock'})
        self.lock(B)
        again = self.ask(200, 'POST', start, {}, {**A, 'Idempotency-Key': 'before-the-lock'})
        self.assertEqual((again.json, again.headers['idempotency-replayed']), (first.json, 'true'))
        self.conflict('POST', start, {}, {**A, 'Idempotency-Key': 'behind-the-lock'})

    def test_a_start_that_a_lock_refused_leaves_its_key_free(self):
        start, key = '/components/ecu/operations/now/executions', {**A, 'Idempotency-Key': 'once-more'}
        uri = self.lock(B)
        self.conflict('POST', start, {}, key)
        self.ask(204, 'DELETE', uri, who=B)
        self.assertNotIn('idempotency-replayed', self.ask(200, 'POST', start, {}, key).headers)

    def test_expiry_does_not_let_others_in_while_a_change_is_under_way(self):
        self.lock(A, '/components/slower', seconds=1)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            change = pool.submit(self.write, 204, A, '/components/slower', 7)
            self.assertTrue(polling.wait_until(lambda: self.ask(200, 'GET', '/components/slower/locks').json['items'] == [], 5))
            self.assertFalse(change.done())
            self.conflict('POST', '/components/slower/locks', {'lock_expiration': 5}, B)
            change.result()


class Breaking(LockCase):
    def test_a_lock_is_broken_and_its_owner_is_told(self):
        uri = self.lock(A, scopes=['data', 'operations'])
        self.conflict('POST', '/components/ecu/locks', {'lock_expiration': 5}, B)
        mine = self.lock(B, scopes=['data'], break_lock=True)
        self.ask(404, 'GET', uri, who=A)
        self.ask(404, 'PUT', uri, {'lock_expiration': 5}, C)
        self.broken('PUT', uri, {'lock_expiration': 5}, A)
        self.broken('PUT', '/components/ecu/data/limit', {'data': 2}, A)
        # The whole lock is gone, also for what was not asked for, and the owner is told there as well.
        self.broken('POST', '/components/ecu/operations/now/executions', {}, A)
        self.ask(200, 'POST', '/components/ecu/operations/now/executions', {}, C)
        self.broken('DELETE', uri, who=A)
        self.broken('DELETE', uri, who=A)
        self.conflict('PUT', '/components/ecu/data/limit', {'data': 2}, A)
        self.ask(204, 'DELETE', mine, who=B)
        self.write(204, A)

    def test_a_new_lock_ends_the_complaint(self):
        self.lock(A)
        self.ask(204, 'DELETE', self.lock(B, break_lock=True), who=B)
        self.broken('PUT', '/components/ecu/data/limit', {'data': 2}, A)
        self.lock(A)
        self.write(204, A)

    def test_all_locks_that_are_met_are_broken(self):
        uris = [self.lock(A, '/apps/app'), self.lock(C, '/components/part')]
        self.lock(B, break_lock=True)
        for uri, who in zip(uris, (A, C)):
            self.ask(404, 'GET', uri)
            self.broken('DELETE', uri, who=who)

    def test_breaking_waits_for_the_change_of_the_owner(self):
        self.lock(A, '/components/slow')
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            change = pool.submit(self.write, 204, A, '/components/slow', 3)
            self.assertTrue(polling.wait_until(lambda: self.gateway.metrics()['sovd_backend_calls_in_flight{backend="demo"}'], 5))
            self.lock(B, '/components/slow', break_lock=True)
            self.assertEqual(change.result().status, 204)

    def test_breaking_that_would_take_too_long_breaks_nothing(self):
        uri = self.lock(A, '/components/slower')
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            change = pool.submit(self.write, 204, A, '/components/slower', 3)
            self.assertTrue(polling.wait_until(lambda: self.gateway.metrics()['sovd_backend_calls_in_flight{backend="demo"}'], 5))
            reply = self.conflict('POST', '/components/slower/locks', {'lock_expiration': 5, 'break_lock': True}, B)
            self.assertIn('retry-after', reply.headers)
            change.result()
        self.ask(204, 'PUT', uri, {'lock_expiration': 50}, A)

    def test_a_lock_that_may_not_be_broken_stays(self):
        uri = self.lock(A, '/components/kept')
        self.conflict('POST', '/components/kept/locks', {'lock_expiration': 5, 'break_lock': True}, B)
        self.ask(200, 'GET', uri)

    def test_an_anonymous_client_breaks_no_lock_of_one_that_is_known(self):
        uri = self.lock(A)
        self.conflict('POST', '/components/ecu/locks', {'lock_expiration': 5, 'break_lock': True})
        self.ask(204, 'DELETE', uri, who=A)
        self.lock(None)
        self.lock(A, break_lock=True)


class BadInput(LockCase):
    def test_a_request_that_says_too_little_or_nonsense_is_400_and_names_the_member(self):
        for body, member in (({}, 'lock_expiration'), ({'lock_expiration': 0}, 'lock_expiration'),
                             ({'lock_expiration': -1}, 'lock_expiration'), ({'lock_expiration': 1.5}, 'lock_expiration'),
                             ({'lock_expiration': '5'}, 'lock_expiration'), ({'lock_expiration': 101}, 'limits.lock_secs'),
                             ({'lock_expiration': 2**31}, 'lock_expiration'), ({'lock_expiration': None}, 'lock_expiration'),
                             ({'lock_expiration': 5, 'scopes': 'data'}, 'scopes'), ({'lock_expiration': 5, 'scopes': ['nope']}, 'nope'),
                             ({'lock_expiration': 5, 'scopes': ['data', 'locks']}, 'locks'), ({'lock_expiration': 5, 'scopes': [1]}, 'scopes'),
                             ({'lock_expiration': 5, 'scopes': ['']}, 'collection'), ({'lock_expiration': 5, 'break_lock': 'yes'}, 'break_lock')):
            with self.subTest(body):
                self.assertIn(member, self.ask(400, 'POST', '/components/ecu/locks', body, A).json['message'])
        for body in b'', b'[]', b'{', b'null':
            self.ask(400, 'POST', '/components/ecu/locks', body, A)
        uri = self.lock(A)
        for body in {}, {'lock_expiration': 0}, {'lock_expiration': 101}:
            self.ask(400, 'PUT', uri, body, A)
        self.ask(404, 'POST', '/components/none/locks', {'lock_expiration': 5}, A)
        self.ask(405, 'DELETE', '/components/ecu/locks', who=A)
        self.assertEqual(len(self.ask(200, 'GET', '/components/ecu/locks').json['items']), 1)

    def test_the_limit_of_one_client_holds(self):
        for _ in range(5):
            self.lock(A)
        reply = self.ask(503, 'POST', '/components/ecu/locks', {'lock_expiration': 5}, A)
        self.assertIn('locks_per_client', reply.json['message'])
        self.assertIn('retry-after', reply.headers)
        self.lock(B, '/components/other')

    def test_the_limit_of_all_clients_holds(self):
        for number in range(20):
            self.lock(client(number // 5), f'/components/{("ecu", "other", "slow", "kept")[number // 5]}')
        reply = self.ask(503, 'POST', '/components/slower/locks', {'lock_expiration': 5}, client(10))
        self.assertIn('limits.locks', reply.json['message'])


if __name__ == '__main__':
    unittest.main()
