# SPDX-License-Identifier: Apache-2.0
"""Seeds and wrong keys of simulated ECUs: what the end of the process, and the end of a lock, do not give."""
import hashlib
import hmac
import json
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import gateway
import keys
import polling

MODE = '/components/ecu/modes/security'
CAR = {'components': [{'id': 'ecu', 'modes': [{'id': 'security', 'values': ['locked', 'Level_1'], 'access': 'seed_key', 'key': 'demo'}]}]}


def key_of(seed):
    return hmac.new(b'demo', bytes.fromhex(seed) + b'Level_1', hashlib.sha256).hexdigest()


class Case(polling.Waiting, unittest.TestCase):
    required = ''

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='unlock')
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / 'state').mkdir()
        (self.folder / 'car.yaml').write_text(json.dumps(CAR), encoding='utf-8')
        self.gateway = None
        self.start()

    def start(self):
        environment = {'SOVD_SERVER__PORT': '0', 'SOVD_LOCKS__REQUIRED': self.required, 'SOVD_STORAGE__PATH': str(self.folder / 'state')}
        self.gateway = gateway.Gateway(arguments=[f'--demo={self.folder / "car.yaml"}'], environment=environment)
        self.addCleanup(self.gateway.kill)

    def restart(self):
        self.gateway.kill()
        self.start()

    def put(self, status, body):
        reply = self.gateway.put(MODE, body)
        self.assertEqual(reply.status, status, repr(reply))
        return reply

    def seed(self):
        return self.put(200, {'value': 'Level_1_RequestSeed'}).json['parameters']['seed']

    def answer(self, status, key):
        return self.put(status, {'value': 'Level_1', 'parameters': {'key': key}})


class WrongKeys(Case):
    def test_a_wait_begins_anew_with_the_process(self):
        for _ in range(3):
            self.seed()
            self.answer(403, '00' * 32)
        self.restart()
        reply = self.put(409, {'value': 'Level_1_RequestSeed'})
        self.assertIn(reply.headers['retry-after'], ('10', '11'))
        self.assertIn('after wrong ones', self.answer(409, '00' * 32).json['message'])

    def test_single_wrong_keys_are_remembered_until_a_right_one(self):
        for _ in range(2):
            self.seed()
            self.answer(403, '00' * 32)
            self.restart()
        self.answer(200, key_of(self.seed()))
        self.restart()
        for _ in range(2):
            self.seed()
            self.assertNotIn('seconds', self.answer(403, '00' * 32).json['message'])
        self.restart()
        self.seed()
        self.assertIn('10 seconds', self.answer(403, '00' * 32).json['message'])

    def test_a_seed_ends_with_the_process(self):
        seed = self.seed()
        self.restart()
        self.answer(409, key_of(seed))


class Locks(Case):
    required = 'modes'

    def test_a_seed_is_of_the_lock_under_which_it_was_asked_for(self):
        lock = self.gateway.post('/components/ecu/locks', {'lock_expiration': 60}).headers['location']
        seed = self.seed()
        self.assertEqual(self.gateway.delete(lock).status, 204)
        self.assertEqual(self.gateway.post('/components/ecu/locks', {'lock_expiration': 60}).status, 201)
        self.assertIn('under this lock', self.answer(409, key_of(seed)).json['message'])
        self.answer(200, key_of(self.seed()))


class Proximity(polling.Waiting, unittest.TestCase):
    """What the gateway itself asks for."""
    FLUSH = gateway.BASE + '/components/ecu/operations/flush'

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='near')
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / 'state').mkdir()
        (self.folder / 'key').write_text('what the device at the vehicle has', encoding='utf-8')
        (self.folder / 'key').chmod(0o600)
        (self.folder / 'car.yaml').write_text(json.dumps({'components': [{'id': 'ecu', 'operations': [{'id': 'flush'}]}]}), encoding='utf-8')
        auth = keys.section(*(keys.entry(name, name * 22, 'developer') for name in 'ab'), enabled=True, proximity=[
            {'resources': ['**/operations/flush'], 'verifier': {'key': str(self.folder / 'key')}}])
        (self.folder / 'gateway.yaml').write_text(json.dumps({'server': {'port': 0}, 'auth': auth, 'locks': {'required': []},
                                                              'storage': {'path': str(self.folder / 'state')}}), encoding='utf-8')
        self.start()

    def start(self):
        self.gateway = gateway.Gateway(arguments=[f'--demo={self.folder / "car.yaml"}', '--config', str(self.folder / 'gateway.yaml')], ready=False)
        self.addCleanup(self.gateway.kill)
        polling.wait_until(lambda: self.gateway.bare('GET', '/readyz').status == 200, 30)

    def restart(self):
        self.gateway.kill()
        self.start()

    def challenge(self, client='a'):
        reply = self.gateway.bare('GET', self.FLUSH, None, keys.bearer(client * 22))
        self.assertEqual(reply.status, 200, repr(reply))
        return reply.json.get('proximity_challenge', {}).get('challenge')

    def answer(self, status, response, client='a'):
        reply = self.gateway.bare('POST', self.FLUSH + '/executions', {'proximity_response': response}, keys.bearer(client * 22))
        self.assertEqual(reply.status, status, repr(reply))
        return reply

    def right(self, client):
        key, challenge = (self.folder / 'key').read_bytes(), self.challenge(client)
        return hmac.new(key, f'{challenge}\ncomponents/ecu/operations/flush'.encode(), hashlib.sha256).hexdigest()

    def test_wrong_answers_before_a_restart_make_their_client_wait_after_it(self):
        for last in (False, False, True):
            self.assertTrue(self.challenge())
            self.assertEqual('retry-after' in self.answer(403, 'x').headers, last)
            self.restart()
        self.assertIn(int(self.answer(409, 'x').headers['retry-after']), range(1, 12))  # the start may have taken some of it
        self.assertIsNone(self.challenge())
        self.answer(200, self.right('b'), 'b')


if __name__ == '__main__':
    unittest.main()
