# SPDX-License-Identifier: Apache-2.0
"""Locks on both sides of the wire: the gateway's clients, and others who go to the server behind it themselves."""
import datetime
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import ecu
import gateway
import keys
import polling

BMS = '/components/bms'
LIMIT = BMS + '/data/charge-limit'
IDENTITY = 'the-gateway-to-the-ecu'
AUTH = keys.section(*(keys.entry(name, f'token-of-{name}-xxxxxxxx') for name in ('a', 'b')))
A, B, DIRECT = ({'Authorization': f'Bearer {token}'} for token in ('token-of-a-xxxxxxxx', 'token-of-b-xxxxxxxx', 'somebody-else-here'))


class SideCase(unittest.TestCase):
    """The gateway in front of a server with locks of its own; `direct` is a client of that server."""
    direct = DIRECT

    def setUp(self):
        self.server = ecu.DemoEcu()
        self.addCleanup(self.server.stop)
        self.start(gateway.backend_of(self.server, bearer_token=IDENTITY, timeout_secs=2))

    def start(self, backend):
        self.gateway = gateway.Gateway(backend, auth=AUTH)
        self.addCleanup(self.gateway.stop)

    def ask(self, side, status, method, path, body=None, who=None):
        reply = side.request(method, path, body, who)
        self.assertEqual(reply.status, status, f'{method} {path}: {reply.status} {reply.body!r}')
        return reply

    def lock(self, side, who, status=201, **more):
        return self.ask(side, status, 'POST', BMS + '/locks', {'lock_expiration': 60, **more}, who)

    def write(self, side, status, who):
        return self.ask(side, status, 'PUT', LIMIT, {'data': 80}, who)

    def there(self, who=None):
        """The locks that the server itself has."""
        return self.ask(self.server, 200, 'GET', BMS + '/locks', who=who or self.direct).json['items']


class TwoSides(SideCase):
    def test_a_lock_of_a_client_keeps_out_who_goes_to_the_server_itself(self):
        self.write(self.server, 204, self.direct)
        uri = self.lock(self.gateway, A).headers['location']
        self.write(self.server, 409, self.direct)
        self.write(self.gateway, 409, B)
        self.write(self.gateway, 204, A)
        self.assertNotIn(self.there()[0]['id'], uri)
        self.assertFalse(self.there()[0]['owned'])
        self.ask(self.gateway, 204, 'DELETE', uri, who=A)
        self.assertEqual(self.there(), [])
        self.write(self.server, 204, self.direct)

    def test_a_lock_of_somebody_else_at_the_server_refuses_the_client(self):
        uri = self.lock(self.server, self.direct).headers['location']
        reply = self.lock(self.gateway, A, 409)
        self.assertEqual(reply.json['error_code'], 'precondition-not-fulfilled')
        self.assertEqual(self.ask(self.gateway, 200, 'GET', BMS + '/locks').json['items'], [])
        self.write(self.gateway, 409, A)
        self.ask(self.server, 204, 'DELETE', uri, who=self.direct)
        self.lock(self.gateway, A)

    def test_scopes_are_passed_on(self):
        self.lock(self.gateway, A, scopes=['operations'])
        self.assertEqual(self.there()[0]['scopes'], ['operations'])
        self.write(self.server, 204, self.direct)

    def test_extending_is_passed_on(self):
        uri = self.lock(self.gateway, A, lock_expiration=2).headers['location']
        self.ask(self.gateway, 204, 'PUT', uri, {'lock_expiration': 1000}, A)
        theirs = f'{BMS}/locks/{self.there()[0]["id"]}'
        ends = [datetime.datetime.fromisoformat(self.ask(side, 200, 'GET', path).json['lock_expiration'].replace('Z', '+00:00'))
                for side, path in ((self.gateway, uri), (self.server, theirs))]
        self.assertLess(abs((ends[0] - ends[1]).total_seconds()), 3)
        self.assertFalse(polling.wait_until(lambda: self.there() == [], 2.5), 'it expired there though it was extended here')

    def test_expiry_is_the_same_on_both_sides(self):
        self.lock(self.gateway, A, lock_expiration=1)
        self.write(self.server, 409, self.direct)
        self.assertTrue(polling.wait_until(lambda: self.there() == [], 5))
        self.assertEqual(self.ask(self.gateway, 200, 'GET', BMS + '/locks').json['items'], [])
        self.lock(self.gateway, B)

    def test_breaking_leaves_one_lock_at_the_server(self):
        self.lock(self.gateway, A)
        before = self.there()
        uri = self.lock(self.gateway, B, break_lock=True).headers['location']
        after = self.there()
        self.assertEqual((len(before), len(after)), (1, 1))
        self.assertNotEqual(before, after)
        self.assertEqual(self.write(self.gateway, 409, A).json['error_code'], 'lock-broken')
        self.write(self.gateway, 204, B)
        self.ask(self.gateway, 204, 'DELETE', uri, who=B)
        self.assertEqual(self.there(), [])

    def test_a_lock_that_is_broken_at_the_server_is_broken_for_the_client(self):
        uri = self.lock(self.gateway, A).headers['location']
        self.lock(self.server, self.direct, break_lock=True)
        self.assertEqual(self.write(self.gateway, 409, A).json['error_code'], 'lock-broken')
        self.ask(self.gateway, 404, 'GET', uri, who=A)
        self.assertEqual(self.ask(self.gateway, 409, 'DELETE', uri, who=A).json['error_code'], 'lock-broken')

    def test_an_anonymous_client_breaks_nothing_at_the_server(self):
        self.lock(self.server, self.direct)
        self.lock(self.gateway, None, 409, break_lock=True)
        self.write(self.server, 204, self.direct)

    def test_break_lock_is_passed_on(self):
        self.lock(self.server, self.direct)
        self.lock(self.gateway, A, 409)
        self.lock(self.gateway, A, break_lock=True)
        self.write(self.server, 409, self.direct)


