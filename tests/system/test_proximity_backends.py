# SPDX-License-Identifier: Apache-2.0
"""Proofs that the gateway asks for, before servers of both dialects and before another gateway."""
import hashlib
import hmac
import json
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import ecu
import gateway

KEY = 'what the device at the vehicle has'
CAR = {'components': [{'id': 'ecu', 'operations': [{'id': 'open', 'result': [{'name': 'x', 'value': 1}]}, {'id': 'own', 'proximity_proof': True}]}]}


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='near')
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        key = self.folder / 'key'
        key.write_text(KEY, encoding='utf-8')
        key.chmod(0o600)
        self.rules = {'proximity': [{'resources': ['**/operations/*'], 'verifier': {'key': str(key)}}]}

    def started(self, *backends, **more):
        server = gateway.Gateway(*backends, **more)
        self.addCleanup(server.stop)
        return server

    def challenge(self, server, path):
        detail = server.get(path).json
        self.assertTrue(detail['item']['proximity_proof_required'])
        return detail['proximity_challenge']['challenge']

    def answer(self, server, path):
        text = f'{self.challenge(server, path)}\n{path[1:]}'
        return hmac.new(KEY.encode(), text.encode(), hashlib.sha256).hexdigest()


class Servers(Case):
    def test_a_server_of_either_dialect_need_not_know_of_it(self):
        for dialect in 'iso', 'odata':
            with self.subTest(dialect), ecu.DemoEcu(dialect=dialect) as server:
                front = self.started(server, auth=self.rules, locks={'required': []})
                path = '/components/bms/operations/self-test'
                self.assertEqual(front.post(path + '/executions', {}).status, 400)
                self.assertEqual(front.post(path + '/executions', {'proximity_response': '0' * 64}).status, 409)
                reply = front.post(path + '/executions', {'proximity_response': self.answer(front, path)})
                self.assertIn(reply.status, (200, 202), repr(reply))


class Gateways(Case):
    def setUp(self):
        super().setUp()
        (self.folder / 'car.yaml').write_text(json.dumps(CAR), encoding='utf-8')
        self.vehicle = {'name': 'car', 'type': 'sim', 'scenario': str(self.folder / 'car.yaml')}

    def test_what_the_gateway_behind_asks_for_passes_through(self):
        behind = self.started(self.vehicle, auth=self.rules, locks={'required': []})
        front = self.started(behind, locks={'required': []})
        path = '/components/ecu/operations/open'
        self.assertEqual(front.post(path + '/executions', {}).status, 400)
        self.assertEqual(front.post(path + '/executions', {'proximity_response': 'x'}).status, 409)
        response = self.answer(front, path)
        self.assertEqual(front.post(path + '/executions', {'proximity_response': 'x'}).status, 403)
        reply = front.post(path + '/executions', {'proximity_response': response})
        self.assertEqual((reply.status, reply.json), (200, {'parameters': {'x': 1}}))

    def test_two_gateways_do_not_both_ask(self):
        behind = self.started(self.vehicle, auth=self.rules, locks={'required': []})
        front = self.started(behind, auth=self.rules, locks={'required': []})
        reply = front.post('/components/ecu/operations/open/executions', {'proximity_response': 'x'})
        self.assertEqual(reply.status, 501, repr(reply))


if __name__ == '__main__':
    unittest.main()
