# SPDX-License-Identifier: Apache-2.0
"""Locks over a kill of the gateway: who held one still holds it, and nobody else has it."""
import concurrent.futures
import datetime
import json
import pathlib
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import ecu
import gateway
from restarts import A, B, RestartCase, client, without_audit

VEHICLE = {'components': [{'id': 'ecu', 'data': [{'id': 'limit', 'value': 1, 'writable': True}]},
                          {'id': 'part', 'parent': 'ecu', 'data': [{'id': 'limit', 'value': 1, 'writable': True}]}]}
ECU = '/components/ecu'


def left(reply):
    """Seconds that a lock still has."""
    ends = datetime.datetime.fromisoformat(reply.json['lock_expiration'].replace('Z', '+00:00'))
    return (ends - datetime.datetime.now(datetime.timezone.utc)).total_seconds()


class Locks(RestartCase):
    def setUp(self):
        super().setUp()
        scenario = self.folder / 'vehicle.yaml'
        scenario.write_text(json.dumps(VEHICLE), encoding='utf-8')
        self.backends = [{'name': 'car', 'type': 'sim', 'scenario': str(scenario)}]
        self.start()

    def lock(self, who, status=201, path=ECU, **more):
        return self.ask(status, 'POST', path + '/locks', {'lock_expiration': 60, **more}, who)

    def write(self, status, who, path=ECU):
        return self.ask(status, 'PUT', path + '/data/limit', {'data': 2}, who)

    def test_a_lock_is_held_on_by_its_owner(self):
        uri = gateway.Gateway.full(self.lock(A, scopes=['data']).headers['location'])
        before = self.ask(200, 'GET', uri, who=A)
        self.restart()
        after = self.ask(200, 'GET', uri, who=A)
        self.assertTrue(after.json['owned'])
        self.assertEqual(after.json['scopes'], ['data'])
        self.assertAlmostEqual(left(before), left(after), delta=30)
        self.assertEqual(before.json['lock_expiration'][:-5], after.json['lock_expiration'][:-5])
        self.write(409, B)
        self.write(409, B, '/components/part')
        self.lock(B, 409)
        self.write(204, A)
        self.ask(409, 'DELETE', uri, who=B)
        self.ask(204, 'PUT', uri, {'lock_expiration': 100}, A)
        self.restart()
        self.assertGreater(left(self.ask(200, 'GET', uri, who=A)), 61)
        self.ask(204, 'DELETE', uri, who=A)
        self.restart()
        self.ask(404, 'GET', uri, who=A)
        self.write(204, B)

    def test_an_anonymous_lock_is_that_address_s_still(self):
        uri = gateway.Gateway.full(self.lock(None).headers['location'])
        self.restart()
        self.write(409, A)
        self.write(204, None)
        self.ask(204, 'DELETE', uri)

    def test_who_lost_a_lock_is_told_after_the_restart(self):
        uri = gateway.Gateway.full(self.lock(A).headers['location'])
        told = self.lock(B, break_lock=True)
        self.restart()
        self.assertRegex(self.gateway.log, '1 locks of before the restart are in force; of 1 that were broken')
        for method, body in ('PUT', {'lock_expiration': 5}), ('DELETE', None):
            reply = self.ask(409, method, uri, body, A)
            self.assertEqual(reply.json['error_code'], 'lock-broken')
            self.assertTrue(reply.json['parameters']['broken_at'].endswith('Z'))
        self.ask(204, 'DELETE', gateway.Gateway.full(told.headers['location']), who=B)

    def test_a_lock_of_another_start_of_the_machine_is_gone(self):
        uri = gateway.Gateway.full(self.lock(A).headers['location'])
        self.kill()
        self.assertEqual(self.sql('UPDATE lock SET boot=?', '3b9a6f5e-0000-4000-8000-000000000000'), [])
        self.start()
        self.gateway.wait_log('1 locks ended because the machine was started anew')
        self.ask(404, 'GET', uri, who=A)
        self.write(204, B)
        self.kill()
        self.assertEqual(self.sql('SELECT count(*) FROM lock'), [(0,)])
        self.start()

    def test_a_lock_that_ended_meanwhile_is_gone(self):
        uri = gateway.Gateway.full(self.lock(A).headers['location'])
        self.kill()
        self.sql('UPDATE lock SET ends_usec=1')
        self.start()
        self.ask(404, 'GET', uri, who=A)
        self.write(204, B)

    def test_a_lock_of_an_entity_that_is_not_there_yet_waits_for_it(self):
        uri = gateway.Gateway.full(self.lock(A).headers['location'])
        backends, self.backends = self.backends, []
        self.restart()
        self.ask(404, 'GET', uri, who=A)
        self.backends = backends
        self.restart()
        self.write(409, B)
        self.ask(204, 'DELETE', uri, who=A)

    def test_limits_count_what_was_there_before(self):
        self.sections = {'limits': {'locks': 3, 'locks_per_client': 2}}
        self.restart()
        for scope in 'data', 'operations':
            self.lock(A, scopes=[scope])
        self.restart()
        self.lock(A, 503, scopes=['modes'])
        self.lock(B, scopes=['modes'])
        self.restart()
        self.assertIn('limits.locks', self.lock(client(2), 503, scopes=['faults']).json['message'])

    def test_of_fifty_clients_one_gets_the_lock_and_keeps_it(self):
        barrier = threading.Barrier(50)

        def acquire(number):
            barrier.wait()
            return self.gateway.bare('POST', gateway.BASE + ECU + '/locks', {'lock_expiration': 60}, client(number))

        with concurrent.futures.ThreadPoolExecutor(50) as pool:
            replies = list(pool.map(acquire, range(50)))
        winners = [number for number, reply in enumerate(replies) if reply.status == 201]
        self.assertEqual(len(winners), 1)
        self.assertEqual({reply.status for reply in replies}, {201, 409})
        self.restart()
        for number in range(50):
            self.write(204 if number == winners[0] else 409, client(number))

    def test_without_a_storage_path_nothing_is_left(self):
        uri = gateway.Gateway.full(self.lock(A).headers['location'])
        self.restart(storage={})
        uri = self.lock(A).headers['location']
        self.restart(storage={})
        self.ask(404, 'GET', uri, who=A)
        self.write(204, B)

    @without_audit
    def test_a_full_disk_refuses_and_changes_nothing(self):
        held = gateway.Gateway.full(self.lock(A, scopes=['data']).headers['location'])
        there_is_space = self.disk_is_full()
        self.refused('POST', ECU + '/locks', {'lock_expiration': 60, 'scopes': ['operations']}, B)
        self.refused('POST', ECU + '/locks', {'lock_expiration': 60, 'break_lock': True}, B)
        self.refused('PUT', held, {'lock_expiration': 100}, A)
        self.refused('DELETE', held, who=A)
        self.write(204, A)
        self.assertLess(left(self.ask(200, 'GET', held, who=A)), 61)
        self.assertEqual(len(self.ask(200, 'GET', ECU + '/locks').json['items']), 1)
        there_is_space()
        self.ask(204, 'DELETE', held, who=A)
        self.lock(B, scopes=['operations'])