class BehindAnotherGateway(TwoSides):
    """The same with another gateway, and its simulated vehicle, in the place of the ECU."""
    direct = {'Authorization': 'Bearer demo-tester-b'}

    def setUp(self):
        self.server = gateway.Gateway(arguments=['--demo'], environment={'SOVD_SERVER__PORT': '0'})
        self.addCleanup(self.server.stop)
        self.start(gateway.backend_of(self.server, bearer_token='demo-tester-a', timeout_secs=2))


class AtTheEcu(unittest.TestCase):
    """demo-ecu's own locks, without a gateway."""

    def setUp(self):
        self.server = ecu.DemoEcu()
        self.addCleanup(self.server.stop)

    def ask(self, status, method, path, body=None, who=None):
        reply = self.server.request(method, path, body, who)
        self.assertEqual(reply.status, status, f'{method} {path}: {reply.body!r}')
        return reply

    def test_a_lock_keeps_changes_of_others_out_in_its_scopes(self):
        uri = self.ask(201, 'POST', BMS + '/locks', {'lock_expiration': 60, 'scopes': ['data']}, A).headers['location']
        self.ask(409, 'PUT', LIMIT, {'data': 80}, B)
        self.ask(409, 'POST', BMS + '/locks', {'lock_expiration': 60}, B)
        self.ask(201, 'POST', BMS + '/locks', {'lock_expiration': 60, 'scopes': ['faults']}, B)
        self.ask(204, 'PUT', LIMIT, {'data': 80}, A)
        self.ask(200, 'GET', LIMIT, who=B)
        self.ask(409, 'PUT', uri, {'lock_expiration': 60}, B)
        self.ask(409, 'DELETE', uri, who=B)
        self.ask(204, 'DELETE', uri, who=A)
        self.ask(204, 'PUT', LIMIT, {'data': 80}, B)

    def test_a_broken_lock_is_told_to_its_owner(self):
        uri = self.ask(201, 'POST', BMS + '/locks', {'lock_expiration': 60}, A).headers['location']
        self.ask(201, 'POST', BMS + '/locks', {'lock_expiration': 60, 'break_lock': True}, B)
        self.assertEqual(self.ask(409, 'PUT', LIMIT, {'data': 80}, A).json['error_code'], 'lock-broken')
        self.assertEqual(self.ask(409, 'DELETE', uri, who=A).json['error_code'], 'lock-broken')
        self.ask(404, 'DELETE', uri, who=A)

    def test_nonsense_is_refused(self):
        for body in {}, {'lock_expiration': 0}, {'lock_expiration': 1e9}, {'lock_expiration': 5, 'scopes': ['nope']}, {'lock_expiration': 5, 'scopes': 'data'}:
            self.ask(400, 'POST', BMS + '/locks', body, A)
        self.ask(404, 'GET', BMS + '/locks/none')
        for _ in range(16):
            self.ask(201, 'POST', BMS + '/locks', {'lock_expiration': 60}, A)
        self.ask(409, 'POST', BMS + '/locks', {'lock_expiration': 60}, A)


class Failures(SideCase):
    def test_no_answer_from_the_server_means_no_lock(self):
        self.server.inject('delay=4000:locks')
        reply = self.lock(self.gateway, A, 504)
        self.assertEqual(reply.json['error_code'], 'not-responding')
        self.assertEqual(self.ask(self.gateway, 200, 'GET', BMS + '/locks').json['items'], [])
        self.server.clear_injection()

    def test_a_release_that_the_server_did_not_get_can_be_repeated(self):
        uri = self.lock(self.gateway, A).headers['location']
        self.server.inject('status=503:locks#1')
        self.ask(self.gateway, 503, 'DELETE', uri, who=A)
        self.ask(self.gateway, 200, 'GET', uri, who=A)
        self.ask(self.gateway, 204, 'DELETE', uri, who=A)
        self.assertEqual(self.there(), [])

    def test_a_lock_that_the_server_has_forgotten_is_broken(self):
        uri = self.lock(self.gateway, A).headers['location']
        theirs = self.there()[0]['id']
        self.ask(self.server, 204, 'DELETE', f'{BMS}/locks/{theirs}', who={'Authorization': f'Bearer {IDENTITY}'})
        self.assertEqual(self.ask(self.gateway, 409, 'PUT', uri, {'lock_expiration': 9}, A).json['error_code'], 'lock-broken')
        self.ask(self.gateway, 404, 'GET', uri, who=A)


if __name__ == '__main__':
    unittest.main()
