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


if __name__ == '__main__':
    unittest.main()
