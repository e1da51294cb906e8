# SPDX-License-Identifier: Apache-2.0
"""A gateway with a simulated vehicle of a test's own."""
import hashlib
import hmac
import json
import pathlib
import tempfile
import unittest

import gateway
import polling

SCENARIO = {'components': [{
    'id': 'ecu',
    'operations': [
        {'id': 'blink', 'asynchronous': True, 'duration_secs': 600, 'parallel_runs': 2,
         'capabilities': ['execute', 'stop', 'freeze', 'reset', 'status', 'x-acme-boost'],
         'parameters': [{'id': 'level', 'type': 'integer', 'value': 3, 'min': 1, 'max': 5},
                        {'id': 'side', 'type': 'string', 'values': ['left', 'right'], 'required': True}]},
        {'id': 'echo', 'parameters': [{'id': 'text', 'type': 'string', 'value': 'ping'}, {'id': 'n', 'value': 1}],
         'result': [{'name': 'text', 'of': 'text'}, {'name': 'double', 'of': 'n', 'factor': 2}]},
        {'id': 'erase', 'modes': [{'mode': 'session', 'value': 'extended'}]},
        {'id': 'open', 'proximity_proof': True, 'proximity_key': 'secret'},
        {'id': 'brief', 'asynchronous': True, 'retention_secs': 0.2},
        {'id': 'fails', 'fails_every': 1, 'error': 'no voltage'}],
    'modes': [{'id': 'session', 'values': ['default', 'extended']}]}]}


def proof(challenge, key='secret'):
    """The answer to a challenge of proximity, as docs/simulation.md says."""
    return hmac.new(key.encode(), challenge.encode(), hashlib.sha256).hexdigest()


class SimCase(polling.Waiting, unittest.TestCase):
    """One gateway with the scenario for all tests of a class."""
    scenario = SCENARIO

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix='sim')
        cls.addClassCleanup(folder.cleanup)
        file = pathlib.Path(folder.name) / 'car.yaml'
        file.write_text(json.dumps(cls.scenario), encoding='utf-8')
        cls.vehicle = cls.gateway = gateway.Gateway(arguments=[f'--demo={file}'],
                                                    environment={'SOVD_SERVER__PORT': '0', 'SOVD_LOCKS__REQUIRED': ''})
        cls.addClassCleanup(cls.vehicle.stop)

    def ask(self, status, method, path, body=None, headers=None):
        reply = self.gateway.request(method, path, body, headers)
        self.assertEqual(reply.status, status, f'{method} {path}: {reply!r}')
        return reply

    def get(self, path):
        return self.ask(200, 'GET', path).json