class LocksBehind(RestartCase):
    """In front of a server with locks of its own."""

    def setUp(self):
        super().setUp()
        self.server = ecu.DemoEcu()
        self.addCleanup(self.server.stop)
        self.backends = [gateway.backend_of(self.server, bearer_token='the-gateway-to-the-ecu', timeout_secs=2)]
        self.start()

    def there(self):
        return self.server.request('GET', '/components/bms/locks').json['items']

    def test_the_lock_of_the_server_is_the_same_one_after_the_restart(self):
        reply = self.ask(201, 'POST', '/components/bms/locks', {'lock_expiration': 60}, A)
        uri, theirs = gateway.Gateway.full(reply.headers['location']), self.there()
        self.assertEqual(len(theirs), 1)
        self.restart()
        self.ask(204, 'PUT', uri, {'lock_expiration': 1000}, A)
        self.assertEqual(self.there(), theirs)
        self.assertGreater(left(self.server.request('GET', f'/components/bms/locks/{theirs[0]["id"]}')), 900)
        self.ask(204, 'DELETE', uri, who=A)
        self.assertEqual(self.there(), [])


    @without_audit
    def test_a_lock_that_cannot_be_written_is_given_back_there(self):
        there_is_space = self.disk_is_full()
        self.refused('POST', '/components/bms/locks', {'lock_expiration': 60}, A)
        self.assertEqual(self.there(), [])
        self.assertEqual(self.ask(200, 'GET', '/components/bms/locks').json['items'], [])
        there_is_space()
        self.ask(201, 'POST', '/components/bms/locks', {'lock_expiration': 60}, B)
        self.assertEqual(len(self.there()), 1)


if __name__ == '__main__':
    unittest.main()
